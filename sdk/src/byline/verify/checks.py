# SPDX-License-Identifier: Apache-2.0
"""The ten checks that stand between a bundle and a fact, cheap ones first, so that junk costs no signature check.

1. *Key.* The bundle's key hint names a key that trust lists, for whatever use. (The bundle's own size was checked when it was read.)
2. *Shape.* The payload is a statement of at most 1 MiB with a predicate that Byline knows (`core.statement`).
3. *Repository.* The statement names the repository of trust.
4. *Signature.* That key signed the pre-authentication encoding of exactly this payload, for a purpose that fits the predicate
   where its form says for what.
5. *Entry.* If there is a receipt: the leaf rebuilt from envelope and key is the logged leaf, byte for byte.
6. *Inclusion.* The leaf is in the tree whose root the receipt's checkpoint names.
7. *Checkpoint.* If trust lists the log: the log's key signed the checkpoint. An independent log makes the fact `logged`, and as
   many operators of witnesses as its quorum asks for, none of them its own, `witnessed`; each operator counts once, and a bad
   cosignature under a witness that trust lists fails the check. A log that trust says has ended signed nothing beyond its final
   checkpoint. An embedded log, and one that trust does not list, leave it `signed`; so does one that seals an index, unless the
   entry was shown to be in that (`verify.completeness`): of other entries a log never saw what was signed.
8. *Use.* Trust lets the key sign this predicate, and the signature shows the presence of a person that the key was enrolled with.
9. *Identity.* The statement speaks for its signer: an approver or a delegator is the signer; an owner or hand whom claims name anew is the
   signer or nobody (lines carried from another statement, and the earlier writer of mixed text, are named, not spoken for).
10. *Time.* Trust has not expired; nor has an approval.

After check 4 a statement of claims, a tombstone or a revocation may tighten, whatever becomes of the rest. All ten make it relax; of
many bundles (`verify.many`) one whose receipt fails checks 5 to 7 counts as if it had none. A key that trust does not list may be an
agent's, if somebody of trust lets it sign: then check 8 is that it stays within the scope (`verify.delegated`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias

from byline.core.approval import Approval, parse_approval
from byline.core.authorship import Authorship, parse_authorship, spoken_for
from byline.core.checkpoint import open_cosigned
from byline.core.decision import Decision, parse_decision
from byline.core.delegation import Delegation, Revocation, parse_delegation, parse_revocation
from byline.core.entry import check_entry
from byline.core.merkle import check_inclusion, hash_leaf
from byline.core.note import parse_vkey
from byline.core.sshsig import namespace_of
from byline.core.statement import PredicateType, parse_statement
from byline.core.tombstone import Tombstone, parse_tombstone
from byline.core.trust import LogClass, Use
from byline.core.value import dataclass
from byline.core.verified import (
    Strength,
    Verified,
    VerifiedApproval,
    VerifiedAuthorship,
    VerifiedDecision,
    VerifiedDelegation,
    VerifiedIndex,
    VerifiedRevocation,
    VerifiedTombstone,
)
from byline.errors import (
    CheckpointError,
    IdentityError,
    MalformedError,
    PresenceError,
    ProofError,
    StaleError,
    StatementError,
    SubjectMismatchError,
    UnknownKeyError,
    VerificationError,
)
from byline.verify.delegated import Delegations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from byline.core.bundle import Bundle
    from byline.core.checkpoint import Checkpoint
    from byline.core.publickey import Presence
    from byline.core.trust import Trust, TrustedKey, TrustedLog
    from byline.keys.cosigners import WitnessVerifier
    from byline.keys.ed25519 import LogVerifier

Predicate: TypeAlias = "Authorship | Approval | Decision | Delegation | Revocation | Tombstone"
Read: TypeAlias = "Callable[[bytes], tuple[str, Predicate]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What checks 1 to 4 leave: `predicate`, in the statement `digest`, signed by `key`; the signature shows `presence`."""

    digest: str
    predicate: Predicate
    key: TrustedKey
    presence: Presence


