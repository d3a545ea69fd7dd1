# SPDX-License-Identifier: Apache-2.0
"""What has to be right for lines to be recorded here, each thing looked at by one function.

A `Checked` is good, worth a note, or bad; bad ones come with what to do. No check stops another: one
that cannot look says so, and that is bad.
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.agents.catalogue import find_adapter
from byline.capture.elsewhere import list_elsewhere
from byline.capture.git_hooks import GIT_HOOKS, USER_HOOKS
from byline.capture.inbox import list_arrivals
from byline.capture.journal import read_events
from byline.capture.launcher import interpreter, is_working, launcher_file
from byline.capture.losses import read_losses
from byline.capture.places import agents_dir, data_dir, inbox_dir, repository_dir
from byline.capture.refusals import read_refusals
from byline.capture.sightings import read_seen
from byline.core.access import WRITE
from byline.core.value import dataclass
from byline.errors import BylineError, ConfigError, TrustError
from byline.flow.left import describe_left, load_left
from byline.git.remotes import fetched_remotes
from byline_cli import identity, wiring
from byline_cli.install.agent_files import Reach, reach_of, script_of
from byline_cli.install.agents import find_agents, setups
from byline_cli.install.changes import is_recorded, read_or_none
from byline_cli.install.hooks import (
    TO_CALL,
    hooks_folder,
    hooks_not_called,
    hooks_not_calling,
    hooks_to_write,
    how_to_call,
    is_shared,
    is_user_wide,
    missing_hooks,
    team_folder,
    user_hooks_folder,
    why_not_ours,
)
from byline_cli.keyfile import explain_no_key, key_path, load_own_key
from byline_cli.lost import elsewhere_to_json, explain_elsewhere
from byline_cli.terminal import count
from byline_cli.view import short_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from byline.capture.worktree import WorkTree
    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline_cli.world import World

SOON = timedelta(days=30)
SHOWN_LOSSES = 3
OF_WORK_TREES = ("launcher", "key", "own lines", "agents", "rules", "remotes")  # what a bare repository needs none of
TIER = (
    "tier A0: your key and the journal belong to the user that agents run as. It records what honest tools did; "
    "it does not prove it against an agent with a shell"
)


class Level(StrEnum):
    """How a thing stands."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One thing that was looked at."""

    level: Level
    what: str
    detail: str
    hint: str = ""


def examine(world: World, repo: Repository) -> Iterator[Checked]:
    """Yield what every check finds."""
    for what, check in CHECKS.items():
        if repo.top is None and what in OF_WORK_TREES:
            continue
        try:
            yield from check(world, repo)
        except OSError as error:
            yield _bad(what, f"{error.filename or ''}: {(error.strerror or str(error)).lower()}".removeprefix(": "), "")
        except BylineError as error:
            yield _bad(what, str(error), error.hint)


def _good(what: str, detail: str) -> Checked:
    return Checked(level=Level.GOOD, what=what, detail=detail)


def _note(what: str, detail: str, hint: str = "") -> Checked:
    return Checked(level=Level.NOTE, what=what, detail=detail, hint=hint)


def _bad(what: str, detail: str, hint: str) -> Checked:
    return Checked(level=Level.BAD, what=what, detail=detail, hint=hint)


def _hooks(world: World, repo: Repository) -> Iterable[Checked]:
    if is_user_wide(repo, world.environ):
        yield from _user_hooks(world, repo)
        return
    if repo.top is None:
        yield _note("hooks", "a bare repository: nobody commits here")
        return
    folder = hooks_folder(repo, world.environ)
    why = why_not_ours(repo, folder)
    missing = missing_hooks(folder)
    off = "core.hooksPath of this repository turns the hooks of all repositories off; " if is_recorded(data_dir(world.environ)) else ""
    caller = team_folder(repo, folder) or folder
    if not missing:
        yield _good("hooks", f"chained in {short_path(folder, repo, world)}")
    elif not why:
        yield _bad("hooks", f"{off}not there, or not ours: {', '.join(missing)}", "byline init")
    elif is_shared(repo):
        yield _bad("hooks", f"{off}{why}: {folder}", "byline init --user, which calls those hooks")
    elif not (silent := hooks_not_calling(caller)) and not missing_hooks(repo.common_dir / TO_CALL):
        yield _good("hooks", f"called by those in {short_path(caller, repo, world)}")
    else:
        theirs = hooks_to_write(repo, folder)
        is_set_up = silent == theirs and not missing_hooks(repo.common_dir / TO_CALL)
        steps = [*([] if is_set_up else ["byline init"]), *([f"in {caller} write {how_to_call(theirs)}"] if theirs else [])]
        yield _bad("hooks", f"{off}{why}: {folder}; not called: {', '.join(silent or GIT_HOOKS)}", ", and ".join(steps))


