# SPDX-License-Identifier: Apache-2.0
"""Laying an import over a version makes lines an agent's, or leaves them as they were: no line is ever less strict, or a person's."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from byline.attribute.compose import tighten
from byline.core.attribution import UNATTRIBUTED, UNKNOWN, Agent, Byline, Channel, Evidence, Origin, Owner
from byline.core.claim import Base, Claim, Copied, New, Op
from byline.core.version import NO_HASH, Claimed

BASE = Base(parent=0, path=b"a", mode="100644", sha256="0" * 64, blob="b" * 40)
owners = st.builds(
    Owner,
    origin=st.sampled_from([*Origin]),
    evidence=st.sampled_from([*Evidence]),
    channel=st.sampled_from([*Channel]),
    agent=st.none() | st.just(Agent(name="a")),
    principal=st.none() | st.just("p-ana"),
)
hashes = st.integers(0, 3).map(lambda number: bytes([number]) * 16)
segments = st.builds(New, owner=owners, hashes=st.lists(hashes, min_size=1, max_size=4).map(b"".join)) | st.builds(
    Copied, base=st.just(0), start=st.integers(0, 3), count=st.integers(1, 4) | st.just(2**50)
)


@st.composite
def versions(draw: st.DrawFn) -> Claimed:
    lines = draw(st.lists(st.tuples(hashes, st.just(UNATTRIBUTED) | st.builds(Byline, owner=owners)), max_size=12))
    return Claimed(path=b"a", blob="c" * 40, hashes=b"".join(each for each, _ in lines), bylines=tuple(byline for _, byline in lines))


@given(version=versions(), said=st.lists(segments, max_size=6))
def test_a_line_becomes_an_agents_or_stays_as_it_was(version: Claimed, said: list[New | Copied]) -> None:
    claim = Claim(path=b"a", op=Op.MODIFY, mode="100644", sha256="0" * 64, blob="c" * 40, hand=UNKNOWN, bases=(BASE,), segments=tuple(said))
    found = tighten(version, claim, statement="s", commit="c")
    assert replace(found, bylines=version.bylines) == version
    for before, after in zip(version.bylines, found.bylines, strict=True):
        assert after == before or (after.owner.is_ai and after.statement == "s" and not before.owner.is_ai)
    assert tighten(found, claim, statement="t", commit="c") == found


def test_a_line_of_another_text_is_left_alone() -> None:
    owner = Owner(origin=Origin.AI, evidence=Evidence.DECLARED, channel=Channel.IMPORT)
    claim = Claim(
        path=b"a",
        op=Op.ADD,
        mode="100644",
        sha256="0" * 64,
        blob="c" * 40,
        hand=UNKNOWN,
        segments=(New(owner=owner, hashes=b"1" * 16 + b"2" * 16),),
    )
    version = Claimed(path=b"a", blob="c" * 40, hashes=b"1" * 16 + b"3" * 16 + NO_HASH, bylines=(UNATTRIBUTED,) * 3)
    assert [each.owner.origin for each in tighten(version, claim, statement="s", commit="c").bylines] == ["ai", "unknown", "unknown"]
