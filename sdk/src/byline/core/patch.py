# SPDX-License-Identifier: Apache-2.0
r"""Patches that agents write, and what they make of a file: unified diffs, as git and diff print them, and `*** Begin Patch`.

    --- a/app.py                        *** Begin Patch
    +++ b/app.py                        *** Update File: app.py
    @@ -1,2 +1,2 @@                     @@ def f():
     def f():                           -    return 1
    -    return 1                       +    return 2
    +    return 2                       *** End Patch

The second kind has `*** Add File:`, `*** Delete File:` and, after an Update, `*** Move to:`; `@@ text` goes on after the next line that
is `text`, `*** End of File` holds a hunk at the end. The first kind has git's extended headers for new, deleted and renamed files and
for the mode; its counts have to be right, its line numbers are a hint.

A hunk goes where its old lines stand: exactly, else but for white space at the ends, else but for that around them. Lines that stay are
the file's own bytes, new lines end as the file's lines do. A patch that does not fit is refused; so are paths that lead out of the
folder, copies, symbolic links, submodules and binary files.

>>> (patch,) = parse_patch("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n")
>>> patch.old, patch.new, apply_hunks(patch, b"zero\r\none\r\n")
('x', 'x', b'zero\r\ntwo\r\n')
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from byline.core.value import dataclass, replace
from byline.errors import PatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BEGIN: Final = "*** Begin Patch"
_END: Final = "*** End Patch"
_SECTION: Final = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+)")
_MOVE: Final = re.compile(r"\*\*\* Move to: (.+)")
_RANGE: Final = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_MODES: Final = ("100644", "100755")
_ESCAPES: Final = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_LOOKS: Final[tuple[Callable[[bytes], bytes], ...]] = (lambda line: line, bytes.rstrip, bytes.strip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines with their signs (` `, `-`, `+`), without their ends.

    `start` is the 1-based line where the old ones are said to be, `anchors` are lines to be passed before, `at_end` tells that they are
    the last ones, `is_open` that the last new one has no line end.
    """

    lines: tuple[tuple[str, bytes], ...]
    start: int | None = None
    anchors: tuple[bytes, ...] = ()
    at_end: bool = False
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatch:
    """What a patch does to one file: `old` is its path before, `new` its path after (None: there is none), `mode` git's, where it says."""

    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...] = ()
    mode: str | None = None


def parse_patch(text: str) -> tuple[FilePatch, ...]:
    """Return what `text` does, file by file.

    Raises:
        PatchError: It is no patch of the two kinds, or one that asks for what is refused.
    """
    lines = text.split("\n")
    if all(line.endswith("\r") for line in lines[:-1]):  # the patch itself came with such line ends
        lines = [line.removesuffix("\r") for line in lines]
    begin = next((number for number, line in enumerate(lines) if line.rstrip() == _BEGIN), None)
    patches = tuple(_Unified(lines).parse() if begin is None else _parse_sections(lines[begin + 1 :]))
    if not patches:
        raise PatchError("a patch that changes no file")
    for patch in patches:
        for path in filter(None, (patch.old, patch.new)):
            if path.startswith("/") or "\0" in path or not {"..", ".git"}.isdisjoint(path.split("/")):
                raise PatchError(f"a path that leads out of the folder: {path!r}")
    return patches


def patch_files(patches: Iterable[FilePatch], read: Callable[[str], bytes | None]) -> dict[str, bytes | None]:
    """Return what all of `patches`, one after the other, make of the files that `read` reads: by path, None for one that goes away.

    Raises:
        PatchError: One does not fit, or would overwrite a file.
    """
    made: dict[str, bytes | None] = {}

    def now(path: str) -> bytes | None:
        return made[path] if path in made else read(path)

    for patch in patches:
        if patch.new is not None and patch.new != patch.old and now(patch.new) is not None:
            raise PatchError(f"{patch.new!r} is there already")
        data = apply_hunks(patch, None if patch.old is None else now(patch.old))
        made |= {path: None for path in (patch.old,) if path is not None} | {path: data for path in (patch.new,) if path is not None}
    return made


