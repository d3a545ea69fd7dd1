# SPDX-License-Identifier: Apache-2.0
"""Agents and a person at work at once, in any order: no line that the person typed alone is an agent's, none of an agent's is nobody's.

Three sessions of two agents, one with a sub-agent, have commands, patches and reported edits at the same time, in a work tree, its
submodule and a linked one; some calls are denied or fail, and what was spooled is settled whenever it happens to be.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from byline.capture.agents import SPOOLED_VARIABLES
from byline.capture.inbox import list_arrivals, put_payload
from byline.capture.journal import now_ns
from byline.capture.places import inbox_dir
from byline.capture.scans import scan_worktree, with_submodules
from byline.capture.settle import settle_inbox
from byline.testing import blame
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from byline.testing import Line

FILES = ("a.txt", "b.txt")
PLACES = ("main", "linked", "main/sub")
MOSTLY = ("main", "main", "main", *PLACES)
SEEN_FROM = {"main": ("main", "main/sub"), "linked": ("linked",), "main/sub": ("main/sub",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """An agent's run: `session` as records name it."""

    agent: str
    session: str

    @property
    def run(self) -> str:
        return self.session.partition("/")[0]


HANDS = (
    Hand(agent="claude-code", session="one"),
    Hand(agent="claude-code", session="one/x"),
    Hand(agent="claude-code", session="two"),
    Hand(agent="codex", session="three"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A call that is open: of whom, and which file it names, None where it may change any that is seen from `home`."""

    hand: Hand
    call: str
    home: str
    names: str | None

    def sees(self, place: str, name: str) -> bool:
        return place == self.home and name == self.names if self.names else place in SEEN_FROM[self.home]


@dataclass(slots=True, kw_only=True)
class Day:
    """What happens, and what has to be known of each line in the end: the sessions that it may be of, none for one that is no agent's."""

    root: Path
    homes: dict[str, str]
    windows: list[Window] = field(default_factory=list)
    owners: dict[str, set[str]] = field(default_factory=dict)
    calls: Any = field(default_factory=count)

    def types(self, place: str, name: str, *, top: bool) -> None:
        """A person types a line. In a window nobody can tell hands apart: nothing is promised."""
        text = self._add(place, name, top=top)
        if not any(window.sees(place, name) for window in self.windows):
            self.owners[text] = set()

    def begins(self, hand: Hand, names: str | None) -> None:
        """A call begins: a command or, of Codex, a patch; one that is denied has no end but the session's rest."""
        window = Window(hand=hand, call=f"c{next(self.calls)}", home=self.homes[hand.run], names=names if hand.agent == "codex" else None)
        self._hook(window, "PreToolUse")
        self.windows.append(window)

    def works(self, place: str, name: str, *, top: bool) -> None:
        """A call that is open changes a file that it may change."""
        able = [window for window in self.windows if window.sees(place, name)]
        if able:
            self.owners[self._add(place, name, top=top)] = {window.hand.session for window in able}

    def ends(self, number: int, *, fails: bool) -> None:
        """A call that is open ends."""
        if self.windows:
            window = self.windows.pop(number % len(self.windows))
            self._hook(window, "PostToolUseFailure" if fails and window.hand.agent == "claude-code" else "PostToolUse")

    def reports(self, hand: Hand, place: str, name: str, *, changed: bool, top: bool) -> None:
        """An agent writes a line and says so; the person may have changed the proposal before it was written."""
        if hand.agent == "codex":
            return
        file = self.root / place / name
        before = file.read_text()
        mine = self._add(place, name, top=top)
        proposed = file.read_text()
        self.owners[mine] = {hand.session}
        if changed:
            self.owners[self._add(place, name, top=not top)] = set()
        response = {"type": "update", "content": file.read_text(), "originalFile": before, "userModified": changed}
        asked = {"tool_name": "Write", "tool_use_id": f"w{next(self.calls)}", "tool_input": {"file_path": str(file), "content": proposed}}
        self._put(hand, {**asked, "hook_event_name": "PostToolUse", "tool_response": response}, scans=False)

    def fails(self, hand: Hand, place: str, name: str) -> None:
        """An edit that failed, and its hook is called all the same."""
        if hand.agent == "claude-code":
            asked = {"file_path": str(self.root / place / name), "content": "never written\n"}
            said = {"tool_name": "Write", "tool_use_id": f"w{next(self.calls)}", "tool_input": asked, "tool_response": "Error: no"}
            self._put(hand, {**said, "hook_event_name": "PostToolUse"}, scans=False)

    def rests(self, hand: Hand) -> None:
        """A session rests: what it began is over."""
        self._put(hand, {"hook_event_name": "SubagentStop" if "/" in hand.session else "Stop"}, scans=True)
        self.windows = [each for each in self.windows if not f"{each.hand.session}/".startswith(f"{hand.session}/")]

    def settles(self) -> None:
        """Settle what was spooled so far."""
        settle_inbox(inbox_dir(os.environ))

    def check(self) -> None:
        """Compare each line with what is known of it."""
        for place in PLACES:
            for name in FILES:
                for line in blame(self.root / place / name):
                    if line.text.strip() in self.owners:
                        self._check_line(line, self.owners[line.text.strip()])

    def _check_line(self, line: Line, owners: set[str]) -> None:
        runs = {session.partition("/")[0] for session in owners}
        agents = {hand.agent for hand in HANDS if hand.session in owners}
        if not owners:
            assert line.agent is None, line
        elif len(owners) == 1:
            assert ({line.session}, {line.agent}) == (owners, agents), line
        else:
            assert line.agent in {*agents, "claude-code or codex"}, line
            assert line.session in {None, *owners, *runs}, line

    def _add(self, place: str, name: str, *, top: bool) -> str:
        file, number = self.root / place / name, next(self.calls)
        text = "".join(chr(ord("a") + int(digit)) for digit in str(number * 7919 + 10**9)) + f" {number}"
        old = file.read_text()
        file.write_text(f"{text}\n{old}" if top else f"{old}{text}\n")
        return text

    def _hook(self, window: Window, event: str) -> None:
        patch = f"*** Begin Patch\n*** Update File: {window.names}\n*** End Patch\n"
        tool, command = ("apply_patch", patch) if window.names else ("Bash", "make")
        said = {"hook_event_name": event, "tool_name": tool, "tool_use_id": window.call, "tool_input": {"command": command}}
        self._put(window.hand, {**said, **({} if event == "PreToolUse" else {"tool_response": {}})}, scans=True)

    def _put(self, hand: Hand, said: dict[str, Any], *, scans: bool) -> None:
        home = self.root / self.homes[hand.run]
        session, _, agent = hand.session.partition("/")
        payload = {**said, "session_id": session, "cwd": str(home), "model": "m", **({"agent_id": agent} if agent else {})}
        facts = dict.fromkeys(SPOOLED_VARIABLES, "")
        for worktree in with_submodules(home) if scans else (None,):
            scanned, files = scan_worktree(worktree) if worktree else ({}, ())
            put_payload(inbox_dir(os.environ), agent=hand.agent, facts=facts | scanned, files=files, payload=json.dumps(payload).encode())
        last = list_arrivals(inbox_dir(os.environ))[-1].time
        while now_ns() <= last:  # the clock that stamps files is coarse
            pass


def _steps() -> st.SearchStrategy[list[tuple[str, tuple[Any, ...], dict[str, Any]]]]:
    hands, places, names, flags, numbers = (
        st.sampled_from(HANDS),
        st.sampled_from(MOSTLY),
        st.sampled_from(FILES),
        st.booleans(),
        st.integers(0, 3),
    )
    of = st.fixed_dictionaries
    return st.lists(
        st.one_of(
            st.tuples(st.just("types"), st.tuples(places, names), of({"top": flags})),
            st.tuples(st.just("begins"), st.tuples(hands, st.sampled_from((None, *FILES))), of({})),
            st.tuples(st.just("works"), st.tuples(places, names), of({"top": flags})),
            st.tuples(st.just("ends"), st.tuples(numbers), of({"fails": flags})),
            st.tuples(st.just("reports"), st.tuples(hands, places, names), of({"changed": flags, "top": flags})),
            st.tuples(st.just("fails"), st.tuples(hands, places, names), of({})),
            st.tuples(st.just("rests"), st.tuples(hands), of({})),
            st.tuples(st.just("settles"), st.tuples(), of({})),
        ),
        max_size=14,
    )


@pytest.fixture
def start(repository: Scratch, tmp_path: Path) -> Path:
    """A folder with the three work trees, each with two files that are committed."""
    inner = Scratch.create(tmp_path / "inner")
    for scratch in (inner, repository):
        for name in FILES:
            scratch.write(name, "what was there\n")
        scratch.commit()
    repository.submodule("sub", inner)
    repository.commit()
    return repository.path


AN_EDIT_INSIDE_A_COMMAND = [
    ("begins", (HANDS[0], None), {}),
    ("works", ("main", "a.txt"), {"top": False}),
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": False, "top": False}),
    ("ends", (0,), {"fails": False}),
]


@example(steps=AN_EDIT_INSIDE_A_COMMAND, homes=dict.fromkeys(("one", "two", "three"), "main"))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=_steps(), homes=st.fixed_dictionaries({run: st.sampled_from(MOSTLY) for run in ("one", "two", "three")}))
def test_whose_a_line_is_does_not_depend_on_the_order_of_things(start: Path, steps: list[Any], homes: dict[str, str]) -> None:
    root = start.parent / "day"
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(inbox_dir(os.environ), ignore_errors=True)
    shutil.copytree(start, root / "main", symlinks=True)
    Scratch(root / "main").linked(root / "linked")
    day = Day(root=root, homes=homes)
    for what, told, how in steps:
        getattr(day, what)(*told, **how)
    for hand in HANDS:
        day.rests(hand)
    day.settles()
    assert list_arrivals(inbox_dir(os.environ)) == ()
    day.check()
