# SPDX-License-Identifier: Apache-2.0
"""The name of a key: SHA-256 of its SubjectPublicKeyInfo (DER), in hex. Needs no cryptography, so asking is cheap."""

from __future__ import annotations

import hashlib
import re

from byline.errors import MalformedError

_KEY_ID = re.compile("[0-9a-f]{64}")


def key_id(spki: bytes) -> str:
    """Return the id of the public key `spki` (DER), 64 hex digits."""
    return hashlib.sha256(spki).hexdigest()


def check_key_id(text: str) -> None:
    """Check that `text` is the id of a key, as people name one.

    Raises:
        MalformedError: It is not.
    """
    if _KEY_ID.fullmatch(text) is None:
        raise MalformedError(f"not the id of a key: {text}", hint="it is the SHA-256 of the public key, 64 hex digits in lower case")
