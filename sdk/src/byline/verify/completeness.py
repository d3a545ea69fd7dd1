# SPDX-License-Identifier: Apache-2.0
"""Nothing was withheld: what the index of a log has about a change, and whether all of it is here (T4).

    index = open_index(proof, keys, trust=trust, at=now, max_age=...)          an answer of the log, every proof checked
    index = hold_index(index, note, proofs, trust=trust, at=now)               the log shows one history, to its witnesses too
    entry = EntryReader(trust).entry(bundle)                                   which entry a bundle shows
    trace = trace_index(moves, repository, told=..., shown=..., known=...)     what to ask for next
    completeness = conclude(index, trace)                                      nothing is left to ask

A change takes paths from one version to another. Claims that lead to the new version name what it was made from, and those that lead
to that name what *it* was made from, back to the versions that the base of the change has. So the question is asked version by version:
every entry that the index has under the key of one must be shown, and what its claims name is asked for next. That is all that a gate
lets decide how a path came to be what it is. Where somebody's own lines are at stake, earlier statements about the path count too: an
agent's lines that were deleted and come again. What is to be asked for next is an answer here, not a call: whoever has a log asks it.

An entry that is not shown is *withheld* if it is about a step of the change, whatever the reason: it was hidden, or erased. One of the
path's history makes the path *unread*. An entry that two people's tombstones name, which the same index has, may be missing: its path
is *erased*, and nothing about its change is anybody's own, so that a lawful erasure locks no file. A statement that says nothing to a
gate (of a key that trust does not know, of another kind) has to be shown as well, for who could tell.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from byline.core.bundle import check_receipt
from byline.core.checkpoint import open_checkpoint
from byline.core.effect import FileState
from byline.core.index_keys import path_key, version_key
from byline.core.merkle import check_consistency
from byline.core.sealed_index import open_rows, open_seal
from byline.core.value import dataclass, replace
from byline.core.verified import Strength, VerifiedCompleteness, VerifiedIndex
from byline.errors import MalformedError, ProofError, StaleError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from byline.core.authorship import Authorship
    from byline.core.bundle import Bundle
    from byline.core.checkpoint import Checkpoint
    from byline.core.effect import Transition
    from byline.core.merkle import ConsistencyProof
    from byline.core.sealed_index import IndexProof
    from byline.core.trust import Trust, TrustedLog

State: TypeAlias = "FileState | None"
Version: TypeAlias = "tuple[bytes, State]"
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """`wanted` are keys that the log was not asked for yet; `withheld`, `unread` and `erased` are as far as is known without them."""

    wanted: frozenset[bytes]
    withheld: Mapping[bytes, tuple[int, ...]]
    unread: Mapping[bytes, tuple[int, ...]]
    erased: frozenset[bytes]


def indexed_log(trust: Trust) -> TrustedLog:
    """Return the log whose index a gate asks.

    Raises:
        ProofError: Trust names none, or several.
    """
    logs = trust.indexed_logs
    if len(logs) != 1:
        raise ProofError(f"trust names {len(logs)} independent logs with an index, and one is needed")
    return logs[0]


def open_index(
    proof: IndexProof, keys: Sequence[bytes], *, trust: Trust, at: datetime, max_age: timedelta, before: VerifiedIndex | None = None
) -> VerifiedIndex:
    """Return what the log of `trust` has under `keys`, as its answer `proof` shows at the moment `at`, with what was shown `before`.

    Raises:
        ProofError: The answer does not prove that it is all.
        CheckpointError: It has no checkpoint.
        EntryError: It has no seal.
        SignatureError: The log did not sign it.
        StaleError: It is older than `max_age`, or from the future.
    """
    from byline.keys.ed25519 import load_verifier

    log = indexed_log(trust)
    checkpoint = open_checkpoint(proof.checkpoint, load_verifier(log.vkey))
    seal = open_seal(proof.seal, proof.hashes, checkpoint)
    if len(proof.found) != len(keys):
        raise ProofError("an answer of the index has one part for each key")
    found = {key: open_rows(key, seal, slices) for key, slices in zip(keys, proof.found, strict=True)}
    try:
        sealed_at = _START + timedelta(milliseconds=seal.sealed_at)
    except OverflowError as error:
        raise StaleError("the index was sealed at a time that no calendar has") from error
    if at - sealed_at > max_age:
        raise StaleError(f"the log shows an index that it sealed at {sealed_at:%Y-%m-%d %H:%M} UTC, which is too old")
    if sealed_at - at > max_age:  # asked for after `at`, by clocks that differ
        raise StaleError("the log shows an index of the future", hint="one of the clocks is wrong")
    checkpoints: tuple[Checkpoint, ...] = (checkpoint,)
    if before is not None:
        sealed_at, found = min(sealed_at, before.sealed_at), {**before.found, **found}
        checkpoints = tuple(dict.fromkeys((*before.checkpoints, checkpoint)))
    return VerifiedIndex(origin=log.origin, sealed_at=sealed_at, found=found, checkpoints=checkpoints)


def hold_index(index: VerifiedIndex, note: str, proofs: Sequence[ConsistencyProof], *, trust: Trust, at: datetime) -> VerifiedIndex:
    """Return `index` as strong as the checkpoint `note` of its log, to which `proofs` lead from each of its `checkpoints`.

    A checkpoint beyond `note`, to which the proof leads from there, leaves it `logged`: nobody else has seen its seal yet.

    Raises:
        ProofError: They are not one history.
        CheckpointError: `note` is no checkpoint.
        SignatureError: The log did not sign it, or a cosignature is bad.
    """
    from byline.verify.checks import Checker

    head, strength = Checker(trust, at).open_checkpoint(note, indexed_log(trust))
    for each, proof in zip(index.checkpoints, proofs, strict=True):
        old, new = sorted((each, head), key=lambda each: each.size)
        if (proof.old, proof.new) != (old.size, new.size):
            raise ProofError("the log proves something else than was asked for")
        check_consistency(proof, old=old.root, new=new.root)
    is_covered = all(each.size <= head.size for each in index.checkpoints)
    return replace(index, strength=strength if is_covered else Strength.LOGGED)


class EntryReader:
    """Reads which entries of the indexed log of `trust` bundles show."""

    def __init__(self, trust: Trust) -> None:
        from byline.keys.ed25519 import load_verifier

        self._verifier = load_verifier(indexed_log(trust).vkey)
        self._opened: set[str] = set()

    def entry(self, bundle: Bundle) -> int | None:
        """Return the entry that `bundle` shows, whoever signed it; None where it shows none."""
        receipt = bundle.receipt
        if receipt is None or receipt.log_id != self._verifier.note_key.log_id:
            return None
        try:
            check_receipt(bundle)
            if receipt.checkpoint not in self._opened:
                open_checkpoint(receipt.checkpoint, self._verifier)
                self._opened.add(receipt.checkpoint)
        except (MalformedError, VerificationError):
            return None
        return receipt.index


def trace_index(
    moves: Collection[Transition],
    repository: str,
    *,
    told: Mapping[bytes, tuple[int, ...]],
    shown: Collection[int],
    known: Iterable[Authorship],
    erased: Collection[int] = (),
) -> Traced:
    """Follow the claims of `known` statements from the new versions of `moves` to the old ones, and look for what the index `told`.

    `shown` are the entries whose statements are here, also those that say nothing to a gate and are not `known`; `erased` are entries
    that people's tombstones name.
    """
    stops = {(move.path, move.old) for move in moves}
    before, personal = _sources(known)
    wanted: set[bytes] = set()
    withheld: dict[bytes, tuple[int, ...]] = {}
    unread: dict[bytes, tuple[int, ...]] = {}
    buried: set[bytes] = set()
    for move in moves:
        todo: list[tuple[bytes, State]] = [(move.path, move.new)]
        seen = set(todo)
        while todo:
            fresh = before[todo.pop()] - seen - stops
            seen |= fresh
            todo += fresh
        keys = {version_key(repository, *version) for version in seen}
        history = {path_key(repository, move.path)} if move.path in personal else set()
        wanted |= (keys | history) - told.keys()
        missing, unseen = ({index for key in asked for index in told.get(key, ())}.difference(shown) for asked in (keys, history))
        if missing.intersection(erased):
            buried.add(move.path)
        for found, hidden in ((missing.difference(erased), withheld), (unseen, unread)):
            if found:
                hidden[move.path] = tuple(sorted(found))
    return Traced(wanted=frozenset(wanted), withheld=withheld, unread=unread, erased=frozenset(buried))


def conclude(index: VerifiedIndex, traced: Traced) -> VerifiedCompleteness:
    """Return what was found out, when there is nothing left to ask.

    Raises:
        ProofError: There is.
    """
    if traced.wanted:
        raise ProofError("the log was not asked for everything")
    return VerifiedCompleteness(index=index, withheld=traced.withheld, unread=frozenset(traced.unread), erased=traced.erased)


def _sources(known: Iterable[Authorship]) -> tuple[dict[Version, set[Version]], set[bytes]]:
    """Return what each version is claimed to be made from, and the paths of which claims give something to a person."""
    before: dict[Version, set[Version]] = defaultdict(set)
    personal: set[bytes] = set()
    for said in known:
        for claim in said.claims:
            before[claim.path, claim.new].update((base.path, FileState(mode=base.mode, sha256=base.sha256)) for base in claim.bases)
            for parent in range(max(1, len(said.commit.parents))):
                for move in claim.transitions(parent):
                    before[move.path, move.new].add((move.path, move.old))
            if claim.has_person:
                personal.add(claim.path)
    return before, personal
