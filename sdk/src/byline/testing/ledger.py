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

from bisect import bisect_left
from typing import TYPE_CHECKING

from byline.core.bundle import Receipt, join_receipt
from byline.core.checkpoint import Checkpoint, format_checkpoint
from byline.core.effect import parse_sha256
from byline.core.entry import entry_for, format_entry, identity_of
from byline.core.index_keys import index_keys
from byline.core.merkle import hash_leaf, prove_consistency, prove_inclusion, prove_range, read_nodes, root_of
from byline.core.note import sign_note
from byline.core.sealed_index import IndexProof, Run, Seal, Slice, format_row, format_seal
from byline.core.sshsig import namespace_of
from byline.core.statement import parse_statement
from byline.errors import EntryRejectedError, MalformedError, ProofError, SignatureError
from byline.keys.ed25519 import LogKey
from byline.keys.p256 import PrivateKey
from byline.keys.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """A `core.ports.IndexedLedger` in memory; seals are made at the time of `clock` (nanoseconds). Not thread-safe.

    What it shows later, but no append's receipt, is cosigned by `witnesses`.
    """

    def __init__(
        self, origin: str = "memory.example", *, clock: Callable[[], int] | None = None, witnesses: Sequence[WitnessKey] = ()
    ) -> None:
        self.key = LogKey(origin, bytes(32))
        self._clock = clock or FixedClock()
        self._witnesses = witnesses
        self._logged: list[tuple[Envelope, bytes, frozenset[str]] | None] = []
        self._rows: list[bytes] = []
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
            self._rows = sorted([*self._rows, *(format_row(key, index) for key in index_keys(statement))])
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
        return self.fetch([index for index, each in enumerate(self._logged) if each and subject in each[2]])

    def fetch(self, indices: Sequence[int]) -> tuple[Bundle, ...]:
        """Return the bundles of entries; as `core.ports.IndexedLedger`."""
        here = {index: each for index, each in enumerate(self._logged) if each}
        return tuple(join_receipt(*here[index][:2], self._receipt(index, self.checkpoint())) for index in indices if index in here)

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        """Return what is indexed, in a single run; as `core.ports.IndexedLedger`."""
        size, rows = len(self._leaves), read_nodes([hash_leaf(row) for row in self._rows])
        runs = (Run(first=0, end=size, rows=len(self._rows), root=root_of(len(self._rows), rows)),) if size else ()
        leaf = format_seal(Seal(size=size, sealed_at=self._clock() // 1_000_000, runs=runs))
        self._logged.append(None)
        self._leaves.append(hash_leaf(leaf))
        found = tuple(tuple(self._slice(key, rows) for _ in runs) for key in keys)
        proof = prove_inclusion(size, size + 1, self._nodes())
        return IndexProof(checkpoint=self.checkpoint(), seal=leaf, hashes=proof.hashes, found=found)

    def _slice(self, key: bytes, nodes: NodeReader) -> Slice:
        if not self._rows:
            return Slice(start=0, rows=(), hashes=())
        start = max(0, bisect_left(self._rows, key) - 1)
        stop = min(len(self._rows), bisect_left(self._rows, key + b"\xff" * 9) + 1)
        return Slice(start=start, rows=tuple(self._rows[start:stop]), hashes=prove_range(start, stop, len(self._rows), nodes))

    def _note(self, signers: Sequence[NoteSigner]) -> str:
        size = len(self._leaves)
        return sign_note(format_checkpoint(Checkpoint(origin=self.key.name, size=size, root=root_of(size, self._nodes()))), signers)

    def _receipt(self, index: int, checkpoint: str) -> Receipt:
        logged = self._logged[index]
        assert logged is not None  # noqa: S101 - nobody has the index of a seal
        return Receipt(
            log_id=self.key.note_key.log_id,
            leaf=format_entry(entry_for(*logged[:2])),
            proof=prove_inclusion(index, len(self._leaves), self._nodes()),
            checkpoint=checkpoint,
        )

    def _check_size(self, size: int) -> None:
        if size > len(self._leaves):
            raise ProofError(f"the log has {len(self._leaves)} entries")

    def _nodes(self) -> NodeReader:
        return read_nodes(self._leaves)
