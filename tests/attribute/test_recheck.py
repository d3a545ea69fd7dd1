# SPDX-License-Identifier: Apache-2.0
"""What is carried never gains: not in a draft that looks for owners, and not where a claim is looked at again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.attribute.match import Draft
from byline.attribute.recheck import Outcome, Shelf, follow, recheck
from byline.core.attribution import UNKNOWN, Agent, Byline, Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Commit, Link, Recorder
from byline.core.claim import Base, Carried, Carry, Claim, New, Op
from byline.core.diff import gaps, match_lines
from byline.core.lines import LineRange, hash_lines, split_lines
from byline.core.version import Block, Claimed, Version

KEY = b"k" * 32
SOURCE = "5" * 64
AI = Owner(origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK, agent=Agent(name="scribe"), session="s")
HUMAN = Owner(origin=Origin.HUMAN, evidence=Evidence.DECLARED, channel=Channel.DECLARATION, principal="p-ana")

owners = st.builds(
    Owner,
    origin=st.sampled_from([*Origin]),
    evidence=st.sampled_from([*Evidence]),
    channel=st.sampled_from([Channel.HOOK, Channel.EDITOR]),
    agent=st.sampled_from([None, Agent(name="scribe")]),
    principal=st.sampled_from([None, "p-ana"]),
    earlier=st.none() | st.just(HUMAN),
)
LINES = ["alpha = 1", "beta = f(2,", "3)", "beta = f(2, 3)", "  alpha = 1", "}", "", "gamma = 'x'", 'gamma = "x"']
texts = st.lists(st.sampled_from(LINES))


def inferred(owner: Owner) -> Owner:
    return replace(owner, evidence=Evidence.INFERRED)


def version(text: str, owner: Owner, *, blob: str, carried: Carried | None = None, bases: tuple[str, ...] = ()) -> Claim:
    """Make the claim of a file that is all `owner`'s."""
    return Claim(
        path=b"a.py",
        op=Op.MODIFY,
        mode="100644",
        sha256="0" * 64,
        blob=blob,
        hand=owner,
        bases=tuple(Base(parent=0, path=b"a.py", mode="100644", sha256="0" * 64, blob=each) for each in bases),
        segments=(New(owner=owner, hashes=b"".join(hash_lines(split_lines(text.encode()), KEY)), carried=carried),),
    )


def statement(*claims: Claim) -> Authorship:
    return Authorship(
        repository="byl:" + "0" * 32,
        salt=bytes(16),
        change="0" * 64,
        commit=Commit(id="1" * 40, tree="2" * 40, parents=("3" * 40,)),
        recorder=Recorder(name="byline", version="0", channel="sweep"),
        chain=Link(id="c-1", seq=1, prev=None),
        claims=claims,
    )


def look(claim: Claim, said: Authorship | None, whole: tuple[set[str], ...] | None = None, **contents: str) -> list[Outcome]:
    """Look at `claim` again, where `said` is the statement that it names and `contents` are the texts of blobs."""
    kept = {blob: split_lines(text.encode()) for blob, text in contents.items()}
    found = recheck(
        claim,
        Shelf(
            said=lambda digest: said if digest == SOURCE else None,
            lines=kept.get,
            hashes=lambda lines: hash_lines(lines, KEY),
            whole=None if whole is None else lambda *_: whole,
        ),
    )
    return [each.outcome for each in found for _ in range(len(each.lines))]


@given(source=owners, carried=owners, how=st.sampled_from(Carry), data=st.data())
def test_what_holds_is_no_stronger_than_what_was_said(source: Owner, carried: Owner, how: Carry, data: st.DataObject) -> None:
    """U9: neither towards a person nor in evidence, whatever owners are invented."""
    carried = data.draw(st.sampled_from([carried, source, inferred(source), replace(carried, origin=source.origin)]))
    claim = version("x = 1", carried, blob="new", carried=Carried(statement=SOURCE, how=how))
    outcomes = look(claim, statement(version("x = 1", source, blob="old")), ({SOURCE},), new="x = 1", old="x = 1")
    if Outcome.HOLDS in outcomes:
        assert carried.origin is source.origin
        assert carried.evidence.rank <= source.evidence.rank
        assert how is Carry.EXACT or carried.evidence.rank <= Evidence.INFERRED.rank
    if outcomes and carried.origin is Origin.HUMAN is not source.origin:
        (left,) = follow(claim, recheck(claim, _bare(statement(version("x = 1", source, blob="old"))))).segments
        assert isinstance(left, New)
        assert left.owner == UNKNOWN


