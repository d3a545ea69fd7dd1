# SPDX-License-Identifier: Apache-2.0
# No pathlib, which takes as long to import as the interpreter takes to start, and no contextlib, which takes half of that.
# ruff: noqa: PTH118, SIM105
r"""The guard: may the agent make the call that it is about to make? What its hook runs, for which the agent waits.

    run AGENT TOP GIT_DIR COMMON_DIR  <the payload

The rules are those of `.byline/policy.toml` as others see them (`capture.policies`), never of the work tree, which the agent can edit. All
that are found count together, for rules only tighten: a branch of one's own cannot take one away. Where no commit has a policy only what
no policy can change holds: no agent writes what decides about agents (`core.access`).

What cannot be read denies the call: the agent's payload, a policy, and one that a commit has but this clone has not; so does a guard that
fails, or that finds no answer in ten seconds: agents go on where a hook takes too long. Git is started by the guard, and ends with it.
Each "no" and each "ask" is recorded (`core.refusal`). The work tree's `.byline/policy.toml`, or the file `guarded` that the guard leaves in
the clone's folder once it saw a policy, makes the installed shell start it: where there is neither it costs nothing.
"""

from __future__ import annotations

import os
import sys

from byline.capture.policies import base_policies, check_place, format_questions, policy_revisions

try:
    import _signal as signals  # type: ignore[import-not-found]  # built in; `signal` makes enumerations of its names
except ImportError:
    import signal as signals

# Spelled out, here and in what is imported: an agent waits, and importing `typing` takes half as long as the interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Final

    from byline.capture.agents import Adapter, Attempt, Denial
    from byline.capture.rules import Rules
    from byline.core.access import Ruling
    from byline.core.targets import Places

    Worktree = tuple[str, str, str]  # its top, its git folder and the shared one, as they are spelled
    Found = tuple[Ruling, str | None]  # and the SHA-256 of the policy that has the rule; None for what no policy has to say

FAILED: Final = 2
GUARDED: Final = "guarded"
MAX_WHAT: Final = 256
SECONDS: Final = 10  # `init` lets agents wait twice as long
UNREADABLE: Final = "built-in:unreadable"
CANNOT_TELL: Final = (
    "Byline: this call, or the rules of this repository for agents, cannot be read, so nothing that they could be about is done. "
    "Do not look for another way. Tell the person you work for, who can run `byline doctor`."
)


class LateError(Exception):
    """The agent does not wait any longer."""


