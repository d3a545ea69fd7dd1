# SPDX-License-Identifier: Apache-2.0
r"""Which files a word of a shell line may name, seen from a work tree.

A `Target` is an absolute path with holes. It may *touch* a glob where some path that it may stand for fits, or is a folder on the way: a
glob's `infra/prod/**` is touched by `infra/prod/db.tf`, by `infra` (whoever removes it removes what is below), and by `infra/$ENV/db.tf`.

>>> here = Places(top="/repo", cwd=("/repo/app",), home="/home/ana")
>>> [each.may_touch("infra/**", here) for each in locate(Word.of("../infra/db.tf"), here)]
[True]

What a variable holds is taken to lead no further up than where it stands. Case and composition of letters are folded, as in all rules
that tighten, and what another file system takes for the same path is the same (`core.spellings`).
"""

from __future__ import annotations

import posixpath

from byline.core.globs import may_hold
from byline.core.shell_values import FRESH
from byline.core.shell_words import Hole, Part, Word
from byline.core.spellings import other_spellings
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

MAX_FOLDERS: Final = 256  # that may be current: each `cd` may double them
_MANY: Final = (Hole.ANY,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a line runs: the work tree's `top`, the folders that may be current (absolute, as texts), and the home folder.

    `folders` are others that rules know by a name of their own: the git folder of a linked work tree is `.git`, too.
    """

    top: str
    cwd: tuple[str | None, ...]
    home: str | None
    folders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An absolute path with holes, or, where nothing is known of it, a single `Hole.ANY`."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str | None:
        """The path, if it is known."""
        return Word(parts=self.parts).text

    @property
    def folder(self) -> str | None:
        """The innermost folder that it surely is, or is in; None where that is not known."""
        prefix = Word(parts=self.parts).prefix
        return None if not prefix else prefix if self.text is not None else prefix.rpartition("/")[0] or "/"

    def is_outside(self, top: str, *, or_top: bool = True) -> bool:
        """Whether it may be something that is not below `top`, git's own, or (unless `or_top` is false) `top` itself.

        What the line has `mktemp` make is nobody else's.
        """
        if self.folder is None:
            return True
        if self.folder.startswith(FRESH):
            return False
        below = [*posixpath.relpath(self.folder, top).split("/")]
        if below[0] in ("..", ".git"):
            return True
        return or_top and below == ["."] and (self.text is not None or Hole.ANY in self.parts[:2])

    def is_all_of(self, top: str) -> bool:
        """Whether it is whatever lies in the folder `top`."""
        return self.parts == (top.rstrip("/") + "/", Hole.GLOB)

    def names(self, places: Places, *, or_above: bool = True) -> Iterator[tuple[Part, ...]]:
        """Yield the names that rules may have for it, in each spelling: from the top of the work tree, of `places.folders`, of home (`~`).

        What may be, or be above, one of these folders has all names that there are below it, unless `or_above` is false.
        """
        named = [(places.top, ""), *places.folders, *([(places.home, "~")] if places.home else [])]
        for folder, name in named:
            rest = _below(self.parts, folder)
            if rest is not None and (or_above or rest is not _MANY):
                yield (name + "/", *rest) if name else rest
                yield from ((name + "/", *other) if name else other for other in other_spellings(rest))

    def may_touch(self, glob: str, places: Places) -> bool:
        """Whether it may be a path that fits `glob`, or a folder that the glob names on the way."""
        return any(may_hold(name, glob) for name in self.names(places))


def locate(word: Word, places: Places) -> tuple[Target, ...]:
    """Return what `word` may name, one target for each folder that may be the current one."""
    parts = [part for part in word.parts if part]
    if parts and parts[0] is Hole.HOME:
        parts[:1] = [places.home or Hole.ANY]
    if parts and parts[0] is Hole.TOP:
        return tuple(_normal([_work_tree(cwd, places.top), *parts[1:]]) for cwd in places.cwd)
    if parts and parts[0] is Hole.HERE:
        return tuple(Target(parts=_MANY) if cwd is None else _normal([cwd, *parts[1:]]) for cwd in places.cwd)
    parts = [Hole.ANY if part in (Hole.HOME, Hole.TOP, Hole.HERE) else part for part in parts]
    if not parts or (not isinstance(parts[0], str) and parts[0] is Hole.ANY):
        return (Target(parts=_MANY),) if parts else ()
    if isinstance(parts[0], str) and parts[0].startswith("/"):
        return (_normal(parts),)
    return tuple(Target(parts=_MANY) if cwd is None else _normal([cwd + "/", *parts]) for cwd in places.cwd)


def _work_tree(cwd: str | None, top: str) -> str:
    """Return the work tree in which git takes itself to be: another one than ours where the folder is outside."""
    return top if cwd is None or f"{cwd}/".startswith(f"{top}/") else cwd


def enter(word: Word | None, places: Places, *, is_sure: bool = False) -> Places:
    """Return `places` after a `cd word`, which may not have been made unless it `is_sure`; after many any folder may be the current one."""
    if word and word.text == "":
        return places
    targets = locate(word, places) if word else (Target(parts=(places.home,) if places.home else _MANY),)
    found = dict.fromkeys((*(() if is_sure else places.cwd), *(each.text for each in targets)))
    cwd = tuple(found) if len(found) <= MAX_FOLDERS else (None,)
    return Places(top=places.top, cwd=cwd, home=places.home, folders=places.folders)


def _normal(parts: Sequence[Part]) -> Target:
    """Return the path without `.`, `..` and doubled slashes, as far as these stand before the first hole."""
    prefix = Word(parts=tuple(parts)).prefix
    if len(parts) == 1 or prefix == Word(parts=tuple(parts)).text:
        return Target(parts=("/" + posixpath.normpath(prefix).lstrip("/"),))
    rest = [part for at, part in enumerate(parts) if not all(isinstance(each, str) for each in parts[: at + 1])]
    if any(isinstance(part, str) and ".." in part.split("/") for part in rest):
        return Target(parts=_MANY)
    folder, _, tail = prefix.rpartition("/")
    start = "/" + posixpath.normpath(folder or "/").lstrip("/")
    return Target(parts=(start.rstrip("/") + "/" + tail, *rest))


def _below(parts: tuple[Part, ...], folder: str) -> tuple[Part, ...] | None:
    """Return what follows `folder` in the path; None where the path cannot be there."""
    prefix = parts[0] if isinstance(parts[0], str) else ""
    if prefix == folder:
        return _MANY
    if prefix.startswith(folder.rstrip("/") + "/"):
        return (prefix[len(folder.rstrip("/")) + 1 :], *parts[1:])
    is_above = len(parts) == 1 and prefix and folder.startswith(prefix.rstrip("/") + "/")
    return _MANY if is_above or (len(parts) > 1 and folder.startswith(prefix)) or not prefix else None