def apply_hunks(patch: FilePatch, data: bytes | None) -> bytes | None:
    """Return what `patch` makes of the bytes `data` (None: no file); None where it deletes the file.

    Raises:
        PatchError: It does not fit.
    """
    name = patch.old or patch.new
    if (data is None) != (patch.old is None):
        raise PatchError(f"{name!r} {'is not there' if data is None else 'is there already'}")
    lines = _LINE.findall(data or b"")
    made: list[bytes] = []
    done = 0
    for number, hunk in enumerate(patch.hunks, 1):
        found = _find(hunk, lines, done)
        if found is None:
            raise PatchError(f"hunk {number} does not fit {name!r}: its old lines are not there")
        at, end = found
        made += lines[done:at]
        done = at
        for sign, line in hunk.lines:
            made += [lines[done]] if sign == " " else [line + end] if sign == "+" else []
            done += sign != "+"
        if hunk.is_open and done == len(lines) and made:
            made[-1] = made[-1].removesuffix(b"\n")
    made += lines[done:]
    if patch.new is None:
        if patch.hunks and made:
            raise PatchError(f"{name!r} has more than the patch deletes")
        return None
    return b"".join([*(line if line.endswith(b"\n") else line + _end_of(lines, 0) for line in made[:-1]), *made[-1:]])


def _find(hunk: Hunk, lines: list[bytes], done: int) -> tuple[int, bytes] | None:
    """Return where the old lines of `hunk` stand in `lines`, not before `done`, and how its new ones end; None where they do not."""
    old = [line for sign, line in hunk.lines if sign != "+"]
    for look in _LOOKS:
        seen = [look(line.removesuffix(b"\n")) for line in lines]
        start = done
        for anchor in hunk.anchors:
            start = next((at + 1 for at in range(start, len(seen)) if seen[at] == look(anchor)), len(seen) + 1)
        wanted = [look(line) for line in old]
        found = [at for at in range(start, len(seen) - len(wanted) + 1) if seen[at : at + len(wanted)] == wanted]
        hint = hunk.start
        if not old and found:  # only new lines: after the one whose number is said, behind the anchors, or at the end
            at = min(max(hint, start), len(lines)) if hint is not None else start if hunk.anchors else len(lines)
        elif hint is not None:
            at = min(found, key=lambda at: abs(at + 1 - hint), default=-1)
        else:
            at = next((at for at in found if not hunk.at_end or at + len(wanted) == len(seen)), -1)
        if at >= 0:
            is_verbatim = look is _LOOKS[0] and (old or hint is not None)
            return at, b"\n" if is_verbatim else _end_of(lines, at)
    return None


def _end_of(lines: list[bytes], at: int) -> bytes:
    """Return how the line before `at` ends, or else the first one."""
    near = lines[max(at - 1, 0) : max(at - 1, 0) + 1]
    return b"\r\n" if near and near[0].endswith(b"\r\n") else b"\n"


def _parse_sections(lines: list[str]) -> tuple[FilePatch, ...]:
    patches: list[FilePatch] = []
    at = 0
    while at < len(lines) and lines[at].rstrip() != _END:
        head = _SECTION.fullmatch(lines[at].rstrip())
        if head is None:
            if lines[at].strip():
                raise PatchError(f"line {at + 2} of the patch begins no file: {lines[at][:60]!r}")
            at += 1
            continue
        kind, path = head[1], head[2]
        body = at + 1
        at = next((number for number in range(body, len(lines)) if _ends_section(lines[number])), len(lines))
        patches.append(_section(kind, path, lines[body:at]))
    if at == len(lines):
        raise PatchError(f"a patch without {_END!r}")
    return tuple(patches)


def _ends_section(line: str) -> bool:
    return line.rstrip() == _END or _SECTION.fullmatch(line.rstrip()) is not None


def _section(kind: str, path: str, body: list[str]) -> FilePatch:
    if kind == "Delete":
        return FilePatch(old=path, new=None)
    if kind == "Add":
        return FilePatch(old=None, new=path, hunks=(Hunk(lines=tuple(_signed(line, "+") for line in body)),))
    moved = _MOVE.fullmatch(body[0].rstrip()) if body else None
    hunks: list[Hunk] = []
    anchors: list[bytes] = []
    lines: list[tuple[str, bytes]] = []
    for line in [*body[1 if moved else 0 :], "@@"]:
        is_end = line.rstrip() == "*** End of File"
        if is_end or line.startswith("@@"):
            if lines:
                hunks.append(Hunk(lines=tuple(lines), anchors=tuple(anchors), at_end=is_end))
                anchors, lines = [], []
            anchors += [line[3:].encode()] if line[2:].strip() and not is_end else []
        else:
            lines.append(_signed(line or " "))
    if not hunks and not moved:
        raise PatchError(f"an update of {path!r} without lines")
    return FilePatch(old=path, new=moved[1] if moved else path, hunks=tuple(hunks))


