# SPDX-License-Identifier: Apache-2.0
"""A ledger's server as a process of its own, and statements to log."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

from byline.core.statement import PredicateType, Subject, format_statement
from byline.sign.file import sign_payload
from byline.testing import fixed_signer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.envelope import Envelope

SIGNER = fixed_signer()
PROGRAM = """
import sys, pathlib
from byline_ledger.server.config import ServerConfig
from byline_ledger.server.main import serve
allowed = frozenset(sys.argv[3:]) or None
config = ServerConfig(directory=pathlib.Path(sys.argv[1]), listen="127.0.0.1:0", capacity=int(sys.argv[2]), allowed=allowed)
serve(config, announce=lambda address: print(address, flush=True))
"""


def statement(number: int, *subjects: str, pad: int = 0) -> bytes:
    """Return the payload of a statement that differs by `number`; its first subject is `number` in hex."""
    named = tuple(Subject(name="_", sha256=each) for each in subjects)
    change = Subject(name="change", sha256=f"{number:064x}")
    return format_statement((change, *named), PredicateType.AUTHORSHIP, {"number": number, "pad": "x" * pad})


def envelope(number: int, *subjects: str, pad: int = 0) -> Envelope:
    """Return `statement` signed by `SIGNER`."""
    return sign_payload(statement(number, *subjects, pad=pad), SIGNER)


@contextlib.contextmanager
def serving(directory: Path, *, capacity: int = 2048, allowed: tuple[str, ...] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server over `directory`; gives the process and the URL, and ends the process if the test did not."""
    command = [sys.executable, "-c", PROGRAM, str(directory), str(capacity), *allowed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, "grpc://" + process.stdout.readline().strip()
        finally:
            process.kill()
