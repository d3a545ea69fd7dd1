# SPDX-License-Identifier: Apache-2.0
"""Between the values of `byline.core` and the messages of `byline.v1`. Nothing is checked here but shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.envelope import Envelope
from byline_proto.v1 import ledger_pb2

if TYPE_CHECKING:
    from byline.core.bundle import Bundle, Receipt


def read_envelope(message: ledger_pb2.Envelope) -> Envelope:
    """Return the envelope that `message` carries."""
    return Envelope(payload=message.payload, signature=message.signature, keyid=message.keyid or None)


def write_receipt(receipt: Receipt) -> ledger_pb2.Receipt:
    """Return `receipt` as a message."""
    return ledger_pb2.Receipt(
        log_id=receipt.log_id,
        leaf=receipt.leaf,
        index=receipt.index,
        size=receipt.proof.size,
        hashes=receipt.proof.hashes,
        checkpoint=receipt.checkpoint,
    )


def write_found(bundle: Bundle, public: bytes) -> ledger_pb2.FindBundlesResponse:
    """Return a bundle from the log, and the key that signed it, as a message."""
    envelope = bundle.envelope
    return ledger_pb2.FindBundlesResponse(
        envelope=ledger_pb2.Envelope(payload=envelope.payload, signature=envelope.signature, keyid=envelope.keyid or ""),
        public_key=public,
        receipt=None if bundle.receipt is None else write_receipt(bundle.receipt),
    )
