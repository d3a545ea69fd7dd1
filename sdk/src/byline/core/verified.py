# SPDX-License-Identifier: Apache-2.0
"""Facts that were proven: only the verify room makes these values.

Holding one means that its signature was checked and belongs to a key that trust lists, and that its statement belongs to this
repository. What else was proven stands in it. *Relaxing* facts need every check (`is_full`); *tightening* facts need no more
than this, so that nobody gets rid of them by having a key revoked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.publickey import Presence
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from byline.core.approval import Approval
    from byline.core.authorship import Authorship
    from byline.core.checkpoint import Checkpoint
    from byline.core.decision import Decision
    from byline.core.delegation import Delegation, Revocation
    from byline.core.tombstone import Tombstone
    from byline.core.trust import Use


class Strength(StrEnum):
    """How much stands behind a statement, weakest first: a key of trust; the receipt of an independent log; witnesses of it too."""

    SIGNED = "signed"
    LOGGED = "logged"
    WITNESSED = "witnessed"

    @property
    def rank(self) -> int:
        """0 for `signed`."""
        return list(Strength).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A statement (`digest`: SHA-256 of its payload) signed by a key (`key`: its id) of `principal`."""

    digest: str
    principal: str
    key: str
    strength: Strength


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAuthorship(Verified):
    """Claims. `is_full`: the key may sign authorship and the statement names nobody but its signer.

    What an agent's key signed is never full; `delegation` is the statement (SHA-256 of its payload) within whose scope it stays.
    """

    authorship: Authorship
    is_full: bool
    delegation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedApproval(Verified):
    """A person's yes, by that person. `uses` are those of their key: approval, root or both; `presence` is what the signature shows."""

    approval: Approval
    uses: tuple[Use, ...]
    presence: Presence = Presence.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDecision(Verified):
    """What a gate decided; its key has the use decision."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDelegation(Verified):
    """Somebody lets an agent's key sign; every check was made, and their own key has the use authorship."""

    delegation: Delegation


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRevocation(Verified):
    """Somebody of trust says that a delegation is over."""

    revocation: Revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTombstone(Verified):
    """A person's yes to an erasure. `is_full`: their key has the use erasure; any other only tightens."""

    tombstone: Tombstone
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIndex:
    """What the index of the log `origin`, sealed at `sealed_at` or later, was shown to have: under each key all its entries.

    `checkpoints` are those that its seals end. It is `witnessed` where they were shown to lead to one that witnesses cosigned.
    """

    origin: str
    sealed_at: datetime
    found: Mapping[bytes, tuple[int, ...]]
    checkpoints: tuple[Checkpoint, ...]
    strength: Strength = Strength.LOGGED

    @property
    def entries(self) -> frozenset[int]:
        """The entries that have some key."""
        return frozenset(index for indices in self.found.values() for index in indices)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCompleteness:
    """Whether all that the log of `index` has about a change is here.

    `withheld` names for each path the entries about how it changes that are not; `unread` are paths of whose history some are not, and
    `erased` those about whose change some are not because people's tombstones say so.
    """

    index: VerifiedIndex
    withheld: Mapping[bytes, tuple[int, ...]]
    unread: frozenset[bytes]
    erased: frozenset[bytes] = frozenset()
