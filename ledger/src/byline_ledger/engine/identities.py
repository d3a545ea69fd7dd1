# SPDX-License-Identifier: Apache-2.0
r"""Whom a log knows, and which doors are theirs: `admission.toml`.

    schema = 1

    [[identity]]
    name = "ci"                                      # for counts and log lines
    token = "sha256:<hex>"                           # shows this bearer token; only its hash is kept
    certificate = ["spiffe://shop.example/ci"]       # shows a certificate with one of these names (URI or DNS)
    keys = ["<key id>"]                              # sends statements of these keys only
    trust = "trust.toml"                             # or of those that count in this trust file
    doors = ["append", "read"]
    rate = 100                                       # entries a second, and bytes; more is pushed back
    bytes = 1_000_000
    burst = 10                                       # what was not used of so many seconds may come at once

    [[identity]]
    name = "anyone"
    doors = ["read"]

A caller is an identity if it shows all that the identity asks for: a token, a certificate. One that asks for neither is known by the
keys that sign its statements, and `anyone`, which asks for nothing, is everybody. Paths are relative to the file's folder, an
unknown key is refused.

>>> [each.name for each in parse_identities(b'schema = 1\nidentity = [{name = "anyone", doors = ["read"]}]')]
['anyone']
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from byline.core.table import parse_table, take_array, take_choice, take_digest, take_keys, take_number, take_string, take_strings
from byline.core.trust import parse_trust
from byline.core.value import dataclass, replace
from byline.errors import ConfigError, MalformedError
from byline.keys.ids import check_key_id

if TYPE_CHECKING:
    from pathlib import Path

ANYONE = "anyone"
BURST_SECONDS = 10
MAX_ADMISSION = 1024 * 1024
MAX_IDENTITIES = 1000
_MAX_RATE = 1_000_000_000


class Door(StrEnum):
    """What a caller may want: to log statements with their index, to log as Rekor does, to read, to look at the server's metrics."""

    APPEND = "append"
    REKOR = "rekor"
    READ = "read"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody, by what they show: the SHA-256 (hex) of a token, one of the names in a certificate, the ids of the keys that sign.

    `doors` are open to them; `rate` entries and `bytes` a second are theirs, None for as many as there are, and of `burst` seconds
    at once. `trust` names a file whose keys are added to `keys`.
    """

    name: str
    doors: frozenset[Door]
    token: str | None = None
    certificate: frozenset[str] = frozenset()
    keys: frozenset[str] | None = None
    trust: str | None = None
    rate: int | None = None
    bytes: int | None = None
    burst: int = BURST_SECONDS


_WRITING = frozenset({Door.APPEND, Door.REKOR})


def open_identities(*, append: bool, keys: frozenset[str] | None = None) -> tuple[Identity, ...]:
    """Return the rules of a log without a file: everybody reads; who may append has one of `keys`, or is anybody if `append`."""
    reading = {Door.READ, Door.METRICS} if append else {Door.READ}
    if keys is None:
        return (Identity(name=ANYONE, doors=frozenset(reading | _WRITING if append else reading)),)
    return (Identity(name="listed", keys=keys, doors=_WRITING), Identity(name=ANYONE, doors=frozenset(reading)))


def load_identities(path: Path) -> tuple[Identity, ...]:
    """Return the identities in the file `path`, with the keys of the trust files that it names.

    Raises:
        ConfigError: It or one of those cannot be read, or is not what it should be.
    """
    try:
        return tuple(_with_trust(each, path.parent) for each in parse_identities(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}", hint="see docs/formats.md, admission.toml") from error
    except MalformedError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint or "see docs/formats.md, admission.toml") from error


def _with_trust(identity: Identity, folder: Path) -> Identity:
    if identity.trust is None:
        return identity
    data = (folder / identity.trust).read_bytes()
    trusted = {each.id for each in parse_trust(data).keys if each.uses}
    return replace(identity, keys=frozenset(trusted | (identity.keys or set())))


def parse_identities(data: bytes) -> tuple[Identity, ...]:
    """Read an admission.toml.

    Raises:
        MalformedError: It is not one.
    """
    top = take_keys(parse_table(data, max_bytes=MAX_ADMISSION), required=("schema",), optional=("identity",), what="the file")
    if take_number(top["schema"], what="schema") != 1:
        raise MalformedError("schema is 1")
    identities = tuple(_identity(each) for each in take_array(top.get("identity", []), what="identity", most=MAX_IDENTITIES))
    names = [each.name for each in identities]
    if len(set(names)) != len(names):
        raise MalformedError("two identities have one name")
    return identities


def _identity(value: object) -> Identity:
    optional = ("token", "certificate", "keys", "trust", "rate", "bytes", "burst")
    table = take_keys(value, required=("name", "doors"), optional=optional, what="an identity")
    name = take_string(table["name"], what="the name of an identity")
    doors = frozenset(take_choice(Door, each, what=f"a door of {name}") for each in take_array(table["doors"], what=f"doors of {name}"))
    identity = Identity(name=name, doors=doors, **_shown(table, name), **_quota(table, name))
    _check_asks(identity)
    return identity


def _shown(table: dict[str, Any], name: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if "token" in table:
        out["token"] = take_digest(table["token"], what=f"the token of {name}")
    if "certificate" in table:
        out["certificate"] = frozenset(take_strings(table["certificate"], what=f"certificate of {name}"))
    if "keys" in table:
        out["keys"] = frozenset(take_strings(table["keys"], what=f"keys of {name}"))
        for each in out["keys"]:
            check_key_id(each)
    if "trust" in table:
        out["trust"] = take_string(table["trust"], what=f"trust of {name}")
    return out


def _quota(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: take_number(table[key], what=f"{key} of {name}", most=_MAX_RATE) for key in ("rate", "bytes", "burst") if key in table}


def _check_asks(identity: Identity) -> None:
    """Check that an identity can be told from others."""
    shows = identity.token is not None or bool(identity.certificate)
    signs = identity.keys is not None or identity.trust is not None
    if (shows or signs) == (identity.name == ANYONE):
        raise MalformedError(f"{identity.name} asks for a token, a certificate, keys or trust; only {ANYONE!r} asks for nothing")
    if not shows and signs and not identity.doors <= _WRITING:
        raise MalformedError(f"{identity.name} is known by its keys alone, and whoever only reads signs nothing")
