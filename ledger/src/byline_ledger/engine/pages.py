# SPDX-License-Identifier: Apache-2.0
"""What an answer of many entries holds: as many as it has room for, each with what was signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.entry import entry_for, parse_entry
from byline.core.envelope import Envelope
from byline.errors import DamagedError, EntryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.bundle import Receipt
    from byline.core.ports import StoreReader

MAX_PAGE_BYTES = 1024 * 1024
_CHUNK = 16


def fill_page(reader: StoreReader, indices: Sequence[int]) -> tuple[Sequence[int], dict[int, bytes]]:
    """Return as many of `indices` as a page has room for, one at least, and the payloads."""
    payloads: dict[int, bytes] = {}
    size = 0
    for number, index in enumerate(indices):
        if number % _CHUNK == 0:
            payloads |= reader.payloads(indices[number : number + _CHUNK])
        size += len(payloads.get(index, b""))
        if number and size > MAX_PAGE_BYTES:
            return indices[:number], payloads
    return indices, payloads


def read_envelope(receipt: Receipt, payload: bytes | None) -> Envelope | None:
    """Return what was signed, which is what the leaf says; None without its payload.

    Raises:
        DamagedError: It is not what the leaf says.
    """
    if payload is None:
        return None
    try:
        entry = parse_entry(receipt.leaf)
        envelope = Envelope(payload=payload, signature=entry.signature)
        is_what_was_signed = entry_for(envelope, entry.public) == entry
    except EntryError as error:
        raise DamagedError(f"entry {receipt.index} is damaged: {error}") from error
    if not is_what_was_signed:
        raise DamagedError(f"entry {receipt.index} is damaged: its payload is not what its leaf says was signed")
    return envelope
