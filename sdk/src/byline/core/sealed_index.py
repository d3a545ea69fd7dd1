# SPDX-License-Identifier: Apache-2.0
r"""A log's index that can be checked: which entries it has under a key, all of them, or that it has none.

The index is a list of *runs*. A run covers a range of entries, and holds a row for each key (`core.index_keys`) of each of them:

    row = key (32 bytes) || index of the entry (8 bytes, big-endian)          40 bytes; sorted, each one once

The rows of a run are the leaves of an RFC 6962 tree. A *seal* is an entry of the log of a kind of its own, canonical JSON:

    {"apiVersion":"0.1","kind":"byline-index","spec":{"runs":[{"end":7,"first":0,"root":"<base64>","rows":12},...],
      "sealedAt":<milliseconds since 1970 by the log's clock>,"size":7}}

Its runs cover [0, `size`) without a gap, and it is entry `size` itself: a checkpoint of `size` + 1 ends in the index of all that it
covers but the seal. Only the log makes seals: what is sent to it is never one.

A proof for a key is, of each run, the rows with this key and the one before and after them, side by side, with the hashes around them
(`core.merkle.check_range`). A row before that is not smaller, one after that is not greater, or none at an end that is no end of the
run, and the proof is refused: nothing can be left out, added or moved.

>>> Run(first=0, end=2, rows=0, root=EMPTY_ROOT)
Run(first=0, end=2, rows=0, root=b'\xe3\xb0\xc4B\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99o\xb9$\'\xaeA\xe4d\x9b\x93L\xa4\x95\x99\x1bxR\xb8U')
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.entry import MAX_ENTRY
from byline.core.index_keys import KEY_SIZE
from byline.core.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, InclusionProof, check_inclusion, check_range, hash_leaf
from byline.core.statement import take_members
from byline.core.table import take_number
from byline.core.value import dataclass
from byline.errors import EntryError, MalformedError, ProofError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.canonical import Json
    from byline.core.checkpoint import Checkpoint

SEAL_KIND = "byline-index"
SEAL_VERSION = "0.1"
ROW_SIZE = KEY_SIZE + 8
MAX_RUNS = 256
MAX_KEYS = 64  # that are asked for at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The `rows` rows of the entries [`first`, `end`), and the `root` of their tree."""

    first: int
    end: int
    rows: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The whole index of the entries [0, `size`), as it was at `sealed_at` (milliseconds since 1970)."""

    size: int
    sealed_at: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The `rows` of one run from number `start` on, and the `hashes` around them, from the left."""

    start: int
    rows: tuple[bytes, ...]
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexProof:
    """What a log answers when it is asked for keys: nothing of it is checked.

    `checkpoint` is a signed note of size + 1 entries, `seal` the leaf of its last entry and `hashes` the inclusion proof of that;
    `found` has for each key, in the order asked, a slice of each run.
    """

    checkpoint: str
    seal: bytes
    hashes: tuple[bytes, ...]
    found: tuple[tuple[Slice, ...], ...]


def format_row(key: bytes, index: int) -> bytes:
    """Return the row of entry `index` under `key`."""
    return key + index.to_bytes(8, "big")


def format_seal(seal: Seal) -> bytes:
    """Return the leaf of `seal`.

    Raises:
        EntryError: Its runs are not one after the other, or too many.
    """
    _check_runs(seal)
    runs: list[Json] = [{"first": run.first, "end": run.end, "rows": run.rows, "root": format_base64(run.root)} for run in seal.runs]
    spec: Json = {"size": seal.size, "sealedAt": seal.sealed_at, "runs": runs}
    return format_canonical({"apiVersion": SEAL_VERSION, "kind": SEAL_KIND, "spec": spec})


