# SPDX-License-Identifier: Apache-2.0
"""`byline init`: everything is shown, then asked, then done; `--undo` puts every byte back."""

from __future__ import annotations

import os
from itertools import groupby
from typing import TYPE_CHECKING

from byline.capture.git_hooks import GIT_HOOKS
from byline.capture.places import data_dir
from byline.errors import ConfigError, MalformedError, RepositoryError
from byline.flow.pending import JOURNAL, STATE
from byline.flow.progress import Progress, save_progress
from byline.flow.workshop import Identity
from byline.git.settings import global_file, user_settings
from byline.log.evidence import EvidenceRef
from byline_cli.identity import IDENTITY, load_identity, save_identity
from byline_cli.install import changes
from byline_cli.install.agents import setups
from byline_cli.install.changes import read_or_none
from byline_cli.install.charter import LEVELS
from byline_cli.install.exclude import without_lines
from byline_cli.install.hooks import CHAINED, hooks_folder, is_ours
from byline_cli.install.json_hooks import KIND, without_hooks
from byline_cli.install.plan import Plan, make_plan, make_user_plan
from byline_cli.terminal import Paint, harmless, show_table
from byline_cli.view import short_path
from byline_cli.wiring import open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from pathlib import Path

    from byline.git.repository import Repository
    from byline.git.settings import Settings
    from byline_cli.install.changes import Undone
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Shows first what it would do, then asks. In a repository without `.byline/` it also writes the trust and policy files, with you
as the first principal at the highest level; in one that has them it does local things only: your key, git hooks (chained to
those that are there), the refspec that fetches evidence, the settings of the agents that are here and that --user did not set up
already. Those are of one work tree: in each linked one (`git worktree add`) call it once more, or use --user. Where core.hooksPath leads
to a folder that is committed, it says which line calls Byline's hooks from there.

With --user it sets up all repositories of yours at once, also those that you will clone: git's hooks (each calls the repository's own)
and the settings of your agents. Where nobody chose Byline recording begins when an agent first works in the clone, what you committed
before stays unknown, and what is recorded stays there, signed by your key: nothing is fetched or sent, nothing that is committed changes.

