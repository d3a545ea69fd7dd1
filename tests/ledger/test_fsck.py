# SPDX-License-Identifier: Apache-2.0
"""fsck finds whatever was changed in a log, and says where."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.note import sign_note
from byline.errors import LedgerError
from byline.keys.ed25519 import LogKey, LogVerifier, load_log_key
from byline_cli.main import main
from byline_ledger.embedded import open_embedded
from byline_ledger.engine import fsck_entries, fsck_tree
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY
from byline_ledger.engine.fsck import FsckReport, check_ledger, examine_moment
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 300


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 300 entries, closed: three levels of stored tiles, each with one that is not full."""
    place = tmp_path_factory.mktemp("sound")
    with open_embedded(place) as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number, "ab" * 32), SIGNER.public)
    return place


def change(place: Path, statement: str, *values: str) -> FsckReport:
    """Change the database as somebody with a database tool would, and check it."""
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as database, database:
        database.execute(statement, values)
    return check_ledger(place)


def contents(place: Path) -> list[object] | None:
    """Return all that is logged but when, which nothing signs; None if it cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(place / DATABASE).as_uri()}?mode=ro", uri=True)) as database:
            entry = "(SELECT idx, source, commit_id, subjects, leaf FROM entry)"
            tables = (entry, "identity", "source", "payload", "term", "tile", "head", "state")
            return [sorted(database.execute(f"SELECT * FROM {table}")) for table in tables]  # noqa: S608 - names written above
    except (sqlite3.Error, TypeError, OverflowError):
        return None


def times(place: Path) -> list[object]:
    """Return when each entry was logged."""
    with contextlib.closing(sqlite3.connect(f"{(place / DATABASE).as_uri()}?mode=ro", uri=True)) as database:
        return database.execute("SELECT logged_at FROM entry ORDER BY idx").fetchall()


def test_a_sound_log_has_no_findings(sound: Path) -> None:
    report = check_ledger(sound)
    assert (report.entries, report.findings) == (SIZE, ())
    assert len(report.root) == 64


def test_a_log_in_use_is_checked_as_it_was_at_one_moment(copy: Path) -> None:
    with open_embedded(copy) as ledger:
        ledger.append(envelope(SIZE), SIGNER.public)
        report = check_ledger(copy)
        assert (report.entries, report.findings) == (SIZE + 1, ())
        ledger.append(envelope(SIZE + 1), SIGNER.public)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE entry SET leaf = CAST(leaf || 'x' AS BLOB) WHERE idx = 17", "entry 17"),
        ("UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 3) WHERE idx = 17", "entry 17"),
        ("UPDATE identity SET identity = zeroblob(32) WHERE idx = 17", "entry 17"),
        ("DELETE FROM entry WHERE idx = 17", "entry 17"),
        ("DELETE FROM entry WHERE idx = 299", "entry 299"),
        ("INSERT INTO entry SELECT 300, logged_at, source, x'', x'', leaf FROM entry WHERE idx = 1", "entry 300"),
        ("INSERT INTO identity VALUES (zeroblob(32), 17)", "table identity"),
        ("UPDATE entry SET logged_at = 0 WHERE idx = 17", "entry 17"),
        ("UPDATE entry SET source = 9 WHERE idx = 17", "entry 17"),
        ("UPDATE entry SET commit_id = zeroblob(20) WHERE idx = 17", "entry 17"),
        ("UPDATE entry SET subjects = zeroblob(32) WHERE idx = 17", "entry 17"),
        ("UPDATE source SET repository = 'another'", "entry 0"),
        ("INSERT INTO source VALUES (9, x'', '', '', x'')", "table source"),
        ("UPDATE payload SET piece = CAST(piece || ' ' AS BLOB) WHERE number >> 16 = 17", "entry 17"),
        ("DELETE FROM payload WHERE number >> 16 = 17", "entry 17"),
        ("INSERT INTO payload VALUES (300 << 16, x'00')", "table payload"),
        ("INSERT INTO payload VALUES (17 << 16 | 9, x'00')", "table payload"),
        ("DELETE FROM term WHERE idx = 17", "entry 17"),
        ("INSERT INTO term VALUES (zeroblob(16), 17)", "table term"),
        ("UPDATE tile SET hashes = zeroblob(512) WHERE level = 0 AND idx = 0", "stored tile 0/0, byte 0 (hash 0)"),
        ("UPDATE tile SET hashes = substr(hashes, 1, 64) WHERE level = 0 AND idx = 18", "stored tile 0/18, byte 64 (hash 2)"),
        ("DELETE FROM tile WHERE level = 1", "stored tile 1/0"),
        ("INSERT INTO tile VALUES (5, 0, x'00')", "tile at level 5, index 0"),
        ("UPDATE head SET note = replace(note, char(10) || '300' || char(10), char(10) || '299' || char(10))", "head"),
        ("DELETE FROM head", "head"),
        ("CREATE TABLE more (a)", DATABASE),
        ("PRAGMA user_version = 9", "database"),
        ("PRAGMA application_id = 9", DATABASE),
    ],
)
def test_a_change_is_found_where_it_is(copy: Path, statement: str, where: str) -> None:
    findings = change(copy, statement).findings
    assert findings
    assert findings[0].where == where


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE entry SET leaf = CAST(leaf || 'x' AS BLOB) WHERE idx = 17", "stored tile 0/1, byte 32 (hash 1)"),
        ("DELETE FROM entry WHERE idx = 17", "entry 17"),
        ("DELETE FROM tile WHERE level = 1", "stored tile 1/0"),
        ("DELETE FROM head", "head"),
        ("DELETE FROM payload", None),
    ],
)
def test_the_tree_alone_is_checked_without_what_its_leaves_speak_of(copy: Path, statement: str, where: str | None) -> None:
    change(copy, statement)
    findings = check_ledger(copy, tree_only=True).findings
    assert [each.where for each in findings[:1]] == ([where] if where else [])


def test_many_entries_are_checked_by_several_processes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsck_entries, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(fsck_tree, "_SPAN", 64)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert check_ledger(copy).findings == check_ledger(copy, tree_only=True).findings == ()
    assert change(copy, "DELETE FROM payload WHERE number >> 16 = 17").findings[0].where == "entry 17"
    change(copy, "DELETE FROM entry WHERE idx = 70")
    assert check_ledger(copy, tree_only=True).findings[0].where == "entry 70"


def test_a_log_in_memory_is_checked_like_any_other() -> None:
    store, key = MemoryStore(), LogKey("log.example", bytes(32))
    log = Log(store, key)
    with store.write() as writer:
        log.start(writer)
    log.append([Admission().admit(envelope(number), SIGNER.public) for number in range(SIZE)])
    with store.read() as reader:
        assert examine_moment(reader, LogVerifier(key.note_key)).findings == ()
        reader.tiles[0, 0] = bytes(512)
        assert examine_moment(reader, LogVerifier(key.note_key)).findings[0].where == "stored tile 0/0, byte 0 (hash 0)"


def test_a_head_signed_for_another_tree_is_found(copy: Path) -> None:
    """Who holds the key can sign anything; the entries still tell."""
    key = load_log_key(copy / KEY)
    forged = sign_note(format_checkpoint(Checkpoint(origin=key.name, size=SIZE, root=bytes(32))), [key])
    report = change(copy, "UPDATE head SET note = ?", forged)
    assert [(each.where, each.what) for each in report.findings] == [("head", "its root is not that of the entries")]


def test_a_head_of_another_key_is_found(copy: Path) -> None:
    name = load_log_key(copy / KEY).name
    forged = sign_note(format_checkpoint(Checkpoint(origin=name, size=SIZE, root=bytes(32))), [LogKey(name, bytes(32))])
    assert change(copy, "UPDATE head SET note = ?", forged).findings[0].where == "head"


def test_a_truncated_database_is_found(copy: Path) -> None:
    path = copy / DATABASE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert check_ledger(copy).findings


def test_a_missing_database_is_said(copy: Path) -> None:
    (copy / DATABASE).unlink()
    with pytest.raises(LedgerError, match="gone"):
        check_ledger(copy)


def test_what_the_system_does_not_let_read_is_no_damage(copy: Path) -> None:
    (copy / f"{DATABASE}-wal").mkdir()
    with pytest.raises(LedgerError, match="cannot read"):
        check_ledger(copy)


def is_unused(data: bytes, at: int) -> bool:
    """Whether no row and no structure uses byte `at` (https://www.sqlite.org/fileformat.html, sections 1.3 and 1.6)."""
    size = int.from_bytes(data[16:18], "big")
    start, place = at // size * size, at % size
    if at < 100:
        return 40 <= at < 44 or 96 <= at < 100
    first = 100 if start == 0 else 0
    kind, block, cells, content = (
        int.from_bytes(data[start + first + n : start + first + m], "big") for n, m in ((0, 1), (1, 3), (3, 5), (5, 7))
    )
    if first + (12 if kind in {2, 5} else 8) + 2 * cells <= place < content:
        return True
    while block:
        following, length = (int.from_bytes(data[start + block + n : start + block + n + 2], "big") for n in (0, 2))
        if block + 4 <= place < block + length:
            return True
        block = following
    return False


def test_any_flipped_bit_that_holds_something_is_found(tmp_path: Path) -> None:
    """Bits all over the file and in each byte of its header are flipped, one at a time.

    Only space that nothing uses is not found, and a time that still fits to those beside it.
    """
    with open_embedded(tmp_path / "l") as ledger:
        for number in range(60):
            ledger.append(envelope(number, "ab" * 32), SIGNER.public)
    path = tmp_path / "l" / DATABASE
    good, before, when, chance = path.read_bytes(), contents(path.parent), times(path.parent), random.Random(20)
    found = 0
    for place in [*range(100), *(chance.randrange(100, len(good)) for _ in range(300))]:
        flipped = bytearray(good)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(flipped))
        findings = check_ledger(path.parent).findings
        found += bool(findings)
        assert findings or contents(path.parent) == before, f"byte {place}"
        assert findings or is_unused(good, place) or times(path.parent) != when, f"byte {place}"
    assert found > 200


