# SPDX-License-Identifier: Apache-2.0
"""Attacks that hide a hand behind text of people who may: somebody who may not has changed it on the way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from byline.core.attribution import UNKNOWN
from byline.core.claim import Claim, Copied, Op
from byline.core.verdict import Outcome
from byline.core.verified import Strength, VerifiedAuthorship
from byline.flow.landing import read_landing
from byline.flow.verbatim import verbatim_bases
from byline.git.repository import open_repository
from casework import ai, approval, authorship, changed, claim, human, judge, move, outcome, sha, signed, team

if TYPE_CHECKING:
    from byline.core.bundle import Bundle
    from scratch import Scratch

PATH = b"src/auth.py"
OLD = b"a\n"
WRITTEN = b"a\nif not ok:\n    return\nopen()\n"
FILES = [changed(PATH, OLD, WRITTEN)]
SENIORS = signed(authorship(claim(PATH, OLD, WRITTEN, ai("p-ana"))), "p-ana")


def copying(old: bytes, new: bytes, signer: str, *places: tuple[int, int], hand: object = None, base_path: bytes | None = None) -> Bundle:
    """Sign a recipe of `new` that copies lines of `old` (start, count) and names nobody but the signer's agent, who did it."""
    made = replace(claim(PATH, old, new, ai(signer), base_path=base_path), hand=hand or ai(signer), removed=())
    segments = tuple(Copied(base=0, start=start, count=count) for start, count in places)
    return signed(authorship(replace(made, segments=segments), seq=2), signer)


def test_the_seniors_own_text_passes() -> None:
    """What the attacks imitate."""
    assert outcome(FILES, [SENIORS]) is Outcome.ALLOW


def test_evil_text_called_copied_is_the_hand_of_whoever_calls_it_so() -> None:
    """U6: a junior's recipe that copies a senior's lines names no new line at all."""
    evil = b"a\nif True:\n    pass\nopen()\n"
    forged = copying(WRITTEN, evil, "p-rob", (0, 4))
    assert outcome([changed(PATH, OLD, evil)], [SENIORS, forged], verbatim=frozenset()) is Outcome.PENDING


def test_dedented_on_the_way_is_somebodys_hand() -> None:
    """U2: the words are the senior's and the recipe is true; who moved `return` out of its block has a hand in it."""
    dedented = WRITTEN.replace(b"    return", b"return")
    agents = copying(WRITTEN, dedented, "p-rob", (0, 4))
    verdict = judge([changed(PATH, OLD, dedented)], [SENIORS, agents], verbatim=frozenset())
    assert verdict.outcome is Outcome.PENDING
    seniors = copying(WRITTEN, dedented, "p-ana", (0, 4))
    assert outcome([changed(PATH, OLD, dedented)], [SENIORS, seniors], verbatim=frozenset()) is Outcome.ALLOW


def test_a_guard_dropped_on_the_way_is_somebodys_hand() -> None:
    """U1: base and candidate show no removed line, for the guard was never in the base."""
    unguarded = b"a\nopen()\n"
    work = signed(authorship(claim(PATH, WRITTEN, unguarded, ai("p-rob")), seq=2), "p-rob")
    verdict = judge([changed(PATH, OLD, unguarded)], [SENIORS, work])
    assert (verdict.outcome, verdict.summary.removed) == (Outcome.PENDING, 0)
    for who, expected in (("p-rob", Outcome.PENDING), ("p-ana", Outcome.PENDING), ("p-ben", Outcome.ALLOW)):
        yes = signed(approval(who, move(PATH, OLD, unguarded), policy=team()), who)
        assert outcome([changed(PATH, OLD, unguarded)], [SENIORS, work, yes]) is expected


def test_a_merge_that_leaves_out_a_guard_is_the_mergers_hand() -> None:
    """U1: an evil merge copies a senior's branch, but for one line."""
    ours, merged = b"0\na\n", b"0\na\nopen()\n"
    one, two = claim(PATH, ours, merged, ai("p-rob")), claim(PATH, WRITTEN, merged, ai("p-rob"))
    evil = replace(
        one,
        bases=(one.bases[0], replace(two.bases[0], parent=1)),
        segments=(Copied(base=0, start=0, count=2), Copied(base=1, start=3, count=1)),
        removed=(),
    )
    said = authorship(evil, seq=2)
    said = replace(said, commit=replace(said.commit, parents=("3" * 40, "4" * 40)))
    assert outcome([changed(PATH, ours, merged)], [SENIORS, signed(said, "p-rob")]) is Outcome.PENDING
    assert outcome([changed(PATH, ours, merged)], [SENIORS, signed(replace(said, claims=(_by_ana(evil),)), "p-ana")]) is Outcome.ALLOW


def _by_ana(made: Claim) -> Claim:
    return replace(made, hand=ai("p-ana"))


@pytest.mark.parametrize("writer", ["nobody", "unknown", "junior", "weak"])
def test_a_rename_does_not_launder_text(writer: str) -> None:
    """U5, U6: a mid's honest rename in the same branch makes nobody's text, and nobody else's, her own."""
    there = b"src/new.py"
    moved = signed(authorship(claim(there, WRITTEN, WRITTEN, human("p-mia"), base_path=PATH, op=Op.RENAME), seq=2), "p-mia")
    text = {
        "nobody": [],
        "unknown": [signed(authorship(claim(PATH, None, WRITTEN, UNKNOWN)), "p-ana")],
        "junior": [signed(authorship(claim(PATH, None, WRITTEN, human("p-rob"))), "p-rob")],
        "weak": [signed(authorship(claim(PATH, None, WRITTEN, human("p-mia")), repository="byl:" + "0" * 32), "p-mia")],
    }[writer]
    files = [changed(there, None, WRITTEN)]
    assert outcome(files, [*text, moved]) is Outcome.PENDING
    own = signed(authorship(claim(PATH, None, WRITTEN, human("p-mia"))), "p-mia")
    assert outcome(files, [own, moved]) is Outcome.ALLOW
    assert outcome(files, [own, moved], named=frozenset({PATH})) is Outcome.PENDING


