# SPDX-License-Identifier: Apache-2.0
"""Signed notes and checkpoints: the vectors, and what must be refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint
from byline.core.note import Note, format_note, format_vkey, open_note, parse_note, parse_vkey, sign_note
from byline.errors import CheckpointError, SignatureError
from byline.keys.ed25519 import LogKey, LogVerifier, load_verifier

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "note.json").read_text())
LOG = VECTORS["log"]
KEY = LogKey(LOG["origin"], bytes.fromhex(LOG["seed_hex"]))
VERIFIER = load_verifier(LOG["vkey"])


def test_vectors_of_keys() -> None:
    assert KEY.vkey == LOG["vkey"]
    assert KEY.to_text() == LOG["go_skey"] + "\n"
    assert KEY.key_id.hex() == LOG["key_id_hex"]
    assert KEY.note_key.log_id.hex() == LOG["rekor_v2_log_id_hex"]


def test_vectors_of_a_witness_key() -> None:
    """The id of a key depends on its algorithm."""
    witness = VECTORS["witness"]
    assert format_vkey(parse_vkey(witness["vkey"])) == witness["vkey"]
    assert LogKey(witness["name"], bytes.fromhex(witness["seed_hex"])).vkey == witness["alg1_vkey_of_same_key_must_differ"]


@pytest.mark.parametrize("vector", VECTORS["checkpoints"], ids=lambda v: f"size {v['size']}")
def test_vectors_of_checkpoints(vector: dict[str, str]) -> None:
    assert sign_note(vector["body"], [KEY]) == vector["note"]
    checkpoint = open_checkpoint(vector["note"], VERIFIER)
    assert checkpoint.size == vector["size"]
    assert format_checkpoint(checkpoint) == vector["body"]
    assert format_note(parse_note(vector["note"])) == vector["note"]


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=lambda v: v["why"])
def test_vectors_that_must_be_refused(vector: dict[str, str]) -> None:
    with pytest.raises((CheckpointError, SignatureError)):
        open_checkpoint(vector["note"], VERIFIER)


def test_signatures_of_strangers_are_ignored() -> None:
    note = VECTORS["cosignatures"][0]["note"]
    assert len(parse_note(note).signatures) == 2
    assert [line.name for line in open_note(note, [VERIFIER]).signatures] == [LOG["origin"]]


def test_extension_lines_are_refused() -> None:
    extended = VECTORS["cosignatures"][2]["note"]
    assert "ext line" in open_note(extended, [VERIFIER]).text
    with pytest.raises(CheckpointError):
        open_checkpoint(extended, VERIFIER)


def test_a_checkpoint_speaks_for_the_log_whose_key_signed_it() -> None:
    other = format_checkpoint(Checkpoint(origin="other.example", size=1, root=bytes(32)))
    with pytest.raises(SignatureError):
        open_checkpoint(sign_note(other, [KEY]), VERIFIER)


def test_who_signed_is_named_where_nobody_known_did() -> None:
    note = sign_note(format_checkpoint(Checkpoint(origin=KEY.name, size=1, root=bytes(32))), [KEY])
    with pytest.raises(SignatureError) as caught:
        open_note(note, [])
    assert caught.value.hint == f"who did: {KEY.name}"


def test_a_changed_text_is_not_signed() -> None:
    note = VECTORS["checkpoints"][2]["note"].replace("\n3\n", "\n4\n")
    with pytest.raises(SignatureError):
        open_note(note, [VERIFIER])


def test_a_text_that_cannot_be_read_back_is_not_signed() -> None:
    for text in ("no line feed", "", "bell\x07\n"):
        with pytest.raises(CheckpointError):
            sign_note(text, [KEY])


@pytest.mark.parametrize(
    "vkey", ["", "a", "a+b", "a+00000000+", "a b+00000000+AQ==", LOG["vkey"].replace("0de7", "0de8"), LOG["vkey"][:-4]]
)
def test_what_is_no_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(CheckpointError):
        parse_vkey(vkey)


def test_only_ed25519_keys_are_keys_of_logs() -> None:
    with pytest.raises(CheckpointError):
        LogVerifier(parse_vkey(VECTORS["witness"]["vkey"]))


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\nAAAA\n",
        "o\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "o\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        f"o\n{2**63}\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "o\n\u0661\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "o\n" + "9" * 5000 + "\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(text)


@given(st.text())
def test_any_text_is_a_note_or_refused(text: str) -> None:
    for data in (text, f"{text}\n\n\u2014 {text} AAAAAAA=\n"):
        try:
            note = parse_note(data)
        except CheckpointError:
            continue
        assert parse_note(format_note(note)) == note
        assert isinstance(note, Note)