class Checker:
    """The checks under one trust at one moment.

    It keeps parsed keys, and checkpoints read and opened, so that each of many bundles costs little more than its signature.
    """

    def __init__(self, trust: Trust, at: datetime, read: Read | None = None, index: VerifiedIndex | None = None) -> None:
        """Check under `trust` at the moment `at`; `read` is `read_predicate`, or the same with a memory of what it read.

        Of a log that seals an index only entries that `index` was shown to have are logged: of any other nobody knows what was signed.
        """
        from byline.keys.signatures import Signatures

        self._trust = trust
        self._at = at
        self._read = read or read_predicate
        self._keys = {key.id: key for key in trust.keys}
        self._delegations = Delegations(trust)
        self._logs = {log.origin: log for log in trust.logs}
        self._signatures = Signatures()
        self._verifiers: dict[str, LogVerifier] = {}
        self._claimed: dict[str, Checkpoint] = {}
        self._witnesses: list[tuple[WitnessVerifier, str]] | None = None
        self._opened: dict[str, Strength] = {}
        self._indexed = (index.origin, index.entries) if index else ("", frozenset[int]())

    def open_signed(self, bundle: Bundle) -> Signed:
        """Make checks 1 to 4.

        Raises:
            UnknownKeyError: Check 1.
            StatementError: Check 2.
            SubjectMismatchError: Check 3.
            SignatureError: Check 4.
        """
        # 1. What no key of trust can have signed is not even parsed.
        key = self._keys.get(bundle.key_hint) or self._delegations.key(bundle.key_hint)
        if key is None:
            raise UnknownKeyError(f"trust does not know the key {bundle.key_hint[:16]}", hint="an owner adds it with byline trust add")
        # 2.
        digest, predicate = self._read(bundle.envelope.payload)
        # 3.
        if predicate.repository != self._trust.repository:
            raise SubjectMismatchError(f"the statement is about the repository {predicate.repository}")
        # 4.
        envelope = bundle.envelope
        presence = self._signatures.verify(key.public, envelope.signature, envelope.signed_bytes, namespace=_namespace(predicate))
        return Signed(digest=digest, predicate=predicate, key=key, presence=presence)

    def knows(self, key: str) -> bool:
        """Whether trust lists the key with this id."""
        return key in self._keys

    def learn(self, fact: Verified) -> None:
        """Read what agents' keys signed in the light of `fact`."""
        self._delegations.learn(fact)

    def prove_delegated(self, bundle: Bundle) -> tuple[tuple[VerifiedAuthorship, ...], MalformedError | VerificationError | None]:
        """Return what `bundle`, signed with a key that trust does not list, proves by what was learned, and which check failed."""
        try:
            signed = self.open_signed(bundle)
        except (MalformedError, VerificationError) as error:
            return (), error
        failed: MalformedError | VerificationError | None = None
        strength = Strength.SIGNED
        try:
            strength = self._receipt(bundle, signed.key)
            self._delegations.check(signed)
            self._trust.check_current(self._at)
        except (MalformedError, VerificationError) as error:
            failed = error
        return tuple(self._delegations.facts(signed, strength)), failed

    def prove(self, bundle: Bundle, signed: Signed) -> Verified:
        """Make checks 5 to 10.

        Raises:
            ProofError: Check 5 or 6.
            EntryError: Check 5.
            CheckpointError: Check 7.
            SignatureError: Check 7.
            UnknownKeyError: Check 8.
            PresenceError: Check 8.
            IdentityError: Check 9.
            StaleError: Check 10.
        """
        strength = self._receipt(bundle, signed.key)
        predicate, key = signed.predicate, signed.key
        # 8.
        allowed = _uses(predicate)
        if not set(allowed) & set(key.uses):
            raise UnknownKeyError(f"trust does not let this key of {key.principal} sign with the use {' or '.join(allowed)}")
        if signed.presence.rank < key.presence.rank:
            raise PresenceError(f"this key of {key.principal} signs as {key.presence}, and the signature shows {signed.presence}")
        # 9.
        _check_identity(predicate, key.principal)
        # 10.
        self._trust.check_current(self._at)
        if isinstance(predicate, Approval) and self._at >= predicate.expires_at:
            raise StaleError("the approval has expired")
        return _fact(signed, strength, is_full=True)

    def tighten(self, signed: Signed) -> VerifiedAuthorship | VerifiedTombstone | VerifiedRevocation | None:
        """Return what a statement that failed a check after the fourth may do: tighten, and nothing else."""
        fact = _fact(signed, Strength.SIGNED, is_full=False)
        return fact if isinstance(fact, VerifiedAuthorship | VerifiedTombstone | VerifiedRevocation) else None

    def _receipt(self, bundle: Bundle, key: TrustedKey) -> Strength:
        receipt = bundle.receipt
        if receipt is None:
            return Strength.SIGNED
        # 5.
        check_entry(receipt.leaf, bundle.envelope, key.public)
        # 6.
        claimed = self._claimed.get(receipt.checkpoint)
        if claimed is None:
            claimed = self._claimed[receipt.checkpoint] = receipt.claimed
        if claimed.size != receipt.proof.size:
            raise ProofError("the proof is about another tree than the checkpoint")
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=claimed.root)
        # 7.
        log = self._logs.get(claimed.origin)
        if log is None:
            return Strength.SIGNED
        if receipt.log_id != parse_vkey(log.vkey).log_id:
            raise ProofError("the receipt names another key of the log than trust does")
        if log.frozen and (claimed.size > log.frozen.size or (claimed.size == log.frozen.size and claimed.root != log.frozen.root)):
            raise ProofError(f"trust says that the log ended at {log.frozen.size} entries, and the receipt is of {claimed.size}")
        strength = self._opened.get(receipt.checkpoint)
        if strength is None:
            _, strength = self.open_checkpoint(receipt.checkpoint, log)
            self._opened[receipt.checkpoint] = strength
        origin, entries = self._indexed
        is_known = not log.is_indexed or (log.origin == origin and receipt.index in entries)
        return strength if is_known else Strength.SIGNED

    def open_checkpoint(self, checkpoint: str, log: TrustedLog) -> tuple[Checkpoint, Strength]:
        """Open a checkpoint of `log`, and say what it gives to an entry under it: check 7.

        Raises:
            CheckpointError: It is none.
            SignatureError: The log did not sign it, or a cosignature is bad.
        """
        from byline.keys.cosigners import load_witness_verifier
        from byline.keys.ed25519 import load_verifier

        if log.origin not in self._verifiers:
            self._verifiers[log.origin] = load_verifier(log.vkey)
        if self._witnesses is None:
            self._witnesses = list(self._load_witnesses(load_witness_verifier))
        voters = [each for each, operator in self._witnesses if operator != log.operator]
        opened, cosigned = open_cosigned(checkpoint, self._verifiers[log.origin], voters)
        if log.kind is not LogClass.INDEPENDENT:
            return opened, Strength.SIGNED
        votes = {operator for each, operator in self._witnesses if each in cosigned}
        return opened, Strength.WITNESSED if 0 < log.quorum <= len(votes) else Strength.LOGGED

    def _load_witnesses(self, load: Callable[[str], WitnessVerifier]) -> Iterator[tuple[WitnessVerifier, str]]:
        for each in self._trust.witnesses:
            with contextlib.suppress(CheckpointError):  # an algorithm that this machine does not have: a vote less
                yield load(each.vkey), each.operator


