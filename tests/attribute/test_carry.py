# SPDX-License-Identifier: Apache-2.0
"""The writer's rule: what a write did not change keeps its owner (rule 4)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from byline.attribute.carry import carry
from byline.core.attribution import UNATTRIBUTED, Agent, Byline, Channel, Evidence, Origin, Owner, Person, owner_of
from byline.core.lines import LineRange
from byline.core.version import Block, Version

AI = owner_of(Agent(name="robot"), evidence=Evidence.OBSERVED, channel=Channel.HOOK)
HUMAN = owner_of(Person(id="p-ana"), evidence=Evidence.OBSERVED, channel=Channel.EDITOR)


def version(*lines: bytes, owner: Owner = HUMAN) -> Version:
    return Version(path=b"a", blob="0" * 40, lines=lines, bylines=(Byline(owner=owner),) * len(lines))


def origins(old: Version, lines: list[bytes], writer: Owner = AI, recent: tuple[Block, ...] = ()) -> list[str]:
    return [byline.owner.origin.value for byline in carry(old, lines, writer, recent).bylines]


def test_new_lines_are_the_writers() -> None:
    assert origins(version(b"one", b"two"), [b"one", b"x = compute()", b"two"]) == ["human", "ai", "human"]


def test_lines_that_went_away_are_named() -> None:
    assert carry(version(b"one", b"two", b"three"), [b"one"], AI).gone == (LineRange(1, 3),)


def test_indentation_and_line_ends_leave_the_owner() -> None:
    assert origins(version(b"if a:", b"  b()"), [b"while c:", b"if a:", b"\tb( )  "]) == ["ai", "human", "human"]


def test_a_formatter_that_wraps_a_call_leaves_the_owner() -> None:
    old = version(b"result = call(first, second)")
    assert origins(old, [b"result = call(", b"    first,", b"    second,", b")"]) == ["human"] * 4


def test_a_formatter_that_changes_quotes_leaves_an_agents_text_the_agents() -> None:
    old = version(b"result = call('first',", b"  'second')", owner=AI)
    assert origins(old, [b'result = call("first", "second")'], HUMAN) == ["ai"]


def test_an_agent_that_changes_a_persons_brackets_leaves_nothing_the_persons_alone() -> None:
    old = version(b"allowed = owner or admin and active")
    assert origins(old, [b"allowed = (owner or admin) and active"], AI) == ["mixed"]


def test_a_moved_block_keeps_its_owner() -> None:
    block = (b"def moved(argument):", b"    return argument + 1")
    still = (b"between = 1", b"and = 2", b"after = 3")
    assert origins(version(*block, *still), [*still, *block]) == ["human"] * 5


def test_a_short_moved_line_is_the_writers() -> None:
    assert origins(version(b"a = 1", b"b = 2", b"c = 3"), [b"b = 2", b"c = 3", b"x", b"a = 1"]) == ["human", "human", "ai", "ai"]


def test_a_block_that_went_away_a_moment_ago_is_moved_too() -> None:
    block = (b"def moved(argument):", b"    value = argument + 1", b"    return value")
    recent = (Block(lines=block, bylines=(Byline(owner=HUMAN),) * 3),)
    assert origins(version(b"z"), [b"z", *block], recent=recent) == ["human"] * 4


def test_a_line_that_keeps_most_words_of_the_other_kind_is_mixed() -> None:
    (byline,) = carry(version(b"total = price * count"), [b"total = price * count + tax"], AI).bylines
    assert byline.owner == replace(AI, origin=Origin.MIXED, earlier=HUMAN)


def test_a_line_whose_words_are_all_new_is_its_writers() -> None:
    assert origins(version(b"total = price"), [b"import os"]) == ["ai"]


def test_unknown_text_makes_nothing_mixed() -> None:
    old = replace(version(b"total = price * count"), bylines=(UNATTRIBUTED,))
    assert origins(old, [b"total = price * count + tax"]) == ["ai"]


def test_mixed_text_names_two_people_at_most() -> None:
    mixed = replace(AI, origin=Origin.MIXED, earlier=HUMAN)
    (byline,) = carry(version(b"total = price * count", owner=mixed), [b"total = price * count + tax"], HUMAN).bylines
    assert byline.owner.origin is Origin.MIXED
    assert byline.owner.earlier == replace(AI, origin=Origin.AI)


def test_a_large_rewrite_is_bounded_and_complete() -> None:
    old = version(*(b"old word%d thing" % number for number in range(3000)))
    assert origins(old, [b"new word%d matter" % number for number in range(3000)]) == ["ai"] * 3000


LINES = st.lists(st.sampled_from([b"alpha one two", b"beta", b"}", b"", b"gamma(1)", b" beta", b"delta = 1"]), max_size=12)


@given(LINES, LINES)
def test_every_line_has_an_owner_and_only_known_ones(old: list[bytes], new: list[bytes]) -> None:
    bylines = carry(version(*old), new, AI).bylines
    assert len(bylines) == len(new)
    assert {byline.owner.origin for byline in bylines} <= {Origin.HUMAN, Origin.AI, Origin.MIXED}


@given(LINES)
def test_what_did_not_change_keeps_its_owner(lines: list[bytes]) -> None:
    assert origins(version(*lines), lines) == ["human"] * len(lines)
