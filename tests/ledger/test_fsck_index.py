# SPDX-License-Identifier: Apache-2.0
"""fsck finds whatever was changed in the sealed index of a log."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from byline.core.canonical import format_canonical, parse_strict
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, init_ledger, load_log
from byline_ledger.engine.fsck import FsckReport, check_ledger
from byline_ledger.engine.sealing import SealedIndex
from casework import SIGNERS, ai, authorship, claim, signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

SIZE = 90


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with two runs, one of more than a page, and an entry that no run has yet."""
    place = tmp_path_factory.mktemp("sound")
    init_ledger(place)
    opened, admission = load_log(place), Admission()
    opened.log.begin_index()
    index = SealedIndex(opened.log, opened.store)

    def append(number: int) -> None:
        made = signed(authorship(claim(b"a.py", b"1\n", b"%d\n" % (number + 2), ai(None)), seq=number + 1), "p-ana").envelope
        opened.log.append([admission.admit(made, SIGNERS["p-ana"].public)])

    for number in range(SIZE):
        append(number)
        if number in {80, SIZE - 2}:
            index.seal()
    opened.store.close()
    return place


def change(place: Path, name: str, edit: Callable[[bytes], bytes | None]) -> FsckReport:
    """Change what is kept under `name`, and check the log."""
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as database, database:
        (value,) = database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        changed = edit(value)
        if changed is None:
            database.execute("DELETE FROM state WHERE name = ?", (name,))
        else:
            database.execute("UPDATE state SET value = ? WHERE name = ?", (changed, name))
    return check_ledger(place)


def catalogue(edit: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edited(data: bytes) -> bytes:
        value: Any = parse_strict(data)
        edit(value)
        return format_canonical(value)

    return edited


def names(place: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as database:
        return [name for (name,) in database.execute("SELECT name FROM state WHERE name LIKE 'index/%' ORDER BY name")]


def test_a_sound_index_has_no_findings(sound: Path) -> None:
    report = check_ledger(sound)
    assert (report.entries, report.findings) == (SIZE + 2, ())
    assert {name.rsplit("/", 2)[0] for name in names(sound)} == {"index", "index/0", "index/1"}
    assert sum(name.endswith("/1/0") for name in names(sound)) == 1, "a page above others"


@pytest.mark.parametrize("place", [0, 35, -1])
def test_any_changed_page_is_found(copy: Path, place: int) -> None:
    """A byte at its beginning, inside, and at its end."""
    for name in names(copy):
        if not (name.startswith("index/new/") and place):
            report = change(copy, name, lambda data: _flipped(data, place))
            assert report.findings, name
            assert report.findings[0].where.startswith("index")
            change(copy, name, lambda data: _flipped(data, place))
    assert not check_ledger(copy).findings


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "edit",
    [
        lambda value: value["runs"][0].__setitem__(1, 17),
        lambda value: value["runs"][0].__setitem__(2, 17),
        lambda value: value["runs"][0].__setitem__(3, "A" * 43 + "="),
        lambda value: value["runs"].clear(),
        lambda value: value.__setitem__("sealedAt", 17),
        lambda value: value.__setitem__("checkpoint", value["checkpoint"].replace("\n91\n", "\n90\n")),
        lambda value: value.__setitem__("checkpoint", ""),
        lambda value: value.pop("dead"),
    ],
)
def test_a_changed_catalogue_is_found(copy: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    assert change(copy, "index", catalogue(edit)).findings[0].where.startswith("index")


def test_a_page_that_is_gone_is_found(copy: Path) -> None:
    assert change(copy, "index/1/0/0", lambda _: None).findings[0].what == "index/1/0/0 is missing from the store"


def test_a_key_that_was_noted_wrongly_is_found(copy: Path) -> None:
    (noted,) = (name for name in names(copy) if name == f"index/new/{SIZE + 1}")
    assert [each.what for each in change(copy, noted, lambda data: _flipped(data, 20)).findings] == [
        "its rows are not those of the entries"
    ]
