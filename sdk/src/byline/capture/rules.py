# SPDX-License-Identifier: Apache-2.0
# Paths are os.path here: pathlib takes as long to import as the interpreter takes to start.
# ruff: noqa: PTH105, PTH118, PTH123
r"""What the policies that count say about agents, kept as the guard read it: `<git common dir>/byline/rules`, mode 0600.

    {"schema": "byline.rules/1", "policies": [{"text": "schema = 1\n...", "sha256": "...", "agents": [{"number": 1, ...}], "commands": []}]}

An agent waits while the guard reads the policies, and to read TOML takes longer than all the rest. What is kept is found by the whole
text that git has just given: it cannot be stale. Who finds another schema, other members or something that
is not this reads the policy anew.
Nothing is trusted here that was not: who can write this file can write the branches beside it, whose policies the guard reads.
"""

from __future__ import annotations

import json
import os

from byline.core.access import AgentRule, Effect
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

    from byline.core.command_kinds import CommandPattern

FILE: Final = "rules"
SCHEMA: Final = "byline.rules/1"  # another wherever the same text comes to mean something else
_RULE: Final = ("number", "agents", "models", "paths", "commands", "effect", "why")
_COMMAND: Final = ("kind", "program", "arguments")


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
    found = {policy: kept.get(policy) or _parse(policy) for policy in policies}
    if any(policy not in kept for policy in policies):
        from contextlib import suppress

        with suppress(OSError):  # a disk that is full makes the next answer slower
            _write(place, found)
    return tuple(found.values())


def _parse(policy: bytes) -> Rules:
    from byline.core.policy import parse_policy

    parsed = parse_policy(policy)
    return Rules(sha256=parsed.sha256, agents=parsed.agents, commands=parsed.commands)


def _read(place: str) -> dict[bytes, Rules]:
    try:
        with open(place, "rb") as file:
            kept = json.loads(file.read())
        return {each["text"].encode(): _rules(each) for each in kept["policies"]} if kept["schema"] == SCHEMA else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _rules(kept: dict[str, Any]) -> Rules:
    agents = tuple(AgentRule(**{**_members(each, _RULE), "effect": Effect(each["effect"])}) for each in kept["agents"])
    if not kept["commands"]:
        return Rules(sha256=kept["sha256"], agents=agents)
    from byline.core.command_kinds import CommandPattern

    return Rules(
        sha256=kept["sha256"], agents=agents, commands=tuple(CommandPattern(**_members(each, _COMMAND)) for each in kept["commands"])
    )


def _members(kept: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    if tuple(kept) != names:
        raise ValueError("other members")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}


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
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, "policies": policies}, file)
    os.replace(temp, place)
