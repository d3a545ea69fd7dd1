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

from byline.keys.ed25519 import LogKey, LogVerifier, load_verifier
from byline.log.mirror import Mirror
from byline.log.monitor import Monitor
from byline.log.tiled import open_tiles
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import DATABASE, init_ledger
from byline_ledger.engine.fsck import check_ledger
from published import web
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


def test_a_mirror_of_our_log_is_sound_to_fsck(filled: tuple[Path, str], tmp_path: Path) -> None:
    """What was mirrored over HTTP is a log to others, with nothing of ours in between."""
    place, vkey = filled
    with web_serving(place) as (_, _, url), open_tiles(url) as source:
        Mirror(source, load_verifier(vkey), tmp_path / "mirror").sync()
    assert f"{GOOD} {SIZE}" in fsck(f"file://{tmp_path / 'mirror'}", vkey, tmp_path)


def test_a_log_that_tessera_makes_is_mirrored_and_watched_as_it_grows(tmp_path: Path) -> None:
    program = go_program("github.com/transparency-dev/tessera/cmd/examples/posix-oneshot", VERSION)
    key = LogKey.generate("tessera.example")
    (tmp_path / "key").write_text(key.to_text().strip())
    verifier = LogVerifier(key.note_key)
    for number, size in enumerate((5, 300, 700)):
        batch = tmp_path / f"batch{number}"
        batch.mkdir()
        for entry in range(size):
            (batch / f"{entry:04}").write_bytes(b"batch %d entry %d" % (number, entry))
        command = [program, f"--storage_dir={tmp_path / 'log'}", f"--entries={batch}/*", f"--private_key={tmp_path / 'key'}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with web(tmp_path / "log") as url, open_tiles(url) as source:
            done = Mirror(source, verifier, tmp_path / "mirror").sync()
            look = Monitor(source, verifier, tmp_path / "state", watched=frozenset({"00" * 32})).look(lambda _: None)
        assert (done.checkpoint.size - done.before, look.checkpoint, look.unread) == (size, done.checkpoint, size)
    with open_tiles(str(tmp_path / "mirror")) as own:
        assert Mirror(own, verifier, tmp_path / "mirror").check().size == 1005
    assert f"{GOOD} 1005" in fsck(f"file://{tmp_path / 'mirror'}", verifier.vkey, tmp_path)
