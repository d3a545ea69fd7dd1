# SPDX-License-Identifier: Apache-2.0
r"""What a browser signs with a passkey or a token: a WebAuthn assertion (W3C Web Authentication, level 2), here over a statement.

An envelope's signature is the assertion as canonical JSON; its members are what `navigator.credentials.get` answers:

    {"authenticatorData":"<base64>","clientDataJSON":"<base64>","signature":"<base64>"}

The challenge is SHA-256 of the pre-authentication encoding of the statement, so that the assertion holds for nothing else. What
is checked, after section 7.2 of the standard:

1. clientDataJSON is a JSON object with `type` `webauthn.get`; `challenge` is that digest, in base64url without padding.
2. It was no frame of another site (`crossOrigin` is absent or false), and `origin` is a secure one at or below the relying party.
3. authenticatorData begins with SHA-256 of the relying party that the key names.
4. Somebody was there: the flag UP is set. The flag UV says that the token verified who.
5. The key signed authenticatorData || SHA-256(clientDataJSON). (`keys.signatures` checks this one.)

The counter is not looked at: a log keeps an order of its own, and passkeys that are synchronised always say 0.

>>> parse_assertion(b'{"authenticatorData":"","clientDataJSON":"","signature":""}').flags
0
"""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.value import dataclass
from byline.errors import MalformedError, SignatureError

if TYPE_CHECKING:
    from byline.core.publickey import PublicKey

MAX_ASSERTION = 16 * 1024
_MEMBERS = ("authenticatorData", "clientDataJSON", "signature")
_PLAIN_SIZE = 32 + 1 + 4  # hash of the relying party, flags, counter
_EXTENSIONS, _NEW_CREDENTIAL = 0x80, 0x40
_ORIGIN = re.compile(r"https://([a-z0-9.-]+)(?::[0-9]{1,5})?|http://(localhost)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What the authenticator and the browser said, and the signature over both."""

    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    @property
    def flags(self) -> int:
        """The authenticator's flags: 1 somebody was there (UP), 4 verified who (UV)."""
        return int.from_bytes(self.authenticator_data[32:33], "big")

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return self.authenticator_data + hashlib.sha256(self.client_data).digest()


def parse_assertion(data: bytes) -> Assertion:
    """Read an assertion.

    Raises:
        MalformedError: Not one, or not as `format_assertion` spells it.
    """
    value = parse_strict(data, max_bytes=MAX_ASSERTION)
    if not isinstance(value, dict) or set(value) != set(_MEMBERS):
        raise MalformedError(f"an assertion has the members {', '.join(_MEMBERS)}")
    authenticator_data, client_data, signature = (parse_base64(value[each]) for each in _MEMBERS)
    found = Assertion(authenticator_data=authenticator_data, client_data=client_data, signature=signature)
    if format_assertion(found) != data:
        raise MalformedError("an assertion that is not canonical JSON")
    return found


def format_assertion(found: Assertion) -> bytes:
    """Return the signature of an envelope."""
    values = (found.authenticator_data, found.client_data, found.signature)
    return format_canonical(dict(zip(_MEMBERS, map(format_base64, values), strict=True)))


def challenge_of(digest: bytes) -> str:
    """Return the challenge for a statement whose pre-authentication encoding has this SHA-256."""
    return binascii.b2a_base64(digest, newline=False).decode().translate(str.maketrans("+/", "-_", "="))


def check_assertion(found: Assertion, key: PublicKey, digest: bytes) -> None:
    """Make checks 1 to 4: that `found` is about `digest`, for the relying party of `key`, by somebody who was there.

    Raises:
        SignatureError: One of them fails; the message says which.
        MalformedError: clientDataJSON is no JSON.
    """
    client, scope = parse_strict(found.client_data), key.scope or ""
    if not isinstance(client, dict) or (client.get("type"), client.get("challenge")) != ("webauthn.get", challenge_of(digest)):
        raise SignatureError("the assertion is about something else")  # 1
    origin = client.get("origin")
    match = _ORIGIN.fullmatch(origin) if isinstance(origin, str) else None
    host = (match[1] or match[2]) if match else ""
    if client.get("crossOrigin", False) is not False or not f".{host}".endswith(f".{scope}"):
        raise SignatureError("the assertion was made on another site")  # 2
    if found.authenticator_data[:32] != hashlib.sha256(scope.encode()).digest():
        raise SignatureError("the assertion is for another relying party")  # 3
    has_more = len(found.authenticator_data) > _PLAIN_SIZE
    is_whole = len(found.authenticator_data) >= _PLAIN_SIZE and has_more == bool(found.flags & _EXTENSIONS)
    if not is_whole or found.flags & _NEW_CREDENTIAL or not found.flags & 1:
        raise SignatureError("the assertion does not say that somebody was there")  # 4