class Asked:
    """A question to git about the policies of a work tree, which it answers while the guard reads what it needs itself."""

    def __init__(self) -> None:
        """Make it; `ask` asks, and `end` ends what that began, however far it came."""
        self._git = 0
        self._is_late = False

    def ask(self, top: str, common_dir: str) -> None:
        """Start git and begin to ask.

        Raises:
            OSError: There is no git, or the clone cannot be read.
        """
        self._questions = format_questions(policy_revisions(common_dir))
        given, self._ask = os.pipe()
        self._answers, told = os.pipe()
        os.set_blocking(self._ask, False)
        files = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, told, 1), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
        git = ["git", "-C", top, "cat-file", "--batch"]
        self._git = os.posix_spawnp("git", git, os.environ, file_actions=files, setpgroup=0, setsigmask=(), setsigdef=(signals.SIGPIPE,))
        os.close(given)
        os.close(told)
        self._go_on()

    def read(self) -> bytes:
        """Return all that git says; nothing where it could not be asked.

        Raises:
            LateError: The agent does not wait any longer.
            OSError: It cannot be read.
        """
        parts: list[bytes] = []
        if not self._git:
            return b""
        while part := os.read(self._answers, 1 << 16):
            parts.append(part)
            self._go_on()
        if self._is_late:
            raise LateError
        return b"".join(parts)

    def be_late(self, _number: int, _frame: FrameType | None) -> None:
        """End git, if that is what takes so long; else end what does by raising, which Python may ignore at a moment such as an import.

        Raises:
            LateError: Git was ended before, or was never asked.
        """
        if self._is_late or not self._git:
            raise LateError
        self._is_late = True
        self.end()

    def end(self) -> None:
        """End git, and what it started: who runs the hook waits for all of them."""
        try:
            if self._git:
                os.killpg(self._git, signals.SIGKILL)
        except OSError:
            pass  # it has ended: macOS says so, Linux does not

    def _go_on(self) -> None:
        """Ask what git takes in now; it has an answer for each question, so that there is something to read until all are asked."""
        if not self._questions:
            return
        try:
            while self._questions:
                self._questions = self._questions[os.write(self._ask, self._questions) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it ended
            self._questions = b""
        os.close(self._ask)


def judge_attempt(adapter: Adapter, attempt: Attempt, policies: Sequence[Rules], worktree: Worktree, home: str | None) -> Found | None:
    """Return the strictest ruling on `attempt` of all `policies` and of what holds without any; None where it may be made."""
    from byline.capture.rules import Rules
    from byline.core.access import Effect, Intent, rule_on

    real, top = os.path.realpath, os.path.realpath(worktree[0])
    places = places_of(worktree, attempt.cwd or top, home)
    name = attempt.observed.agent.name
    model = attempt.observed.agent.model or _model(adapter, attempt) if any(_asks_model(each, name) for each in policies) else None
    paths = tuple(dict.fromkeys((*(os.path.join(top, path) for path in attempt.paths), *map(real, attempt.paths))))
    intent = Intent(agent=name, model=model, paths=paths, command=attempt.command)
    found = []
    for policy in policies or (Rules(sha256=""),):  # what holds without any holds under each
        ruling = rule_on(intent, policy.agents, places, policy.commands, resolve=real)
        if ruling is not None:
            found.append((ruling, policy.sha256 if ruling.rule.startswith("agent:") else None))
    return min(found, key=lambda each: [*Effect].index(each[0].effect), default=None)


def places_of(worktree: Worktree, cwd: str, home: str | None) -> Places:
    """Return where a call that is made in `cwd` reaches what, without links."""
    from byline.core.targets import Places

    top, *git_dirs = map(os.path.realpath, worktree)
    folders = tuple((folder, ".git") for folder in dict.fromkeys(git_dirs))
    return Places(top=top, cwd=(os.path.realpath(cwd),), home=os.path.realpath(home) if home else None, folders=folders)


def _asks_model(policy: Rules, agent: str) -> bool:
    return any(rule.models != ("*",) and rule.is_about(agent, None) for rule in policy.agents)


def _model(adapter: Adapter, attempt: Attempt) -> str | None:
    transcript = attempt.observed.transcript
    if transcript is None or adapter.find_model is None:
        return None
    from pathlib import Path

    from byline.capture.disk import read_tail

    return adapter.find_model(read_tail(Path(transcript).expanduser()) or b"", attempt.observed)


def answer(agent: str, payload: bytes, read: Callable[[], bytes], worktree: Worktree, environ: Mapping[str, str]) -> Denial | None:
    """Return what `agent` is to be told of the call of which `payload` tells; None where it may be made. Records a "no".

    `read` returns what git says of the policies.
    """
    from byline.capture.agents import Attempt, Kind, Observed
    from byline.capture.agents.catalogue import find_adapter
    from byline.capture.rules import load_rules
    from byline.core.access import Effect, Ruling, format_message
    from byline.core.authors import Agent

    adapter, message, common_dir = find_adapter(agent), CANNOT_TELL, worktree[-1]
    attempt = Attempt(observed=Observed(kind=Kind.NOTHING, agent=Agent(name=agent), session=None, call=None), cwd="")
    found: Found = (Ruling(rule=UNREADABLE, effect=Effect.DENY, what="what cannot be read"), None)
    try:
        told = adapter.parse_attempt(payload, environ) if adapter.parse_attempt else None
        if told is None:
            return None
        attempt = told
        if attempt.observed.agent.name != agent:  # another agent runs this one's hooks, and hears its own form
            adapter = find_adapter(attempt.observed.agent.name)
        check_place(worktree[0])
        policies = base_policies(read())
        mark_guarded(common_dir, is_guarded=bool(policies))
        judged = judge_attempt(adapter, attempt, load_rules(common_dir, policies), worktree, environ.get("HOME"))
        if judged is None:
            return _answer_elsewhere(adapter, attempt, worktree, environ)
        message, found = format_message(judged[0]), judged
    except Exception as error:  # noqa: BLE001 - a guard that fails says no
        message += f" ({type(error).__name__})"
    record_refusal(common_dir, attempt, *found)
    return adapter.format_denial(found[0].effect, message) if adapter.format_denial else None


def _answer_elsewhere(adapter: Adapter, attempt: Attempt, worktree: Worktree, environ: Mapping[str, str]) -> Denial | None:
    """Return what the rules of other repositories say, into which the call writes: of those git was asked nothing yet."""
    from byline.capture.reach import touched_paths, works_elsewhere

    home = environ.get("HOME")
    if not any(works_elsewhere(path, os.path.realpath(worktree[0])) for path in touched_paths(attempt, home)):
        return None
    from byline.capture.permission import Permissions

    refused = Permissions(environ).judge(attempt, adapter=adapter, but=worktree[0])
    return adapter.format_denial(refused.ruling.effect, refused.message) if refused and adapter.format_denial else None


def mark_guarded(common_dir: str, *, is_guarded: bool) -> None:
    """Leave the file that makes the shell start the guard, also in a work tree that has no policy."""
    place = os.path.join(common_dir, "byline", GUARDED)
    if is_guarded and not os.access(place, os.F_OK):
        try:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError:
            pass  # a disk that is full: the next answer leaves it


def record_refusal(common_dir: str, attempt: Attempt, ruling: Ruling, policy: str | None) -> None:
    """Record that `attempt` was not let through by `ruling`, of the policy with the SHA-256 `policy`. Never raises."""
    from byline.capture.agents import clean
    from byline.capture.clock import now_ns
    from byline.capture.cut import append_line
    from byline.capture.refusals import FILE, MAX_BYTES
    from byline.core.refusal import Refusal, attempt_digest, format_refusal

    place, time, observed = os.path.join(common_dir, "byline"), now_ns(), attempt.observed
    try:
        refusal = Refusal(
            time=time,
            session=observed.session,
            agent=observed.agent,
            call=observed.call,
            rule=ruling.rule,
            policy=policy,
            effect=ruling.effect,
            kinds=ruling.kinds,
            digest=attempt_digest(attempt.paths, attempt.command),
            what=clean(ruling.what)[:MAX_WHAT],
        )
        append_line(os.path.join(place, FILE), format_refusal(refusal), most=MAX_BYTES)
    except Exception as error:  # noqa: BLE001 - that it is not recorded makes no call harmless
        from pathlib import Path

        from byline.capture.losses import Loss, LossCode, record_loss

        message = f"an agent was not let do something, and it was not recorded: {error}"
        record_loss(Path(place), Loss(code=LossCode.FAILED, message=message, source="guard", time=time))


def main(agent: str, top: str, git_dir: str, common_dir: str) -> int:
    """Answer the agent, and return the exit status that it expects."""
    git = Asked()
    signals.signal(signals.SIGALRM, git.be_late)
    signals.pthread_sigmask(signals.SIG_UNBLOCK, (signals.SIGALRM,))  # who starts programs may have blocked it for them
    signals.setitimer(signals.ITIMER_REAL, SECONDS, 1)  # what catches it has another second
    try:
        try:
            git.ask(top, common_dir)
        except OSError:
            pass  # no answer is a no
        with open(0, "rb", closefd=False) as given:
            payload = given.read()
        denial = answer(agent, payload, git.read, (top, git_dir, common_dir), os.environ)
    finally:
        git.end()
    signals.setitimer(signals.ITIMER_REAL, 0)
    if denial is None:
        return 0
    _tell(1, denial.output)
    _tell(2, denial.error)
    return denial.status


def _tell(handle: int, text: bytes) -> None:
    while text:
        text = text[os.write(handle, text) :]


def run() -> None:
    """Answer as a program; it ends at once, for to tidy up takes a fifth of the interpreter's start."""
    import gc

    gc.disable()
    try:
        status = main(*sys.argv[1:])
    except BaseException as error:  # noqa: BLE001 - a guard that fails says no, in the form that most agents know
        _tell(2, f"{CANNOT_TELL} ({type(error).__name__})".encode())
        status = FAILED
    os._exit(status)
