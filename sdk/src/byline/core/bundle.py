# SPDX-License-Identifier: Apache-2.0
"""The file people carry: an envelope and, once logged, the receipt of the log.

A Sigstore bundle v0.3 in JSON, of which Byline uses this much:

    {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial": {"publicKey": {"hint": "<base64 SHA-256 of the key>"}, "tlogEntries": [] | [<log entry>]},
     "dsseEnvelope": <envelope>}

    <log entry> = {"logIndex": "5", "logId": {"keyId": "<base64 log id>"}, "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                   "inclusionProof": {"logIndex": "5", "rootHash": "<base64>", "treeSize": "8", "hashes": ["<base64>", ...],
                                      "checkpoint": {"envelope": "<signed note>"}},
                   "canonicalizedBody": "<base64 leaf>"}

The entry's kind is that of the key (`core.entry`); with any other than `hashedrekord` the bundle is Byline's alone to verify.
Integers are strings; an index of zero may be left out. `rootHash` and `treeSize` repeat the checkpoint and must equal it. The hint
is nobody's promise: trust is never chosen by it alone. Byline writes canonical JSON and reads any spelling.

>>> from byline.core.envelope import Envelope
>>> bundle = Bundle(envelope=Envelope(payload=b"{}", signature=b"s"), key_hint="00" * 32)
>>> parse_bundle(format_bundle(bundle)) == bundle
True
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.checkpoint import Checkpoint, parse_checkpoint
from byline.core.entry import MAX_ENTRY, EntryKind, check_entry, entry_for, entry_kind, parse_entry
from byline.core.envelope import MAX_ENVELOPE, envelope_from_json, envelope_to_json
from byline.core.merkle import HASH_SIZE, MAX_SIZE, InclusionProof, check_inclusion, hash_leaf
from byline.core.note import parse_note
from byline.core.value import dataclass, replace
from byline.errors import EnvelopeError, MalformedError, ProofError

if TYPE_CHECKING:
    from byline.core.canonical import Json
    from byline.core.envelope import Envelope

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_OLD_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle+json;version=0.3"
MAX_BUNDLE = MAX_ENVELOPE + 4 * MAX_ENTRY
_MAX_HASHES = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a log answered: `leaf` is its entry `proof.index`, says `proof`, in the tree that `checkpoint` (a signed note) names.

    `log_id` (32 bytes, `core.note.NoteKey.log_id`) says which log; like all of a receipt it is a claim until verified.
    """

    log_id: bytes
    leaf: bytes
    proof: InclusionProof
    checkpoint: str

    @property
    def index(self) -> int:
        """The entry's index."""
        return self.proof.index

    @property
    def claimed(self) -> Checkpoint:
        """The checkpoint, its signature not checked.

        Raises:
            CheckpointError: `checkpoint` is not one.
        """
        return parse_checkpoint(parse_note(self.checkpoint).text)

    @property
    def origin(self) -> str:
        """The name of the log that the checkpoint claims.

        Raises:
            CheckpointError: `checkpoint` is not one.
        """
        return self.claimed.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """`envelope`, the hex SHA-256 of the key that is said to have signed it, and the receipt if there is one."""

    envelope: Envelope
    key_hint: str
    receipt: Receipt | None = None


def join_receipt(envelope: Envelope, public: bytes, receipt: Receipt | None) -> Bundle:
    """Return the bundle of `envelope`, signed by the key `public` (`core.publickey`), with the receipt that a log gave for it.

    A log that has had the statement before answers with the leaf that it has, whose signature may be another one over the same
    payload by the same key. The bundle then carries the logged signature, so that leaf and envelope agree.

    Raises:
        ProofError: The receipt is for another statement or key.
        EntryError: The receipt's leaf is not one.
    """
    if receipt is not None:
        entry = parse_entry(receipt.leaf)
        envelope = replace(envelope, signature=entry.signature)
        if entry != entry_for(envelope, public):
            raise ProofError("the receipt is for another statement or key")
    return Bundle(envelope=envelope, key_hint=hashlib.sha256(public).hexdigest(), receipt=receipt)


def check_receipt(bundle: Bundle) -> None:
    """Check that the receipt of `bundle` agrees with the envelope and with itself; whose word it is remains to be seen.

    Raises:
        ProofError: There is none, it is for another statement or key, or its proof does not lead to its checkpoint.
        EntryError: Its leaf is not one.
        CheckpointError: Its checkpoint is not one.
    """
    receipt = bundle.receipt
    if receipt is None:
        raise ProofError("there is no receipt")
    public = parse_entry(receipt.leaf).public
    if hashlib.sha256(public).hexdigest() != bundle.key_hint:
        raise ProofError("the receipt is for another key")
    check_entry(receipt.leaf, bundle.envelope, public)
    check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=receipt.claimed.root)


