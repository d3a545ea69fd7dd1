# SPDX-License-Identifier: Apache-2.0
"""Agents and a person at work at once, in any order: no line that the person typed alone is an agent's, none of an agent's is nobody's.

Three sessions of two agents, one with a sub-agent, have commands, patches and reported edits at the same time, in a work tree, its
submodule and a linked one; hooks take their time, some calls are denied or fail, some agents are killed, the person commits, and what
was spooled is settled whenever it happens to be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from byline.capture import snapshot
from byline.capture.agents import SPOOLED_VARIABLES
from byline.capture.clock import now_ns
from byline.capture.clone import settle_repository
from byline.capture.git_hooks import git_hook_stub
from byline.capture.inbox import list_arrivals, put_payload
from byline.capture.places import inbox_dir, prepare_repository
from byline.capture.scans import scan_worktree, with_submodules
from byline.capture.settle import settle_inbox
from byline.capture.worktree import find_worktree
from byline.testing import blame
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable
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
    process: subprocess.Popen[bytes]

    def sees(self, place: str, name: str) -> bool:
        return place == self.home and name == self.names if self.names else place in SEEN_FROM[self.home]


@dataclass(slots=True, kw_only=True)
class Day:
    """What happens, and what has to be known of each line in the end: the sessions that it may be of, none for one that is no agent's."""

    root: Path
    homes: dict[str, str]
    windows: list[Window] = field(default_factory=list)
    coming: list[Window] = field(default_factory=list)
    owners: dict[str, set[str]] = field(default_factory=dict)
    calls: Any = field(default_factory=count)
    untold: dict[Hand, Callable[[], None]] = field(default_factory=dict)
    unheard: dict[Hand, tuple[str, str, str, str | None]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def types(self, place: str, name: str, *, top: bool) -> None:
        """A person types a line. In a window nobody can tell hands apart: nothing is promised."""
        text = self._add(place, name, top=top)
        if not any(window.sees(place, name) for window in (*self.windows, *self.coming)):
            self.owners[text] = set()

    def tells(self, hand: Hand) -> None:
        """A hook of the agent, which it waits for, is done: what it looked at, or was given, is older."""
        self.unheard.pop(hand, None)
        self.untold.pop(hand, lambda: None)()

    def begins(self, hand: Hand, names: str | None, *, late: bool) -> None:
        """A call begins: a command or, of Codex, a patch; one that is denied has no end but the session's rest."""
        self.tells(hand)
        window = Window(
            hand=hand,
            call=f"c{next(self.calls)}",
            home=self.homes[hand.run],
            names=names if hand.agent == "codex" else None,
            process=self._process(hand),
        )
        self.coming.append(window)
        tell = self._hook(window, "PreToolUse")

        def opens() -> None:
            tell()
            self.coming.remove(window)
            self.windows.append(window)

        self._later(hand, opens, late=late)

    def works(self, place: str, name: str, *, top: bool) -> None:
        """A call that is open changes a file that it may change."""
        able = [window for window in self.windows if window.sees(place, name)]
        if any(window.process.poll() is None for window in able):
            self.owners[self._add(place, name, top=top)] = {window.hand.session for window in able}

    def ends(self, number: int, *, fails: bool) -> None:
        """A call that is open ends."""
        if alive := [window for window in self.windows if window.process.poll() is None]:
            window = alive[number % len(alive)]
            self.tells(window.hand)
            self.windows.remove(window)
            self._hook(window, "PostToolUseFailure" if fails and window.hand.agent == "claude-code" else "PostToolUse")()

    def reports(self, hand: Hand, place: str, name: str, *, changed: bool, top: bool, late: bool) -> None:
        """An agent writes a line and says so; the person may have changed the proposal before it was written."""
        if hand.agent == "codex":
            return
        self.tells(hand)
        file = self.root / place / name
        before = file.read_text()
        mine = self._add(place, name, top=top)
        proposed = file.read_text()
        theirs = self._add(place, name, top=not top) if changed else None
        self.owners |= {mine: {hand.session}} | ({theirs: set()} if theirs else {})
        response = {"type": "update", "content": file.read_text(), "originalFile": before, "userModified": changed}
        asked = {"tool_name": "Write", "tool_use_id": f"w{next(self.calls)}", "tool_input": {"file_path": str(file), "content": proposed}}
        tell = self._spool(hand, {**asked, "hook_event_name": "PostToolUse", "tool_response": response}, scans=False)
        self.unheard[hand] = (place, name, mine, theirs)
        self._later(hand, tell, late=late)

    def fails(self, hand: Hand, place: str, name: str) -> None:
        """An edit that failed, and its hook is called all the same."""
        if hand.agent == "claude-code":
            asked = {"file_path": str(self.root / place / name), "content": "never written\n"}
            said = {"tool_name": "Write", "tool_use_id": f"w{next(self.calls)}", "tool_input": asked, "tool_response": "Error: no"}
            self.tells(hand)
            self._spool(hand, {**said, "hook_event_name": "PostToolUse"}, scans=False)()

    def rests(self, hand: Hand) -> None:
        """A session rests: what it began is over."""
        for each in [each for each in self.untold if f"{each.session}/".startswith(f"{hand.session}/")]:
            self.tells(each)
        self._spool(hand, {"hook_event_name": "SubagentStop" if "/" in hand.session else "Stop"}, scans=True)()
        self.windows = [each for each in self.windows if not f"{each.hand.session}/".startswith(f"{hand.session}/")]

    def dies(self, hand: Hand) -> None:
        """An agent is killed; who looks next closes what it had open, and until then nobody can tell whose a line is."""
        for each in [each for each in self.untold if each.run == hand.run]:
            self.tells(each)  # what its hook has taken already outlives it
        if hand.run in self.processes:
            process = self.processes.pop(hand.run)
            process.kill()
            process.wait()

    def commits(self, place: str) -> None:
        """The person commits what stands there, and that is settled: what no hook has told of by then is of the calls that are open."""
        for where, name, mine, theirs in self.unheard.values():
            if where == place and (able := [window for window in (*self.windows, *self.coming) if window.sees(where, name)]):
                self.owners[mine] |= {window.hand.session for window in able}
                self.owners.pop(theirs or "", None)
        Scratch(self.root / place).commit("a change", "--allow-empty")
        worktree = find_worktree(self.root / place)
        assert worktree is not None
        settle_repository(prepare_repository(worktree.common_dir), inbox_dir(os.environ))
        self._look()

    def settles(self) -> None:
        """Settle what was spooled so far."""
        settle_inbox(inbox_dir(os.environ))
        self._look()

    def check(self) -> None:
        """Compare each line with what is known of it."""
        for place in PLACES:
            for name in FILES:
                for line in blame(self.root / place / name):
                    if line.text.strip() in self.owners:
                        self._check_line(line, self.owners[line.text.strip()])

    def _look(self) -> None:
        self.windows = [each for each in self.windows if each.process.poll() is None]

    def _process(self, hand: Hand) -> subprocess.Popen[bytes]:
        if hand.run not in self.processes:
            self.processes[hand.run] = subprocess.Popen(["sleep", "600"])
        return self.processes[hand.run]

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
        text = "".join(chr(ord("a") + int(digit)) for digit in str(number * 7919 + 10**9)) * 5 + f" {number}"
        old = file.read_text()
        file.write_text(f"{text}\n{old}" if top else f"{old}{text}\n")
        return text

    def _later(self, hand: Hand, tell: Callable[[], None], *, late: bool) -> None:
        self.untold[hand] = tell
        if not late:
            self.tells(hand)

    def _hook(self, window: Window, event: str) -> Callable[[], None]:
        patch = f"*** Begin Patch\n*** Update File: {window.names}\n*** End Patch\n"
        tool, command = ("apply_patch", patch) if window.names else ("Bash", "make")
        said = {"hook_event_name": event, "tool_name": tool, "tool_use_id": window.call, "tool_input": {"command": command}}
        return self._spool(window.hand, {**said, **({} if event == "PreToolUse" else {"tool_response": {}})}, scans=True)

    def _spool(self, hand: Hand, said: dict[str, Any], *, scans: bool) -> Callable[[], None]:
        """Look, as a hook does, and return what spools what was seen then."""
        home = self.root / self.homes[hand.run]
        session, _, agent = hand.session.partition("/")
        payload = {**said, "session_id": session, "cwd": str(home), "model": "m", **({"agent_id": agent} if agent else {})}
        facts = dict.fromkeys(SPOOLED_VARIABLES, "") | {"process": os.fsdecode(snapshot.find_caller(self._process(hand).pid))}
        looks = [scan_worktree(worktree) for worktree in with_submodules(home)] if scans else [({}, ())]

        def spool() -> None:
            for seen, files in looks:
                put_payload(inbox_dir(os.environ), agent=hand.agent, facts=facts | seen, files=files, payload=json.dumps(payload).encode())
            last = list_arrivals(inbox_dir(os.environ))[-1].time
            while now_ns() <= last:  # the clock that stamps files is coarse
                pass

        return spool


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
            st.tuples(st.just("begins"), st.tuples(hands, st.sampled_from((None, *FILES))), of({"late": flags})),
            st.tuples(st.just("works"), st.tuples(places, names), of({"top": flags})),
            st.tuples(st.just("ends"), st.tuples(numbers), of({"fails": flags})),
            st.tuples(st.just("reports"), st.tuples(hands, places, names), of({"changed": flags, "top": flags, "late": flags})),
            st.tuples(st.just("tells"), st.tuples(hands), of({})),
            st.tuples(st.just("fails"), st.tuples(hands, places, names), of({})),
            st.tuples(st.just("rests"), st.tuples(hands), of({})),
            st.tuples(st.just("dies"), st.tuples(hands), of({})),
            st.tuples(st.just("commits"), st.tuples(places), of({})),
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
    for hooks in (repository.path / ".git/hooks", repository.path / ".git/modules/sub/hooks"):
        (hooks / "post-commit").write_text(git_hook_stub("post-commit", launcher="/nowhere"))
        (hooks / "post-commit").chmod(0o755)
    return repository.path


A_COMMAND_THAT_WAS_KILLED = [
    ("begins", (HANDS[0], None), {"late": False}),
    ("works", ("main", "a.txt"), {"top": False}),
    ("dies", (HANDS[0],), {}),
    ("commits", ("main",), {}),
    ("types", ("main", "a.txt"), {"top": False}),
]
AN_EDIT_INSIDE_A_COMMAND = [
    ("begins", (HANDS[0], None), {"late": False}),
    ("works", ("main", "a.txt"), {"top": False}),
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": False, "top": False, "late": False}),
    ("ends", (0,), {"fails": False}),
]
A_REPORT_AFTER_ANOTHERS_COMMAND = [
    ("begins", (HANDS[2], None), {"late": False}),
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": False, "top": False, "late": True}),
    ("ends", (0,), {"fails": False}),
    ("settles", (), {}),
    ("tells", (HANDS[0],), {}),
]
A_REPORT_OF_WHAT_ANOTHERS_COMMAND_FOUND = [
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": False, "top": False, "late": True}),
    ("begins", (HANDS[2], None), {"late": False}),
    ("tells", (HANDS[0],), {}),
    ("works", ("main", "a.txt"), {"top": False}),
    ("ends", (0,), {"fails": False}),
]
A_REPORT_WHILE_ANOTHERS_COMMAND_BEGINS = [
    ("begins", (HANDS[2], None), {"late": True}),
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": False, "top": False, "late": False}),
    ("tells", (HANDS[2],), {}),
    ("ends", (0,), {"fails": False}),
]
A_REPORT_OF_WHAT_THE_PERSON_TYPED_UPON = [
    *A_REPORT_OF_WHAT_ANOTHERS_COMMAND_FOUND[:1],
    ("types", ("main", "a.txt"), {"top": False}),
    *A_REPORT_OF_WHAT_ANOTHERS_COMMAND_FOUND[1:],
]
A_REPORT_UPON_WHAT_IS_TYPED_WHILE_ANOTHERS_COMMAND_BEGINS = [
    *A_REPORT_WHILE_ANOTHERS_COMMAND_BEGINS[:1],
    ("types", ("main", "a.txt"), {"top": False}),
    *A_REPORT_WHILE_ANOTHERS_COMMAND_BEGINS[1:],
]
A_REPORT_AFTER_A_COMMIT_INSIDE_A_COMMAND = [
    ("begins", (HANDS[1], None), {"late": False}),
    ("reports", (HANDS[0], "main", "a.txt"), {"changed": True, "top": False, "late": True}),
    ("commits", ("main",), {}),
]
IN_ONE_PLACE = dict.fromkeys(("one", "two", "three"), "main")


@example(steps=A_COMMAND_THAT_WAS_KILLED, homes=IN_ONE_PLACE)
@example(steps=AN_EDIT_INSIDE_A_COMMAND, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_AFTER_ANOTHERS_COMMAND, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_OF_WHAT_ANOTHERS_COMMAND_FOUND, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_WHILE_ANOTHERS_COMMAND_BEGINS, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_OF_WHAT_THE_PERSON_TYPED_UPON, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_UPON_WHAT_IS_TYPED_WHILE_ANOTHERS_COMMAND_BEGINS, homes=IN_ONE_PLACE)
@example(steps=A_REPORT_AFTER_A_COMMIT_INSIDE_A_COMMAND, homes=IN_ONE_PLACE)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=_steps(), homes=st.fixed_dictionaries({run: st.sampled_from(MOSTLY) for run in ("one", "two", "three")}))
def test_whose_a_line_is_does_not_depend_on_the_order_of_things(start: Path, steps: list[Any], homes: dict[str, str]) -> None:
    root = start.parent / "day"
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(inbox_dir(os.environ), ignore_errors=True)
    shutil.copytree(start, root / "main", symlinks=True)
    Scratch(root / "main").linked(root / "linked")
    for git_dir in (root / "main/.git", root / "main/.git/modules/sub"):
        prepare_repository(git_dir)  # as `byline init` does: where that was never called commits leave no marks
    day = Day(root=root, homes=homes)
    try:
        for what, told, how in steps:
            getattr(day, what)(*told, **how)
        for hand in HANDS:
            day.rests(hand)
        day.settles()
    finally:
        for hand in HANDS:
            day.dies(hand)
    assert list_arrivals(inbox_dir(os.environ)) == ()
    day.check()
