# SPDX-License-Identifier: Apache-2.0
"""The work tree a file belongs to, found without starting git.

From the file's real path upwards, the first folder that holds `.git` is the work tree's top. `.git` is a folder, or a file
(`gitdir: ...`) in linked work trees and submodules; `commondir` in the git folder leads to the folder that work trees share. The
git folder is the work tree's identity. HEAD, refs and the *_HEAD files are read as the plain files they are; what is not there as
a plain file (reftable) is "not known", never a guess.

A symbolic link is followed to the file that an editor changes through it. What lies inside a `.git` folder is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from byline.capture.places import ID, repository_dir
from byline.core.lines import is_git_id
from byline.core.value import dataclass

IN_PROGRESS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
REBASING = ("rebase-merge", "rebase-apply")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTree:
    """A work tree: its top folder, its own git folder, the shared one, and the object format (`sha1` or `sha256`)."""

    top: Path
    git_dir: Path
    common_dir: Path
    algorithm: str

    def file(self, path: bytes) -> Path:
        """Return where the file `path`, relative to the top, stands on disk."""
        return Path(os.fsdecode(os.path.join(os.fsencode(self.top), path)))  # noqa: PTH118 - the path is bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A file inside a work tree; `path` is relative to its top, bytes with `/`."""

    worktree: WorkTree
    path: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A work tree that stood at `old` when a hook ran and does so no more: it was moved, or removed (its `top` is `old` then)."""

    old: Path
    worktree: WorkTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A clone, by its id and by where its shared git folder is."""

    id: str
    common_dir: Path


def clone_id(common_dir: Path) -> str:
    """Return the id of the clone with the shared git folder `common_dir`, which a copy of it has, too; empty where it has none."""
    return _line(repository_dir(common_dir) / ID) or ""


def find_worktree(start: Path) -> WorkTree | None:
    """Return the work tree that the folder `start` lies in."""
    for folder in (start, *start.parents):
        git_dir = _git_dir(folder)
        if git_dir is not None:
            common = _common_dir(git_dir)
            return WorkTree(top=folder, git_dir=git_dir, common_dir=common, algorithm=_algorithm(common))
    return None


def find_moved(top: str, git_dir: str, clone: str = "", here: Clone | None = None) -> Moved | None:
    """Return what became of the work tree at `top` with the git folder `git_dir`; None where it stands, and where nobody can say.

    A linked work tree's git folder stays where it is and says where the tree stands now; the shared one outlives it. `clone` is the
    id of the clone, which is moved or mounted as a whole if it is `here`, and not there.
    """
    old, own = Path(os.path.realpath(top)), Path(os.path.realpath(git_dir))
    now = find_worktree(old)
    if here and clone and clone == here.id and (now is None or clone_id(now.common_dir) != clone):
        at = here.common_dir / "worktrees" / own.name if own.parent.name == "worktrees" else here.common_dir
        if (found := top_of(at)) and (moved := find_worktree(found)):
            return Moved(old=old, worktree=moved)
        own = at  # a linked one that was removed
    common = _common_dir(own) if (own / "HEAD").is_file() else own.parent.parent
    is_linked = own.parent == common / "worktrees"
    if (now and now.git_dir == own) or not is_linked or not (common / "HEAD").is_file():
        return None
    stands = top_of(own) or old
    return Moved(old=old, worktree=WorkTree(top=stands, git_dir=own, common_dir=common, algorithm=_algorithm(common)))


def top_of(git_dir: Path) -> Path | None:
    """Return the top of the work tree with the git folder `git_dir`; None where that does not say, as a submodule's."""
    dot = _line(git_dir / "gitdir")
    return Path(dot).parent if dot else git_dir.parent if git_dir.name == ".git" else None


def route(path: str, moved: Moved | None = None, *, follow: bool = True) -> Routed | None:
    """Return where the absolute `path` belongs: None outside every work tree, inside a `.git` folder, or at the top itself.

    What lay in a work tree that `moved` belongs to that one. A symbolic link stands for its target, unless it is not to `follow`.
    """
    real = Path(os.path.realpath(path) if follow else os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))  # noqa: PTH118, PTH119, PTH120 - text
    worktree = moved.worktree if moved and moved.old in real.parents else find_worktree(real.parent)
    if worktree is None:
        return None
    relative = real.relative_to(moved.old if moved and worktree is moved.worktree else worktree.top)
    if any(part.lower() == ".git" for part in relative.parts) or worktree.git_dir in real.parents:
        return None
    return Routed(worktree=worktree, path=os.fsencode(relative.as_posix()))


def is_gits_own(path: str) -> bool:
    """Whether the absolute `path` lies inside a `.git` folder."""
    return any(part.lower() == ".git" for part in Path(os.path.realpath(path)).parts)


def read_head(worktree: WorkTree) -> str | None:
    """Return the commit that HEAD names now; None for an unborn branch, or where plain files do not say."""
    value = _line(worktree.git_dir / "HEAD")
    for _ in range(5):  # git follows symbolic refs as deep
        if value is None or not value.startswith("ref:"):
            break
        value = _ref(worktree, value[4:].strip())
    return value if value is not None and is_git_id(value) else None


def read_in_progress(worktree: WorkTree) -> tuple[str, ...]:
    """Return the commit ids in MERGE_HEAD, CHERRY_PICK_HEAD, REVERT_HEAD, and in REBASE_HEAD while there is a rebase.

    One that ends with `--skip` leaves its head behind.
    """
    is_rebasing = any((worktree.git_dir / name).is_dir() for name in REBASING)
    ids: list[str] = []
    for name in IN_PROGRESS if is_rebasing else IN_PROGRESS[:-1]:
        text = _read(worktree.git_dir / name)
        ids += [line for line in (text or "").split() if is_git_id(line)]
    return tuple(ids)


def head_moved_at(worktree: WorkTree) -> int:
    """Return when HEAD last changed, in nanoseconds, as far as files tell; 0 where they do not."""
    times = [0]
    for name in ("HEAD", "logs/HEAD"):
        try:
            times.append((worktree.git_dir / name).stat().st_mtime_ns)
        except OSError:
            continue
    return max(times)


def _git_dir(folder: Path) -> Path | None:
    dot = folder / ".git"
    if dot.is_dir():
        return dot if (dot / "HEAD").is_file() else None
    text = _line(dot)
    if text is None or not text.startswith("gitdir:"):
        return None
    target = folder / text[len("gitdir:") :].strip()
    return Path(os.path.realpath(target)) if (target / "HEAD").is_file() else None


def _common_dir(git_dir: Path) -> Path:
    text = _line(git_dir / "commondir")
    return Path(os.path.realpath(git_dir / text)) if text else git_dir


def _algorithm(common_dir: Path) -> str:
    """Read `extensions.objectformat`, which git writes on a line of its own."""
    for line in (_read(common_dir / "config") or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "objectformat" and value.strip().lower() == "sha256":
            return "sha256"
    return "sha1"


def _ref(worktree: WorkTree, name: str) -> str | None:
    for folder in (worktree.git_dir, worktree.common_dir):
        value = _line(folder / name)
        if value is not None:
            return value
    for line in (_read(worktree.common_dir / "packed-refs") or "").splitlines():
        oid, _, packed = line.partition(" ")
        if packed == name:
            return oid
    return None


def _line(path: Path) -> str | None:
    text = _read(path)
    return None if text is None else text.split("\n", 1)[0]


def _read(path: Path) -> str | None:
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return None
