# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, a folder that nobody may write, a clock that goes back: said plainly, seen by health, and nothing is lost.

The disks are real ones, made for the test; who may not mount any cannot run it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from byline.errors import LedgerUnavailableError
from byline.keys.ed25519 import LogKey
from byline.log.client import LedgerClient
from byline_cli.main import main
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from serving import SIGNER, envelope, submission, web_serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVES, FAILS = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
PAD = 900_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no disk of its own to be had: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def health(url: str) -> Iterator[Iterator[int]]:
    """Give what the server says of itself, as it changes."""
    with grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=120)
        yield (each.status for each in watch)
        watch.cancel()


def fill(client: LedgerClient) -> int:
    """Append until the disk is full; return how many were taken."""
    for number in range(1000):
        try:
            client.append(envelope(number, pad=PAD), SIGNER.public)
        except LedgerUnavailableError as error:
            assert "full" in str(error)  # noqa: PT017 - it is how this ends, at a number that nobody knows
            return number
    pytest.fail("no disk is that large")


def test_a_full_disk_stops_appends_alone_and_until_there_is_room(disk: Path, tmp_path: Path) -> None:
    init_ledger(disk / "ledger")
    (disk / "ballast").write_bytes(bytes(40_000_000))
    told = tmp_path / "told"
    with web_serving(disk / "ledger", told=told) as (_, url, web), LedgerClient(url) as client, health(url) as said:
        assert next(said) == SERVES
        taken = fill(client)
        assert taken > 0
        assert next(said) == FAILS
        assert client.inclusion(taken - 1, taken)
        with contextlib.suppress(LedgerUnavailableError):  # what is little may still have room, and is no reason to say that all is well
            client.append(envelope(0), SIGNER.public)
        assert httpx.get(f"{web}/healthz", timeout=60).status_code == 503
        (disk / "ballast").unlink()
        assert next(said) == SERVES
        assert client.append(envelope(taken, pad=PAD), SIGNER.public).index >= taken
        assert 'outcome="BL-LEDGER-2"' in httpx.get(f"{web}/metrics", timeout=60).text
    events = [json.loads(line)["event"] for line in told.read_text().splitlines()]
    assert [each for each in events if each.startswith("appends")] == ["appends fail; readers are still answered", "appends work again"]
    report = check_ledger(disk / "ledger")
    assert (report.findings, report.entries >= taken + 1) == ((), True)


def test_a_folder_that_cannot_be_written_is_not_served_and_said_so(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init_ledger(disk / "ledger")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for verb in ("serve", "stats"):
        assert main(["ledger", verb, str(disk / "ledger")]) in {2, 3}
        said = capsys.readouterr().err
        assert "byline: error: " in said
        assert "Traceback" not in said


def test_a_clock_that_goes_back_takes_no_entry_back() -> None:
    """Entries keep the newest time until the clock has caught up, and the log tells how far it is behind."""
    now = [5_000_000_000]
    log = Log(store := MemoryStore(), LogKey("log.example", bytes(32)), lambda: now[0])
    with store.write() as writer:
        log.start(writer)
    behind = []
    for number, at in enumerate((5_000_000_000, 2_000_000_000, 4_999_000_000, 6_000_000_000)):
        now[0] = at
        log.append([submission(number)])
        behind.append(log.clock_behind)
    assert [each.logged_at for each in log.entries(0).entries] == [5000, 5000, 5000, 6000]
    assert behind == [0, 3000, 1, 0]
