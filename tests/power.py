# SPDX-License-Identifier: Apache-2.0
"""A disk that can lose its power: SQLite's own pager, log and recovery over files of which only what was synced is sure to stay.

`PowerDisk` is a VFS of SQLite (through apsw). It lets everything through to real files and writes down, in order, each write,
truncation and sync, and each file that comes or goes. `after(events, chance)` gives the files as a machine may find them that lost
power after so many of these: what was synced is there; of everything else any sector may have reached the disk or not, in any
order, as disks do. Names come and go in order, as journals of file systems have it; they are sure to stay once the folder was
synced, which SQLite does as it syncs a new log or journal for the first time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw

if TYPE_CHECKING:
    import random

SECTOR = 512
# Small, so that a short test meets the log starting over and pages going into the database.
_CHECKPOINT_PAGES = 25


class Event(NamedTuple):
    """What was asked of the disk: `what` with the `file` (a number; for the folder, a name), `data` at `offset` or the length `offset`."""

    what: str
    file: int
    name: str = ""
    offset: int = 0
    data: bytes = b""


class PowerDisk(apsw.VFS):
    """Records what is asked of it; connections to it come from `connect`, which stands in for `sqlite3.connect`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, base="")
        self._name = name
        self._files: dict[str, int] = {}
        self.events: list[Event] = []

    def connect(self, database: str, **_: object) -> apsw.Connection:
        """Open `database`, a URI, on this disk."""
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE
        connection = apsw.Connection(database, flags=flags, vfs=self._name)
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        return connection

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - named by SQLite
        """Open a file, new or not."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = Path(path or "").name
        is_new = known not in self._files
        if is_new:
            self._files[known] = len(self.events)
            self.events.append(Event("link", self._files[known], known))
        return _File(self.events, self._files[known], path, flags, is_new=is_new)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - named by SQLite
        """Delete a file."""
        super().xDelete(filename, syncdir)
        name = Path(filename).name
        self.events.append(Event("unlink", self._files.pop(name), name))
        if syncdir:
            self.events.append(Event("sync folder", 0))

    def after(self, events: int, chance: random.Random) -> dict[str, bytes]:
        """Return the files, by name, after a power loss that follows the first `events` events."""
        folder: dict[str, int] = {}
        files: dict[int, bytearray] = {}
        names: list[Event] = []
        writes: dict[int, list[Event]] = {}
        for event in self.events[:events]:
            if event.what in {"link", "unlink"}:
                names.append(event)
            elif event.what == "sync folder":
                _rename(folder, names)
                names = []
            elif event.what == "sync":
                _write(files, writes.pop(event.file, []))
            else:
                writes.setdefault(event.file, []).append(event)
        luck = chance.choice((0.0, 0.5, 0.9, 1.0))
        for some in writes.values():
            _write(files, [part for event in some for part in _parts(event) if chance.random() < luck])
        _rename(folder, names[: chance.randint(0, len(names))])
        return {name: bytes(files.get(file, b"")) for name, file in folder.items()}


class _File(apsw.VFSFile):
    def __init__(self, events: list[Event], file: int, path: str | None, flags: list[int], *, is_new: bool) -> None:
        super().__init__("", path, flags)
        self._events = events
        self._file = file
        self._is_new = is_new

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - named by SQLite
        self._events.append(Event("write", self._file, offset=offset, data=bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - named by SQLite
        self._events.append(Event("truncate", self._file, offset=newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - named by SQLite
        # The real files only serve this process: there is no need to wait for the real disk.
        self._events.append(Event("sync", self._file))
        if self._is_new:
            self._events.append(Event("sync folder", 0))
            self._is_new = False


def _parts(event: Event) -> list[Event]:
    """Return `event` as the pieces that reach the disk or do not, one by one."""
    if event.what != "write":
        return [event]
    cuts = range(0, len(event.data), SECTOR)
    return [event._replace(offset=event.offset + at, data=event.data[at : at + SECTOR]) for at in cuts]


def _rename(folder: dict[str, int], events: list[Event]) -> None:
    for event in events:
        if event.what == "link":
            folder[event.name] = event.file
        else:
            del folder[event.name]


def _write(files: dict[int, bytearray], events: list[Event]) -> None:
    for event in events:
        data = files.setdefault(event.file, bytearray())
        if event.what == "truncate":
            del data[event.offset :]
        else:
            data.extend(bytes(max(0, event.offset - len(data))))
            data[event.offset : event.offset + len(event.data)] = event.data
