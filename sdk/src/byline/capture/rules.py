# SPDX-License-Identifier: Apache-2.0
# No pathlib, which takes as long to import as the interpreter takes to start, and no contextlib, which takes half of that.
# ruff: noqa: PTH105, PTH118, PTH123, SIM105
r"""What the policies that count say about agents, kept as the guard read it: `<git common dir>/byline/rules`, mode 0600.

    {"schema": "byline.rules/1", "policies": [{"text": "schema = 1\n...", "sha256": "...", "agents": [{"number": 1, ...}], "commands": []}]}

An agent waits while the guard reads the policies, and to read TOML takes longer than all the rest. What is kept is found by the whole
text that git has just given: it cannot be stale. Who finds another schema, other members or something that
is not this reads the policy anew.
Nothing is trusted here that was not: who can write this file can write the branches beside it, whose policies the guard reads.
"""

from __future__ import annotations

import os

from byline.core.access import AgentRule, Effect
from byline.core.plain_json import json_text, json_value
from byline.core.value import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from byline.core.command_patterns import CommandPattern

FILE: Final = "rules"
SCHEMA: Final = "byline.rules/1"  # another wherever the same text comes to mean something else
_RULE: Final = {"number": int, "agents": list, "models": list, "paths": list, "commands": list, "effect": str, "why": str}
_COMMAND: Final = {"kind": str, "program": str, "arguments": list}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one policy says about agents. `sha256` is over the policy's bytes."""

    sha256: str
    agents: tuple[AgentRule, ...] = ()
    commands: tuple[CommandPattern, ...] = ()


def load_rules(common_dir: str, policies: Sequence[bytes]) -> tuple[Rules, ...]:
    """Return the rules of each of `policies`; what had to be read is kept for the next time.

    Raises:
        PolicyError: One of them is no policy.
    """
    place = os.path.join(common_dir, "byline", FILE)
    kept = _read(place) if policies else {}
    found = {policy: kept.get(policy) or parse_rules(policy) for policy in policies}
    if any(policy not in kept for policy in policies):
        try:
            _write(place, found)
        except OSError:
            pass  # a disk that is full makes the next answer slower
    return tuple(found.values())


def parse_rules(policy: bytes) -> Rules:
    """Return what `policy` says about agents.

    Raises:
        PolicyError: It is no policy.
    """
    from byline.core.policy import parse_policy

    parsed = parse_policy(policy)
    return Rules(sha256=parsed.sha256, agents=parsed.agents, commands=parsed.commands)


def _read(place: str) -> dict[bytes, Rules]:
    try:
        with open(place, "rb") as file:
            kept = json_value(file.read())
        return {each["text"].encode(): _rules(each) for each in kept["policies"]} if kept["schema"] == SCHEMA else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _rules(kept: dict[str, Any]) -> Rules:
    sha256, agents = kept["sha256"], tuple(_members(each, _RULE) for each in kept["agents"])
    commands = tuple(_members(each, _COMMAND) for each in kept["commands"])
    if type(sha256) is not str:
        raise ValueError("another type")
    rules = Rules(sha256=sha256, agents=tuple(AgentRule(**{**each, "effect": Effect(each["effect"])}) for each in agents))
    if not commands:
        return rules
    from byline.core.command_patterns import CommandPattern

    return replace(rules, commands=tuple(CommandPattern(**each) for each in commands))


def _members(kept: dict[str, Any], types: Mapping[str, type]) -> dict[str, Any]:
    lists = [value for value in kept.values() if type(value) is list]
    if {name: type(value) for name, value in kept.items()} != types or any(type(each) is not str for value in lists for each in value):
        raise ValueError("other members")
    return {name: tuple(value) if type(value) is list else value for name, value in kept.items()}


def _write(place: str, found: dict[bytes, Rules]) -> None:
    policies = [
        {
            "text": policy.decode(),
            "sha256": rules.sha256,
            "agents": [{name: getattr(each, name) for name in _RULE} for each in rules.agents],
            "commands": [{name: getattr(each, name) for name in _COMMAND} for each in rules.commands],
        }
        for policy, rules in found.items()
    ]
    temp = f"{place}.{os.getpid()}.tmp"
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(json_text({"schema": SCHEMA, "policies": policies}))
    os.replace(temp, place)
