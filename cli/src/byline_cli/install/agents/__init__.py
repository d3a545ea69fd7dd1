# SPDX-License-Identifier: Apache-2.0
"""Where each agent is told to call Byline: one file an agent, which holds one `SETUP`; how it is written is a format's matter.

    SETUP = Setup(agent="codex", programs=("codex",), home=".codex", home_variable="CODEX_HOME",
                  project=".codex/hooks.json", user="hooks.json", format=JsonHooks(timeout=20))

The agents and their names are those of `byline.capture.agents.catalogue`; an agent without a file here is set up another way.
"""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from byline.capture.agents.catalogue import AGENTS, module_of
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from byline.capture.agents import Adapter
    from byline_cli.install.changes import FileChange


class Format(Protocol):
    """How an agent's configuration says that hooks are to be called."""

    def plan(self, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:
        """Return the changes after which the configuration at `target`, before people `name`, calls `script` as `adapter.hooks` want it.

        Raises:
            ConfigError: What stands there cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One agent on a machine: `programs` on PATH, the folder `home` in the person's home, or the one that `home_variable` names.

    `project` is what is configured in a work tree, `user` what is for all of the person's projects (below `home`); None where the agent
    has no such place. `signs` are folders in the person's home that tell of an agent whose hooks are elsewhere. `is_own` says that
    `project` is a person's own file: the agent's makers keep it out of commits. `trust` is what the person has to do in the agent before
    it calls new hooks, empty for nothing. `why_silent` says why the agent does not call what stands at a target, as far as its other
    settings tell; empty if it does.
    """

    agent: str
    format: Format
    programs: tuple[str, ...] = ()
    home: str
    home_variable: str = ""
    project: str | None = None
    user: str | None = None
    signs: tuple[str, ...] = ()
    is_own: bool = False
    trust: str = ""
    why_silent: Callable[[Path, Mapping[str, str]], str] | None = None

    def home_folder(self, environ: Mapping[str, str]) -> Path:
        """Return the folder of the agent's settings."""
        named = environ.get(self.home_variable) if self.home_variable else None
        return Path(named) if named else Path(environ.get("HOME") or "~").expanduser() / self.home

    def user_target(self, environ: Mapping[str, str]) -> Path | None:
        """Return where the settings of all projects are."""
        return self.home_folder(environ) / self.user if self.user else None

    def is_here(self, environ: Mapping[str, str], top: Path | None) -> bool:
        """Say whether the person has this agent, or the work tree at `top` is configured for it."""
        if any(shutil.which(program, path=environ.get("PATH", os.defpath)) for program in self.programs):
            return True
        home, project = Path(environ.get("HOME") or "~").expanduser(), Path(self.project or "")
        places = [self.home_folder(environ), *(home / sign for sign in self.signs)]
        if top and self.project:
            places.append(top / (project.parent if project.parent.name else project))
        return any(place.exists() for place in places)

    def has_room(self, top: Path | None) -> bool:
        """Say whether no file stands where a folder of the project's settings has to be."""
        above = Path(self.project or "").parents if top else ()
        return not any((top / folder).is_file() for folder in above if top)


def setups() -> dict[str, Setup]:
    """Return the agents that `init` can set up, by name."""
    return {name: import_module(_module(name)).SETUP for name in AGENTS if find_spec(_module(name))}


def find_agents(environ: Mapping[str, str], top: Path | None) -> tuple[str, ...]:
    """Return the names of the agents that are on this machine, or that the work tree at `top` is configured for."""
    return tuple(name for name, setup in setups().items() if setup.is_here(environ, top) and setup.has_room(top))


def _module(name: str) -> str:
    return f"{__name__}.{module_of(name)}"
