# SPDX-License-Identifier: Apache-2.0
"""Rekor v2's create over HTTP, as a real server answers it."""

from __future__ import annotations

import base64
import hashlib
import signal
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import InclusionProof, check_inclusion, hash_leaf
from byline.errors import ConfigError
from byline.keys.ed25519 import load_verifier
from byline.keys.ids import key_id
from byline.log.client import LedgerClient
from byline.testing import fixed_signer
from byline_ledger.engine.files import init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.records import RekorDoor
from byline_ledger.server.config import ServerConfig
from private_issuer import PrivateIssuer
from serving import SIGNER, certify, envelope, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/v2/log/entries"
CALLERS = 6


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def request(
    message: bytes, *, signature: bytes | None = None, verifier: tuple[str, bytes] = ("publicKey", SIGNER.public)
) -> dict[str, Any]:
    name, der = verifier
    content = encode(signature if signature is not None else SIGNER.sign(message))
    signed = {"content": content, "verifier": {name: {"rawBytes": encode(der)}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}}
    return {"hashedRekordRequestV002": {"digest": encode(hashlib.sha256(message).digest()), "signature": signed}}


def certified(message: bytes) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    der = PrivateIssuer().issue(key.public_key(), "dev@byline.test").public_bytes(Encoding.DER)
    return request(message, signature=key.sign(message, ec.ECDSA(hashes.SHA256())), verifier=("x509Certificate", der))


@pytest.fixture
def vkey(tmp_path: Path) -> str:
    return init_ledger(tmp_path / "ledger", origin="ledger.example")


