# SPDX-License-Identifier: Apache-2.0
"""Everything that `byline init` would do, here or for all repositories of the user, as one value: made by looking only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from byline.capture.launcher import MODE, format_launcher, launcher_file
from byline.capture.places import data_dir, worktree_name
from byline.capture.prompts import SETTING as PROMPTS
from byline.core.trust import parse_trust
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline.flow.workshop import EVERYWHERE
from byline.git.remotes import fetch_refspecs, fetched_remotes
from byline.git.settings import global_file
from byline_cli.identity import OWN_IDENTITY, POLICY, TRUST, load_identity, read_file, trust_file
from byline_cli.install.agent_files import Reach, check_inside, plan_project, plan_user, reach_of
from byline_cli.install.agents import find_agents
from byline_cli.install.changes import FileChange, Setting, former_values, plan_file
from byline_cli.install.charter import Charter, new_charter
from byline_cli.install.exclude import plan_exclude
from byline_cli.install.hooks import (
    hooks_folder,
    hooks_to_write,
    how_to_call,
    is_shared,
    plan_hooks,
    plan_hooks_to_call,
    plan_team_hooks,
    plan_user_hooks,
    team_folder,
    user_hooks_folder,
    why_not_ours,
)
from byline_cli.keyfile import key_path, load_own_key
from byline_cli.wiring import DECLARES
from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from pathlib import Path

    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline.git.settings import Settings
    from byline.keys.p256 import PrivateKey

TOOLS = "pre-commit and lefthook install no hooks while core.hooksPath is set; they do with GIT_CONFIG_GLOBAL=/dev/null before the command"
HOOKS_PATH = "core.hooksPath"
OF_A_REPOSITORY = ("policy", "ledger", "log_key", "principal")
# Why each of `fetch_refspecs` is set.
FETCHED = ("evidence comes along with every fetch", "but not what the remote has from elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done. `charter` is None where there is trust already, `trust` for all repositories of the user.

    `notes` are said to the person. `declares`: what no record covers is declared theirs.
    """

    key: PrivateKey
    key_path: Path
    trust: Trust | None = None
    charter: Charter | None = None
    files: tuple[FileChange, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]
    declares: bool = False

    @property
    def is_new_key(self) -> bool:
        """Whether the key is made by this plan."""
        return not self.key_path.exists()


def make_plan(repo: Repository, environ: Mapping[str, str], options: Namespace) -> Plan:
    """Return what `init` with `options` would do in `repo`.

    Raises:
        ConfigError: The options do not fit the repository.
        TrustError: The repository's trust file cannot be read.
    """
    path, key = _key(environ)
    data = read_file(repo, TRUST)
    notes: list[str] = []
    charter = None
    files: list[FileChange] = []
    if data is None:
        charter = new_charter(
            preset=options.policy or "solo",
            principal=options.principal,
            public=key.public,
            ledger=options.ledger,
            log_key=options.log_key,
            identity=load_identity(repo, OWN_IDENTITY),
        )
        files += _charter_files(repo, charter)
    else:
        _check_no_charter_options(options)
        if options.policy:
            notes.append("this repository has its trust and policy already; --policy changes nothing")
    hooks, why = _hooks(repo, environ)
    files += [_launcher(environ), *hooks]
    notes += why
    here = worktree_name(os.path.realpath(repo.common_dir), os.path.realpath(repo.git_dir))
    has_prompts = options.commit_prompts or not {EVERYWHERE, here}.isdisjoint(repo.settings.choices(PROMPTS))
    agents, said = plan_project(repo, _agents_of(repo, options, environ), environ, has_prompts=has_prompts)
    files += agents
    files += plan_exclude(repo, files)
    notes += said
    return Plan(
        key=key,
        key_path=path,
        trust=charter.trust if charter else parse_trust(data or b""),
        charter=charter,
        files=tuple(files),
        settings=tuple(_settings(repo, options, here)),
        notes=tuple(notes),
        declares=options.declare_own_lines or bool(repo.settings.choices(DECLARES)),
    )


def make_user_plan(settings: Settings, environ: Mapping[str, str], options: Namespace) -> Plan:
    """Return what `init --user` with `options` would do; `settings` are git's for all repositories of the user.

    Raises:
        ConfigError: A file that is to be changed cannot be read.
        UsageError: The options are for one repository.
    """
    given = next((name for name in OF_A_REPOSITORY if getattr(options, name)), None)
    if given:
        raise UsageError(f"--{given.replace('_', '-')} is for one repository", "call byline init there, without --user")
    path, key = _key(environ)
    folder = user_hooks_folder(environ)
    former = _former(settings, environ)
    files = [_launcher(environ), *plan_user_hooks(environ, former)]
    has_prompts = options.commit_prompts or EVERYWHERE in settings.choices(PROMPTS)
    agents, said = plan_user(_agents(options, environ, None), environ, has_prompts=has_prompts)
    files += agents
    out = [Setting(key=HOOKS_PATH, value=str(folder), why="git runs those hooks, in every repository"), *_chosen(options, EVERYWHERE)]
    note = f"the hooks in {former}, your core.hooksPath, are called as before" if former else TOOLS
    return Plan(key=key, key_path=path, files=tuple(files), settings=tuple(out), notes=(note, *said))