def test_circles_of_claims_hide_no_hand() -> None:
    """M2, AP5: claims that nobody can follow to an end take away what they relax, never whom they name."""
    first, new = b"x\n", b"x\nopen()\n"
    versions = [b"x\n%d\n" % n for n in range(12)]
    both = (Copied(base=0, start=0, count=2),)
    pairs = [pair for one, two in pairwise(versions) for pair in ((one, two), (two, one))]
    circles = [replace(claim(PATH, *pair, ai("p-ben")), segments=both, removed=()) for pair in pairs]
    near, far = (claim(PATH, each, new, ai("p-ben")) for each in (versions[0], versions[-1]))
    last = replace(
        far,
        bases=(far.bases[0], replace(near.bases[0], parent=1)),
        segments=(Copied(base=1, start=0, count=1), Copied(base=0, start=1, count=1)),
        removed=(),
    )
    made = [claim(PATH, None, first, ai("p-ben")), *circles, last]
    parents = ("3" * 40, "4" * 40)
    said = [authorship(each, seq=n) for n, each in enumerate(made, 1)]
    bundles = [signed(replace(each, commit=replace(each.commit, parents=parents)), "p-ben") for each in said]
    hidden = signed(authorship(claim(PATH, first, versions[0], ai("p-ana")), seq=50), "p-ana")
    yes = signed(approval("p-ana", move(PATH, OLD, new), policy=team()), "p-ana")
    assert outcome([changed(PATH, OLD, new)], [*bundles, hidden, yes]) is Outcome.PENDING
    assert outcome([changed(PATH, OLD, new)], [*bundles, yes]) is Outcome.ALLOW


def test_more_claims_than_anybody_follows_take_nothing_back() -> None:
    """M2, AP5: a flood of recipes that are longer than any file costs a bounded time, and names whom it named before."""
    huge = (Copied(base=0, start=0, count=1_900_000),)
    names = [b"%d\n" % n for n in range(30)]
    flood = [replace(claim(PATH, each, WRITTEN, ai("p-rob")), segments=huge, removed=()) for each in names]
    bundles = [signed(authorship(each, seq=n), "p-rob") for n, each in enumerate(flood, 1)]
    yes = [signed(approval(who, move(PATH, OLD, WRITTEN), policy=team()), who) for who in ("p-ana", "p-ben")]
    assert outcome(FILES, [SENIORS, *bundles]) is Outcome.PENDING
    assert outcome(FILES, [SENIORS, *bundles, yes[0]]) is Outcome.PENDING
    assert outcome(FILES, [SENIORS, *bundles, yes[1]]) is Outcome.ALLOW


class Shelf:
    """Versions in a real repository, and claims with their real ids."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.commits: dict[bytes, str] = {}

    def put(self, text: bytes) -> str:
        self.scratch.write(PATH.decode(), text)
        self.commits[text] = self.scratch.commit("a version")
        return self.scratch.git("rev-parse", f"HEAD:{PATH.decode()}")

    def fact(self, old: bytes, new: bytes, *places: tuple[int, int]) -> VerifiedAuthorship:
        ids = [self.put(each) for each in (old, new)]
        made = claim(PATH, old, new, ai("p-rob"))
        segments = tuple(Copied(base=0, start=start, count=count) for start, count in places)
        made = replace(made, blob=ids[1], bases=(replace(made.bases[0], blob=ids[0]),), segments=segments)
        said = authorship(made)
        return VerifiedAuthorship(digest=sha(new), principal="p-rob", key="0" * 64, strength=Strength.SIGNED, authorship=said, is_full=True)

    def same(self, fact: VerifiedAuthorship) -> bool:
        with open_repository(self.scratch.path) as repo:
            head = self.scratch.git("rev-parse", "HEAD")
            return bool(verbatim_bases(repo, [fact], read_landing(repo, head, head)))


def test_what_a_claim_calls_copied_is_compared_with_gits_objects(repository: Scratch) -> None:
    """U6: dedented, reordered, changed, too few lines, another version than was claimed, one that is not here."""
    shelf = Shelf(repository)
    assert shelf.same(shelf.fact(WRITTEN, b"a\nopen()\n", (0, 1), (3, 1)))
    assert not shelf.same(shelf.fact(WRITTEN, WRITTEN.replace(b"    r", b"r"), (0, 4)))
    assert not shelf.same(shelf.fact(WRITTEN, b"open()\na\n", (3, 1), (0, 1)))
    assert not shelf.same(shelf.fact(WRITTEN, b"a\nevil()\n", (0, 1), (3, 1)))
    assert not shelf.same(shelf.fact(WRITTEN, b"a\nopen()", (0, 1), (3, 1)))
    assert not shelf.same(shelf.fact(WRITTEN, b"a\nopen()\nmore()\n", (0, 1), (3, 1)))
    good = shelf.fact(WRITTEN, b"a\nopen()\n", (0, 1), (3, 1))
    (made,) = good.authorship.claims
    for other in (
        replace(made, sha256="0" * 64),
        replace(made, blob="0" * 40),
        replace(made, bases=(replace(made.bases[0], blob="0" * 40),)),
    ):
        assert not shelf.same(replace(good, authorship=replace(good.authorship, claims=(other,))))
