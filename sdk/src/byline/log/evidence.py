# SPDX-License-Identifier: Apache-2.0
"""Where evidence lives in git: a tree of bundles that any two clones merge by union.

    refs/byline/evidence                      this clone's; points at a tree, no commit, so that `git log --all` stays clean
    refs/byline/remotes/<remote>/evidence     what was fetched from a remote
    <tree> = <first 2 hex>/<SHA-256 of payload>.<first 16 of key id>.json         each file a bundle (`core.bundle`)

A fact is a payload and who signed it: that is the file's name, so that a union cannot confuse two. Where two trees hold one name
with different bytes, the one with a receipt wins, then the smaller bytes: `better` is a total order, so that union does not depend
on who merges what first. What does not read, or reads as something else than its name says, is not evidence: it is skipped and
reported (`BadFile`), never fatal. Nothing here verifies a signature.

>>> file_name("ab" * 32, "cd" * 32)[-26:]
'ababab.cdcdcdcdcdcdcdcd.json'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from byline.core.bundle import MAX_BUNDLE, Bundle, format_bundle, parse_bundle
from byline.core.value import dataclass
from byline.errors import EnvelopeError, MalformedError, RepositoryError
from byline.git.objects import TREE_MODE, TreeEntry, TreeItem, format_tree
from byline.git.pack import object_id
from byline.git.remotes import REMOTE_REFS, check_remote, fetch_refspecs
from byline.log.trees import REF, evidence_trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.git.repository import Repository

FILE_MODE = "100644"
_TRIES = 64
_SHARD = re.compile(rb"[0-9a-f]{2}")
_FILE = re.compile(rb"([0-9a-f]{64})\.([0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """A bundle of the evidence, with the `name` of its file and the git id of its bytes."""

    name: str
    blob: str
    bundle: Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """A file among the evidence that is none, and why; `blob` is the git id of its bytes."""

    name: str
    blob: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """`sent`, or why not: `message`. `tree` is what the remote has now as far as this clone knows."""

    sent: bool
    tree: str | None
    message: str = ""


Files = dict[str, str]  # file name to blob id


def file_name(digest: str, key: str) -> str:
    """Return the name of the file for the statement `digest` signed by the key with id `key`, both hex."""
    return f"{digest}.{key[:16]}.json"


def read_bundle(name: str, data: bytes) -> Bundle:
    """Return the bundle in `data`, if it is what its file's `name` says.

    Raises:
        EnvelopeError: It is not a bundle, or another one.
    """
    bundle = parse_bundle(data)
    if file_name(bundle.envelope.digest, bundle.key_hint) != name:
        raise EnvelopeError("the name is that of another statement or key")
    return bundle


def better(name: str, one: bytes, other: bytes) -> bytes:
    """Return which of two contents of the file `name` a union keeps."""

    def order(data: bytes) -> tuple[int, bytes]:
        try:
            return 1 if read_bundle(name, data).receipt is None else 0, data
        except MalformedError:
            return 2, data

    return min(one, other, key=order)


def open_file(name: str, blob: str, data: bytes | None) -> StoredBundle | BadFile:
    """Return what the bytes of a file are."""
    if data is None:
        return BadFile(name=name, blob=blob, reason="it is not here, or too large")
    try:
        return StoredBundle(name=name, blob=blob, bundle=read_bundle(name, data))
    except MalformedError as error:
        return BadFile(name=name, blob=blob, reason=str(error))


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """The evidence in one repository. Safe in several processes at once; thread-safe."""

    repository: Repository

    # Reading

    def trees(self) -> dict[str, str]:
        """Return every tree of evidence here: name of the ref to id, this clone's and those of its remotes."""
        return evidence_trees(self.repository)

    def scan(self) -> Iterator[StoredBundle | BadFile]:
        """Yield every file of the union of `trees`.

        Raises:
            RepositoryError: A tree is not here.
        """
        yield from self.open_files(self.files_of(self.shards(self.trees().values())))

    def bundles(self) -> Iterator[StoredBundle]:
        """Yield every bundle of the union of `trees`.

        Raises:
            RepositoryError: A tree is not here.
        """
        return (each for each in self.scan() if isinstance(each, StoredBundle))

    def shards(self, trees: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the folders of `trees` by their two digits, different ones of one name together, sorted.

        Raises:
            RepositoryError: A tree is not here.
        """
        found: dict[str, set[str]] = {}
        for items in self.repository.read_trees(tuple(set(trees))):
            for item in items:
                if _SHARD.fullmatch(item.name) and item.entry.mode == TREE_MODE:
                    found.setdefault(item.name.decode(), set()).add(item.entry.oid)
        return {prefix: tuple(sorted(oids)) for prefix, oids in sorted(found.items())}

    def files_of(self, shards: Mapping[str, Iterable[str]]) -> Files:
        """Return the files of `shards`, united. What has no name of evidence is left out.

        Raises:
            RepositoryError: A tree, or one of two contents for a name, is not here.
        """
        flat = [(prefix.encode(), oid) for prefix, oids in shards.items() for oid in oids]
        files: Files = {}
        for (prefix, _), items in zip(flat, self.repository.read_trees([oid for _, oid in flat]), strict=True):
            for item in items:
                if item.entry.mode == FILE_MODE and item.name.startswith(prefix) and _FILE.fullmatch(item.name):
                    name = item.name.decode()
                    files[name] = self._better_blob(name, files.get(name, item.entry.oid), item.entry.oid)
        return files

    def read_files(self, files: Files) -> Iterator[tuple[str, str, bytes | None]]:
        """Yield name, blob and bytes of `files`, in order; None for bytes that are not here or too many for a bundle."""
        contents = self.repository.read_small_blobs(list(files.values()), MAX_BUNDLE)
        return ((name, blob, data) for (name, blob), data in zip(files.items(), contents, strict=True))

    def open_files(self, files: Files) -> Iterator[StoredBundle | BadFile]:
        """Yield what the named blobs hold, in the order of `files`. Whatever is wrong with one is said of that one alone."""
        return (open_file(*file) for file in self.read_files(files))

    # Adding

    def add(self, bundles: Iterable[Bundle]) -> tuple[str, ...]:
        """Add `bundles` to this clone's evidence, durably; return the names of their files. What is there already costs nothing.

        Raises:
            RepositoryError: The ref was busy for too long, or git cannot write.
        """
        files: dict[str, bytes] = {}
        for bundle in bundles:
            name, data = file_name(bundle.envelope.digest, bundle.key_hint), format_bundle(bundle)
            files[name] = better(name, data, files.get(name, data))
        ids = {name: object_id("blob", data, self.repository.algorithm) for name, data in files.items()}
        self._swap((), ids, {ids[name]: data for name, data in files.items()})
        return tuple(files)

    def union_from_remotes(self) -> str | None:
        """Unite this clone's evidence with that of its remotes; return its tree, None if there is no evidence at all.

        Raises:
            RepositoryError: The ref was busy for too long, or git cannot write.
        """
        return self._swap([oid for name, oid in self.trees().items() if name != REF], {}, {})

    def _swap(self, others: Iterable[str], files: Files, contents: Mapping[str, bytes]) -> str | None:
        for _ in range(_TRIES):
            old = self.repository.ref(REF)
            new = self._unite(old, others, files, contents)
            if new == old or (new is not None and self.repository.update_ref(REF, new, old)):
                return new
        lock = self.repository.common_dir / f"{REF}.lock"
        raise RepositoryError("other processes kept adding evidence", hint=f"try again; if no git runs here, remove {lock}")

    def _unite(self, old: str | None, others: Iterable[str], files: Files, contents: Mapping[str, bytes]) -> str | None:
        """Return the tree of `old`, `others` and `files`, written; `contents` holds blobs that may not be stored yet."""
        mine, theirs = self.shards([old] if old else []), self.shards(others)
        added: dict[str, Files] = {}
        for name, blob in files.items():
            added.setdefault(name[:2], {})[name] = blob
        together = {prefix: sorted({*mine.get(prefix, ()), *theirs.get(prefix, ())}) for prefix in theirs.keys() | added.keys()}
        changed = {prefix: oids for prefix, oids in together.items() if prefix in added or tuple(oids) != mine.get(prefix)}
        united: dict[str, Files] = {prefix: {} for prefix in changed}
        for name, blob in self.files_of(changed).items():
            united[name[:2]][name] = blob
        root = {prefix: shards[0] for prefix, shards in mine.items()}
        objects: list[tuple[str, bytes]] = []
        for prefix, shard in united.items():
            for name, blob in added.get(prefix, {}).items():
                best = self._better_blob(name, shard.get(name, blob), blob, contents)
                if best != shard.get(name):
                    shard[name] = best
                    objects.append(("blob", contents[best]))
            if shard:
                root[prefix] = self._plan_tree(objects, FILE_MODE, shard)
        tree = self._plan_tree(objects, TREE_MODE, root)
        if not root or tree == old:
            return old
        self.repository.write_objects(objects)
        return tree

    def _plan_tree(self, objects: list[tuple[str, bytes]], mode: str, items: Mapping[str, str]) -> str:
        """Add the tree of `items` (name to id) to the `objects` that are to be written; return its id."""
        tree = format_tree(TreeItem(name=name.encode(), entry=TreeEntry(mode=mode, oid=oid)) for name, oid in items.items())
        objects.append(("tree", tree))
        return object_id("tree", tree, self.repository.algorithm)

    def _better_blob(self, name: str, one: str, other: str, contents: Mapping[str, bytes] | None = None) -> str:
        if one == other:
            return one
        known = contents or {}
        data, rival = (known[oid] if oid in known else self._content(oid) for oid in (one, other))
        return one if better(name, data, rival) == data else other

    def _content(self, oid: str) -> bytes:
        """Return a blob's bytes; for one that cannot be evidence, bytes that cannot be either and have an order."""
        data = next(self.repository.read_small_blobs([oid], MAX_BUNDLE))
        return b"\xff" + oid.encode() if data is None else data

    # Sending

    def fetch(self, remote: str) -> None:
        """Fetch the evidence of `remote` and unite with it.

        Raises:
            RepositoryError: The remote does not answer.
        """
        check_remote(remote)
        self.repository.fetch(remote, *fetch_refspecs(remote))
        self.union_from_remotes()

    def push(self, remote: str, *, tries: int = 8) -> PushReport:
        """Send this clone's evidence to `remote`, united with what is there; nothing that is there is lost.

        The push holds only if the remote still has the tree that was united with; else that is fetched, united, and tried again.

        Raises:
            RepositoryError: The remote does not answer.
        """
        check_remote(remote)
        tracking = f"{REMOTE_REFS}{remote}/evidence"
        seen = self.repository.ref(tracking)
        for _ in range(tries):
            tree = self.union_from_remotes()
            if tree is None or (tree == seen and self.repository.list_remote(remote, REF) == tree):
                return PushReport(sent=True, tree=tree)
            outcome = self.repository.push(remote, f"{tree}:{REF}", lease=(REF, seen))
            if outcome.accepted:
                self.repository.update_ref(tracking, tree, self.repository.ref(tracking))
                return PushReport(sent=True, tree=tree)
            if not outcome.stale:
                return PushReport(sent=False, tree=seen, message=outcome.message)
            seen = self.repository.list_remote(remote, REF)
            if seen is not None:
                self.repository.fetch(remote, f"+{REF}:{tracking}")
                seen = self.repository.ref(tracking)
        return PushReport(sent=False, tree=seen, message="others kept sending at the same time")
