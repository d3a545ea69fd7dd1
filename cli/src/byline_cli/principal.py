# SPDX-License-Identifier: Apache-2.0
"""Which person the trust file says a key is, remembered: to read trust is a twentieth of the time in which a commit gets its statement.

    <place>/principal.json = {"trust": "<SHA-256 of the trust file>", "principals": {"<key id>": "ana" | null}}

Another trust file or another key is another question. Anybody may delete the file; what a statement says its signer is called is
checked against trust by whoever reads it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from byline.flow.workshop import write_atomic
from byline.keys.ids import key_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "principal.json"


def remember_principal(place: Path, trust: bytes, public: bytes, ask: Callable[[], str | None]) -> str | None:
    """Return the person that the trust file with the bytes `trust` names for the key `public`; only who does not remember will `ask`."""
    known: dict[str, str | None] = {}
    digest, key = hashlib.sha256(trust).hexdigest(), key_id(public)
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads((place / FILE).read_bytes())
        known = {**kept["principals"]} if kept["trust"] == digest else {}
    if key not in known:
        known[key] = ask()
        with suppress(OSError):  # a full disk: asked again next time
            write_atomic(place / FILE, json.dumps({"trust": digest, "principals": known}).encode() + b"\n")
    return known[key]
