# SPDX-License-Identifier: Apache-2.0
"""An answer of a sealed index is right, or it is refused."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.approval import format_approval
from byline.core.authorship import format_authorship
from byline.core.checkpoint import Checkpoint
from byline.core.claim import Base, Op
from byline.core.effect import FileState
from byline.core.index_keys import KEY_SIZE, index_keys, path_key, subject_key, version_key
from byline.core.merkle import EMPTY_ROOT, check_range, hash_leaf, prove_inclusion, prove_range, read_nodes, root_of
from byline.core.sealed_index import Run, Seal, Slice, format_row, format_seal, is_seal, open_rows, open_seal, parse_seal
from byline.core.statement import PredicateType, Statement, Subject, parse_statement
from byline.errors import EntryError, ProofError
from casework import REPOSITORY, ai, approval, authorship, claim, move, team

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = [bytes([letter]) * KEY_SIZE for letter in b"bdfh"]
ASKED = [bytes([letter]) * KEY_SIZE for letter in b"abcdefghi"]


names = st.sampled_from(["id", "path", "pathBytes", "mode", "sha256", "bases", "op"])
values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


def run_of(first: int, end: int, rows: Sequence[bytes]) -> Run:
    return Run(first=first, end=end, rows=len(rows), root=root_of(len(rows), read_nodes([hash_leaf(row) for row in rows])))


def slice_of(rows: Sequence[bytes], start: int, stop: int) -> Slice:
    nodes = read_nodes([hash_leaf(row) for row in rows])
    return Slice(start=start, rows=tuple(rows[start:stop]), hashes=prove_range(start, stop, len(rows), nodes) if rows else ())


def prove(rows: Sequence[bytes], key: bytes) -> Slice:
    low = bisect.bisect_left(rows, key)
    high = bisect.bisect_left(rows, key + b"\xff" * 9)
    return slice_of(rows, max(0, low - 1), min(len(rows), high + 1)) if rows else Slice(start=0, rows=(), hashes=())


@st.composite
def indices(draw: st.DrawFn) -> tuple[dict[bytes, set[int]], list[tuple[int, int, list[bytes]]]]:
    """Make a naive map of keys to entries, and the runs that hold it."""
    size = draw(st.integers(0, 12))
    pairs = draw(st.sets(st.tuples(st.sampled_from(KEYS), st.integers(0, max(size - 1, 0))), max_size=24)) if size else set()
    ends = sorted({*draw(st.sets(st.integers(1, max(size, 1)), max_size=3)), size} - {0}) if size else []
    ends = [end for end in ends if end <= size]
    runs = [
        (first, end, sorted(format_row(key, index) for key, index in pairs if first <= index < end))
        for first, end in zip([0, *ends], ends, strict=False)
    ]
    return {key: {index for each, index in pairs if each == key} for key in ASKED}, runs


@given(made=indices())
def test_an_answer_is_what_a_plain_map_says(made: tuple[dict[bytes, set[int]], list[tuple[int, int, list[bytes]]]]) -> None:
    known, runs = made
    seal = Seal(size=runs[-1][1] if runs else 0, sealed_at=0, runs=tuple(run_of(*each) for each in runs))
    assert parse_seal(format_seal(seal)) == seal
    for key in ASKED:
        assert open_rows(key, seal, [prove(rows, key) for _, _, rows in runs]) == tuple(sorted(known[key]))


@given(made=indices(), data=st.data())
def test_no_answer_omits_adds_or_moves_a_row(
    made: tuple[dict[bytes, set[int]], list[tuple[int, int, list[bytes]]]], data: st.DataObject
) -> None:
    """L3: any slice of the real rows, and any change of one, is refused or says what is there."""
    known, runs = made
    seal = Seal(size=runs[-1][1] if runs else 0, sealed_at=0, runs=tuple(run_of(*each) for each in runs))
    key = data.draw(st.sampled_from(ASKED))
    parts = []
    for _, _, rows in runs:
        low = data.draw(st.integers(0, len(rows)))
        high = data.draw(st.integers(low, len(rows)))
        part = slice_of(rows, low, high) if low < high else Slice(start=0, rows=(), hashes=())
        shown = list(part.rows)
        how = data.draw(st.sampled_from(["keep", "keep", "drop", "add", "move", "start", "hash"]))
        if how == "drop" and shown:
            shown.pop(data.draw(st.integers(0, len(shown) - 1)))
        if how in {"add", "move"}:
            shown = sorted({*shown[how == "move" :], format_row(data.draw(st.sampled_from(ASKED)), data.draw(st.integers(0, 12)))})
        start = part.start + (data.draw(st.integers(-1, 1)) if how == "start" else 0)
        hashes = (*part.hashes, bytes(32)) if how == "hash" else part.hashes
        parts.append(Slice(start=start, rows=tuple(shown), hashes=hashes))
    try:
        found = open_rows(key, seal, parts)
    except ProofError:
        return
    assert found == tuple(sorted(known[key]))


@given(size=st.integers(1, 40), data=st.data())
def test_a_range_is_proven_as_its_leaves_are(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    leaves = [hash_leaf(bytes([number])) for number in range(size)]
    root = root_of(size, read_nodes(leaves))
    hashes = prove_range(start, stop, size, read_nodes(leaves))
    check_range(start, leaves[start:stop], hashes, size=size, root=root)
    if stop - start == 1:
        assert len(hashes) == len(prove_inclusion(start, size, read_nodes(leaves)).hashes)
    for wrong in ((hash_leaf(b"x"), *leaves[start + 1 : stop]), leaves[start : stop - 1], (*leaves[start:stop], leaves[0])):
        with pytest.raises(ProofError):
            check_range(start, wrong, hashes, size=size, root=root)
    with pytest.raises(ProofError):
        check_range(start, leaves[start:stop], (*hashes, bytes(32)), size=size, root=root)


def test_a_seal_is_the_last_entry_and_covers_all_before_it() -> None:
    runs = (run_of(0, 2, []), run_of(2, 3, [format_row(KEYS[0], 2)]))
    leaf = format_seal(Seal(size=3, sealed_at=5, runs=runs))
    leaves = [hash_leaf(each) for each in (b"a", b"b", b"c", leaf)]
    root, hashes = root_of(4, read_nodes(leaves)), prove_inclusion(3, 4, read_nodes(leaves)).hashes
    assert open_seal(leaf, hashes, Checkpoint(origin="log.example", size=4, root=root)).runs == runs
    longer = [*leaves, hash_leaf(b"d")]
    proof, beyond = prove_inclusion(3, 5, read_nodes(longer)).hashes, root_of(5, read_nodes(longer))
    with pytest.raises(ProofError, match="covers 3 entries"):
        open_seal(leaf, proof, Checkpoint(origin="log.example", size=5, root=beyond))
    with pytest.raises(ProofError):
        open_seal(leaf, hashes, Checkpoint(origin="log.example", size=4, root=bytes(32)))


@pytest.mark.parametrize(
    ("size", "runs"),
    [
        (3, ((0, 2), (1, 3))),
        (3, ((0, 1), (2, 3))),
        (3, ((0, 2),)),
        (3, ((0, 3), (3, 3))),
        (3, ((1, 3),)),
        (3, ()),
        (0, ((0, 0),)),
        (300, tuple((at, at + 1) for at in range(300))),
    ],
)
def test_runs_that_do_not_cover_all_are_refused(size: int, runs: tuple[tuple[int, int], ...]) -> None:
    made = tuple(Run(first=first, end=end, rows=0, root=EMPTY_ROOT) for first, end in runs)
    with pytest.raises(EntryError):
        format_seal(Seal(size=size, sealed_at=0, runs=made))


def test_a_seal_has_one_spelling() -> None:
    leaf = format_seal(Seal(size=1, sealed_at=5, runs=(run_of(0, 1, [format_row(KEYS[0], 0)]),)))
    assert is_seal(leaf)
    for wrong in (
        leaf + b" ",
        leaf.replace(b'"size":1', b'"size":01'),
        leaf.replace(b"0.1", b"0.2"),
        leaf.replace(b'"rows":1', b'"rows":0'),
    ):
        with pytest.raises(EntryError):
            parse_seal(wrong)


def test_a_row_of_an_entry_beyond_its_run_is_refused() -> None:
    rows = [format_row(KEYS[0], 7)]
    with pytest.raises(ProofError, match="does not cover"):
        open_rows(KEYS[0], Seal(size=2, sealed_at=0, runs=(run_of(0, 2, rows),)), [slice_of(rows, 0, 1)])


def test_claims_are_indexed_by_what_they_say() -> None:
    """Every version that a claim makes or takes away, every path that it names, its commit and its change: nothing else."""
    made = claim(b"a.py", b"1\n", b"2\n", ai(None))
    base = Base(parent=0, path=b"old.py", mode="100644", sha256="1" * 64, blob="2" * 40)
    moved = replace(claim(b"\xff.py", b"1\n", b"3\n", ai(None)), op=Op.RENAME, bases=(base,), segments=(), removed=())
    gone = claim(b"gone.py", b"1\n", None, ai(None))
    said = replace(authorship(made), claims=(made, moved, gone))
    statement = parse_statement(format_authorship(said))
    expected = {
        subject_key(REPOSITORY, said.change),
        hashlib.sha256(b"\0".join((b"byline.index/1", REPOSITORY.encode(), b"commit", said.commit.id.encode()))).digest(),
        version_key(REPOSITORY, b"a.py", made.new),
        version_key(REPOSITORY, b"\xff.py", moved.new),
        version_key(REPOSITORY, b"old.py", None),
        version_key(REPOSITORY, b"gone.py", None),
        *(path_key(REPOSITORY, path) for path in (b"a.py", b"\xff.py", b"old.py", b"gone.py")),
    }
    assert set(index_keys(statement)) == expected
    assert list(index_keys(statement)) == sorted(expected)


def test_other_statements_are_indexed_by_their_subjects() -> None:
    subjects = (Subject(name="change", sha256="1" * 64), Subject(name="a", sha256="2" * 64))
    said = Statement(subjects=subjects, predicate_type=PredicateType.DECISION, predicate={"repository": {"id": REPOSITORY}}, digest="")
    assert set(index_keys(said)) == {subject_key(REPOSITORY, each.sha256) for each in subjects}
    given_to = approval("p-ana", move(b"a.py", b"1", b"2"), policy=team())
    assert index_keys(parse_statement(format_approval(given_to))) == (subject_key(REPOSITORY, given_to.digest),)
    assert index_keys(replace(said, predicate={})) == ()
    assert index_keys(replace(said, predicate={"repository": {"id": "example"}})) == ()


def test_keys_of_two_repositories_have_nothing_in_common() -> None:
    other = "byl:" + "0" * 32
    state = FileState(mode="100644", sha256="0" * 64)
    assert version_key(REPOSITORY, b"a", state) != version_key(other, b"a", state)
    assert len({path_key(REPOSITORY, b"a"), version_key(REPOSITORY, b"a", None), version_key(REPOSITORY, b"a", state)}) == 3


@given(predicate=st.dictionaries(st.sampled_from(["commit", "files"]), values))
def test_whatever_a_predicate_holds_it_has_keys(predicate: dict[str, object]) -> None:
    """What does not read strictly is not looked at; nothing goes wrong with it."""
    said = Statement(
        subjects=(Subject(name="change", sha256="1" * 64),),
        predicate_type=PredicateType.AUTHORSHIP,
        predicate={**predicate, "repository": {"id": REPOSITORY}},  # type: ignore[dict-item]  # any JSON
        digest="",
    )
    assert subject_key(REPOSITORY, "1" * 64) in index_keys(said)
