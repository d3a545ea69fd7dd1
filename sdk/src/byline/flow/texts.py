# SPDX-License-Identifier: Apache-2.0
"""The lines of a blob, wherever it is: in git, or among the contents that the journal speaks of.

None means that there are no lines to speak of: binary content, more than 5 MB, or nowhere to be found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.capture.contents import Contents
from byline.core.diff import match_lines
from byline.core.lines import MAX_TEXT, hash_lines, text_lines
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from byline.git.repository import Repository

MAX_KEPT = 400  # texts; a history walks from one version to the next


class Texts:
    """The texts of one clone, read once."""

    def __init__(self, repo: Repository, place: Path, line_key: bytes) -> None:
        self._repo = repo
        self._contents = Contents(place, repo.algorithm)
        self._line_key = line_key
        self._lines: dict[str, tuple[bytes, ...] | None] = {}
        self._hashes: dict[str, tuple[bytes, ...]] = {}
        self._matched: tuple[tuple[str, str] | None, tuple[int, ...]] = (None, ())  # the last; it is asked for more than once
        self.is_cut = False  # a blob was nowhere to be found

    def lines(self, blob: str) -> tuple[bytes, ...] | None:
        """Return the lines of `blob`, None if it has none to speak of."""
        if blob not in self._lines:
            if len(self._lines) >= MAX_KEPT:
                self._lines.clear()
                self._hashes.clear()
            self._lines[blob] = text_lines(self._read(blob))
        return self._lines[blob]

    def read_ahead(self, blobs: Iterable[str]) -> None:
        """Read git's contents of `blobs` in one question, as many as are kept; what is not here is asked for later."""
        wanted = list(dict.fromkeys(blob for blob in blobs if blob not in self._lines))[: MAX_KEPT // 2]
        if len(self._lines) + len(wanted) >= MAX_KEPT:
            self._lines.clear()
            self._hashes.clear()
        for blob, data in zip(wanted, self._repo.read_small_blobs(wanted, MAX_TEXT), strict=True):
            if data is not None:
                self._lines[blob] = text_lines(data)

    def matching(self, old: str, new: str) -> tuple[int, ...]:
        """Return for each line of `new` the line of `old` that it is (`core.diff`); what has no lines has nothing to match."""
        if (old, new) != self._matched[0]:
            self._matched = (old, new), match_lines(self.lines(old) or (), self.lines(new) or ())
        return self._matched[1]

    def hashes(self, blob: str) -> tuple[bytes, ...]:
        """Return the keyed hash of each line of `blob`."""
        if blob not in self._hashes:
            self._hashes[blob] = self.hash_lines(self.lines(blob) or ())
        return self._hashes[blob]

    def hash_lines(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the keyed hash of each of `lines`."""
        return hash_lines(lines, self._line_key)

    def on_disk(self, blob: str) -> bytes | None:
        """Return the bytes named `blob` that the journal kept from the disk, None if it has none."""
        return self._contents.get(blob)

    def add(self, blob: str, data: bytes) -> None:
        """Know `data` as the content of `blob`, though neither git nor the journal has it."""
        self._lines[blob] = text_lines(data)

    def _read(self, blob: str) -> bytes | None:
        kept = self._contents.get(blob)
        if kept is not None:
            return kept
        try:
            return self._repo.read_blob_within(blob, MAX_TEXT)
        except RepositoryError:
            self.is_cut = True
            return None
