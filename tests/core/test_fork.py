# SPDX-License-Identifier: Apache-2.0
"""A log that shows two histories is caught, with a proof that needs nobody's word; one that only grew is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.fork import Fork, check_fork, follow_growth, format_fork, parse_fork
from byline.core.merkle import hash_leaf, prove_consistency, read_nodes, root_of
from byline.core.note import sign_note
from byline.core.tiles import Tile, grow_tiles
from byline.core.value import replace
from byline.errors import LedgerError, LogForkError, MalformedError, ProofError, SignatureError, StaleError
from byline.keys.ed25519 import LogKey, LogVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEY = LogKey("log.example", bytes(32))
VERIFIER = LogVerifier(KEY.note_key)
SHARED = [hash_leaf(b"shared %d" % n) for n in range(700)]
OTHER = [hash_leaf(b"other %d" % n) for n in range(700)]


def note(hashes: Sequence[bytes], key: LogKey = KEY) -> str:
    root = root_of(len(hashes), read_nodes(hashes))
    return sign_note(format_checkpoint(Checkpoint(origin=key.name, size=len(hashes), root=root)), [key])


def tiles(hashes: Sequence[bytes]) -> Callable[[Tile], bytes]:
    made = grow_tiles(0, hashes, lambda *_: b"")

    def fetch(tile: Tile) -> bytes:
        data = made.get((tile.level or 0, tile.index), b"")
        if len(data) < tile.width * 32:
            raise LedgerError("there is no such tile")
        return data[: tile.width * 32]

    return fetch


def history(common: int, size: int) -> list[bytes]:
    """Return a log of `size` entries of which the first `common` are shared."""
    return SHARED[:common] + OTHER[common:size]


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_log_that_only_grew_is_no_fork(some: int, more: int) -> None:
    old, new = sorted((some, more))
    tree = follow_growth(note(SHARED[:old]), note(SHARED[:new]), VERIFIER, tiles(SHARED[:new]))
    assert tree.checkpoint.size == new


@given(st.integers(1, 600), st.integers(0, 100), st.data())
def test_two_histories_are_a_fork_that_anybody_can_check(old: int, more: int, data: st.DataObject) -> None:
    common = data.draw(st.integers(0, old - 1))
    seen, shown = SHARED[:old], history(common, old + more)
    with pytest.raises(LogForkError) as caught:
        follow_growth(note(seen), note(shown), VERIFIER, tiles(shown))
    error = caught.value
    fork = Fork(vkey=KEY.vkey, old=error.old, new=error.new, begins=error.begins, proof=error.proof)
    check_fork(parse_fork(format_fork(fork)), VERIFIER)


@given(st.integers(2, 600), st.data())
def test_a_rewind_to_another_history_is_a_fork_while_the_old_tiles_are_there(old: int, data: st.DataObject) -> None:
    common = data.draw(st.integers(0, old - 2))
    size = data.draw(st.integers(common + 1, old - 1))
    with pytest.raises(LogForkError) as caught:
        follow_growth(note(SHARED[:old]), note(history(common, size)), VERIFIER, tiles(SHARED[:old]))
    error = caught.value
    check_fork(Fork(vkey=KEY.vkey, old=error.old, new=error.new, begins=error.begins, proof=error.proof), VERIFIER)


def test_an_older_checkpoint_is_stale_and_no_fork() -> None:
    with pytest.raises(StaleError, match="shows 5 entries, and 9 were seen"):
        follow_growth(note(SHARED[:9]), note(SHARED[:5]), VERIFIER, tiles(SHARED[:9]))


def test_a_rewind_whose_old_tiles_are_replaced_is_stale() -> None:
    """It becomes a fork when the log has grown over what was seen."""
    with pytest.raises(StaleError):
        follow_growth(note(SHARED[:9]), note(history(3, 5)), VERIFIER, tiles(history(3, 9)))


def test_tiles_that_do_not_lead_to_the_root_prove_no_fork() -> None:
    """Whoever serves the tiles may be at fault, and not the log."""
    with pytest.raises(ProofError):
        follow_growth(note(SHARED[:5]), note(SHARED[:9]), VERIFIER, tiles(OTHER[:9]))


@pytest.mark.parametrize("which", [0, 1])
def test_a_checkpoint_of_another_key_is_refused(which: int) -> None:
    notes = [note(SHARED[:5]), note(SHARED[:9])]
    notes[which] = note(SHARED[: (5, 9)[which]], LogKey("log.example", b"x" * 32))
    with pytest.raises(SignatureError):
        follow_growth(*notes, VERIFIER, tiles(SHARED[:9]))


def honest(old: int, new: int) -> Fork:
    nodes = read_nodes(SHARED)
    return Fork(
        vkey=KEY.vkey,
        old=note(SHARED[:old]),
        new=note(SHARED[:new]),
        begins=root_of(old, nodes),
        proof=prove_consistency(old, new, nodes).hashes,
    )


@given(st.integers(0, 40), st.integers(0, 40), st.binary(min_size=32, max_size=32))
def test_nobody_can_make_a_proof_against_an_honest_log(some: int, more: int, other: bytes) -> None:
    old, new = sorted((some, more))
    fork = honest(old, new)
    for forged in (fork, replace(fork, begins=other), replace(fork, proof=(*fork.proof, other)), replace(fork, proof=fork.proof[1:])):
        with pytest.raises(ProofError):
            check_fork(forged, VERIFIER)


def test_evidence_with_a_note_of_another_key_proves_nothing() -> None:
    fork = replace(honest(3, 3), new=note(OTHER[:3], LogKey("log.example", b"x" * 32)))
    with pytest.raises(SignatureError):
        check_fork(fork, VERIFIER)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"schema":"byline.fork/1"}', format_fork(honest(1, 2)).replace(b"fork/1", b"fork/2")]
)
def test_what_is_no_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_fork(data)
