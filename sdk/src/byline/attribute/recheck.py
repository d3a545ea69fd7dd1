# SPDX-License-Identifier: Apache-2.0
"""Whether what a claim carries follows from the statements that it names, and what is left of the claim where it does not.

A carried line *holds* if the statement that it names says the same owner of the same line, and no weaker evidence; it *fails* if the
statement says otherwise; nobody here is *sure* if the statement, or a text that is needed, is not here.

    every way   the statement has a new line of this owner with this keyed hash
    exact       beyond `inferred`, where claims can be composed: an earlier claim of the very content has this line from the statement
    aligned     at most `inferred`; for text that was made over since: the words of the line stand, wrapped otherwise, in a base of
                this claim or in a version that the statement is about, where the statement's line stood
    hash        at most `inferred`

So no line gains by being carried. Who wrote an agent's line that was made over in texts which are not here cannot be told again: it
stays the agent's, for that is the stricter answer. A statement names others by their digest, so carries never go in a circle.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from byline.attribute.match import TIGHTENING
from byline.attribute.words import reworded, rewrapped
from byline.core.attribution import UNKNOWN, Evidence, Owner
from byline.core.claim import Carried, Carry, Claim, New, Segment
from byline.core.diff import gaps, match_lines
from byline.core.lines import HASH_BYTES, LineRange, squeeze
from byline.core.value import dataclass, replace
from byline.core.version import split_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from byline.core.authorship import Authorship

Value = TypeVar("Value")

MAX_TEXTS = 20  # in which a line that was made over is looked for


class Outcome(StrEnum):
    """What became of a carried line when it was looked at again."""

    HOLDS = "holds"
    FAILS = "fails"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked:
    """Carried `lines` of one claim with one `outcome`; `owner` is what the claim says of them."""

    lines: LineRange
    owner: Owner
    carried: Carried
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What is here to look things up in: statements by digest, the lines of blobs, the hashes of lines.

    `whole` gives for each line of a content at a path the statements from which claims of that very content have it; None where
    claims are not composed for this.
    """

    said: Callable[[str], Authorship | None]
    lines: Callable[[str], tuple[bytes, ...] | None]
    hashes: Callable[[Sequence[bytes]], Sequence[bytes]]
    whole: Callable[[str, bytes], Sequence[Collection[str | None]]] | None = None


def recheck(claim: Claim, shelf: Shelf) -> tuple[Rechecked, ...]:
    """Return what becomes of the carried lines of `claim`, in order; what is carried as unknown is nobody's concern."""
    checker = _Checker(claim, shelf)
    found: list[Rechecked] = []
    at = 0
    for each in claim.segments:
        if isinstance(each, New) and each.carried and each.owner.is_known:
            found += _runs(at, each.owner, each.carried, checker.outcomes(each, each.carried, at))
        at += each.count
    return tuple(found)


def follow(claim: Claim, rechecked: Sequence[Rechecked]) -> Claim:
    """Return `claim` without what does not hold: such lines are unknown, but for those of agents about which nobody is sure."""
    lost = {j for each in rechecked if not is_kept(each) for j in range(each.lines.start, each.lines.end)}
    if not lost:
        return claim
    segments: list[Segment] = []
    at = 0
    for each in claim.segments:
        segments += _without(each, at, lost) if isinstance(each, New) else (each,)
        at += each.count
    return replace(claim, segments=tuple(segments))


def is_kept(each: Rechecked) -> bool:
    """Whether the lines stay the owner's that the claim gives them."""
    return each.outcome is Outcome.HOLDS or (each.outcome is Outcome.UNSURE and each.owner.origin in TIGHTENING)


def _without(new: New, at: int, lost: Collection[int]) -> Iterator[New]:
    for lines, is_lost in _grouped(at, [j in lost for j in range(at, at + new.count)]):
        hashes = new.hashes[HASH_BYTES * (lines.start - at) : HASH_BYTES * (lines.end - at)]
        yield replace(new, owner=UNKNOWN if is_lost else new.owner, hashes=hashes)


def _runs(at: int, owner: Owner, carried: Carried, outcomes: Sequence[Outcome]) -> Iterator[Rechecked]:
    for lines, outcome in _grouped(at, outcomes):
        yield Rechecked(lines=lines, owner=owner, carried=carried, outcome=outcome)


def _grouped(at: int, values: Sequence[Value]) -> Iterator[tuple[LineRange, Value]]:
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or values[end] != values[start]:
            yield LineRange(at + start, at + end), values[start]
            start = end


