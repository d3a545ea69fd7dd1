# SPDX-License-Identifier: Apache-2.0
"""Keys: made once, kept from others, and nobody else's signature passes."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from byline.core.envelope import MAX_PAYLOAD
from byline.errors import CheckpointError, ConfigError, EnvelopeError, SignatureError
from byline.keys.ed25519 import load_log_key, make_log_key
from byline.keys.p256 import KeyCache, PrivateKey, check_signature, load_key, make_key
from byline.sign.file import sign_payload

KEY = PrivateKey.from_seed(7)


def test_a_key_reads_back_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key.pem"
    made = make_key(path)
    assert load_key(path).public == made.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_signatures_are_those_of_the_general_door() -> None:
    """Our algorithm object leaves out a question to OpenSSL and nothing else: RFC 6979, so that equal means equal."""
    general = load_pem_private_key(KEY.to_pem(), password=None)
    assert isinstance(general, ec.EllipticCurvePrivateKey)
    assert KEY.sign(b"statement") == general.sign(b"statement", ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def test_a_key_in_another_spelling_is_the_same_key(tmp_path: Path) -> None:
    """What our own writer writes is read without the general reader; both mean the same key."""
    made = load_pem_private_key(KEY.to_pem(), password=None)
    spellings = (
        made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        KEY.to_pem().replace(b"\n", b"\r\n"),
        KEY.to_pem() + b"\n",
    )
    for number, data in enumerate(spellings):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(data)
        path.chmod(0o600)
        assert load_key(path).public == KEY.public


def test_a_key_whose_public_half_is_another_keys_is_refused(tmp_path: Path) -> None:
    der = base64.b64decode(b"".join(KEY.to_pem().splitlines()[1:-1]))
    other = PrivateKey.from_seed(8).public[-64:]
    path = tmp_path / "bent.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der[:-64] + other) + b"\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        load_key(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = make_key(path)
    with pytest.raises(ConfigError):
        make_key(path)
    assert load_key(path).public == made.public
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home", "key.pem"]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff" * 100, b"x" * 70_000])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        load_key(path)
    with pytest.raises(ConfigError):
        load_log_key(path)


def test_a_key_in_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever commits may name any path."""
    os.mkfifo(tmp_path / "key.pem", 0o600)
    for path in (tmp_path / "key.pem", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="is no file"):
            load_key(path)


def test_a_missing_key_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_key(tmp_path / "none")


def test_the_same_statement_signed_again_is_the_same_envelope() -> None:
    envelope = sign_payload(b"{}", KEY)
    assert sign_payload(b"{}", KEY) == envelope
    assert envelope.keyid is None
    check_signature(KEY.public, envelope.signature, envelope.signed_bytes)


def test_a_payload_that_no_envelope_holds_is_not_signed() -> None:
    with pytest.raises(EnvelopeError):
        sign_payload(bytes(MAX_PAYLOAD + 1), KEY)


def test_another_message_key_or_signature_is_not_proven() -> None:
    signature = KEY.sign(b"message")
    other = PrivateKey.from_seed(8)
    for public, sig, message in (
        (KEY.public, signature, b"other"),
        (other.public, signature, b"message"),
        (KEY.public, b"", b"message"),
        (KEY.public, signature + b"\0", b"message"),
        (KEY.public[:-1], signature, b"message"),
        (KEY.public[:27] + bytes(64), signature, b"message"),
        (b"", signature, b"message"),
    ):
        with pytest.raises(SignatureError):
            check_signature(public, sig, message)


def test_a_cache_of_keys_checks_alike_and_stays_small() -> None:
    cache = KeyCache(2)
    for secret in range(1, 6):
        key = PrivateKey.from_seed(secret)
        for _ in range(2):
            cache.check(key.public, key.sign(b"m"), b"m")
            with pytest.raises(SignatureError):
                cache.check(key.public, key.sign(b"m"), b"n")


def test_a_log_key_reads_back(tmp_path: Path) -> None:
    made = make_log_key(tmp_path / "log.key", "log.example")
    assert load_log_key(tmp_path / "log.key").vkey == made.vkey
    assert stat.S_IMODE((tmp_path / "log.key").stat().st_mode) == 0o600


def test_a_log_key_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    make_log_key(path, "log.example")
    path.write_text(path.read_text().replace("log.example", "log.examplf"))
    with pytest.raises(ConfigError):
        load_log_key(path)


@pytest.mark.parametrize("name", ["", "a+b", "a b", "a\nb"])
def test_what_is_no_name_of_a_log_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError):
        make_log_key(tmp_path / "log.key", name)
