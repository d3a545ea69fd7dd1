# SPDX-License-Identifier: Apache-2.0
"""A running server shows what its index has, and that it has nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.index_keys import index_keys, subject_key
from byline.core.sealed_index import MAX_KEYS, open_rows, open_seal
from byline.core.statement import parse_statement
from byline.errors import MalformedError
from byline.keys.ed25519 import load_verifier
from byline.log.client import LedgerClient
from byline_ledger.engine.files import init_ledger
from casework import REPOSITORY, SIGNERS, ai, authorship, claim, signed
from serving import SIGNER, envelope, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.envelope import Envelope
    from byline.keys.ed25519 import LogVerifier


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[LedgerClient, LogVerifier]]:
    vkey = init_ledger(tmp_path / "l")
    with serving(tmp_path / "l") as (_, url), LedgerClient(url) as client:
        yield client, load_verifier(vkey)


def made(number: int) -> Envelope:
    claimed = claim(b"a.py", b"1\n", b"%d\n" % (number + 2), ai(None))
    return signed(authorship(claimed, seq=number + 1), "p-ana").envelope


def found(server: tuple[LedgerClient, LogVerifier], keys: Sequence[bytes]) -> list[tuple[int, ...]]:
    client, verifier = server
    proof = client.prove_index(keys)
    seal = open_seal(proof.seal, proof.hashes, open_checkpoint(proof.checkpoint, verifier))
    return [open_rows(key, seal, slices) for key, slices in zip(keys, proof.found, strict=True)]


def test_what_was_logged_before_the_call_is_covered(server: tuple[LedgerClient, LogVerifier]) -> None:
    client, _ = server
    nothing = subject_key(REPOSITORY, "0" * 64)
    assert found(server, [nothing]) == [()]
    for number in range(5):
        receipt = client.append(made(number), SIGNERS["p-ana"].public)
        keys = index_keys(parse_statement(made(number).payload))
        answers = found(server, [*keys, nothing])
        assert all(receipt.index in answer for answer in answers[:-1])
        assert answers[-1] == ()


def test_entries_are_fetched_by_index(server: tuple[LedgerClient, LogVerifier]) -> None:
    """A seal has no envelope, and what is beyond the log is not there."""
    client, _ = server
    receipts = [client.append(envelope(number), SIGNER.public) for number in range(4)]
    found(server, [])
    assert [each.receipt.index for each in client.fetch([3, 0, 1, 4, 99]) if each.receipt] == [0, 1, 3]
    assert client.fetch([receipts[2].index])[0].envelope == envelope(2)


def test_a_crowd_of_readers_and_writers_sees_its_own(server: tuple[LedgerClient, LogVerifier]) -> None:
    client, _ = server

    def one(number: int) -> bool:
        receipt = client.append(made(number), SIGNERS["p-ana"].public)
        keys = index_keys(parse_statement(made(number).payload))
        return all(receipt.index in answer for answer in found(server, keys))

    with ThreadPoolExecutor(8) as crowd:
        assert all(crowd.map(one, range(16)))
    checkpoint = open_checkpoint(client.checkpoint(), server[1])
    assert 16 < checkpoint.size <= 32, "a crowd shares seals"


def test_what_is_no_key_is_refused(server: tuple[LedgerClient, LogVerifier]) -> None:
    client, _ = server
    for wrong in ([b"x"], [bytes(32)] * (MAX_KEYS + 1)):
        with pytest.raises(MalformedError, match="a key of the index"):
            client.prove_index(wrong)


def test_an_index_goes_on_after_a_kill(tmp_path: Path) -> None:
    verifier = load_verifier(init_ledger(tmp_path / "l"))
    keys = index_keys(parse_statement(made(0).payload))
    for _ in range(3):
        with serving(tmp_path / "l") as (process, url), LedgerClient(url) as client:
            receipt = client.append(made(0), SIGNERS["p-ana"].public)
            assert set(found((client, verifier), keys)) == {(receipt.index,)}
            client.append(envelope(7), SIGNER.public)
            process.kill()
