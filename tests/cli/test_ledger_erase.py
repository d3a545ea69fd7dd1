# SPDX-License-Identifier: Apache-2.0
"""`byline ledger erase` as two people and an operator call it, each in their own place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.trust import Use
from byline.git.repository import open_repository
from byline.keys.files import save_secret
from byline.log.client import LedgerClient
from byline.log.evidence import EvidenceRef
from byline_cli.main import main
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from casework import SIGNERS, ai, authorship, claim, signed, trust_bytes
from scratch import Scratch
from serving import serving

if TYPE_CHECKING:
    from pathlib import Path

CLAIM = authorship(claim(b"src/app.py", b"a\n", b"b\n", ai("p-rob")))
USES = {"p-ana": (Use.AUTHORSHIP, Use.ERASURE), "p-ben": (Use.ERASURE,)}


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A ledger, a trust file, and a key file for everybody."""
    init_ledger(tmp_path / "ledger", origin="log.example")
    (tmp_path / "trust.toml").write_bytes(trust_bytes(uses=USES))
    for name, key in SIGNERS.items():
        save_secret(tmp_path / f"{name}.pem", key.to_pem())
    return tmp_path


def test_two_people_sign_in_their_clones_and_the_operator_erases(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = signed(CLAIM, "p-rob").envelope.digest
    with serving(places / "ledger") as (_, url):
        with LedgerClient(url) as client:
            logged = signed(CLAIM, "p-rob", client)  # type: ignore[arg-type]  # any ledger does
        for name in ("p-ana", "p-ben"):
            clone = Scratch.create(places / name)
            clone.write(".byline/trust.toml", trust_bytes(uses=USES))
            with open_repository(clone.path) as repo:
                EvidenceRef(repo).add([logged])
            monkeypatch.chdir(clone.path)
            assert main(["ledger", "erase", url, digest]) == 1
            assert main(["ledger", "erase", url, digest, "--reason", "secret", "--key", str(places / f"{name}.pem")]) == 0
            assert "signed and logged" in capsys.readouterr().out
        operator = ["ledger", "erase", str(places / "ledger"), digest, "--trust", str(places / "trust.toml")]
        assert main(operator) == 0
        assert capsys.readouterr().out == "entry 0: erased, wanted by p-ana, p-ben\n"
        with LedgerClient(url) as client:
            kinds = [each.envelope.digest for each in client.find(CLAIM.change)]
        assert digest not in kinds
    assert check_ledger(places / "ledger").findings == ()


def test_one_person_is_told_that_another_has_to_sign(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(places / "ledger") as (_, url), LedgerClient(url) as client:
        digest = signed(CLAIM, "p-rob", client).envelope.digest  # type: ignore[arg-type]  # any ledger does
    command = ["ledger", "erase", str(places / "ledger"), digest, "--trust", str(places / "trust.toml")]
    assert main([*command, "--reason", "legal", "--key", str(places / "p-ana.pem")]) == 0
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == "entry 0: kept, wanted by p-ana\n" * 2
    assert "2 people sign" in err
    assert main([*command, "--reason", "legal", "--key", str(places / "p-rob.pem")]) == 1
    assert "use erasure" in capsys.readouterr().err
    assert main([*command, "--reason", "because"]) == 2
    assert main(["ledger", "erase", str(places / "ledger"), "abc"]) == 2
    assert main(["ledger", "erase", str(places / "ledger"), digest]) == 2
