# SPDX-License-Identifier: Apache-2.0
"""What an agent's key signed: it counts as far as somebody of trust lets that key sign, and only to tighten.

A key that trust does not list is an agent's if a delegation, proven by all ten checks, names it; whoever holds no such statement knows
nothing of the key, and nothing that it signed is even parsed. Then its authorship statements are facts that are never full: each
delegator of the key stands as a signer, so that one more delegation can only add a hand. That a statement stays within what its
delegation allows (`core.delegation.exceeds`) makes it a fact that readers show as proven; outside of it, or revoked, it tightens all
the same and the check has failed. Of any other predicate an agent's key proves nothing, and tightens nothing.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.authorship import Authorship
from byline.core.moment import SKEW
from byline.core.publickey import Presence
from byline.core.trust import TrustedKey
from byline.core.verified import VerifiedAuthorship, VerifiedDelegation, VerifiedRevocation
from byline.errors import DelegationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.trust import Trust
    from byline.core.verified import Strength, Verified
    from byline.verify.checks import Signed

NEVER = datetime.min.replace(tzinfo=UTC)


class Delegations:
    """The delegations that were proven so far, under `trust`."""

    def __init__(self, trust: Trust) -> None:
        self._own = {key.id for key in trust.keys}
        self._given: dict[str, dict[str, VerifiedDelegation]] = defaultdict(dict)
        self._kept: dict[str, datetime] = {}  # of those that were ended, until when what was signed holds

    def learn(self, fact: Verified) -> None:
        """Take note of `fact`, if it is about delegation."""
        if isinstance(fact, VerifiedDelegation) and fact.delegation.key not in self._own:
            self._given[fact.delegation.key][fact.digest] = fact
        if isinstance(fact, VerifiedRevocation):
            ended = fact.revocation
            kept = ended.keeps_until or NEVER
            self._kept[ended.delegation] = min(kept, self._kept.get(ended.delegation, kept))

    def key(self, key: str) -> TrustedKey | None:
        """Return the agent's key with the id `key`, which has no uses: whoever is asked first answers for it."""
        given = min(self._given.get(key, {}).values(), key=lambda each: each.digest, default=None)
        if given is None:
            return None
        return TrustedKey(principal=given.principal, public=given.delegation.public, uses=(), presence=Presence.NONE)

    def facts(self, signed: Signed, strength: Strength) -> Iterator[VerifiedAuthorship]:
        """Yield what `signed` proves: once for each delegator of its key, with the delegation that it stays within, if it does."""
        said = signed.predicate
        if not isinstance(said, Authorship):
            return
        within = self._within(signed.key.id, said)
        proven = None if isinstance(within, str) else within
        for principal in sorted({each.principal for each in self._given[signed.key.id].values()}):
            delegation = proven.digest if proven and proven.principal == principal else None
            yield VerifiedAuthorship(
                digest=signed.digest,
                principal=principal,
                key=signed.key.id,
                strength=strength,
                authorship=said,
                is_full=False,
                delegation=delegation,
            )

    def check(self, signed: Signed) -> None:
        """Check that `signed` stays within the delegation that it names.

        Raises:
            DelegationError: It does not, or that one is revoked or not here.
        """
        said = signed.predicate
        within = self._within(signed.key.id, said) if isinstance(said, Authorship) else "such a key signs authorship statements only"
        if isinstance(within, str):
            raise DelegationError(f"outside of what the agent's key may sign: {within}")

    def _within(self, key: str, said: Authorship) -> VerifiedDelegation | str:
        """Return the delegation that `said`, signed with `key`, stays within, or why it stays within none."""
        named = said.mandate.delegation if said.mandate else ""
        fact = self._given[key].get(named)
        if fact is None or said.mandate is None:
            return "the delegation that it names is not here"
        # By the clocks of two machines: the agent's, and that of whoever ended it.
        if said.mandate.signed_at - SKEW > self._kept.get(named, said.mandate.signed_at):
            return "the delegation was revoked" if self._kept[named] == NEVER else "the delegation had been ended"
        return next(_exceeds(fact, said), fact)


def _exceeds(fact: VerifiedDelegation, said: Authorship) -> Iterator[str]:
    from byline.core.delegation import exceeds

    return exceeds(fact.delegation, said)
