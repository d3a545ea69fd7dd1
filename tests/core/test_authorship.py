# SPDX-License-Identifier: Apache-2.0
"""The authorship predicate: read back as written, refused when bent."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner, Tool
from byline.core.authorship import Authorship, Commit, Link, Recorder, format_authorship, parse_authorship
from byline.core.canonical import format_canonical
from byline.core.claim import Base, Carried, Carry, Claim, Copied, New, Op, Removed, Segment
from byline.core.lines import LineRange
from byline.core.statement import parse_statement
from byline.errors import MalformedError, StatementError

GIT, SHA, OTHER = "1" * 40, "a" * 64, "b" * 64
AI = Owner(
    origin=Origin.AI,
    evidence=Evidence.OBSERVED,
    channel=Channel.HOOK,
    agent=Agent(name="claude-code", version="2.1.197", model="anthropic/claude-sonnet-4-5"),
    session="s-1",
    principal="p-rob",
)
MINE = Owner(origin=Origin.HUMAN, evidence=Evidence.DECLARED, channel=Channel.DECLARATION, principal="p-rob")
MIXED = Owner(origin=Origin.MIXED, evidence=Evidence.DECLARED, channel=Channel.DECLARATION, principal="p-rob", earlier=AI)
BLACK = Owner(origin=Origin.TOOL, evidence=Evidence.DECLARED, channel=Channel.GENERIC, tool=Tool(name="black", version="26.1"))
OWNERS = st.sampled_from([AI, MINE, MIXED, BLACK])
HANDS = st.sampled_from([AI, MINE, BLACK])
CARRIED = st.none() | st.builds(Carried, statement=st.sampled_from([SHA, OTHER]), how=st.sampled_from(Carry))
SEGMENTS: st.SearchStrategy[Segment] = st.one_of(
    st.builds(Copied, base=st.just(0), start=st.integers(0, 9), count=st.integers(1, 9)),
    st.builds(New, owner=OWNERS, hashes=st.binary(min_size=1, max_size=3).map(lambda data: data * 16), carried=CARRIED),
)
BASE = Base(parent=0, path=b"old \xff.py", mode="100644", sha256=OTHER, blob=GIT)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    path = draw(st.sampled_from([b"a.py", b"b/\xff", "é".encode()]))
    removed = draw(st.lists(st.builds(Removed, base=st.just(0), lines=st.just(LineRange(2, 5)), hand=HANDS), max_size=1))
    if draw(st.booleans()):
        gone = {"mode": None, "sha256": None, "blob": None}
        return Claim(path=path, op=Op.DELETE, hand=draw(HANDS), bases=(BASE,), removed=tuple(removed), **gone)
    segments = draw(st.lists(SEGMENTS, max_size=5))
    return Claim(
        path=path,
        op=Op.MODIFY,
        mode="100644",
        sha256=SHA,
        blob=GIT,
        hand=draw(HANDS),
        bases=(BASE,),
        segments=tuple(segments),
        removed=tuple(removed),
    )


def authorship(*files: Claim) -> Authorship:
    return Authorship(
        repository="byl:" + "0" * 32,
        uri=None,
        salt=b"s" * 16,
        change=SHA,
        commit=Commit(id=GIT, tree=GIT, parents=(GIT,)),
        recorder=Recorder(name="byline", version="0.1.0", channel="commit"),
        chain=Link(id="c" * 32, seq=1, prev=None),
        claims=files,
    )


WHOLE = Claim(
    path=b"a.py",
    op=Op.MODIFY,
    mode="100644",
    sha256=SHA,
    blob=GIT,
    hand=AI,
    bases=(BASE,),
    segments=(Copied(base=0, start=0, count=2), New(owner=MIXED, hashes=b"h" * 32), New(owner=AI, hashes=b"i" * 16)),
    removed=(Removed(base=0, lines=LineRange(2, 5), hand=AI),),
)


@given(st.lists(claims(), max_size=3, unique_by=lambda claim: claim.path))
def test_what_is_signed_is_read_back(files: list[Claim]) -> None:
    written = authorship(*files)
    assert parse_authorship(parse_statement(format_authorship(written))) == written


def test_every_statement_has_a_subject_even_when_nothing_but_deletions_happened() -> None:
    """FM3: readers of in-toto refuse a statement without subjects."""
    statement = parse_statement(format_authorship(authorship()))
    assert [(each.name, each.sha256) for each in statement.subjects] == [("change", SHA)]


def mutations() -> list[tuple[str, Any]]:
    """Every way to bend a good predicate: each member missing, and each of these in its place."""
    good = json.loads(format_authorship(authorship(WHOLE)))["predicate"]
    out: list[tuple[str, Any]] = []

    def bend(node: dict[str, Any] | list[Any], trail: tuple[Any, ...]) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            for new in ("", None, -1, 10**6, [], {}, "x\u202e", [[]]):
                bent = copy.deepcopy(good)
                place = bent
                for step in trail:
                    place = place[step]
                if place[key] == new:
                    continue
                place[key] = new
                out.append((f"{(*trail, key)}={new!r}", bent))
            if isinstance(node, dict):
                bent = copy.deepcopy(good)
                place = bent
                for step in trail:
                    place = place[step]
                place["surprise"] = place.pop(key)
                out.append((f"{(*trail, key)} renamed", bent))
            if isinstance(node[key], dict | list):
                bend(node[key], (*trail, key))

    bend(good, ())
    return out


def test_a_bent_predicate_is_refused_or_read_whole() -> None:
    """FM1, FM2: whatever a member is replaced with, reading refuses it as malformed, or what it read is what was written."""
    envelope = json.loads(format_authorship(authorship(WHOLE)))
    for _name, predicate in mutations():
        envelope["predicate"] = predicate
        payload = format_canonical(envelope)
        try:
            read = parse_authorship(parse_statement(payload))
        except MalformedError:
            continue
        assert parse_authorship(parse_statement(format_authorship(read))) == read


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("hashes", "aGg="),
        ("segs", [["base", 1, 1, 1]]),
        ("segs", [["base", 0, 0, 1]]),
        ("segs", [["new", [0, 1, 0], 1, None]]),
        ("segs", [["new", [9], 3, None]]),
        ("removed", [{"base": 0, "start": 3, "count": 3, "hand": 0}, {"base": 0, "start": 5, "count": 1, "hand": 0}]),
        ("op", "delete"),
        ("mode", None),
        ("path", "a/../b"),
        ("bases", []),
    ],
)
def test_a_recipe_that_does_not_hold_together_is_refused(member: str, value: object) -> None:
    envelope = json.loads(format_authorship(authorship(WHOLE)))
    envelope["predicate"]["files"][0][member] = value
    with pytest.raises(StatementError):
        parse_authorship(parse_statement(format_canonical(envelope)))


def test_extensions_may_stand_beside_known_members() -> None:
    envelope = json.loads(format_authorship(authorship(WHOLE)))
    for place in (envelope["predicate"], envelope["predicate"]["recorder"], envelope["predicate"]["files"][0]):
        place["extensions"] = {"later": 1}
    assert parse_authorship(parse_statement(format_canonical(envelope))).claims == (WHOLE,)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_statement_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_authorship(parse_statement(data))
