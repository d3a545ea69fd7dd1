# SPDX-License-Identifier: Apache-2.0
"""A copy of a log that anybody can serve, since nobody has to believe it: the same files, all of them proven.

    <folder>/checkpoint             the signed note; replaced last, so that it never promises a file that is not there
    <folder>/tile/<L>/<N>[.p/<W>]   hashes, and `tile/entries/...` (C2SP tlog-tiles)

The folder is all that a web server needs. A sync takes the newest checkpoint, proves that the log only grew since the one that is here
(`core.fork`), and takes each tile and each bundle that is new, proven to be in the tree before it is written. A file that is here already
is proven like any other and not asked for again, so a sync that was interrupted goes on where it was. Partial tiles go once the full one
is here. What was asked for and cannot be proven ends the sync; the folder stays as good as it was. One sync at a time: the kernel holds
the folder for it until it ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from typing import TYPE_CHECKING

from byline.core.checked_tree import CheckedTree
from byline.core.checkpoint import open_checkpoint
from byline.core.fork import follow_growth
from byline.core.tiles import HEIGHT, WIDTH, Tile, format_entries, tile_path
from byline.core.value import dataclass
from byline.errors import ConfigError, EntryError, ProofError
from byline.log.durable import write_durably
from byline.log.tiled import CHECKPOINT, Folder, TiledLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.core.checkpoint import Checkpoint
    from byline.keys.ed25519 import LogVerifier

FILE_MODE = 0o644
_OWN = frozenset({"tile", "lost+found"})  # what a sync that was interrupted leaves, and what an empty disk holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The mirror had `before` entries and has those of `checkpoint` now; `files` were written for it."""

    checkpoint: Checkpoint
    before: int
    files: int


class Mirror:
    """The mirror in `folder` of the log that `verifier` knows, served by `source`."""

    def __init__(self, source: TiledLog, verifier: LogVerifier, folder: Path) -> None:
        self._source = source
        self._verifier = verifier
        self._folder = folder
        self._own = TiledLog(str(folder), Folder(folder))

    def sync(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Synced:
        """Bring the mirror to the newest checkpoint; `progress` is told how many entries of how many are here.

        Raises:
            LogForkError: The log showed two histories; the mirror is as it was.
            VerificationError: What is served cannot be proven, or is older than what is here; the mirror is as it was.
            MalformedError: What is served is not a log's.
            LedgerError: The log cannot be read.
            ConfigError: The folder holds another log, or cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _held(self._folder):
                return self._sync(progress)
        except OSError as error:
            raise ConfigError(f"cannot write the mirror in {self._folder}: {error.strerror}") from error

    def _sync(self, progress: Callable[[int, int], None]) -> Synced:
        seen = self._seen()
        note = self._source.checkpoint()
        before = open_checkpoint(seen, self._verifier).size if seen else 0
        tree = follow_growth(seen or note, note, self._verifier, self._source.fetch)
        files = sum(self._put(tile, data) for tile, data in self._new_tiles(tree, before, progress))
        if note != seen:
            write_durably(self._folder / CHECKPOINT, note.encode(), mode=FILE_MODE)
        for folder in _outgrown(before, tree.checkpoint.size):
            shutil.rmtree(self._folder / folder, ignore_errors=True)
        return Synced(checkpoint=tree.checkpoint, before=before, files=files)

    def check(self) -> Checkpoint:
        """Prove every file that the mirror's checkpoint promises; return the checkpoint.

        Raises:
            VerificationError: A file does not lead to the root, or the log did not sign it.
            MalformedError: A file is not a log's.
            LedgerError: A file is missing.
        """
        tree = CheckedTree(open_checkpoint(self._own.checkpoint(), self._verifier), self._own.fetch)
        for level, index in _places(0, tree.checkpoint.size):
            if level is None:
                tree.entries(index)
            else:
                tree.hashes(level, index)
        return tree.checkpoint

    def _seen(self) -> str | None:
        if (self._folder / CHECKPOINT).exists():
            return self._own.checkpoint()
        if self._folder.is_dir() and (others := {each.name for each in self._folder.iterdir()} - _OWN):
            what = f"{self._folder} is no mirror, and it holds something else: {min(others)}"
            raise ConfigError(what, hint="name an empty folder, or one that is not there")
        return None

    def _new_tiles(self, tree: CheckedTree, before: int, progress: Callable[[int, int], None]) -> Iterator[tuple[Tile, bytes]]:
        """Yield what the mirror lacks, proven; what an earlier sync left is proven again and not asked for."""
        size = tree.checkpoint.size
        for level, index in _places(before, size) if before < size else ():
            tile = tree.place(level, index)
            if level is not None:
                yield tile, tree.hashes(level, index)
                continue
            if not self._has_bundle(tree, tile):
                yield tile, format_entries(tree.entries(index))
            progress(min(size, (index + 1) * WIDTH), size)

    def _has_bundle(self, tree: CheckedTree, tile: Tile) -> bool:
        path = self._folder / tile_path(tile)
        try:
            tree.check_bundle(tile.index, path.read_bytes() if path.exists() else b"")
        except (ProofError, EntryError):
            return False
        return True

    def _put(self, tile: Tile, data: bytes) -> bool:
        """Write `tile` where it is not there already; return whether it was written."""
        path = self._folder / tile_path(tile)
        if path.exists() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data, mode=FILE_MODE)
        return True


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold `folder` against other syncs.

    Raises:
        ConfigError: Another one holds it.
        OSError: It cannot be read.
    """
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"another sync of this mirror is running: {folder}", hint="let it end") from error
        yield
    finally:
        os.close(held)


def _places(before: int, size: int) -> Iterator[tuple[int | None, int]]:
    """Yield level and index of each tile that a tree of `size` entries has and one of `before` has not, or not as wide."""
    for level in range(-(-size.bit_length() // HEIGHT)):
        shift = HEIGHT * level
        for index in range((before >> shift) // WIDTH, -(-(size >> shift) // WIDTH)):
            if level == 0:
                yield None, index
            yield level, index


def _outgrown(before: int, size: int) -> Iterator[str]:
    """Yield the folders of partial tiles that a tree of `before` entries had and that are full in one of `size`."""
    for level in (None, *range(-(-before.bit_length() // HEIGHT))):
        shift = HEIGHT * ((level or 0) + 1)
        if before >> shift < size >> shift:
            yield f"{tile_path(Tile(level=level, index=before >> shift))}.p"
