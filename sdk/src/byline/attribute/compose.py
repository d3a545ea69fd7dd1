# SPDX-License-Identifier: Apache-2.0
"""Recipes, read: what a claim says of every line of its version (rule 10).

Copied lines are what the base says of them, new lines are the claim's own. No text, no diff and no commit has a part in it. A claim
that was imported says nothing by itself: it may give lines of a version to an agent, and nothing else (`tighten`).

>>> from byline.core.attribution import UNKNOWN
>>> from byline.core.claim import Claim, New, Op
>>> new = New(owner=UNKNOWN, hashes=bytes(32))
>>> claim = Claim(path=b"a", op=Op.ADD, mode="100644", sha256="0" * 64, blob="b", hand=UNKNOWN, segments=(new,))
>>> len(compose(claim, (), statement="s", commit="c").bylines)
2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import UNATTRIBUTED, Byline, Origin, stricter
from byline.core.claim import Copied, New
from byline.core.lines import HASH_BYTES
from byline.core.value import replace
from byline.core.version import NO_HASH, Claimed, split_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from byline.core.claim import Claim


def compose(claim: Claim, bases: Sequence[Claimed | None], *, statement: str, commit: str) -> Claimed:
    """Return the version that `claim` describes; `bases` are those of the claim, None where nothing is known of one.

    A line that a base should hold and does not is unknown, and has no hash that could ever agree.
    """
    hashes: list[bytes] = []  # of many lines each: a version is composed once for each commit that touched it
    bylines: list[Byline] = []
    for segment in claim.segments:
        if isinstance(segment, Copied):
            base, end = bases[segment.base], segment.start + segment.count
            if base:
                hashes.append(base.hashes[HASH_BYTES * segment.start : HASH_BYTES * end])
                bylines += base.bylines[segment.start : end]
            missing = segment.count - (len(base.bylines[segment.start : end]) if base else 0)
            hashes.append(NO_HASH * missing)
            bylines += [UNATTRIBUTED] * missing
        else:
            hashes.append(segment.hashes)
            bylines += [Byline(owner=segment.owner, statement=statement, commit=commit)] * segment.count
    return Claimed(path=claim.path, blob=claim.blob or "", hashes=b"".join(hashes), bylines=tuple(bylines))


def tighten(version: Claimed, claim: Claim, *, statement: str, commit: str) -> Claimed:
    """Return `version` with the lines that the imported `claim` gives to an agent, where no agent is known to have had a hand in them."""
    bylines, start = list(version.bylines), 0
    for each in claim.segments:
        if isinstance(each, New) and each.owner.is_ai:
            byline = Byline(owner=each.owner, statement=statement, commit=commit)
            for j, said in enumerate(split_hashes(each.hashes[: HASH_BYTES * (len(bylines) - start)]), start):
                if not bylines[j].owner.is_ai and version.hashes[HASH_BYTES * j : HASH_BYTES * (j + 1)] == said:
                    bylines[j] = byline
        start += each.count
        if start >= len(bylines):
            break
    return version if bylines == list(version.bylines) else replace(version, bylines=tuple(bylines))


def join(versions: Sequence[Claimed]) -> Claimed:
    """Return what several claims of one content say together: of each line the stricter (rule 10a). There is at least one."""
    first, *others = versions
    if not others:
        return first
    bylines = list(first.bylines)
    for other in others:
        if len(other.bylines) != len(bylines):
            continue
        for j, byline in enumerate(other.bylines):
            if byline is not bylines[j] and stricter(bylines[j].owner, byline.owner) is byline.owner:
                bylines[j] = byline
    return Claimed(path=first.path, blob=first.blob, hashes=first.hashes, bylines=tuple(bylines))


def keep_agents(version: Claimed, others: Iterable[Claimed]) -> Claimed:
    """Return `version`, but a line that one of `others` calls an agent's is the agent's and not a person's, nor a tool's."""
    hashes = split_hashes(version.hashes)
    bylines = list(version.bylines)
    for other in others:
        for j, (byline, line) in enumerate(zip(other.bylines, split_hashes(other.hashes), strict=True)):
            if j < len(bylines) and byline.owner.is_ai and line == hashes[j] and bylines[j].owner.is_known and not bylines[j].owner.is_ai:
                bylines[j] = byline
    return replace(version, bylines=tuple(bylines))


def is_contradicted(said: Claimed, found: Claimed) -> bool:
    """Whether what is `said` to be a person's is found to be another's."""
    return any(one is not two and one.owner.origin is Origin.HUMAN for one, two in zip(said.bylines, found.bylines, strict=True))


def confirm(version: Claimed, hashes: Sequence[bytes]) -> tuple[tuple[Byline, ...], bool]:
    """Return the bylines of `version` for a text with `hashes`, and whether no hash contradicts: such a line is unknown."""
    if version.hashes == b"".join(hashes):
        return version.bylines, True
    if len(version.bylines) != len(hashes):
        return (UNATTRIBUTED,) * len(hashes), False
    said = split_hashes(version.hashes)
    bylines = tuple(byline if one == two else UNATTRIBUTED for byline, one, two in zip(version.bylines, said, hashes, strict=True))
    return bylines, all(one in (two, NO_HASH) for one, two in zip(said, hashes, strict=True))