def _user_hooks(world: World, repo: Repository) -> Iterable[Checked]:
    folder = user_hooks_folder(world.environ)
    where = short_path(folder, repo, world)
    missing = missing_hooks(folder, USER_HOOKS)
    if missing:
        yield _bad("hooks", f"in {where}, of all repositories: not there, or not ours: {', '.join(missing)}", "byline init --user")
    else:
        yield _good("hooks", f"of all repositories, in {where}; they call yours")
    lost = hooks_not_called(repo)
    if lost:
        own = shlex.quote(str(repo.common_dir / "hooks"))
        detail = f"hooks of all repositories cannot call this repository's {' and '.join(lost)}"
        yield _bad("hooks", detail, f"git config core.hooksPath {own} && byline init")


def _launcher(world: World, repo: Repository) -> Iterable[Checked]:
    place = launcher_file(world.environ)
    data = read_or_none(place)
    where = short_path(place, repo, world)
    if data is None:
        yield _bad("launcher", f"{where} is not there: the hooks cannot find Byline", "byline init")
    elif not is_working(data):
        yield _bad("launcher", f"{where} leads to {interpreter(data)}, which is gone or has no Byline", "byline init")
    elif interpreter(data) != sys.executable:
        detail = f"the hooks run another Byline: {interpreter(data)}; this one is {sys.executable}"
        yield _note("launcher", detail, "byline init, for this one")
    else:
        yield _good("launcher", f"{where} leads the hooks to {interpreter(data)}")


def _key(world: World, repo: Repository) -> Iterable[Checked]:
    path = key_path(world.environ)
    if not path.exists():
        told, hint = explain_no_key(world.environ)
        yield _bad("key", f"{told}: nothing can be signed", hint)
        return
    load_own_key(world.environ)
    yield _good("key", f"{short_path(path, repo, world)}, readable by you alone")


def _trust(world: World, repo: Repository) -> Iterable[Checked]:
    try:
        trust = identity.find_trust(repo)
    except TrustError as error:
        yield _bad("trust", str(error), "git log -p .byline/trust.toml shows what was changed; byline trust lint")
        return
    if trust is None:
        yield _note(
            "trust",
            "this repository has no .byline/trust.toml: blame works with your own key, no gate can",
            "byline init" + ", in a clone" * (repo.top is None),
        )
        return
    now = datetime.now(UTC)
    if trust.expires <= now:
        yield _bad("trust", f"version {trust.version} expired on {trust.expires:%Y-%m-%d}: every gate denies", "issue the next version")
    elif trust.expires - now < SOON:
        yield _note("trust", f"version {trust.version} expires on {trust.expires:%Y-%m-%d}", "issue the next version before")
    else:
        yield _good("trust", f"version {trust.version}, sha256:{trust.sha256}")
    with suppress(ConfigError):  # a key that cannot be read is told as that
        yield _own_key(world, trust)


def _own_key(world: World, trust: Trust) -> Checked:
    own = trust.key(load_own_key(world.environ).public) if key_path(world.environ).exists() else None
    if own is None:
        return _note("you", "trust does not know your key: what you sign is shown as unverified", "byline trust key, for a root key holder")
    principal = trust.principal(own.principal)
    level = f", {principal.level}" if principal and principal.level else ""
    return _good("you", f"{own.principal}{level}; your key is for: {', '.join(own.uses) or 'nothing'}")


def _own_lines(world: World, repo: Repository) -> Iterable[Checked]:
    if wiring.make_workshop(world, repo).declares_in(os.path.realpath(repo.git_dir)):
        yield _good("own lines", "what no record covers is declared yours at each commit")
    else:
        yield _note("own lines", "what no record covers stays unknown, what you type too", "byline init --declare-own-lines")