@pytest.fixture
def door(vkey: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """The door, open to keys."""
    assert vkey
    with web_serving(tmp_path / "ledger", "--rekor", "keys") as (_, _, url), httpx.Client(base_url=url) as client:
        yield client


def check(answer: dict[str, Any], vkey: str) -> int:
    """Check an entry as a client does, and return its index."""
    verifier = load_verifier(vkey)
    proof = answer["inclusionProof"]
    assert answer["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}
    assert answer["logId"]["keyId"] == encode(verifier.note_key.log_id)
    assert answer["logIndex"] == proof["logIndex"]
    head = open_checkpoint(proof["checkpoint"]["envelope"], verifier)
    assert (str(head.size), encode(head.root)) == (proof["treeSize"], proof["rootHash"])
    shown = tuple(base64.b64decode(each) for each in proof["hashes"])
    index = int(answer["logIndex"])
    leaf = hash_leaf(base64.b64decode(answer["canonicalizedBody"]))
    check_inclusion(InclusionProof(index=index, size=head.size, hashes=shown), leaf=leaf, root=head.root)
    return index


def test_what_is_logged_comes_with_its_proof_and_again_gets_the_same_entry(door: httpx.Client, vkey: str, tmp_path: Path) -> None:
    bodies = [door.post(PATH, json=request(b"release %d" % number)) for number in (1, 2, 3, 2)]
    assert [each.status_code for each in bodies] == [201] * 4
    assert [check(each.json(), vkey) for each in bodies] == [0, 1, 2, 1]
    assert bodies[1].json()["canonicalizedBody"] == bodies[3].json()["canonicalizedBody"]
    assert door.get("/api/v2/checkpoint").text == bodies[3].json()["inclusionProof"]["checkpoint"]["envelope"]
    assert check_ledger(tmp_path / "ledger").findings == ()


def test_the_door_is_closed_until_it_is_opened(vkey: str, tmp_path: Path) -> None:
    assert vkey
    with web_serving(tmp_path / "ledger") as (_, _, url):
        answer = httpx.post(url + PATH, json=request(b"release"))
    assert answer.status_code == 403
    assert answer.json()["code"] == 7
    assert answer.json()["details"][0]["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"


def test_a_door_without_http_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="over HTTP"):
        ServerConfig(directory=Path(), rekor=RekorDoor.KEYS).check()


def test_certificates_enter_only_where_they_may(door: httpx.Client, vkey: str, tmp_path: Path) -> None:
    assert door.post(PATH, json=certified(b"release")).status_code == 400
    init_ledger(tmp_path / "other", origin="other.example")
    with web_serving(tmp_path / "other", "--rekor", "certificates") as (_, _, url):
        answer = httpx.post(url + PATH, json=certified(b"release"))
    assert (answer.status_code, answer.json()["logIndex"]) == (201, "0")
    assert check_ledger(tmp_path / "other").findings == ()
    assert vkey


def test_what_is_never_logged_is_refused_and_leaves_nothing(door: httpx.Client, vkey: str) -> None:
    bad = [
        request(b"release", signature=SIGNER.sign(b"another")),
        request(b"release", verifier=("publicKey", fixed_signer(2).public)),
        request(b"release", signature=b""),
        request(b"release", verifier=("x509Certificate", b"none")),
        {"dsseRequestV002": {}},
        {},
        [],
    ]
    for body in bad:
        answer = door.post(PATH, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 3), body
    assert door.post(PATH, content=b"\xff").status_code == 400
    assert door.post(PATH, content=b" " * 200_000).status_code == 413
    assert door.get(PATH).status_code == 405
    assert open_checkpoint(door.get("/checkpoint").text, load_verifier(vkey)).size == 0


def test_keys_that_are_not_on_the_list_are_refused(vkey: str, tmp_path: Path) -> None:
    assert vkey
    with web_serving(tmp_path / "ledger", "--rekor", "keys", "--allow", key_id(fixed_signer(2).public)) as (_, _, url):
        assert httpx.post(url + PATH, json=request(b"release")).status_code == 403


def test_a_frozen_log_takes_nothing_and_answers_what_it_has(vkey: str, tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    with web_serving(place, "--rekor", "keys") as (_, _, url):
        assert httpx.post(url + PATH, json=request(b"release")).status_code == 201
    opened = load_log(place)
    opened.log.freeze()
    opened.store.close()
    with web_serving(place, "--rekor", "keys") as (_, _, url):
        answer = httpx.post(url + PATH, json=request(b"another release"))
        assert (answer.status_code, answer.json()["code"]) == (405, 9)
        assert check(httpx.post(url + PATH, json=request(b"release")).json(), vkey) == 0


def test_statements_and_records_share_one_order(door: httpx.Client, vkey: str) -> None:
    assert check(door.post(PATH, json=request(b"release")).json(), vkey) == 0
    sent = envelope(1)
    call = {
        "envelope": {"payload": encode(sent.payload), "signature": encode(sent.signature)},
        "publicKey": encode(SIGNER.public),
    }
    assert door.post("/byline.v1.LedgerService/Append", json=call).json()["entry"]["index"] == "1"
    assert check(door.post(PATH, json=request(b"another")).json(), vkey) == 2


def test_both_doors_speak_tls_with_one_certificate(tmp_path: Path, vkey: str) -> None:
    certificate, key = certify(tmp_path)
    with web_serving(tmp_path / "ledger", "--certificate", str(certificate), "--tls-key", str(key)) as (_, grpcs, https):
        roots = certificate.read_bytes()
        with LedgerClient(grpcs, roots=roots) as client:
            note = client.checkpoint()
        assert https.startswith("https://")
        assert httpx.get(f"{https}/checkpoint", verify=ssl.create_default_context(cafile=certificate)).text == note
    assert vkey


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_answered_stays_however_the_server_ends(vkey: str, tmp_path: Path, number: signal.Signals) -> None:
    """It ends while many clients log: every answer that anybody got is true, and the same request finds its entry again."""
    answered: dict[int, dict[str, Any]] = {}
    enough = threading.Event()

    def post(caller: int, url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            for record in range(caller, 10_000, CALLERS):
                try:
                    answer = client.post(PATH, json=request(b"release %d" % record))
                except httpx.TransportError:
                    return
                if answer.status_code != 201:
                    assert answer.status_code == 503
                    return
                answered[record] = answer.json()
                if len(answered) > 50:
                    enough.set()

    with web_serving(tmp_path / "ledger", "--rekor", "keys") as (process, _, url), ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(post, caller, url) for caller in range(CALLERS)]
        assert enough.wait(60)
        process.send_signal(number)
        for each in callers:
            each.result(60)
        assert process.wait(60) == (0 if number is signal.SIGTERM else -number)
    report = check_ledger(tmp_path / "ledger")
    assert report.findings == ()
    assert report.entries >= len(answered)
    indices = {record: check(answer, vkey) for record, answer in answered.items()}
    assert len(set(indices.values())) == len(indices)
    with web_serving(tmp_path / "ledger", "--rekor", "keys") as (_, _, url), httpx.Client(base_url=url) as client:
        for record, index in list(indices.items())[:20]:
            assert check(client.post(PATH, json=request(b"release %d" % record)).json(), vkey) == index
