# SPDX-License-Identifier: Apache-2.0
"""A ledger's server as a process of its own, statements to log, and who waits for their receipts."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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
directory, capacity, allowed, tls, admission = json.loads(sys.argv[1])
config = ServerConfig(
    directory=pathlib.Path(directory), listen="127.0.0.1:0", capacity=capacity, allowed=frozenset(allowed) or None,
    admission=pathlib.Path(admission) if admission else None,
    tls=Tls(**dict(zip(("certificate", "key", "client_ca"), map(pathlib.Path, tls)))) if tls else None)
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


def certify(place: Path, *names: x509.GeneralName) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and `names` that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ledger")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *names])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(start).not_valid_after(start.replace(year=2200)).add_extension(address, critical=False)
    certificate, secret = place / "certificate.pem", place / "key.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


@contextlib.contextmanager
def serving(
    directory: Path,
    *,
    capacity: int = 2048,
    allowed: tuple[str, ...] = (),
    tls: tuple[Path, ...] = (),
    admission: Path | None = None,
    prelude: str = "",
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server over `directory`; gives the process and the URL, and ends the process if the test did not.

    `prelude` is what the process does first, for example something that will go wrong in it.
    """
    choices = [str(directory), capacity, allowed, [*map(str, tls)], admission and str(admission)]
    with _announced(1, "-c", prelude + PROGRAM, json.dumps(choices)) as (process, urls):
        yield process, urls[0]


@contextlib.contextmanager
def web_serving(directory: Path, *options: str | Path, told: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run `byline ledger serve` with HTTP beside gRPC: gives the process and both URLs, gRPC's first. Its log lines go to `told`."""
    command = [
        "-m",
        "byline_cli",
        "ledger",
        "serve",
        str(directory),
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        *map(str, options),
    ]
    with _announced(2, *command, told=told) as (process, said):
        yield process, *(each.removeprefix("serving ") for each in said)


@contextlib.contextmanager
def _announced(lines: int, *words: str, told: Path | None = None) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    with (
        told.open("w") if told else contextlib.nullcontext() as stderr,
        subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline().strip() for _ in range(lines)]
        finally:
            process.kill()
