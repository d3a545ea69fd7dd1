# SPDX-License-Identifier: Apache-2.0
"""A pack, the form in which git takes many objects at once.

    "PACK" version(4) count(4) (header zlib(content))* hash          header = type and size, 7 bits a byte, least first

Nothing in it is a delta. Git checks it and stores it as it is (`index-pack`) or each object on its own (`unpack-objects`), so that
writing a hundred objects is one process. (gitformat-pack, version 2)

>>> format_pack([("blob", b"hello")], "sha1")[:12].hex()
'5041434b0000000200000001'
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


def object_id(kind: str, content: bytes, algorithm: str) -> str:
    """Return the id that git gives to an object of type `kind`."""
    return hashlib.new(algorithm, b"%b %d\0" % (kind.encode(), len(content)) + content, usedforsecurity=False).hexdigest()


def format_pack(objects: Sequence[tuple[str, bytes]], algorithm: str) -> bytes:
    """Return a pack of `objects`, each its type and content."""
    parts = [b"PACK", (2).to_bytes(4, "big"), len(objects).to_bytes(4, "big")]
    for kind, content in objects:
        parts += [_header(_TYPES[kind], len(content)), zlib.compress(content, 1)]
    body = b"".join(parts)
    return body + hashlib.new(algorithm, body, usedforsecurity=False).digest()


def _header(kind: int, size: int) -> bytes:
    out = bytearray()
    byte, size = kind << 4 | size & 15, size >> 4
    while size:
        out.append(byte | 128)
        byte, size = size & 127, size >> 7
    out.append(byte)
    return bytes(out)
