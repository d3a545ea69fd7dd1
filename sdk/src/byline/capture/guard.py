# SPDX-License-Identifier: Apache-2.0
# Paths are os.path here: pathlib takes as long to import as the interpreter takes to start.
# ruff: noqa: PTH100, PTH118, PTH120
r"""The guard: may the agent make the call that it is about to make? Also a program of its own, for which the agent waits.

    python -I -S guard.py AGENT TOP GIT_DIR COMMON_DIR  <the policies  3<the payload

The rules are those of `.byline/policy.toml` as others see them, never of the work tree, which the agent can edit:

1. of the remote-tracking branch of the current branch, and of the branches `HEAD`, `main` and `master` of every remote that is tracked;
2. where no remote is tracked, of the local branches `main` and `master` and of the commit that is checked out.

All that are found count together, for rules only tighten: a branch of one's own cannot take one away. Where no commit of 1 or 2 has a
policy only what no policy can change holds: no agent writes what decides about agents (`core.access`). Input is what `git cat-file
--batch` says of the commit and the policy of each revision, those of 2 first; `capture.spool` has the shell that asks it.

A policy that cannot be read denies every call that the rules could be about, and so does a guard that fails. Each "no" and each "ask"
is recorded (`core.refusal`). The work tree's `.byline/policy.toml`, or the file `guarded` that the guard leaves in the clone's folder
once it saw a policy, makes the installed shell start it: where there is neither it costs nothing.
"""

from __future__ import annotations

import os
import sys

# Spelled out, here and in what is imported: an agent waits, and importing `typing` takes half as long as the interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Final

    from byline.capture.agents import Adapter, Attempt, Denial
    from byline.capture.rules import Rules
    from byline.core.access import Ruling

    Worktree = tuple[str, str, str]  # its top, its git folder and the shared one, as they are spelled
    Found = tuple[Ruling, str | None]  # and the SHA-256 of the policy that has the rule; None for what no policy has to say

GUARDED: Final = "guarded"
MAX_WHAT: Final = 256
REMOTE_BRANCHES: Final = ("HEAD", "main", "master")
LOCAL: Final = ("refs/heads/main", "refs/heads/master", "HEAD")
UNREADABLE: Final = "built-in:unreadable"
CANNOT_TELL: Final = (
    "Byline: the rules of this repository for agents cannot be read, so nothing that they could be about is done. "
    "Do not look for another way. Tell the person you work for, who can run `byline doctor`."
)


def parse_batch(output: bytes) -> Iterator[bytes | None]:
    """Yield the content of each object that `git cat-file --batch` was asked for, None for one that is not there.

    Raises:
        ValueError: It was cut off.
    """
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        words = output[at:end].rsplit(b" ", 2)
        at = end + 1
        if len(words) == 3 and words[2].isdigit() and words[1] in (b"blob", b"commit", b"tree", b"tag"):
            size = int(words[2])
            if at + size >= len(output):
                raise ValueError("an object that was cut off")
            yield output[at : at + size]
            at += size + 1
        else:
            yield None


def base_policies(output: bytes) -> list[bytes]:
    """Return the different policies that count, of what git said of the commit and the policy of each revision.

    Raises:
        ValueError: Git did not answer for all of them.
    """
    answers = [*parse_batch(output)]
    if len(answers) < 2 * len((*LOCAL, *REMOTE_BRANCHES)) or len(answers) % 2:
        raise ValueError("git did not answer")
    for group in (answers[2 * len(LOCAL) :], answers[: 2 * len(LOCAL)]):
        if any(commit is not None for commit in group[::2]):
            return [*dict.fromkeys(policy for policy in group[1::2] if policy is not None)]
    return []


def judge_attempt(adapter: Adapter, attempt: Attempt, policies: Sequence[Rules], worktree: Worktree, home: str | None) -> Found | None:
    """Return the strictest ruling on `attempt` of all `policies` and of what holds without any; None where it may be made."""
    from byline.core.access import Effect, Intent, rule_on
    from byline.core.targets import Places

    real = os.path.realpath
    top, *git_dirs = map(real, worktree)
    folders = tuple((folder, ".git") for folder in dict.fromkeys(git_dirs))
    places = Places(top=top, cwd=(real(attempt.cwd) if attempt.cwd else top,), home=real(home) if home else None, folders=folders)
    name = attempt.observed.agent.name
    model = attempt.observed.agent.model or _model(adapter, attempt) if any(_asks_model(each, name) for each in policies) else None
    paths = tuple(dict.fromkeys((*(os.path.join(top, path) for path in attempt.paths), *map(real, attempt.paths))))
    intent = Intent(agent=name, model=model, paths=paths, command=attempt.command)
    found = []
    for sha256, rules, commands in [*((each.sha256, each.agents, each.commands) for each in policies), (None, (), ())]:
        ruling = rule_on(intent, rules, places, commands, resolve=real)
        if ruling is not None:
            found.append((ruling, sha256 if ruling.rule.startswith("agent:") else None))
    return min(found, key=lambda each: [*Effect].index(each[0].effect), default=None)


