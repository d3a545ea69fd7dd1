# SPDX-License-Identifier: Apache-2.0
"""What is signed and not yet delivered: one file for each statement, in the order in which they came.

    outbox/<16 digits, counting up>-<SHA-256 of payload>.<first 16 of key id>.json
    {"schema": "byline.outbox/1", "envelope": <DSSE envelope>, "public": "<base64 of the public key>"}

A statement that `put` returned from survives power loss: its file is written aside, flushed, renamed, and the folder is flushed.
The same statement by the same key is put once. A file that cannot be read stays where it is and is named by `damaged`. Several
processes may put and deliver at once.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.envelope import MAX_ENVELOPE, Envelope, envelope_from_json, envelope_to_json
from byline.core.value import dataclass, field
from byline.errors import EnvelopeError, MalformedError
from byline.log.durable import write_durably

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = "byline.outbox/1"
_NAME = re.compile(r"([0-9]{16})-([0-9a-f]{64}\.[0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An undelivered `envelope`, the public key that signed it, and the `name` under which it waits."""

    name: str
    envelope: Envelope
    public: bytes


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox of one repository; `place` is Byline's folder in the git directory."""

    place: Path
    _known: dict[str, str] = field(default_factory=dict, init=False)  # the names seen by `put`, oldest first

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.place / "outbox"

    def put(self, envelope: Envelope, public: bytes) -> str:
        """Keep `envelope`, signed by the key `public`, until it is delivered; return the name under which it waits.

        Raises:
            OSError: The disk is full or not writable; nothing was kept.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._known:  # listed once: to list what waits for each of thousands costs the square of their number
            self._known.update({_fact(name): name for name in self._names()})
        fact = _fact_of(envelope, public)
        if fact in self._known and (self.folder / self._known[fact]).exists():
            return self._known[fact]
        last = int(next(reversed(self._known.values()), "0").partition("-")[0])
        name = f"{last + 1:016d}-{fact}.json"
        value = {"schema": SCHEMA, "envelope": envelope_to_json(envelope), "public": format_base64(public)}
        write_durably(self.folder / name, format_canonical(value))
        self._known.pop(fact, None)
        self._known[fact] = name
        return name

    def pending(self) -> tuple[Pending, ...]:
        """Return what waits, oldest first."""
        return tuple(each for each in self._read() if isinstance(each, Pending))

    def digests(self) -> dict[str, str]:
        """Return the digest of each statement that waits, by the name under which it does, oldest first; nothing is read."""
        return {name: _fact(name)[:64] for name in self._names()}

    def read(self, name: str) -> Pending | None:
        """Return what waits under `name`, None if it does not (any more) or cannot be read."""
        found = self._read_one(name)
        return found if isinstance(found, Pending) else None

    def damaged(self) -> tuple[str, ...]:
        """Return the names of files that cannot be read."""
        return tuple(each for each in self._read() if isinstance(each, str))

    def delivered(self, name: str) -> None:
        """Forget what waits under `name`, if it is still there.

        Raises:
            OSError: It cannot be removed.
        """
        (self.folder / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []

    def _read(self) -> Iterator[Pending | str]:
        for name in self._names():
            found = self._read_one(name)
            if found is not None:
                yield found

    def _read_one(self, name: str) -> Pending | str | None:
        try:
            return _parse(name, (self.folder / name).read_bytes())
        except FileNotFoundError:
            return None  # another process has just delivered it
        except (MalformedError, OSError):
            return name


def _parse(name: str, data: bytes) -> Pending:
    value = parse_strict(data, max_bytes=2 * MAX_ENVELOPE)
    if not isinstance(value, dict) or set(value) != {"schema", "envelope", "public"} or value["schema"] != SCHEMA:
        raise EnvelopeError("not a file of the outbox")
    found = Pending(name=name, envelope=envelope_from_json(value["envelope"]), public=parse_base64(value["public"]))
    if _fact_of(found.envelope, found.public) != _fact(name):
        raise EnvelopeError("the name is that of another statement or key")
    return found


def _fact(name: str) -> str:
    """Return what waits under `name`: which statement, signed by which key."""
    return name.partition("-")[2].removesuffix(".json")


def _fact_of(envelope: Envelope, public: bytes) -> str:
    return f"{envelope.digest}.{hashlib.sha256(public).hexdigest()[:16]}"