def _former(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Return the folder in which git looked for the hooks of all repositories before Byline's, None if it looked in each one's own."""
    ours = str(user_hooks_folder(environ))
    values = [value for scope, value in settings.scoped_values(HOOKS_PATH) if scope in ("system", "global")]
    if values[-1:] == [ours]:
        values = [*values[:-1], *former_values(data_dir(environ), global_file(environ), HOOKS_PATH)]
    return next((value for value in reversed(values) if value != ours), None) or None


def _key(environ: Mapping[str, str]) -> tuple[Path, PrivateKey]:
    """Return where the person's key is, and the key, which is a draft where there is none."""
    from byline.keys.p256 import PrivateKey

    path = key_path(environ)
    return path, load_own_key(environ) if path.exists() else PrivateKey.generate()


def _launcher(environ: Mapping[str, str]) -> FileChange:
    return plan_file(launcher_file(environ), format_launcher(sys.executable), mode=MODE, kind="stays", why="where all hooks find Byline")


def _agents(options: Namespace, environ: Mapping[str, str], top: Path | None) -> tuple[str, ...]:
    """Return the agents that are to report their edits: those named, else all that are here."""
    if options.no_agents:
        return ()
    return tuple(dict.fromkeys(options.agent)) if options.agent else find_agents(environ, top)


def _agents_of(repo: Repository, options: Namespace, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the agents that are to be set up in `repo`: of those that nobody named the ones that do not report its edits already."""
    named = _agents(options, environ, repo.top)
    return (
        named if options.agent else tuple(name for name in named if (reach_of(name, repo, environ) or (None,))[0] is not Reach.EVERYWHERE)
    )


def _check_no_charter_options(options: Namespace) -> None:
    given = [name for name in ("ledger", "log_key", "principal") if getattr(options, name)]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise ConfigError(
            f"{flag} is for a repository that has no .byline/trust.toml yet", hint="edit .byline/trust.toml; `byline trust --help`"
        )


def _charter_files(repo: Repository, charter: Charter) -> list[FileChange]:
    trust = trust_file(repo)
    policy = trust.with_name("policy.toml")
    who = charter.trust.principals[0]
    files = [_shared_file(repo, trust, charter.trust_file, why=f"you are {who.id} ({who.level}); review and commit it")]
    if read_file(repo, POLICY) is None:
        files.append(_shared_file(repo, policy, charter.policy_file, why="what a gate asks of a change; review and commit it"))
    return files


def _shared_file(repo: Repository, path: Path, after: bytes, *, why: str) -> FileChange:
    check_inside(repo, path)
    return plan_file(path, after, kind="shared", why=why)


def _hooks(repo: Repository, environ: Mapping[str, str]) -> tuple[list[FileChange], list[str]]:
    """Return the changes that let git call ours, and what is to be said to the person."""
    folder = hooks_folder(repo, environ)
    why = why_not_ours(repo, folder)
    if why and is_shared(repo):
        return [], [f"no git hooks: {why} ({folder}); byline init --user sets Byline up for all of them and calls those hooks"]
    files = [] if why else [*plan_hooks(folder, environ)]
    team = team_folder(repo, folder)
    if not why and team is None:
        return files, []
    own = plan_team_hooks(team) if team else ()
    for each in own:
        check_inside(repo, each.path)
    theirs = hooks_to_write(repo, folder)
    said = f"{why or 'husky calls the hooks of your team'} ({team or folder}): write {how_to_call(theirs)}"
    return [*files, *plan_hooks_to_call(repo, environ), *own], [said] if theirs else []


def _settings(repo: Repository, options: Namespace, here: str) -> list[Setting]:
    out = [
        Setting(key=f"remote.{remote}.fetch", value=refspec, one_more=True, why=why)
        for remote in fetched_remotes(repo.settings)
        for refspec, why in zip(fetch_refspecs(remote), FETCHED, strict=True)
    ]
    return [*out, *_chosen(options, here)]


def _chosen(options: Namespace, where: str) -> list[Setting]:
    rows = [
        (options.declare_own_lines, DECLARES, "your commits here declare your own lines, by your key"),
        (options.commit_prompts, PROMPTS, "what agents are asked for stays here, and statements commit to it"),
    ]
    return [Setting(key=key, value=where, one_more=True, why=why) for is_chosen, key, why in rows if is_chosen]
