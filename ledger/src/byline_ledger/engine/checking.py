# SPDX-License-Identifier: Apache-2.0
"""Admission in a process of its own: a signature costs as much as all the rest of an append, and here it costs another core.

    python -m byline_ledger.engine.checking < questions > answers

A message is its length (4 bytes, big-endian) and a list of plain values (`marshal`), which costs a fraction of what objects would:

    question    for each statement: payload, signature, key id, and the key that signed it
    answer      for each what there is to log beside its payload, or why there is nothing: the error, pickled

It ends when its input does, as with whoever started it, however that ended, and for no signal but one that nobody can refuse: a
server that is told to stop answers first.
"""

from __future__ import annotations

import marshal
import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from byline.core.entry import Submission
from byline.core.envelope import Envelope
from byline.core.facets import Facets
from byline_ledger.engine.admission import Admission

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD_SIZE = 4

Ask: TypeAlias = tuple[Envelope, bytes]
Found: TypeAlias = Submission | Exception


def format_question(asks: Sequence[Ask]) -> bytes:
    """Return the message that asks for `asks`: envelopes, each with the key that signed it."""
    return _message([(envelope.payload, envelope.signature, envelope.keyid, public) for envelope, public in asks])


def read_answer(data: bytes, asks: Sequence[Ask]) -> list[Found]:
    """Return for each of `asks` what the answer `data`, without its length, has about it."""
    return [_read_found(each, envelope.payload) for each, (envelope, _) in zip(marshal.loads(data), asks, strict=True)]  # noqa: S302 - our own process wrote it


def _message(values: list[Any]) -> bytes:
    data = marshal.dumps(values)
    return len(data).to_bytes(HEAD_SIZE, "big") + data


def _read_question(data: bytes) -> list[Ask]:
    asked = marshal.loads(data)  # noqa: S302 - our own parent wrote it
    return [(Envelope(payload=payload, signature=signature, keyid=keyid), public) for payload, signature, keyid, public in asked]


def _write_found(found: Found) -> object:
    if isinstance(found, Exception):
        return pickle.dumps(found)
    facets = found.facets
    return (
        *(found.identity, found.leaf, found.keys),
        *(facets.key, facets.repository, facets.commit, facets.predicate_type, facets.subjects),
    )


def _read_found(found: Any, payload: bytes) -> Found:  # noqa: ANN401 - one of the two that `_write_found` writes
    if isinstance(found, bytes):
        error: Exception = pickle.loads(found)  # noqa: S301 - our own process wrote it
        return error
    identity, leaf, keys, key, repository, commit, predicate_type, subjects = found
    facets = Facets(key=key, repository=repository, commit=commit, predicate_type=predicate_type, subjects=subjects)
    return Submission(identity=identity, leaf=leaf, payload=payload, facets=facets, keys=keys)


def _messages(source: BinaryIO) -> Iterator[bytes]:
    while len(head := source.read(HEAD_SIZE)) == HEAD_SIZE:
        message = source.read(size := int.from_bytes(head, "big"))
        if len(message) < size:
            return
        yield message


def main() -> None:
    """Answer until the input ends, or nobody reads the answers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    admission = Admission()
    try:
        for asks in map(_read_question, _messages(sys.stdin.buffer)):
            sys.stdout.buffer.write(_message(list(map(_write_found, admission.admit_all(asks)))))
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be flushed goes nowhere


if __name__ == "__main__":
    main()
