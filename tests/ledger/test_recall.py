# SPDX-License-Identifier: Apache-2.0
"""A server that was set back is told so by its witnesses, before it takes anything."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from byline.core.tlog_policy import TlogPolicy, parse_tlog_policy
from byline.errors import LogForkError, StaleError
from byline.keys.ed25519 import LogKey, load_log_key
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import DATABASE, KEY, init_ledger, load_log
from byline_ledger.engine.highwater import NEWEST
from byline_ledger.server.recall import check_witnessed
from installed import PROGRAM
from published import PublishedLog, web
from serving import SIGNER, envelope
from witnesses import make_witness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORIGIN = "log.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_ledger(tmp_path / "ledger", origin=ORIGIN)
    return tmp_path / "ledger"


@pytest.fixture(scope="module")
def vkey(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_witness(tmp_path_factory.mktemp("witness") / "w", "w.example")[0]


def append(folder: Path, *numbers: int) -> str:
    with open_embedded(folder) as ledger:
        for number in numbers:
            ledger.append(envelope(number), SIGNER.public)
        return ledger.checkpoint()


@contextlib.contextmanager
def showing(place: Path, folder: Path, vkey: str, note: str | None) -> Iterator[tuple[Path, TlogPolicy]]:
    """Give the policy of a witness that shows `note` as what it cosigned last."""
    shown = place / "shown" / hashlib.sha256(ORIGIN.encode()).hexdigest()
    shown.mkdir(parents=True, exist_ok=True)
    if note is not None:
        (shown / "checkpoint").write_text(note)
    with web(place / "shown") as url:
        path = place / "policy"
        path.write_text(f"log {load_log_key(folder / KEY).vkey}\nwitness w {vkey} {url}\nquorum w\n")
        yield path, parse_tlog_policy(path.read_bytes())


def look(folder: Path, policy: TlogPolicy) -> None:
    with contextlib.closing((opened := load_log(folder)).store):
        check_witnessed(opened.log, policy)


def set_back(folder: Path, saved: bytes) -> None:
    """Bring an old copy of the whole folder back, so that nothing in it tells."""
    for each in (*folder.glob(f"{DATABASE}*"), folder / NEWEST):
        each.unlink()
    (folder / DATABASE).write_bytes(saved)


def test_a_log_that_only_grew_since_may_go_on(folder: Path, tmp_path: Path, vkey: str) -> None:
    seen = append(folder, 1, 2)
    append(folder, 3)
    with showing(tmp_path, folder, vkey, seen) as (_, policy):
        look(folder, policy)


def test_a_log_that_was_set_back_is_not_served(folder: Path, tmp_path: Path, vkey: str) -> None:
    append(folder, 1)
    saved = (folder / DATABASE).read_bytes()
    seen = append(folder, 2)
    set_back(folder, saved)
    with showing(tmp_path, folder, vkey, seen) as (path, policy):
        with pytest.raises(StaleError, match="2 were seen"):
            look(folder, policy)
        (folder / "ledger.toml").write_text(f'schema = 1\n[listen]\ngrpc = "127.0.0.1:0"\n[witnesses]\npolicy = "{path}"\n')
        command = [*PROGRAM, "ledger", "serve", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "BL-STALE-1" in done.stderr) == (1, True)


def test_a_log_that_was_set_back_and_went_on_is_a_fork(folder: Path, tmp_path: Path, vkey: str) -> None:
    append(folder, 1)
    saved = (folder / DATABASE).read_bytes()
    seen = append(folder, 2)
    set_back(folder, saved)
    append(folder, 3, 4)
    with showing(tmp_path, folder, vkey, seen) as (_, policy), pytest.raises(LogForkError):
        look(folder, policy)


@pytest.mark.parametrize("note", [None, "no note", "another key's"])
def test_a_witness_that_shows_nothing_of_this_log_says_nothing(folder: Path, tmp_path: Path, vkey: str, note: str | None) -> None:
    """Whoever runs a witness cannot stop a log."""
    append(folder, 1)
    if note == "another key's":
        note = PublishedLog(tmp_path / "other", LogKey(ORIGIN, b"x" * 32)).append([b"a"] * 9)
    with showing(tmp_path, folder, vkey, note) as (_, policy):
        look(folder, policy)


def test_a_witness_that_is_away_says_nothing(folder: Path, tmp_path: Path, vkey: str) -> None:
    with showing(tmp_path, folder, vkey, None) as (_, policy):
        pass
    look(folder, policy)
