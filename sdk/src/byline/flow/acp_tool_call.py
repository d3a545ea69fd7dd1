# SPDX-License-Identifier: Apache-2.0
r"""A tool call as the Agent Client Protocol tells of it, bit by bit, and what it made of the files that it names.

>>> undo(b"x = 2\ny = 2\n", [Diff(path="/a.py", old="x = 1", new="x = 2")])
b'x = 1\ny = 2\n'

An agent tells of a file that it edits as a diff (`path`, `oldText`, `newText`): of the whole file, or of the part that it replaced.
What is on the disk when the call is over, with the diffs taken back, is what was there before: exact also where the agent wrote before
anybody could look, and where a person changed another part meanwhile. Where the diffs do not fit the file is taken as it was when the
call was first heard of.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.capture.disk import read_file
from byline.core.rpc import object_of, objects_of, text_of
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_FILES = frozenset(("read", "search", "think", "fetch", "switch_mode"))  # kinds of calls that change nothing
NAMED_FILES = frozenset(("edit", "delete", "move"))  # kinds that change the files which they name; of any other anything may change


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A part of a file that was replaced, or all of it; `old` is None for a new file."""

    path: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a call made of the file at `path`; None is no file."""

    path: Path
    before: bytes | None
    after: bytes | None


class ToolCall:
    """A call that is not over; not thread-safe."""

    def __init__(self, told: str) -> None:
        self.id = told
        self.kind: str | None = None
        self.is_asked_about = False  # the editor was asked, and has not answered
        self.title = ""
        self.given: dict[str, Any] = {}  # what the tool was called with, in the agent's own words
        self._named: tuple[str, ...] = ()
        self._diffs: tuple[Diff, ...] = ()
        self._seen: dict[Path, bytes | None] = {}
        self._written: set[Path] = set()

    def merge(self, update: dict[str, Any]) -> None:
        """Take in what a message says of the call."""
        self.kind = text_of(update, "kind") or self.kind
        self.title = text_of(update, "title") or self.title
        self.given = object_of(update, "rawInput") or self.given
        named = [path for each in objects_of(update, "locations") if (path := text_of(each, "path"))]
        diffs = [diff for each in objects_of(update, "content") if (diff := _diff(each)) is not None]
        self._named = tuple(named) or self._named
        self._diffs = tuple(diffs) or self._diffs

    def names(self, path: Path) -> bool:
        """Whether the call is about the file at `path`."""
        return path in self.paths()

    def look(self) -> None:
        """Read the files that it names and that were not read before."""
        for path in self.paths():
            if path not in self._seen:
                self._seen[path] = read_file(path)

    def look_anew(self) -> None:
        """Read the files that it names as they are now."""
        self._seen.clear()
        self.look()

    def found(self, path: Path, otherwise: bytes | None) -> bytes | None:
        """Return what the file at `path` held when it was read for the call, `otherwise` if it was not."""
        return self._seen.get(path, otherwise)

    def wrote(self, path: Path, content: bytes) -> None:
        """Leave `path` alone: that the call made `content` of it is recorded."""
        self._written.add(path)
        self._seen[path] = content

    def changes(self, *, is_done: bool) -> list[Change]:
        """Return what it made of the files that it names; of a call that failed only what its diffs tell."""
        found = [self._change(path, is_done=is_done) for path in self.paths() if path not in self._written and not path.is_dir()]
        return [each for each in found if each is not None and each.before != each.after]

    def paths(self) -> tuple[Path, ...]:
        """Return the files that it names, those that have absolute paths."""
        named = (*self._named, *(diff.path for diff in self._diffs))
        return tuple(dict.fromkeys(Path(path) for path in named if path.startswith("/") and "\0" not in path))

    def _change(self, path: Path, *, is_done: bool) -> Change | None:
        after = read_file(path)
        if not is_done and (path not in self._seen or self._seen[path] == after):
            return None
        diffs = [diff for diff in self._diffs if Path(diff.path) == path]
        if diffs and after is not None:
            before = undo(after, diffs)
            if before is not None:
                # Agents say "" of a file that was not there: nothing was before, but for an empty file that was seen.
                return Change(path=path, before=before or (b"" if self._seen.get(path) is not None else None), after=after)
        return Change(path=path, before=self._seen[path], after=after) if is_done and path in self._seen else None


def undo(after: bytes, diffs: Sequence[Diff]) -> bytes | None:
    """Return what `after` was before `diffs` were made, one after the other; None where they do not fit."""
    for diff in reversed(diffs):
        old, new = (diff.old or "").encode(), diff.new.encode()
        if after == new:
            after = old
        elif new and after.count(new) == 1:
            after = after.replace(new, old)
        else:
            return None
    return after


def _diff(content: dict[str, Any]) -> Diff | None:
    path, new = content.get("path"), content.get("newText")
    if content.get("type") != "diff" or not isinstance(path, str) or not isinstance(new, str):
        return None
    return Diff(path=path, old=text_of(content, "oldText"), new=new)


def model_in(answer: dict[str, Any]) -> str | None:
    """Return the model that the settings of a session name, in the words of the agent; None where they leave it to somebody."""
    told = [each.get("currentValue") for each in objects_of(answer, "configOptions") if "model" in (each.get("category"), each.get("id"))]
    told.append(object_of(answer, "models").get("currentModelId"))
    return next((each for each in told if isinstance(each, str) and each not in ("", "auto", "default")), None)