def _elsewhere(world: World, repo: Repository) -> Iterable[Checked]:
    for each in elsewhere_to_json(list_elsewhere(repo.common_dir, inbox_dir(world.environ))):
        told, advice = explain_elsewhere(each)
        yield _note("elsewhere", told, f"{advice}; until then no line is declared yours")


def _delegations(world: World, repo: Repository) -> Iterable[Checked]:
    from byline.flow.delegate import State
    from byline_cli.commands.delegate import delegations_here
    from byline_cli.mandate import is_forsaken
    from byline_cli.statements import describe_scope

    for each in (each for each in delegations_here(world, repo) if each.state is State.CURRENT):
        told = f"{each.digest[:12]}: {describe_scope(each.delegation)}"
        if is_forsaken(agents_dir(world.environ) / each.delegation.key[:16]):
            yield _note("delegated", f"{told}; byline delegate was killed", f"byline delegate --end {each.digest[:12]}")
        else:
            yield _good("delegated", told)


def _left(world: World, repo: Repository) -> Iterable[Checked]:  # noqa: ARG001 - every check has these two
    for each in load_left(repository_dir(repo.common_dir)):
        yield _bad("not signed", describe_left(each), f"byline attest {each.commit[:7]} signs it with yours, and declares nothing")


def _agents(world: World, repo: Repository) -> Iterable[Checked]:
    reaches = {name: reach_of(name, repo, world.environ) for name in setups()}
    here = set(find_agents(world.environ, repo.top))
    known = [name for name, reach in reaches.items() if reach or name in here]
    if not known:
        yield _note("agents", "none that Byline knows is here", "byline init --agent NAME, where Byline cannot see it")
    inbox = inbox_dir(world.environ)
    seen = {**read_seen(inbox.parent), **{each.name.split(".")[1]: each.time for each in list_arrivals(inbox)}}
    for name in known:
        yield _agent(name, reaches[name], seen.get(name), (world, repo))


def _agent(name: str, found: tuple[Reach, Path] | None, seen: int | None, where: tuple[World, Repository]) -> Checked:
    world, repo = where
    title, mend = find_adapter(name).title, f"byline init --agent {name}"
    if found is None:
        return _note("agents", f"{title} does not report its edits here", mend)
    reach, target = found
    if reach is Reach.BESIDE:
        # Git's hooks are of the clone, and an agent's settings of one work tree of it.
        return _bad("agents", f"{title} reports its edits in the main work tree and not in this linked one", f"{mend} (or --user)")
    everywhere = reach is Reach.EVERYWHERE
    script = script_of(name, world.environ)
    if find_adapter(name).hooks and not script.exists():
        return _bad("agents", f"{title} calls {short_path(script, repo, world)}, which is gone", mend + " --user" * everywhere)
    why_silent = setups()[name].why_silent
    silent = why_silent(target, world.environ) if why_silent else ""
    if silent:
        return _bad("agents", f"{title} does not call Byline: {silent}", setups()[name].trust)
    heard = f"last heard {datetime.fromtimestamp(seen / 1e9, UTC):%Y-%m-%d %H:%M} UTC" if seen else "not heard yet"
    return _good("agents", f"{title} reports its edits" + ", in all repositories" * everywhere + f"; {heard}")


def _rules(world: World, repo: Repository) -> Iterable[Checked]:
    from byline.capture.permission import is_guarded
    from byline.capture.worktree import find_worktree

    worktree = find_worktree(repo.top) if repo.top else None
    if worktree is None or not is_guarded(worktree):
        return
    yield _rules_in_force(worktree)
    refusals = read_refusals(repository_dir(repo.common_dir))
    if refusals:
        last = refusals[-1]
        what = (
            short_path(Path(last.what), repo, world)
            if last.kinds == (WRITE,) and last.what
            else ", ".join(last.kinds) or "what it cannot tell"
        )
        time = f"{datetime.fromtimestamp(last.time / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
        detail = f"{count(len(refusals), 'call')} of agents. The last: {last.agent.name}, {what} ({last.effect}, {last.rule}), {time}"
        yield _good("refused", detail)


