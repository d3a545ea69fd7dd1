# SPDX-License-Identifier: Apache-2.0
"""Git's objects as values, read from their raw bytes.

    tree    (mode SP name NUL raw-id)*
    commit  "tree" SP id LF ("parent" SP id LF)* "author" SP ident LF "committer" SP ident LF ... LF LF message
    change  ":" mode SP mode SP id SP id SP status NUL path NUL [path NUL]          `diff-tree --raw -z`
    walk    (id NUL change* | id NUL ("::" ... NUL path NUL)*)*                      `diff-tree --stdin -c --raw -z`

Modes are six octal digits as `core.effect` has them. Names are bytes. Commits are read without mailmap, encoding or grafts.

>>> parse_tree(format_tree([TreeItem(name=b"a", entry=TreeEntry(mode="100644", oid="00" * 20))]), "sha1")[0].name
b'a'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TREE_MODE = "040000"
GITLINK = "160000"
OID_BYTES = {"sha1": 20, "sha256": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """What a tree says of one name: git's `mode` and object id, hex."""

    mode: str
    oid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeItem:
    """One `name` of one tree, without folders."""

    name: bytes
    entry: TreeEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """A commit. `author` and `committer` are raw idents (`name <mail> seconds zone`), which anybody can write."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: bytes
    committer: bytes
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One path of the difference of two trees. `status` is A, M, D, T or, with `old_path`, R; an absent side is None.

    Of an index, U is what a merge left to be resolved: its new side is not said.
    """

    status: str
    path: bytes
    old_path: bytes | None
    old: TreeEntry | None
    new: TreeEntry | None

    @property
    def is_unmerged(self) -> bool:
        """Whether it is still to be merged, and nothing stands there for the time being."""
        return self.status == "U" and self.new is None


def parse_tree(data: bytes, algorithm: str) -> tuple[TreeItem, ...]:
    """Return the items of a raw tree, in git's order.

    Raises:
        RepositoryError: Not a tree.
    """
    size = OID_BYTES[algorithm]
    items = []
    at = 0
    while at < len(data):
        end = data.find(b"\0", at)
        mode, space, name = data[at:end].partition(b" ")
        oid = data[end + 1 : end + 1 + size]
        if end < 0 or not space or len(oid) != size:
            raise RepositoryError("a tree that git could not have written")
        items.append(TreeItem(name=name, entry=TreeEntry(mode=mode.decode("ascii", "replace").zfill(6), oid=oid.hex())))
        at = end + 1 + size
    return tuple(items)


def format_tree(items: Iterable[TreeItem]) -> bytes:
    """Return the raw tree with `items`, in whatever order they come."""

    def order(item: TreeItem) -> bytes:
        return item.name + b"/" if item.entry.mode == TREE_MODE else item.name

    return b"".join(
        b"%b %b\0%b" % (item.entry.mode.lstrip("0").encode(), item.name, bytes.fromhex(item.entry.oid)) for item in sorted(items, key=order)
    )


def parse_commit(oid: str, data: bytes) -> CommitInfo:
    """Return the commit `oid` from its raw bytes.

    Raises:
        RepositoryError: Not a commit.
    """
    head, _, message = data.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name:
            fields.setdefault(name, []).append(value)
    try:
        return CommitInfo(
            id=oid,
            tree=fields[b"tree"][0].decode(),
            parents=tuple(each.decode() for each in fields.get(b"parent", ())),
            author=fields[b"author"][0],
            committer=fields[b"committer"][0],
            message=message,
        )
    except (KeyError, UnicodeDecodeError) as error:
        raise RepositoryError(f"commit {oid} is not one that git could have written") from error


def parse_changes(data: bytes) -> Iterator[FileChange]:
    """Yield the changes that `diff-tree --raw -z` printed.

    Raises:
        RepositoryError: Not such output.
    """
    fields = iter(data.split(b"\0"))
    for head in fields:
        if head:
            yield _change(head, fields)


def parse_walk(data: bytes) -> Iterator[tuple[str, tuple[FileChange, ...] | None]]:
    """Yield each commit of `diff-tree --stdin -c --raw -z` that changed something; None stands for a merge like none of its parents.

    Raises:
        RepositoryError: Not such output.
    """
    fields = iter(data.split(b"\0"))
    commit = ""
    changes: list[FileChange] | None = []
    for head in fields:
        if head.startswith(b"::"):
            next(fields, b"")
            changes = None
        elif head.startswith(b":") and changes is not None:
            changes.append(_change(head, fields))
        else:  # the next commit, or the end
            if changes != []:
                yield commit, None if changes is None else tuple(changes)
            commit, changes = head.decode("ascii", "replace"), []


def _change(head: bytes, fields: Iterator[bytes]) -> FileChange:
    parts = head.decode("ascii", "replace").split(" ")
    path = next(fields, b"")
    if len(parts) != 5 or not head.startswith(b":") or not path:
        raise RepositoryError("git diff-tree said what is not understood")
    status = parts[4][:1]
    old_path = None
    if status in ("R", "C"):
        old_path, path = path, next(fields, b"")
    return FileChange(
        status=status, path=path, old_path=old_path, old=_side(parts[0].removeprefix(":"), parts[2]), new=_side(parts[1], parts[3])
    )


def parse_listing(data: bytes) -> Iterator[tuple[bytes, TreeEntry]]:
    """Yield path and entry for each line of `ls-tree -z`."""
    for line in data.split(b"\0"):
        head, tab, path = line.partition(b"\t")
        if tab:
            mode, _, oid = head.decode().split(" ")
            yield path, TreeEntry(mode=mode, oid=oid)


def _side(mode: str, oid: str) -> TreeEntry | None:
    return None if mode == "000000" else TreeEntry(mode=mode, oid=oid)
