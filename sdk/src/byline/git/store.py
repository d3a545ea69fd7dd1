# SPDX-License-Identifier: Apache-2.0
"""What the objects of a repository say, by id: commits, trees, blobs, and how two trees differ.

An object that is not here is an error, never an empty answer: `ShallowError` in a shallow clone, else `MissingObjectError`.
Renames that git finds (`changes`) are a hint for display and capture; nothing that a gate decides rests on them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.value import dataclass, field
from byline.errors import MissingObjectError, NotARepositoryError, RepositoryError, ShallowError
from byline.git.batch import CatFile, RawObject
from byline.git.objects import (
    GITLINK,
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
    parse_walk,
)
from byline.git.pack import format_pack, object_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from byline.git.process import Git

RENAME_LIMIT = 1000
FEW = 16  # objects
MAX_KEPT = 100_000  # commits, and items of trees, that are remembered
MAX_NAMED = 200  # paths on a command line
_DIFF = ("-r", "-z", "--raw", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")


@dataclass(slots=True)
class ObjectStore:
    """The objects of a repository: `common_dir` is shared by all work trees, `algorithm` is `sha1` or `sha256`."""

    common_dir: Path
    algorithm: str
    git: Git
    _objects: CatFile = field(init=False)
    _sizes: CatFile = field(init=False)
    _sha256: dict[tuple[str, str], str] = field(default_factory=dict, init=False)
    _seen: dict[str, CommitInfo] = field(default_factory=dict, init=False)
    _folders: dict[str, dict[bytes, TreeEntry]] = field(default_factory=dict, init=False)
    _room: int = field(default=MAX_KEPT, init=False)

    def __post_init__(self) -> None:
        self._objects = CatFile(self.git)
        self._sizes = CatFile(self.git, contents=False)

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

    def commit_info(self, commit: str) -> CommitInfo:
        """Return what the commit with this id says."""
        known = self._seen.get(commit)
        return known or self._remember(self._object(commit, "commit"))

    def commit_infos(self, commits: Sequence[str]) -> Iterator[CommitInfo]:
        """Yield what `commits` say, in order."""
        for commit, found in zip(commits, self._objects.ask_all(commits), strict=True):
            yield self._remember(self._checked(commit, "commit", found))

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents that the commit names, also those that a shallow clone does not have."""
        return self.commit_info(commit).parents

    def tree(self, commit: str) -> str:
        """Return the id of the commit's tree."""
        return self.commit_info(commit).tree

    def read_blob(self, blob: str) -> bytes:
        """Return the content of a blob.

        Raises:
            ShallowError: It is not here, because history was cut.
            MissingObjectError: It is not here.
        """
        return self._object(blob, "blob").content or b""

    def read_blobs(self, blobs: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of `blobs`, in order.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        for blob, found in zip(blobs, self._objects.ask_all(blobs), strict=True):
            yield self._checked(blob, "blob", found).content or b""

    def read_small_blobs(self, blobs: Sequence[str], limit: int) -> Iterator[bytes | None]:
        """Yield the contents of `blobs`, in order; None for one that is not here, is no blob, or has more than `limit` bytes."""
        for found in self._objects.ask_all(blobs, limit=limit):
            yield found.content if found is not None and found.kind == "blob" else None

    def read_blob_within(self, blob: str, limit: int) -> bytes | None:
        """Return the content of a blob, None if it has more than `limit` bytes.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        return self._checked(blob, "blob", next(self._objects.ask_all((blob,), limit=limit))).content

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
        return next(self.read_trees((tree,)))

    def read_trees(self, trees: Sequence[str]) -> Iterator[tuple[TreeItem, ...]]:
        """Yield the items of `trees`, in order.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        for tree, found in zip(trees, self._objects.ask_all(trees), strict=True):
            yield parse_tree(self._checked(tree, "tree", found).content or b"", self.algorithm)

    def entry(self, treeish: str, path: bytes) -> TreeEntry | None:
        """Return the file, symlink or submodule that the commit or tree `treeish` (an id) has at `path`; a folder is none.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        entry = TreeEntry(mode=TREE_MODE, oid=self._tree_of(treeish))
        for name in path.split(b"/"):
            if entry.mode != TREE_MODE:
                return None
            found = self._folder(entry.oid).get(name)
            if found is None:
                return None
            entry = found
        return None if entry.mode == TREE_MODE else entry

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

    def walk_changes(
        self, commits: Sequence[str], *, paths: Sequence[bytes] | None = None
    ) -> Iterator[tuple[str, tuple[FileChange, ...] | None]]:
        """Yield those of `commits` (ids) that changed something, in order, with their `changes` against the parent; in one process.

        None stands for what a merge has that is like none of its parents; a merge that has no such thing is left out. With `paths` only
        these count, and a rename is a deletion and an addition.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        renames = ("-M", f"-l{RENAME_LIMIT}") if paths is None else ("--no-renames",)
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        return parse_walk(self._walk("diff-tree", *_DIFF, "--stdin", "--root", "-c", *renames, "--", *name_paths(paths or ()), data=asked))

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

    def learn_sha256(self, entries: Iterable[TreeEntry]) -> None:
        """Know `content_sha256` of all of `entries` with one question.

        Raises:
            ShallowError: As `read_blob`.
            MissingObjectError: As `read_blob`.
        """
        blobs = [entry.oid for entry in entries if entry.mode != GITLINK and ("", entry.oid) not in self._sha256]
        for blob, content in zip(blobs, self.read_blobs(blobs), strict=True):
            self._sha256["", blob] = hashlib.sha256(content).hexdigest()

    def write_objects(self, objects: Sequence[tuple[str, bytes]]) -> tuple[str, ...]:
        """Store `objects` (type and content each), flushed to disk; return their ids."""
        if objects:
            # Each object on its own is a flush of its own; a few stay apart, so that commits do not leave a pack each.
            command = ("unpack-objects", "-q") if len(objects) <= FEW else ("index-pack", "--stdin")
            self.git.run(*command, data=format_pack(objects, self.algorithm))
        return tuple(object_id(kind, content, self.algorithm) for kind, content in objects)

    def write_blob(self, content: bytes) -> str:
        """Store a blob; return its id."""
        return self.write_objects([("blob", content)])[0]

    def write_tree(self, items: Iterable[TreeItem]) -> str:
        """Store one tree; return its id."""
        return self.write_objects([("tree", format_tree(items))])[0]

    def _tree_of(self, treeish: str) -> str:
        known = self._seen.get(treeish)
        if known:
            return known.tree
        # A commit is small and a tree was asked for to be read: no other process need tell which it is.
        found = self._objects.ask(treeish)
        if found is not None and found.kind == "tree":
            return treeish
        return self._remember(self._checked(treeish, "commit", found)).tree

    def _remember(self, found: RawObject) -> CommitInfo:
        """Read a commit and keep it: what an id means never changes."""
        self._make_room(1)
        commit = self._seen[found.oid] = parse_commit(found.oid, found.content or b"")
        return commit

    def _folder(self, tree: str) -> dict[bytes, TreeEntry]:
        known = self._folders.get(tree)
        if known is None:
            known = {item.name: item.entry for item in self.read_tree(tree)}
            self._make_room(len(known) + 1)
            self._folders[tree] = known
        return known

    def _make_room(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            self._room = MAX_KEPT - size
            self._seen.clear()
            self._folders.clear()

    def _diff(self, old: str | None, new: str, *options: str) -> tuple[FileChange, ...]:
        base = object_id("tree", b"", self.algorithm) if old is None else self._tree_of(old)
        return tuple(parse_changes(self._walk("diff-tree", *_DIFF, *options, base, self._tree_of(new))))

    def _walk(self, *arguments: str | bytes, data: bytes = b"") -> bytes:
        try:
            return self.git.run(*arguments, data=data)
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


def name_paths(paths: Sequence[bytes]) -> list[bytes]:
    """Return the arguments that make git look at `paths` alone; none where they are too many for a command line."""
    return [b":(top,literal)" + path for path in paths] if len(paths) <= MAX_NAMED else []
