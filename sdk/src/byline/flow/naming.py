# SPDX-License-Identifier: Apache-2.0
"""Who a session's agent is, and what the session is called: by what its program says, and by the environment it was started in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from byline.core.attribution import Agent, answers
from byline.flow.recording import word

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION: Final = "BYLINE_SESSION"
AGENT: Final = "BYLINE_AGENT"
VERSION: Final = "BYLINE_AGENT_VERSION"
MODEL: Final = "BYLINE_MODEL"


def inherited_from(environ: Mapping[str, str]) -> tuple[Agent | None, str | None]:
    """Return the agent and the session that started this process, as far as `environ` names them."""
    name = word(environ.get(AGENT))
    by = Agent(name=name, version=word(environ.get(VERSION)), model=word(environ.get(MODEL))) if name else None
    return by, word(environ.get(SESSION))


def make_agent(name: str | None, model: str | None, version: str | None, *, like: Agent | None) -> Agent:
    """Return the agent of these words; what is not said is as in `like`.

    Raises:
        ValueError: It has no name.
    """
    said = word(name) or (like.name if like and name is None else None)
    if said is None:
        raise ValueError("an agent needs a name: say which (agent), or BYLINE_AGENT in the environment")
    like = like or Agent(name=said)
    return Agent(name=said, version=word(version) or like.version, model=word(model) or like.model)


def checked_principal(name: str | None) -> str | None:
    """Return `name`, the principal who lets an agent act.

    Raises:
        ValueError: It is no id of a person or a service.
    """
    if name is not None and not answers(name):
        raise ValueError("on_behalf_of is the id of a person (p-...) or of a service (s-...)")
    return name


def child_id(parent: str) -> str:
    """Return an id for a sub-agent's session below that of `parent`."""
    # An id that is cut (`clean`) would be another session's, too.
    return f"{parent[:400]}/{os.urandom(8).hex()}"
