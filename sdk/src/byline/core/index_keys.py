# SPDX-License-Identifier: Apache-2.0
r"""Under which keys a log's index has a statement.

A key says nothing to whoever does not know the repository, and cannot be guessed or compared without its random id:

    key = SHA-256("byline.index/1" 00 <repository id> 00 <kind> 00 <value>)          32 bytes

    subject    the SHA-256 (hex) of a subject; of claims only the first, for their file versions have keys of their own
    commit     the commit that claims were made for
    version    a path and what claims make it: <path> 00 <mode> <SHA-256>; after the 00 nothing where they take the file away
    path       a path that claims name, as what they make or as a base of it
    entry      the entry of a log that a tombstone names: <origin> 00 <index>

A rename takes its base away. Log and reader derive the keys of a payload by the one function here, so a log cannot choose them. A
statement that names no repository of Byline's has none. Only the shape of what is read is looked at: what does not read strictly
(`core.authorship`) proves nothing, wherever it is indexed.

>>> version_key("byl:" + "0" * 32, b"a.py", None).hex()[:8]
'9016592a'
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.claim import Op
from byline.core.effect import parse_path
from byline.core.statement import PredicateType
from byline.core.table import take_repository
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.canonical import Json
    from byline.core.effect import FileState
    from byline.core.statement import Statement

KEY_SIZE = 32


def subject_key(repository: str, sha256: str) -> bytes:
    """Return the key of the subject `sha256` (hex)."""
    return _key(repository, b"subject", sha256.encode())


def version_key(repository: str, path: bytes, state: FileState | None) -> bytes:
    """Return the key of what makes `path` be `state`; None is no file."""
    return _key(repository, b"version", path + b"\0" + (f"{state.mode} {state.sha256}".encode() if state else b""))


def path_key(repository: str, path: bytes) -> bytes:
    """Return the key of `path`."""
    return _key(repository, b"path", path)


def entry_key(repository: str, origin: Json, index: Json) -> bytes:
    """Return the key of what is said about the entry `index` of the log `origin`, as a tombstone names them."""
    return _key(repository, b"entry", f"{origin}\0{index}".encode("utf-8", "surrogatepass"))


def index_keys(statement: Statement) -> tuple[bytes, ...]:
    """Return the keys of `statement`, sorted; none where it names no repository."""
    repository = repository_of(statement)
    if repository is None:
        return ()
    subjects = statement.subjects
    if statement.predicate_type != PredicateType.AUTHORSHIP:
        named = {subject_key(repository, each.sha256) for each in subjects}
        entry = statement.predicate.get("entry")
        if statement.predicate_type == PredicateType.TOMBSTONE and isinstance(entry, dict):
            named.add(entry_key(repository, entry.get("origin"), entry.get("index")))
        return tuple(sorted(named))
    keys = {subject_key(repository, statement.change)}
    keys.update(_key(repository, kind, value) for kind, value in _claimed(statement.predicate))
    return tuple(sorted(keys))


def repository_of(statement: Statement) -> str | None:
    """Return the id of the repository that `statement` names, None if it names none of Byline's."""
    named = statement.predicate.get("repository")
    try:
        return take_repository(named.get("id") if isinstance(named, dict) else None, what="repository")
    except MalformedError:
        return None


def _claimed(predicate: dict[str, Json]) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and value of what the claims of an authorship predicate name."""
    commit, files = predicate.get("commit"), predicate.get("files")
    if isinstance(commit, dict):
        yield b"commit", str(commit.get("id")).encode("utf-8", "surrogatepass")
    for file in files if isinstance(files, list) else ():
        path = _path(file)
        if path is None or not isinstance(file, dict):
            continue
        mode, sha256, bases = file.get("mode"), file.get("sha256"), file.get("bases")
        yield b"path", path
        yield b"version", path + b"\0" + (f"{mode} {sha256}".encode("utf-8", "surrogatepass") if sha256 is not None else b"")
        for base in bases if isinstance(bases, list) else ():
            other = _path(base)
            if other not in {None, path}:
                yield b"path", other or b""
                if file.get("op") == Op.RENAME:
                    yield b"version", (other or b"") + b"\0"


def _path(value: Json) -> bytes | None:
    try:
        return parse_path(value.get("path"), value.get("pathBytes")) if isinstance(value, dict) else None
    except (MalformedError, UnicodeEncodeError):
        return None


def _key(repository: str, kind: bytes, value: bytes) -> bytes:
    return hashlib.sha256(b"byline.index/1\0" + repository.encode() + b"\0" + kind + b"\0" + value).digest()
