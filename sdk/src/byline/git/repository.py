# SPDX-License-Identifier: Apache-2.0
"""One git repository, read raw: the port through which everything else sees git.

    with open_repository(Path.cwd()) as repository:
        head = repository.head()                                        # None on an unborn branch
        entry = repository.entry(head, b"src/a.py")                     # TreeEntry(mode="100644", oid="...")
        text = repository.read_blob(entry.oid)

Works in sub-folders, linked work trees, submodules, bare repositories and hooks. What an object says is never changed by replace
refs, grafts, mailmap, attributes, filters or configuration (`byline.git.process`). An object that is not here is an error, never
an empty answer: `ShallowError` in a shallow clone, else `MissingObjectError`. Paths are bytes, relative to the top. Every method
raises `RepositoryError` when git cannot say. Thread-safe; `close` ends the processes that stay.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from byline.core.value import dataclass, field
from byline.errors import RepositoryError, ShallowError
from byline.git import messages, notes, remotes, worktree
from byline.git.objects import OID_BYTES
from byline.git.process import Git, git_environment
from byline.git.refs import refs_under, trees_under, update_ref
from byline.git.remotes import NETWORK_SECONDS
from byline.git.settings import Settings
from byline.git.store import ObjectStore, name_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from byline.core.assistance import Trailer
    from byline.git.objects import FileChange
    from byline.git.remotes import PushOutcome

MAX_BESIDE = 500
_FACTS = ("--path-format=absolute", "--show-object-format", "--is-inside-work-tree", "--show-cdup")


def open_repository(start: Path, *, environ: Mapping[str, str] | None = None) -> Repository:
    """Return the repository that holds the folder `start`.

    With `environ`, that environment decides, `GIT_DIR` and its like included: what a program wants that git or a person starts.
    Without it only `start` decides, whatever hook this runs in: what a program wants that looks for the repository of a file.

    Raises:
        NotARepositoryError: There is none.
        RepositoryError: Git does not read it, or there is no git.
    """
    git = Git(git_environment(os.environ if environ is None else environ, keep_place=environ is not None), start)
    algorithm, inside, up, said = (git.run("rev-parse", *_FACTS, "--git-dir", "--git-common-dir") + b"\n\n\n").split(b"\n", 3)
    if algorithm.decode() not in OID_BYTES:
        raise RepositoryError("git cannot describe this repository", hint="install git 2.31 or later")
    places = said.removesuffix(b"\n\n\n\n").split(b"\n")
    if len(places) != 2:  # a folder with a line feed in its name: one question each
        places = [git.run("rev-parse", "--path-format=absolute", option)[:-1] for option in ("--git-dir", "--git-common-dir")]
    git_dir, common_dir = (Path(os.fsdecode(place)) for place in places)
    # A work tree that the environment names is there for whoever stands outside of it, too.
    found = os.fsdecode(up) if inside == b"true" else git.environment.get("GIT_WORK_TREE")
    top = None if found is None else (start / found).resolve()
    return Repository(git_dir=git_dir, common_dir=common_dir, top=top, algorithm=algorithm.decode(), git=git.at(git_dir, top))


@dataclass(slots=True)
class Repository(ObjectStore):
    """A repository: `git_dir` is the work tree's own, `top` is None without work tree. Objects are read as `ObjectStore` says."""

    git_dir: Path
    top: Path | None
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        ObjectStore.__post_init__(self)
        self.settings = Settings(self.git)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Commits

    def commit_id(self, rev: str) -> str:
        """Return the id of the commit that `rev` means, as git's revisions go.

        Raises:
            RepositoryError: It means none.
        """
        found = self._objects.ask(f"{rev}^{{commit}}") if rev and not set(rev) & {"\n", "\0"} else None
        if found is None:
            raise RepositoryError(f"{rev!r} is not a commit here", hint="name a commit, a branch or a tag; see: git log")
        return found.oid

    def commit_range(self, text: str) -> tuple[str, str] | None:
        """Return the two commits that a range `A..B` names, None if `text` is no range; an end that is left out is HEAD.

        Raises:
            RepositoryError: An end means no commit.
        """
        base, dots, head = text.partition("..")
        return (self.commit_id(base or "HEAD"), self.commit_id(head or "HEAD")) if dots else None

    def head(self) -> str | None:
        """Return the id of HEAD's commit, None on an unborn branch."""
        found = self._objects.ask("HEAD^{commit}")
        return found.oid if found else None

    def last_touch(self, commit: str, path: bytes) -> str | None:
        """Return the newest commit, `commit` or before, that changed `path`; None if none did.

        Raises:
            ShallowError: History was cut before the answer.
        """
        found = self.git.run("rev-list", "-1", commit, "--", b":(top,literal)" + path).decode().strip()
        self._check_uncut((found,))
        return found or None

    def reaches(self, head: str, commit: str) -> bool:
        """Whether `commit` is `head` or an ancestor of it; not, too, where one of them is not here."""
        return self.git.outcome("merge-base", "--is-ancestor", commit, head)[0] == 0

    def holders(self, commit: str, among: Iterable[str]) -> frozenset[str]:
        """Return those of the commits `among` that are `commit` or come after it; what is not here does not."""
        asked = set(among)
        after = self._commits("--ignore-missing", "--ancestry-path", *sorted(asked), f"^{commit}") if asked else []
        return frozenset({commit, *after} & asked)

    def strangers(self, head: str, among: Iterable[str]) -> frozenset[str]:
        """Return those of the commits `among` that are here and neither `head` nor before it."""
        asked = set(among)
        return frozenset(asked.intersection(self._commits("--ignore-missing", *sorted(asked), f"^{head}")) if asked else ())

    def unpushed_commits(self, *, without: Iterable[str] = (), most: int | None = None) -> list[str]:
        """Return the commits of branches and HEAD that no remote-tracking branch and none of `without` reaches, parents before children.

        With `most` only so many, the newest.
        """
        tips = ("--branches", "HEAD") if self.head() else ("--branches",)
        limit = () if most is None else (f"--max-count={most}",)
        return self._commits("--ignore-missing", *limit, *tips, "--not", "--remotes", *without)

    def commits_beside(self, commit: str, paths: Sequence[bytes]) -> list[str]:
        """Return the newest plain commits that changed one of `paths`, in reach of a ref, FETCH_HEAD or ORIG_HEAD and not of `commit`."""
        heads = [found.oid for name in ("FETCH_HEAD", "ORIG_HEAD") if (found := self._objects.ask(f"{name}^{{commit}}"))]
        tips = ("--branches", "--tags", "--remotes", *heads)
        return (
            self.git.run("rev-list", f"--max-count={MAX_BESIDE}", "--no-merges", *tips, "--not", commit, "--", *name_paths(paths))
            .decode()
            .split()
        )

    def stashes(self) -> list[str]:
        """Return the commits of `git stash`, newest first; parents: its base, the index and, if any, the untracked files."""
        return self.git.run("rev-list", "--walk-reflogs", "refs/stash", "--").decode().split() if self.ref("refs/stash") else []

    def commits_between(self, base: str | None, head: str) -> list[str]:
        """Return the commits that `head` has and `base` has not (None: all), parents before children.

        Raises:
            ShallowError: History was cut between them.
        """
        found = self._commits(head, *((f"^{base}",) if base else ()))
        self._check_uncut(found)
        return found

    def sort_commits(self, commits: Iterable[str]) -> list[str]:
        """Return `commits`, parents before children."""
        wanted = set(commits)
        if len(wanted) < 2:
            return [*wanted]
        said = self.git.run("rev-list", "--reverse", "--topo-order", "--stdin", data="\n".join(sorted(wanted)).encode() + b"\n")
        return [each for each in said.decode().split() if each in wanted]

    def newest_commits(self, base: str | None, head: str, *, limit: int | None = None, paths: Sequence[bytes] = ()) -> list[str]:
        """Return the commits that `head` has and `base` has not (None: all), the newest first; those that touched `paths`, if any.

        In a shallow clone they end where history was cut (`shallow_commits`).
        """
        wanted = (head, *((f"^{base}",) if base else ()), *((f"--max-count={limit}",) if limit is not None else ()))
        return self.git.run("rev-list", *wanted, "--", *(b":(top,literal)" + path for path in paths)).decode().split()

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor of two commits, None if they have none."""
        return self.git.run("merge-base", one, other, ok=(0, 1)).decode().strip() or None

    def _commits(self, *arguments: str) -> list[str]:
        return self.git.run("rev-list", "--reverse", "--topo-order", *arguments, "--").decode().split()

    def _check_uncut(self, commits: Iterable[str]) -> None:
        if not self.shallow_commits().isdisjoint(commits):
            raise ShallowError("history ends here, because this is a shallow clone", hint="git fetch --unshallow")

    def parse_trailers(self, message: bytes) -> tuple[Trailer, ...]:
        """Return the trailers of a commit message."""
        return messages.parse_trailers(self.git, self.settings, message)

    def add_trailers(self, message: bytes, trailers: Iterable[Trailer]) -> bytes:
        """Return a commit message with `trailers` after those that it has."""
        return messages.add_trailers(self.git, self.settings, message, trailers)

    # Refs, settings, remotes

    def ref(self, name: str) -> str | None:
        """Return the id at which the ref with this full name points, None if there is no such ref."""
        return self.refs_under(name).get(name)

    def refs_under(self, prefix: str) -> dict[str, str]:
        """Return the refs named `prefix` or under it, by full name."""
        return refs_under(self.git, prefix)

    def trees_under(self, prefix: str) -> dict[str, str | None]:
        """Return the trees of the refs named `prefix` or under it, by full name; None for a ref that leads to something else."""
        return trees_under(self.git, prefix)

    def update_ref(self, name: str, new: str, old: str | None) -> bool:
        """Point the ref at `new` if it is at `old` (None: is not there); return whether it was."""
        return update_ref(self.git, name, new, old)

    def list_notes(self, ref: str) -> dict[str, str]:
        """Return the notes under `ref`: commit id to the id of the text."""
        return notes.list_notes(self.git, ref)

    def write_notes(self, ref: str, texts: Mapping[str, bytes], message: str) -> None:
        """Add notes (`texts` by commit id) under `ref`, in one commit with `message`."""
        notes.write_notes(self.git, ref, texts, message)

    def config_get(self, key: str) -> str | None:
        """Return the value of `key` that counts (`settings` has the rest)."""
        return self.settings.get(key)

    def remotes(self) -> tuple[str, ...]:
        """Return the names of the remotes."""
        return remotes.remote_names(self.settings.values())

    def fetch(self, remote: str, *refspecs: str, seconds: float = NETWORK_SECONDS) -> None:
        """Fetch `refspecs` from `remote`."""
        remotes.fetch(self.git, remote, *refspecs, seconds=seconds)

    def list_remote(self, remote: str, ref: str, *, seconds: float = NETWORK_SECONDS) -> str | None:
        """Return what `ref` is at `remote` now."""
        return remotes.list_remote(self.git, remote, ref, seconds=seconds)

    def push(self, remote: str, refspec: str, *, lease: tuple[str, str | None], seconds: float = NETWORK_SECONDS) -> PushOutcome:
        """Push `refspec` if the remote's ref `lease[0]` is `lease[1]`."""
        return remotes.push(self.git, remote, refspec, lease=lease, seconds=seconds)

    # The work tree

    def worktree_file(self, path: bytes) -> bytes | None:
        """Return the bytes on disk at `path`, or a symlink's target; None where there is no file."""
        return worktree.read_file(self._top(), path)

    def is_link(self, path: bytes) -> bool:
        """Whether a symlink stands at `path` on disk."""
        return worktree.is_link(self._top(), path)

    def submodules(self) -> tuple[bytes, ...]:
        """Return the paths at which submodules stand."""
        return worktree.submodules(self.git) if (self._top() / ".gitmodules").is_file() else ()

    def filtered_paths(self, paths: Iterable[bytes], commit: str | None = None) -> Mapping[bytes, frozenset[bytes]]:
        """Return which of `paths` have attributes that make the blob other text than the file on disk: names of filters and encodings.

        Attributes are those of the work tree, and of `commit`.

        Raises:
            RepositoryError: Git failed.
        """
        asked = tuple(paths)
        folders = {path[: at + 1] for path in asked for at in range(-1, len(path)) if at < 0 or path[at : at + 1] == b"/"}
        names = (folder + b".gitattributes" for folder in sorted(folders)) if commit else ()
        beside = {name: entry for name in names if (entry := self.entry(commit or "", name)) and entry.mode.startswith("100")}
        return worktree.filtered_paths(self.git, asked, beside)

    def unsafe_clean(self, path: bytes, contents: Iterable[bytes]) -> list[bytes]:
        """Return what git would commit for each of `contents` at `path`: runs the programs of the user's filters, as `git add` does.

        Raises:
            RepositoryError: There is no work tree, or git or a filter failed.
        """
        self._top()
        return worktree.unsafe_clean(self.git, self.common_dir, path, contents)

    def status_paths(self) -> tuple[bytes, ...]:
        """Return the paths that differ from HEAD or are untracked and not ignored, sorted."""
        self._top()
        return worktree.changed_paths(self.git, self.head(), self.settings)

    def staged_changes(self, index: Path | None = None, *, base: str | None = None) -> tuple[FileChange, ...]:
        """Return what differs from `base` (HEAD unless told) to what would be committed, renames found.

        `index` is git's file for it where that is another.
        """
        return worktree.staged_changes(self.git, base or self.head(), index)

    def worktree_changes(self, base: str | None) -> tuple[FileChange, ...]:
        """Return what differs from the commit `base` (None: nothing) to the work tree, with what is untracked and not ignored.

        An object id of zeros stands for the bytes on disk; a file that was only touched counts as changed.
        """
        return tuple(worktree.worktree_changes(self.git, self._top(), base, self.settings))

    def ignored_paths(self, paths: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of `paths` that git ignores."""
        return worktree.ignored_paths(self.git, paths)

    def is_ignored(self, path: bytes) -> bool:
        """Whether git ignores `path`; `ignored_paths` asks for many at once."""
        return bool(self.ignored_paths((path,)))

    def _top(self) -> Path:
        if self.top is None:
            raise RepositoryError("this repository has no work tree")
        return self.top
