# SPDX-License-Identifier: Apache-2.0
"""What a change does, as one digest: the transitions of whole files, with no diff in it.

A `Transition` takes one path from one (mode, SHA-256) to another; None is an absent file. The *effect* of a change is the
SHA-256 of the RFC 8785 JSON of its transitions, sorted by path bytes, each

    [path or {"pathBytes": base64}, oldMode, oldSha256, newMode, newSha256]        null for an absent side

SHA-256 is over a blob's bytes, a symlink's target, or a gitlink's commit id in hex; modes are git's six octal digits. There is
no rename detection and no context, so an approved effect cannot be moved to another place. The *tree* manifest is the same
list over every path of one tree with the old side null.

>>> effect_digest([])[:8]
'4f53cda1'
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.canonical import Json, format_base64, format_canonical, parse_base64
from byline.core.value import dataclass
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

MODES = ("100644", "100755", "120000", "160000")
_LINKS = ("120000", "160000")
REGULAR = MODES[:2]
MAX_PATH = 4096
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """One side of a transition: git's `mode` and the hex `sha256` of the content."""

    mode: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """`path` goes from `old` to `new`; at least one side is there and they differ."""

    path: bytes
    old: FileState | None
    new: FileState | None

    @property
    def is_link(self) -> bool:
        """Whether it is, or was, a symbolic link or a submodule: what is read below it lies elsewhere."""
        return any(each is not None and each.mode in _LINKS for each in (self.old, self.new))


def effect_digest(transitions: Iterable[Transition]) -> str:
    """Return the effect of `transitions` (hex SHA-256), in whatever order they come."""
    rows = [transition_to_json(each) for each in sorted(transitions, key=lambda each: each.path)]
    return hashlib.sha256(format_canonical(rows)).hexdigest()


def transition_to_json(transition: Transition) -> list[Json]:
    """Return the five-element row of `transition`."""
    old, new = transition.old, transition.new
    return [
        _path_value(transition.path),
        old.mode if old else None,
        old.sha256 if old else None,
        new.mode if new else None,
        new.sha256 if new else None,
    ]


def transition_from_json(value: Json) -> Transition:
    """Read a five-element row.

    Raises:
        MalformedError: Not such a row, an unsafe path, an unknown mode, or two equal sides.
    """
    if not isinstance(value, list) or len(value) != 5:
        raise MalformedError("a transition has five elements")
    raw = value[0]
    if isinstance(raw, dict):
        if set(raw) != {"pathBytes"}:
            raise MalformedError("a path is a string or {pathBytes}")
        path = parse_path(None, raw["pathBytes"])
    else:
        path = parse_path(raw, None)
    old, new = _state(value[1], value[2]), _state(value[3], value[4])
    if old == new:
        raise MalformedError("a transition changes something")
    return Transition(path=path, old=old, new=new)


def path_members(path: bytes) -> dict[str, Json]:
    """Return the JSON member that names `path`: `path` if it is UTF-8, else `pathBytes` (base64)."""
    value = _path_value(path)
    return value if isinstance(value, dict) else {"path": value}


def parse_path(text: Json, encoded: Json) -> bytes:
    """Return the path that exactly one of `text` (member `path`) and `encoded` (member `pathBytes`) names.

    Raises:
        MalformedError: Both or neither, `pathBytes` that is UTF-8, or a path that `check_path` refuses.
    """
    if (text is None) == (encoded is None):
        raise MalformedError("a path is named once")
    if encoded is not None:
        path = parse_base64(encoded)
        if _is_utf8(path):
            raise MalformedError("pathBytes is for paths that are not UTF-8")
    elif isinstance(text, str):
        path = text.encode()
    else:
        raise MalformedError("a path is a string")
    check_path(path)
    return path


def check_path(path: bytes) -> None:
    """Check that `path` can stand in a git tree and nowhere else.

    Raises:
        MalformedError: Empty, absolute, over 4,096 bytes, with NUL, or with a component that is empty, `.`, `..` or `.git`.
    """
    parts = path.split(b"/")
    if len(path) > MAX_PATH or b"\0" in path or any(part.lower() in (b"", b".", b"..", b".git") for part in parts):
        raise MalformedError("a path that cannot stand in a tree")


def parse_sha256(value: Json) -> str:
    """Return `value` if it is 64 lower-case hex digits.

    Raises:
        MalformedError: It is not.
    """
    if not isinstance(value, str) or len(value) != 64 or not HEX.issuperset(value):
        raise MalformedError("not a SHA-256 in hex")
    return value


def _path_value(path: bytes) -> str | dict[str, Json]:
    return path.decode() if _is_utf8(path) else {"pathBytes": format_base64(path)}


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _state(mode: Json, sha256: Json) -> FileState | None:
    if mode is None and sha256 is None:
        return None
    if not isinstance(mode, str) or mode not in MODES:
        raise MalformedError("a mode that git does not have")
    return FileState(mode=mode, sha256=parse_sha256(sha256))
