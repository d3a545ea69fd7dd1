# SPDX-License-Identifier: Apache-2.0
r"""Which logs count, and whose cosignatures they need (C2SP tlog-policy): the file that logs and other verifiers read.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> any|all|<k> <name>...      witnesses and groups of the lines before; each name in one group at most
    quorum <name>|none                      exactly once

Lines of words between spaces and tabs; empty lines and those that begin with `#` say nothing. Names and keys are told apart byte
by byte (text is read as UTF-8, other bytes stand for themselves). No key stands there twice, under whatever name. A group has
witnessed what at least k of its members have.

Byline's own source is trust.toml: `policy_for` writes what it says of one log, one group for each operator, so that an operator
with two witnesses has one vote.

>>> parse_tlog_policy(b"quorum none\n").is_met(frozenset())
True
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from byline.core.note import COSIGNATURE, ED25519, ML_DSA_44, NoteKey, format_vkey, parse_vkey
from byline.core.value import dataclass
from byline.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.core.trust import TrustedLog, Witness

NONE = "none"
MAX_POLICY = 1024 * 1024
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log by its key, whose name is its origin."""

    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness by its key; `name` is what this file calls it."""

    name: str
    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Witnesses and groups, of which `threshold` have to agree."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogPolicy:
    """A policy; `quorum` names a witness or a group, or is `none`."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[Group, ...]
    quorum: str

    def is_met(self, cosigned: frozenset[str]) -> bool:
        """Whether the witnesses with the names `cosigned` are a quorum."""
        agreed = set(cosigned) | {NONE}
        for group in self.groups:  # each after its members
            if sum(each in agreed for each in group.members) >= group.threshold:
                agreed.add(group.name)
        return self.quorum in agreed


def parse_tlog_policy(data: bytes) -> TlogPolicy:
    """Read a policy.

    Raises:
        CheckpointError: Not one; the message names the line.
    """
    if len(data) > MAX_POLICY or _FORBIDDEN.search(data):
        raise CheckpointError("not a tlog-policy: control characters, or more than a megabyte")
    found = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [each for each in re.split("[ \t]+", line) if each]
        if words and not words[0].startswith("#"):
            try:
                found.take(*words)
            except (CheckpointError, TypeError) as error:
                said = error if isinstance(error, CheckpointError) else "too few or too many words"
                raise CheckpointError(f"tlog-policy, line {number}: {said}") from error
    if found.quorum is None:
        raise CheckpointError("a tlog-policy has a line quorum")
    return TlogPolicy(logs=tuple(found.logs), witnesses=tuple(found.witnesses), groups=tuple(found.groups), quorum=found.quorum)


def format_tlog_policy(policy: TlogPolicy) -> bytes:
    """Return the text of `policy`."""
    lines = [["log", format_vkey(each.key), each.url] for each in policy.logs]
    lines += [["witness", each.name, format_vkey(each.key), each.url] for each in policy.witnesses]
    lines += [["group", each.name, str(each.threshold), *each.members] for each in policy.groups]
    lines.append(["quorum", policy.quorum])
    return "".join(" ".join(filter(None, line)) + "\n" for line in lines).encode("utf-8", "surrogateescape")


def policy_for(log: TrustedLog, witnesses: Sequence[Witness]) -> TlogPolicy:
    """Return what trust asks of checkpoints of `log`: cosignatures of so many operators of `witnesses`, none of them its own.

    Raises:
        CheckpointError: A key of theirs is no vkey.
    """
    counted = [each for each in witnesses if each.operator != log.operator] if log.quorum else []
    operators = sorted({each.operator for each in counted})
    groups = [
        Group(name=f"operator:{each}", threshold=1, members=tuple(one.name for one in counted if one.operator == each))
        for each in operators
    ]
    if groups:
        groups.append(Group(name="operators", threshold=log.quorum, members=tuple(each.name for each in groups)))
    return TlogPolicy(
        logs=(PolicyLog(key=parse_vkey(log.vkey), url=log.url),),
        witnesses=tuple(PolicyWitness(name=each.name, key=parse_vkey(each.vkey), url=each.url) for each in counted),
        groups=tuple(groups),
        quorum="operators" if groups else NONE,
    )


class _Reader:
    """The lines so far."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names = {NONE}
        self._free: set[str] = set()
        self._keys: set[tuple[str, bytes]] = set()

    def take(self, kind: str, *words: str) -> None:
        """Take one line.

        Raises:
            CheckpointError: It does not fit.
            TypeError: It has too few words, or too many.
        """
        takers: dict[str, Callable[..., None]] = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        if kind not in takers:
            raise CheckpointError("a line begins with log, witness, group or quorum")
        takers[kind](*words)

    def _log(self, vkey: str, url: str | None = None) -> None:
        self.logs.append(PolicyLog(key=self._key("log", vkey, (ED25519, ML_DSA_44)), url=url))

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        self.witnesses.append(PolicyWitness(name=self._new(name), key=self._key("witness", vkey, (COSIGNATURE, ML_DSA_44)), url=url))

    def _group(self, name: str, threshold: str, *members: str) -> None:
        if not members or len(set(members)) != len(members) or not self._free.issuperset(members):
            raise CheckpointError("a group has members, witnesses and groups of the lines before that are in no other group")
        count = {"any": 1, "all": len(members)}.get(threshold) or (int(threshold) if _COUNT.fullmatch(threshold) else 0)
        if not 1 <= count <= len(members):
            raise CheckpointError(f"a threshold is any, all or a number from 1 to {len(members)}")
        self._free.difference_update(members)
        self.groups.append(Group(name=self._new(name), threshold=count, members=members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None or name not in self._names:
            raise CheckpointError("there is one quorum, of a name in the lines before, or none")
        self.quorum = name

    def _new(self, name: str) -> str:
        if name in self._names:
            raise CheckpointError("a name stands there twice")
        self._names.add(name)
        self._free.add(name)
        return name

    def _key(self, whose: str, vkey: str, algorithms: Iterable[int]) -> NoteKey:
        key = parse_vkey(vkey)
        if key.algorithm not in algorithms:
            raise CheckpointError(f"a key of another kind than a {whose}'s")
        if (whose, key.public) in self._keys:
            raise CheckpointError("a key stands there twice")
        self._keys.add((whose, key.public))
        return key