def _bare(said: Authorship) -> Shelf:
    return Shelf(said=lambda _: said, lines=lambda _: None, hashes=lambda lines: hash_lines(lines, KEY))


@given(old=texts, new=texts, data=st.data())
def test_a_draft_gives_no_line_a_better_owner_than_it_was_found_with(old: list[str], new: list[str], data: st.DataObject) -> None:
    """U9: by diff, hash, wrapping, wording and moved blocks, in any order."""
    lines, after = tuple(each.encode() for each in old), tuple(each.encode() for each in new)
    said = tuple(Byline(owner=data.draw(owners), statement=str(i)) for i in range(len(lines)))
    draft = Draft(after)
    hashes = hash_lines(after, KEY)
    changed = gaps(match_lines(lines, after), len(lines))
    known = Version(path=b"a", blob="b", lines=lines, bylines=said)
    claimed = Claimed(path=b"a", blob="b", hashes=b"".join(hash_lines(lines, KEY)), bylines=said)
    ways = [
        lambda: draft.take_aligned(known),
        lambda: draft.take_hashed(claimed, hashes, is_same_path=True),
        lambda: draft.take_rewrapped(lines, lambda: said, changed),
        lambda: draft.take_reworded(lines, lambda: said, changed),
        lambda: draft.take_blocks([Block(lines=lines, bylines=said)], lambda *_: True, weakened=True),
        lambda: draft.take_base(0, said, match_lines(lines, after)),
    ]
    for way in data.draw(st.permutations(ways)):
        way()
    for byline in filter(None, draft.bylines):
        source = said[int(byline.statement or 0)].owner
        assert replace(byline.owner, evidence=source.evidence) == source
        assert byline.owner.evidence.rank <= source.evidence.rank


def test_what_the_statement_says_holds() -> None:
    for owner, how in ((HUMAN, Carry.EXACT), (inferred(HUMAN), Carry.HASH), (inferred(AI), Carry.ALIGNED)):
        said = statement(version("x = 1\ny = 2", replace(owner, evidence=Evidence.DECLARED), blob="old"))
        claim = version("y = 2", owner, blob="new", carried=Carried(statement=SOURCE, how=how))
        assert look(claim, said) == [Outcome.HOLDS]


def test_what_it_says_of_another_line_fails_and_what_is_not_here_is_unsure() -> None:
    said = statement(version("x = 1", HUMAN, blob="old"))
    claim = version("x = 1\ny = 2", inferred(HUMAN), blob="new", carried=Carried(statement=SOURCE, how=Carry.HASH))
    assert look(claim, said) == [Outcome.HOLDS, Outcome.FAILS]
    assert look(claim, None) == [Outcome.UNSURE, Outcome.UNSURE]


def test_exact_holds_where_the_very_content_has_the_line_from_the_statement() -> None:
    said = statement(version("x = 1", HUMAN, blob="old"))
    claim = version("x = 1", HUMAN, blob="new", carried=Carried(statement=SOURCE, how=Carry.EXACT))
    assert look(claim, said, ({SOURCE},)) == [Outcome.HOLDS]
    assert look(claim, said, ({"6" * 64},)) == [Outcome.FAILS]
    assert look(claim, said, ()) == [Outcome.FAILS]


@pytest.mark.parametrize("how", [Carry.ALIGNED, Carry.HASH])
def test_what_was_found_as_text_is_inferred(how: Carry) -> None:
    claim = version("x = 1", HUMAN, blob="new", carried=Carried(statement=SOURCE, how=how))
    assert look(claim, statement(version("x = 1", HUMAN, blob="old"))) == [Outcome.FAILS]


WRAPPED = "total = add(\n    first,\n    second,\n)\n"
ONE = "total = add(first, second)\n"


