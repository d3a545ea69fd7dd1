# SPDX-License-Identifier: Apache-2.0
"""What a server shows of its log: entries by place, by what they are about, and checkpoints as they come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # the package has no types
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]  # the package has no types
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (  # type: ignore[import-untyped]  # the package has no types
    ProtoReflectionDescriptorDatabase,
)
from hypothesis import given
from hypothesis import strategies as st

from byline.core.checkpoint import Checkpoint, open_checkpoint
from byline.core.facets import Query
from byline.core.merkle import EMPTY_ROOT, check_consistency, check_inclusion, hash_leaf
from byline.core.statement import PredicateType, Subject, format_statement
from byline.errors import BylineError, LedgerError, LedgerUnavailableError, MalformedError, QuotaError
from byline.keys.cosigners import WitnessKey
from byline.keys.ed25519 import load_verifier
from byline.keys.ids import key_id
from byline.log.answers import DETAILS, read_status, read_trailers
from byline.log.client import LedgerClient
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.log import MAX_PAGE
from byline_ledger.server.status import write_status
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc
from serving import SIGNER, envelope, serving, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.logged import Page
    from byline.keys.ed25519 import LogVerifier

REPOSITORY, OTHER = "byl:6f1c2a90d4b7431e9a55c0de10f4ab21", "byl:00000000000000000000000000000000"
SECOND = fixed_signer(2)
KEY = bytes.fromhex(key_id(SECOND.public))


def about(number: int, *, repository: str = REPOSITORY, commit: int = 0) -> bytes:
    predicate = {"number": number, "repository": {"id": repository}, "commit": {"id": f"{commit:040x}"}}
    return format_statement((Subject(name="change", sha256=f"{number:064x}"),), PredicateType.AUTHORSHIP, predicate)  # type: ignore[arg-type]  # JSON


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, LogVerifier]]:
    """A server whose log has statements 0 to 299, three that are large, and four about commits: its URL and its key."""
    place = tmp_path_factory.mktemp("pages") / "ledger"
    verifier = load_verifier(init_ledger(place))
    with serving(place) as (_, url), LedgerClient(url) as client:
        sent = [(envelope(number), SIGNER.public) for number in range(300)]
        sent += [(envelope(number, pad=600_000), SIGNER.public) for number in range(300, 303)]
        assert len(list(client.append_stream(sent))) == 303
        mine, theirs = (about(1, commit=7), SIGNER), (about(4, repository=OTHER, commit=7), SECOND)
        for index, (payload, signer) in enumerate((mine, (about(2, commit=7), SECOND), (about(3, commit=8), SECOND), theirs), 303):
            assert client.append(sign_payload(payload, signer), signer.public).index == index
        yield url, verifier


def check_page(page: Page, verifier: LogVerifier) -> Checkpoint:
    head = open_checkpoint(page.checkpoint, verifier)
    for each in page.entries:
        assert each.receipt.checkpoint == page.checkpoint
        check_inclusion(each.receipt.proof, leaf=hash_leaf(each.receipt.leaf), root=head.root)
    return head


def indices(pages: Iterator[Page]) -> list[int]:
    return [each.receipt.index for page in pages for each in page.entries]


def test_all_entries_are_shown_in_order_each_with_its_proof(log: tuple[str, LogVerifier]) -> None:
    url, verifier = log
    with LedgerClient(url) as client:
        pages = list(client.entries())
        entries = [each for page in pages for each in page.entries]
        assert [each.receipt.index for each in entries] == list(range(307))
        assert {check_page(page, verifier).size for page in pages} == {307}
        payloads = {each.envelope.payload for each in entries if each.envelope}
        assert {envelope(number).payload for number in range(300)} < payloads
        assert len(payloads) == 307
        times = [each.logged_at for each in entries]
        assert times == sorted(times)
        assert 0 < times[0] <= time.time() * 1000


def test_entries_are_shown_without_what_was_signed_unless_it_is_asked_for(log: tuple[str, LogVerifier]) -> None:
    url, verifier = log
    with LedgerClient(url) as client:
        first, *_, last = client.entries(290, envelopes=False)
        check_page(first, verifier)
        assert [(each.receipt.index, each.envelope, each.bundle) for each in first.entries] == [(n, None, None) for n in range(290, 307)]
        assert (last.entries, last.after, check_page(last, verifier).size) == ((), None, 307)


def test_a_page_is_bounded_in_number_and_in_bytes(log: tuple[str, LogVerifier]) -> None:
    url, _ = log
    with LedgerClient(url) as client:
        assert [len(page.entries) for page in client.entries(envelopes=False)] == [MAX_PAGE, 51, 0]
        assert [len(page.entries) for page in client.entries(299)] == [2, 1, 5, 0]
    with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        stub = ledger_pb2_grpc.LedgerServiceStub(channel)
        for asked, given in ((1, 1), (100, 100), (2**32 - 1, MAX_PAGE)):
            assert len(stub.ListEntries(ledger_pb2.ListEntriesRequest(page_size=asked)).entries) == given
        for start in (307, 2**64 - 1):
            beyond = stub.ListEntries(ledger_pb2.ListEntriesRequest(start=start))
            assert (len(beyond.entries), beyond.head.size) == (0, 307)


QUERIES = {
    "subject": (Query(subject=(1).to_bytes(32, "big")), [1, 303]),
    "repository": (Query(repository=REPOSITORY), [303, 304, 305]),
    "commit": (Query(repository=REPOSITORY, commit=f"{7:040x}"), [303, 304]),
    "key": (Query(key=KEY), [304, 305, 306]),
    "all at once": (
        Query(subject=(2).to_bytes(32, "big"), repository=REPOSITORY, commit=f"{7:040x}", key=KEY),
        [304],
    ),
    "nothing": (Query(subject=bytes(32), repository=REPOSITORY), []),
    "the past": (Query(since=1, until=2), []),
    "the future": (Query(since=2**41), []),
}


@pytest.mark.parametrize(("query", "found"), QUERIES.values(), ids=QUERIES)
def test_entries_are_found_by_what_they_are_about(log: tuple[str, LogVerifier], query: Query, found: list[int]) -> None:
    url, verifier = log
    with LedgerClient(url) as client:
        pages = list(client.search(query))
        assert indices(iter(pages)) == found
        assert {check_page(page, verifier).size for page in pages} == {307}


def test_entries_are_found_by_their_time(log: tuple[str, LogVerifier]) -> None:
    url, _ = log
    with LedgerClient(url) as client:
        at = {each.receipt.index: each.logged_at for page in client.entries(envelopes=False) for each in page.entries}
        since, until = at[5], at[305]
        assert indices(client.search(Query(since=since, until=until))) == [index for index in at if since <= at[index] < until]
        assert indices(client.search(Query(since=since, key=KEY))) == [304, 305, 306]


def test_a_page_token_stays_good_while_the_log_grows(tmp_path: Path) -> None:
    init_ledger(tmp_path / "ledger")
    subject = f"{1:064x}"
    request = ledger_pb2.FindBundlesRequest(subject_sha256=bytes.fromhex(subject), page_size=2)
    with serving(tmp_path / "ledger") as (_, url), LedgerClient(url) as client:
        with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
            stub = ledger_pb2_grpc.LedgerServiceStub(channel)
            found = []
            for number in (0, 1, 2):
                client.append(envelope(100 + number, subject), SIGNER.public)
            page = stub.FindBundles(request)
            found.append([each.entry.index for each in page.entries])
            request.page_token = page.next_page_token
            for number in (3, 4, 5):
                client.append(envelope(100 + number, *([subject] if number < 5 else [])), SIGNER.public)
                page = stub.FindBundles(request)
                found.append([each.entry.index for each in page.entries])
            request.page_token = page.next_page_token
            assert [[each.entry.index for each in stub.FindBundles(request).entries], stub.FindBundles(request).next_page_token] == [
                [4],
                "",
            ]
        assert found == [[0, 1], [2, 3], [2, 3], [2, 3]]
        assert len(client.find(subject)) == 5


BAD = {
    "nothing": {},
    "only a page": {"page_size": 5},
    "a commit of no repository": {"commit": "00" * 20},
    "a short subject": {"subject_sha256": b"short"},
    "a long key": {"key_id": bytes(33)},
    "a token of another log": {"repository": "r", "page_token": "x"},
    "a token beyond all": {"repository": "r", "page_token": "9" * 19},
    "a very long token": {"repository": "r", "page_token": "1" * 10_000},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_what_nothing_can_be_found_by_is_refused(log: tuple[str, LogVerifier], fields: dict[str, object]) -> None:
    with grpc.insecure_channel(log[0].removeprefix("grpc://")) as channel, pytest.raises(grpc.RpcError) as caught:
        ledger_pb2_grpc.LedgerServiceStub(channel).FindBundles(ledger_pb2.FindBundlesRequest(**fields))  # type: ignore[arg-type]  # by name
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]  # what a call raises is the call


def test_the_client_says_what_nothing_can_be_found_by_as_what_it_is(log: tuple[str, LogVerifier]) -> None:
    with LedgerClient(log[0]) as client, pytest.raises(MalformedError, match="a condition is needed"):
        list(client.search(Query()))


def test_who_watches_sees_each_checkpoint_extend_the_one_before(tmp_path: Path) -> None:
    """Two watch: one from the start, one who knows the log already and hears of what is new alone."""
    verifier = load_verifier(init_ledger(tmp_path / "ledger"))
    with serving(tmp_path / "ledger") as (_, url), LedgerClient(url) as client:
        client.append(envelope(1), SIGNER.public)
        known = open_checkpoint(client.checkpoint(), verifier)
        first, later = client.watch(), client.watch(known.size)
        old = Checkpoint(origin=known.origin, size=0, root=EMPTY_ROOT)
        for number in range(2, 8):
            note, proof = next(first)
            new = open_checkpoint(note, verifier)
            assert (proof.old, proof.new) == (old.size, new.size)
            check_consistency(proof, old=old.root, new=new.root)
            old = new
            client.append(envelope(number), SIGNER.public)
        note, proof = next(later)
        new = open_checkpoint(note, verifier)
        assert known.size < new.size <= 7
        check_consistency(proof, old=known.root, new=new.root)
        first.close()  # type: ignore[attr-defined]  # a generator
        later.close()  # type: ignore[attr-defined]  # a generator


def test_who_watches_is_shown_no_checkpoint_that_readers_are_not(tmp_path: Path) -> None:
    """A quorum is required, and no witness answers: appends go on, and nobody is shown where the log stands."""
    place = tmp_path / "ledger"
    vkey = init_ledger(place)
    (place / "witnesses.policy").write_text(
        f"log {vkey}\nwitness w {WitnessKey('w.example', bytes(32)).vkey} http://127.0.0.1:1/\nquorum w\n"
    )
    (place / "ledger.toml").write_text('schema = 1\n[witnesses]\npolicy = "witnesses.policy"\nrequired = true\n')
    with web_serving(place, "--config", place / "ledger.toml") as (_, url, _web), LedgerClient(url, deadline=2) as client:
        assert client.append(envelope(1), SIGNER.public).index == 0
        for ask in (client.checkpoint, lambda: next(client.watch())):
            with pytest.raises(LedgerUnavailableError):
                ask()


def test_the_server_says_what_it_speaks(log: tuple[str, LogVerifier]) -> None:
    with grpc.insecure_channel(log[0].removeprefix("grpc://")) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
    health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    assert {"byline.v1.LedgerService", health} <= set(services)


def test_an_error_tells_a_program_what_and_when() -> None:
    """`google.rpc` details, as any gRPC client reads them, and as ours reads them back."""
    status = write_status(QuotaError("enough for now", retry_after=1.5, hint="ask for more"))
    info, retry, failure = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.QuotaFailure()
    assert [detail.Unpack(into) for detail, into in zip(status.details, (info, retry, failure), strict=True)] == [True] * 3
    assert (info.reason, info.domain, dict(info.metadata)) == ("BL-LEDGER-6", "byline", {"hint": "ask for more"})
    assert retry.retry_delay.ToTimedelta().total_seconds() == 1.5
    assert failure.violations[0].description == "enough for now"
    error = read_status(status)
    assert isinstance(error, QuotaError)
    assert (str(error), error.retry_after, error.hint) == ("enough for now", 1.5, "ask for more")


def test_what_is_no_error_of_ours_is_not_told() -> None:
    status = write_status(ZeroDivisionError("of a secret"))
    assert status.code == grpc.StatusCode.INTERNAL.value[0]
    assert b"secret" not in status.SerializeToString()


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
def test_an_error_without_details_has_the_class_of_its_code(code: grpc.StatusCode) -> None:
    """As a proxy in between makes them."""
    error = read_trailers(code, "no", ())
    away = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED", "RESOURCE_EXHAUSTED"}
    assert isinstance(error, LedgerUnavailableError) == (code.name in away)
    assert isinstance(error, LedgerError) == (code.name != "OUT_OF_RANGE")


@given(st.binary(max_size=200), st.integers(-(2**31), 2**31 - 1))
def test_details_that_nobody_can_read_are_no_reason_to_fail(data: bytes, nanos: int) -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds, retry.retry_delay.nanos = -5, nanos
    status = status_pb2.Status()
    status.details.add().Pack(retry)
    status.details.add(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=data)
    for details in (data, status.SerializeToString(), status.SerializeToString() + data):
        error = read_trailers(grpc.StatusCode.UNAVAILABLE, "no", [(DETAILS, details)])
        assert isinstance(error, BylineError)
        assert getattr(error, "retry_after", 0.0) >= 0
