# SPDX-License-Identifier: Apache-2.0
"""Cosignatures, proofs as files, and policies: the vectors, and what must be refused."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.bundle import join_receipt
from byline.core.checkpoint import open_cosigned
from byline.core.cosignature import cosigned_bytes, split_cosignature
from byline.core.note import COSIGNATURE, ED25519, ML_DSA_44, NoteKey, format_note, open_note, parse_note, parse_vkey, sign_note
from byline.core.tlog_policy import NONE, format_tlog_policy, parse_tlog_policy, policy_for
from byline.core.tlog_proof import bundle_of, check_tlog_proof, format_tlog_proof, parse_tlog_proof, proof_of
from byline.core.trust import LogClass, TrustedLog, Witness
from byline.core.trustfile import local_trust
from byline.errors import CheckpointError, ConfigError, EnvelopeError, ProofError, SignatureError, UnknownKeyError
from byline.keys.cosigners import WitnessKey, load_witness_key, load_witness_verifier, make_witness_key
from byline.keys.ed25519 import load_verifier
from byline.testing import MemoryLedger
from serving import SIGNER, envelope

VECTORS = Path(__file__).parents[1] / "vectors"
NOTES, PROOFS, ML_DSA = (json.loads((VECTORS / f"{name}.json").read_text()) for name in ("note", "tlogproof", "mldsa_cosignature"))
LOG, WITNESS = load_verifier(NOTES["log"]["vkey"]), load_witness_verifier(NOTES["witness"]["vkey"])
KEY = WitnessKey(NOTES["witness"]["name"], bytes.fromhex(NOTES["witness"]["seed_hex"]))
HAS_ML_DSA = importlib.util.find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None
POST_QUANTUM = pytest.mark.skipif(not HAS_ML_DSA, reason="this release of cryptography has no ML-DSA")


@pytest.mark.parametrize("vector", NOTES["cosignatures"], ids=lambda vector: vector.get("why", str(vector["time"])))
def test_vectors_of_cosignatures(vector: dict[str, str]) -> None:
    """What we sign is the vector, byte for byte, and the vector is found good; extension lines are signed with the rest."""
    note = open_note(vector["note"], [WITNESS])
    time, _ = split_cosignature(WITNESS.note_key, note.signatures[0].signature)
    assert time == vector["time"]
    assert cosigned_bytes(KEY.note_key, time, note.text).decode() == vector["signed_message"]
    own = sign_note(note.text, [KEY.at(time)])
    assert own.splitlines()[-1] in vector["note"].splitlines()


def test_a_key_for_cosignatures_is_another_key_than_one_for_notes() -> None:
    assert KEY.vkey == NOTES["witness"]["vkey"] != NOTES["witness"]["alg1_vkey_of_same_key_must_differ"]
    with pytest.raises(CheckpointError):
        load_witness_verifier(NOTES["witness"]["alg1_vkey_of_same_key_must_differ"])
    with pytest.raises(CheckpointError):
        load_verifier(KEY.vkey)


@POST_QUANTUM
def test_the_vector_of_an_ml_dsa_44_cosignature() -> None:
    name, seed = ML_DSA["cosigner_name"], hashlib.sha256(ML_DSA["seed_text"].encode()).digest()
    key, text = WitnessKey(name, seed, ML_DSA_44), NOTES["checkpoints"][-1]["body"]
    assert key.vkey == ML_DSA["vkey"]
    assert cosigned_bytes(key.note_key, ML_DSA["time"], text).hex() == ML_DSA["message_hex"]
    verifier = load_witness_verifier(ML_DSA["vkey"])
    open_note(f"{text}\n{ML_DSA['line']}", [verifier])
    open_note(sign_note(text, [key.at(7)]), [verifier])
    with pytest.raises(SignatureError):
        verifier.check(text.encode(), key.sign(text.replace("8", "9", 1), 7))
    with pytest.raises(CheckpointError):
        key.sign("no checkpoint\n", 7)


def test_a_cosignature_is_about_one_time_and_one_text() -> None:
    signature, text = KEY.sign("log.example\n", 7), b"log.example\n"
    WITNESS.check(text, signature)
    for bad in (signature[:-1], signature + b"0", bytes(8) + signature[8:], b"\xff" * 8 + signature[8:], b""):
        with pytest.raises(SignatureError):
            WITNESS.check(text, bad)
    with pytest.raises(SignatureError):
        WITNESS.check(b"log.example\nmore\n", signature)


def test_a_bad_line_under_a_known_witness_spoils_the_note_and_one_of_a_stranger_does_not() -> None:
    vector = NOTES["cosignatures"][1]
    assert open_cosigned(vector["note"], LOG, [WITNESS])[1] == (WITNESS,)
    stranger = load_witness_verifier(WitnessKey("other.example", bytes(32)).vkey)
    assert open_cosigned(vector["note"], LOG, [stranger])[1] == ()
    note = parse_note(vector["note"])
    bent = replace(note.signatures[1], signature=bytes(72))
    with pytest.raises(SignatureError):
        open_cosigned(format_note(replace(note, signatures=(note.signatures[0], bent))), LOG, [WITNESS])
    with pytest.raises(SignatureError):
        open_cosigned(format_note(replace(note, signatures=note.signatures[1:])), LOG, [WITNESS])


@pytest.mark.parametrize("algorithm", [COSIGNATURE, pytest.param(ML_DSA_44, marks=POST_QUANTUM)])
def test_a_witness_key_reads_back_and_is_its_owners(tmp_path: Path, algorithm: int) -> None:
    made = make_witness_key(tmp_path / "witness.key", "w.example", algorithm)
    assert load_witness_key(tmp_path / "witness.key").vkey == made.vkey
    assert stat.S_IMODE((tmp_path / "witness.key").stat().st_mode) == 0o600
    for number, bad in enumerate(("", "PRIVATE+KEY+w.example+00000000+BA==\n", NOTES["log"]["go_skey"], made.to_text() + "\n")):
        path = tmp_path / str(number)
        path.write_text(bad)
        path.chmod(0o600)
        with pytest.raises(ConfigError):
            load_witness_key(path)


@pytest.mark.parametrize("vector", PROOFS["ok"], ids=range(len(PROOFS["ok"])))
def test_vectors_of_proofs(vector: dict[str, str]) -> None:
    proof = parse_tlog_proof(vector["text"])
    assert format_tlog_proof(proof) == vector["text"]
    check_tlog_proof(proof, bytes.fromhex(vector["leaf_hex"]))
    with pytest.raises(ProofError):
        check_tlog_proof(proof, b"another leaf")


@pytest.mark.parametrize("vector", PROOFS["negative"], ids=lambda vector: vector["why"])
def test_negative_vectors_of_proofs(vector: dict[str, str]) -> None:
    with pytest.raises((CheckpointError, ProofError)):
        check_tlog_proof(parse_tlog_proof(vector["text"]), bytes.fromhex(vector.get("leaf_hex", "")))


def test_a_receipt_is_a_proof() -> None:
    """What `proof_of` writes is read back as the bundle by whoever trusts its key and its log."""
    ledger = MemoryLedger()
    for number in range(5):
        bundle = join_receipt(envelope(number), SIGNER.public, ledger.append(envelope(number), SIGNER.public))
    proof = parse_tlog_proof(format_tlog_proof(proof_of(bundle)))
    assert bundle.receipt
    check_tlog_proof(proof, bundle.receipt.leaf)
    log = TrustedLog(origin=ledger.key.name, vkey=ledger.vkey, kind=LogClass.INDEPENDENT)
    trust = local_trust(repository="byl:" + "0" * 32, line_key=bytes(32), public=SIGNER.public, logs=(log,))
    assert bundle_of(proof, trust) == bundle
    for unknown in (replace(trust, logs=()), replace(trust, keys=())):
        with pytest.raises(UnknownKeyError):
            bundle_of(proof, unknown)
    with pytest.raises(EnvelopeError):
        bundle_of(replace(proof, extra=None), trust)
    with pytest.raises(ProofError):
        proof_of(replace(bundle, receipt=None))


def vkey(name: str, algorithm: int = COSIGNATURE, seed: bytes | None = None) -> str:
    if algorithm == ED25519:
        return NOTES["log"]["vkey"]  # type: ignore[no-any-return]  # a string of the vectors
    return WitnessKey(name, seed or hashlib.sha256(name.encode()).digest(), algorithm).vkey


NESTED = "\n".join(
    [
        "# two organisations",
        f"log {vkey('log', ED25519)} https://log.example/",
        *(f"\twitness {name}  {vkey(name)}" for name in ("x1", "x2", "x3")),
        "group X 2 x1 x2 x3",
        *(f"witness {name} {vkey(name)} https://{name}.example/ " for name in ("y1", "y2")),
        "group Y any y1 y2",
        "",
        "group both all X Y",
        "quorum both",
        "",
    ]
)


@pytest.mark.parametrize(
    ("cosigned", "is_met"),
    [("x1 x2 y1", True), ("x2 x3 y2", True), ("x1 x2 x3", False), ("x1 y1 y2", False), ("", False), ("x1 x2 x3 y1 y2", True)],
)
def test_a_quorum_of_groups_of_groups(cosigned: str, *, is_met: bool) -> None:
    policy = parse_tlog_policy(NESTED.encode())
    assert policy.is_met(frozenset(cosigned.split())) == is_met
    assert parse_tlog_policy(format_tlog_policy(policy)) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none\nquorum none\n",
        "quorum w\n",
        f"witness w {vkey('w')}\n",
        f"witness none {vkey('w')}\nquorum none\n",
        f"witness w {vkey('w')}\nwitness w {vkey('v')}\nquorum w\n",
        f"witness w {vkey('w')}\nwitness v {vkey('v', seed=hashlib.sha256(b'w').digest())}\nquorum w\n",
        f"witness w {vkey('log', ED25519)}\nquorum w\n",
        f"log {vkey('w')}\nquorum none\n",
        f"witness w {vkey('w')}\ngroup g 0 w\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g 2 w\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g 01 w\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g all\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g all w w\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g all none\nquorum g\n",
        f"witness w {vkey('w')}\ngroup g all w\ngroup h all w\nquorum h\n",
        f"group g all w\nwitness w {vkey('w')}\nquorum g\n",
        "log\nquorum none\n",
        "mirror x\nquorum none\n",
        "quorum none\r\n",
        "quorum none\0\n",
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_tlog_policy(text.encode())


def test_names_are_octets() -> None:
    """A name that is not UTF-8 is a name, and another one than its look-alike."""
    data = b"witness K " + vkey("k1").encode() + b"\nwitness \xe2\x84\xaa " + vkey("k2").encode() + b"\nwitness \xff " + vkey("k3").encode()
    policy = parse_tlog_policy(data + b"\nquorum \xff\n")
    assert len({each.name for each in policy.witnesses}) == 3
    assert format_tlog_policy(policy).endswith(b"quorum \xff\n")


@given(st.lists(st.sampled_from(["a1", "a2", "b1", "c1", "own"]), unique=True), st.integers(0, 3))
def test_the_policy_that_trust_writes_counts_operators_and_not_the_logs_own(cosigned: list[str], quorum: int) -> None:
    """L6: two witnesses of one operator are one vote, and the log's operator has none."""
    operators = {"a1": "o-a", "a2": "o-a", "b1": "o-b", "c1": "o-c", "own": "o-log"}
    witnesses = [Witness(name=name, vkey=vkey(name), operator=operator) for name, operator in operators.items()]
    log = TrustedLog(origin="x", vkey=vkey("log", ED25519), kind=LogClass.INDEPENDENT, operator="o-log", quorum=quorum)
    policy = parse_tlog_policy(format_tlog_policy(policy_for(log, witnesses)))
    votes = {operators[each] for each in cosigned} - {"o-log"}
    assert policy.is_met(frozenset(cosigned)) == (len(votes) >= quorum)
    assert (policy.quorum == NONE) == (quorum == 0)


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_is_a_proof_or_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_tlog_proof("c2sp.org/tlog-proof@v1\n" + text)


def test_a_key_of_an_unknown_algorithm_is_read_and_cosigns_nothing() -> None:
    key = NoteKey(name="w", algorithm=9, public=b"x")
    with pytest.raises(CheckpointError):
        cosigned_bytes(key, 7, "log.example\n")
    assert parse_vkey(f"w+{key.key_id.hex()}+CXg=") == key