def parse_seal(leaf: bytes) -> Seal:
    """Read the leaf of a seal, which has exactly one spelling.

    Raises:
        EntryError: Another kind, other bytes than `format_seal` writes, or runs that are not one after the other.
    """
    try:
        top = take_members(parse_strict(leaf, max_bytes=MAX_ENTRY), "apiVersion", "kind", "spec", what="a seal")
        if (top["apiVersion"], top["kind"]) != (SEAL_VERSION, SEAL_KIND):
            raise EntryError("not the seal of an index")
        spec = take_members(top["spec"], "size", "sealedAt", "runs", what="spec")
        runs = spec["runs"]
        if not isinstance(runs, list):
            raise EntryError("a seal has runs")
        seal = Seal(size=_number(spec, "size"), sealed_at=_number(spec, "sealedAt"), runs=tuple(map(_run, runs)))
        if format_seal(seal) != leaf:
            raise EntryError("a seal that is not spelled as Byline spells it")
    except EntryError:
        raise
    except MalformedError as error:
        raise EntryError(f"not the seal of an index: {error}") from error
    return seal


def is_seal(leaf: bytes) -> bool:
    """Whether `leaf` is of the kind of seals; it may still be damaged."""
    return leaf.startswith(b'{"apiVersion":"%b","kind":"%b",' % (SEAL_VERSION.encode(), SEAL_KIND.encode()))


def open_seal(leaf: bytes, hashes: tuple[bytes, ...], checkpoint: Checkpoint) -> Seal:
    """Return the seal `leaf`, which ends the tree of `checkpoint`, as `hashes` prove.

    Raises:
        EntryError: It is no seal.
        ProofError: It covers another number of entries than come before it, or is not the last entry.
    """
    seal = parse_seal(leaf)
    if seal.size + 1 != checkpoint.size:
        raise ProofError(f"the seal covers {seal.size} entries, the checkpoint {checkpoint.size}")
    proof = InclusionProof(index=seal.size, size=checkpoint.size, hashes=hashes)
    check_inclusion(proof, leaf=hash_leaf(leaf), root=checkpoint.root)
    return seal


def open_rows(key: bytes, seal: Seal, slices: Sequence[Slice]) -> tuple[int, ...]:
    """Return, ascending, all entries that the index under `seal` has under `key`, one of `slices` for each of its runs.

    Raises:
        ProofError: A slice does not prove that it holds all rows with the key and no other.
    """
    if len(slices) != len(seal.runs):
        raise ProofError("an answer of the index has a slice of each run")
    return tuple(index for run, part in zip(seal.runs, slices, strict=True) for index in _check_slice(key, run, part))


def _check_slice(key: bytes, run: Run, part: Slice) -> list[int]:
    if not run.rows:
        if part.rows or part.hashes or part.start:
            raise ProofError("a run without rows has nothing to show")
        return []
    rows = part.rows
    if any(len(row) != ROW_SIZE for row in rows) or any(one >= two for one, two in pairwise(rows)):
        raise ProofError("the rows of an index are sorted")
    check_range(part.start, [hash_leaf(row) for row in rows], part.hashes, size=run.rows, root=run.root)
    found = [row for row in rows if row.startswith(key)]
    if part.start and rows[0][:KEY_SIZE] >= key:
        raise ProofError("the row before the key is not shown")
    if part.start + len(rows) < run.rows and rows[-1][:KEY_SIZE] <= key:
        raise ProofError("the row after the key is not shown")
    indices = [int.from_bytes(row[KEY_SIZE:], "big") for row in found]
    if any(not run.first <= index < run.end for index in indices):
        raise ProofError("a run has a row of an entry that it does not cover")
    return indices


def _check_runs(seal: Seal) -> None:
    ends = [0, *(run.end for run in seal.runs)]
    if len(seal.runs) > MAX_RUNS or [*(run.first for run in seal.runs), seal.size] != ends or ends != sorted(set(ends)):
        raise EntryError(f"the runs of a seal cover all entries before it, one after the other, and are at most {MAX_RUNS}")
    if any(len(run.root) != HASH_SIZE or (run.rows == 0 and run.root != EMPTY_ROOT) for run in seal.runs):
        raise EntryError("a run has the root of its rows")


def _run(value: Json) -> Run:
    row = take_members(value, "first", "end", "rows", "root", what="a run")
    return Run(first=_number(row, "first"), end=_number(row, "end"), rows=_number(row, "rows"), root=parse_base64(row["root"]))


def _number(members: dict[str, Json], name: str) -> int:
    return take_number(members[name], what=name, least=0, most=MAX_SIZE)
