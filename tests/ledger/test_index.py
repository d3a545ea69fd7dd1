# SPDX-License-Identifier: Apache-2.0
"""The index that a log seals says what was logged under a key, however runs were sealed, merged, left lying and taken over."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import Submission
from byline.core.facets import Facets
from byline.core.index_keys import KEY_SIZE, index_keys, subject_key
from byline.core.sealed_index import open_rows, open_seal, parse_seal
from byline.core.statement import parse_statement
from byline.errors import LedgerError, ProofError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline.testing import FixedClock
from byline_ledger.engine import index as index_module
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.index import AT_ONCE, load_catalogue
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.runs import MAX_FOUND, Pages
from byline_ledger.engine.sealing import MAX_AGE_MS, SealedIndex
from byline_ledger.engine.sqlite import SqliteStore
from casework import REPOSITORY, SIGNERS, ai, authorship, claim, signed
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.ports import Store

KEY = LogKey("log.example", bytes(32))
VERIFIER = LogVerifier(KEY.note_key)
KEYS = [bytes([letter]) * KEY_SIZE for letter in b"abcd"]


class Indexed(Log, SealedIndex):
    """A log and its index, as one process has them."""

    def __init__(self, store: Store, clock: FixedClock | None = None) -> None:
        Log.__init__(self, store, KEY, clock or FixedClock())
        SealedIndex.__init__(self, self, store)


def begin(store: Store, clock: FixedClock | None = None) -> Indexed:
    log = Indexed(store, clock)
    with store.write() as writer:
        log.start(writer)
    log.begin_index()
    return log


def again(store: Store) -> Indexed:
    """Return the log as another process has it."""
    log = Indexed(store)
    log.begin_index()
    return log


def entry(number: int, keys: Sequence[bytes]) -> Submission:
    return Submission(
        identity=number.to_bytes(32, "big"), leaf=b"%d" % number, payload=None, facets=Facets(key=bytes(32)), keys=tuple(sorted(set(keys)))
    )


def found(log: Indexed, key: bytes) -> tuple[int, ...]:
    """Return what the last seal has under `key`, every proof checked."""
    proof = log.prove([key])
    seal = open_seal(proof.seal, proof.hashes, open_checkpoint(proof.checkpoint, VERIFIER))
    return open_rows(key, seal, proof.found[0])


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "ledger.db", create=True)
    yield made
    made.close()


actions = st.lists(
    st.one_of(
        st.lists(st.sets(st.sampled_from(KEYS), max_size=3), min_size=1, max_size=9),
        st.sampled_from(["seal", "keep", "keep", "crash", "forget"]),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(told=actions)
def test_the_index_is_a_plain_map_of_what_was_logged(told: list[list[set[bytes]] | str]) -> None:
    """Runs of a few rows: every rule about merging is met with a handful of entries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "AT_ONCE", 4)
        store = MemoryStore()
        log, known, sealed = begin(store), {key: list[int]() for key in KEYS}, dict.fromkeys(KEYS, 0)
        for number, action in enumerate(told):
            match action:
                case "seal":
                    log.seal()
                    sealed = {key: len(those) for key, those in known.items()}
                case "keep":
                    log.keep()
                case "crash":
                    log = again(store)
                case "forget":
                    log = Indexed(store)
                case _:
                    log.begin_index()
                    receipts = log.append([entry(100 * number + at, [*keys]) for at, keys in enumerate(action)])
                    for receipt, keys in zip(receipts, action, strict=True):
                        for key in keys:
                            known[key].append(receipt.index)
            if "seal" in told[: number + 1]:
                assert {key: found(log, key) for key in KEYS} == {key: tuple(known[key][: sealed[key]]) for key in KEYS}
        log.seal()
        assert {key: found(log, key) for key in KEYS} == {key: tuple(those) for key, those in known.items()}
        while log.keep():
            pass
        log.append([entry(10**6, [])])
        log.seal()
        while log.keep():
            pass
        with store.read() as reader:
            kept, names = load_catalogue(reader), set(reader.states)
        merging = [] if kept.merge is None else [kept.merge.pages]
        live = {name for pages in (*(each.pages for each in kept.runs), *merging) for name in pages.names}
        assert {name for name in names if name.count("/") == 3} <= live


