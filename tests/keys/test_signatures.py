# SPDX-License-Identifier: Apache-2.0
"""Keys of every form: their signatures are found good, and nothing that differs in one thing is."""

from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.canonical import format_canonical, parse_strict
from byline.core.entry import EntryKind, check_entry, entry_for, entry_kind, format_entry, parse_entry
from byline.core.publickey import KeyType, Presence, key_type, parse_public_key
from byline.core.sshsig import APPROVAL, AUTHORSHIP
from byline.errors import ConfigError, EntryError, MalformedError, ProofError, SignatureError
from byline.keys.signatures import Signatures
from byline.sign.file import sign_payload
from byline.sign.ssh import SshSigner, is_ssh_key
from byline.testing import fixed_signer
from tokens import KEYS, UP, UV, Passkey, SpkiKey, SshKey, TokenKey, envelope

if TYPE_CHECKING:
    from pathlib import Path

PAYLOAD = b'{"a statement":1}'
TYPES = {
    "ed25519": KeyType.ED25519,
    "ssh-ed25519": KeyType.SSH,
    "ssh-ed25519 sha256": KeyType.SSH,
    "ecdsa-sha2-nistp256": KeyType.SSH,
    "sk-ssh-ed25519": KeyType.SK_SSH,
    "sk-ecdsa verified": KeyType.SK_SSH,
    "webauthn EdDSA": KeyType.WEBAUTHN,
    "webauthn ES256": KeyType.WEBAUTHN,
}
every_key = pytest.mark.parametrize("name", KEYS)


def verify(key: TokenKey, signature: bytes, payload: bytes = PAYLOAD, namespace: str = APPROVAL) -> Presence:
    return Signatures().verify(key.public, signature, replace(envelope(payload, key), signature=b"").signed_bytes, namespace=namespace)


@every_key
def test_a_signature_by_any_form_of_key_is_found_good(name: str) -> None:
    key = KEYS[name]
    assert key_type(key.public) is TYPES[name]
    expected = {"sk-ssh-ed25519": "present", "sk-ecdsa verified": "verified", "webauthn EdDSA": "verified", "webauthn ES256": "present"}
    assert verify(key, envelope(PAYLOAD, key).signature) == expected.get(name, "none")


@every_key
def test_a_signature_is_about_one_payload_by_one_key(name: str) -> None:
    key, signature = KEYS[name], envelope(PAYLOAD, KEYS[name]).signature
    with pytest.raises(SignatureError):
        verify(key, signature, b"{}")
    for other in KEYS.values():
        if other.public != key.public:
            with pytest.raises(SignatureError):
                verify(other, signature)


@every_key
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_passes(name: str, at: int, bit: int) -> None:
    key = KEYS[name]
    signature = bytearray(envelope(PAYLOAD, key).signature)
    signature[at % len(signature)] ^= 1 << bit
    with pytest.raises(SignatureError):
        verify(key, bytes(signature))


@every_key
def test_every_kind_of_leaf_is_canonical_json_with_one_spelling(name: str) -> None:
    key = KEYS[name]
    signed = envelope(PAYLOAD, key)
    entry = entry_for(signed, key.public)
    leaf = format_entry(entry)
    assert format_canonical(parse_strict(leaf)) == leaf
    assert parse_entry(leaf) == entry
    kinds = {KeyType.ED25519: EntryKind.ED25519, KeyType.WEBAUTHN: EntryKind.WEBAUTHN}
    assert entry_kind(entry) is kinds.get(TYPES[name], EntryKind.SSHSIG)
    check_entry(leaf, signed, key.public)
    with pytest.raises(ProofError):
        check_entry(leaf, replace(signed, payload=b"{}"), key.public)
    for other in (leaf.replace(b'"0.1"', b'"0.2"'), leaf.replace(entry_kind(entry).value[0].encode(), b"hashedrekord"), leaf + b" "):
        with pytest.raises(EntryError):
            parse_entry(other)
    with pytest.raises(EntryError):
        format_entry(replace(entry, digest=b"short"))


@every_key
def test_a_leaf_proves_its_signature_without_its_payload_unless_it_is_ed25519(name: str) -> None:
    key = KEYS[name]
    entry = entry_for(envelope(PAYLOAD, key), key.public)
    if name == "ed25519":
        with pytest.raises(SignatureError, match="can only be checked with what was signed"):
            Signatures().verify_entry(entry)
    else:
        Signatures().verify_entry(entry)
        Signatures().verify_entry(entry, namespace=APPROVAL)
        with pytest.raises(SignatureError):
            Signatures().verify_entry(replace(entry, digest=bytes(len(entry.digest))))


def test_a_leaf_of_a_p256_key_proves_its_signature_without_its_payload() -> None:
    key = fixed_signer()
    entry = entry_for(sign_payload(PAYLOAD, key), key.public)
    assert Signatures().verify_entry(entry) is Presence.NONE
    for digest in (bytes(32), b"short"):
        with pytest.raises(SignatureError):
            Signatures().verify_entry(replace(entry, digest=digest))


@pytest.mark.parametrize("namespace", ["git", "file", "", "authorship@byline"])
def test_a_signature_for_another_purpose_is_refused(namespace: str) -> None:
    """AP4: what was signed for git, or as a claim, approves nothing."""
    with pytest.raises(SignatureError):
        verify(KEYS["ssh-ed25519"], envelope(PAYLOAD, SshKey(namespace=namespace)).signature)


