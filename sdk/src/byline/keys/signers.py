# SPDX-License-Identifier: Apache-2.0
"""The private key in a PEM file, of whichever kind it is: P-256 or Ed25519, PKCS#8, unencrypted, mode 0600.

`openssl genpkey -algorithm ed25519` writes such an Ed25519 key; its file differs from every other one in its 32 secret bytes alone.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from byline.keys.ed25519 import StatementKey
from byline.keys.files import load_secret
from byline.keys.p256 import load_key

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.ports import Signer

_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
_PEM = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
_SEED_SIZE = 32


def load_signer(path: Path) -> Signer:
    """Return the key in the file `path`.

    Raises:
        ConfigError: It cannot be read, others may read it, or it is neither a P-256 nor an Ed25519 key.
    """
    lines = load_secret(path).decode("ascii", "replace").split("\n")
    if len(lines) == 4 and (lines[0], lines[2]) == _PEM:
        try:
            der = binascii.a2b_base64(lines[1], strict_mode=True)
        except binascii.Error:
            der = b""
        if der.startswith(_PKCS8) and len(der) == len(_PKCS8) + _SEED_SIZE:
            return StatementKey(Ed25519PrivateKey.from_private_bytes(der.removeprefix(_PKCS8)))
    return load_key(path)
