# SPDX-License-Identifier: Apache-2.0
"""`byline.blame/1`, which the command line, the editor and reports share."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import UNATTRIBUTED, Agent, Byline, Channel, Evidence, Origin, Owner, Person, owner_of
from byline.core.report import blame_to_json, ranges_to_json

STATEMENT = "5" * 64
COMMIT = "c" * 40
CLAUDE = owner_of(Agent(name="claude-code", model="claude-x"), evidence=Evidence.OBSERVED, channel=Channel.HOOK, session="s-1")
AI = Byline(owner=replace(CLAUDE, principal="p-rob"), statement=STATEMENT, commit=COMMIT)
HAND = Byline(owner=owner_of(Person(id="p-rob"), evidence=Evidence.DECLARED, channel=Channel.DECLARATION), statement=STATEMENT)
MIXED = Byline(owner=replace(AI.owner, origin=Origin.MIXED, earlier=HAND.owner))


def test_every_member_is_there_and_absent_is_null() -> None:
    expected = {
        "schema": "byline.blame/1",
        "path": "a b.py",
        "revision": COMMIT,
        "ranges": [
            {
                "start": 1,
                "end": 2,
                "origin": "ai",
                "evidence": "observed",
                "agent": "claude-code",
                "model": "claude-x",
                "session": "s-1",
                "person": "p-rob",
                "earlier": None,
                "commit": COMMIT,
                "statement": STATEMENT,
                "verified": True,
            },
            {
                "start": 3,
                "end": 3,
                "origin": "unknown",
                "evidence": "unknown",
                "agent": None,
                "model": None,
                "session": None,
                "person": None,
                "earlier": None,
                "commit": None,
                "statement": None,
                "verified": False,
            },
        ],
    }
    assert blame_to_json(b"a b.py", revision=COMMIT, bylines=[AI, AI, UNATTRIBUTED], verified={STATEMENT}) == expected
    assert json.loads(json.dumps(expected)) == expected


def test_a_mixed_line_names_both_writers() -> None:
    [only] = ranges_to_json([MIXED])
    assert (only["origin"], only["agent"]) == ("mixed", "claude-code")
    assert only["earlier"] == {
        "origin": "human",
        "evidence": "declared",
        "agent": None,
        "model": None,
        "session": None,
        "person": "p-rob",
    }


def test_a_path_that_is_not_text_is_base64() -> None:
    said = blame_to_json(b"\xff", revision="worktree", bylines=())
    assert said == {"schema": "byline.blame/1", "pathBytes": "/w==", "revision": "worktree", "ranges": []}


def test_a_statement_that_was_not_proven_is_not_verified() -> None:
    assert [each["verified"] for each in ranges_to_json([AI, HAND], verified={"6" * 64})] == [False, False]


def test_neighbours_that_say_the_same_are_one_range() -> None:
    """What JSON does not show (the channel, an agent's version) does not cut a range."""
    other = replace(AI, owner=replace(AI.owner, channel=Channel.SDK))
    assert [(each["start"], each["end"]) for each in ranges_to_json([AI, other, AI])] == [(1, 3)]


@given(
    st.lists(
        st.sampled_from(
            [AI, HAND, MIXED, UNATTRIBUTED, Byline(owner=Owner(origin=Origin.TOOL, evidence=Evidence.ATTESTED, channel=Channel.RECORD))]
        )
    )
)
def test_ranges_cover_every_line_once(bylines: list[Byline]) -> None:
    ranges = ranges_to_json(bylines)
    lines = [line for each in ranges for line in range(int(str(each["start"])), int(str(each["end"])) + 1)]
    assert lines == list(range(1, len(bylines) + 1))
    for each in ranges:
        alone = ranges_to_json([bylines[int(str(each["start"])) - 1]])[0]
        assert {**alone, "start": each["start"], "end": each["end"]} == each
