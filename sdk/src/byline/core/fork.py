# SPDX-License-Identifier: Apache-2.0
"""A log that showed two histories, and the proof that anybody can check.

    {"schema": "byline.fork/1", "vkey": "<the log's>", "old": "<signed note>", "new": "<signed note>",
     "begins": "<base64>", "proof": ["<base64>", ...]}

Both notes are checkpoints that the log's key signed, `old` not larger than `new`. Either they have one size and two roots; `begins` is
then the root of `new`, and there is no proof. Or `proof` shows (RFC 6962, 2.1.2) that the tree of `new` begins with as many
entries as `old` has and with the root `begins`, which is not that of `old`. A log that only ever appends cannot sign both. Nothing
else has to be believed, least of all whoever found it.

A checkpoint of fewer entries than seen is no proof: an old one may be shown for a while, by a cache or after a restore. Nor are tiles
that do not lead to the root: whoever serves them may have changed them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.checked_tree import CheckedTree, TileFetch
from byline.core.checkpoint import open_checkpoint
from byline.core.merkle import HASH_SIZE, ConsistencyProof, check_consistency
from byline.core.note import MAX_NOTE
from byline.core.tiles import HEIGHT
from byline.core.value import dataclass
from byline.errors import LedgerError, LedgerUnavailableError, LogForkError, MalformedError, ProofError, StaleError

if TYPE_CHECKING:
    from byline.core.ports import NoteVerifier

SCHEMA = "byline.fork/1"
_MEMBERS = {"schema", "vkey", "old", "new", "begins", "proof"}
_MAX_HASHES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Two signed notes of the log with the key `vkey`, and why they contradict each other."""

    vkey: str
    old: str
    new: str
    begins: bytes
    proof: tuple[bytes, ...] = ()


def check_fork(fork: Fork, log: NoteVerifier) -> None:
    """Check that `fork` proves what it says of `log`.

    Raises:
        ProofError: It does not.
        CheckpointError: A note is none, or holds no checkpoint.
        SignatureError: The log did not sign one of them.
    """
    old, new = open_checkpoint(fork.old, log), open_checkpoint(fork.new, log)
    check_consistency(ConsistencyProof(old=old.size, new=new.size, hashes=fork.proof), old=fork.begins, new=new.root)
    if fork.begins == old.root:
        raise ProofError("one checkpoint follows the other: there is no fork")


def follow_growth(seen: str, shown: str, log: NoteVerifier, fetch: TileFetch, *, height: int = HEIGHT) -> CheckedTree:
    """Return the tree of `shown`, once it is proven that the log which signed the checkpoint `seen` only grew until it signed `shown`.

    Raises:
        LogForkError: It signed two histories; the error holds the proof.
        StaleError: `shown` has fewer entries than `seen`, and does not contradict it as far as the tiles tell.
        ProofError: The tiles do not lead to the root of `shown`: whoever serves them may be at fault.
        SignatureError: The log did not sign one of them.
        MalformedError: A note or a tile is none.
    """
    before, after = open_checkpoint(seen, log), open_checkpoint(shown, log)
    small, large = sorted(((before, seen), (after, shown)), key=lambda pair: pair[0].size)
    if before.size == after.size and before.root != after.root:
        raise LogForkError(f"two roots for {after.size} entries", old=seen, new=shown, begins=after.root)
    tree = CheckedTree(large[0], fetch, height=height)
    try:
        begins = tree.root_at(small[0].size)
    except (LedgerError, MalformedError, ProofError) as error:
        if after.size >= before.size or isinstance(error, LedgerUnavailableError):
            raise
        # The tiles of what was seen are gone, as after a restore: there is nothing to compare with.
        raise _stale(before.size, after.size) from error
    if begins != small[0].root:
        proof = tree.consistency(small[0].size).hashes
        what = f"the {large[0].size} entries do not begin with the {small[0].size} that were signed before"
        raise LogForkError(what, old=small[1], new=large[1], begins=begins, proof=proof)
    if after.size < before.size:
        raise _stale(before.size, after.size)
    return tree


def _stale(before: int, after: int) -> StaleError:
    what = f"the log shows {after} entries, and {before} were seen before"
    return StaleError(what, hint="a cache may show old answers for a while; if it stays, the log was set back: ask its operator")


def format_fork(fork: Fork) -> bytes:
    """Return `fork` as canonical JSON."""
    proof = [format_base64(each) for each in fork.proof]
    notes = {"vkey": fork.vkey, "old": fork.old, "new": fork.new}
    return format_canonical({"schema": SCHEMA, **notes, "begins": format_base64(fork.begins), "proof": proof})


def parse_fork(data: bytes) -> Fork:
    """Read the evidence of a fork; what it proves, only `check_fork` says.

    Raises:
        MalformedError: It is none.
    """
    value = parse_strict(data, max_bytes=3 * MAX_NOTE)
    if not isinstance(value, dict) or set(value) != _MEMBERS or value["schema"] != SCHEMA:
        raise MalformedError("not the evidence of a fork (byline.fork/1)")
    proof, notes = value["proof"], [value[name] for name in ("vkey", "old", "new")]
    if not isinstance(proof, list) or len(proof) > _MAX_HASHES or not all(isinstance(each, str) for each in notes):
        raise MalformedError("the evidence of a fork is three strings and a few hashes")
    vkey, old, new = map(str, notes)
    return Fork(vkey=vkey, old=old, new=new, begins=_hash(value["begins"]), proof=tuple(map(_hash, proof)))


def _hash(value: object) -> bytes:
    data = parse_base64(value if isinstance(value, str) else None)
    if len(data) != HASH_SIZE:
        raise MalformedError("a hash has 32 bytes")
    return data
