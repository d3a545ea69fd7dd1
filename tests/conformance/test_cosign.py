# SPDX-License-Identifier: Apache-2.0
"""FM4: unmodified cosign verifies our bundles: a statement, signed by a key, in our log, with nothing of ours but a trusted root."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from byline.core.bundle import format_bundle, join_receipt
from byline.core.statement import PredicateType
from byline.keys.ed25519 import load_verifier
from byline.testing import fixed_signer
from byline_ledger.embedded import open_embedded
from byline_ledger.trust_config import Issuer, trusted_root
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Callable

COSIGN = shutil.which("cosign") or shutil.which("cosign", path=Path.home() / "go" / "bin")
BLOB = b"line 1, written by an agent\n"

pytestmark = pytest.mark.skipif(
    COSIGN is None, reason="cosign is not installed (go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3)"
)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pem(spki: bytes) -> bytes:
    return load_der_public_key(spki).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def logged(tmp_path: Path) -> tuple[dict[str, Any], Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]]:
    """A bundle from a log that holds others too, and cosign's judgement of any bundle."""
    with open_embedded(tmp_path / "ledger") as ledger:
        for number in range(5):
            ledger.append(envelope(number), SIGNER.public)
        sent = envelope(9, hashlib.sha256(BLOB).hexdigest())
        ledger.append(sent, SIGNER.public)
        ledger.append(envelope(10), SIGNER.public)
        bundle = json.loads(format_bundle(join_receipt(sent, SIGNER.public, ledger.append(sent, SIGNER.public))))
        (tmp_path / "root.json").write_text(json.dumps(trusted_root([load_verifier(ledger.vkey).note_key], Issuer())))
    (tmp_path / "key.pem").write_bytes(pem(SIGNER.public))
    (tmp_path / "other.pem").write_bytes(pem(fixed_signer(2).public))
    (tmp_path / "blob").write_bytes(BLOB)

    def verify(candidate: dict[str, Any], *, key: str = "key.pem") -> subprocess.CompletedProcess[str]:
        (tmp_path / "bundle.json").write_text(json.dumps(candidate))
        command = [str(COSIGN), "verify-blob-attestation", "--key", key, "--bundle", "bundle.json"]
        command += ["--type", PredicateType.AUTHORSHIP, "--trusted-root", "root.json", "blob"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    return bundle, verify


def test_cosign_verifies_our_bundle(logged: tuple[dict[str, Any], Callable[..., subprocess.CompletedProcess[str]]]) -> None:
    bundle, verify = logged
    done = verify(bundle)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "Verified OK"


def test_cosign_refuses_what_is_changed(logged: tuple[dict[str, Any], Callable[..., subprocess.CompletedProcess[str]]]) -> None:
    bundle, verify = logged
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    good = json.dumps(bundle)
    assert verify(bundle, key="other.pem").returncode != 0
    entry["inclusionProof"]["hashes"][0] = base64_of(bytes(32))
    assert verify(bundle).returncode != 0
    bundle = json.loads(good)
    bundle["verificationMaterial"]["tlogEntries"][0]["logId"]["keyId"] = base64_of(bytes(32))
    assert verify(bundle).returncode != 0
    bundle = json.loads(good)
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64_of(envelope(1).signature)
    assert verify(bundle).returncode != 0
