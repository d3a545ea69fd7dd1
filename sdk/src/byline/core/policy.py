# SPDX-License-Identifier: Apache-2.0
"""What a repository asks of a change: `.byline/policy.toml`.

    schema = 1
    version = 1
    repository = "byl:<32 hex>"
    requires_trust = 1                    # the lowest version of trust.toml that goes with it
    [evidence]
    strength = "signed"                   # or "logged": relaxing facts need the receipt of an independent log
    completeness = "none"                 # or "required": the log proves that no statement about the change was withheld (T4)
    max_checkpoint_age = "15m"            # how old that proof may be (the default)
    credit_human = [{ evidence = "observed" }, { evidence = "declared", levels = ["senior"] }]      # default: nobody
    credit_hands = true                   # default: false
    acknowledge = "T1,T2 only"            # needed by either of the two without completeness
    [approval]
    max_age = "72h"                       # m, h or d; absent: only the approval's own expiry counts
    binding = "effect"                    # or "tree"
    presence = "none"                     # or "present", "verified": what the signature of an approval has to show of the person
    [[rule]]
    id = "ai-senior-signoff"
    why = "..."
    when = { credited_human = false, hand_below = "senior" }
    require = { approvals = 1, level_at_least = "senior" }        # or: deny = true

What agents may not do stands in `[[agent]]` and `[[command]]` tables: `core.access`.

`when` is a conjunction of `paths` (globs), `op` (a list), `credited_human = false`, `hand_below = LEVEL` and `environment`; `{}`
holds always, and a member whose fact is unknown holds. Every rule whose `when` holds must be satisfied; a change unit for which
none holds is denied. `require.kind` is always `human`; `distinct_from` is `["hands"]`, for no gate is told yet who pushes. The list
of conditions is closed so that their polarity is known: nothing that a claim can say about origin, agent, model or session ever
makes a rule disappear.

Beside the rules, and not removable: a change to `.byline/**`, `.gitattributes` or `.gitmodules` needs an approval by a key with
the use `root` that is not a hand of it.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from byline.core.attribution import Evidence
from byline.core.publickey import Presence
from byline.core.table import (
    parse_table,
    take_array,
    take_choice,
    take_flag,
    take_keys,
    take_number,
    take_repository,
    take_string,
    take_strings,
)
from byline.core.value import dataclass
from byline.core.verified import Strength
from byline.errors import MalformedError, PolicyError

if TYPE_CHECKING:
    from byline.core.access import AgentRule
    from byline.core.command_patterns import CommandPattern

MAX_POLICY = 256 * 1024
MAX_RULES = 200
POLICY_PATH = b".byline/policy.toml"
ACKNOWLEDGED = "T1,T2 only"
CHECKPOINT_AGE = timedelta(minutes=15)
PROTECTED = (".byline/**", ".byline", "**/.gitattributes", "**/.gitmodules")

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CREDITABLE = {Evidence.ATTESTED, Evidence.OBSERVED, Evidence.DECLARED}


class Binding(StrEnum):
    """What an approval is bound to: the transitions it names, or the whole tree as well."""

    EFFECT = "effect"
    TREE = "tree"


class Completeness(StrEnum):
    """Whether the log has to prove that no statement was withheld (T4)."""

    NONE = "none"
    REQUIRED = "required"


class ChangeKind(StrEnum):
    """What a gate sees happen to a path. It detects no renames: they are a deletion and an addition."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"
    MODE = "mode"
    TYPE = "type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A human claim with at least this evidence, by a person of one of `levels` (None: any), is credited."""

    evidence: Evidence | None
    levels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A conjunction; what is None or empty demands nothing. `human_is_uncredited` is `credited_human = false`."""

    paths: tuple[str, ...] = ()
    ops: tuple[ChangeKind, ...] = ()
    human_is_uncredited: bool = False
    hand_below: str | None = None
    environment: str | None = None

    @property
    def is_always(self) -> bool:
        """Whether it holds for every unit."""
        return self == When()


@dataclass(frozen=True, slots=True, kw_only=True)
class Require:
    """`approvals` different people, each of at least `level_at_least`, none of them a hand of the change."""

    approvals: int
    level_at_least: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One demand. `require` is None for a rule that denies."""

    id: str
    why: str
    when: When
    require: Require | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a repository's policy. `sha256` is over the file's bytes."""

    version: int
    repository: str
    requires_trust: int
    strength: Strength
    completeness: Completeness = Completeness.NONE
    max_checkpoint_age: timedelta = CHECKPOINT_AGE
    credit_human: tuple[Credit, ...]
    credit_hands: bool
    max_age: timedelta | None
    binding: Binding
    presence: Presence = Presence.NONE
    rules: tuple[Rule, ...]
    agents: tuple[AgentRule, ...] = ()
    commands: tuple[CommandPattern, ...] = ()
    sha256: str

    @property
    def relaxes(self) -> bool:
        """Whether claims can make the gate more permissive, so that T3 does not hold."""
        return self.credit_hands or bool(self.credit_human)

    @property
    def needs_index(self) -> bool:
        """Whether the log has to prove that no statement was withheld, so that T4 holds."""
        return self.completeness is Completeness.REQUIRED


def parse_policy(data: bytes) -> Policy:
    """Read a policy.

    Raises:
        PolicyError: It is not one; the message says where.
    """
    try:
        return _read(parse_table(data, max_bytes=MAX_POLICY), hashlib.sha256(data).hexdigest())
    except PolicyError:
        raise
    except MalformedError as error:
        raise PolicyError(f"policy.toml: {error}") from error


def _read(table: dict[str, Any], sha256: str) -> Policy:
    from byline.core.access_tables import take_agent_rules, take_commands  # who knows a policy already needs no parser of shell lines

    take_keys(
        table,
        required=("schema", "version", "repository", "requires_trust", "rule"),
        optional=("evidence", "approval", "agent", "command"),
        what="the file",
    )
    if table["schema"] != 1 or isinstance(table["schema"], bool):
        raise PolicyError("policy.toml: schema has to be 1")
    known = ("strength", "completeness", "max_checkpoint_age", "credit_human", "credit_hands", "acknowledge")
    evidence = take_keys(table.get("evidence", {}), optional=known, what="evidence")
    approval = take_keys(table.get("approval", {}), optional=("max_age", "binding", "presence"), what="approval")
    commands = take_commands(table.get("command", []))
    credited = tuple(_credit(each) for each in take_array(evidence.get("credit_human", []), what="credit_human"))
    policy = Policy(
        version=take_number(table["version"], what="version"),
        repository=take_repository(table["repository"], what="repository"),
        requires_trust=take_number(table["requires_trust"], what="requires_trust"),
        strength=take_choice(Strength, evidence.get("strength", Strength.SIGNED), what="evidence.strength"),
        completeness=take_choice(Completeness, evidence.get("completeness", Completeness.NONE), what="evidence.completeness"),
        max_checkpoint_age=_duration(evidence["max_checkpoint_age"]) if "max_checkpoint_age" in evidence else CHECKPOINT_AGE,
        credit_human=credited,
        credit_hands=take_flag(evidence.get("credit_hands", False), what="evidence.credit_hands"),
        max_age=_duration(approval["max_age"]) if "max_age" in approval else None,
        binding=take_choice(Binding, approval.get("binding", Binding.EFFECT), what="approval.binding"),
        presence=take_choice(Presence, approval.get("presence", Presence.NONE), what="approval.presence"),
        rules=tuple(_rule(each) for each in take_array(table["rule"], what="rule", most=MAX_RULES)),
        agents=take_agent_rules(table.get("agent", []), commands),
        commands=commands,
        sha256=sha256,
    )
    if len({rule.id for rule in policy.rules}) != len(policy.rules):
        raise PolicyError("policy.toml: two rules have one id")
    if "acknowledge" in evidence and evidence["acknowledge"] != ACKNOWLEDGED:
        raise PolicyError(f'policy.toml: acknowledge is "{ACKNOWLEDGED}"')
    if policy.relaxes and not policy.needs_index and "acknowledge" not in evidence:
        raise PolicyError(
            f'policy.toml: crediting claims needs completeness = "required" or acknowledge = "{ACKNOWLEDGED}"',
            hint="with credit_human or credit_hands a hidden claim that would have tightened is missed",
        )
    return policy


def _credit(value: object) -> Credit:
    table = take_keys(value, optional=("evidence", "levels"), what="an entry of credit_human")
    evidence = take_choice(Evidence, table["evidence"], what="credit_human.evidence") if "evidence" in table else None
    if evidence is not None and evidence not in _CREDITABLE:
        raise PolicyError("policy.toml: what is inferred or unknown is never credited")
    return Credit(evidence=evidence, levels=take_strings(table["levels"], what="credit_human.levels") if "levels" in table else None)


def _rule(value: object) -> Rule:
    table = take_keys(value, required=("id", "why", "when"), optional=("require", "deny"), what="a rule")
    name = take_string(table["id"], what="rule.id")
    if ("require" in table) == ("deny" in table) or table.get("deny", True) is not True:
        raise PolicyError(f"policy.toml: rule {name!r} has either require = {{...}} or deny = true")
    if name.startswith("built-in"):
        raise PolicyError("policy.toml: the name built-in is taken")
    return Rule(
        id=name,
        why=take_string(table["why"], what="rule.why"),
        when=_when(table["when"]),
        require=_require(table["require"]) if "require" in table else None,
    )


def _when(value: object) -> When:
    table = take_keys(value, optional=("paths", "op", "credited_human", "hand_below", "environment"), what="when")
    if table.get("credited_human", False) is not False:
        raise PolicyError("policy.toml: credited_human stands in a rule as false only: a credited change is asked for no more than others")
    ops = take_array(table.get("op", []), what="when.op")
    return When(
        paths=take_strings(table.get("paths", []), what="when.paths"),
        ops=tuple(take_choice(ChangeKind, each, what="an element of when.op") for each in ops),
        human_is_uncredited="credited_human" in table,
        hand_below=take_string(table["hand_below"], what="when.hand_below") if "hand_below" in table else None,
        environment=take_string(table["environment"], what="when.environment") if "environment" in table else None,
    )


def _require(value: object) -> Require:
    table = take_keys(value, required=("approvals",), optional=("level_at_least", "kind", "distinct_from"), what="require")
    if table.get("kind", "human") != "human":
        raise PolicyError('policy.toml: require.kind is "human": nobody else approves')
    if take_array(table.get("distinct_from", ["hands"]), what="distinct_from") != ["hands"]:
        raise PolicyError('policy.toml: distinct_from is ["hands"]', hint="no gate is told who pushes yet")
    return Require(
        approvals=take_number(table["approvals"], what="require.approvals", least=0),
        level_at_least=take_string(table["level_at_least"], what="require.level_at_least") if "level_at_least" in table else None,
    )


def _duration(value: object) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise PolicyError('policy.toml: an age is a number and m, h or d, such as "72h"')
    return int(found[1]) * _UNITS[found[2]]
