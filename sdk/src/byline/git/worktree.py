# SPDX-License-Identifier: Apache-2.0
"""What stands in the work tree, as bytes on disk: no filter, no line-end conversion, no text conversion.

What git takes as changed is asked of its plumbing (`diff-files`, `diff-index`, `ls-files`), which compares times and sizes. Where
they do not tell (a file as young as the index) it would run the filters that the configuration names: they are taken away for the
question. A file that was only touched, and one that a filter would change, count as changed.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from byline.core.value import replace
from byline.git.objects import GITLINK, FileChange, TreeEntry, parse_changes
from byline.git.process import git_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from byline.git.process import Git
    from byline.git.settings import Settings

FILTER_SECONDS = 20.0
_RAW = ("-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
_FILTERS = ("-z", "--stdin", "filter", "working-tree-encoding")
_NOT_LOOKED_AT = ("beyond a symbolic link", "is in submodule", "outside repository")


def read_file(top: Path, path: bytes) -> bytes | None:
    """Return the bytes at `path`, or a symlink's target; None where there is no file, or where a symlink leads to it.

    Raises:
        OSError: It is there and cannot be read.
    """
    full = top / os.fsdecode(path)
    if full.parent.resolve() != top.resolve() / os.fsdecode(path.rpartition(b"/")[0]):
        return None
    try:
        mode = full.lstat().st_mode
        if stat.S_ISLNK(mode):
            return os.fsencode(full.readlink())
        return full.read_bytes() if stat.S_ISREG(mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_link(top: Path, path: bytes) -> bool:
    """Whether a symlink stands at `path`."""
    return (top / os.fsdecode(path)).is_symlink()


def submodules(git: Git) -> tuple[bytes, ...]:
    """Return the paths in the index at which submodules stand.

    Raises:
        RepositoryError: Git failed.
    """
    listed = git.run("ls-files", "-z", "--stage").split(b"\0")
    return tuple(entry.partition(b"\t")[2] for entry in listed if entry.startswith(GITLINK.encode()))


def filtered_paths(git: Git, paths: Sequence[bytes], beside: Mapping[bytes, TreeEntry]) -> dict[bytes, frozenset[bytes]]:
    """Return which of `paths` have attributes that make the blob other text than the file: the names of filters and encodings.

    What the work tree says counts, and what the attribute files `beside` say, which stand in a commit.

    Raises:
        RepositoryError: Git failed.
    """
    found: dict[bytes, frozenset[bytes]] = {}
    given = b"".join(path + b"\0" for path in paths)
    told = git.run("check-attr", *_FILTERS, data=given) if given else b""
    if given and beside:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="byline-attributes-") as folder:
            apart = replace(git, environment={**git.environment, "GIT_INDEX_FILE": f"{folder}/index"})
            rows = (b"%b %b\t%b\0" % (entry.mode.encode(), entry.oid.encode(), path) for path, entry in beside.items())
            apart.run("update-index", "-z", "--index-info", data=b"".join(rows))
            told += apart.run("check-attr", "--cached", *_FILTERS, data=given)
    parts = told.split(b"\0")
    for path, value in zip(parts[::3], parts[2::3], strict=False):
        if value not in (b"unspecified", b"unset"):
            found[path] = found.get(path, frozenset()) | {value}
    return found


def unsafe_clean(git: Git, common_dir: Path, path: bytes, contents: Iterable[bytes]) -> list[bytes]:
    """Return what git would commit for each of `contents` at `path`. This runs the programs that the user's filters name.

    Nothing is left in the repository: the objects are made in a folder that is removed.

    Raises:
        RepositoryError: Git or a filter failed, or took too long.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="byline-clean-") as folder:
        objects = str(common_dir / "objects").replace("\\", "\\\\").replace('"', '\\"')
        places = {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{objects}"'}
        apart = replace(git, environment={**git.environment, **places})

        def clean(data: bytes) -> bytes:
            blob = apart.run("hash-object", "-w", "--stdin", b"--path=" + path, data=data, seconds=FILTER_SECONDS).decode().strip()
            return apart.run("cat-file", "blob", blob)

        return [clean(data) for data in contents]


def changed_paths(git: Git, head: str | None, settings: Settings) -> tuple[bytes, ...]:
    """Return the paths that differ from the commit `head` or are untracked and not ignored, sorted.

    Raises:
        RepositoryError: Git failed.
    """
    quiet = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
    git = _without_filters(git, settings)
    out = git.run("diff-files", *quiet) + git.run("ls-files", "-z", "--others", "--exclude-standard")
    out += git.run("diff-index", "--cached", *quiet, head) if head else git.run("ls-files", "-z", "--cached")
    return tuple(sorted({path for path in out.split(b"\0") if path and not path.endswith(b"/")}))


def staged_changes(git: Git, head: str | None, index: Path | None) -> tuple[FileChange, ...]:
    """Return what differs from the commit `head` (None: the empty tree) to the index, that in the file `index` if one is named.

    Raises:
        RepositoryError: Git failed.
    """
    if index:
        git = replace(git, environment={**git.environment, "GIT_INDEX_FILE": str(index)})
    return tuple(parse_changes(git.run("diff-index", "--cached", "-M", *_RAW, _base(git, head))))


def worktree_changes(git: Git, top: Path, head: str | None, settings: Settings) -> Iterator[FileChange]:
    """Yield what differs from the commit `head` (None: the empty tree) to the work tree at `top`, with what is untracked and not ignored.

    An object id of zeros stands for the bytes on disk; a file that was only touched counts as changed.

    Raises:
        RepositoryError: Git failed.
    """
    git = _without_filters(git, settings)
    base = _base(git, head)
    found = {each.path: each for each in parse_changes(git.run("diff-index", "--no-renames", *_RAW, "--ignore-submodules=dirty", base))}
    for path in git.run("ls-files", "-z", "--others", "--exclude-standard").split(b"\0"):
        if path and not path.endswith(b"/"):
            old = found[path].old if path in found else None  # it was taken out of the index, and is on disk as ever
            new = TreeEntry(mode=_mode(top, path), oid="0" * len(base))
            found[path] = FileChange(status="M" if old else "A", path=path, old_path=None, old=old, new=new)
    yield from found.values()


def _mode(top: Path, path: bytes) -> str:
    place = top / os.fsdecode(path)
    return "120000" if place.is_symlink() else "100755" if os.access(place, os.X_OK) else "100644"


def _base(git: Git, head: str | None) -> str:
    return head or git.run("hash-object", "-t", "tree", "--stdin").decode().strip()


def _without_filters(git: Git, settings: Settings) -> Git:
    """Return `git` with no filter of the configuration to run."""
    drivers = [key for key in settings.values() if key.startswith("filter.")]
    return replace(git, arguments=(*git.arguments, *(part for key in drivers for part in ("-c", f"{key}="))))


def ignored_paths(git: Git, paths: Sequence[bytes]) -> frozenset[bytes]:
    """Return those of `paths` that git ignores; a tracked path, and one beyond a symlink or in a submodule, is never ignored.

    Raises:
        RepositoryError: Git failed.
    """
    if not paths:
        return frozenset()
    # "./" keeps a name that begins with a colon from being read as pathspec magic.
    asked = b"\0".join(b"./" + path for path in paths)
    code, out, err = git.outcome("check-ignore", "-z", "--stdin", data=asked)
    if code in (0, 1):
        return frozenset(path.removeprefix(b"./") for path in out.split(b"\0") if path)
    if len(paths) > 1:
        # One path that git refuses to look at must not hide what it says of the others.
        return frozenset().union(*(ignored_paths(git, (path,)) for path in paths))
    if any(reason in err for reason in _NOT_LOOKED_AT):
        return frozenset()
    raise git_error("check-ignore", err)