def test_a_claim_is_signed_as_a_claim() -> None:
    key = SshKey(namespace=AUTHORSHIP)
    assert verify(key, envelope(PAYLOAD, key).signature, namespace=AUTHORSHIP) is Presence.NONE
    entry = entry_for(envelope(PAYLOAD, key), key.public)
    Signatures().verify_entry(entry)
    with pytest.raises(SignatureError):
        Signatures().verify_entry(entry, namespace=APPROVAL)


@pytest.mark.parametrize(
    "key",
    [
        SshKey("sk-ssh-ed25519@openssh.com", flags=0),
        SshKey("sk-ssh-ed25519@openssh.com", flags=UV),
        SshKey("sk-ecdsa-sha2-nistp256@openssh.com", flags=0),
        SshKey(hash="sha384"),
        Passkey(flags=0),
        Passkey(flags=UV),
        Passkey(flags=UP | 0x40),
        Passkey(flags=UP | 0x80),
        Passkey(flags=UP, extensions=b"\xa0"),
        Passkey(origin="https://approve.example.evil.example"),
        Passkey(origin="https://notapprove.example"),
        Passkey(origin="http://approve.example"),
        Passkey(origin="null"),
        Passkey(relying_party="evil.example"),
        Passkey(cross_origin=True),
        Passkey(type="webauthn.create"),
    ],
    ids=repr,
)
def test_a_good_signature_that_says_the_wrong_thing_is_refused(key: TokenKey) -> None:
    """AP4: the flags are ours to check, UP always: a signature that nobody touched a token for proves nobody's presence."""
    with pytest.raises(SignatureError):
        verify(key, envelope(PAYLOAD, key).signature)


@pytest.mark.parametrize("key", [Passkey(origin="https://eu.approve.example:8443"), Passkey(flags=UP | 0x80, extensions=b"\xa0")], ids=repr)
def test_a_page_below_the_relying_party_and_extensions_are_good(key: TokenKey) -> None:
    assert verify(key, envelope(PAYLOAD, key).signature)


@given(st.binary(max_size=200) | st.builds(bytes.__add__, st.sampled_from([each.public for each in KEYS.values()]), st.binary(max_size=4)))
def test_any_bytes_are_a_key_with_one_spelling_or_refused(data: bytes) -> None:
    known = {each.public for each in KEYS.values()}
    try:
        key = parse_public_key(data)
    except MalformedError:
        assert data not in known
    else:
        assert key.type in TYPES.values()


@given(st.binary(max_size=300), st.sampled_from(list(KEYS.values())))
def test_any_signature_of_any_key_is_refused_as_a_signature(signature: bytes, key: TokenKey) -> None:
    with pytest.raises(SignatureError):
        verify(key, signature)


def test_two_forms_of_one_point_are_two_keys() -> None:
    assert len({SpkiKey("x").public, SshKey("ssh-ed25519").public, Passkey("x").public}) == 3


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed")
@pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("ecdsa", "256")])
def test_openssh_signs_and_we_agree(tmp_path: Path, kind: str, bits: str | None) -> None:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", kind, *(["-b", bits] if bits else []), "-f", path], check=True, timeout=60)
    signer = SshSigner(path, namespace=APPROVAL)
    assert is_ssh_key(path)
    assert is_ssh_key(path.with_suffix(".pub"))
    signed = sign_payload(PAYLOAD, signer)
    assert Signatures().verify(signer.public, signed.signature, signed.signed_bytes, namespace=APPROVAL) is Presence.NONE
    assert parse_entry(format_entry(entry_for(signed, signer.public))).public == signer.public
    with pytest.raises(ConfigError, match="did not sign"):
        SshSigner(path.rename(tmp_path / "gone").with_name("id.pub"), namespace=APPROVAL).sign(PAYLOAD)


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAAB3NzaC1yc2E= me", "ssh-ed25519 not-base64"])
def test_a_key_that_byline_does_not_know_is_refused_before_anybody_touches_anything(tmp_path: Path, text: str) -> None:
    (tmp_path / "id.pub").write_text(text)
    for path in (tmp_path / "id.pub", tmp_path / "none"):
        with pytest.raises(ConfigError):
            SshSigner(path, namespace=APPROVAL)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed")
@pytest.mark.parametrize("name", ["ssh-ed25519", "ssh-ed25519 sha256", "ecdsa-sha2-nistp256", "sk-ssh-ed25519", "sk-ecdsa verified"])
def test_openssh_accepts_what_the_tokens_of_these_tests_sign(tmp_path: Path, name: str) -> None:
    """The bytes that our checks are tried on are OpenSSH's: its own verifier takes them."""
    key = KEYS[name]
    assert isinstance(key, SshKey)
    signed = envelope(PAYLOAD, key)
    armor = base64.encodebytes(signed.signature).decode()
    (tmp_path / "sig").write_text(f"-----BEGIN SSH SIGNATURE-----\n{armor}-----END SSH SIGNATURE-----\n")
    (tmp_path / "allowed").write_text(f"ana {key.name} {base64.b64encode(key.public).decode()}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ana", "-n", APPROVAL, "-s", "sig"]
    done = subprocess.run(command, cwd=tmp_path, input=signed.signed_bytes, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done
