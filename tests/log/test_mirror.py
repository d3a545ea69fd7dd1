# SPDX-License-Identifier: Apache-2.0
"""A mirror holds what the log published, all of it proven, whatever happened on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.tiles import Tile, tile_path
from byline.errors import ConfigError, LedgerError, LogForkError, MalformedError, ProofError, SignatureError, StaleError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline.log.mirror import Mirror
from byline.log.tiled import Folder, TiledLog, open_tiles
from published import KEY, PublishedLog, leaf, web

if TYPE_CHECKING:
    from pathlib import Path

VERIFIER = LogVerifier(KEY.note_key)


@pytest.fixture
def log(tmp_path: Path) -> PublishedLog:
    return PublishedLog(tmp_path / "log")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def mirror(log: PublishedLog, folder: Path) -> Mirror:
    return Mirror(open_tiles(str(log.folder)), VERIFIER, folder)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def published(log: PublishedLog) -> dict[str, bytes]:
    """Return the files of a log that published once."""
    fresh = PublishedLog(log.folder.with_name("fresh"), log.key)
    fresh.append(log.leaves)
    return files(fresh.folder)


def test_a_mirror_has_the_files_of_the_log_and_no_others(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(n) for n in range(600)])
    assert mirror(log, folder).sync().before == 0
    assert files(folder) == published(log)
    assert mirror(log, folder).check().size == 600


def test_a_mirror_of_a_mirror_over_http_is_the_same(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(n) for n in range(300)])
    mirror(log, folder).sync()
    with web(folder) as url, open_tiles(url) as source:
        Mirror(source, VERIFIER, folder.with_name("second")).sync()
    assert files(folder.with_name("second")) == files(folder)


def test_a_sync_takes_what_is_new_and_drops_partial_tiles_that_are_full_now(log: PublishedLog, folder: Path) -> None:
    for size in (0, 1, 255, 256, 257, 511, 513):
        log.append([leaf(n) for n in range(len(log.leaves), size)])
        done = mirror(log, folder).sync()
        assert done.checkpoint.size == size
        assert mirror(log, folder).check().size == size
    assert not (folder / "tile/0/000.p").exists()
    assert not (folder / "tile/entries/001.p").exists()
    assert set(files(folder)) >= set(published(log))
    assert mirror(log, folder).sync().files == 0


class Counting:
    """A folder that counts what is read of it, and fails at read number `fails_at`."""

    def __init__(self, folder: Path, fails_at: int = -1) -> None:
        self.paths: list[str] = []
        self._folder = Folder(folder)
        self._fails_at = fails_at

    def read(self, path: str, limit: int) -> bytes | None:
        self.paths.append(path)
        if len(self.paths) == self._fails_at:
            raise LedgerError("gone")
        return self._folder.read(path, limit)

    def close(self) -> None:
        pass


def test_a_sync_that_was_interrupted_asks_for_no_bundle_again(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(n) for n in range(1100)])
    first = Counting(log.folder, fails_at=9)
    with pytest.raises(LedgerError):
        Mirror(TiledLog("l", first), VERIFIER, folder).sync()
    assert not (folder / "checkpoint").exists()
    had = {path for path in files(folder) if path.startswith("tile/entries")}
    assert len(had) >= 2
    second = Counting(log.folder)
    Mirror(TiledLog("l", second), VERIFIER, folder).sync()
    assert had & set(second.paths) == set()
    assert files(folder) == published(log)


def test_a_file_that_an_earlier_sync_left_damaged_is_taken_again(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(n) for n in range(300)])
    mirror(log, folder).sync()
    (folder / "checkpoint").unlink()
    for path in ("tile/entries/000", "tile/0/000", "tile/entries/001.p/44"):
        (folder / path).write_bytes(b"damaged")
    mirror(log, folder).sync()
    assert files(folder) == published(log)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"])
def test_what_cannot_be_proven_is_never_promised(log: PublishedLog, folder: Path, path: str) -> None:
    log.append([leaf(n) for n in range(300)])
    good = (log.folder / path).read_bytes()
    (log.folder / path).write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
    with pytest.raises((ProofError, MalformedError)):
        mirror(log, folder).sync()
    assert not (folder / "checkpoint").exists()
    assert not (folder / path).exists()


@pytest.mark.parametrize("path", ["tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_damage_of_a_mirror_is_found(log: PublishedLog, folder: Path, path: str) -> None:
    log.append([leaf(n) for n in range(300)])
    mirror(log, folder).sync()
    data = (folder / path).read_bytes()
    (folder / path).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises((ProofError, MalformedError)):
        mirror(log, folder).check()
    (folder / path).unlink()
    with pytest.raises(LedgerError):
        mirror(log, folder).check()


def test_a_mirror_follows_no_fork_no_rewind_and_no_other_key(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(n) for n in range(5)])
    mirror(log, folder).sync()
    good = files(folder)
    for leaves, key, error in (
        ([leaf(n + 9) for n in range(7)], KEY, LogForkError),
        ([leaf(n) for n in range(4)], KEY, StaleError),
        ([leaf(n) for n in range(7)], LogKey("log.example", b"x" * 32), SignatureError),
    ):
        other = PublishedLog(folder.with_name(error.__name__), key)
        other.append(leaves)
        with pytest.raises(error):
            mirror(other, folder).sync()
        assert files(folder) == good


def test_a_folder_that_cannot_be_written_is_said(log: PublishedLog, folder: Path) -> None:
    log.append([leaf(0)])
    folder.write_text("in the way")
    with pytest.raises(ConfigError, match="cannot write the mirror"):
        mirror(log, folder).sync()


def test_a_mirror_is_not_begun_among_other_files(log: PublishedLog, folder: Path) -> None:
    """A ledger's own folder, say, or a clone: a mirror there would be served with all that lies beside it."""
    log.append([leaf(0)])
    folder.mkdir()
    (folder / "log.key").touch()
    with pytest.raises(ConfigError, match=r"holds something else: log\.key"):
        mirror(log, folder).sync()
    (folder / "log.key").unlink()
    assert mirror(log, folder).sync().checkpoint.size == 1


def test_two_syncs_of_one_folder_do_not_meet(log: PublishedLog, folder: Path) -> None:
    """The second says so at once; the first ends as if it had been alone."""
    log.append([leaf(n) for n in range(300)])
    told = []

    def meet(_done: int, _all: int) -> None:
        with pytest.raises(ConfigError, match="another sync") as caught:
            mirror(log, folder).sync()
        told.append(caught.value)

    mirror(log, folder).sync(meet)
    assert told
    assert files(folder) == published(log)
    mirror(log, folder).sync()


def test_partial_tiles_of_an_older_checkpoint_stay_until_the_tile_is_full(log: PublishedLog, folder: Path) -> None:
    for size in (3, 5):
        log.append([leaf(n) for n in range(len(log.leaves), size)])
        mirror(log, folder).sync()
    for width in (3, 5):
        assert (folder / tile_path(Tile(level=0, index=0, width=width))).exists()
