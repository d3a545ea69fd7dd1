# SPDX-License-Identifier: Apache-2.0
"""Whom a repository trusts, for what: `.byline/trust.toml`.

    schema = 1
    repository = "byl:<32 hex>"          # minted once, repeated in every statement
    line_key = "<base64 of 32 bytes>"    # key of the line hashes
    version = 1                          # exactly + 1 each time; previous = "sha256:<hex of the file before>", absent in 1
    issued = 2026-11-21T00:00:00Z        # UTC; after `expires` a gate denies
    expires = 2027-11-21T00:00:00Z
    levels = ["junior", "mid", "senior"] # lowest first; an unknown person is below the first

    [[log]]
    origin = "ledger.example"            # with its vkey; class "independent" or "embedded"; operator and url may be absent
    vkey = "ledger.example+..."
    class = "independent"

    index = true                         # it seals an index, and what is not in that is not logged; absent = false
    quorum = 2                           # of so many witness operators; absent = 0, then nothing of it is `witnessed`

    [[witness]]                          # who cosigns checkpoints of logs; an operator has one vote, however many witnesses
    name = "w1"
    vkey = "witness.example+..."
    operator = "o-one"                   # url, where a log asks it, may be absent

    [[principal]]
    id = "p-ana"                         # p- a person, a- an agent, s- a service; kind says so once more
    kind = "human"
    level = "senior"                     # people only; absent = below the first

    [[key]]
    principal = "p-ana"
    type = "p256"                        # its form: p256, ed25519, ssh, sk-ssh or webauthn (core.publickey)
    public = "<base64>"
    uses = ["authorship", "approval", "root"]
    presence = "none"                    # what each signature has to show; absent = none, of a token's key present

The file is a regular blob of at most 256 KiB; its SHA-256 is over its bytes. Unknown keys are refused. A key with `uses = []`
is a key that was enrolled once: nothing that it signs can relax a verdict any more, but its claims still tighten one. A token's
key (sk-ssh, webauthn) is `present` or `verified`, no other key is more than `none`: a file cannot tell who used it. Only
people approve, so only a person's key may have the uses approval and root; `decision` belongs to services and people.

>>> is_below("junior", "senior", ("junior", "mid", "senior"))
True
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from byline.core.canonical import format_base64, parse_base64
from byline.core.checkpoint import Checkpoint
from byline.core.merkle import HASH_SIZE, MAX_SIZE
from byline.core.note import COSIGNATURE, ML_DSA_44, is_name, parse_vkey
from byline.core.publickey import KeyType, Presence, key_type
from byline.core.table import (
    parse_table,
    take_array,
    take_choice,
    take_digest,
    take_flag,
    take_keys,
    take_number,
    take_repository,
    take_string,
    take_strings,
    take_time,
)
from byline.core.value import dataclass
from byline.errors import MalformedError, StaleError, TrustError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_TRUST = 256 * 1024
LINE_KEY_BYTES = 32
MAX_VKEY = 4096  # an ML-DSA-44 key is long
TRUST_PATH = b".byline/trust.toml"


class Kind(StrEnum):
    """What a principal is."""

    HUMAN = "human"
    AGENT = "agent"
    SERVICE = "service"


class Use(StrEnum):
    """What a key may sign."""

    AUTHORSHIP = "authorship"
    APPROVAL = "approval"
    ROOT = "root"
    DECISION = "decision"
    ERASURE = "erasure"


class LogClass(StrEnum):
    """Whether a log is run by somebody who is no author here."""

    INDEPENDENT = "independent"
    EMBEDDED = "embedded"


PREFIXES = {"p-": Kind.HUMAN, "a-": Kind.AGENT, "s-": Kind.SERVICE}
PEOPLE_ONLY = frozenset({Use.APPROVAL, Use.ROOT, Use.ERASURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedLog:
    """A log, by its `origin` and the key (`vkey`) that signs its checkpoints; `quorum` other operators' cosignatures witness one.

    With `is_indexed` it seals an index (`core.sealed_index`), and only what is in that is logged. A log that has ended is `frozen` at
    its final checkpoint, and `successor` is the origin of the log that follows it.
    """

    origin: str
    vkey: str
    kind: LogClass
    operator: str | None = None
    url: str | None = None
    is_indexed: bool = False
    quorum: int = 0
    frozen: Checkpoint | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Somebody who cosigns checkpoints with the key `vkey`; `operator` runs it, and has one vote in a quorum."""

    name: str
    vkey: str
    operator: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who signs. `level` is None for whoever is no person, and for a person below the first level."""

    id: str
    kind: Kind
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key of `principal`, what it may sign, and what its signatures have to show; `uses` is empty once it is revoked."""

    principal: str
    public: bytes
    uses: tuple[Use, ...]
    presence: Presence = Presence.NONE

    @property
    def id(self) -> str:
        """SHA-256 of `public`, hex."""
        return hashlib.sha256(self.public).hexdigest()

    @property
    def type(self) -> KeyType:
        """The form of the key.

        Raises:
            MalformedError: It is none that Byline knows.
        """
        return key_type(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """One version of a repository's trust file. `sha256` is over the file's bytes."""

    repository: str
    line_key: bytes
    version: int
    previous: str | None
    issued: datetime
    expires: datetime
    levels: tuple[str, ...]
    logs: tuple[TrustedLog, ...]
    witnesses: tuple[Witness, ...]
    principals: tuple[Principal, ...]
    keys: tuple[TrustedKey, ...]
    sha256: str

    @property
    def ledger(self) -> TrustedLog | None:
        """The log that new statements go to: the first with a URL that has not ended."""
        return next((each for each in self.logs if each.url and not each.frozen), None)

    @property
    def indexed_logs(self) -> tuple[TrustedLog, ...]:
        """The independent logs that seal an index and have not ended: a gate that wants completeness asks the one there is."""
        return tuple(each for each in self.logs if each.is_indexed and each.kind is LogClass.INDEPENDENT and each.frozen is None)

    def principal(self, name: str) -> Principal | None:
        """Return the principal with this id."""
        return next((each for each in self.principals if each.id == name), None)

    def key(self, public: bytes) -> TrustedKey | None:
        """Return the key with these bytes, whatever its uses."""
        return next((each for each in self.keys if each.public == public), None)

    def principal_of(self, public: bytes, use: Use) -> Principal:
        """Return whose key `public` is, if it may be used for `use`.

        Raises:
            UnknownKeyError: Trust does not know the key, or not for this use.
        """
        key = self.key(public)
        if key is None:
            raise UnknownKeyError("trust does not know the key", hint="an owner adds it with byline trust add")
        if use not in key.uses:
            raise UnknownKeyError(f"trust does not let this key of {key.principal} sign for the use {use}")
        return next(each for each in self.principals if each.id == key.principal)

    def check_current(self, at: datetime) -> None:
        """Check that the file has not expired `at`.

        Raises:
            StaleError: It has.
        """
        if at >= self.expires:
            raise StaleError(f"trust version {self.version} has expired", hint="a root key holder issues the next version")


def is_below(level: str | None, other: str, levels: Sequence[str]) -> bool:
    """Whether `level` stands below `other` in `levels`; no level, and one that is not listed, stand below all."""
    place = levels.index(level) if level in levels else -1
    return other not in levels or place < levels.index(other)


def parse_trust(data: bytes) -> Trust:
    """Read a trust file.

    Raises:
        TrustError: It is not one, or it contradicts itself; the message says where.
    """
    try:
        return _read(parse_table(data, max_bytes=MAX_TRUST), hashlib.sha256(data).hexdigest())
    except TrustError:
        raise
    except MalformedError as error:
        raise TrustError(f"trust.toml: {error}") from error


def _read(table: dict[str, Any], sha256: str) -> Trust:
    take_keys(
        table,
        required=("schema", "repository", "line_key", "version", "issued", "expires", "levels"),
        optional=("previous", "log", "witness", "principal", "key"),
        what="the file",
    )
    if table["schema"] != 1 or isinstance(table["schema"], bool):
        raise TrustError("trust.toml: schema has to be 1")
    line_key = parse_base64(table["line_key"])
    levels = take_strings(table["levels"], what="levels")
    trust = Trust(
        repository=take_repository(table["repository"], what="repository"),
        line_key=line_key,
        version=take_number(table["version"], what="version"),
        previous=take_digest(table["previous"], what="previous") if "previous" in table else None,
        issued=take_time(table["issued"], what="issued"),
        expires=take_time(table["expires"], what="expires"),
        levels=levels,
        logs=tuple(_log(each) for each in take_array(table.get("log", []), what="log")),
        witnesses=tuple(_witness(each) for each in take_array(table.get("witness", []), what="witness")),
        principals=tuple(_principal(each, levels) for each in take_array(table.get("principal", []), what="principal")),
        keys=tuple(_key(each) for each in take_array(table.get("key", []), what="key")),
        sha256=sha256,
    )
    _check_whole(trust)
    return trust


def _check_whole(trust: Trust) -> None:
    if len(trust.line_key) != LINE_KEY_BYTES:
        raise TrustError(f"trust.toml: line_key is {LINE_KEY_BYTES} bytes")
    if not trust.levels:
        raise TrustError("trust.toml: levels names at least one")
    if (trust.version == 1) != (trust.previous is None):
        raise TrustError("trust.toml: previous is absent in version 1 and there in every other")
    if trust.expires <= trust.issued:
        raise TrustError("trust.toml: it expires before it is issued")
    for what, names in (
        ("an origin", [each.origin for each in trust.logs]),
        ("a witness", [each.name for each in trust.witnesses]),
        ("a key of a log or witness", [*map(_public_of, trust.logs), *map(_public_of, trust.witnesses)]),
        ("a principal", [each.id for each in trust.principals]),
        ("a key", [format_base64(each.public) for each in trust.keys]),
    ):
        if len(set(names)) != len(names):
            raise TrustError(f"trust.toml: {what} stands there twice")
    for log in trust.logs:
        if log.quorum > len({each.operator for each in trust.witnesses} - {log.operator}):
            raise TrustError(f"trust.toml: the quorum of {log.origin} asks for more witness operators than there are beside its own")
    _check_successors(trust.logs)
    for key in trust.keys:
        owner = trust.principal(key.principal)
        if owner is None:
            raise TrustError(f"trust.toml: a key of {key.principal}, who is no principal")
        if owner.kind is not Kind.HUMAN and PEOPLE_ONLY & set(key.uses):
            raise TrustError(f"trust.toml: {owner.id} is no person; only people approve")


def _public_of(whose: TrustedLog | Witness) -> str:
    return format_base64(parse_vkey(whose.vkey).public)


def _check_successors(logs: Sequence[TrustedLog]) -> None:
    origins = {each.origin for each in logs}
    for log in logs:
        if log.successor is not None and (log.frozen is None or log.successor not in origins - {log.origin}):
            raise TrustError(f"trust.toml: {log.origin} has a successor: it is frozen, and that one stands here too")


def _log(value: object) -> TrustedLog:
    table = take_keys(
        value, required=("origin", "vkey", "class"), optional=("operator", "url", "index", "quorum", "frozen", "successor"), what="a log"
    )
    origin = take_string(table["origin"], what="log.origin")
    vkey = take_string(table["vkey"], what="log.vkey")
    if parse_vkey(vkey).name != origin:
        raise TrustError("trust.toml: a log's vkey names another origin")
    return TrustedLog(
        origin=origin,
        vkey=vkey,
        kind=take_choice(LogClass, table["class"], what="log.class"),
        operator=take_string(table["operator"], what="log.operator") if "operator" in table else None,
        url=take_string(table["url"], what="log.url") if "url" in table else None,
        is_indexed=take_flag(table.get("index", False), what="log.index"),
        quorum=take_number(table["quorum"], what="log.quorum", least=0) if "quorum" in table else 0,
        frozen=_final(table["frozen"], origin) if "frozen" in table else None,
        successor=take_string(table["successor"], what="log.successor") if "successor" in table else None,
    )


def _final(value: object, origin: str) -> Checkpoint:
    table = take_keys(value, required=("size", "root"), what="log.frozen")
    root = parse_base64(table["root"])
    if len(root) != HASH_SIZE:
        raise TrustError("trust.toml: log.frozen.root is a root, 32 bytes in base64")
    return Checkpoint(origin=origin, size=take_number(table["size"], what="log.frozen.size", least=0, most=MAX_SIZE), root=root)


def _witness(value: object) -> Witness:
    table = take_keys(value, required=("name", "vkey", "operator"), optional=("url",), what="a witness")
    name, operator = (take_string(table[each], what=f"witness.{each}") for each in ("name", "operator"))
    vkey = take_string(table["vkey"], what="witness.vkey", most=MAX_VKEY)
    if parse_vkey(vkey).algorithm not in {COSIGNATURE, ML_DSA_44} or not is_name(name) or not is_name(operator):
        raise TrustError("trust.toml: a witness has a vkey for cosignatures, and names without white space")
    url = take_string(table["url"], what="witness.url") if "url" in table else None
    return Witness(name=name, vkey=vkey, operator=operator, url=url)


def _principal(value: object, levels: Sequence[str]) -> Principal:
    table = take_keys(value, required=("id", "kind"), optional=("level",), what="a principal")
    name = take_string(table["id"], what="principal.id")
    kind = take_choice(Kind, table["kind"], what="principal.kind")
    if PREFIXES.get(name[:2]) is not kind or len(name) < 3 or not name.isascii() or " " in name:
        raise TrustError("trust.toml: the id of a person begins with p-, of an agent with a-, of a service with s-")
    level = take_string(table["level"], what="principal.level") if "level" in table else None
    if level is not None and (kind is not Kind.HUMAN or level not in levels):
        raise TrustError(f"trust.toml: {name} has a level that levels does not name, or is no person")
    return Principal(id=name, kind=kind, level=level)


def _key(value: object) -> TrustedKey:
    table = take_keys(value, required=("principal", "type", "public", "uses"), optional=("presence",), what="a key")
    public, kind = parse_base64(table["public"]), take_choice(KeyType, table["type"], what="key.type")
    if key_type(public) is not kind:
        raise TrustError(f"trust.toml: public is not a key of the type {kind}")
    uses = tuple(take_choice(Use, each, what="an element of key.uses") for each in take_array(table["uses"], what="key.uses"))
    if len(set(uses)) != len(uses):
        raise TrustError("trust.toml: a key has a use twice")
    presence = take_choice(Presence, table.get("presence", least_presence(kind)), what="key.presence")
    if (presence is Presence.NONE) == kind.is_token:
        raise TrustError("trust.toml: the presence of a token's key is present or verified, that of every other key none")
    return TrustedKey(principal=take_string(table["principal"], what="key.principal"), public=public, uses=uses, presence=presence)


def least_presence(kind: KeyType) -> Presence:
    """Return what every signature of such a key shows."""
    return Presence.PRESENT if kind.is_token else Presence.NONE
