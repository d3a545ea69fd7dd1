# SPDX-License-Identifier: Apache-2.0
"""A leaf comes back from a database as it was, whatever it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from byline.core.entry import Entry, format_entry
from byline_ledger.engine.frames import join_leaf, split_leaf
from serving import SIGNER

BASE64 = st.sampled_from([b"", b"AAAA", b"AA==", b"AB==", b"AAA", b"A\nAAA", b"====", b"\0", b"\xff", b'"'])


def leaf_of(number: int) -> bytes:
    return format_entry(Entry(digest=number.to_bytes(32, "big"), signature=SIGNER.sign(b"%d" % number), public=SIGNER.public))


def test_the_leaves_of_a_signer_share_all_but_digest_and_signature() -> None:
    (one, own), (other, _) = (split_leaf(leaf_of(number)) for number in (1, 2))
    assert one == other
    assert len(own) < len(leaf_of(1)) / 4
    assert join_leaf(one, own) == leaf_of(1)


def test_a_certificate_is_left_where_it_is() -> None:
    leaf = b'{"digest":"AAAA","content":"AAAA","x509Certificate":"%b"}' % (b"A" * 1024)
    assert split_leaf(leaf) == (b"", leaf)


@given(st.binary() | st.builds(b'%b{"digest":"%b","signature":"%b"}'.__mod__, st.tuples(st.binary(max_size=3), BASE64, BASE64)))
def test_any_bytes_come_back(leaf: bytes) -> None:
    assert join_leaf(*split_leaf(leaf)) == leaf


@given(st.binary(), st.binary())
def test_what_is_damaged_is_no_error(frame: bytes, own: bytes) -> None:
    assert isinstance(join_leaf(frame, own), bytes)


@given(st.data())
def test_a_damaged_leaf_is_another(data: st.DataObject) -> None:
    """Whatever byte of what is kept changes, is added or is lost, what comes back is not the leaf."""
    frame, own = split_leaf(leaf_of(1))
    at = data.draw(st.integers(0, len(own) - 1))
    flipped = own[:at] + bytes([own[at] ^ data.draw(st.integers(1, 255))]) + own[at + 1 :]
    for damaged in (flipped, own[:at], own + b"x"):
        assert join_leaf(frame, damaged) != leaf_of(1)
