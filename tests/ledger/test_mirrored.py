# SPDX-License-Identifier: Apache-2.0
"""A mirror over HTTP says what the log says, and goes on saying it once the log is gone."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from byline.core.tiles import Tile, tile_path, tiles_for
from byline.keys.ed25519 import load_verifier
from byline.log.mirror import Mirror
from byline.log.tiled import open_tiles
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.files import init_ledger
from byline_ledger.server.http.mirrored import serving_mirror
from installed import PROGRAM, run
from serving import SIGNER, envelope, web_serving

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 300


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Make a log of `SIZE` entries in `log`, and return its vkey."""
    vkey = init_ledger(tmp_path / "log", origin="log.example")
    with open_embedded(tmp_path / "log") as ledger:
        for number in range(SIZE):
            ledger.append(envelope(number), SIGNER.public)
    return vkey


def paths() -> list[str]:
    bundles = (Tile(level=None, index=0), Tile(level=None, index=1, width=SIZE - 256))
    older = (Tile(level=0, index=0, width=7), Tile(level=None, index=0, width=7))
    return ["checkpoint", *map(tile_path, (*tiles_for(SIZE), *bundles, *older))]


def test_a_mirror_says_what_its_log_says(log: str, tmp_path: Path) -> None:
    with web_serving(tmp_path / "log") as (_, _, url), open_tiles(url) as source:
        Mirror(source, load_verifier(log), tmp_path / "mirror").sync()
        said = {path: httpx.get(f"{url}/{path}") for path in paths()}
    with serving_mirror(tmp_path / "mirror", "127.0.0.1:0") as url:
        for path, answer in said.items():
            copy = httpx.get(f"{url}/{path}")
            assert (copy.status_code, copy.content) == (200, answer.content), path
            assert copy.headers["Cache-Control"] == answer.headers["Cache-Control"]
        for path in ("tile/0/002", "tile/0/001.p/45", "log", "../log/log.key", "tile/0/..", "checkpoint/"):
            assert httpx.get(f"{url}/{path}").status_code == 404
        assert httpx.post(f"{url}/checkpoint").status_code == 405
        with open_tiles(url) as source:
            again = Mirror(source, load_verifier(log), tmp_path / "again").sync()
        assert again.checkpoint.size == SIZE


def test_a_mirror_that_has_nothing_yet_says_so(tmp_path: Path) -> None:
    with serving_mirror(tmp_path, "127.0.0.1:0") as url:
        answer = httpx.get(f"{url}/checkpoint")
        assert (answer.status_code, answer.json()["message"]) == (503, "this mirror is not complete yet")
        assert httpx.get(f"{url}/tile/0/000").status_code == 404


def test_the_command_serves_while_it_follows(log: str, tmp_path: Path) -> None:
    words = ["ledger", "mirror", "log-tiles", "mirror", "--vkey", log]
    with web_serving(tmp_path / "log") as (_, _, url):
        words[2] = url
        command = [*PROGRAM, *words, "--follow", "--http", "127.0.0.1:0"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                copy = process.stdout.readline().strip().removeprefix("serving ")
                assert f"{SIZE} entries" in process.stdout.readline()
                assert httpx.get(f"{copy}/checkpoint").text == httpx.get(f"{url}/checkpoint").text
                process.send_signal(signal.SIGINT)
                assert process.wait(60) == 130
            finally:
                process.kill()
    for options in (["--http", "127.0.0.1:0"], ["--follow", "--http", "0.0.0.0:80"], ["--follow", "--http", "here"]):
        assert run(*PROGRAM, *words, *options, cwd=tmp_path).code == 2
