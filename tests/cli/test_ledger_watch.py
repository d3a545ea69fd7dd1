# SPDX-License-Identifier: Apache-2.0
"""`byline ledger monitor` and `mirror` as a person and a service call them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from byline.core.fork import check_fork, parse_fork
from byline.keys.ed25519 import load_verifier
from byline.keys.ids import key_id
from byline_cli.main import main
from installed import PROGRAM
from published import KEY, PublishedLog, leaf, publish
from serving import SIGNER

if TYPE_CHECKING:
    from pathlib import Path

ID = key_id(SIGNER.public)


@pytest.fixture
def log(tmp_path: Path) -> PublishedLog:
    log = PublishedLog(tmp_path / "log")
    log.append([leaf(0), b"another kind"])
    return log


def monitor(log: PublishedLog, *more: str) -> int:
    return main(["ledger", "monitor", str(log.folder), "--vkey", KEY.vkey, *more])


def test_a_look_says_how_large_the_log_is_and_what_was_watched(log: PublishedLog, capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor(log, "--watch-key", ID) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"entry 0 is signed with key {ID[:16]}")
    assert "log.example: 2 entries, 2 new, root " in out
    assert "1 entry of kinds" in err
    assert monitor(log, "--watch-key", ID, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["schema"], value["size"], value["before"], value["sightings"]) == ("byline.ledger-monitor/1", 2, 2, [])


def test_a_fork_is_exit_1_and_its_proof_is_kept(log: PublishedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = str(tmp_path / "place" / "state.json")
    assert monitor(log, "--state", state) == 0
    PublishedLog(log.folder).append([leaf(n + 9) for n in range(3)])
    for _ in range(2):
        assert monitor(log, "--state", state) == 1
        assert "BL-FORK-1" in capsys.readouterr().err
    (proof,) = (tmp_path / "place").glob("fork-*.json")
    check_fork(parse_fork(proof.read_bytes()), load_verifier(KEY.vkey))
    assert main(["ledger", "mirror", str(log.folder), str(tmp_path / "mirror"), "--vkey", KEY.vkey]) == 0


def test_a_mirror_is_made_kept_up_to_date_and_watched_itself(log: PublishedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for size in (2, 5):
        log.append([leaf(n) for n in range(len(log.leaves), size)])
        assert main(["ledger", "mirror", str(log.folder), str(tmp_path / "mirror"), "--vkey", KEY.vkey]) == 0
    assert "log.example: 5 entries, 3 new" in capsys.readouterr().out
    assert main(["ledger", "monitor", str(tmp_path / "mirror"), "--vkey", KEY.vkey]) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--watch-key", "abc"], "not the id of a key"),
        (["--vkey", "log.example"], "--vkey:"),
        (["--follow", "--interval", "0"], "--interval"),
        (["--once", "--follow"], "not allowed with"),
    ],
)
def test_a_mistake_is_said(log: PublishedLog, capsys: pytest.CaptureFixture[str], more: list[str], said: str) -> None:
    assert monitor(log, *more) == 2
    assert said in capsys.readouterr().err


def test_what_is_not_there_and_what_is_older_have_exit_codes(log: PublishedLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "monitor", str(tmp_path / "none"), "--vkey", KEY.vkey]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["ledger", "monitor", str(tmp_path / "empty"), "--vkey", KEY.vkey]) == 3
    assert monitor(log) == 0
    PublishedLog(log.folder).append([leaf(0)])
    assert monitor(log) == 1
    assert "BL-STALE-1" in capsys.readouterr().err


def test_following_sees_what_comes_and_ends_when_interrupted(log: PublishedLog) -> None:
    """Past what is older, and what is no checkpoint, for a while."""
    older = (log.folder / "checkpoint").read_bytes()
    log.append([leaf(n) for n in range(2, 4)])
    newer = (log.folder / "checkpoint").read_bytes()
    command = [*PROGRAM, "ledger", "monitor", str(log.folder), "--vkey", KEY.vkey, "--follow", "--interval", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert "4 entries, 4 new" in process.stdout.readline()
            publish(log.folder / "checkpoint", older)
            assert "BL-STALE-1" in process.stderr.readline()
            publish(log.folder / "checkpoint", b"what is no checkpoint")
            while "BL-FORMAT-5" not in process.stderr.readline():
                assert process.poll() is None
            publish(log.folder / "checkpoint", newer)
            log.append([leaf(4)])
            while "5 entries, 1 new" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
