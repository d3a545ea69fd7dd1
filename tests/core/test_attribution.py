# SPDX-License-Identifier: Apache-2.0
"""Owners, evidence and spans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import (
    UNATTRIBUTED,
    UNKNOWN,
    Byline,
    Channel,
    Evidence,
    Origin,
    Owner,
    Person,
    Tool,
    inferred,
    owner_of,
    spans,
    stricter,
)

OWNERS = st.builds(
    Owner,
    origin=st.sampled_from([*Origin]),
    evidence=st.sampled_from([*Evidence]),
    channel=st.sampled_from([*Channel]),
    session=st.sampled_from([None, "s"]),
)
BYLINES = st.builds(Byline, owner=OWNERS)


@given(st.lists(BYLINES, max_size=12))
def test_spans_cover_every_line_once_and_in_order(lines: list[Byline]) -> None:
    assert [span.byline for span in spans(lines) for _ in range(len(span.lines))] == lines
    assert all(
        one.lines.end == two.lines.start and one.byline != two.byline for one, two in zip(spans(lines), spans(lines)[1:], strict=False)
    )


@given(BYLINES)
def test_text_alone_never_makes_evidence_stronger(byline: Byline) -> None:
    found = inferred(byline)
    assert found.owner.evidence.rank <= byline.owner.evidence.rank
    assert found.owner.evidence.rank <= Evidence.INFERRED.rank
    assert found.owner.origin is byline.owner.origin


@given(OWNERS, OWNERS)
def test_between_two_owners_the_stricter_wins_whichever_comes_first(one: Owner, other: Owner) -> None:
    """F28: human is the lightest, unknown the strictest, and everything else is equally strict."""
    order = {Origin.HUMAN: 0, Origin.UNKNOWN: 2}
    first, second = stricter(one, other), stricter(other, one)
    assert order.get(first.origin, 1) == order.get(second.origin, 1) == max(order.get(one.origin, 1), order.get(other.origin, 1))


def test_absence_of_evidence_is_unknown() -> None:
    assert UNATTRIBUTED.owner == UNKNOWN
    assert UNKNOWN.origin is Origin.UNKNOWN


def test_a_tool_and_a_person_are_never_taken_for_each_other() -> None:
    tool = owner_of(Tool(name="black"), evidence=Evidence.DECLARED, channel=Channel.GENERIC)
    person = owner_of(Person(id="p-1"), evidence=Evidence.DECLARED, channel=Channel.DECLARATION)
    assert (tool.origin, person.origin, person.principal) == (Origin.TOOL, Origin.HUMAN, "p-1")
