# SPDX-License-Identifier: Apache-2.0
"""Sign with a key in a file.

The envelope gets no key id. It would be a hint that nobody authenticates, the bundle around the envelope has one already, and
Go's DSSE verifiers (cosign's) skip every signature whose key id is not spelled as they spell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.envelope import MAX_PAYLOAD, PAYLOAD_TYPE, Envelope, pae
from byline.errors import EnvelopeError

if TYPE_CHECKING:
    from byline.core.ports import Signer


def sign_payload(payload: bytes, signer: Signer) -> Envelope:
    """Return the envelope of the statement `payload`, signed by `signer`.

    Raises:
        EnvelopeError: The payload is longer than an envelope may hold.
    """
    if len(payload) > MAX_PAYLOAD:
        raise EnvelopeError(f"a payload of {len(payload)} bytes, at most {MAX_PAYLOAD} can be signed")
    return Envelope(payload=payload, signature=signer.sign(pae(PAYLOAD_TYPE, payload)))
