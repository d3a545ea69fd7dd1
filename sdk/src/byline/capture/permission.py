# SPDX-License-Identifier: Apache-2.0
"""May an agent do what it is about to do? For whoever has Python already: sessions, proxies, frameworks' callbacks.

    refused = Permissions(os.environ).judge(attempt)       # None: it may

The rules, where they are read and what is recorded are the guard's (`capture.guard`): here git is asked by us and not by a shell. What
counts is every work tree that the call is about: the one in which the agent works, for all that the call does, and each other one
into which it writes, for its own files. In a work tree that has no `.byline/policy.toml`, and whose clone never had a policy that
counts, there is nothing to ask, and that costs a few looks at the disk.

A policy that cannot be read is a "no", and so is whatever goes wrong here. What git said of the policies holds for a second: who
writes a thousand files does not ask a thousand times.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.agents.program import ADAPTER as ANY_AGENT
from byline.capture.ask_git import ask_policies
from byline.capture.clock import now_ns
from byline.capture.guard import CANNOT_TELL, GUARDED, UNREADABLE, judge_attempt, mark_guarded, record_refusal
from byline.capture.places import prepare_repository
from byline.capture.policies import base_policies, has_place
from byline.capture.reach import touched_paths, works_elsewhere
from byline.capture.rules import load_rules
from byline.capture.worktree import find_worktree
from byline.core.access import Effect, Ruling, format_message
from byline.core.value import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from byline.capture.agents import Adapter, Attempt, Denial
    from byline.capture.rules import Rules
    from byline.capture.worktree import WorkTree

FRESH_NS: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What is not done without a person: the strictest ruling, and what the agent is told."""

    ruling: Ruling
    message: str


class Permissions:
    """What agents may do in the repositories of this machine. Safe for threads and forks."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._home = environ.get("HOME")
        self._trees: dict[str, WorkTree] = {}
        self._rules: dict[Path, tuple[int, tuple[Rules, ...]]] = {}

    def judge(self, attempt: Attempt, *, adapter: Adapter = ANY_AGENT, but: str | None = None) -> Refused | None:
        """Return what the rules have against `attempt`, and record it; None where it may be made.

        `adapter` finds the model in a transcript that the attempt names. The work tree at `but` was asked already. Never raises.
        """
        found: list[tuple[WorkTree | None, Ruling, str | None]] = []
        try:
            for tree, part in self._parts(attempt):
                if str(tree.top) != but and is_guarded(tree):
                    found += self._judged(tree, part, adapter)
        except Exception as error:  # noqa: BLE001 - who cannot tell says no
            found = [(None, _unreadable(error), None)]
        if not found:
            return None
        worktree, ruling, policy = min(found, key=lambda each: [*Effect].index(each[1].effect))
        if worktree is not None:
            record_refusal(str(worktree.common_dir), attempt, ruling, policy)
        return Refused(ruling=ruling, message=CANNOT_TELL + f" ({ruling.why})" if ruling.rule == UNREADABLE else format_message(ruling))

    def answer(self, adapter: Adapter, payload: bytes, *, environ: Mapping[str, str], cwd: Path) -> Denial | None:
        """Return what the agent of `adapter`, at work in `cwd`, is told of the call in a hook's `payload`; None where it may be made."""
        try:
            attempt = adapter.parse_attempt(payload, environ) if adapter.parse_attempt else None
            refused = self.judge(attempt, adapter=adapter) if attempt else None
        except Exception as error:  # noqa: BLE001 - words that a model chose must not be what makes the guard look away
            refused = Refused(ruling=_unreadable(error), message=CANNOT_TELL) if self._may_be_guarded(cwd) else None
        return adapter.format_denial(refused.ruling.effect, refused.message) if refused and adapter.format_denial else None

    def _may_be_guarded(self, cwd: Path) -> bool:
        try:
            here = self._worktree(str(cwd))
        except (OSError, ValueError):
            return True
        return here is not None and is_guarded(here)

    def _judged(self, worktree: WorkTree, part: Attempt, adapter: Adapter) -> Iterator[tuple[WorkTree, Ruling, str | None]]:
        try:
            place = str(worktree.top), str(worktree.git_dir), str(worktree.common_dir)
            judged = judge_attempt(adapter, part, self._read(worktree), place, self._home)
        except Exception as error:  # noqa: BLE001 - as above, and this work tree's policy is the one
            yield worktree, _unreadable(error), None
        else:
            if judged is not None:
                yield worktree, *judged

    def _parts(self, attempt: Attempt) -> Iterator[tuple[WorkTree, Attempt]]:
        """Yield each work tree that `attempt` is about, with what of it is that tree's."""
        here = self._worktree(attempt.cwd) if attempt.cwd else None
        if here is not None:
            yield here, attempt
        others: dict[Path, tuple[WorkTree, list[str]]] = {}
        for path in touched_paths(attempt, self._home):
            if here is None or works_elsewhere(path, str(here.top)):
                other = find_worktree(Path(path))
                if other is not None and (here is None or other.top != here.top):
                    others.setdefault(other.top, (other, []))[1].append(path)
        for other, paths in others.values():
            yield other, replace(attempt, cwd=str(other.top), paths=tuple(paths), command=None)

    def _worktree(self, folder: str) -> WorkTree | None:
        found = self._trees.get(folder) or find_worktree(Path(os.path.realpath(folder)))
        if found is not None:
            self._trees[folder] = found  # a folder without git may become a work tree
        return found

    def _read(self, worktree: WorkTree) -> tuple[Rules, ...]:
        time, rules = self._rules.get(worktree.top, (0, ()))
        if not 0 <= now_ns() - time < FRESH_NS:
            common_dir = str(worktree.common_dir)
            policies = base_policies(ask_policies(worktree))
            with suppress(OSError):  # what cannot be kept is asked again
                prepare_repository(worktree.common_dir)
            mark_guarded(common_dir, is_guarded=bool(policies))
            rules = load_rules(common_dir, policies)
            self._rules[worktree.top] = now_ns(), rules
        return rules


def is_guarded(worktree: WorkTree) -> bool:
    """Whether there are rules to ask about in `worktree`: it has a policy, or its clone was seen to have had one that counts."""
    return has_place(str(worktree.top)) or os.path.lexists(f"{worktree.common_dir}/byline/{GUARDED}")


def _unreadable(error: Exception) -> Ruling:
    return Ruling(rule=UNREADABLE, effect=Effect.DENY, what="the rules cannot be read", why=type(error).__name__)