@pytest.mark.parametrize(("old", "new"), [(ONE, WRAPPED), (WRAPPED, ONE), (f"a = 1\n{ONE}", f"b = 2\nc = 3\n{WRAPPED}")])
def test_text_that_was_wrapped_again_holds_where_the_texts_are_here(old: str, new: str) -> None:
    said = statement(version(old, HUMAN, blob="old"))
    lines = new.count("\n")
    claim = version(new, inferred(HUMAN), blob="new", carried=Carried(statement=SOURCE, how=Carry.ALIGNED))
    last = [Outcome.FAILS if new.startswith("b") else Outcome.HOLDS] * lines
    assert look(claim, said, new=new, old=old) == last
    assert set(look(claim, said, new=new)) == {Outcome.UNSURE}


def test_whole_lines_that_were_wrapped_again_are_found_beside_other_changes() -> None:
    said = statement(version(ONE, HUMAN, blob="old"))
    claim = version(WRAPPED, inferred(HUMAN), blob="new", carried=Carried(statement=SOURCE, how=Carry.ALIGNED), bases=("base",))
    first = replace(claim.segments[0], owner=AI, carried=None, hashes=hash_lines((b"b = 2",), KEY)[0])
    claim = replace(claim, segments=(first, *claim.segments))
    assert look(claim, said, new=f"b = 2\n{WRAPPED}", base=f"a = 1\n{ONE}", old=ONE) == [Outcome.HOLDS] * 4


def test_a_piece_of_a_persons_line_is_not_the_persons() -> None:
    """`allow(user)` out of `check(user) and allow(user)` means something else."""
    old, new = "check(user) and allow(user)\n", "allow(user)\n"
    claim = version(new, inferred(HUMAN), blob="new", carried=Carried(statement=SOURCE, how=Carry.ALIGNED), bases=("old",))
    assert look(claim, statement(version(old, HUMAN, blob="old")), new=new, old=old) == [Outcome.FAILS]


def test_other_words_fail_for_a_person_and_cannot_be_told_of_an_agent() -> None:
    old, new = "gamma = 'x'\n", 'gamma = ("x")\n'
    for owner, expected in ((HUMAN, Outcome.FAILS), (AI, Outcome.HOLDS)):
        claim = version(new, inferred(owner), blob="new", carried=Carried(statement=SOURCE, how=Carry.ALIGNED), bases=("old",))
        assert look(claim, statement(version(old, owner, blob="old")), new=new, old=old) == [expected]
    claim = version("delta()\n", inferred(AI), blob="new", carried=Carried(statement=SOURCE, how=Carry.ALIGNED), bases=("old",))
    assert look(claim, statement(version(old, AI, blob="old")), new="delta()\n", old=old) == [Outcome.UNSURE]


def test_of_a_file_with_too_many_lines_to_name_the_agents_hand_is_said() -> None:
    said = statement(replace(version("x", AI, blob="old"), segments=()))
    claim = version("x", inferred(AI), blob="new", carried=Carried(statement=SOURCE, how=Carry.HASH))
    assert look(claim, said) == [Outcome.HOLDS]
    human = version("x", inferred(HUMAN), blob="new", carried=Carried(statement=SOURCE, how=Carry.HASH))
    assert look(human, statement(replace(version("x", HUMAN, blob="old"), segments=()))) == [Outcome.FAILS]


def test_what_does_not_hold_is_unknown_and_an_agents_stays_an_agents() -> None:
    said = statement(version("x = 1", HUMAN, blob="old"))
    claim = version("x = 1\ny = 2\nz = 3", HUMAN, blob="new", carried=Carried(statement=SOURCE, how=Carry.EXACT))
    found = recheck(claim, _bare(said))
    assert [(each.lines, each.outcome) for each in found] == [(LineRange(0, 1), Outcome.HOLDS), (LineRange(1, 3), Outcome.FAILS)]
    assert [(each.count, each.owner.origin) for each in follow(claim, found).segments if isinstance(each, New)] == [
        (1, "human"),
        (2, "unknown"),
    ]
    absent = Shelf(said=lambda _: None, lines=lambda _: None, hashes=lambda lines: hash_lines(lines, KEY))
    for owner, kept in ((AI, Origin.AI), (HUMAN, Origin.UNKNOWN)):
        lost = version("x = 1", owner, blob="new", carried=Carried(statement=SOURCE, how=Carry.EXACT))
        (segment,) = follow(lost, recheck(lost, absent)).segments
        assert isinstance(segment, New)
        assert segment.owner.origin is kept
