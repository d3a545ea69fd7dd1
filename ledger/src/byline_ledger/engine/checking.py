# SPDX-License-Identifier: Apache-2.0
"""Admission in a process of its own: a signature costs as much as all the rest of an append, and here it costs another core.

    python -m byline_ledger.engine.checking < messages > answers

A message is its length (4 bytes, big-endian) and a pickle: first the `Admission`, then lists of envelopes with the keys that signed
them. Each list is answered by a list as long: the submission, or why there is none. It ends when its input does, as with whoever
started it, however that ended, and for no signal but one that nobody can refuse: a server that is told to stop answers first.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


HEAD_SIZE = 4


def pack(value: object) -> bytes:
    """Return `value` as a message."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(HEAD_SIZE, "big") + data


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
    messages = map(pickle.loads, _messages(sys.stdin.buffer))  # our own parent wrote them
    try:
        for admission in messages:
            for asks in messages:
                sys.stdout.buffer.write(pack(admission.admit_all(asks)))
                sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be flushed goes nowhere


if __name__ == "__main__":
    main()