@pytest.mark.parametrize("place", [b"indexsqlite_", b"CREATE TABLE entry"])
def test_a_schema_that_is_no_text_is_found(copy: Path, place: bytes) -> None:
    """SQLite quotes what it cannot read, and the quote is no text either."""
    path = copy / DATABASE
    path.write_bytes(path.read_bytes().replace(place, place[:-1] + b"\xff"))
    assert check_ledger(copy).findings[0].where == DATABASE


def test_a_bundle_of_a_damaged_log_is_not_handed_out(copy: Path) -> None:
    """A payload that is not what was signed never becomes a bundle."""
    change(copy, "UPDATE payload SET piece = CAST(piece || ' ' AS BLOB) WHERE number >> 16 = 17")
    with open_embedded(copy) as ledger, pytest.raises(LedgerError, match="entry 17 is damaged"):
        ledger.find(f"{17:064x}")


def test_what_fsck_finds_is_read_by_programs(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "fsck", str(copy), "--json"]) == 0
    good = json.loads(capsys.readouterr().out)
    assert (good["schema"], good["entries"], good["findings"]) == ("byline.ledger-fsck/1", SIZE, [])
    change(copy, "DELETE FROM tile WHERE level = 1")
    assert main(["ledger", "fsck", str(copy), "--json", "--tree"]) == 1
    bad = json.loads(capsys.readouterr().out)
    assert bad["treeOnly"]
    assert bad["findings"][0]["where"].startswith("stored tile 1/0")
