# SPDX-License-Identifier: Apache-2.0
# The malformed ones are told to the world from here.
# ruff: noqa: PLC0414
"""Every error Byline raises, a tree by whose fault it is.

`code` is stable (`BL-PROOF-1`), belongs to one class or one cause, and is listed in docs/errors.md. `hint` tells a person what
to do next; it is empty where there is nothing to do. Neither ever holds file contents, prompts or key material.

    MalformedError     the bytes are not what they claim to be: never retry (`byline.malformed`)
    VerificationError  well formed, but not proven
    LedgerError        talking to the log failed
    RepositoryError    git cannot say
    ConfigError        the operator's set-up
    RefusedError       an agent may not do this, or not without a person
"""

from __future__ import annotations

from byline.malformed import BylineError as BylineError
from byline.malformed import CheckpointError as CheckpointError
from byline.malformed import EntryError as EntryError
from byline.malformed import EnvelopeError as EnvelopeError
from byline.malformed import MalformedError as MalformedError
from byline.malformed import PatchError as PatchError
from byline.malformed import PayloadError as PayloadError
from byline.malformed import PolicyError as PolicyError
from byline.malformed import PromptError as PromptError
from byline.malformed import StatementError as StatementError
from byline.malformed import TrustError as TrustError


class VerificationError(BylineError):
    """Well formed, but not proven."""

    default_code = "BL-VERIFY-1"


class SignatureError(VerificationError):
    """A signature does not verify under the key that is said to have made it."""

    default_code = "BL-SIGNATURE-1"


class UnknownKeyError(VerificationError):
    """Trust does not know the key, or not for this use."""

    default_code = "BL-KEY-1"


class PresenceError(VerificationError):
    """A signature shows less of its signer's presence than trust asks of the key."""

    default_code = "BL-PRESENCE-1"


class ProofError(VerificationError):
    """A Merkle proof does not lead to the root."""

    default_code = "BL-PROOF-1"


class SubjectMismatchError(VerificationError):
    """A statement speaks of other bytes, another repository or another path."""

    default_code = "BL-SUBJECT-1"


class IdentityError(VerificationError):
    """A statement names a person for whom its signer may not speak."""

    default_code = "BL-IDENTITY-1"


class DelegationError(VerificationError):
    """An agent's key signed what nobody let it sign."""

    default_code = "BL-DELEGATION-1"


class CommitmentError(VerificationError):
    """The statement holds no commitment to this prompt."""

    default_code = "BL-PROMPT-1"


class StaleError(VerificationError):
    """Expired, or older than what was seen before."""

    default_code = "BL-STALE-1"


class LogForkError(VerificationError):
    """Two checkpoints of one log that cannot both be true.

    `old` and `new` are the signed notes; `proof` (hashes, 32 bytes each) shows that the tree of `new` begins with the root `begins`
    and not with that of `old`. Together they are the evidence (`core.fork`).
    """

    default_code = "BL-FORK-1"

    def __init__(self, message: str, *, old: str, new: str, begins: bytes, proof: tuple[bytes, ...] = ()) -> None:
        super().__init__(message, hint="keep both checkpoints; they prove that the log showed two histories")
        self.old = old
        self.new = new
        self.begins = begins
        self.proof = proof


class LedgerError(BylineError):
    """Talking to the log failed."""

    default_code = "BL-LEDGER-1"


class LedgerUnavailableError(LedgerError):
    """The log does not answer; `retry_after` is in seconds."""

    default_code = "BL-LEDGER-2"

    def __init__(self, message: str, *, retry_after: float = 1.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class PushbackError(LedgerUnavailableError):
    """The log is there and asks to come back later."""

    default_code = "BL-LEDGER-3"


class ContentionError(LedgerUnavailableError):
    """Another writer of the same log was in the way: nothing was written, and the same may be tried at once."""

    default_code = "BL-LEDGER-10"


class QuotaError(PushbackError):
    """The caller has used up what it may send for now."""

    default_code = "BL-LEDGER-6"


class UnknownCallerError(LedgerError):
    """The log does not know who calls, and wants to."""

    default_code = "BL-LEDGER-7"


class NotAdmittedError(LedgerError):
    """The log knows who calls, or lets nobody do this, and says no."""

    default_code = "BL-LEDGER-8"


class FrozenError(LedgerError):
    """The log is frozen: it answers, and takes no new entries; asking again does not help, another log may follow it."""

    default_code = "BL-LEDGER-9"


class DamagedError(LedgerError):
    """What the log's store holds is not what was logged; the log answers nothing that would rest on it."""

    default_code = "BL-LEDGER-11"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "run `byline ledger fsck`") -> None:
        super().__init__(message, code=code, hint=hint)


class EntryRejectedError(LedgerError):
    """The log will never take this entry."""

    default_code = "BL-LEDGER-4"


class KeyNotAllowedError(EntryRejectedError):
    """The log takes no entries of this key."""

    default_code = "BL-LEDGER-5"


class RepositoryError(BylineError):
    """Git cannot say."""

    default_code = "BL-GIT-1"


class NotARepositoryError(RepositoryError):
    """There is no git repository here."""

    default_code = "BL-GIT-2"


class ShallowError(RepositoryError):
    """The answer lies beyond the boundary of a shallow clone."""

    default_code = "BL-GIT-3"


class MissingObjectError(RepositoryError):
    """An object that the answer needs is not in this repository."""

    default_code = "BL-GIT-4"


class ConfigError(BylineError):
    """The operator's set-up is wrong or missing."""

    default_code = "BL-CONFIG-1"


class RefusedError(BylineError, PermissionError):
    """The policy of a repository does not let an agent do this, or (`effect` "ask") wants a person to say yes first.

    The message is for the agent. `rule` is the rule's id, `what` the path or the kinds of commands that it is about.
    """

    default_code = "BL-REFUSED-1"

    def __init__(self, message: str, *, effect: str, rule: str, what: str) -> None:
        super().__init__(message, hint="a person may do it, or change the policy")
        self.effect = effect
        self.rule = rule
        self.what = what
