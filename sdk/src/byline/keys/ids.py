# SPDX-License-Identifier: Apache-2.0
"""The name of a key: SHA-256 of its SubjectPublicKeyInfo (DER), in hex. Needs no cryptography, so asking is cheap."""

from __future__ import annotations

import hashlib


def key_id(spki: bytes) -> str:
    """Return the id of the public key `spki` (DER), 64 hex digits."""
    return hashlib.sha256(spki).hexdigest()
