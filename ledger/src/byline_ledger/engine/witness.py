# SPDX-License-Identifier: Apache-2.0
"""A witness: it cosigns checkpoints of the logs that it knows, and never two that do not go on from each other (C2SP tlog-witness).

For each log it keeps the last checkpoint that it cosigned. A request is judged in this order, and answered with a status of HTTP:

1. the request reads (400), and so does its checkpoint (400; 422 if it says that the empty tree has another root);
2. the log is one of those that it knows (404);
3. one of the log's keys signed the checkpoint, and no line under one of them is bad (403);
4. the request does not go back (400), and goes on from the last cosigned checkpoint (409, with that one's size);
5. the consistency proof leads from the last root to the new one; where the size is the same, so is the root (422);
6. the checkpoint and the cosignatures are kept, durably, and only then are the cosignatures answered (200).

From 4 to 6 it is one exclusive transaction of a store (`core.ports.Store`), so that two requests at once cannot set it back. A
witness whose store is lost must not go on under its key: it would cosign a second history.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from byline.core.checkpoint import Checkpoint, parse_checkpoint
from byline.core.merkle import EMPTY_ROOT, ConsistencyProof, check_consistency
from byline.core.note import format_note, format_signatures, open_note, parse_note, sign_note
from byline.core.tlog_witness import SIZE_TYPE, parse_add_checkpoint
from byline.core.value import replace
from byline.errors import CheckpointError, ProofError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from byline.core.note import Note, NoteKey
    from byline.core.ports import Store
    from byline.core.tlog_witness import AddCheckpoint
    from byline.keys.cosigners import WitnessKey
    from byline.keys.ed25519 import LogVerifier

TEXT = "text/plain; charset=utf-8"
_LAST = "witnessed:"
_EMPTY = re.compile(r"[^\n]+\n0\n")


class Answer(NamedTuple):
    """What a witness answers: a status of HTTP, and a text of a type."""

    status: int
    text: str
    kind: str = TEXT


class Witness:
    """A witness with `keys` for `logs`, over a store; `clock` tells seconds. As thread-safe as its store."""

    def __init__(self, store: Store, keys: Sequence[WitnessKey], logs: Sequence[LogVerifier], clock: Callable[[], float]) -> None:
        self._store = store
        self._keys = tuple(keys)
        self._clock = clock
        self._logs: dict[str, list[LogVerifier]] = {}
        for each in logs:
            self._logs.setdefault(each.name, []).append(each)

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """The public keys."""
        return tuple(each.note_key for each in self._keys)

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs that it knows."""
        return tuple(self._logs)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Judge a request and answer it.

        Raises:
            LedgerUnavailableError: The store cannot take it now; nothing was answered.
            LedgerError: The store is broken.
        """
        try:
            request = parse_add_checkpoint(body.decode())
        except (CheckpointError, UnicodeDecodeError) as error:
            return Answer(400, f"{error}\n")  # 1
        try:
            claimed = parse_checkpoint(parse_note(request.checkpoint).text)
        except CheckpointError as error:
            return Answer(422 if _EMPTY.match(request.checkpoint) else 400, f"{error}\n")
        if claimed.origin not in self._logs:
            return Answer(404, "this witness does not know the log\n")  # 2
        try:
            note = open_note(request.checkpoint, self._logs[claimed.origin])
        except SignatureError as error:
            return Answer(403, f"{error}\n")  # 3
        return self._cosign(request, claimed, note)

    def latest(self, origin: str) -> str | None:
        """Return the last checkpoint of the log `origin` that it cosigned, with the cosignatures.

        Raises:
            LedgerError: The store is broken.
        """
        with self._store.read() as reader:
            kept = reader.state(_LAST + origin)
        return None if kept is None else kept.decode()

    def _cosign(self, request: AddCheckpoint, claimed: Checkpoint, note: Note) -> Answer:
        """Make steps 4 to 6 for `note`, which holds the signatures of the log alone."""
        with self._store.write() as writer:
            kept = writer.state(_LAST + claimed.origin)
            last = parse_checkpoint(parse_note(kept.decode()).text) if kept else Checkpoint(origin=claimed.origin, size=0, root=EMPTY_ROOT)
            if request.old > claimed.size:
                return Answer(400, "a checkpoint that is smaller than the one that it goes on from\n")  # 4
            if request.old != last.size:
                return Answer(409, f"{last.size}\n", SIZE_TYPE)
            try:
                proof = ConsistencyProof(old=request.old, new=claimed.size, hashes=request.hashes)
                check_consistency(proof, old=last.root, new=claimed.root)  # 5
            except ProofError as error:
                return Answer(422, f"{error}\n")
            signed = parse_note(sign_note(note.text, [each.at(int(self._clock())) for each in self._keys]))
            together = replace(note, signatures=(*note.signatures, *signed.signatures))
            writer.set_state(_LAST + claimed.origin, format_note(together).encode())  # 6
        return Answer(200, format_signatures(signed.signatures))
