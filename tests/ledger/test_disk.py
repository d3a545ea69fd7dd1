# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, and one that may only be read: a small real one, where the system lets the tests mount it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.errors import LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import load_verifier
from byline.log.client import LedgerClient
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import init_ledger
from byline_ledger.engine.fsck import check_ledger
from serving import SIGNER, envelope, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.bundle import Receipt

# A server wants some room to be left before it says that it takes entries again.
SIZE = 64 * 1024 * 1024
SERVES, FAILS = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `SIZE` bytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)):
        pytest.skip("this system does not let the tests mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Fill the file system with a file, to the last byte."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(65536)):
            pass
    assert os.statvfs(place).f_bavail == 0
    return filler


def test_a_full_disk_refuses_appends_answers_readers_and_loses_nothing(disk: Path) -> None:
    """Appends fail until there is room again, and health says both; who was answered keeps their place."""
    verifier = load_verifier(init_ledger(disk / "ledger"))
    receipts: list[Receipt] = []
    with serving(disk / "ledger") as (_, url), LedgerClient(url) as client, grpc.insecure_channel(url.removeprefix("grpc://")) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        said = (each.status for each in watch)
        assert next(said) == SERVES
        receipts.append(client.append(envelope(0), SIGNER.public))
        filler = fill(disk)
        with contextlib.suppress(LedgerUnavailableError):
            while True:
                receipts.append(client.append(envelope(len(receipts)), SIGNER.public))
        assert next(said) == FAILS
        assert len(client.find(f"{0:064x}")) == 1
        filler.unlink()
        assert next(said) == SERVES
        receipts += (client.append(envelope(number), SIGNER.public) for number in range(len(receipts), len(receipts) + 5))
        watch.cancel()
        now = open_checkpoint(client.checkpoint(), verifier)
        assert [receipt.index for receipt in receipts] == list(range(now.size))
        for receipt in receipts:
            then = open_checkpoint(receipt.checkpoint, verifier)
            check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
            check_consistency(client.consistency(then.size, now.size), old=then.root, new=now.root)
    report = check_ledger(disk / "ledger")
    assert (report.entries, report.findings) == (len(receipts), ())


def test_no_log_begins_on_a_full_disk_and_one_does_once_there_is_room(disk: Path) -> None:
    filler = fill(disk)
    with pytest.raises(LedgerError):
        open_embedded(disk / "ledger").close()
    filler.unlink()
    with open_embedded(disk / "ledger") as ledger:
        assert ledger.append(envelope(1), SIGNER.public).index == 0


def test_on_a_disk_that_may_only_be_read_nothing_is_added_and_it_is_said_why(disk: Path) -> None:
    with open_embedded(disk / "ledger") as ledger:
        ledger.append(envelope(1), SIGNER.public)
    assert mount("-o", "remount,ro", str(disk))
    with pytest.raises(LedgerError) as caught, open_embedded(disk / "ledger") as ledger:
        ledger.append(envelope(2), SIGNER.public)
    assert "damaged" not in str(caught.value)
    assert "broken" not in str(caught.value)
    assert mount("-o", "remount,rw", str(disk))
    report = check_ledger(disk / "ledger")
    assert (report.entries, report.findings) == (1, ())
