# SPDX-License-Identifier: Apache-2.0
"""The trailers in which a commit message says that agents helped, and what the evidence asks of them.

Projects differ in what they want, and a `Preset` is one of them:

    assisted-by      Assisted-by: AGENT:MODEL            as many projects have it
    kernel           the same, and no agent signs off    Linux: only a person can certify the origin of a change
    co-authored-by   Co-authored-by: AGENT <address>     as agents write it themselves
    generated-by     Generated-by: AGENT MODEL           the Apache Software Foundation
    forbidden        no trailer names an agent           Kubernetes

The evidence asks for one trailer for each agent and model whose lines the commit brought. What a message lacks, what the preset does
not allow, and an agent that is named where the evidence knows of none are `Difference`s. A person may share an agent's name, so it is
the address, or that there is none, that makes a trailer an agent's.

>>> from byline.core.attribution import Agent
>>> [trailer.text for trailer in wanted_trailers([Agent(name="claude-code", model="anthropic/claude-x")], Preset.KERNEL)]
['Assisted-by: claude-code:claude-x']
>>> is_agents(Trailer(key="Signed-off-by", value="Claude Martin <claude@example.invalid>"))
False
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from byline.core.trailers import names_agent
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from byline.core.attribution import Agent

_AGENTS = (  # what an agent's name begins with, how it calls itself, and its address
    ("claude", "Claude", "noreply@anthropic.com"),
    ("codex", "Codex", "noreply@openai.com"),
    ("cursor", "Cursor", "cursoragent@cursor.com"),
    ("copilot", "Copilot", "copilot@github.com"),
    ("github-copilot", "Copilot", "copilot@github.com"),
    ("aider", "aider", "noreply@aider.chat"),
)
_ADDRESSES = (*(address for _, _, address in _AGENTS), "+copilot@users.noreply.github.com")
_OWN_KEYS = re.compile(r"assisted-by|generated-by|ai-[a-z-]+|claude-session|entire-[a-z-]+")
_ADDRESS = re.compile(r"<([^<>]*@[^<>]*)>")
_ODD = re.compile(r"[^!-9;-~]+")  # white space, colons, and what is not ASCII


class Preset(StrEnum):
    """What a project wants."""

    ASSISTED_BY = "assisted-by"
    KERNEL = "kernel"
    CO_AUTHORED_BY = "co-authored-by"
    GENERATED_BY = "generated-by"
    FORBIDDEN = "forbidden"


class Kind(StrEnum):
    """What is wrong with a trailer: it is not there, it may not be there, or the evidence knows nothing of it."""

    MISSING = "missing"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """One line, unfolded, of the trailers of a commit message."""

    key: str
    value: str

    @property
    def text(self) -> str:
        """The line."""
        return f"{self.key}: {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is wrong with `trailer`."""

    kind: Kind
    trailer: Trailer


def wanted_trailers(agents: Iterable[Agent], preset: Preset) -> tuple[Trailer, ...]:
    """Return the trailers that `preset` asks for where `agents` helped, each once and in order."""
    if preset is Preset.FORBIDDEN:
        return ()
    wanted = {(trailer.key, trailer.value): trailer for trailer in (_wanted(agent, preset) for agent in agents)}
    return tuple(wanted[each] for each in sorted(wanted))


def compare_trailers(found: Sequence[Trailer], agents: Sequence[Agent], preset: Preset) -> tuple[Difference, ...]:
    """Return what is wrong with the trailers `found` in a message, if `agents` wrote lines of what it is about."""
    missing = (each for each in wanted_trailers(agents, preset) if not any(_is_same(each, other) for other in found))
    return (*(Difference(kind=Kind.MISSING, trailer=each) for each in missing), *_odd(found, agents, preset))


def is_agents(trailer: Trailer) -> bool:
    """Whether `trailer` names an agent or a bot."""
    if _OWN_KEYS.fullmatch(trailer.key.lower()):
        return True
    if trailer.key.lower() not in ("co-authored-by", "signed-off-by"):
        return False
    address = _ADDRESS.search(trailer.value)
    if address and "[bot]" not in trailer.value.lower():
        return address[1].lower().endswith(_ADDRESSES)
    return names_agent(message=f"Co-authored-by: {trailer.value}".encode(errors="replace"))


def _odd(found: Iterable[Trailer], agents: Sequence[Agent], preset: Preset) -> Iterator[Difference]:
    for each in found:
        signs_off = each.key.lower() == "signed-off-by"
        if not is_agents(each):
            continue
        if preset is Preset.FORBIDDEN or (preset is Preset.KERNEL and signs_off):
            yield Difference(kind=Kind.FORBIDDEN, trailer=each)
        elif not agents and not signs_off:
            yield Difference(kind=Kind.UNKNOWN, trailer=each)


def _wanted(agent: Agent, preset: Preset) -> Trailer:
    name = _ODD.sub("-", agent.name)
    model = _ODD.sub("-", agent.model.rpartition("/")[2]) if agent.model else ""
    if preset is Preset.CO_AUTHORED_BY:
        title, address = next(((title, address) for start, title, address in _AGENTS if name.lower().startswith(start)), (name, None))
        return Trailer(key="Co-authored-by", value=f"{title} <{address or f'noreply@{name.lower()}.invalid'}>")
    if preset is Preset.GENERATED_BY:
        return Trailer(key="Generated-by", value=f"{name} {model}".strip())
    return Trailer(key="Assisted-by", value=f"{name}:{model}" if model else name)


def _is_same(wanted: Trailer, found: Trailer) -> bool:
    """Whether `found` says what is wanted: an address whoever it calls itself, an agent and model whatever tools stand behind them."""
    if wanted.key.lower() != found.key.lower():
        return False
    one, two = wanted.value.lower(), found.value.lower()
    address = _ADDRESS.search(one)
    return (f"<{address[1]}>" in two) if address else two.split()[: len(one.split())] == one.split()