class _Checker:
    """One claim; what a statement says of an owner is looked up once."""

    def __init__(self, claim: Claim, shelf: Shelf) -> None:
        self._claim = claim
        self._shelf = shelf
        self._spoken = cache(self._find_spoken)

    def outcomes(self, new: New, carried: Carried, at: int) -> list[Outcome]:
        """Return one outcome for each line of `new`, which stands at line `at`."""
        said = self._shelf.said(carried.statement)
        if said is None:
            return [Outcome.UNSURE] * new.count
        if carried.how is not Carry.EXACT and new.owner.evidence.rank > Evidence.INFERRED.rank:
            return [Outcome.FAILS] * new.count
        if new.owner.origin in TIGHTENING and any(is_said(each.hand, new.owner) for each in said.claims if each.blob and not each.segments):
            return [Outcome.HOLDS] * new.count  # of a file with too many lines to name, an agent's hand is all that is said
        spoken = self._spoken(carried.statement, new.owner)
        outcomes = [Outcome.HOLDS if each in spoken else Outcome.FAILS for each in split_hashes(new.hashes)]
        if carried.how is Carry.EXACT and new.owner.evidence.rank > Evidence.INFERRED.rank:
            return self._exact(outcomes, carried, at)
        if carried.how is Carry.ALIGNED and spoken and Outcome.FAILS in outcomes:
            return self._made_over(outcomes, new.owner, said, spoken, at)
        return outcomes

    def _find_spoken(self, statement: str, owner: Owner) -> frozenset[bytes]:
        """Return the hashes of the lines of which `statement` says that they are `owner`'s."""
        said = self._shelf.said(statement)
        news = (each for claim in (said.claims if said else ()) for each in claim.segments if isinstance(each, New))
        return frozenset(line for each in news if is_said(each.owner, owner) for line in split_hashes(each.hashes))

    def _exact(self, outcomes: list[Outcome], carried: Carried, at: int) -> list[Outcome]:
        if self._shelf.whole is None:
            return outcomes
        places = self._shelf.whole(self._claim.blob or "", self._claim.path)[at : at + len(outcomes)]
        held = [carried.statement in place for place in places] + [False] * (len(outcomes) - len(places))
        return [outcome if holds else Outcome.FAILS for outcome, holds in zip(outcomes, held, strict=True)]

    def _made_over(self, outcomes: list[Outcome], owner: Owner, said: Authorship, spoken: Collection[bytes], at: int) -> list[Outcome]:
        """Look for the lines that fail in older texts, as rules 4a and 7e do where text was wrapped or worded otherwise."""
        text = self._shelf.lines(self._claim.blob or "")
        older = [self._shelf.lines(blob) for blob in self._older(said, owner)] if text else []
        lines = LineRange(at, at + len(outcomes))
        for old in filter(None, older):
            for j, i in _same_words(old, text or (), lines, is_loose=owner.origin in TIGHTENING):
                if outcomes[j] is Outcome.FAILS and self._shelf.hashes((old[i],))[0] in spoken:
                    outcomes[j] = Outcome.HOLDS
        is_unsure = text is None or None in older or owner.origin in TIGHTENING
        return [Outcome.UNSURE if is_unsure and each is Outcome.FAILS else each for each in outcomes]

    def _older(self, said: Authorship, owner: Owner) -> list[str]:
        theirs = (each for each in said.claims if any(isinstance(part, New) and is_said(part.owner, owner) for part in each.segments))
        blobs = [*(base.blob for base in self._claim.bases), *(each.blob for each in theirs if each.blob)]
        return list(dict.fromkeys(blobs))[:MAX_TEXTS]


def _same_words(old: Sequence[bytes], text: Sequence[bytes], lines: LineRange, *, is_loose: bool) -> Iterator[tuple[int, int]]:
    """Yield for `lines` of `text`, counted from their start, the line of `old` where each began before it was made over.

    Looked at are the places that changed as a whole, and whole lines of `old` that `lines` are with other breaks.
    """
    for gap in gaps(match_lines(old, text), len(old)):
        if gap.new.start < lines.end and gap.new.end > lines.start:
            before, after = old[gap.old.start : gap.old.end], text[gap.new.start : gap.new.end]
            for way in (rewrapped, reworded) if is_loose else (rewrapped,):
                for j, i in enumerate(way(before, after), gap.new.start - lines.start):
                    if 0 <= j < len(lines):
                        yield j, gap.old.start + i
    run = text[lines.start : lines.end]
    whole, first = squeeze(b"".join(run)), next(filter(None, map(squeeze, run)), b"")
    for start, head in enumerate(map(squeeze, old)):
        if head and first and (first.startswith(head) or head.startswith(first)):
            end, size = start, -whole.count(b",")
            while end < len(old) and size < len(whole):
                end, size = end + 1, size + len(squeeze(old[end]))
                yield from ((j, start + i) for j, i in enumerate(rewrapped(old[start:end], run)))


def is_said(said: Owner, carried: Owner) -> bool:
    """Whether `carried` is the owner that was `said`, known no better."""
    return carried.evidence.rank <= said.evidence.rank and replace(said, evidence=carried.evidence) == carried
