# SPDX-License-Identifier: Apache-2.0
"""Which agents wrote lines that a commit brought, or that the next one would: what trailers are asked for.

Every agent counts that had a hand in a line, however it is known, proven or not: a trailer promises less than a statement. Text that
the commit moved or squashed is among what it brought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.diff import ABSENT, match_lines
from byline.core.effect import REGULAR
from byline.core.lines import MAX_TEXT, text_lines
from byline.flow.brought import read_parts
from byline.flow.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from byline.core.attribution import Agent, Owner
    from byline.flow.resolve import Resolver
    from byline.flow.versions import Versions
    from byline.git.objects import FileChange
    from byline.git.repository import Repository


def agents_of_commit(versions: Versions, commit: str) -> tuple[Agent, ...]:
    """Return the agents that wrote what `commit` brought.

    Raises:
        RepositoryError: Git cannot say what the commit changed.
    """
    return _agents(part.byline.owner for part in read_parts(versions, commit))


def agents_of_index(repo: Repository, resolver: Resolver, index: Path | None = None) -> tuple[Agent, ...]:
    """Return the agents that wrote what stands in the index (the file `index`, where git uses another) and not in HEAD.

    Raises:
        RepositoryError: Git cannot read the index.
    """
    return _agents(owner for change in repo.staged_changes(index) for owner in _staged(repo, resolver, change))


def _staged(repo: Repository, resolver: Resolver, change: FileChange) -> Iterator[Owner]:
    new, old = change.new, change.old
    lines = _lines(repo, new.oid) if new and new.mode in REGULAR else None
    if new is None or lines is None:
        return
    subject = Subject(path=change.path, blob=new.oid, lines=lines, commit=repo.head(), is_committed=False)
    bylines = resolver.answer(subject)[0].bylines
    before = _lines(repo, old.oid) if old and old.mode in REGULAR else None
    yield from (bylines[j].owner for j, i in enumerate(match_lines(before or (), lines)) if i == ABSENT)


def _lines(repo: Repository, blob: str) -> tuple[bytes, ...] | None:
    return text_lines(next(repo.read_small_blobs([blob], MAX_TEXT)))


def _agents(owners: Iterable[Owner]) -> tuple[Agent, ...]:
    hands = (hand for owner in owners for hand in (owner, owner.earlier) if hand)
    return tuple(dict.fromkeys(hand.agent for hand in hands if hand.agent and hand.is_ai))
