# SPDX-License-Identifier: Apache-2.0
"""What was forgotten, as far as it must be known: hashes of its lines, so that nobody declares them to be theirs.

    <place>/forgotten = 16 bytes for each line, keyed as every line hash is (`core.lines`)            0600, durable, only ever longer

A session's text that git does not have goes when it is forgotten, and with it all that could tell that a line is an agent's. A committer
who declares their own lines would declare such a line with them, when it comes back from a buffer or a copy. Lines without words are in
no such file: everybody writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.lines import HASH_BYTES
from byline.flow.workshop import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "forgotten"


def load_forgotten(place: Path) -> frozenset[bytes]:
    """Return the hashes of forgotten lines."""
    try:
        data = (place / FILE).read_bytes()
    except OSError:
        return frozenset()
    return frozenset(data[at : at + HASH_BYTES] for at in range(0, len(data) - HASH_BYTES + 1, HASH_BYTES))


def add_forgotten(place: Path, hashes: Iterable[bytes]) -> None:
    """Add `hashes` to those of forgotten lines, durable when this returns.

    Raises:
        OSError: They cannot be written; those from before are there.
    """
    known = load_forgotten(place)
    if new := frozenset(hashes) - known:
        write_atomic(place / FILE, b"".join(sorted(known | new)))
