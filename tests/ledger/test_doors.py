# SPDX-License-Identifier: Apache-2.0
"""The doors of a real server: who comes in, how much they may send, what the operator sees and does, and that nothing of it leaks."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import json
import queue
import re
import signal
import socket
import ssl
import stat
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc

from byline.errors import (
    EntryRejectedError,
    FrozenError,
    KeyNotAllowedError,
    LedgerUnavailableError,
    NotAdmittedError,
    PushbackError,
    QuotaError,
    UnknownCallerError,
)
from byline.keys.ids import key_id
from byline.log.answers import write_append
from byline.log.client import Identity, LedgerClient
from byline.testing import fixed_signer
from byline_cli.main import main
from byline_ledger.administration import UnixConnection
from byline_ledger.engine.access import hash_token
from byline_ledger.engine.files import init_ledger
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc
from serving import SIGNER, envelope, serving, web_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMATS = Path(__file__).parents[2] / "docs/formats.md"
TOKEN, OTHER = "byline_the-token-of-ci", "byline_a-guess"
SECRETS = (TOKEN, OTHER, hash_token(TOKEN), "ci.shop.example", "private-word")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    init_ledger(tmp_path / "ledger")
    return tmp_path / "ledger"


def admission(place: Path, *identities: dict[str, Any]) -> Path:
    """Write an admission file of `identities`; JSON's strings and lists are TOML's."""
    tables = ("\n".join(["[[identity]]", *(f"{key} = {json.dumps(value)}" for key, value in each.items())]) for each in identities)
    path = place / "admission.toml"
    path.write_text("\n".join(["schema = 1", *tables]))
    return path


CI = {"name": "ci", "token": f"sha256:{hash_token(TOKEN)}", "doors": ["append"]}
READERS = {"name": "anyone", "doors": ["read"]}


def get(
    url: str, path: str, token: str | None = None, data: bytes | None = None, context: ssl.SSLContext | None = None
) -> tuple[int, str, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode(), answer.headers["x-request-id"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["x-request-id"]


def operate(place: Path, method: str, path: str) -> tuple[int, Any]:
    connection = UnixConnection(place / "admin.sock")
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, text if path == "/metrics" else json.loads(text)
    finally:
        connection.close()


def test_each_door_is_for_those_who_are_named(place: Path) -> None:
    """L14."""
    with web_serving(place, "--admission", admission(place, CI, READERS)) as (_, url, web):
        with LedgerClient(url) as reader:
            assert reader.checkpoint()
            with pytest.raises(UnknownCallerError):
                reader.append(envelope(1), SIGNER.public)
            with pytest.raises(UnknownCallerError):
                list(reader.append_stream([(envelope(1), SIGNER.public)]))
        with LedgerClient(url, token=TOKEN) as ci:
            assert ci.append(envelope(1), SIGNER.public).index == 0
            assert ci.inclusion(0, 1)
        with LedgerClient(url, token=OTHER) as stranger, pytest.raises(UnknownCallerError):
            stranger.checkpoint()
        assert get(web, "/checkpoint")[0] == 200
        assert get(web, "/checkpoint", OTHER)[0] == 401
        assert get(web, "/checkpoint", TOKEN)[0] == 200
        assert get(web, "/healthz", OTHER)[0] == 200
        assert get(web, "/metrics", TOKEN)[0] == 403


@pytest.mark.parametrize(
    ("method", "token", "status"),
    [("Append", None, 401), ("Append", TOKEN, 400), ("GetCheckpoint", OTHER, 401), ("GetCheckpoint", None, 200)],
)
def test_the_json_door_asks_as_grpc_does(place: Path, method: str, token: str | None, status: int) -> None:
    with web_serving(place, "--admission", admission(place, CI, READERS)) as (_, _, web):
        assert get(web, f"/byline.v1.LedgerService/{method}", token, data=b"{}")[0] == status


def test_a_key_alone_lets_its_statements_in(place: Path) -> None:
    team = {"name": "team", "keys": [key_id(SIGNER.public)], "doors": ["append"], "rate": 1, "burst": 2}
    other = fixed_signer(2)
    with serving(place, admission=admission(place, team)) as (_, url), LedgerClient(url) as client:
        with pytest.raises(KeyNotAllowedError):
            client.append(envelope(1, signer=other), other.public)
        assert client.append(envelope(1), SIGNER.public).index == 0
        with pytest.raises(NotAdmittedError):
            client.checkpoint()


def test_a_quota_says_when_to_come_back(place: Path) -> None:
    slow = CI | {"bytes": 1, "burst": 1}
    with serving(place, admission=admission(place, slow)) as (_, url), LedgerClient(url, token=TOKEN, deadline=2) as client:
        assert client.append(envelope(1), SIGNER.public).index == 0
        with pytest.raises(QuotaError) as caught:
            client.append(envelope(2), SIGNER.public)
        assert caught.value.retry_after > 60


Issuer: TypeAlias = tuple[x509.Name, ec.EllipticCurvePrivateKey]


def issue(place: Path, name: str, issuer: Issuer | None, *names: x509.GeneralName) -> Issuer:
    """Make a certificate with `names` by `issuer`, or by itself, and its key, as files; return who it can issue as."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, signer = issuer or (subject, key)
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start.replace(year=2200))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    else:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (place / f"{name}.pem").write_bytes(made.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
    (place / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return subject, key


def test_a_certificate_is_who_its_names_say(place: Path, tmp_path: Path) -> None:
    authority = issue(tmp_path, "ca", None)
    issue(tmp_path, "server", authority, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    issue(tmp_path, "ci", authority, x509.UniformResourceIdentifier("spiffe://shop.example/ci"))
    # The right name in the wrong place: a common name, and an e-mail address, are nobody's names.
    issue(tmp_path, "spiffe:", authority, x509.RFC822Name("ci.shop.example"))
    named = {"name": "ci", "certificate": ["spiffe://shop.example/ci", "ci.shop.example"], "doors": ["append", "read"]}
    tls = (tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    roots = (tmp_path / "ca.pem").read_bytes()
    (place / "ledger.toml").write_text(
        "schema = 1\n[tls]\n"
        + "".join(f"{key} = {json.dumps(str(path))}\n" for key, path in zip(("certificate", "key", "client_ca"), tls, strict=True))
    )
    with web_serving(place, "--admission", admission(place, named)) as (_, url, web):
        for name, is_known in (("ci", True), ("spiffe:", False)):
            context = ssl.create_default_context(cafile=tls[2])
            context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
            for path, data in (("/checkpoint", None), ("/byline.v1.LedgerService/GetCheckpoint", b"{}")):
                assert get(web, path, data=data, context=context)[0] == (200 if is_known else 401)
            shown = ((tmp_path / f"{name}.key").read_bytes(), (tmp_path / f"{name}.pem").read_bytes())
            with LedgerClient(url, roots=roots, identity=shown) as client:
                if is_known:
                    assert client.append(envelope(1), SIGNER.public).index == 0
                else:
                    with pytest.raises(UnknownCallerError):
                        client.append(envelope(2), SIGNER.public)


def test_certificates_are_renewed_while_the_server_runs(place: Path, tmp_path: Path) -> None:
    """L14: new connections see the new ones at both doors, and who has a certificate of the old authority stays out."""
    tls = {key: str(tmp_path / name) for key, name in (("certificate", "server.pem"), ("key", "server.key"), ("client_ca", "clients.pem"))}
    (place / "ledger.toml").write_text("schema = 1\n[tls]\n" + "".join(f"{key} = {json.dumps(path)}\n" for key, path in tls.items()))
    host, name = x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.UniformResourceIdentifier("spiffe://shop.example/ci")

    def renew(place: Path) -> tuple[ssl.SSLContext, bytes, Identity]:
        """Make new files of everything, in `place`; return what a client needs over HTTP and over gRPC."""
        place.mkdir(exist_ok=True)
        authority = issue(place, "clients", None)
        issue(place, "server", authority, host)
        issue(place, "ci", authority, name)
        context = ssl.create_default_context(cafile=place / "clients.pem")
        context.load_cert_chain(place / "ci.pem", place / "ci.key")
        return context, (place / "clients.pem").read_bytes(), Identity((place / "ci.key").read_bytes(), (place / "ci.pem").read_bytes())

    def answers(url: str, web: str, context: ssl.SSLContext, roots: bytes, identity: Identity) -> list[bool]:
        with LedgerClient(url, roots=roots, identity=identity, deadline=2) as client:
            found = []
            for ask in (lambda: get(web, "/checkpoint", context=context), client.checkpoint):
                try:
                    found.append(bool(ask()))
                except (LedgerUnavailableError, OSError):
                    found.append(False)
        return found

    old = renew(tmp_path)
    named = {"name": "ci", "certificate": [name.value], "doors": ["append", "read"]}
    with web_serving(place, "--admission", admission(place, named)) as (process, url, web):
        with LedgerClient(url, roots=old[1], identity=old[2]) as connected:
            assert connected.checkpoint()
            new = renew(tmp_path)
            assert answers(url, web, *old) == [True, True]
            assert operate(place, "POST", "/reload")[0] == 200
            for _ in range(2):
                assert answers(url, web, *old) == [False, False]
                assert answers(url, web, *new) == [True, True]
            assert connected.checkpoint(), "who was let in stays"
        (tmp_path / "server.pem").write_text("junk")
        assert operate(place, "POST", "/reload")[0] == 500
        assert answers(url, web, *new) == [True, True]
        assert process.poll() is None


def test_the_operator_reads_the_admission_file_again(place: Path) -> None:
    path = admission(place, READERS)
    with serving(place, admission=path) as (process, url), LedgerClient(url, token=TOKEN) as client:
        with pytest.raises(UnknownCallerError):
            client.append(envelope(1), SIGNER.public)
        admission(place, CI, READERS)
        assert operate(place, "POST", "/reload") == (200, {"identities": 2})
        assert client.append(envelope(1), SIGNER.public).index == 0
        path.write_text("schema = 1\nidentities = 1")
        status, said = operate(place, "POST", "/reload")
        assert status == 500
        assert "has no key 'identities'" in said["message"]
        assert client.append(envelope(2), SIGNER.public).index == 1
        admission(place, READERS)
        process.send_signal(signal.SIGHUP)
        with pytest.raises(UnknownCallerError):
            append_for_ever(client)


def test_what_lasts_does_not_outlive_what_let_it_in(place: Path) -> None:
    """A stream that was opened with a token that is taken back takes nothing more, and nobody watches with it."""
    both = CI | {"doors": ["append", "read"]}
    shown = (("authorization", f"Bearer {TOKEN}"),)
    requests: queue.SimpleQueue[ledger_pb2.AppendStreamRequest | None] = queue.SimpleQueue()
    later = {"name": "later", "token": f"sha256:{hash_token('later')}", "doors": ["append"]}
    with serving(place, admission=admission(place, both)) as (_, url), grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        stub = ledger_pb2_grpc.LedgerServiceStub(channel)
        answers = stub.AppendStream(iter(requests.get, None), metadata=shown, timeout=60)
        watched = stub.Watch(ledger_pb2.WatchRequest(), metadata=shown, timeout=60)

        def ask(number: int) -> ledger_pb2.NumberedAnswer:
            append = ledger_pb2.NumberedAppend(number=number, append=write_append(envelope(number), SIGNER.public))
            requests.put(ledger_pb2.AppendStreamRequest(appends=[append]))
            return next(answers).answers[0]

        assert ask(1).HasField("entry")
        assert next(watched).size > 0
        admission(place, later)
        assert operate(place, "POST", "/reload")[0] == 200
        assert ask(2).status.code == grpc.StatusCode.UNAUTHENTICATED.value[0]
        with LedgerClient(url, token="later") as client:
            client.append(envelope(3), SIGNER.public)
        with pytest.raises(grpc.RpcError) as caught:
            list(watched)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        requests.put(None)


def test_nobodys_request_is_read_before_they_may_come_in(place: Path) -> None:
    """L14: what a stranger sends is not even waited for; and the refusal has an id as every answer has."""
    with web_serving(place, "--admission", admission(place, CI)) as (_, _, web):
        for path in ("/byline.v1.LedgerService/Append", "/byline.v1.LedgerService/ListEntries", "/api/v2/log/entries"):
            host = urllib.parse.urlsplit(web)
            with socket.create_connection((str(host.hostname), host.port or 0), timeout=60) as caller:
                caller.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n[".encode())
                head = caller.recv(4096).decode()
            assert head.split()[1] in {"401", "403"}
            assert re.search(r"x-request-id: [0-9a-f]{16}", head)


@pytest.mark.parametrize("kind", ["watch", "append", "health", "reflection"])
def test_streams_of_one_caller_leave_room_for_others(place: Path, kind: str) -> None:
    """L14: as many as somebody likes, of whatever service; who has no stream is answered, and one that ends lets another in."""
    (place / "ledger.toml").write_text("schema = 1\n[limits]\ncalls = 8\n")
    ended = threading.Event()

    def nothing() -> Iterator[Any]:
        ended.wait(60)
        yield from ()

    with web_serving(place) as (_, url, _), grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        ledger = ledger_pb2_grpc.LedgerServiceStub(channel)
        begin: Callable[[], Any] = {
            "watch": lambda: ledger.Watch(ledger_pb2.WatchRequest(size=9)),
            "append": lambda: ledger.AppendStream(nothing()),
            "health": lambda: health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()),
            "reflection": lambda: reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(nothing()),
        }[kind]
        done: queue.Queue[Any] = queue.Queue()
        streams = [begin() for _ in range(20)]
        for each in streams:
            each.add_done_callback(done.put)
        assert {done.get(timeout=60).code() for _ in range(16)} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        with LedgerClient(url) as client:
            assert client.append(envelope(1), SIGNER.public).index == 0
            with pytest.raises(PushbackError, match="too many streams"):
                list(client.append_stream([(envelope(2), SIGNER.public)]))
            assert done.empty(), "who was there before stays"
            ended.set()
            for each in streams:
                each.cancel()
            for _ in range(4):
                done.get(timeout=60)
            assert len(list(client.append_stream([(envelope(2), SIGNER.public)]))) == 1


def append_for_ever(client: LedgerClient) -> None:
    for number in itertools.count(3):
        client.append(envelope(number), SIGNER.public)


def test_the_operators_door_is_the_operators_alone(place: Path) -> None:
    with serving(place) as (process, url), LedgerClient(url) as client:
        assert stat.S_IMODE((place / "admin.sock").stat().st_mode) == 0o600
        client.append(envelope(1), SIGNER.public)
        status, stats = operate(place, "GET", "/stats")
        assert (status, stats["size"], stats["server"]["appends"], stats["checkpoint"]) == (200, 1, "taken", client.checkpoint())
        assert operate(place, "POST", "/freeze") == (200, {"frozen": True})
        with pytest.raises(FrozenError) as caught:
            client.append(envelope(2), SIGNER.public)
        assert isinstance(caught.value.__cause__, grpc.RpcError)
        assert caught.value.__cause__.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert f'outcome="{caught.value.code}"}} 1.0' in operate(place, "GET", "/metrics")[1], "nobody asks a frozen log again"
        assert client.append(envelope(1), SIGNER.public).index == 0
        assert operate(place, "GET", "/stats")[1]["frozen"] is True
        assert operate(place, "GET", "/freeze")[0] == 405
        assert operate(place, "POST", "/unfreeze") == (200, {"frozen": False})
        assert client.append(envelope(2), SIGNER.public).index == 1
        process.kill()
        process.wait(60)
    with serving(place) as (process, _):  # what was killed left its socket there
        assert operate(place, "GET", "/stats")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not (place / "admin.sock").exists()


def test_nothing_that_is_sent_or_secret_is_told(place: Path) -> None:
    """P5: log lines, metrics and errors hold no token, not its hash, no payload, and no name out of one."""
    said = []
    rules = admission(place, CI | {"doors": ["append", "metrics"]}, READERS)
    with web_serving(place, "--admission", rules, told=place / "told") as (process, url, web):
        with LedgerClient(url, token=TOKEN) as ci, LedgerClient(url, token=OTHER) as stranger:
            good, bad = envelope(1, pad=5), envelope(2)
            bad = type(bad)(payload=b'{"private-word": 1}', signature=bad.signature)
            assert ci.append(good, SIGNER.public).index == 0
            for client, what in ((ci, bad), (stranger, good)):
                with pytest.raises((EntryRejectedError, UnknownCallerError)) as caught:
                    client.append(what, SIGNER.public)
                said.append(f"{caught.value} {caught.value.hint}")
        said += [str(get(web, f"/{TOKEN}?{OTHER}", word)) for word in (None, OTHER, f"{OTHER}\xe9")]
        counted = get(web, "/metrics", TOKEN)[1]
        assert 'byline_ledger_appends_total{outcome="logged"} 1.0' in counted
        assert 'byline_ledger_refusals_total{identity="anyone",reason="BL-LEDGER-7"}' in counted
        assert 'byline_ledger_refusals_total{identity="ci",reason="BL-LEDGER-4"} 1.0' in counted
        assert "byline_ledger_size_entries 1.0" in counted
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        told = (place / "told").read_text()
    lines = [json.loads(line) for line in told.splitlines()]
    assert {"serving", "refused", "stopping"} <= {line["event"] for line in lines}
    assert {(line["reason"], line["identity"]) for line in lines if line["event"] == "refused"} >= {
        ("BL-LEDGER-7", "anyone"),
        ("BL-LEDGER-4", "ci"),
    }
    for place_told in (told, counted, *said):
        assert [secret for secret in SECRETS if secret in place_told] == []


def test_a_call_has_an_id_that_its_caller_and_the_log_share(place: Path) -> None:
    with web_serving(place, "--admission", admission(place, CI), told=place / "told") as (process, _, web):
        _, _, request = get(web, "/checkpoint")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        lines = [json.loads(line) for line in (place / "told").read_text().splitlines()]
    assert [line["reason"] for line in lines if line.get("request") == request] == ["BL-LEDGER-8"]


DOCUMENTED = json.loads(FORMATS.read_text().split("### byline.ledger-stats/1\n")[1].split("```json\n")[1].split("```")[0])


def test_stats_are_the_same_with_a_server_and_without(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> str:
        assert main(["ledger", "stats", str(place), *words]) == 0
        return capsys.readouterr().out

    assert json.loads(told("--json"))["newest"] is None
    with serving(place) as (_, url), LedgerClient(url) as client:
        client.append(envelope(1), SIGNER.public)
        with_server = json.loads(told("--json"))
        assert "taken" in told()
    without = json.loads(told("--json"))
    assert "no server runs" in told()
    assert without["server"] is None
    assert with_server["server"].keys() == DOCUMENTED["server"].keys()
    assert with_server.keys() == DOCUMENTED.keys()
    assert {**with_server, "free": 0, "server": None} == {**without, "free": 0}
    assert without["size"] == 1
    assert without["newest"].endswith("Z")


def test_a_socket_that_is_no_servers_is_an_error_and_no_traceback(tmp_path: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> None:
        connection, _ = other.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()
        answering = threading.Thread(target=answer)
        answering.start()
        assert main(["ledger", "stats", str(place), "--socket", str(tmp_path / "s")]) == 3
        answering.join()
    assert "does not answer" in capsys.readouterr().err
