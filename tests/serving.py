# SPDX-License-Identifier: Apache-2.0
"""A ledger's server as a process of its own, statements to log, and who waits for their receipts."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from byline.core.statement import PredicateType, Subject, format_statement
from byline.keys.ed25519 import LogKey
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.entry import Submission
    from byline.core.envelope import Envelope
    from byline.keys.p256 import PrivateKey

SIGNER = fixed_signer()
PROGRAM = """
import json, sys, pathlib
from byline_ledger.server.config import ServerConfig, Tls
from byline_ledger.server.main import serve
directory, capacity, allowed, tls, http = json.loads(sys.argv[1])
config = ServerConfig(
    directory=pathlib.Path(directory), listen="127.0.0.1:0", http="127.0.0.1:0" if http else None,
    capacity=capacity, allowed=frozenset(allowed) or None,
    tls=Tls(certificate=pathlib.Path(tls[0]), key=pathlib.Path(tls[1])) if tls else None)
serve(config, announce=lambda url: print(url, flush=True))
"""


def statement(number: int, *subjects: str, pad: int = 0) -> bytes:
    """Return the payload of a statement that differs by `number`; its first subject is `number` in hex."""
    named = tuple(Subject(name="_", sha256=each) for each in subjects)
    change = Subject(name="change", sha256=f"{number:064x}")
    return format_statement((change, *named), PredicateType.AUTHORSHIP, {"number": number, "pad": "x" * pad})


def envelope(number: int, *subjects: str, pad: int = 0, signer: PrivateKey = SIGNER) -> Envelope:
    """Return `statement` signed by `signer`."""
    return sign_payload(statement(number, *subjects, pad=pad), signer)


def submission(number: int, *, pad: int = 0) -> Submission:
    """Return `envelope` as a log admits it."""
    return Admission().admit(envelope(number, pad=pad), SIGNER.public)


def memory_log() -> Log:
    """Return a log that has begun, in memory."""
    store = MemoryStore()
    log = Log(store, LogKey("log.example", bytes(32)))
    with store.write() as writer:
        log.start(writer)
    return log


class Caller:
    """Who waits for an answer, and may go away."""

    def __init__(self) -> None:
        self.gone = False
        self.receipts: list[Receipt] = []
        self.error: BaseException | None = None

    def done(self) -> bool:
        return self.gone

    @property
    def receipt(self) -> Receipt | None:
        """The receipt, for who asked for one."""
        return self.receipts[0] if self.receipts else None

    def set_result(self, receipts: list[Receipt], /) -> None:
        self.receipts = receipts

    def set_exception(self, error: BaseException, /) -> None:
        self.error = error


@contextlib.contextmanager
def serving(
    directory: Path, *, capacity: int = 2048, allowed: tuple[str, ...] = (), tls: tuple[Path, Path] | None = None, prelude: str = ""
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server over `directory`; gives the process and the URL, and ends the process if the test did not.

    `prelude` is what the process does first, for example something that will go wrong in it.
    """
    with _serving([str(directory), capacity, allowed, [str(each) for each in tls or ()], False], prelude) as (process, urls):
        yield process, urls[0]


@contextlib.contextmanager
def web_serving(directory: Path, *, tls: tuple[Path, Path] | None = None) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """As `serving`, with HTTP beside gRPC: gives the process and both URLs, gRPC's first."""
    with _serving([str(directory), 2048, (), [str(each) for each in tls or ()], True]) as (process, urls):
        yield process, *urls


@contextlib.contextmanager
def _serving(choices: list[object], prelude: str = "") -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    command = [sys.executable, "-c", prelude + PROGRAM, json.dumps(choices)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline().strip() for _ in range(2 if choices[-1] else 1)]
        finally:
            process.kill()
