# SPDX-License-Identifier: Apache-2.0
"""A ledger comes back from a backup whole, or not at all, and never as a second history."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import open_checkpoint
from byline.errors import ConfigError, FrozenError, LedgerError, LogForkError, SignatureError, StaleError
from byline.keys.cosigners import load_witness_key
from byline.keys.ed25519 import load_verifier
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.backup import backup_log, restore_log, resume_log
from byline_ledger.engine.files import DATABASE, KEY, ML_DSA_KEY, add_ml_dsa_key, init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.highwater import NEWEST
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path

    from byline_ledger.engine.backup import Backup


HAS_ML_DSA = importlib.util.find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "ledger"
    init_ledger(place, origin="log.example")
    log(place, *range(5))
    return place


def log(place: Path, *numbers: int) -> str:
    """Log statements and return the checkpoint."""
    with open_embedded(place) as ledger:
        for number in numbers:
            ledger.append(envelope(number), SIGNER.public)
        return ledger.checkpoint()


def names(place: Path) -> set[str]:
    return {each.name for each in place.iterdir()}


def set_back(place: Path, saved: bytes) -> None:
    """Replace the database by an older one, as an operator with a file copy does."""
    for each in place.glob(f"{DATABASE}*"):
        each.unlink()
    (place / DATABASE).write_bytes(saved)


def test_a_backup_is_checked_and_comes_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    note = log(folder)
    made = backup_log(folder, tmp_path / "b", with_key=True)
    assert (made.note, made.head.size, made.is_frozen) == (note, 5, False)
    assert names(tmp_path / "b") == {"backup.json", DATABASE, KEY}
    assert {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "b").iterdir()} == {0o600}
    restore_log(tmp_path / "b", tmp_path / "new", seen=[note])
    assert check_ledger(tmp_path / "new").findings == ()
    log(tmp_path / "new", 5)
    assert check_ledger(tmp_path / "new").entries == 6


@pytest.mark.skipif(not HAS_ML_DSA, reason="this release of cryptography has no ML-DSA")
def test_a_backup_with_the_key_has_every_key_of_the_log(folder: Path, tmp_path: Path) -> None:
    vkey = add_ml_dsa_key(folder)
    backup_log(folder, tmp_path / "b", with_key=True)
    restore_log(tmp_path / "b", tmp_path / "new", seen=[log(folder)])
    assert load_witness_key(tmp_path / "new" / ML_DSA_KEY).vkey == vkey


def test_a_backup_holds_no_key_unless_asked(folder: Path, tmp_path: Path) -> None:
    note = log(folder)
    backup_log(folder, tmp_path / "b")
    assert names(tmp_path / "b") == {"backup.json", DATABASE}
    with pytest.raises(ConfigError, match="not in the backup"):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[note])
    init_ledger(tmp_path / "other", origin="other.example")
    with pytest.raises(ConfigError, match="another log"):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[note], key=tmp_path / "other" / KEY)
    restore_log(tmp_path / "b", tmp_path / "new", seen=[note], key=folder / KEY)
    assert log(tmp_path / "new", 7)


def test_a_backup_is_one_moment_of_a_log_that_is_written_to(folder: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 100
        while not stop.is_set():
            log(folder, number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            made = backup_log(folder, tmp_path / f"b{number}")
            assert made.head.size >= 5
    finally:
        stop.set()
        writer.join()


def test_a_backup_never_replaces_anything(folder: Path, tmp_path: Path) -> None:
    backup_log(folder, tmp_path / "b")
    for there in (tmp_path / "b", folder):
        with pytest.raises(ConfigError, match="already"):
            backup_log(folder, there)


def test_a_damaged_log_has_no_backup(folder: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("UPDATE entry SET leaf = CAST(leaf || 'x' AS BLOB) WHERE idx = 2")
    with pytest.raises(LedgerError, match="entry 2"):
        backup_log(folder, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert names(tmp_path) == {"home", "ledger"}


def test_a_damaged_backup_does_not_come_back(folder: Path, tmp_path: Path) -> None:
    note = log(folder)
    backup_log(folder, tmp_path / "b", with_key=True)
    data = bytearray((tmp_path / "b" / DATABASE).read_bytes())
    at = data.index(b"hashedrekord")
    data[at] ^= 1
    (tmp_path / "b" / DATABASE).write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[note])
    assert names(tmp_path / "new") == set()


@pytest.mark.parametrize("manifest", [b"", b"{}", b'{"schema":"byline.ledger-backup/1","vkey":"x"}'])
def test_what_is_no_backup_is_said(folder: Path, tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(ConfigError, match="no backup"):
        restore_log(folder, tmp_path / "new", seen=[])
    (folder / "backup.json").write_bytes(manifest)
    with pytest.raises(ConfigError, match="no backup"):
        restore_log(folder, tmp_path / "new", seen=[])


def test_nothing_is_restored_over_a_ledger(folder: Path, tmp_path: Path) -> None:
    backup_log(folder, tmp_path / "b", with_key=True)
    with pytest.raises(ConfigError, match="already"):
        restore_log(tmp_path / "b", folder, seen=[])


def test_a_backup_that_lacks_what_was_seen_does_not_come_back(folder: Path, tmp_path: Path) -> None:
    backup_log(folder, tmp_path / "b", with_key=True)
    later = log(folder, 5)
    with pytest.raises(StaleError, match="shows 5 entries, and 6 were seen"):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[later])
    assert not (tmp_path / "new" / KEY).exists()


def test_a_backup_of_another_history_does_not_come_back(folder: Path, tmp_path: Path) -> None:
    """The database is set back with everything beside it, and the log goes on: whoever saw the first history has the proof."""
    saved = (folder / DATABASE).read_bytes()
    seen = log(folder, 5)
    set_back(folder, saved)
    (folder / NEWEST).unlink()
    log(folder, 99, 100)
    backup_log(folder, tmp_path / "b", with_key=True)
    with pytest.raises(LogForkError):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[seen])


def test_what_another_log_signed_is_nothing_that_was_seen(folder: Path, tmp_path: Path) -> None:
    backup_log(folder, tmp_path / "b", with_key=True)
    init_ledger(tmp_path / "other", origin="log.example")
    with pytest.raises(SignatureError):
        restore_log(tmp_path / "b", tmp_path / "new", seen=[log(tmp_path / "other", 1)])


def test_a_log_that_comes_back_unseen_takes_nothing_until_it_is_shown_what_was_seen(folder: Path, tmp_path: Path) -> None:
    earlier = log(folder)
    assert restore_later(folder, tmp_path).is_frozen
    new = tmp_path / "new"
    with open_embedded(new) as ledger:
        assert ledger.append(envelope(1), SIGNER.public).index == 1
        with pytest.raises(FrozenError, match="restored"):
            ledger.append(envelope(50), SIGNER.public)
    with contextlib.closing((opened := load_log(new)).store), pytest.raises(FrozenError):
        opened.log.freeze(frozen=False)
    with pytest.raises(ConfigError, match="show what others saw"):
        resume_log(new, [])
    with pytest.raises(StaleError):
        resume_log(new, [earlier, log(folder, 60)])
    resume_log(new, [earlier])
    assert log(new, 50)


def restore_later(folder: Path, tmp_path: Path) -> Backup:
    backup_log(folder, tmp_path / "b", with_key=True)
    return restore_log(tmp_path / "b", tmp_path / "new", seen=[])


def test_a_log_that_somebody_froze_is_unfrozen_by_anybody(folder: Path) -> None:
    with contextlib.closing((opened := load_log(folder)).store):
        opened.log.freeze()
    resume_log(folder, [])
    assert log(folder, 50)


def test_a_database_that_was_set_back_is_not_opened(folder: Path) -> None:
    """A restore by file copy: the file beside the database tells."""
    saved = (folder / DATABASE).read_bytes()
    log(folder, 5)
    set_back(folder, saved)
    with pytest.raises(StaleError, match="told of 6 entries and holds 5"):
        load_log(folder)
    findings = check_ledger(folder).findings
    assert [(each.where, "6 entries" in each.what) for each in findings] == [("head", True)]


def test_another_history_of_the_same_size_is_not_opened(folder: Path) -> None:
    saved, told = (folder / DATABASE).read_bytes(), (folder / NEWEST).read_bytes()
    log(folder, 5)
    seen = (folder / NEWEST).read_bytes()
    set_back(folder, saved)
    (folder / NEWEST).write_bytes(told)
    log(folder, 99)
    (folder / NEWEST).write_bytes(seen)
    with pytest.raises(LogForkError):
        load_log(folder)


def test_what_was_told_counts_as_seen_where_the_folder_still_has_it(folder: Path, tmp_path: Path) -> None:
    backup_log(folder, tmp_path / "b", with_key=True)
    log(folder, 5)
    for name in (KEY, DATABASE):
        (folder / name).unlink()
    with pytest.raises(StaleError):
        restore_log(tmp_path / "b", folder, seen=[])
    (folder / NEWEST).unlink()
    restore_log(tmp_path / "b", folder, seen=[])
    assert (folder / NEWEST).exists()


def test_a_damaged_file_of_what_was_told_is_found(folder: Path) -> None:
    (folder / NEWEST).write_bytes(b"x" * 512)
    with pytest.raises(LedgerError, match="not a checkpoint of this log"):
        load_log(folder)
    assert check_ledger(folder).findings[0].where == NEWEST


def test_a_file_that_another_process_has_just_made_tells_nothing_yet(folder: Path) -> None:
    (folder / NEWEST).write_bytes(b"")
    load_log(folder).store.close()


def test_what_was_told_is_the_newest_head(folder: Path) -> None:
    note = log(folder, 5)
    told = (folder / NEWEST).read_text().rstrip("\n") + "\n"
    verifier = load_verifier(load_vkey(folder))
    assert open_checkpoint(told, verifier) == open_checkpoint(note, verifier)


def load_vkey(folder: Path) -> str:
    with contextlib.closing((opened := load_log(folder)).store):
        return opened.log.vkey