def _asks_model(policy: Rules, agent: str) -> bool:
    return any(rule.models != ("*",) and rule.is_about(agent, None) for rule in policy.agents)


def _model(adapter: Adapter, attempt: Attempt) -> str | None:
    transcript = attempt.observed.transcript
    if transcript is None or adapter.find_model is None:
        return None
    from pathlib import Path

    from byline.capture.disk import read_tail

    return adapter.find_model(read_tail(Path(transcript).expanduser()) or b"", attempt.observed)


def answer(agent: str, payload: bytes, output: bytes, worktree: Worktree, environ: Mapping[str, str]) -> Denial | None:
    """Return what `agent` is to be told of the call of which `payload` tells; None where it may be made. Records a "no".

    `output` is what git said of the policies. A payload that is none is let through: it is about no call that could be judged, and the
    hook that records it says so.
    """
    from byline.capture.agents.catalogue import find_adapter
    from byline.capture.rules import load_rules
    from byline.core.access import Effect, Ruling, format_message
    from byline.errors import MalformedError

    adapter = find_adapter(agent)
    try:
        attempt = adapter.parse_attempt(payload, environ) if adapter.parse_attempt else None
    except MalformedError:
        return None
    if attempt is None:
        return None
    if attempt.observed.agent.name != agent:  # another agent runs this one's hooks, and hears its own form
        adapter = find_adapter(attempt.observed.agent.name)
    message, common_dir = CANNOT_TELL, worktree[-1]
    found: Found = (Ruling(rule=UNREADABLE, effect=Effect.DENY, what="the rules cannot be read"), None)
    try:
        policies = base_policies(output)
        _mark(common_dir, is_guarded=bool(policies))
        judged = judge_attempt(adapter, attempt, load_rules(common_dir, policies), worktree, environ.get("HOME"))
        if judged is None:
            return None
        message, found = format_message(judged[0]), judged
    except Exception as error:  # noqa: BLE001 - a guard that fails says no
        message += f" ({type(error).__name__})"
    _record(common_dir, attempt, *found)
    return adapter.format_denial(found[0].effect, message) if adapter.format_denial else None


def _mark(common_dir: str, *, is_guarded: bool) -> None:
    """Leave the file that makes the shell start the guard, also in a work tree that has no policy."""
    place = os.path.join(common_dir, "byline", GUARDED)
    if is_guarded and not os.access(place, os.F_OK):
        from contextlib import suppress

        with suppress(OSError):
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _record(common_dir: str, attempt: Attempt, ruling: Ruling, policy: str | None) -> None:
    from contextlib import suppress
    from pathlib import Path

    from byline.capture.journal import append_line, now_ns
    from byline.capture.refusals import FILE
    from byline.core.refusal import Refusal, attempt_digest, format_refusal

    observed = attempt.observed
    refusal = Refusal(
        time=now_ns(),
        session=observed.session,
        agent=observed.agent,
        call=observed.call,
        rule=ruling.rule,
        policy=policy,
        effect=ruling.effect,
        kinds=ruling.kinds,
        digest=attempt_digest(attempt.paths, attempt.command),
        what=ruling.what[:MAX_WHAT],
    )
    with suppress(OSError):  # a disk that is full makes no call harmless
        append_line(Path(common_dir) / "byline" / FILE, format_refusal(refusal))


def main(agent: str, top: str, git_dir: str, common_dir: str) -> int:
    """Answer the agent, and return the exit status that it expects."""
    with open(3, "rb") as given:
        payload = given.read()
    denial = answer(agent, payload, sys.stdin.buffer.read(), (top, git_dir, common_dir), os.environ)
    if denial is None:
        return 0
    sys.stdout.buffer.write(denial.output)
    sys.stdout.buffer.flush()
    sys.stderr.buffer.write(denial.error)
    return denial.status


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.exit(main(*sys.argv[1:]))
