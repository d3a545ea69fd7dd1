# SPDX-License-Identifier: Apache-2.0
"""Where evidence lives in git: a tree of bundles that any two clones merge by union.

    refs/byline/evidence                      this clone's; points at a tree, no commit, so that `git log --all` stays clean
    refs/byline/remotes/<remote>/evidence     what was fetched from a remote
    <tree> = <first 2 hex>/<SHA-256 of payload>.<first 16 of key id>.json         each file a bundle (`core.bundle`)

A fact is a payload and who signed it: that is the file's name, so that a union cannot confuse two. Two trees may hold a fact in
different bytes, and whoever may push can put worthless ones there; nothing here can know which a reader will believe. So a union keeps
all that may prove the fact (`arrange`): the first under its name, others with part of their own SHA-256 before `.json`. What does not
read, or reads as something else than its name says, is not evidence: it is skipped and reported (`BadFile`), never fatal. What is erased
(`log.erased`) is read from no tree and put into none. Nothing here verifies a signature.

>>> file_name("ab" * 32, "cd" * 32)[-26:]
'ababab.cdcdcdcdcdcdcdcd.json'
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import EnvelopeError, MalformedError, ProofError, RepositoryError
from byline.git.objects import TREE_MODE, TreeEntry, TreeItem, format_tree
from byline.git.pack import object_id
from byline.git.remotes import REMOTE_REFS, check_remote, fetch_refspecs
from byline.log.erased import erased_facts
from byline.log.trees import REF, evidence_trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from byline.core.bundle import Bundle
    from byline.git.repository import Repository

FILE_MODE = "100644"
_TRIES = 64
_SHARD = re.compile(rb"[0-9a-f]{2}")
_FILE = re.compile(rb"[0-9a-f]{64}\.[0-9a-f]{16}(\.[0-9a-f]{16})?\.json")
_FACT = 64 + 1 + 16  # characters of a file's name that say which fact it holds
_LOGGED, _BARE, _NONE = range(3)
NOT_HERE, TOO_LARGE = "it is not here", "it is too large"


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
Blobs = dict[str, set[str]]  # name of a fact to the ids of all that was found for it


def file_name(digest: str, key: str) -> str:
    """Return the name of the file for the statement `digest` signed by the key with id `key`, both hex."""
    return f"{digest}.{key[:16]}.json"


def read_bundle(name: str, data: bytes) -> Bundle:
    """Return the bundle in `data`, if it is what its file's `name` says.

    Raises:
        EnvelopeError: It is not a bundle, or another one.
    """
    from byline.core.bundle import parse_bundle

    bundle = parse_bundle(data)
    if file_name(bundle.envelope.digest, bundle.key_hint)[:_FACT] != name[:_FACT]:
        raise EnvelopeError("the name is that of another statement or key")
    return bundle


def arrange(name: str, contents: Iterable[bytes]) -> dict[str, bytes]:
    """Return what a union keeps of the `contents` found for the fact `name`, by the name of the file: all that may prove it.

    What is no bundle of this fact, and a receipt that contradicts itself, goes where there is anything else. So does an envelope
    that another content has as well, with a receipt or in fewer bytes: a receipt that proves nothing takes nothing away
    (`verify.many`). Of what is left the first has the fact's own name: one with a receipt before one without, then the smaller
    bytes. The order and grouping of unions change nothing.
    """
    ranked = sorted((*_rank(name, data), data) for data in set(contents))
    kept, covered = list[bytes](), set[bytes]()
    for kind, signature, data in ranked:
        if kind == _LOGGED or (kind == _BARE and signature not in covered):
            kept.append(data)
            covered.add(signature)
    first, *others = kept or [data for *_, data in ranked[:1]]
    return {name: first} | {f"{name[:_FACT]}.{hashlib.sha256(data).hexdigest()[:16]}.json": data for data in others}


def _rank(name: str, data: bytes) -> tuple[int, bytes]:
    """Return how much a content may prove, and the signature that it does so with."""
    from byline.core.bundle import check_receipt

    try:
        bundle = read_bundle(name, data)
        if bundle.receipt is None:
            return _BARE, bundle.envelope.signature
        check_receipt(bundle)
    except (MalformedError, ProofError):
        return _NONE, b""
    return _LOGGED, bundle.envelope.signature


def open_file(name: str, blob: str, data: bytes) -> StoredBundle | BadFile:
    """Return what the bytes of a file are."""
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
        return self._arrange(self._blobs_of(shards), {})

    def read_files(self, files: Files) -> Iterator[tuple[str, str, bytes | None]]:
        """Yield name, blob and bytes of `files`, in order; None for bytes that are not here or too many for a bundle."""
        from byline.core.bundle import MAX_BUNDLE

        contents = self.repository.read_small_blobs(list(files.values()), MAX_BUNDLE)
        return ((name, blob, data) for (name, blob), data in zip(files.items(), contents, strict=True))

    def open_files(self, files: Files) -> Iterator[StoredBundle | BadFile]:
        """Yield what the named blobs hold, in the order of `files`. Whatever is wrong with one is said of that one alone."""
        read = self.read_files(files)
        return (open_file(name, blob, data) if data is not None else self.unread(name, blob) for name, blob, data in read)

    def unread(self, name: str, blob: str) -> BadFile:
        """Say why a file has no bytes: it is not here (a partial clone), or too large for a bundle."""
        return BadFile(name=name, blob=blob, reason=TOO_LARGE if self.repository.has_object(blob) else NOT_HERE)

    # Adding

    def add(self, bundles: Iterable[Bundle]) -> tuple[str, ...]:
        """Add `bundles` to this clone's evidence, durably; return the names of their files. What is there already costs nothing.

        Raises:
            RepositoryError: The ref was busy for too long, or git cannot write.
        """
        from byline.core.bundle import format_bundle

        blobs: Blobs = {}
        contents: dict[str, bytes] = {}
        for bundle in bundles:
            data = format_bundle(bundle)
            blob = object_id("blob", data, self.repository.algorithm)
            blobs.setdefault(file_name(bundle.envelope.digest, bundle.key_hint), set()).add(blob)
            contents[blob] = data
        self._swap((), blobs, contents)
        return tuple(blobs)

    def union_from_remotes(self) -> str | None:
        """Unite this clone's evidence with that of its remotes; return its tree, None if there is no evidence at all.

        Raises:
            RepositoryError: The ref was busy for too long, or git cannot write.
        """
        return self._swap([oid for name, oid in self.trees().items() if name != REF], {}, {})

    def _swap(self, others: Iterable[str], added: Blobs, contents: Mapping[str, bytes]) -> str | None:
        for _ in range(_TRIES):
            old = self.repository.ref(REF)
            new = self._unite(old, others, added, contents)
            if new == old or (new is not None and self.repository.update_ref(REF, new, old)):
                return new
        lock = self.repository.common_dir / f"{REF}.lock"
        raise RepositoryError("other processes kept adding evidence", hint=f"try again; if no git runs here, remove {lock}")

    def _unite(self, old: str | None, others: Iterable[str], added: Blobs, contents: Mapping[str, bytes]) -> str | None:
        """Return the tree of `old`, `others` and `added`, written; `contents` holds blobs that may not be stored yet."""
        mine, theirs = self.shards([old] if old else []), self.shards(others)
        grown = {name[:2] for name in added}
        together = {prefix: sorted({*mine.get(prefix, ()), *theirs.get(prefix, ())}) for prefix in theirs.keys() | grown}
        erased = erased_facts(self.repository)
        thinned = {fact[:2] for fact in erased} & mine.keys()
        together |= {prefix: list(mine[prefix]) for prefix in thinned - together.keys()}
        changed = {prefix: oids for prefix, oids in together.items() if prefix in grown | thinned or tuple(oids) != mine.get(prefix)}
        found = self._blobs_of(changed)
        stored = set().union(*found.values())
        for name, blobs in ((name, blobs) for name, blobs in added.items() if name[:_FACT] not in erased):
            found[name] = found.get(name, set()) | blobs
        united: dict[str, Files] = {prefix: {} for prefix in changed}
        for name, blob in self._arrange(found, contents).items():
            united[name[:2]][name] = blob
        new = {blob for shard in united.values() for blob in shard.values()} - stored
        objects = [("blob", contents[blob]) for blob in contents if blob in new]
        root = {prefix: shards[0] for prefix, shards in mine.items()}
        for prefix, shard in united.items():
            root.pop(prefix, None)
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

    def _blobs_of(self, shards: Mapping[str, Iterable[str]]) -> Blobs:
        flat = [(prefix.encode(), oid) for prefix, oids in shards.items() for oid in oids]
        found: Blobs = {}
        erased = erased_facts(self.repository)
        for (prefix, _), items in zip(flat, self.repository.read_trees([oid for _, oid in flat]), strict=True):
            for item in items:
                if item.entry.mode != FILE_MODE or not item.name.startswith(prefix) or not _FILE.fullmatch(item.name):
                    continue
                if (fact := item.name[:_FACT].decode()) not in erased:
                    found.setdefault(f"{fact}.json", set()).add(item.entry.oid)
        return found

    def _arrange(self, found: Blobs, contents: Mapping[str, bytes]) -> Files:
        files: Files = {}
        for name, blobs in found.items():
            if len(blobs) == 1:
                files[name] = min(blobs)
                continue
            known = {contents[blob] if blob in contents else self._content(blob): blob for blob in blobs}
            files |= {place: known[data] for place, data in arrange(name, known).items()}
        return files

    def _content(self, oid: str) -> bytes:
        """Return a blob's bytes; for one that cannot be evidence, bytes that cannot be either and have an order."""
        from byline.core.bundle import MAX_BUNDLE

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
