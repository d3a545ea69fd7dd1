# SPDX-License-Identifier: Apache-2.0
"""What may enter the log.

1. The payload is an in-toto statement with SHA-256 subjects (they are the index).
2. The key id, where the envelope has one, is that of the key: a log repeats no hint that is false.
3. The signature is by the key, over this payload, for a purpose that fits its predicate where its form says for what.
4. The leaf that follows has room in a tile.

What a statement claims is not judged here: a log says what was said, by which key, and when in its order. Who may send it is for
`engine.access`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from byline.core.entry import Submission, entry_for, format_entry, identity_from
from byline.core.facets import facets_of
from byline.core.index_keys import index_keys
from byline.core.sshsig import namespace_of
from byline.core.statement import parse_statement
from byline.errors import EntryRejectedError, MalformedError, SignatureError
from byline.keys.ids import key_id
from byline.keys.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from byline.core.envelope import Envelope
    from byline.core.statement import Statement

T = TypeVar("T")


class Admission:
    """The checks of a log. Not thread-safe."""

    def __init__(self) -> None:
        self._signatures = Signatures()

    def admit(self, envelope: Envelope, public: bytes) -> Submission:
        """Return what is to be logged for `envelope`, signed by the key `public`.

        Raises:
            EntryRejectedError: One of the checks above fails.
        """
        (found,) = self.admit_all([(envelope, public)])
        if isinstance(found, Exception):
            raise found
        return found

    def admit_all(self, asks: Sequence[tuple[Envelope, bytes]]) -> list[Submission | Exception]:
        """Return for each of `asks`, an envelope and the key that signed it, what `admit` returns or raises.

        All are read, then all signatures checked, then all leaves written: the code and the tables of one drive those of the other
        out of the processor's caches, and taking turns costs a fifth more.
        """
        read = [_told(self._read, *ask) for ask in asks]
        checked = [each if isinstance(each, Exception) else _told(self._verify, *ask, each) for ask, each in zip(asks, read, strict=True)]
        return [each if isinstance(each, Exception) else _told(_write, *ask, each) for ask, each in zip(asks, checked, strict=True)]

    def _read(self, envelope: Envelope, public: bytes) -> Statement:
        statement = parse_statement(envelope.payload)  # 1
        if envelope.keyid is not None and envelope.keyid != key_id(public):  # 2
            raise EntryRejectedError("the key id of the envelope is not that of its key")
        return statement

    def _verify(self, envelope: Envelope, public: bytes, statement: Statement) -> Statement:
        namespace = namespace_of(statement.predicate_type)
        self._signatures.verify(public, envelope.signature, envelope.signed_bytes, namespace=namespace)  # 3
        return statement


def _write(envelope: Envelope, public: bytes, statement: Statement) -> Submission:
    leaf, key = format_entry(entry_for(envelope, public)), bytes.fromhex(key_id(public))  # 4
    return Submission(
        identity=identity_from(bytes.fromhex(statement.digest), key),
        leaf=leaf,
        payload=envelope.payload,
        facets=facets_of(statement, key),
        keys=index_keys(statement),
    )


def _told(step: Callable[..., T], *given: object) -> T | Exception:
    """Return what `step` says, or why it does not."""
    try:
        return step(*given)
    except (MalformedError, SignatureError) as error:
        return EntryRejectedError(str(error))
    except Exception as error:  # noqa: BLE001 - nothing is hidden: who asked is told, and nobody else is in it
        return error
