# SPDX-License-Identifier: Apache-2.0
"""DSSE envelopes: one signature, one payload type."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.envelope import Envelope, format_envelope, pae, parse_envelope
from byline.errors import EnvelopeError, MalformedError

GOOD = Envelope(payload=b"{}", signature=b"sig", keyid="k")


def test_the_encoding_is_the_specifications_own_example() -> None:
    """DSSE protocol.md, section "Signature Definition"."""
    assert pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.builds(Envelope, payload=st.binary(), signature=st.binary(), keyid=st.none() | st.text("abc", min_size=1)))
def test_an_envelope_is_read_back(envelope: Envelope) -> None:
    assert parse_envelope(format_envelope(envelope)) == envelope


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "application/json"},
        {"payload": "e30"},
        {"payload": "e30=\n"},
        {"signatures": []},
        {"signatures": [{"sig": "c2ln"}, {"sig": "c2ln"}]},
        {"signatures": [{"keyid": "k"}]},
        {"signatures": [{"sig": "c2ln", "cert": "x"}]},
        {"signatures": [{"sig": "c2ln", "keyid": 1}]},
        {"extra": 1},
    ],
)
def test_an_envelope_of_another_shape_is_refused(change: dict[str, object]) -> None:
    """FM5 and the rule that N approvers are N envelopes."""
    value = json.loads(format_envelope(GOOD)) | change
    with pytest.raises(EnvelopeError):
        parse_envelope(json.dumps(value).encode())


def test_the_payload_type_is_part_of_what_is_signed() -> None:
    assert GOOD.signed_bytes == pae("application/vnd.in-toto+json", b"{}")


@given(st.binary(max_size=60))
def test_any_bytes_are_an_envelope_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_envelope(data)
