# SPDX-License-Identifier: Apache-2.0
"""What may enter the log through Rekor's door (`core.rekor`).

1. The door is open; to a certificate only where the operator lets certificates in: it names somebody, for ever.
2. The key is P-256, and the signature is by it, over this digest.

Such an entry has no payload and no statement: it is in the tree and in no index, and to Byline's own verifiers it proves nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.entry import Submission
from byline.core.facets import Facets
from byline.core.rekor import format_record, record_identity
from byline.errors import EntryRejectedError, NotAdmittedError, SignatureError
from byline.keys.certificates import certified_key
from byline.keys.ids import key_id
from byline.keys.p256 import check_digest

if TYPE_CHECKING:
    from byline.core.rekor import Record


class RekorDoor(StrEnum):
    """To whom the door is open."""

    CLOSED = "closed"
    KEYS = "keys"
    CERTIFICATES = "certificates"


def admit_record(record: Record, door: RekorDoor) -> Submission:
    """Return what is to be logged for `record`.

    Raises:
        NotAdmittedError: The door is closed.
        EntryRejectedError: Another check fails.
    """
    if door is RekorDoor.CLOSED:  # 1
        raise NotAdmittedError("this log takes nothing through this door", hint="send statements; or its operator opens it ([rekor])")
    if record.certified and door is not RekorDoor.CERTIFICATES:
        raise EntryRejectedError("this log takes public keys, and no certificates: they name people", hint="sign with a key")
    try:
        facets = record_facets(record)  # 2
    except SignatureError as error:
        raise EntryRejectedError(str(error)) from error
    leaf = format_record(record)
    return Submission(identity=record_identity(leaf), leaf=leaf, payload=None, facets=facets)


def record_facets(record: Record) -> Facets:
    """Return what `record` is found by, once its signature is known to be by its key.

    Raises:
        SignatureError: It is not.
    """
    public = certified_key(record.verifier) if record.certified else record.verifier
    check_digest(public, record.signature, record.digest)
    return Facets(key=bytes.fromhex(key_id(public)))
