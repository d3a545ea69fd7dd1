# SPDX-License-Identifier: Apache-2.0
"""What shall be forgotten: a person's wish, and which sessions and payloads it is about.

    known = named_sessions(edits)                                    # {"6e46bda4...": "claude-code", "51c2...": "codex"}
    wanted_sessions(known, Wish(session="6e46"), edits)              # {"6e46bda4...": "claude-code"}
    [*left_payloads(inbox, Wish(agent="codex"), {"51c2...": "codex"})]

A session is named by its id, or by how that begins: four characters and more. In the inbox lie payloads that could not be read, that wait
for a command to end, and that hooks which were killed had begun to write: whose they are their bytes tell. What is taken away then says
`flow.forget` for repositories, `flow.forget_loose` for folders without git.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.capture.disk import read_file
from byline.capture.inbox import BEGUN, list_arrivals
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.core.edit import Edit
    from byline.core.prompt import Prompt

SHORTEST = 4  # characters by which a longer id is known, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whose traces shall go: of the session whose id begins so, of an agent, of what ended before a time (nanoseconds), of all."""

    session: str | None = None
    agent: str | None = None
    before: int | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a wish comes to: `sessions` by id (None: what names none), each with its agent, and what they left in `files`."""

    sessions: Mapping[str | None, str]
    records: int
    texts: int
    payloads: tuple[Path, ...]
    files: frozenset[tuple[str, bytes]]
    prompts: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to forget."""
        return not self.sessions and not self.payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What went."""

    records: int
    texts: int
    payloads: int
    prompts: int = 0


def named_sessions(edits: Iterable[Edit], owners: Iterable[Owner] = ()) -> dict[str, str]:
    """Return the agent, or the kind of writer, of each session that `edits` or `owners` name."""
    found: dict[str, str] = {}
    for edit in edits:
        if edit.session:
            found[edit.session] = getattr(edit.by, "name", None) or found.get(edit.session, "nobody")
    for owner in owners:
        if owner.session:
            found.setdefault(owner.session, owner.agent.name if owner.agent else str(owner.origin))
    return found


def wanted_sessions(known: Mapping[str, str], wish: Wish, records: Sequence[Edit | Prompt]) -> dict[str | None, str]:
    """Return those of the sessions `known` that `wish` is about; `records` are what they left."""
    sessions: dict[str | None, str] = {name: agent for name, agent in known.items() if _is_wanted(name, agent, wish, records)}
    if wish.everything and any(each.session is None for each in records):
        sessions[None] = "what names no session"
    return sessions


def _is_wanted(name: str, agent: str, wish: Wish, records: Iterable[Edit | Prompt]) -> bool:
    if wish.session is not None:
        return name == wish.session or (len(wish.session) >= SHORTEST and name.startswith(wish.session))
    if wish.before is not None:
        # Of a session without a record only the state is left: it is older than every record.
        times = [each.time for each in records]
        last = max((each.time for each in records if each.session == name), default=min(times, default=0))
        return last < wish.before
    return wish.everything or agent == wish.agent


def left_payloads(inbox: Path, wish: Wish, sessions: Iterable[str | None]) -> Iterator[Path]:
    """Yield what agents' hooks left in the inbox of one of `sessions`; what could not be read tells its session in its bytes, if at all."""
    names = [(name if len(name) >= SHORTEST else f'"{name}"').encode() for name in (*sessions, wish.session) if name]
    aside = inbox / "aside"
    for path in sorted(aside.iterdir()) if aside.is_dir() else ():
        is_old = wish.before is not None and path.stat().st_mtime_ns < wish.before
        if wish.everything or is_old or _holds(path, names):
            yield path
    left = [each.path for each in list_arrivals(inbox)]
    left += [path for ending in BEGUN for path in sorted(inbox.glob(f"*{ending}"))] if inbox.is_dir() else []
    yield from (path for path in left if _holds(path, names))


def _holds(path: Path, names: Iterable[bytes]) -> bool:
    data = read_file(path) or b""
    return any(name in data for name in names)
