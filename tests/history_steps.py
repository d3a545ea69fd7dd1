# SPDX-License-Identifier: Apache-2.0
"""What may happen in a random history: what people and agents do to text, and every way in which git makes commits of it.

STEPS["rebase"](history, Random(7))     # one step; the dice decide which branch, which file, how a conflict ends

A step that does not fit (a branch that is not there, nothing to revert) does nothing, so every list of steps is a history.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

from history import NAMES, WEB, History
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Step = Callable[[History, Random], None]

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
MOVED = 3  # lines at least that are moved, copied or typed again in one piece
TODOS = ("1{h;d};2{G}", "2s/^pick/squash/", "2s/^pick/fixup/", "1d", "2d", "1s/^pick/reword/", "1s/^pick/edit/")


def writer(history: History, dice: Random) -> str:
    """Choose somebody who writes here."""
    return dice.choice(("ai", "ai", "bot", "human", "human") if history.story.declares else ("ai", "bot", "human", "nobody"))


# Text


def write(history: History, dice: Random) -> None:
    history.writes(writer(history, dice), dice.choice(NAMES), dice)


def move(history: History, dice: Random) -> None:
    """Move a block within its file, or to another one."""
    found = _block(history, dice)
    if found:
        name, start, end = found
        lines, who, goal = history.read(name), writer(history, dice), dice.choice(NAMES)
        block = lines[start:end]
        del lines[start:end]
        if goal == name:
            at = dice.randint(0, len(lines))
            history.put(who, name, [*lines[:at], *block, *lines[at:]])
            return
        others = history.read(goal)
        at = dice.randint(0, len(others))
        texts = [(name, lines), (goal, [*others[:at], *block, *others[at:]])]
        for each, text in texts if dice.random() < 0.5 else reversed(texts):
            history.put(who, each, text)


def copy(history: History, dice: Random) -> None:
    found = _block(history, dice)
    if found:
        name, start, end = found
        goal = dice.choice(NAMES)
        lines = history.read(goal)
        at = dice.randint(0, len(lines))
        history.put(writer(history, dice), goal, [*lines[:at], *history.read(name)[start:end], *lines[at:]])


def reindent(history: History, dice: Random) -> None:
    found = _block(history, dice)
    if found:
        name, start, end = found
        lines = [f"    {line}" if line and start <= number < end else line for number, line in enumerate(history.read(name))]
        history.put(writer(history, dice), name, lines)


def tidy(history: History, dice: Random) -> None:
    """Do what formatters do: other spaces, and lines wrapped at their brackets."""
    name = dice.choice(NAMES)
    lines = history.read(name)
    if dice.random() < 0.5:
        text = "\n".join(line.replace(" = ", "=").replace(", ", ",") for line in lines)
    else:
        text = "\n".join(line.replace(", ", ",\n        ", 1) for line in lines)
    history.put(writer(history, dice), name, text.splitlines())


def retype(history: History, dice: Random) -> None:
    """Delete a block, and type it again, whoever does it, with or without a commit between."""
    found = _block(history, dice)
    if found:
        name, start, end = found
        lines = history.read(name)
        history.put(writer(history, dice), name, [*lines[:start], *lines[end:]])
        if dice.random() < 0.5:
            history.save()
        history.put(writer(history, dice), name, lines)


def restore(history: History, dice: Random) -> None:
    """Take a file from an older commit, or throw away what is not committed."""
    history.git("checkout", "-q", dice.choice(("HEAD", "HEAD~1", "HEAD~2")), "--", dice.choice(NAMES))


def remove(history: History, dice: Random) -> None:
    name = dice.choice(NAMES)
    (history.path / name).unlink(missing_ok=True)
    if dice.random() < 0.5:
        history.save()
        history.git("checkout", "-q", "HEAD~1", "--", name)


def rename(history: History, dice: Random) -> None:
    """Rename a file, copy it, or let two swap their names."""
    one, other = dice.sample(NAMES, 2)
    match dice.randrange(3):
        case 0:
            history.git("mv", "-f", one, other)
        case 1 if history.read(one) and not history.read(other):
            history.put(writer(history, dice), other, history.read(one))
        case 2 if history.git("mv", one, "t.py"):
            history.git("mv", other, one)
            history.git("mv", "t.py", other)


def _block(history: History, dice: Random) -> tuple[str, int, int] | None:
    name = dice.choice(NAMES)
    count = len(history.read(name))
    if count < MOVED:
        return None
    start = dice.randint(0, count - MOVED)
    return name, start, dice.randint(start + MOVED, min(count, start + 2 * MOVED))


# Commits


def commit(history: History, _: Random) -> None:
    history.save()


def commit_some(history: History, dice: Random) -> None:
    """Commit one file, what is tracked, or some of the changed places."""
    name = dice.choice(NAMES)
    match dice.randrange(4):
        case 0:
            history.git("add", name)
            history.git("commit", "-qm", "one file")
        case 1:
            history.git("commit", "-qam", "what is tracked")
        case 2:
            history.git("commit", "-qm", "only this", "--only", name)
        case 3:
            history.stage_some(name, dice)
            history.git("commit", "-qm", "some places")


def amend(history: History, dice: Random) -> None:
    history.git("commit", "-q", "--amend", *dice.choice((("-a", "--no-edit"), ("--no-edit",), ("-m", "other words"))))


def unhooked(history: History, dice: Random) -> None:
    """Let a client without hooks commit."""
    history.git("add", "--all")
    if dice.random() < 0.5:
        history.git(*NO_HOOKS, "commit", "-q", *dice.choice((("-m", "unhooked"), ("--amend", "--no-edit"))))
        return
    tree = (history.ask("write-tree") or "").strip()
    made = history.ask("commit-tree", tree, "-p", "HEAD", "-m", "by hand")
    if made:
        history.git("update-ref", "HEAD", made.strip())


def reset(history: History, dice: Random) -> None:
    history.git("reset", "-q", dice.choice(("--soft", "--mixed", "--hard")), dice.choice(("HEAD~1", "HEAD~2", "ORIG_HEAD", "@{1}")))


def split(history: History, dice: Random) -> None:
    """Take the last commit apart."""
    if history.git("reset", "-q", "HEAD~1"):
        commit_some(history, dice)
        history.git("add", "--all")
        history.git("commit", "-qm", "the other half")


# Branches


def switch(history: History, dice: Random) -> None:
    """Go to another branch with what is changed, or make one here."""
    if dice.random() < 0.4:
        history.save()
    name = dice.choice(("main", "one", "two"))
    history.git("switch", "-q", name) or history.git("switch", "-qc", name, dice.choice(("HEAD", "main")))


def stash(history: History, dice: Random) -> None:
    """Put changes away, and take them out again, here or elsewhere."""
    if not history.git("stash", "push", "-q", *dice.choice(((), ("-u",)))):
        return
    if dice.random() < 0.5:
        history.writes(writer(history, dice), dice.choice(NAMES), dice)
        history.save()
    elif dice.random() < 0.5:
        history.git("switch", "-q", dice.choice(history.branches()))
    if dice.random() < 0.8:
        history.git("stash", dice.choice(("pop", "apply")), "-q")
        history.settle(dice)


def unstash(history: History, dice: Random) -> None:
    history.save()
    history.git("stash", "pop", "-q")
    history.settle(dice)


def merge(history: History, dice: Random) -> None:
    other = _other(history, dice)
    how: tuple[str, ...] = dice.choice(((), ("--no-ff",), ("-X", "ours"), ("-X", "theirs"), ("-s", "ours"), ("--no-commit", "--no-ff")))
    history.git("merge", "-q", "--no-edit", *how, other)
    history.settle(dice)


def octopus(history: History, dice: Random) -> None:
    history.save()
    history.git("merge", "-q", "--no-edit", *history.branches()) or history.git("reset", "-q", "--hard")
    history.settle(dice)


def squash(history: History, dice: Random) -> None:
    history.git("merge", "-q", "--squash", _other(history, dice))
    history.settle(dice)
    history.save()


def rebase(history: History, dice: Random) -> None:
    other = _other(history, dice)
    how: tuple[str, ...] = dice.choice((("--merge",), ("--apply",), ("--exec", "true"), ("--rebase-merges",), ("--onto", other)))
    goal = dice.choice(("HEAD~1", "HEAD~2")) if how[0] == "--onto" else other
    history.git("rebase", "-q", *how, goal)
    history.settle(dice)


def rewrite(history: History, dice: Random) -> None:
    """Rebase interactively: reorder, squash, fixup, drop, reword, edit."""
    history.save()
    todo = dice.choice(TODOS)
    history.git("rebase", "-qi", dice.choice(("HEAD~2", "HEAD~3")), GIT_SEQUENCE_EDITOR=f"sed -i -e '{todo}'")
    history.settle(dice)


def fixup(history: History, dice: Random) -> None:
    history.git("add", "--all")
    if history.git("commit", "-q", "--fixup", dice.choice(("HEAD", "HEAD~1"))):
        history.git("rebase", "-qi", "--autosquash", "HEAD~3", GIT_SEQUENCE_EDITOR="true")
        history.settle(dice)


def pick(history: History, dice: Random) -> None:
    other = _other(history, dice)
    what = dice.choice((other, f"{other}~1", f"HEAD..{other}"))
    history.git("cherry-pick", *dice.choice(((), ("-n",), ("-x",))), what)
    history.settle(dice)


def revert(history: History, dice: Random) -> None:
    history.save()
    history.git("revert", "--no-edit", dice.choice(("HEAD", "HEAD~1")))
    history.settle(dice)


def worktree(history: History, dice: Random) -> None:
    """Let somebody work in a linked work tree, and take it away."""
    linked = history.path.with_name("linked")
    if not history.git("worktree", "add", "-q", "-B", "two", str(linked), dice.choice(("HEAD", "main"))):
        return
    here, history.story.scratch = history.story.scratch, Scratch(linked)
    history.writes(writer(history, dice), dice.choice(NAMES), dice)
    history.save()
    history.story.scratch = here
    if history.story.eager:
        history.story.attest()
    shutil.rmtree(linked)
    history.git("worktree", "prune")


def _other(history: History, dice: Random) -> str:
    history.save()
    return dice.choice([each for each in history.branches() if each != history.branch()] or ["HEAD"])


# A server without Byline


def serve(history: History, dice: Random) -> None:
    """Push, let the server edit, squash or rebase, and pull what it made."""
    history.save()
    branch = history.branch()
    other = _other(history, dice)
    with _pushed(history) as server:
        match dice.choice(("edit", "squash", "rebase")):
            case "edit":
                _edit(history, server, dice)
            case "squash" if not history.git("merge", "-q", "--squash", f"sent/{other}", at=server):
                history.git("reset", "-q", "--hard", at=server)
            case "rebase" if not history.git(*WEB, "rebase", "-q", f"sent/{other}", at=server):
                history.git("rebase", "--abort", at=server)
        history.git(*WEB, "commit", "-qam", "on the server", at=server)
    history.git("fetch", "-q", "server")
    if branch:
        history.git(*dice.choice((("merge", "-q", "--no-edit"), ("rebase", "-q"), ("reset", "-q", "--hard"))), "server/made")
        history.settle(dice)


@contextmanager
def _pushed(history: History) -> Iterator[Scratch]:
    """Push every branch, attested as `byline push` does it; what the server made is its branch `made`."""
    history.story.attest()
    if history.server is None:
        history.server = Scratch.create(history.path.with_name("server"))
        history.git("remote", "add", "server", str(history.server.path))
    server = history.server
    history.git("push", "-qf", "server", "refs/heads/*:refs/heads/sent/*", "HEAD:refs/heads/sent/HEAD")
    history.git("switch", "-q", "--detach", "sent/HEAD", at=server)
    yield server
    history.git("branch", "-f", "made", "HEAD", at=server)


def _edit(history: History, server: Scratch, dice: Random) -> None:
    path = server.path / dice.choice(NAMES)
    lines = path.read_text().splitlines() if path.exists() else []
    at = dice.randint(0, len(lines))
    new = [history.line("web", is_long=dice.random() < 0.5) for _ in range(dice.randint(1, 3))]
    for number in range(len(new)):
        history.writers[len(history.writers) - number].append("web")
    path.write_text("\n".join([*lines[:at], *new, *lines[at:]]) + "\n")
    history.git("add", "--all", at=server)


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        *(write, move, copy, reindent, tidy, retype, restore, remove, rename),
        *(commit, commit_some, amend, unhooked, reset, split),
        *(switch, stash, unstash, merge, octopus, squash, rebase, rewrite, fixup, pick, revert, worktree, serve),
    )
}
OFTEN = {"write": 12, "commit": 3, "switch": 4, "serve": 2}
POOL = tuple(name for name in STEPS for _ in range(OFTEN.get(name, 1)))


def tell(history: History, steps: Sequence[tuple[str, int]], *, loses_hooks: bool) -> None:
    """Let `steps` happen, each with dice of its own; then all that is there is committed and attested. Hooks may go before the last one."""
    for number, (name, seed) in enumerate(steps, 1):
        if loses_hooks and number == len(steps):
            history.unhook()
        STEPS[name](history, Random(seed))
        if history.story.eager:
            history.story.attest()
    history.save()
    history.story.attest()
