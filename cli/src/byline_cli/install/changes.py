# SPDX-License-Identifier: Apache-2.0
"""A change of one file, planned before anything is touched, and the record that lets it be undone.

A plan is a tuple of `FileChange`s: values, made by looking and not by touching. `apply` writes the record first
(`<git common dir>/byline/installed.json`), then each file through a temporary name, so that a power loss in between leaves
something that `undo` understands:

    {"schema": "byline.installed/1",
     "files": [{"path": "/repo/.git/hooks/post-commit", "kind": "whole", "before": "<base64>" | null, "beforeMode": 493 | null,
                "after": "<base64>", "folders": ["/repo/.claude"]}]}

A second `init` keeps the first `before`. `undo` puts `before` back where the file still is what `init` made of it; where somebody
changed it since, only what a `Cutter` knows to be ours is taken out, or the file is left and named.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from byline.core.canonical import format_base64, parse_base64, parse_strict
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from byline.core.canonical import Json

SCHEMA = "byline.installed/1"
RECORD = "installed.json"

Cutter: TypeAlias = "Callable[[bytes], bytes | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """`path` becomes `after`. `before` is None where there is no file; `why` is said to the person.

    `kind` names how it is undone: `whole`, `shared` (the repository's own: left once it is committed), or a `Cutter`.
    """

    path: Path
    before: bytes | None
    after: bytes
    mode: int | None = None
    kind: str = "whole"
    why: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether the file is not yet as it should be."""
        return self.before != self.after or (self.mode is not None and _mode(self.path) != self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of one file: `restored`, `removed`, `cut`, `kept` (and `why`)."""

    path: Path
    what: str
    why: str = ""


def plan_file(path: Path, after: bytes, *, mode: int | None = None, kind: str = "whole", why: str = "") -> FileChange:
    """Return the change that makes `path` hold `after`."""
    return FileChange(path=path, before=read_or_none(path), after=after, mode=mode, kind=kind, why=why)


def read_or_none(path: Path) -> bytes | None:
    """Return the bytes of `path`, None where there is no file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def apply(changes: Iterable[FileChange], place: Path) -> None:
    """Do `changes`, and keep in `place` what undoes them.

    Raises:
        ConfigError: The record of an earlier `init` cannot be read.
    """
    needed = [each for each in changes if each.is_needed]
    rows = {str(row["path"]): row for row in _load(place)}
    for each in needed:
        old = rows.get(str(each.path))
        rows[str(each.path)] = {
            "path": str(each.path),
            "kind": each.kind,
            "before": old["before"] if old else each.before if each.before is None else format_base64(each.before),
            "beforeMode": old["beforeMode"] if old else _mode(each.path),
            "after": format_base64(each.after),
            "folders": old["folders"] if old else [*_missing_folders(each.path)],
        }
    if needed:
        _save(place, list(rows.values()))
    for each in needed:
        each.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(each.path, each.after, mode=each.mode)


def undo(place: Path, cutters: Mapping[str, Cutter], *, is_committed: Callable[[Path], bool]) -> tuple[Undone, ...]:
    """Undo what the record in `place` says, newest first, and forget the record.

    Raises:
        ConfigError: The record cannot be read.
    """
    out = []
    for row in reversed(_load(place)):
        path, kind = Path(str(row["path"])), str(row["kind"])
        before = None if row["before"] is None else parse_base64(row["before"])
        current = read_or_none(path)
        if kind == "shared" and is_committed(path):
            out.append(Undone(path=path, what="kept", why="it is part of the repository's history"))
        elif current is None:
            out.append(Undone(path=path, what="kept", why="it is gone already"))
        elif current == parse_base64(row["after"]):
            out.append(_restore(path, before, row["beforeMode"]))
        elif kind in cutters:
            rest = cutters[kind](current)
            out.append(_cut(path, rest))
        else:
            out.append(Undone(path=path, what="kept", why="it was changed since; remove Byline's lines by hand"))
        _remove_empty(row["folders"])
    (place / RECORD).unlink(missing_ok=True)
    return tuple(out)


def is_recorded(place: Path) -> bool:
    """Say whether `init` changed anything here."""
    return (place / RECORD).exists()


def write_file(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Make `path` hold `data`: whole or not at all. It keeps its permissions unless `mode` names new ones."""
    keep = _mode(path) if mode is None else mode
    path = path.resolve()  # what the person linked stays a link
    draft = path.with_name(f".{path.name}.byline-{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None:
            draft.chmod(keep)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _restore(path: Path, before: bytes | None, mode: Json) -> Undone:
    if before is None:
        path.unlink()
        return Undone(path=path, what="removed")
    write_file(path, before, mode=mode if isinstance(mode, int) else None)
    return Undone(path=path, what="restored")


def _cut(path: Path, rest: bytes | None) -> Undone:
    if rest is None:
        return Undone(path=path, what="kept", why="it was changed since and cannot be read")
    write_file(path, rest)
    return Undone(path=path, what="cut", why="it was changed since; only Byline's part was taken out")


def _load(place: Path) -> list[dict[str, Json]]:
    data = read_or_none(place / RECORD)
    if data is None:
        return []
    try:
        record = parse_strict(data)
    except MalformedError as error:
        raise ConfigError(f"{place / RECORD} cannot be read: {error}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or not isinstance(record.get("files"), list):
        raise ConfigError(f"{place / RECORD} is not a record of this version of Byline")
    return [row for row in record["files"] if isinstance(row, dict)]  # type: ignore[union-attr]  # checked in the line above


def _save(place: Path, rows: list[dict[str, Json]]) -> None:
    import json

    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(place / RECORD, json.dumps({"schema": SCHEMA, "files": rows}, indent=1).encode(), mode=0o600)


def _missing_folders(path: Path) -> Iterable[str]:
    for folder in path.parents:
        if folder.exists():
            return
        yield str(folder)


def _remove_empty(folders: Json) -> None:
    for each in folders if isinstance(folders, list) else ():
        folder = Path(str(each))
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
