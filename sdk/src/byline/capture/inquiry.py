# SPDX-License-Identifier: Apache-2.0
"""What the rules for agents would say: for who writes them, not for who is held by them. Nothing is recorded.

    (answer,) = inquire(Intent(agent="codex", paths=("infra/db.tf",)), cwd=Path("."), home=None, sources=read_sources(worktree))

A `Source` is a policy that counts and the revisions that have it, as the guard finds them (`capture.policies`); a draft has none. Where the
guard stops at the strictest ruling, here are all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.ask_git import read_policies
from byline.capture.guard import places_of
from byline.capture.rules import Rules, parse_rules
from byline.core.access import Effect, rulings_on, show_target
from byline.core.value import dataclass
from byline.errors import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.worktree import WorkTree
    from byline.core.access import Intent, Ruling
    from byline.core.targets import Places

BUILT_IN = Rules(sha256="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A policy, and the revisions that have it; the `path` of a draft."""

    rules: Rules
    revisions: tuple[str, ...] = ()
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One ruling, and where its rule stands; None for what no policy has to say."""

    ruling: Ruling
    source: Source | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What becomes of what was asked about: the rulings, the strictest first, the kinds of its commands, and what it writes."""

    found: tuple[Found, ...]
    kinds: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def effect(self) -> Effect | None:
        """The strictest effect; None where it is allowed."""
        return self.found[0].ruling.effect if self.found else None


def read_sources(worktree: WorkTree) -> tuple[Source, ...]:
    """Return the policies that count in `worktree`.

    Raises:
        RepositoryError: Git cannot say.
        MalformedError: One of them is no policy: the guard denies everything.
    """
    try:
        policies = read_policies(worktree)
    except ValueError as error:
        raise RepositoryError(f"the policies that count cannot be read: {error}", hint="git fetch; the guard denies everything") from error
    return tuple(Source(rules=parse_rules(policy), revisions=names) for policy, names in policies.items())


def inquire(intent: Intent, *, worktree: WorkTree, cwd: Path, home: str | None, sources: tuple[Source, ...]) -> Answer:
    """Return what the rules of `sources` say of `intent`, made in `cwd`; its paths are absolute."""
    places = places_of((str(worktree.top), str(worktree.git_dir), str(worktree.common_dir)), str(cwd), home)
    found = [
        Found(ruling=ruling, source=source if ruling.rule.startswith("agent:") else None)
        for source in (*sources, Source(rules=BUILT_IN))
        for ruling in rulings_on(intent, source.rules.agents, places, source.rules.commands, resolve=os.path.realpath)
    ]
    kinds, writes = _effects(intent, places, sources)
    unlike = dict.fromkeys(sorted(found, key=lambda each: [*Effect].index(each.ruling.effect)))
    return Answer(found=tuple(unlike), kinds=kinds, writes=writes)


def _effects(intent: Intent, places: Places, sources: tuple[Source, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if intent.command is None:
        return (), intent.paths
    from byline.core.command_kinds import find_effects

    effects = find_effects(intent.command, places, [each for source in sources for each in source.rules.commands])
    return tuple(sorted(effects.kinds)), tuple(dict.fromkeys(map(show_target, effects.writes)))
