# SPDX-License-Identifier: Apache-2.0
"""Who comes in at a log's doors, as whom, and how much they may send.

The first of the identities (`engine.identities`) that a caller is, that has the door, and whose keys the statement's is among, is
the one that counts. A token that no identity has is refused at every door: whoever shows one expects it to count. Quotas are used
up when the identity is proven, by what the caller shows or else by the statement's signature, so that nobody uses up what is
another's. Every process of a server counts for itself. What lasts asks again from time to time: who is no longer named is let go.

>>> reader = Identity(name="anyone", doors=frozenset({Door.READ}))
>>> Access([reader], clock=lambda: 0.0).enter(Caller(), Door.READ).name
'anyone'
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, TypeVar

from byline.core.value import dataclass
from byline.errors import BylineError, KeyNotAllowedError, NotAdmittedError, QuotaError, UnknownCallerError
from byline_ledger.engine.identities import ANYONE, Door, Identity
from byline_ledger.engine.quota import Bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What somebody shows: a bearer `token`, and the `names` of a certificate that was checked."""

    token: str | None = None
    names: frozenset[str] = frozenset()


class Guest:
    """A caller who came in as `identity`, and what of its quota is left. Not thread-safe."""

    def __init__(self, identity: Identity, clock: Callable[[], float]) -> None:
        self.identity = identity
        self.is_known = bool(identity.token or identity.certificate)
        self._clock = clock
        self._entries = Bucket(rate=identity.rate, seconds=identity.burst) if identity.rate else None
        self._bytes = Bucket(rate=identity.bytes, seconds=identity.burst) if identity.bytes else None
        self._is_bounded = bool(self._entries or self._bytes)

    def go_on(self, before: Guest) -> None:
        """Begin with what was left of the quota of `before`, who was the same: no reload gives anybody more."""
        for mine, theirs in ((self._entries, before._entries), (self._bytes, before._bytes)):
            if mine and theirs:
                mine.go_on(theirs)

    def check(self, size: int) -> None:
        """Check that an entry of `size` bytes may come now.

        Raises:
            QuotaError: Not before some time.
        """
        if not self._is_bounded:
            return
        at = self._clock()
        pause = max((bucket.pause(units, at=at) for bucket, units in self._costs(size)), default=0.0)
        if pause:
            raise QuotaError("this caller has sent all that it may for now", retry_after=pause)

    def take(self, size: int) -> None:
        """Count an entry of `size` bytes.

        Raises:
            QuotaError: It may not come now.
        """
        self.check(size)
        for bucket, units in self._costs(size):
            bucket.take(units)

    def charged(self, outcome: T | Exception, size: int) -> T | Exception:
        """Return what became of an entry of `size` bytes, and count it if that proves who sent it."""
        if not self.is_known and isinstance(outcome, Exception):
            return outcome
        try:
            self.take(size)
        except QuotaError as error:
            return error
        return outcome

    def _costs(self, size: int) -> Iterator[tuple[Bucket, int]]:
        if self._entries:
            yield self._entries, 1
        if self._bytes:
            yield self._bytes, size


class Visit:
    """A caller inside a door, as one or more identities; the key of a statement tells which. `again` asks at the door once more."""

    def __init__(self, guests: tuple[Guest, ...], again: Callable[[], Visit]) -> None:
        self._guests = guests
        self.again = again

    @property
    def name(self) -> str:
        """Who it is, as far as the caller showed."""
        return _name(self._guests)

    def guest(self, key: str) -> Guest:
        """Return who sends a statement that the key with the id `key` signed.

        Raises:
            KeyNotAllowedError: Nobody whom the caller is may send it.
        """
        for each in self._guests:
            if each.identity.keys is None or key in each.identity.keys:
                return each
        raise KeyNotAllowedError(f"key {key[:16]} may not append to this log")

    def let(self, key: str, size: int) -> Guest | BylineError:
        """Return who sends a statement of `size` bytes, signed by the key with the id `key`, or why it may not come (now)."""
        try:
            guest = self.guest(key)
            guest.check(size)
        except (KeyNotAllowedError, QuotaError) as error:
            return error
        return guest


class Access:
    """The doors of a log, as `identities` say; `clock` gives seconds and only goes forward."""

    def __init__(self, identities: Iterable[Identity], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._guests: tuple[Guest, ...] = ()
        self.replace(identities)

    def replace(self, identities: Iterable[Identity]) -> None:
        """Go by other `identities` from now on; of a name that stays what was used of its quota stays used."""
        before = {each.identity.name: each for each in self._guests}
        self._guests = tuple(Guest(each, self._clock) for each in identities)
        for each in self._guests:
            if each.identity.name in before:
                each.go_on(before[each.identity.name])

    def enter(self, caller: Caller, door: Door) -> Visit:
        """Let `caller` in at `door`.

        Raises:
            UnknownCallerError: It shows a token that nobody has, or nothing where something would let it in.
            NotAdmittedError: Whoever it is may not.
        """
        token = None if caller.token is None else hash_token(caller.token)
        known = [each for each in self._guests if _is(each.identity, token, caller.names)]
        if token is not None and not any(each.identity.token for each in known):
            raise UnknownCallerError("no identity has this token")
        inside = tuple(each for each in known if door in each.identity.doors)
        if inside:
            return Visit(inside, lambda: self.enter(caller, door))
        wanted = any(each.is_known and door in each.identity.doors for each in self._guests)
        if wanted and not any(each.is_known for each in known):
            raise UnknownCallerError(f"this door ({door}) wants a token or a certificate")
        raise NotAdmittedError(f"{_name(known)} may not use this door ({door})")


def _name(guests: Iterable[Guest]) -> str:
    """Return who somebody is that could be all of `guests`: those known by keys alone are nobody before they sign."""
    return next((each.identity.name for each in guests if each.is_known), ANYONE)


def _is(identity: Identity, token: str | None, names: frozenset[str]) -> bool:
    shows_token = identity.token is None or (token is not None and hmac.compare_digest(identity.token, token))
    return shows_token and (not identity.certificate or not names.isdisjoint(identity.certificate))


def hash_token(token: str) -> str:
    """Return what is kept of a bearer token: its SHA-256 in hex. Tokens are 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
