# SPDX-License-Identifier: Apache-2.0
"""A machine that loses its power keeps every entry that it acknowledged, in one tree."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.keys.ed25519 import load_verifier
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY, ensure_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.sqlite import SqliteStore
from power import PowerDisk
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import StoreWriter

# How often the power goes; POWER=3000 takes minutes.
LOSSES = int(os.environ.get("POWER", "60"))
BATCHES = (1, 1, 2, 5, 1, 40, 1, 3, 250, 1, 8, 1, 1, 30, 2)


class Story(NamedTuple):
    """A log in the folder `place` of `disk`, which had its key after so many events: `begun`; and what it answered."""

    disk: PowerDisk
    place: Path
    begun: int
    answered: list[Answered]


class Answered(NamedTuple):
    """The receipt of statement `number`, handed out after so many `events` of the disk."""

    events: int
    number: int
    receipt: Receipt


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A log begun and filled on a disk that remembers, what it answered when, and its folder."""
    disk, place, answered = PowerDisk("power"), tmp_path_factory.mktemp("power"), []
    numbers = itertools.count()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", disk.connect)
        SqliteStore(place / DATABASE, create=True).close()
        begun = len(disk.events)
        opened = ensure_log(place)
        admission = Admission()
        for size in BATCHES:
            batch = list(itertools.islice(numbers, size))
            receipts = opened.log.append([admission.admit(envelope(number, "ab" * 32), SIGNER.public) for number in batch])
            answered += [Answered(len(disk.events), *pair) for pair in zip(batch, receipts, strict=True)]
        opened.store.close()
    return Story(disk, place, begun, answered)


def found_after(story: Story, events: int, chance: random.Random, place: Path) -> Path:
    """Lay out in `place` what is found after the loss; that the database is there at all is `ensure_log`'s own work."""
    place.mkdir(mode=0o700)
    files = {DATABASE: b""} | story.disk.after(events, chance)
    if events >= story.begun:
        files[KEY] = (story.place / KEY).read_bytes()
    for name, data in files.items():
        (place / name).write_bytes(data)
        (place / name).chmod(0o600)
    return place


def test_without_luck_what_was_not_synced_is_gone(tmp_path: Path) -> None:
    """The disk itself: SQLite that need not sync loses what it committed."""
    disk = PowerDisk("unlucky")
    (tmp_path / "d.db").touch()
    lazy = disk.connect(f"{(tmp_path / 'd.db').as_uri()}?mode=rw")
    lazy.execute("PRAGMA synchronous = OFF; CREATE TABLE t (a)")
    lazy.close()
    assert {b"", (tmp_path / "d.db").read_bytes()} <= {disk.after(len(disk.events), random.Random(n)).get("d.db") for n in range(20)}


@pytest.mark.parametrize("seed", range(LOSSES))
def test_a_power_loss_at_any_moment_takes_nothing_that_was_answered(story: Story, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    events = chance.randrange(len(story.disk.events) + 1)
    place = found_after(story, events, chance, tmp_path / "found")
    kept = [each for each in story.answered if each.events <= events]
    with open_embedded(place) as ledger:  # a log that was about to begin begins
        verifier = load_verifier(ledger.vkey)
        head = open_checkpoint(ledger.checkpoint(), verifier)
        assert head.size >= len(kept)
        for each in kept:
            then = open_checkpoint(each.receipt.checkpoint, verifier)
            check_inclusion(each.receipt.proof, leaf=hash_leaf(each.receipt.leaf), root=then.root)
            check_consistency(ledger.consistency(then.size, head.size), old=then.root, new=head.root)
        for each in chance.sample(story.answered, 5):
            index = ledger.append(envelope(each.number, "ab" * 32), SIGNER.public).index
            assert index == each.receipt.index or each not in kept
    assert check_ledger(place).findings == ()


def test_the_names_of_a_logs_files_are_durable_before_its_first_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder and the one that it is in are synced after the files were made and before the log begins."""
    place, synced, begun = tmp_path / "new" / "ledger", [], []
    real_sync, real_start = os.fsync, Log.start

    def fsync(handle: int) -> None:
        real_sync(handle)
        synced.append(os.path.realpath(f"/proc/self/fd/{handle}"))

    def start(log: Log, writer: StoreWriter) -> None:
        begun.extend(synced)
        real_start(log, writer)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Log, "start", start)
    open_embedded(place).close()
    assert {str(tmp_path), str(place.parent)} <= set(begun)
    assert begun[-1] == str(place)
