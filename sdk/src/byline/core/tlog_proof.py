# SPDX-License-Identifier: Apache-2.0
r"""A receipt as a file of its own (C2SP tlog-proof, `.tlog-proof`): who has the entry can check it with any tool, offline.

    c2sp.org/tlog-proof@v1\n
    extra <base64>\n                     may be absent; nobody has authenticated it
    index <decimal>\n
    <base64 of a hash of the inclusion proof>\n        none or more, the leaf's sibling first
    \n
    <the checkpoint, with its signatures>

Byline's own proofs have the bundle of the statement, without its receipt, as `extra`: with the keys that trust lists they are the
bundle again (`bundle_of`), and are verified like one. The size of the tree is the checkpoint's. What is proven is that the entry is in
that tree; whose checkpoint it is remains to be seen, by the log's key and a quorum of witnesses (`core.tlog_policy`).

>>> parse_tlog_proof("c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example\n1\n" + "A" * 43 + "=\n\n\u2014 log.example AAAAAQI=\n").proof.index
0
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from byline.core.bundle import MAX_BUNDLE, Receipt, format_bundle, parse_bundle
from byline.core.canonical import format_base64, parse_base64
from byline.core.checkpoint import parse_checkpoint
from byline.core.entry import entry_for, format_entry
from byline.core.merkle import HASH_SIZE, MAX_SIZE, InclusionProof, check_inclusion, hash_leaf
from byline.core.note import parse_note, parse_vkey
from byline.core.value import dataclass, replace
from byline.errors import CheckpointError, MalformedError, ProofError, UnknownKeyError

if TYPE_CHECKING:
    from byline.core.bundle import Bundle
    from byline.core.trust import Trust

FIRST_LINE = "c2sp.org/tlog-proof@v1\n"
MAX_TLOG_PROOF = 2 * MAX_BUNDLE
_MAX_HASHES = 63
_HEAD = re.compile(r"(?:extra ([A-Za-z0-9+/=]*)\n)?index (0|[1-9][0-9]{0,19})\n((?:[A-Za-z0-9+/=]+\n)*)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """An inclusion `proof` in the tree of `checkpoint` (a signed note, nobody's word yet), and what its maker added."""

    proof: InclusionProof
    checkpoint: str
    extra: bytes | None = None


def parse_tlog_proof(text: str) -> TlogProof:
    """Read a proof.

    Raises:
        CheckpointError: Not a proof, or not of an entry of its checkpoint.
    """
    head = _HEAD.match(text, len(FIRST_LINE)) if text.startswith(FIRST_LINE) and len(text) <= MAX_TLOG_PROOF else None
    if head is None:
        raise CheckpointError("not a tlog-proof")
    checkpoint = text[head.end() :]
    size = parse_checkpoint(parse_note(checkpoint).text).size
    try:
        extra = None if head[1] is None else parse_base64(head[1])
        hashes = tuple(parse_base64(each) for each in head[3].split())
    except MalformedError as error:
        raise CheckpointError(f"not a tlog-proof: {error}") from error
    index = int(head[2])
    if any(len(each) != HASH_SIZE for each in hashes) or len(hashes) > _MAX_HASHES or not index < size <= MAX_SIZE:
        raise CheckpointError("not a tlog-proof: its index and hashes do not fit its checkpoint")
    return TlogProof(proof=InclusionProof(index=index, size=size, hashes=hashes), checkpoint=checkpoint, extra=extra)


def format_tlog_proof(proof: TlogProof) -> str:
    """Return the text of `proof`."""
    extra = "" if proof.extra is None else f"extra {format_base64(proof.extra)}\n"
    hashes = "".join(f"{format_base64(each)}\n" for each in proof.proof.hashes)
    return f"{FIRST_LINE}{extra}index {proof.proof.index}\n{hashes}\n{proof.checkpoint}"


def proof_of(bundle: Bundle) -> TlogProof:
    """Return the receipt of `bundle` as a proof that holds the rest of it.

    Raises:
        ProofError: It has no receipt.
    """
    receipt = bundle.receipt
    if receipt is None:
        raise ProofError("there is no receipt")
    return TlogProof(proof=receipt.proof, checkpoint=receipt.checkpoint, extra=format_bundle(replace(bundle, receipt=None)))


def bundle_of(proof: TlogProof, trust: Trust) -> Bundle:
    """Return the bundle that `proof` is about, its key and log as `trust` has them; nothing of it is verified.

    Raises:
        EnvelopeError: It holds no bundle.
        EntryError: It holds one that no leaf can be made of.
        UnknownKeyError: Trust lists no such key, or no such log.
    """
    bundle = parse_bundle(proof.extra or b"")
    origin = parse_checkpoint(parse_note(proof.checkpoint).text).origin
    key = next((each for each in trust.keys if each.id == bundle.key_hint), None)
    log = next((each for each in trust.logs if each.origin == origin), None)
    if key is None or log is None:
        what = f"the key {bundle.key_hint[:16]}" if key is None else f"the log {origin}"
        raise UnknownKeyError(f"trust does not know {what}", hint="byline trust list shows whom it knows")
    leaf = format_entry(entry_for(bundle.envelope, key.public))
    receipt = Receipt(log_id=parse_vkey(log.vkey).log_id, leaf=leaf, proof=proof.proof, checkpoint=proof.checkpoint)
    return replace(bundle, receipt=receipt)


def check_tlog_proof(proof: TlogProof, leaf: bytes) -> None:
    """Check that `leaf` is in the tree that the checkpoint of `proof` claims.

    Raises:
        ProofError: It is not.
        CheckpointError: There is no checkpoint in it.
    """
    claimed = parse_checkpoint(parse_note(proof.checkpoint).text)
    check_inclusion(proof.proof, leaf=hash_leaf(leaf), root=claimed.root)