--undo puts back what was changed. What other repositories may still need stays, to be removed by hand: your key (~/.config/byline), what
their hooks call (~/.local/share/byline), and what was recorded (~/.local/state/byline; .git/byline and refs/byline in each clone)."""
EXAMPLE = "byline init        byline init --agent claude-code --policy team --declare-own-lines"

CUTTERS = {KIND: without_hooks, "exclude": without_lines}


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--user", action="store_true", help="set up all repositories of yours: git's hooks and your agents' settings")
    names = sorted(setups())
    agents = parser.add_mutually_exclusive_group()
    help_ = f"set up this agent, and no other, to report its edits; may be repeated (default: all that are here): {', '.join(names)}"
    agents.add_argument("--agent", metavar="NAME", action="append", choices=names, help=help_)
    agents.add_argument("--no-agents", action="store_true", help="set up no agent")
    parser.add_argument("--policy", choices=sorted(LEVELS), help="the policy of a repository that has none (default solo)")
    parser.add_argument("--ledger", metavar="URL", help="the ledger of a repository that has none: grpc://HOST:PORT (loopback) or grpcs://")
    parser.add_argument("--log-key", metavar="VKEY", help="that ledger's public key, as `byline ledger init` prints it")
    parser.add_argument("--principal", metavar="ID", help="your id in a new trust file, p-... (default: one made of your key)")
    parser.add_argument(
        "--declare-own-lines",
        action="store_true",
        help="at each commit here (no merge, no step of a rebase), declare lines without agent evidence as yours",
    )
    parser.add_argument(
        "--commit-prompts", action="store_true", help="keep what agents are asked for here, and let statements commit to it (byline prompt)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--undo", action="store_true", help="put back what init changed, byte for byte; what was recorded stays")


def run(options: Namespace, world: World) -> int:
    """Set up, or undo it."""
    if options.user:
        return _run_user(options, world)
    repo = open_here(world)
    if repo.top is None:
        raise RepositoryError("this repository has no work tree", hint="run byline init in a clone; a bare repository needs none")
    place = repo.common_dir / "byline"
    if options.undo:
        return _undo(world, repo, place)
    plan = make_plan(repo, world.environ, options)
    rows = _rows(plan, repo, world) or _lost_rows(plan, repo, world)
    if not any(verb != "fetch" for verb, _, _ in rows):
        world.terminal.line("everything is in place already")
        return _tell(plan, world)
    if not _is_agreed(plan, rows, harmless(str(repo.top)), options, world):
        return NO
    _do(plan, repo, place)
    _fetch(plan, repo, world)
    return _tell(plan, world)


def _run_user(options: Namespace, world: World) -> int:
    """Set up all repositories of the user, or undo it."""
    place, config, settings = data_dir(world.environ), global_file(world.environ), user_settings(world.environ)
    if config.exists() and not config.is_file():  # git would put a file in its place: root's /dev/null is then none any more
        raise ConfigError(f"{config} is no file", hint="git config --global writes there: unset GIT_CONFIG_GLOBAL, or name a file")
    if options.undo:
        if changes.is_recorded(place):
            return _show_undone(changes.undo(place, CUTTERS, is_committed=lambda _: False, give_back=settings.give_back), None, world)
        world.terminal.line("there is nothing to undo: byline init --user changed nothing")
        return YES
    plan = make_user_plan(settings, world.environ, options)
    rows = [*_key_rows(plan, None, world), *_file_rows(plan, None, world), *_setting_rows(plan, settings)]
    if not rows:
        world.terminal.line("everything is in place already")
        return YES
    if not _is_agreed(plan, rows, "all repositories of yours", options, world):
        return NO
    _save_key(plan)
    changes.apply(plan.files, place)
    changes.apply_settings(plan.settings, settings, config, place)
    world.terminal.line("done; work as ever, in any repository; `byline doctor` there says how it stands")
    return YES


def _is_agreed(plan: Plan, rows: list[list[str]], what: str, options: Namespace, world: World) -> bool:
    """Show what would be done, and ask."""
    world.terminal.line(f"byline sets up {what}:")
    for line in show_table(rows, columns=world.terminal.columns):
        world.terminal.line(line)
    for note in plan.notes:
        world.terminal.note("note: ", note)
    if world.terminal.is_confirmed("go on?", yes=options.yes):
        return True
    world.terminal.note("nothing was changed")
    return False


def _save_key(plan: Plan) -> None:
    if plan.is_new_key:
        from byline.keys.files import save_secret

        plan.key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_secret(plan.key_path, plan.key.to_pem())


def _do(plan: Plan, repo: Repository, place: Path) -> None:
    _save_key(plan)
    save_identity(repo, _identity(plan))
    if not any((place / name).exists() for name in (STATE, JOURNAL)):
        # What is committed by now is from before the recording, and not this clone's to attest.
        tips = [*repo.refs_under("refs/heads").values(), repo.head()]
        save_progress(place, Progress(start=tuple(dict.fromkeys(tip for tip in tips if tip))))
    changes.apply(plan.files, place)
    changes.apply_settings(plan.settings, repo.settings, repo.common_dir / "config", place)


def _rows(plan: Plan, repo: Repository, world: World) -> list[list[str]]:
    rows = [*_key_rows(plan, repo, world), *_file_rows(plan, repo, world), *_setting_rows(plan, repo.settings)]
    if plan.charter is None:
        rows += [["fetch", f"evidence from {remote}", "who wrote what is here already"] for remote in repo.remotes()]
    return rows


def _key_rows(plan: Plan, repo: Repository | None, world: World) -> list[list[str]]:
    return [["make", short_path(plan.key_path, repo, world), "your key; only you can read it"]] if plan.is_new_key else []


def _file_rows(plan: Plan, repo: Repository | None, world: World) -> list[list[str]]:
    needed = (each for each in plan.files if each.is_needed)
    return _grouped((("write" if each.before is None else "change", each.path, each.why) for each in needed), repo, world)


def _grouped(rows: Iterable[tuple[str, Path, str]], repo: Repository | None, world: World) -> list[list[str]]:
    """Return the rows of a table; files of one folder of which the same is said are one row."""
    out = []
    for (what, folder, why), group in groupby(rows, lambda row: (row[0], row[1].parent, row[2])):
        paths = [path for _, path, _ in group]
        many = f"{len(paths)} files" + (f": {why}" if why else "")
        out.append([what, short_path(paths[0], repo, world), why] if len(paths) == 1 else [what, short_path(folder, repo, world), many])
    return out


def _setting_rows(plan: Plan, settings: Settings) -> list[list[str]]:
    where = "git config" if settings.scope == "--local" else f"git config {settings.scope}"
    return [["set", f"{where} {each.key}", each.why] for each in plan.settings if changes.is_missing(each, settings)]


def _identity(plan: Plan) -> Identity:
    assert plan.trust is not None  # noqa: S101 - a repository has one
    return Identity(repository=plan.trust.repository, line_key=plan.trust.line_key)


def _lost_rows(plan: Plan, repo: Repository, world: World) -> list[list[str]]:
    """Return what was there after an `init` and is not any more."""
    try:
        if load_identity(repo) == _identity(plan):
            return []
    except MalformedError:
        pass
    return [["write", short_path(repo.common_dir / "byline" / IDENTITY, repo, world), "which repository this is"]]


def _fetch(plan: Plan, repo: Repository, world: World) -> None:
    """Fetch the evidence of a repository that has some; a remote that does not answer stops nobody from being set up."""
    for remote in repo.remotes() if plan.charter is None else ():
        try:
            EvidenceRef(repo).fetch(remote)
        except RepositoryError as error:
            world.terminal.note(f"note: no evidence from {remote} yet ({error}); the next git fetch brings it")


def _tell(plan: Plan, world: World) -> int:
    terminal = world.terminal
    assert plan.trust is not None  # noqa: S101 - a repository has one
    own = plan.trust.key(plan.key.public)
    if plan.charter:
        terminal.line("done; the anchor of this repository, for gates: ", Paint(f"sha256:{plan.trust.sha256}", "bold"))
        terminal.line("next: git add .byline && git commit, then work as ever; `byline blame FILE` shows who wrote each line")
        if not plan.declares:
            terminal.line("what you type yourself stays unknown; to declare it yours at each commit: byline init --declare-own-lines")
    elif own:
        terminal.line(f"done; your key is {own.principal}'s in this repository's trust")
    else:
        roots = [key.principal for key in plan.trust.keys if "root" in key.uses]
        terminal.line("done; your key is not in this repository's trust yet: what you sign is kept, and shown as unverified")
        terminal.line(f"next: byline trust key > me.pub, and hand it to {' or '.join(roots[:3]) or 'a root key holder'}, who adds it:")
        terminal.line("      byline trust add p-YOU --level LEVEL --key me.pub")
    return YES


def _undo(world: World, repo: Repository, place: Path) -> int:
    if not changes.is_recorded(place):
        folder = hooks_folder(repo, world.environ)
        ours = [hook for hook in GIT_HOOKS if is_ours(read_or_none(folder / hook) or b"")]
        if ours:
            hint = f"delete them from {folder}; what was there before is beside them, as <hook>{CHAINED}"
            raise ConfigError(f"the record of what init changed is gone, and its hooks are not: {', '.join(ours)}", hint=hint)
        world.terminal.line("there is nothing to undo: byline init changed nothing here")
        return YES
    head = repo.head()

    def is_committed(path: Path) -> bool:
        return bool(head and repo.top and repo.entry(head, os.fsencode(path.relative_to(repo.top))))

    return _show_undone(changes.undo(place, CUTTERS, is_committed=is_committed, give_back=repo.settings.give_back), repo, world)


def _show_undone(done: tuple[Undone, ...], repo: Repository | None, world: World) -> int:
    for line in show_table(_grouped(((each.what, each.path, each.why) for each in done), repo, world), columns=world.terminal.columns):
        world.terminal.line(line)
    where = short_path(repo.common_dir / "byline", repo, world) if repo else "in each repository .git/byline"
    world.terminal.note(f"your key and what was recorded stay: {where}, refs/byline/")
    return YES
