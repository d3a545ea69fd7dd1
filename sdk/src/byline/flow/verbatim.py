# SPDX-License-Identifier: Apache-2.0
"""Whether what claims say they copied is the same text: read from git's objects, for a claim's word is not enough.

    change = replace(change, authorships=facts, verbatim=verbatim_bases(repo, facts, landing))

A recipe names the lines that it copies by number. Lines that differ in nothing but white space count as copied for blame, and a
false recipe could call anything copied; a gate asks whose hand that was. So both versions are read here, their SHA-256 compared
with the claimed ones, and the copied lines with each other: every one the same, byte for byte, in the order of the base. What is
not here, too large or anything else is simply not named.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from byline.core.change import MAX_TEXT, raw_lines
from byline.core.claim import Copied
from byline.core.effect import FileState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from byline.core.claim import Claim
    from byline.core.verified import VerifiedAuthorship
    from byline.flow.landing import Landing
    from byline.git.repository import Repository

    Read = Callable[[str, str], Sequence[bytes] | None]

CACHED = 16  # versions at a time: neighbours in a chain of commits share one


def verbatim_bases(repo: Repository, facts: Iterable[VerifiedAuthorship], landing: Landing) -> frozenset[tuple[str, bytes, int]]:
    """Return the bases (statement, path, number) of the claims in `facts` from which the same text was copied.

    A claim from the old to the new version of `landing` itself is left out: what it copies is in no unit of the change.
    """
    pairs = [(fact, claim) for fact in facts for claim in fact.authorship.claims]
    pairs.sort(key=lambda pair: (pair[1].path, pair[0].authorship.chain.id, pair[0].authorship.chain.seq))
    used = {(base.path, base.sha256) for _, claim in pairs for base in claim.bases}
    whole = {(move.path, move.old, move.new) for move in (file.transition for file in landing.files)}
    asked = [
        (fact.digest, claim, number)
        for fact, claim in pairs
        for number in _copied_bases(claim)
        if (claim.path, _base_state(claim, number), claim.new) not in whole or (claim.path, claim.sha256) in used
    ]
    read = _reader(repo, [blob for _, claim, number in asked for blob in (claim.bases[number].blob, claim.blob) if blob])
    return frozenset((digest, claim.path, number) for digest, claim, number in asked if _is_verbatim(claim, number, read))


def _reader(repo: Repository, blobs: Iterable[str]) -> Read:
    """Return what reads a version, if it is the one with the SHA-256; `blobs` are those that it will be asked for, in order."""
    plan = list(dict.fromkeys(blobs))
    contents = zip(plan, repo.read_small_blobs(plan, MAX_TEXT), strict=True)
    coming = iter(plan)
    following = next(coming, None)

    @lru_cache(maxsize=CACHED)
    def read(blob: str, sha256: str) -> Sequence[bytes] | None:
        nonlocal following
        if blob == following:
            _, data = next(contents)
            following = next(coming, None)
        else:
            data = next(repo.read_small_blobs([blob], MAX_TEXT))
        return raw_lines(data) if data is not None and hashlib.sha256(data).hexdigest() == sha256 else None

    return read


def _copied_bases(claim: Claim) -> Iterator[int]:
    yield from sorted(number for number in claim.copied_bases if claim.bases[number].path == claim.path)


def _base_state(claim: Claim, number: int) -> FileState:
    return FileState(mode=claim.bases[number].mode, sha256=claim.bases[number].sha256)


def _is_verbatim(claim: Claim, number: int, read: Read) -> bool:
    base = claim.bases[number]
    old = read(base.blob, base.sha256)
    new = read(claim.blob, claim.sha256) if claim.blob and claim.sha256 else None
    if old is None or new is None or sum(each.count for each in claim.segments) != len(new):
        return False
    at = end = 0
    for each in claim.segments:
        if isinstance(each, Copied) and each.base == number:
            if each.start < end or old[each.start : each.start + each.count] != new[at : at + each.count]:
                return False
            end = each.start + each.count
        at += each.count
    return True
