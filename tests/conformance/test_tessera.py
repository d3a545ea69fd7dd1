# SPDX-License-Identifier: Apache-2.0
"""Tessera's own tools judge our log over HTTP: its fsck rebuilds the tree from our tiles, its hammer reads while it writes."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import DATABASE, init_ledger
from byline_ledger.engine.fsck import check_ledger
from serving import SIGNER, envelope, web_serving
from tools import go_program

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v1.0.4"
SIZE = 600
GOOD = "Successfully fsck'd log with size"

pytestmark = pytest.mark.slow


def fsck(url: str, vkey: str, place: Path) -> str:
    """Return what Tessera's fsck says; it may never end where a tile is wrong, and its exit status says nothing."""
    program = go_program("github.com/transparency-dev/tessera/cmd/fsck", VERSION)
    (place / "log.vkey").write_text(vkey)
    command = [program, f"--storage_url={url}/", f"--public_key={place / 'log.vkey'}", "--N=4", "--ui=false", "-v=1"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired as late:
        return str(late.stderr)
    return done.stderr


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, str]:
    """A log of `SIZE` statements, and its vkey."""
    place = tmp_path / "ledger"
    vkey = init_ledger(place, origin="ledger.example")
    with open_embedded(place) as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number), SIGNER.public)
    return place, vkey


def test_fsck_rebuilds_our_tree(filled: tuple[Path, str], tmp_path: Path) -> None:
    place, vkey = filled
    with web_serving(place) as (_, _, url):
        for prefix in ("", "/api/v2"):
            said = fsck(url + prefix, vkey, tmp_path)
            assert f"{GOOD} {SIZE}" in said, said


@pytest.mark.parametrize("change", ["UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND idx = 1", "entry"])
def test_fsck_finds_what_is_wrong(filled: tuple[Path, str], tmp_path: Path, change: str) -> None:
    """It is awake: a tile or an entry that is not what was signed is found."""
    place, vkey = filled
    with closing(sqlite3.connect(place / DATABASE)) as database, database:
        database.execute(change if " " in change else "UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 7) WHERE idx = 5")
    with web_serving(place) as (_, _, url):
        assert GOOD not in fsck(url, vkey, tmp_path)


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """A log that takes any bytes: its folder, vkey and URL."""
    place = tmp_path / "ledger"
    vkey = init_ledger(place, origin="ledger.example")
    with subprocess.Popen([sys.executable, Path(__file__).parents[1] / "rawlog.py", place], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield place, vkey, process.stdout.readline().strip()
        finally:
            process.terminate()


def test_the_hammer_finds_nothing_wrong_while_it_writes_and_reads(raw: tuple[Path, str, str], tmp_path: Path) -> None:
    """Its readers check bundles against their tiles, and each checkpoint against the one before."""
    _, vkey, url = raw
    goal = 3000
    program = go_program("github.com/transparency-dev/tessera/internal/hammer", VERSION)
    command = [program, f"--log_url={url}", f"--write_log_url={url}", "--num_writers=64", "--max_write_ops=1000", "--leaf_min_size=512"]
    command += ["--dup_chance=0.1", "--show_ui=false", f"--leaf_write_goal={goal}", "--max_runtime=90s", "--max_read_ops=50"]
    environ = {**os.environ, "TILES_LOG_PUBLIC_KEY": vkey}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not re.search(r"(?i)fork|inconsisten|failed to verify|wrong", done.stderr), done.stderr[-2000:]
    size = int(httpx.get(f"{url}/checkpoint").text.splitlines()[1])
    assert size >= goal * 0.8
    assert GOOD in fsck(url, vkey, tmp_path)


def test_raw_leaves_are_no_statements(raw: tuple[Path, str, str]) -> None:
    """Our own check does not call sound what came in without one."""
    place, _, url = raw
    assert httpx.post(f"{url}/add", content=b"raw").text == "0\n"
    assert check_ledger(place).findings
