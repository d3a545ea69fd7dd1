# SPDX-License-Identifier: Apache-2.0
"""Rule M: text alone may tighten, it may not relax."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from byline.attribute.match import Draft
from byline.core.attribution import UNATTRIBUTED, Agent, Byline, Channel, Evidence, Person, owner_of
from byline.core.claim import Carry
from byline.core.lines import hash_lines
from byline.core.version import Block, Claimed, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

AI = Byline(owner=owner_of(Agent(name="robot"), evidence=Evidence.OBSERVED, channel=Channel.HOOK), statement="5" * 64)
HUMAN = Byline(owner=owner_of(Person(id="p-ana"), evidence=Evidence.DECLARED, channel=Channel.DECLARATION))
KEY = b"k" * 32


def shown(draft: Draft) -> list[str]:
    return [f"{byline.owner.origin}:{byline.owner.evidence}" for byline in draft.close()]


def version(lines: Sequence[bytes], byline: Byline) -> Version:
    return Version(path=b"a", blob=None, lines=tuple(lines), bylines=(byline,) * len(lines))


def claimed(lines: Sequence[bytes], byline: Byline) -> Claimed:
    return Claimed(path=b"a", blob="0" * 40, hashes=b"".join(hash_lines(lines, KEY)), bylines=(byline,) * len(lines))


def hashed(lines: Sequence[bytes], known: Sequence[bytes], byline: Byline, *, is_same_path: bool) -> list[str]:
    draft = Draft(lines)
    draft.take_hashed(claimed(known, byline), hash_lines(lines, KEY), is_same_path=is_same_path)
    return shown(draft)


def test_the_very_bytes_keep_their_strength() -> None:
    draft = Draft([b"one"])
    draft.take_whole([HUMAN])
    assert shown(draft) == ["human:declared"]
    assert draft.found == [Carry.EXACT]


def test_aligned_lines_are_inferred() -> None:
    draft = Draft([b"zero", b"one alpha", b"two beta"])
    draft.take_aligned(version([b"one alpha", b"two beta"], AI))
    assert shown(draft) == ["unknown:unknown", "ai:inferred", "ai:inferred"]


def test_the_very_bytes_prove_what_was_inferred_of_the_same_owner_and_change_no_owner() -> None:
    draft = Draft([b"zero", b"one alpha", b"two beta"])
    draft.take_aligned(version([b"one alpha", b"two beta"], AI))
    draft.take_whole([HUMAN, AI, HUMAN], weakened=True)
    assert shown(draft) == ["human:inferred", "ai:inferred", "ai:inferred"]
    draft.take_whole([HUMAN, AI, HUMAN])
    assert shown(draft) == ["human:declared", "ai:observed", "ai:inferred"]


def test_what_is_pending_in_the_newest_version_keeps_its_strength() -> None:
    draft = Draft([b"zero", b"one alpha", b"two beta"])
    pending = replace(AI, statement=None)
    draft.take_latest(Version(path=b"a", blob=None, lines=(b"one alpha", b"two beta"), bylines=(pending, AI)))
    assert shown(draft) == ["unknown:unknown", "ai:observed", "unknown:unknown"]


def test_a_single_persons_line_between_strangers_is_not_believed() -> None:
    draft = Draft([b"x", b"one alpha", b"y"])
    draft.take_aligned(version([b"p", b"one alpha", b"q"], HUMAN))
    assert shown(draft)[1] == "unknown:unknown"
    draft.take_aligned(version([b"p", b"one alpha", b"q"], AI))
    assert shown(draft)[1] == "ai:inferred"


def test_a_persons_line_at_the_edge_of_both_versions_is() -> None:
    draft = Draft([b"one alpha", b"y"])
    draft.take_aligned(version([b"one alpha", b"q"], HUMAN))
    assert shown(draft)[0] == "human:inferred"


def test_a_line_that_stands_twice_in_the_source_tells_nothing() -> None:
    draft = Draft([b"return x", b"other"])
    draft.take_aligned(version([b"return x", b"return x"], AI))
    assert shown(draft)[0] == "unknown:unknown"


def test_a_hash_elsewhere_may_find_an_agent_and_never_a_person() -> None:
    lines = [b"the_first_function_of_all(argument, another)"]
    assert hashed(lines, [b"head", *lines], AI, is_same_path=False) == ["ai:inferred"]
    assert hashed(lines, [b"head", *lines], HUMAN, is_same_path=False) == ["unknown:unknown"]


def test_a_short_line_elsewhere_tells_nothing() -> None:
    assert hashed([b"return x"], [b"head", b"return x"], AI, is_same_path=False) == ["unknown:unknown"]


def test_an_older_version_of_the_same_file_may_find_a_person() -> None:
    lines = [b"one alpha", b"two beta"]
    assert hashed([*lines, b"new"], lines, HUMAN, is_same_path=True) == ["human:inferred", "human:inferred", "unknown:unknown"]


def test_brackets_alone_are_never_found() -> None:
    assert hashed([b"}", b"", b")"], [b"}", b"", b")"], AI, is_same_path=True) == ["unknown:unknown"] * 3


def test_a_block_needs_length_and_the_first_source_wins() -> None:
    draft = Draft([b"alpha one", b"beta two", b"gamma three"])
    draft.take_blocks([Block(lines=(b"alpha one", b"beta two"), bylines=(AI, AI))], lambda count, _: count >= 3, weakened=True)
    assert draft.is_open
    draft.take_whole([HUMAN] * 3)
    draft.take_whole([AI] * 3)
    assert shown(draft) == ["human:declared"] * 3


def test_base_lines_remember_their_place_and_found_lines_do_not() -> None:
    draft = Draft([b"a", b"b"])
    draft.take_base(0, [HUMAN], (0, -1))
    draft.take_whole([UNATTRIBUTED, AI])
    assert draft.places == [(0, 0), None]
    assert draft.found == [None, Carry.EXACT]


def test_an_open_line_remembers_the_agents_line_that_it_was_made_of() -> None:
    draft = Draft([b"total = price * count + fee", b"all = new"])
    draft.take_aligned(version([b"total = price * count + tax", b"gone = 1"], AI))
    assert shown(draft) == ["unknown:unknown", "unknown:unknown"]
    assert [draft.made_of(j) for j in (0, 1)] == [AI, None]


def test_nobody_asks_of_whose_text_a_persons_line_was_made() -> None:
    draft = Draft([b"total = price * count + fee"])
    draft.take_aligned(version([b"total = price * count + tax"], HUMAN))
    assert draft.made_of(0) is None
