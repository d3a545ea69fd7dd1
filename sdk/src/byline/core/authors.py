# SPDX-License-Identifier: Apache-2.0
"""Who writes, through which door we know it, and who can answer for it: what of `core.attribution` an agent waits for.

>>> Agent(name="codex", model="gpt-5").version is None
True
"""

from __future__ import annotations

from byline.core.choice import StrEnum
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

MAX_PRINCIPAL = 64


class Channel(StrEnum):
    """The door through which the fact came. Only `editor` and `declaration` can ever be credited as human by a gate."""

    SDK = "sdk"
    PROXY = "proxy"
    HOOK = "hook"
    RECORD = "record"
    GENERIC = "generic"
    EDITOR = "editor"
    DECLARATION = "declaration"
    IMPORT = "import"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person, by the opaque id that trust gives (`p-...`), or None where the intake names nobody."""

    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An AI agent. `model` is `provider/name` or the agent's own word for it; None where the agent does not say."""

    name: str
    version: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A formatter, generator or refactoring."""

    name: str
    version: str | None = None


Author: TypeAlias = Person | Agent | Tool


def answers(name: str) -> bool:
    """Whether `name` can be the id of somebody who answers for what an agent does: a person's or a service's, never an agent's.

    >>> answers("p-ana"), answers("s-ci"), answers("a-bot"), answers("Ana")
    (True, True, False, False)
    """
    return name[:2] in {"p-", "s-"} and 2 < len(name) <= MAX_PRINCIPAL and name.isascii() and name.isprintable() and " " not in name
