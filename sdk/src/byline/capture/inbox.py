# SPDX-License-Identifier: Apache-2.0
r"""The inbox: what hooks spooled, one file each, and nobody settled yet.

    <inbox>/edit.<agent>.<pid>.<n>.spool    a payload
    <inbox>/scan.<agent>.<pid>.<n>.spool    a payload with a scan of the work tree in front; of a window with a name that stands there, too
    <inbox>/....tmp                         being written;  ....torn: the disk took a part of it only
    <inbox>/full.torn                       so many wait that a hook which finds no Byline spools no more
    <inbox>/aside/                          payloads that could not be read, kept for the person who wants to know why

A file is fields that end with NUL, an empty field, then the payload as the agent gave it:

    byline.spool/1 NUL <agent> NUL (<name>=<value> NUL)* NUL <payload>

Names are environment variables (`capture.agents.SPOOLED_VARIABLES`), `top` and `gitdir` of the work tree in which the hook ran and the id
of its `clone`, for it may be moved before anybody reads this (empty: outside of all), and, with a scan, `process`, `orphans`, `common`,
`format`, `head`, `only` what was looked at (`capture.windows.format_only`; else all was) and a `file=<state> <committed> <path>` for each
dirty or untracked file (`capture.snapshot`). No name of a file is used twice at a time (it is made with `O_EXCL`), and none is overwritten.
The file's mtime, in nanoseconds, is the time of the event. A watch of named files takes back what it spooled (`byline.flow.watching`).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from byline.capture import snapshot
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import PRIVATE_FILE, make_private
from byline.core.value import dataclass
from byline.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SCHEMA: Final = b"byline.spool/1"
MAX_PAYLOAD: Final = 256 * 1024 * 1024
MAX_ASIDE: Final = 100
MAX_WAITING: Final = 1000  # where there is no Byline to settle them
BEGUN: Final = (".tmp", ".torn")
FULL: Final = "full.torn"
STALE_NS: Final = 600 * 10**9  # a hook that writes for ten minutes was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A file of the inbox: its `name` without the ending, the event's time, its size in bytes."""

    path: Path
    name: str
    time: int
    size: int

    @property
    def is_scan(self) -> bool:
        """Whether a scan of the work tree stands in front of the payload."""
        return self.name.startswith("scan.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """What a spooled file says: the agent's hook, facts by name, `file` fields in order, and the payload."""

    agent: str
    facts: Mapping[str, str]
    files: tuple[bytes, ...]
    payload: bytes


def put_payload(
    inbox: Path, *, agent: str, facts: Mapping[str, str], files: Sequence[bytes] = (), payload: bytes, window: str | None = None
) -> str:
    """Spool `payload` as the installed hook would and return the file's name, which holds that of the `window`, if it has one.

    Raises:
        OSError: It could not be written.
    """
    named = [os.fsencode(f"{name}={value}") for name, value in facts.items()]
    stem = ".".join(filter(None, ("scan" if "head" in facts else "edit", agent, window)))
    return os.fsdecode(snapshot.spool(os.fsencode(inbox), os.fsencode(stem), [SCHEMA, agent.encode(), *named, *files], payload))


def list_arrivals(inbox: Path) -> tuple[Arrival, ...]:
    """Return what was spooled, by (time, name).

    Raises:
        OSError: The inbox is there and cannot be read.
    """
    found = []
    for entry in os.scandir(inbox) if inbox.is_dir() else ():
        if entry.name.endswith(".spool") and entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):  # taken back
                status = entry.stat(follow_symlinks=False)
                name = entry.name.removesuffix(".spool")
                found.append(Arrival(path=inbox / entry.name, name=name, time=status.st_mtime_ns, size=status.st_size))
    return tuple(sorted(found, key=lambda arrival: (arrival.time, arrival.name)))


def read_arrival(arrival: Arrival) -> Spooled:
    """Return what `arrival` says.

    Raises:
        PayloadError: It is not a spooled file, or far too large.
        OSError: It cannot be read.
    """
    if arrival.size > MAX_PAYLOAD:
        raise PayloadError(f"a payload larger than {MAX_PAYLOAD} bytes")
    return parse_spooled(arrival.path.read_bytes())


def parse_spooled(data: bytes) -> Spooled:
    """Return what the bytes of a spooled file say.

    Raises:
        PayloadError: They are not those of a spooled file.
    """
    head, end, payload = data.partition(b"\0\0")
    fields = head.split(b"\0")
    if not end or fields[0] != SCHEMA or len(fields) < 2:
        raise PayloadError("not a spooled payload")
    facts: dict[str, str] = {}
    files = []
    for field in fields[2:]:
        name, _, value = field.partition(b"=")
        if name == b"file":
            files.append(value)
        else:
            facts[os.fsdecode(name)] = os.fsdecode(value)
    return Spooled(agent=os.fsdecode(fields[1]), facts=facts, files=tuple(files), payload=payload)


def put_aside(inbox: Path, arrival: Arrival) -> None:
    """Keep `arrival` out of the way, for a person to look at; the hundred newest are kept.

    Raises:
        OSError: It could not be moved.
    """
    aside = make_private(inbox / "aside")
    arrival.path.rename(aside / f"{arrival.time}.{arrival.name}")
    for old in sorted(os.listdir(aside))[:-MAX_ASIDE]:  # noqa: PTH208 - names only
        (aside / old).unlink(missing_ok=True)


def drop_aside(inbox: Path, *, before: int) -> None:
    """Remove what was put aside before the time `before` (nanoseconds since 1970).

    Raises:
        OSError: It cannot be removed.
    """
    aside = inbox / "aside"
    for each in os.scandir(aside) if aside.is_dir() else ():
        if each.stat(follow_symlinks=False).st_mtime_ns < before:
            (aside / each.name).unlink(missing_ok=True)


def sweep_torn(inbox: Path, now: int) -> int:
    """Record and remove what hooks could not finish: files the disk tore, and those of hooks killed ten minutes ago. Return how many."""
    count = 0
    for entry in os.scandir(inbox):
        torn = entry.name.endswith(".torn")
        if torn or (entry.name.endswith(".tmp") and now - entry.stat(follow_symlinks=False).st_mtime_ns > STALE_NS):
            message = "the disk took a part of a payload only" if torn else "a hook was killed while it spooled"
            if entry.name == FULL:
                message = f"Byline was gone, and {MAX_WAITING} payloads waited: what came after was not kept"
            record_loss(inbox, Loss(code=LossCode.TORN, message=message, source=entry.name, time=now))
            (inbox / entry.name).unlink(missing_ok=True)
            count += 1
    return count


@contextmanager
def lock_inbox(inbox: Path) -> Iterator[bool]:
    """Hold the inbox against other settlers of this user; yields whether the last one died at it.

    Raises:
        OSError: The lock cannot be made.
    """
    make_private(inbox)
    handle = os.open(inbox / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the kernel lets go of it when its holder dies
        died = bool(os.pread(handle, 1, 0))
        os.pwrite(handle, b"1", 0)
        yield died
        os.ftruncate(handle, 0)
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # a process that was forked meanwhile has the file open, too
        os.close(handle)
