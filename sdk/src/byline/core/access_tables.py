# SPDX-License-Identifier: Apache-2.0
r"""Reading the tables `[[agent]]` and `[[command]]` of `.byline/policy.toml`; `core.access` says what they mean.

The guard reads them where a policy is new to it, and else what it kept of them (`capture.rules`).

>>> own = take_commands([{"kind": "drop-cache", "program": "flyctl", "arguments": ["cache", "clear"]}])
>>> [rule.id for rule in take_agent_rules([{"commands": ["drop-cache"], "effect": "ask"}], own)]
['agent:1']
"""

from __future__ import annotations

from byline.core.access import AgentRule, Effect
from byline.core.command_kinds import KINDS, UNCLEAR
from byline.core.command_patterns import CommandPattern
from byline.core.table import take_array, take_choice, take_keys, take_string, take_strings
from byline.malformed import PolicyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

MAX_RULES: Final = 200


def take_agent_rules(value: object, own: Sequence[CommandPattern]) -> tuple[AgentRule, ...]:
    """Read the `[[agent]]` tables; their `commands` are kinds that Byline knows or that `own` makes.

    Raises:
        MalformedError: One of them is none.
    """
    kinds = KINDS | {each.kind for each in own} | {"*"}
    return tuple(_agent_rule(each, number, kinds) for number, each in enumerate(take_array(value, what="agent", most=MAX_RULES), 1))


def _agent_rule(value: object, number: int, kinds: frozenset[str]) -> AgentRule:
    table = take_keys(value, required=("effect",), optional=("agents", "models", "paths", "commands", "why"), what="an agent rule")
    names = {each: take_strings(table[each], what=f"agent.{each}") for each in ("agents", "models", "paths", "commands") if each in table}
    if not names.get("paths") and not names.get("commands"):
        raise PolicyError(f"policy.toml: agent rule {number} has paths or commands", hint='paths = ["**"] is every file')
    if () in (names.get("agents"), names.get("models")):
        raise PolicyError(f"policy.toml: agent rule {number} is about nobody", hint="leave agents or models out: all of them")
    for each in names.get("commands", ()):
        if each not in kinds:
            raise PolicyError(f"policy.toml: agent rule {number} has no kind {each[:64]!r}", hint=f"there are {', '.join(sorted(kinds))}")
    why = take_string(table["why"], what="agent.why") if "why" in table else ""
    return AgentRule(number=number, **names, effect=take_choice(Effect, table["effect"], what="agent.effect"), why=why)


def take_commands(value: object) -> tuple[CommandPattern, ...]:
    """Read the `[[command]]` tables.

    Raises:
        MalformedError: One of them is none.
    """
    out = []
    for each in take_array(value, what="command", most=MAX_RULES):
        table = take_keys(each, required=("kind", "program"), optional=("arguments",), what="a command")
        kind = take_string(table["kind"], what="command.kind", most=64)
        if kind in (UNCLEAR, "*"):
            raise PolicyError(f"policy.toml: the kind {kind} is taken")
        arguments = take_strings(table.get("arguments", []), what="command.arguments")
        out.append(CommandPattern(kind=kind, program=take_string(table["program"], what="command.program"), arguments=arguments))
    return tuple(out)
