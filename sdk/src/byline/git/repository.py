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

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from byline.errors import MissingObjectError, NotARepositoryError, RepositoryError, ShallowError
from byline.git import remotes, worktree
from byline.git.batch import CatFile, RawObject
from byline.git.objects import (
    GITLINK,
    OID_BYTES,
    TREE_MODE,
    CommitInfo,
    FileChange,
    TreeEntry,
    TreeItem,
    format_tree,
    parse_changes,
    parse_commit,
    parse_listing,
    parse_tree,
)
from byline.git.pack import format_pack, object_id
from byline.git.process import Git, git_environment
from byline.git.refs import refs_under, update_ref
from byline.git.remotes import NETWORK_SECONDS
from byline.git.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from byline.git.remotes import PushOutcome

RENAME_LIMIT = 1000
_FACTS = ("--path-format=absolute", "--show-object-format", "--is-inside-work-tree", "--show-cdup")
_DIFF = ("-r", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")


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
    top = (start / os.fsdecode(up)).resolve() if inside == b"true" else None
    return Repository(git_dir=git_dir, common_dir=common_dir, top=top, algorithm=algorithm.decode(), git=git.at(git_dir, top))


@dataclass(slots=True)
class Repository:
    """A repository: `git_dir` is the work tree's own, `common_dir` is shared by all work trees, `top` is None without work tree."""

    git_dir: Path
    common_dir: Path
    top: Path | None
    algorithm: str
    git: Git
    settings: Settings = field(init=False)
    _objects: CatFile = field(init=False)
    _sizes: CatFile = field(init=False)
    _sha256: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = Settings(self.git)
        self._objects = CatFile(self.git)
        self._sizes = CatFile(self.git, contents=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; the next question starts them again."""
        self._objects.close()
        self._sizes.close()

    @property
    def is_shallow(self) -> bool:
        """Whether history was cut."""
        return bool(self.shallow_commits())

    def shallow_commits(self) -> frozenset[str]:
        """Return the commits whose parents were cut off."""
        try:
            return frozenset((self.common_dir / "shallow").read_text().split())
        except FileNotFoundError:
            return frozenset()

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

    def head(self) -> str | None:
        """Return the id of HEAD's commit, None on an unborn branch."""
        found = self._objects.ask("HEAD^{commit}")
        return found.oid if found else None

    def commit_info(self, commit: str) -> CommitInfo:
        """Return what the commit with this id says."""
        found = self._object(commit, "commit")
        return parse_commit(found.oid, found.content)

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents that the commit names, also those that a shallow clone does not have."""
        return self.commit_info(commit).parents

    def tree(self, commit: str) -> str:
        """Return the id of the commit's tree."""
        return self.commit_info(commit).tree

    def last_touch(self, commit: str, path: bytes) -> str | None:
        """Return the newest commit, `commit` or before, that changed `path`; None if none did.

        Raises:
            ShallowError: History was cut before the answer.
        """
        found = self.git.run("rev-list", "-1", commit, "--", b":(top,literal)" + path).decode().strip()
        self._check_uncut((found,))
        return found or None

    def unpushed_commits(self) -> list[str]:
        """Return the commits of branches and HEAD that no remote-tracking branch has, parents before children."""
        tips = ("--branches", "HEAD") if self.head() else ("--branches",)
        return self._commits(*tips, "--not", "--remotes")

    def commits_between(self, base: str | None, head: str) -> list[str]:
        """Return the commits that `head` has and `base` has not (None: all), parents before children.

        Raises:
            ShallowError: History was cut between them.
        """
        found = self._commits(head, *((f"^{base}",) if base else ()))
        self._check_uncut(found)
        return found

    def _commits(self, *arguments: str) -> list[str]:
        return self.git.run("rev-list", "--reverse", "--topo-order", *arguments, "--").decode().split()

    def _check_uncut(self, commits: Iterable[str]) -> None:
        if not self.shallow_commits().isdisjoint(commits):
            raise ShallowError("history ends here, because this is a shallow clone", hint="git fetch --unshallow")

    # Objects

    def read_blob(self, blob: str) -> bytes:
        """Return the content of a blob.

        Raises:
            ShallowError: It is not here, because history was cut.
            MissingObjectError: It is not here.
        """
        return self._object(blob, "blob").content

    def read_blobs(self, blobs: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of `blobs`, in order.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        for blob, found in zip(blobs, self._objects.ask_all(blobs), strict=True):
            yield self._checked(blob, "blob", found).content

    def blob_size(self, blob: str) -> int:
        """Return how many bytes a blob has.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        return self._checked(blob, "blob", self._sizes.ask(blob)).size

    def has_object(self, oid: str) -> bool:
        """Whether an object is here."""
        return self._sizes.ask(oid) is not None

    def read_tree(self, tree: str) -> tuple[TreeItem, ...]:
        """Return the items of the tree with this id, folders not opened.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        return parse_tree(self._object(tree, "tree").content, self.algorithm)

    def entry(self, treeish: str, path: bytes) -> TreeEntry | None:
        """Return what the commit or tree `treeish` (an id) has at `path`, None if nothing.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        entry = TreeEntry(mode=TREE_MODE, oid=self._tree_of(treeish))
        for name in path.split(b"/"):
            if entry.mode != TREE_MODE:
                return None
            found = next((item.entry for item in self.read_tree(entry.oid) if item.name == name), None)
            if found is None:
                return None
            entry = found
        return entry

    def list_tree(self, treeish: str) -> Iterator[tuple[bytes, TreeEntry]]:
        """Yield path and entry of every file, symlink and submodule of the commit or tree `treeish` (an id), in git's order.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        tree = self._tree_of(treeish)
        return parse_listing(self._walk("ls-tree", "-r", "-z", "--full-tree", tree))

    def changes(self, old: str | None, new: str) -> tuple[FileChange, ...]:
        """Return what differs from `old` to `new` (commits or trees, ids; None: the empty tree), renames found by git.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        return self._diff(old, new, "-M", f"-l{RENAME_LIMIT}")

    def tree_changes(self, old: str | None, new: str) -> tuple[FileChange, ...]:
        """Return as `changes`, but a rename is a deletion and an addition.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        return self._diff(old, new, "--no-renames")

    def content_sha256(self, entry: TreeEntry) -> str:
        """Return the SHA-256 that `core.effect` means: of a blob's bytes, a symlink's target, a submodule's commit id in hex.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        key = (GITLINK if entry.mode == GITLINK else "", entry.oid)
        if key not in self._sha256:
            content = entry.oid.encode() if entry.mode == GITLINK else self.read_blob(entry.oid)
            self._sha256[key] = hashlib.sha256(content).hexdigest()
        return self._sha256[key]

    def write_objects(self, objects: Sequence[tuple[str, bytes]]) -> tuple[str, ...]:
        """Store `objects` (type and content each), flushed to disk; return their ids."""
        if objects:
            self.git.run("unpack-objects", "-q", data=format_pack(objects, self.algorithm))
        return tuple(object_id(kind, content, self.algorithm) for kind, content in objects)

    def write_blob(self, content: bytes) -> str:
        """Store a blob; return its id."""
        return self.write_objects([("blob", content)])[0]

    def write_tree(self, items: Iterable[TreeItem]) -> str:
        """Store one tree; return its id."""
        return self.write_objects([("tree", format_tree(items))])[0]

    def _tree_of(self, treeish: str) -> str:
        found = self._sizes.ask(treeish)
        return treeish if found is not None and found.kind == "tree" else self.tree(treeish)

    def _diff(self, old: str | None, new: str, *options: str) -> tuple[FileChange, ...]:
        base = object_id("tree", b"", self.algorithm) if old is None else self._tree_of(old)
        return tuple(parse_changes(self._walk("diff-tree", *_DIFF, *options, base, self._tree_of(new))))

    def _walk(self, *arguments: str) -> bytes:
        try:
            return self.git.run(*arguments)
        except NotARepositoryError:
            raise
        except RepositoryError as error:
            # Git names a missing tree or blob in many ways; the ids are ours, so that nothing else can be wrong with them.
            raise self._missing(str(error)) from error

    def _object(self, oid: str, kind: str) -> RawObject:
        return self._checked(oid, kind, self._objects.ask(oid))

    def _checked(self, oid: str, kind: str, found: RawObject | None) -> RawObject:
        if found is None:
            raise self._missing(f"object {oid} is not here")
        if found.kind != kind:
            raise RepositoryError(f"object {oid} is a {found.kind}, not a {kind}")
        return found

    def _missing(self, message: str) -> RepositoryError:
        if self.is_shallow:
            return ShallowError(f"{message}; this is a shallow clone", hint="git fetch --unshallow")
        return MissingObjectError(message, hint="the clone is partial or damaged; see: git fsck")

    # Refs, settings, remotes

    def ref(self, name: str) -> str | None:
        """Return the id at which the ref with this full name points, None if there is no such ref."""
        return self.refs_under(name).get(name)

    def refs_under(self, prefix: str) -> dict[str, str]:
        """Return the refs named `prefix` or under it, by full name."""
        return refs_under(self.git, prefix)

    def update_ref(self, name: str, new: str, old: str | None) -> bool:
        """Point the ref at `new` if it is at `old` (None: is not there); return whether it was."""
        return update_ref(self.git, name, new, old)

    def config_get(self, key: str) -> str | None:
        """Return the value of `key` that counts (`settings` has the rest)."""
        return self.settings.get(key)

    def config_set(self, key: str, value: str) -> None:
        """Set `key` in the repository's own configuration."""
        self.settings.set(key, value)

    def config_add(self, key: str, value: str) -> None:
        """Give `key` one more value in the repository's own configuration, unless it has it."""
        self.settings.add(key, value)

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

    def status_paths(self) -> tuple[bytes, ...]:
        """Return the paths that differ from HEAD or are untracked and not ignored, sorted."""
        self._top()
        return worktree.changed_paths(self.git, self.head())

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