def _signed(line: str, signs: str = " -+") -> tuple[str, bytes]:
    if not line or line[0] not in signs:
        raise PatchError(f"a line of a hunk that begins with none of {' '.join(signs)!r}: {line[:60]!r}")
    try:
        return line[0], line[1:].encode()
    except UnicodeEncodeError as error:
        raise PatchError("text that is no Unicode") from error


class _Unified:
    """Reads unified diffs, line by line."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def parse(self) -> Iterator[FilePatch]:
        """Yield the files.

        Raises:
            PatchError: It is no unified diff, or asks for what is refused.
        """
        patch: FilePatch | None = None  # what is known of the file whose headers these are
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.startswith("diff --git "):
                yield from _whole(patch)
                patch = _from_git(line)
            elif line.startswith("--- ") and self._peek().startswith("+++ "):
                if patch is None or patch.hunks:
                    yield from _whole(patch)
                    patch = FilePatch(old=None, new=None)
                patch = replace(patch, old=_side(line), new=_side(self._peek()))
                self._at += 1
            elif line.startswith("@@ "):
                if patch is None:
                    raise PatchError("a hunk without a file")
                patch = replace(patch, hunks=(*patch.hunks, self._hunk(line)))
            elif patch is not None and not patch.hunks:
                patch = _extended(patch, line)
        yield from _whole(patch)

    def _peek(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""

    def _hunk(self, head: str) -> Hunk:
        found = _RANGE.match(head)
        if found is None:
            raise PatchError(f"not the head of a hunk: {head[:60]!r}")
        start, old, new = int(found[1]), int(found[2] or 1), int(found[4] or 1)
        lines: list[tuple[str, bytes]] = []
        is_open = False
        while old > 0 or new > 0 or self._peek().startswith("\\"):
            line = self._peek()
            if self._at >= len(self._lines):
                raise PatchError(f"a hunk that ends too early: {head[:60]!r}")
            self._at += 1
            if line.startswith("\\"):
                is_open = bool(lines) and lines[-1][0] != "-"
                continue
            sign, text = _signed(line or " ")
            lines.append((sign, text))
            old -= sign != "+"
            new -= sign != "-"
        if old or new:
            raise PatchError(f"a hunk whose counts are wrong: {head[:60]!r}")
        return Hunk(lines=tuple(lines), start=start, is_open=is_open)


def _whole(patch: FilePatch | None) -> Iterator[FilePatch]:
    if patch is not None and (patch.hunks or patch.mode or patch.old != patch.new):
        yield patch


def _from_git(line: str) -> FilePatch:
    """Return what `diff --git a/x b/x` says: both names are one, where nothing else is said after it."""
    names = line.removeprefix("diff --git ")
    half = len(names) // 2
    old, new = _name(names[:half]), _name(names[half + 1 :])
    return FilePatch(old=old, new=new) if old == new else FilePatch(old=None, new=None)


def _extended(patch: FilePatch, line: str) -> FilePatch:
    """Return `patch` with what one of git's headers says, or any line between two files."""
    word, _, rest = line.rpartition(" ")
    if word in ("new file mode", "new mode") or word in ("deleted file mode", "old mode"):
        if rest not in _MODES:
            raise PatchError(f"a symbolic link or a submodule: mode {rest[:6]!r}")
        if word == "new file mode":
            return replace(patch, old=None, mode=rest)
        return replace(patch, new=None) if word == "deleted file mode" else replace(patch, mode=rest) if word == "new mode" else patch
    if line.startswith("rename from "):
        return replace(patch, old=_unquoted(line.removeprefix("rename from ")))
    if line.startswith("rename to "):
        return replace(patch, new=_unquoted(line.removeprefix("rename to ")))
    if line.startswith(("copy from ", "GIT binary patch", "Binary files ")):
        raise PatchError(f"a copy or a binary file: {line[:60]!r}")
    return patch


def _side(line: str) -> str | None:
    """Return the path that `--- x` or `+++ x` names; a time behind a tab is none of it."""
    name = line[4:].partition("\t")[0].rstrip()
    return None if name == "/dev/null" else _name(name)


def _name(quoted: str) -> str:
    name = _unquoted(quoted)
    return name[2:] if name[:2] in ("a/", "b/") else name


def _unquoted(name: str) -> str:
    """Return a name that git may have put between quotes."""
    if len(name) < 2 or name[0] != '"' or name[-1] != '"':
        return name
    data = bytearray()
    for octal, escape, plain in re.findall(r'\\([0-3][0-7]{2})|\\([abtnvfr"\\])|([^\\])', name[1:-1]):
        data += bytes([int(octal, 8)]) if octal else bytes([_ESCAPES[escape]]) if escape else plain.encode(errors="replace")
    return data.decode("utf-8", "surrogateescape")