def format_bundle(bundle: Bundle) -> bytes:
    """Return `bundle` as canonical JSON.

    Raises:
        CheckpointError: The receipt holds no checkpoint.
    """
    entries: list[Json] = [] if bundle.receipt is None else [receipt_to_json(bundle.receipt)]
    hint = format_base64(bytes.fromhex(bundle.key_hint))
    return format_canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": entries},
            "dsseEnvelope": envelope_to_json(bundle.envelope),
        }
    )


def parse_bundle(data: bytes) -> Bundle:
    """Read a Sigstore bundle v0.3 with a DSSE envelope, a key hint and at most one log entry.

    Raises:
        EnvelopeError: Anything else.
    """
    try:
        value = _object(parse_strict(data, max_bytes=MAX_BUNDLE), "mediaType", "verificationMaterial", "dsseEnvelope")
        if value["mediaType"] not in {MEDIA_TYPE, _OLD_MEDIA_TYPE}:
            raise EnvelopeError("not a Sigstore bundle v0.3")
        material = _object(value["verificationMaterial"], "publicKey", optional=("tlogEntries", "timestampVerificationData"))
        if material.get("timestampVerificationData"):
            raise EnvelopeError("time stamps are not read")
        entries = material.get("tlogEntries", [])
        if not isinstance(entries, list) or len(entries) > 1:
            raise EnvelopeError("a bundle has at most one log entry")
        return Bundle(
            envelope=envelope_from_json(value["dsseEnvelope"]),
            key_hint=_hash(_object(material["publicKey"], "hint")["hint"]).hex(),
            receipt=_receipt_from_json(entries[0]) if entries else None,
        )
    except EnvelopeError:
        raise
    except MalformedError as error:
        raise EnvelopeError(f"not a bundle: {error}") from error


def receipt_to_json(receipt: Receipt, kind: EntryKind | None = None) -> dict[str, Json]:
    """Return `receipt` as a log entry of a bundle; `kind` is told where the leaf is none of a statement.

    Raises:
        CheckpointError: It holds no checkpoint.
        EntryError: Its leaf is not one.
    """
    index, claimed = str(receipt.index), receipt.claimed
    return {
        "logIndex": index,
        "logId": {"keyId": format_base64(receipt.log_id)},
        "kindVersion": _kind_to_json(kind or entry_kind(parse_entry(receipt.leaf))),
        "inclusionProof": {
            "logIndex": index,
            "rootHash": format_base64(claimed.root),
            "treeSize": str(receipt.proof.size),
            "hashes": [format_base64(each) for each in receipt.proof.hashes],
            "checkpoint": {"envelope": receipt.checkpoint},
        },
        "canonicalizedBody": format_base64(receipt.leaf),
    }


def _receipt_from_json(value: Json) -> Receipt:
    entry = _object(
        value, "logId", "kindVersion", "inclusionProof", "canonicalizedBody", optional=("logIndex", "integratedTime", "inclusionPromise")
    )
    proof = _object(entry["inclusionProof"], "rootHash", "treeSize", "checkpoint", optional=("logIndex", "hashes"))
    if entry.get("inclusionPromise") or entry.get("integratedTime") not in {None, "0"}:
        raise EnvelopeError("promises and times of a log are not read")
    hashes = proof.get("hashes", [])
    checkpoint = _object(proof["checkpoint"], "envelope")["envelope"]
    if not isinstance(hashes, list) or len(hashes) > _MAX_HASHES or not isinstance(checkpoint, str):
        raise EnvelopeError("not an inclusion proof")
    receipt = Receipt(
        log_id=_hash(_object(entry["logId"], "keyId")["keyId"]),
        leaf=parse_base64(entry["canonicalizedBody"]),
        proof=InclusionProof(
            index=_integer(entry.get("logIndex", "0")), size=_integer(proof["treeSize"]), hashes=tuple(_hash(each) for each in hashes)
        ),
        checkpoint=checkpoint,
    )
    claimed = receipt.claimed
    if entry["kindVersion"] != _kind_to_json(entry_kind(parse_entry(receipt.leaf))):
        raise EnvelopeError("a log entry of another kind than it says")
    if receipt.index != _integer(proof.get("logIndex", "0")) or (receipt.proof.size, _hash(proof["rootHash"])) != (
        claimed.size,
        claimed.root,
    ):
        raise EnvelopeError("a log entry that contradicts itself")
    return receipt


def _kind_to_json(kind: EntryKind) -> dict[str, Json]:
    name, version = kind.value
    return {"kind": name, "version": version}


def _object(value: Json, *members: str, optional: tuple[str, ...] = ()) -> dict[str, Json]:
    if not isinstance(value, dict) or not set(members) <= set(value) <= {*members, *optional}:
        raise EnvelopeError(f"expected an object with the members {', '.join(members)}")
    return value


def _hash(value: Json) -> bytes:
    data = parse_base64(value)
    if len(data) != HASH_SIZE:
        raise EnvelopeError("expected a SHA-256")
    return data


def _integer(value: Json) -> int:
    """Return a 64-bit integer, which protobuf's JSON writes as a string."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or value != str(int(value[:20])) or int(value) > MAX_SIZE:
        raise EnvelopeError("expected a 64-bit integer as a string")
    return int(value)
