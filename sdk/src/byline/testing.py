# SPDX-License-Identifier: Apache-2.0
"""Real parts for tests: a ledger in memory, a clock and a key that are the same in every run.

Nothing here pretends: the ledger is a `core.ports.Ledger` over a list and `core.merkle`, checks every signature, signs every
checkpoint, and its receipts verify like any other's. It lasts as long as the process.

>>> from byline.sign.file import sign_payload
>>> signer, ledger = fixed_signer(), MemoryLedger()
>>> envelope = sign_payload(b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"change","digest":{"sha256":"' + b"0" * 64
...     + b'"}}],"predicateType":"example","predicate":{}}', signer)
>>> receipt = ledger.append(envelope, signer.public)
>>> receipt.index, ledger.append(envelope, signer.public) == receipt, len(ledger.find("0" * 64))
(0, True, 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.bundle import Receipt, join_receipt
from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.effect import parse_sha256
from byline.core.entry import entry_for, format_entry, identity_of
from byline.core.merkle import hash_leaf, prove_consistency, prove_inclusion, read_nodes, root_of
from byline.core.note import sign_note
from byline.core.sshsig import namespace_of
from byline.core.statement import parse_statement
from byline.errors import EntryRejectedError, MalformedError, ProofError, SignatureError
from byline.keys.ed25519 import LogKey
from byline.keys.p256 import PrivateKey
from byline.keys.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline.core.bundle import Bundle
    from byline.core.envelope import Envelope
    from byline.core.merkle import ConsistencyProof, InclusionProof, NodeReader
    from byline.core.ports import NoteSigner
    from byline.keys.cosigners import WitnessKey

_WITNESSED_AT = 1_800_000_000


def fixed_signer(number: int = 1) -> PrivateKey:
    """Return the P-256 key whose private number is `number`; everybody knows it."""
    return PrivateKey.from_seed(number)


class FixedClock:
    """A clock in nanoseconds that stands still until it is moved."""

    def __init__(self, at: int = 1_800_000_000_000_000_000) -> None:
        self.at = at

    def __call__(self) -> int:
        """Return the time."""
        return self.at

    def advance(self, nanoseconds: int) -> None:
        """Move the clock."""
        self.at += nanoseconds


class MemoryLedger:
    """A `core.ports.Ledger` in memory; what it shows later, but no append's receipt, is cosigned by `witnesses`. Not thread-safe."""

    def __init__(self, origin: str = "memory.example", *, witnesses: Sequence[WitnessKey] = ()) -> None:
        self.key = LogKey(origin, bytes(32))
        self._witnesses = witnesses
        self._logged: list[tuple[Envelope, bytes, frozenset[str]]] = []
        self._leaves: list[bytes] = []
        self._indices: dict[bytes, int] = {}

    @property
    def vkey(self) -> str:
        """The public key of the log."""
        return self.key.vkey

    def append(self, envelope: Envelope, public: bytes) -> Receipt:
        """Log `envelope`; as `core.ports.Ledger`.

        Raises:
            EntryRejectedError: Not a statement, or not signed by `public`.
        """
        try:
            statement = parse_statement(envelope.payload)
            namespace = namespace_of(statement.predicate_type)
            Signatures().verify(public, envelope.signature, envelope.signed_bytes, namespace=namespace)
            subjects = frozenset(each.sha256 for each in statement.subjects)
            leaf = format_entry(entry_for(envelope, public))
        except (MalformedError, SignatureError) as error:
            raise EntryRejectedError(str(error)) from error
        index = self._indices.setdefault(identity_of(envelope.payload, public), len(self._leaves))
        if index == len(self._leaves):
            self._logged.append((envelope, public, subjects))
            self._leaves.append(hash_leaf(leaf))
        return self._receipt(index, self._note([self.key]))

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        return self._note([self.key, *(each.at(_WITNESSED_AT) for each in self._witnesses)])

    def inclusion(self, index: int, size: int) -> InclusionProof:
        """Prove an entry; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such entry or no such tree.
        """
        self._check_size(size)
        return prove_inclusion(index, size, self._nodes())

    def consistency(self, old: int, new: int) -> ConsistencyProof:
        """Prove that one tree begins with another; as `core.ports.Ledger`.

        Raises:
            ProofError: There is no such tree.
        """
        self._check_size(new)
        return prove_consistency(old, new, self._nodes())

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        """Return the bundles about a subject; as `core.ports.Ledger`.

        Raises:
            MalformedError: Not 64 hex digits.
        """
        subject = parse_sha256(subject_sha256)
        found = [index for index, (_, _, subjects) in enumerate(self._logged) if subject in subjects]
        return tuple(join_receipt(*self._logged[index][:2], self._receipt(index, self.checkpoint())) for index in found)

    def _note(self, signers: Sequence[NoteSigner]) -> str:
        size = len(self._leaves)
        return sign_note(format_checkpoint(Checkpoint(origin=self.key.name, size=size, root=root_of(size, self._nodes()))), signers)

    def _receipt(self, index: int, checkpoint: str) -> Receipt:
        envelope, public, _ = self._logged[index]
        return Receipt(
            log_id=self.key.note_key.log_id,
            leaf=format_entry(entry_for(envelope, public)),
            proof=prove_inclusion(index, len(self._leaves), self._nodes()),
            checkpoint=checkpoint,
        )

    def _check_size(self, size: int) -> None:
        if size > len(self._leaves):
            raise ProofError(f"the log has {len(self._leaves)} entries")

    def _nodes(self) -> NodeReader:
        return read_nodes(self._leaves)
