# SPDX-License-Identifier: Apache-2.0
"""The files that make agents report their edits: in one work tree, or for all projects of the person.

Each agent that calls a program gets a script of its own among Byline's data, and its settings call that. What is written into a work
tree is kept out of commits; where the file is committed already it is the team's, and that is said.
"""

from __future__ import annotations

import os
from enum import Enum, auto
from typing import TYPE_CHECKING

from byline.capture.agents.catalogue import find_adapter
from byline.capture.launcher import launcher_file
from byline.capture.places import data_dir
from byline.capture.spool import agent_stub
from byline.core.value import replace
from byline.errors import ConfigError
from byline_cli.install.agents import setups
from byline_cli.install.changes import FileChange, plan_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from byline.capture.agents import Adapter
    from byline.git.repository import Repository
    from byline_cli.install.agents import Setup


def script_of(agent: str, environ: Mapping[str, str]) -> Path:
    """Return the script that `agent` calls, in all repositories."""
    return data_dir(environ) / f"{agent}.sh"


class Reach(Enum):
    """Where an agent is set up, the nearest first."""

    HERE = auto()
    EVERYWHERE = auto()
    BESIDE = auto()  # in the clone's main work tree, while this one is linked


def reach_of(agent: str, repo: Repository, environ: Mapping[str, str]) -> tuple[Reach, Path] | None:
    """Return where `agent` is set up so that it could report edits in the work tree of `repo`; None where it does not."""
    setup = setups()[agent]
    places = {Reach.EVERYWHERE: setup.user_target(environ)}
    if repo.top and setup.project:
        places |= {Reach.HERE: repo.top / setup.project, Reach.BESIDE: repo.common_dir.parent / setup.project}
    found = ((reach, places[reach]) for reach in Reach if reach in places)
    return next(((reach, place) for reach, place in found if place is not None and _is_set_up(setup, place, environ)), None)


def _is_set_up(setup: Setup, place: Path, environ: Mapping[str, str]) -> bool:
    if not os.path.lexists(place):  # so it is of most agents, and what they would need takes long to make
        return False
    script = script_of(setup.agent, environ)
    try:
        plans = [setup.format.plan(place, _adapter(setup.agent, has_prompts=each), script) for each in (False, True)]
    except ConfigError:
        return False
    return any(not any(change.is_needed for change in changes) for changes in plans)


def _adapter(agent: str, *, has_prompts: bool) -> Adapter:
    """Return the adapter of `agent`, whose hooks have that for prompts among them if a person wants it."""
    adapter = find_adapter(agent)
    return replace(adapter, hooks=(*adapter.hooks, adapter.prompts)) if has_prompts and adapter.prompts else adapter


def plan_project(
    repo: Repository, agents: Iterable[str], environ: Mapping[str, str], *, has_prompts: bool
) -> tuple[list[FileChange], list[str]]:
    """Return the changes that make `agents` report their edits in the work tree of `repo`, and what is to be said to the person.

    Raises:
        ConfigError: Settings that stand there cannot be read, or a link leads out of the work tree.
    """
    assert repo.top is not None  # noqa: S101 - a repository without work tree was refused before
    head = repo.head()
    files: list[FileChange] = []
    notes = []
    for agent in agents:
        setup, adapter = setups()[agent], _adapter(agent, has_prompts=has_prompts)
        if setup.project is None:
            notes.append(f"{adapter.title} has no settings of one project: byline init --user --agent {agent}")
            continue
        script, target = script_of(agent, environ), repo.top / setup.project
        check_inside(repo, target)
        files.append(_script(script, agent, environ))
        for change in _plan(setup, target, adapter, script, name=setup.project):
            check_inside(repo, change.path)
            name = os.fsencode(change.path.relative_to(repo.top))
            is_committed = bool(head and repo.entry(head, name))
            files.append(replace(change, is_excluded=not is_committed))
            if is_committed:
                notes.append(
                    f"{os.fsdecode(name)} is committed: what is added to it your team gets, too; byline init --user leaves it alone"
                )
        notes += [f"{adapter.title}: {setup.trust}"] if setup.trust else []
    return files, notes


def plan_user(agents: Iterable[str], environ: Mapping[str, str], *, has_prompts: bool) -> tuple[list[FileChange], list[str]]:
    """Return the changes that make `agents` report their edits in all projects, and what is to be said to the person.

    Raises:
        ConfigError: Settings that stand there cannot be read.
    """
    files: list[FileChange] = []
    notes = []
    for agent in agents:
        setup, adapter = setups()[agent], _adapter(agent, has_prompts=has_prompts)
        target = setup.user_target(environ)
        if target is None:
            notes.append(f"{adapter.title} has no settings of all projects: byline init --agent {agent} in each")
            continue
        script = script_of(agent, environ)
        files += [_script(script, agent, environ), *_plan(setup, target, adapter, script)]
        notes += [f"{adapter.title}: {setup.trust}"] if setup.trust else []
    return files, notes


def _plan(setup: Setup, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:
    try:
        return setup.format.plan(target, adapter, script, name=name)
    except ConfigError as error:
        without = f"to leave {adapter.title} out name the others (--agent NAME), or --no-agents"
        raise ConfigError(f"{adapter.title}: {error}", hint=f"{error.hint}; {without}") from error


def check_inside(repo: Repository, path: Path) -> None:
    """Check that no link leads to `path`, a file in the work tree: it could come with a commit, and lead anywhere.

    Raises:
        ConfigError: One does.
    """
    top, real = repo.top or repo.git_dir, path.resolve()
    if real != top.resolve() / path.relative_to(top):
        raise ConfigError(
            f"a symbolic link leads from {path} to {real}", hint="take the link away: what init writes stays in the repository"
        )


def _script(script: Path, agent: str, environ: Mapping[str, str]) -> FileChange:
    stub = agent_stub(agent, launcher=launcher_file(environ)).encode()
    return plan_file(script, stub, mode=0o755, kind="stays", why=f"what {find_adapter(agent).title} calls, in all repositories")
