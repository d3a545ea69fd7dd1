# SPDX-License-Identifier: Apache-2.0
"""What may enter the log.

1. The payload is an in-toto statement with SHA-256 subjects (they are the index).
2. The key is one of those allowed, if the log has a list.
3. The key id, where the envelope has one, is that of the key: a log repeats no hint that is false.
4. The signature is by the key, over this payload, for a purpose that fits its predicate where its form says for what.
5. The leaf that follows has room in a tile.

What a statement claims is not judged here: a log says what was said, by which key, and when in its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.entry import Submission, entry_for, format_entry, identity_of
from byline.core.facets import facets_of
from byline.core.index_keys import index_keys
from byline.core.sshsig import namespace_of
from byline.core.statement import parse_statement
from byline.errors import EntryRejectedError, KeyNotAllowedError, MalformedError, SignatureError
from byline.keys.ids import key_id
from byline.keys.signatures import Signatures

if TYPE_CHECKING:
    from byline.core.envelope import Envelope


class Admission:
    """The door of a log; `allowed` holds the ids (hex) of the keys that may append, None lets every key in. Not thread-safe."""

    def __init__(self, allowed: frozenset[str] | None = None) -> None:
        self._allowed = allowed
        self._signatures = Signatures()

    def __reduce__(self) -> tuple[type[Admission], tuple[frozenset[str] | None]]:
        return type(self), (self._allowed,)

    def admit(self, envelope: Envelope, public: bytes) -> Submission:
        """Return what is to be logged for `envelope`, signed by the key `public`.

        Raises:
            EntryRejectedError: One of the checks above fails; a `KeyNotAllowedError` where it is the second.
        """
        try:
            statement = parse_statement(envelope.payload)  # 1
            key = key_id(public)
            if self._allowed is not None and key not in self._allowed:  # 2
                raise KeyNotAllowedError(f"key {key[:16]} may not append to this log")
            if envelope.keyid not in {None, key}:  # 3
                raise EntryRejectedError("the key id of the envelope is not that of its key")
            namespace = namespace_of(statement.predicate_type)
            self._signatures.verify(public, envelope.signature, envelope.signed_bytes, namespace=namespace)  # 4
            leaf = format_entry(entry_for(envelope, public))  # 5
        except (MalformedError, SignatureError) as error:
            raise EntryRejectedError(str(error)) from error
        facets = facets_of(statement, bytes.fromhex(key))
        identity, keys = identity_of(envelope.payload, public), index_keys(statement)
        return Submission(identity=identity, leaf=leaf, payload=envelope.payload, facets=facets, keys=keys)
