# SPDX-License-Identifier: Apache-2.0
"""A real server process: bad input, who may append, overload, health, an orderly end, and SIGKILL at any moment."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from byline.core.checkpoint import open_checkpoint
from byline.core.entry import check_entry
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.errors import (
    ConfigError,
    DamagedError,
    EntryRejectedError,
    KeyNotAllowedError,
    LedgerError,
    LedgerUnavailableError,
    ProofError,
    PushbackError,
    SignatureError,
)
from byline.keys.ed25519 import load_verifier
from byline.keys.ids import key_id
from byline.log.client import LedgerClient, read_url
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from byline_ledger.engine.files import DATABASE, init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.sequencer import MAX_BATCH, Sequencer
from byline_ledger.server.config import ServerConfig, Tls
from byline_ledger.server.main import serve
from byline_ledger.server.status import code_of
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc
from serving import SIGNER, Caller, certify, envelope, memory_log, serving, statement, submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.bundle import Receipt


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init_ledger(tmp_path / "ledger")
    return tmp_path / "ledger"


def health(url: str, service: str = "") -> int:
    with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        return int(health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status)


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert isinstance(caught.value, grpc.Call)
    return caught.value.code(), caught.value.details() or ""


def test_bad_messages_get_a_code_and_a_reason(place: Path) -> None:
    with serving(place) as (_, url), grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        stub = ledger_pb2_grpc.LedgerServiceStub(channel)
        for request in (ledger_pb2.AppendRequest(), ledger_pb2.AppendRequest(public_key=b"x" * 1000)):
            code, reason = refusal(lambda request=request: stub.Append(request))  # type: ignore[misc]  # bound to this round
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert reason
        for subject in (b"", bytes(31), bytes(33)):
            request = ledger_pb2.FindBundlesRequest(subject_sha256=subject)
            code, reason = refusal(lambda request=request: stub.FindBundles(request))  # type: ignore[misc]  # bound to this round
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert "32 bytes" in reason
        code, _ = refusal(lambda: stub.GetInclusionProof(ledger_pb2.GetInclusionProofRequest(index=2**64 - 1, size=2**64 - 1)))
        assert code is grpc.StatusCode.OUT_OF_RANGE
        code, _ = refusal(lambda: stub.GetConsistencyProof(ledger_pb2.GetConsistencyProofRequest(old_size=5, new_size=0)))
        assert code is grpc.StatusCode.OUT_OF_RANGE
        too_big = ledger_pb2.AppendRequest(public_key=bytes(5 * 1024 * 1024))
        assert refusal(lambda: stub.Append(too_big))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert health(url) == health_pb2.HealthCheckResponse.SERVING


def test_a_false_key_id_is_refused(place: Path) -> None:
    hinted = replace(envelope(1), keyid=key_id(SIGNER.public))
    with serving(place) as (_, url), LedgerClient(url) as client:
        with pytest.raises(EntryRejectedError, match="key id"):
            client.append(replace(hinted, keyid=key_id(fixed_signer(2).public)), SIGNER.public)
        assert client.append(hinted, SIGNER.public).index == 0


def test_only_the_keys_on_the_list_may_append(place: Path) -> None:
    other = fixed_signer(2)
    with serving(place, allowed=(key_id(SIGNER.public),)) as (_, url), LedgerClient(url) as client:
        assert client.append(envelope(1), SIGNER.public).index == 0
        with pytest.raises(KeyNotAllowedError):
            client.append(sign_payload(statement(2), other), other.public)


def test_an_end_on_request_answers_what_was_asked(place: Path) -> None:
    """SIGTERM while many append: every call is answered or refused, none hangs, and the process ends well."""
    with serving(place) as (process, url), LedgerClient(url) as client, ThreadPoolExecutor(16) as pool:
        answered = threading.Event()

        def append(number: int) -> Receipt | None:
            try:
                receipt = client.append(envelope(number), SIGNER.public)
            except LedgerUnavailableError:
                return None
            answered.set()
            return receipt

        asked = [pool.submit(append, number) for number in range(400)]
        assert answered.wait(30)
        process.send_signal(signal.SIGTERM)
        receipts = [each.result(60) for each in asked]
        assert process.wait(60) == 0
    report = check_ledger(place)
    assert report.findings == ()
    assert report.entries >= sum(receipt is not None for receipt in receipts)


def test_a_broken_store_is_said_by_health_and_refuses_appends(place: Path) -> None:
    with serving(place) as (_, url), LedgerClient(url) as client:
        assert health(url, "byline.v1.LedgerService") == health_pb2.HealthCheckResponse.SERVING
        client.append(envelope(1), SIGNER.public)
        with contextlib.closing(sqlite3.connect(place / DATABASE)) as database, database:
            database.execute("DROP TABLE tile")
        for number in (2, 3):
            with pytest.raises(LedgerError) as caught:
                client.append(envelope(number), SIGNER.public)
            assert not isinstance(caught.value, LedgerUnavailableError)
        assert health(url) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert health(url, "byline.v1.LedgerService") == health_pb2.HealthCheckResponse.NOT_SERVING
        assert client.checkpoint()


def test_health_says_when_appends_fail_and_when_they_work_again(place: Path) -> None:
    """While another process holds the database, and on a full disk as well: an operator sees it, and nobody must ask to end it."""
    serves, fails = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    with serving(place) as (_, url), LedgerClient(url) as client, grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        said = (each.status for each in watch)
        assert next(said) == serves
        with contextlib.closing(sqlite3.connect(place / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerUnavailableError):
                client.append(envelope(1), SIGNER.public)
            assert next(said) == fails
            assert client.checkpoint()
        assert next(said) == serves
        assert client.append(envelope(1), SIGNER.public).index == 0
        watch.cancel()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with LedgerClient("grpc://127.0.0.1:1", deadline=2) as client, pytest.raises(LedgerUnavailableError):
        client.append(envelope(1), SIGNER.public)


def flush(sequencer: Sequencer) -> None:
    staged = sequencer.stage()
    staged.commit()
    sequencer.settle(staged)


def test_a_crowd_shares_a_commit_and_each_gets_their_receipt() -> None:
    sequencer = Sequencer(memory_log())
    callers = [Caller() for _ in range(MAX_BATCH + 40)]
    for number, caller in enumerate(callers):
        sequencer.submit([submission(number)], caller)
    flush(sequencer)
    assert sequencer.waiting == 40
    flush(sequencer)
    assert sequencer.waiting == 0
    assert [caller.receipt.index for caller in callers if caller.receipt] == list(range(MAX_BATCH + 40))
    assert {caller.receipt.proof.size for caller in callers if caller.receipt} == {MAX_BATCH, MAX_BATCH + 40}


def test_who_asks_for_many_gets_them_all_in_one_tree() -> None:
    sequencer = Sequencer(memory_log())
    caller, other = Caller(), Caller()
    sequencer.submit([submission(number) for number in range(5)], caller)
    sequencer.submit([submission(2), submission(5)], other)
    assert sequencer.waiting == 7
    flush(sequencer)
    assert [[each.index for each in some.receipts] for some in (caller, other)] == [[0, 1, 2, 3, 4], [2, 5]]
    assert {each.proof.size for some in (caller, other) for each in some.receipts} == {6}


def test_a_batch_has_room_for_one_large_statement_or_many_small_ones() -> None:
    sequencer = Sequencer(memory_log())
    for number in range(3):
        sequencer.submit([submission(number, pad=600_000)], Caller())
    for left in (2, 1, 0):
        flush(sequencer)
        assert sequencer.waiting == left


def test_who_went_away_is_not_logged() -> None:
    log = memory_log()
    sequencer = Sequencer(log)
    gone = Caller()
    sequencer.submit([submission(1)], gone)
    gone.gone = True
    flush(sequencer)
    assert "\n0\n" in log.checkpoint()


def test_who_goes_away_while_the_disk_works_is_logged_and_not_answered() -> None:
    log = memory_log()
    sequencer = Sequencer(log)
    gone, other = Caller(), Caller()
    for number, caller in enumerate((gone, other)):
        sequencer.submit([submission(number)], caller)
    staged = sequencer.stage()
    assert "\n0\n" in log.checkpoint()
    staged.commit()
    gone.gone = True
    sequencer.settle(staged)
    assert gone.receipt is None
    assert other.receipt is not None
    assert other.receipt.index == 1
    assert "\n2\n" in log.checkpoint()


def test_a_full_queue_answers_with_a_time_to_come_back(place: Path) -> None:
    with serving(place, capacity=0) as (_, url), LedgerClient(url, deadline=2) as client:
        with pytest.raises(PushbackError) as caught:
            client.append(envelope(1), SIGNER.public)
        assert caught.value.retry_after == 0.5


def test_who_is_pushed_back_comes_again(place: Path) -> None:
    """A server that takes one at a time, and more who want to: each call ends with a receipt."""
    with serving(place, capacity=1) as (_, url), LedgerClient(url, deadline=60) as client, ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda number: client.append(envelope(number), SIGNER.public), range(12)))
    assert sorted(each.index for each in receipts) == list(range(12))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyNotAllowedError("x"), grpc.StatusCode.PERMISSION_DENIED),
        (EntryRejectedError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (ProofError("x"), grpc.StatusCode.OUT_OF_RANGE),
        (PushbackError("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (LedgerUnavailableError("x"), grpc.StatusCode.UNAVAILABLE),
        (DamagedError("x"), grpc.StatusCode.DATA_LOSS),
        (LedgerError("x"), grpc.StatusCode.INTERNAL),
        (SignatureError("x"), grpc.StatusCode.INTERNAL),
    ],
)
def test_every_error_has_its_code(error: LedgerError, code: grpc.StatusCode) -> None:
    assert code_of(error) is code


@pytest.mark.parametrize("listen", ["", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:65536", "0.0.0.0:80", "[::]:80", "example.org:80"])
def test_plain_text_beyond_loopback_is_not_served(place: Path, listen: str) -> None:
    with pytest.raises(ConfigError):
        ServerConfig(directory=place, listen=listen).check()


def test_what_is_no_key_id_is_refused_and_locks_nobody_out(place: Path) -> None:
    with pytest.raises(ConfigError, match="not the id of a key"):
        ServerConfig(directory=place, allowed=frozenset({"AB" * 32})).check()


def test_a_second_server_on_one_ledger_is_refused(place: Path) -> None:
    with serving(place) as (_, url), LedgerClient(url) as client:
        with pytest.raises(ConfigError, match="running on this ledger already"):
            serve(ServerConfig(directory=place, listen="127.0.0.1:0"), announce=print)
        assert client.append(envelope(1), SIGNER.public).index == 0


def test_an_address_in_use_is_named_with_its_reason(place: Path, tmp_path: Path) -> None:
    init_ledger(tmp_path / "other")
    with serving(place) as (_, url), pytest.raises(ConfigError, match="Address already in use"):
        serve(ServerConfig(directory=tmp_path / "other", listen=url.removeprefix("grpc://")), announce=print)


def test_a_certificate_that_cannot_be_read_is_named(place: Path, tmp_path: Path) -> None:
    tls = Tls(certificate=tmp_path / "none.pem", key=tmp_path / "none.key")
    with pytest.raises(ConfigError, match=r"cannot read .*none\.key"):
        serve(ServerConfig(directory=place, listen="127.0.0.1:0", tls=tls), announce=print)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:7420", "[::1]:7420"])
def test_loopback_is_served(place: Path, listen: str) -> None:
    ServerConfig(directory=place, listen=listen).check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "http://127.0.0.1:80",
        "grpc://127.0.0.1",
        "grpc://10.0.0.1:80",
        "grpcs://h:80/x",
        "grpcs://u@h:80",
        "grpc://[::1:80",
    ],
)
def test_what_is_no_url_of_a_ledger_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        read_url(url)


def test_urls_of_ledgers() -> None:
    assert read_url("grpc://127.0.0.1:7420") == ("127.0.0.1:7420", False)
    assert read_url("grpc://[::1]:7420/") == ("[::1]:7420", False)
    assert read_url("grpcs://ledger.example:443") == ("ledger.example:443", True)


def test_tls_is_spoken_with_a_certificate_that_is_trusted(place: Path, tmp_path: Path) -> None:
    tls = certify(tmp_path)
    with serving(place, tls=tls) as (_, url):
        with LedgerClient(url, roots=tls[0].read_bytes()) as client:
            assert client.append(envelope(1), SIGNER.public).index == 0
        with LedgerClient(url, deadline=5) as stranger, pytest.raises(LedgerUnavailableError):
            stranger.checkpoint()


# KILLS=N kills N times.
ROUNDS = int(os.environ.get("KILLS", "5"))
CALLERS = 4


def test_sigkill_loses_no_answered_entry_and_never_forks(tmp_path: Path) -> None:
    """The server is killed while clients append, again and again: every receipt that any client ever got stays true."""
    place = tmp_path / "ledger"
    verifier = load_verifier(init_ledger(place))
    receipts: dict[int, Receipt] = {}
    for turn in range(ROUNDS):
        receipts |= append_until_killed(place, turn)
        report = check_ledger(place)
        assert report.findings == ()
        assert report.entries >= len(receipts)
    with serving(place) as (_, url), LedgerClient(url) as client:
        head = open_checkpoint(client.checkpoint(), verifier)
        for number, receipt in receipts.items():
            then = open_checkpoint(receipt.checkpoint, verifier)
            check_entry(receipt.leaf, envelope(number), SIGNER.public)
            check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
            check_consistency(client.consistency(then.size, head.size), old=then.root, new=head.root)
            assert client.append(envelope(number), SIGNER.public).index == receipt.index
        assert open_checkpoint(client.checkpoint(), verifier) == head
    assert len({receipt.index for receipt in receipts.values()}) == len(receipts)


def append_until_killed(place: Path, turn: int) -> dict[int, Receipt]:
    """Append from several threads, kill the server after a few dozen answers, and return the receipts by number."""
    receipts: dict[int, Receipt] = {}
    enough = threading.Event()

    def append(caller: int, url: str) -> None:
        with LedgerClient(url) as client:
            for number in range(caller, 10_000, CALLERS):
                try:
                    receipts[turn * 10_000 + number] = client.append(envelope(turn * 10_000 + number), SIGNER.public)
                except LedgerUnavailableError:
                    return
                if len(receipts) >= 20 + 7 * turn:
                    enough.set()

    with serving(place) as (process, url), ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(append, caller, url) for caller in range(CALLERS)]
        assert enough.wait(60)
        process.kill()
        for each in callers:
            each.result(60)
    return receipts
