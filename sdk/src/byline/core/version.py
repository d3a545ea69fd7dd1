# SPDX-License-Identifier: Apache-2.0
"""One version of one file with one byline for each line, in the two shapes in which rooms hand it on.

A `Version` has its text. A `Claimed` version is what claims alone say: the keyed hash of each line (`core.lines`) in place of
its text, so it exists where no git object does. A `Block` is contiguous text that went away somewhere.

>>> Version(path=b"a", blob=None, lines=(), bylines=()).lines
()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.lines import HASH_BYTES
from byline.core.value import dataclass

if TYPE_CHECKING:
    from byline.core.attribution import Byline

NO_HASH = bytes(HASH_BYTES)  # no line has it, as far as a keyed hash can promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`path` with content `blob` (git blob id; None where there is none), its lines and whose they are."""

    path: bytes
    blob: str | None
    lines: tuple[bytes, ...]
    bylines: tuple[Byline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """`path` with content `blob` as claims compose it: for each line 16 bytes of `hashes` (`NO_HASH` where no claim knows) and a byline."""

    path: bytes
    blob: str
    hashes: bytes
    bylines: tuple[Byline, ...]


def split_hashes(hashes: bytes) -> tuple[bytes, ...]:
    """Return the hash of each line."""
    return tuple(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Contiguous lines that went away, and whose they were."""

    lines: tuple[bytes, ...]
    bylines: tuple[Byline, ...]