def read_predicate(payload: bytes) -> tuple[str, Predicate]:
    """Return the digest of the statement in `payload`, and what it says (check 2).

    Raises:
        StatementError: It is none, or none that Byline knows.
    """
    statement = parse_statement(payload)
    kind = statement.predicate_type
    if kind == PredicateType.AUTHORSHIP:
        return statement.digest, parse_authorship(statement)
    if kind == PredicateType.APPROVAL:
        return statement.digest, parse_approval(statement)
    if kind == PredicateType.DECISION:
        return statement.digest, parse_decision(statement)
    if kind == PredicateType.DELEGATION:
        return statement.digest, parse_delegation(statement)
    if kind == PredicateType.REVOCATION:
        return statement.digest, parse_revocation(statement)
    if kind == PredicateType.TOMBSTONE:
        return statement.digest, parse_tombstone(statement)
    raise StatementError("a predicate that Byline does not know")


def _namespace(predicate: Predicate) -> str:
    return namespace_of(PredicateType.AUTHORSHIP if isinstance(predicate, Authorship) else PredicateType.APPROVAL)


def _uses(predicate: Predicate) -> tuple[Use, ...]:
    if isinstance(predicate, Authorship | Delegation | Revocation):
        return (Use.AUTHORSHIP,)
    if isinstance(predicate, Approval):
        return (Use.APPROVAL, Use.ROOT)
    return (Use.DECISION,) if isinstance(predicate, Decision) else (Use.ERASURE,)


def _fact(signed: Signed, strength: Strength, *, is_full: bool) -> Verified:
    digest, principal, key, predicate = signed.digest, signed.key.principal, signed.key.id, signed.predicate
    if isinstance(predicate, Authorship):
        return VerifiedAuthorship(digest=digest, principal=principal, key=key, strength=strength, authorship=predicate, is_full=is_full)
    if isinstance(predicate, Approval):
        return VerifiedApproval(
            digest=digest,
            principal=principal,
            key=key,
            strength=strength,
            approval=predicate,
            uses=signed.key.uses,
            presence=signed.presence,
        )
    if isinstance(predicate, Delegation):
        return VerifiedDelegation(digest=digest, principal=principal, key=key, strength=strength, delegation=predicate)
    if isinstance(predicate, Revocation):
        return VerifiedRevocation(digest=digest, principal=principal, key=key, strength=strength, revocation=predicate)
    if isinstance(predicate, Tombstone):
        return VerifiedTombstone(digest=digest, principal=principal, key=key, strength=strength, tombstone=predicate, is_full=is_full)
    return VerifiedDecision(digest=digest, principal=principal, key=key, strength=strength, decision=predicate)


def _check_identity(predicate: Predicate, signer: str) -> None:
    if isinstance(predicate, Approval) and predicate.approver != signer:
        raise IdentityError(f"{signer} signed an approval in the name of {predicate.approver}")
    if isinstance(predicate, Delegation) and predicate.delegator != signer:
        raise IdentityError(f"{signer} signed a delegation in the name of {predicate.delegator}")
    if isinstance(predicate, Authorship):
        others = {owner.principal for owner in spoken_for(predicate)} - {None, signer}
        if others:
            raise IdentityError(f"{signer} signed claims in the name of {min(map(str, others))}")
