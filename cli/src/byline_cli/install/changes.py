# SPDX-License-Identifier: Apache-2.0
"""A change of one file, planned before anything is touched, and the record that lets it be undone.

A plan is a tuple of `FileChange`s: values, made by looking and not by touching. `apply` writes the record first
(`<git common dir>/byline/installed.json`), then each file through a temporary name, so that a power loss in between leaves
something that `undo` understands:

    {"schema": "byline.installed/1",
     "files": [{"path": "/repo/.git/hooks/post-commit", "kind": "whole", "before": "<base64>" | null, "beforeMode": 493 | null,
                "after": "<base64>" | null, "folders": ["/repo/.claude"]}]}

A second `init` keeps the first `before`, unless somebody changed the file in between. `undo` puts `before` back where the file still is
what `init` made of it; where somebody changed it since, only what a `Cutter` knows to be ours is taken out, or the file is left and
named. Git's configuration is changed by git: its row has `keys`, each a key with our value and those that it replaced.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from byline.core.canonical import format_base64, parse_base64
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline.git.settings import normal_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from byline.git.settings import Settings

SCHEMA = "byline.installed/1"
RECORD = "installed.json"
UNCUT = ("whole", "shared", "stays")  # the kinds of files in which nothing of ours can be told from what is not
LOST = "move it away: what init changed is then to be undone by hand"

Cutter: TypeAlias = "Callable[[bytes, bytes | None], bytes | None]"  # what stands there, what stood there before: what is to stand there


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """`path` becomes `after`. `before` is None where there is no file; `why` is said to the person.

    `kind` names how it is undone: `whole`, `shared` (the repository's own: left once it is committed), `stays` (other repositories
    use it too), or a `Cutter`. One that `is_excluded` stands in the work tree and is kept out of commits.
    """

    path: Path
    before: bytes | None
    after: bytes
    mode: int | None = None
    kind: str = "whole"
    why: str = ""
    is_excluded: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether the file is not yet as it should be."""
        return self.before != self.after or (self.mode is not None and _mode(self.path) != self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`key` of the repository's own git configuration, or of the user's, gets `value`: one more, or the only one."""

    key: str
    value: str
    one_more: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of one file: `restored`, `removed`, `cut`, `kept` (and `why`)."""

    path: Path
    what: str
    why: str = ""


def plan_file(path: Path, after: bytes, *, mode: int | None = None, kind: str = "whole", why: str = "") -> FileChange:
    """Return the change that makes `path` hold `after`.

    Raises:
        ConfigError: A folder that leads there is a file, or a link that leads nowhere.
    """
    inmost = next(each for each in path.parents if os.path.lexists(each))
    if not inmost.is_dir():
        raise ConfigError(f"{inmost} is not a folder", hint=f"move it away: {path.name} belongs into a folder of that name")
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
        is_changed = old is not None and format_base64(each.before or b"") != old["after"]
        is_cut = each.kind not in UNCUT
        row = {
            "path": str(each.path),
            "kind": each.kind,
            "before": None if each.before is None else format_base64(each.before),
            "beforeMode": _mode(each.path),
            # What a person changed between two runs is theirs: no bytes from before are put over it.
            "after": None if is_changed and is_cut else format_base64(each.after),
            "folders": old["folders"] if old else [*_missing_folders(each.path)],
        }
        keeps = ("before", "beforeMode") if old and (is_cut or not is_changed) else ()
        rows[str(each.path)] = {**row, **{name: (old or {})[name] for name in keeps}}
    if needed:
        _save(place, list(rows.values()))
    for each in needed:
        each.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(each.path, each.after, mode=each.mode)


def apply_settings(changes: Iterable[Setting], settings: Settings, config: Path, place: Path) -> None:
    """Do `changes` of the git configuration whose file is `config`, and keep in `place` what undoes them.

    Raises:
        ConfigError: The record of an earlier `init` cannot be read.
        RepositoryError: Git cannot write its configuration.
    """
    needed = [each for each in changes if is_missing(each, settings)]
    if not needed:
        return
    rows = {str(row["path"]): row for row in _load(place)}
    old = rows.get(str(config))
    current = read_or_none(config)
    is_changed = old is not None and format_base64(current or b"") != old["after"]
    keys = [[each.key, each.value, *(() if each.one_more else settings.written_values(each.key))] for each in needed]
    row: dict[str, Any] = {
        "path": str(config),
        "kind": "config",
        "before": old["before"] if old else None if current is None else format_base64(current),
        "beforeMode": _mode(config),
        "after": None,
        "folders": [],
        "keys": [*(old["keys"] if old else []), *keys],
    }
    rows[str(config)] = row
    _save(place, list(rows.values()))
    for each in needed:
        (settings.add if each.one_more else settings.set)(each.key, each.value)
    if not is_changed:
        row["after"] = format_base64(read_or_none(config) or b"")
        _save(place, list(rows.values()))


def is_missing(change: Setting, settings: Settings) -> bool:
    """Say whether `settings` do not have what `change` gives them."""
    if change.one_more:
        return change.value not in settings.values().get(normal_key(change.key), ())
    return settings.get(change.key) != change.value


def former_values(place: Path, config: Path, key: str) -> tuple[str, ...]:
    """Return the values of `key` in the configuration file `config` that `init` replaced.

    Raises:
        ConfigError: The record of an earlier `init` cannot be read.
    """
    keys = [each for row in _load(place) if row["path"] == str(config) for each in row.get("keys", ())]
    return next((tuple(former) for name, _, *former in reversed(keys) if name == key), ())


def undo(
    place: Path,
    cutters: Mapping[str, Cutter],
    *,
    is_committed: Callable[[Path], bool],
    give_back: Callable[[str, str, Sequence[str]], None],
) -> tuple[Undone, ...]:
    """Undo what the record in `place` says, newest first, and forget the record.

    `give_back` takes a value out of git's configuration and puts those back that were there before.

    Raises:
        ConfigError: The record cannot be read.
    """
    out = []
    for row in reversed(_load(place)):
        path, kind = Path(str(row["path"])), str(row["kind"])
        before = None if row["before"] is None else parse_base64(row["before"])
        current = read_or_none(path)
        if kind == "stays":
            out.append(Undone(path=path, what="kept", why="other repositories may use it"))
        elif kind == "shared" and is_committed(path):
            out.append(Undone(path=path, what="kept", why="it is committed"))
        elif current is None:
            out.append(Undone(path=path, what="kept", why="it is gone already"))
        elif row["after"] is not None and current == parse_base64(row["after"]):
            out.append(_restore(path, before, row["beforeMode"]))
        elif kind == "config":
            for key, value, *former in reversed(row["keys"]):
                give_back(str(key), str(value), former)
            out.append(Undone(path=path, what="cut", why="changed since: only our settings were taken out"))
        elif kind in cutters:
            rest = cutters[kind](current, before)
            out.append(_cut(path, rest))
        else:
            out.append(Undone(path=path, what="kept", why="changed since: take our lines out by hand"))
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


def _restore(path: Path, before: bytes | None, mode: int | None) -> Undone:
    if before is None:
        path.resolve().unlink()
        return Undone(path=path, what="removed")
    write_file(path, before, mode=mode)
    return Undone(path=path, what="restored")


def _cut(path: Path, rest: bytes | None) -> Undone:
    if rest is None:
        return Undone(path=path, what="kept", why="changed since, and it cannot be read")
    write_file(path, rest)
    return Undone(path=path, what="cut", why="changed since: only our part was taken out")


def _load(place: Path) -> list[dict[str, Any]]:
    import json

    data = read_or_none(place / RECORD)
    if data is None:
        return []
    try:
        record = json.loads(data)  # not strictly: a path that is not UTF-8 is a string of lone surrogates
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place / RECORD} cannot be read: {error}", hint=LOST) from error
    rows = record.get("files") if isinstance(record, dict) and record.get("schema") == SCHEMA else None
    if not isinstance(rows, list):
        raise ConfigError(f"{place / RECORD} is not a record of this version of Byline", hint=LOST)
    return [row for row in rows if isinstance(row, dict)]


def _save(place: Path, rows: list[dict[str, Any]]) -> None:
    import json

    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(place / RECORD, json.dumps({"schema": SCHEMA, "files": rows}, indent=1).encode(), mode=0o600)


def _missing_folders(path: Path) -> Iterable[str]:
    for folder in path.parents:
        if folder.exists():
            return
        yield str(folder)


def _remove_empty(folders: list[str]) -> None:
    for folder in map(Path, folders):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