def _rules_in_force(worktree: WorkTree) -> Checked:
    """Tell of the rules that the guard reads, and where they are; a guard that cannot read them refuses every call."""
    from byline.capture.ask_git import read_policies
    from byline.capture.policies import POLICY
    from byline.core.policy import parse_policy

    try:
        policies = read_policies(worktree)
        rules = [rule for policy in policies for rule in parse_policy(policy).agents]
    except (BylineError, ValueError) as error:
        return _bad("rules", f"cannot be read, so agents may write and run nothing here: {error}", "git fetch, and byline policy lint")
    if not policies:
        return _note("rules", "no branch that counts has the work tree's policy: it holds for no agent yet", "commit, push and fetch it")
    shown = ", ".join(each.removeprefix("refs/remotes/").removeprefix("refs/heads/") for names in policies.values() for each in names)
    told = f"{count(len(rules), 'rule')} for agents, read from {shown}"
    if read_or_none(worktree.top / POLICY) in (None, *policies):
        return _good("rules", told)
    return _note("rules", f"{told}; the work tree's policy is another, and holds for no agent", "commit, push and fetch it, if it is newer")


def _remotes(world: World, repo: Repository) -> Iterable[Checked]:  # noqa: ARG001 - every check has these two
    if identity.chosen_identity(repo) is None:
        yield _note("remotes", "nobody chose Byline in this repository: evidence is neither fetched nor sent", "byline init")
        return
    found = fetched_remotes(repo.settings)
    without = [remote for remote, has_evidence in found.items() if not has_evidence]
    if without:
        yield _bad("remotes", f"evidence is not fetched from: {', '.join(without)}", "byline init")
    else:
        yield _good("remotes", ", ".join(found) + ": evidence comes with every fetch" if found else "there are none to fetch from")


def _capture(world: World, repo: Repository) -> Iterable[Checked]:
    inbox = inbox_dir(world.environ)
    for folder in (repository_dir(repo.common_dir), inbox):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            yield _bad("folders", f"{short_path(folder, repo, world)} cannot be written: nothing is recorded", "check permissions")
    waiting = len(list_arrivals(inbox))
    yield _good("inbox", f"{count(waiting, 'event')} to be settled in {short_path(inbox, repo, world)}")
    torn = read_events(repository_dir(repo.common_dir)).torn
    if torn:
        where = ", ".join(str(each.offset) for each in torn[:SHOWN_LOSSES])
        yield _note("journal", f"{count(len(torn), 'record')} cut off or not readable, at byte {where}; all others are read")
    losses = [*read_losses(repository_dir(repo.common_dir)), *read_losses(inbox)]
    if losses:
        last = "; ".join(f"{loss.message} ({loss.code})" for loss in losses[-SHOWN_LOSSES:])
        yield _note("losses", f"{count(len(losses), 'thing')} not recorded, or not as said. The last: {last}", "byline status")
    else:
        yield _good("losses", "none")


def _ledger(world: World, repo: Repository) -> Iterable[Checked]:
    workshop = wiring.make_workshop(world, repo)
    named = workshop.trust.ledger if workshop.trust else None
    if named is None:
        place = wiring.embedded_place(workshop.place)
        try:
            if place.exists():
                wiring.open_ledger(workshop).checkpoint()
        except BylineError as error:
            detail = f"this clone's own cannot be used, and what is signed has no receipt: {error}"
            yield _bad("ledger", detail, f"rm -r {shlex.quote(str(place))}, and the next commit begins another")
            return
        yield _good("ledger", "none is named: evidence travels with git, receipts are this clone's own and rank as `signed`")
        return
    ledger = wiring.open_ledger(workshop)
    size = ledger.checkpoint().split("\n")[1]
    yield _good("ledger", f"{named.origin} at {named.url}, {count(int(size), 'entry', 'entries')}")


def _tier(world: World, repo: Repository) -> Iterable[Checked]:  # noqa: ARG001 - every check has these two
    yield _note("tier", TIER)


CHECKS: dict[str, Callable[[World, Repository], Iterable[Checked]]] = {
    "hooks": _hooks,
    "launcher": _launcher,
    "key": _key,
    "trust": _trust,
    "own lines": _own_lines,
    "elsewhere": _elsewhere,
    "evidence": _delegations,
    "not signed": _left,
    "agents": _agents,
    "rules": _rules,
    "remotes": _remotes,
    "capture": _capture,
    "ledger": _ledger,
    "tier": _tier,
}