def test_a_large_index_has_few_runs_and_loses_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db", create=True)
    log, chance, known = begin(store), random.Random(7), dict[bytes, list[int]]()
    for batch in range(40):
        made = [entry(batch * 200 + at, [chance.randbytes(32) for _ in range(4)] + KEYS[: at % 3]) for at in range(200)]
        for receipt, each in zip(log.append(made), made, strict=True):
            for key in each.keys:
                known.setdefault(key, []).append(receipt.index)
        if batch % 3 == 0:
            log.seal()
            while log.keep():
                pass
    log.seal()
    with store.read() as reader:
        kept = load_catalogue(reader)
    assert sum(each.run.rows for each in kept.runs) == sum(map(len, known.values())) > 2 * AT_ONCE
    assert len(kept.runs) <= 6
    asked = [*KEYS, *chance.sample(sorted(known), 50), *(chance.randbytes(32) for _ in range(20))]
    assert [found(log, key) for key in asked] == [tuple(known.get(key, ())) for key in asked]
    store.close()


def test_the_index_has_what_admission_let_in(store: Store) -> None:
    """A statement is found under each of its keys; one that came without its payload under none."""
    log, admission = begin(store), Admission()
    made = signed(authorship(claim(b"a.py", b"1\n", b"2\n", ai(None))), "p-ana").envelope
    others = [admission.admit(envelope(number), SIGNER.public) for number in range(3)]
    (receipt,) = log.append([admission.admit(made, SIGNERS["p-ana"].public)])
    log.append(others)
    log.seal()
    keys = index_keys(parse_statement(made.payload))
    assert len(keys) == 4
    assert {found(log, key) for key in keys} == {(receipt.index,)}
    assert found(log, subject_key(REPOSITORY, "0" * 64)) == ()


def test_what_was_not_noted_is_read_out_of_the_payloads(store: Store) -> None:
    """A log that had no index gets all of it with its first seal."""
    begin(store)
    plain = Indexed(store)
    made = Admission().admit(signed(authorship(claim(b"a.py", b"1\n", b"2\n", ai(None))), "p-ana").envelope, SIGNERS["p-ana"].public)
    (receipt,) = plain.append([made])
    log = again(store)
    log.append([entry(1, KEYS[:1])])
    log.seal()
    assert {found(log, key) for key in made.keys} == {(receipt.index,)}
    assert found(log, KEYS[0]) == (receipt.index + 1,)


def test_a_seal_is_renewed_only_when_something_came_or_it_is_old() -> None:
    clock = FixedClock()
    log = begin(MemoryStore(), clock)
    log.seal()
    log.seal()
    assert log.size == 1
    clock.advance(MAX_AGE_MS * 1_000_000)
    log.seal()
    assert log.size == 2
    assert parse_seal(log.prove([]).seal).sealed_at == clock.at // 1_000_000
    log.append([entry(1, KEYS)])
    log.seal()
    assert log.size == 4
    assert found(log, KEYS[0]) == (2,)


def test_seals_of_nothing_make_no_runs() -> None:
    clock = FixedClock()
    log = begin(MemoryStore(), clock)
    log.append([entry(1, KEYS)])
    for _ in range(20):
        log.seal()
        clock.advance(MAX_AGE_MS * 1_000_000)
    assert len(parse_seal(log.prove([]).seal).runs) == 1


def test_an_index_that_was_never_sealed_proves_nothing() -> None:
    with pytest.raises(ProofError, match="never sealed"):
        begin(MemoryStore()).prove(KEYS)


def test_an_answer_has_bounds() -> None:
    store = MemoryStore()
    log = begin(store)
    log.append([entry(number, KEYS[:1]) for number in range(MAX_FOUND + 1)])
    log.seal()
    with pytest.raises(LedgerError, match="more than are told"):
        log.prove(KEYS[:1])
    assert found(log, KEYS[1]) == ()


def test_a_page_that_is_gone_is_said() -> None:
    store = MemoryStore()
    log = begin(store)
    log.append([entry(1, KEYS)])
    log.seal()
    with store.write() as writer:
        writer.set_state(Pages(number=0, rows=4).name(0, 0), None)
    with pytest.raises(LedgerError, match="missing from the store"):
        log.prove(KEYS)
