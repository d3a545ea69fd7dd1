# SPDX-License-Identifier: Apache-2.0
"""Keys that people bring: a person enrolls and approves with what OpenSSH made, and an Ed25519 key in a file."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from byline.core.tlog_policy import parse_tlog_policy
from byline.keys.cosigners import WitnessKey
from byline.testing import MemoryLedger
from byline_ledger.engine.files import init_ledger
from installed import Installed
from witnesses import witnessed_serving

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

SSH, OPENSSL = shutil.which("ssh-keygen"), shutil.which("openssl")


def _ssh(folder: Path) -> tuple[Path, Path]:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", folder / "id"], check=True, timeout=60)
    return folder / "id", folder / "id.pub"


def _pem(folder: Path) -> tuple[Path, Path]:
    path, public = folder / "key.pem", folder / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, timeout=60, capture_output=True)
    path.chmod(0o600)
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", public], check=True, timeout=60)
    return path, public


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(_ssh, marks=pytest.mark.skipif(SSH is None, reason="OpenSSH's ssh-keygen is not installed"), id="ssh"),
        pytest.param(_pem, marks=pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed"), id="ed25519"),
    ],
)
def test_a_person_approves_with_a_key_that_another_tool_made(repository: Scratch, tmp_path: Path, make: object) -> None:
    assert callable(make)
    path, public = make(tmp_path)
    clone = Installed.create(repository, "--policy", "team")
    said = clone.byline("trust", "add", "p-ana", "--level", "senior", "--key", str(public), "--use", "approval", "--use", "root")
    assert said.code == 0, said
    clone.commit()
    assert clone.byline("trust", "add", "p-new").code == 0
    clone.commit()
    base = ("--base", "HEAD~1", "--head", "HEAD")
    assert clone.byline("gate", *base).code == 4
    said = clone.byline("approve", "--target", "main", *base, "--key", str(path), "--yes")
    assert said.code == 0, said
    assert "by p-ana" in said.out
    said = clone.byline("gate", *base)
    assert said.code == 0, said


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("ssh-rsa AAAAB3NzaC1yc2E= me", (), "not a public key that Byline knows"),
        ("ssh-ed25519", (), "not a public key that Byline knows"),
        ("MCowBQYDK2VwAyEAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=", ("--presence", "verified"), "only a token shows who is there"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_and_nothing_is_written(
    repository: Scratch, tmp_path: Path, text: str, options: tuple[str, ...], why: str
) -> None:
    clone = Installed.create(repository)
    before = (clone.path / ".byline/trust.toml").read_bytes()
    (tmp_path / "x.pub").write_text(text)
    said = clone.byline("trust", "add", "p-x", "--key", str(tmp_path / "x.pub"), *options)
    assert (said.code, why in said.err) == (2, True), said
    assert (clone.path / ".byline/trust.toml").read_bytes() == before


def test_a_witness_is_added_and_the_policy_for_the_log_is_printed(repository: Scratch) -> None:
    vkey = WitnessKey("witness.example", bytes(range(32))).vkey
    clone = Installed.create(repository)
    trust = clone.path / ".byline/trust.toml"
    log = f'\n[[log]]\norigin = "memory.example"\nvkey = "{MemoryLedger().vkey}"\nclass = "independent"\noperator = "s-ops"\n'
    trust.write_text(trust.read_text() + log)
    add = ("trust", "witness", "w1", "--vkey", vkey, "--operator", "o-one", "--url", "https://witness.example")
    assert clone.byline(*add).code == 0
    assert clone.byline(*add).code == 2
    trust.write_text(trust.read_text().replace('operator = "s-ops"', 'operator = "s-ops"\nquorum = 1'))
    said = clone.byline("trust", "tlog-policy")
    assert said.code == 0, said
    policy = parse_tlog_policy(said.out.encode())
    assert (policy.is_met(frozenset()), policy.is_met(frozenset({"w1"}))) == (False, True)
    assert "https://witness.example" in said.out
    assert "w1" in clone.byline("trust", "list").out
    assert clone.byline("trust", "tlog-policy", "other.example").code == 2
    assert clone.byline("trust", "witness", "w2", "--vkey", "nonsense", "--operator", "o").code == 2


def test_the_regulated_policy_is_made_for_a_log_and_not_without(repository: Scratch) -> None:
    clone = Installed(repository)
    said = clone.byline("init", "--policy", "regulated", "--yes")
    assert (said.code, "needs a log" in said.err, (clone.path / ".byline").exists()) == (2, True, False), said
    clone = Installed.create(repository, "--policy", "regulated", "--ledger", "https://ledger.example", "--log-key", MemoryLedger().vkey)
    assert "index = true" in (clone.path / ".byline/trust.toml").read_text()
    said = clone.byline("policy", "lint")
    assert (said.code, "error" in said.out.replace("no errors", "")) == (0, False), said


def test_a_statement_in_a_log_is_exported_as_a_proof_that_verifies(repository: Scratch, tmp_path: Path) -> None:
    vkey = init_ledger(tmp_path / "ledger")
    with witnessed_serving(tmp_path / "ledger") as (_, url, _):
        clone = Installed.create(repository, "--ledger", url, "--log-key", vkey)
        clone.commit()
        clone.writes("a.py", b"by an agent\n")
        clone.commit()
        said = clone.byline("export", "tlog-proof", "--output", "proofs")
        assert said.code == 0, said
    (proof,) = (clone.path / "proofs").iterdir()
    said = clone.byline("verify", str(proof))
    assert (said.code, "logged" in said.out) == (0, True), said
    text = proof.read_text()
    for bent in (text.replace("index 1", "index 0"), text.replace("extra ", "extra AAAA"), text[:-5] + "\n"):
        proof.write_text(bent)
        said = clone.byline("verify", str(proof))
        assert (said.code, "Traceback" in said.err) == (1, False), said
    assert clone.byline("export", "tlog-proof", "HEAD~1", "--output", "none").code in {0, 1}
