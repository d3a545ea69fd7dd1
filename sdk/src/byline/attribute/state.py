# SPDX-License-Identifier: Apache-2.0
"""What the journal says, folded: the versions that each path of each work tree went through.

A `Seen` is one version: its content, whose its lines are, and the writer who made it (`UNKNOWN` for a version that was only
found). `lost` holds the last places where lines went away in a work tree, `made_from` the commits that a commit was made from,
`marked` the commits that this clone made, each with the work tree where, `agents` those of them that an agent made.
A `State` is never changed: folding returns a new one. Until the journal is compacted it can be rebuilt from there; then its file is all
that is left of what was folded:

    {"schema": "byline.state/1", "owners", "bylines" (as in `attribute.rows`),
     "versions": [[work tree, path, [[blob, writer, rows]...]]...], "lost": [[work tree, [[blob, start, rows]...]]...],
     "madeFrom": {commit: [commit]}, "marked": {commit: work tree}, "agents": [commit]}

>>> parse_state(format_state(State())) == State()
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from byline.attribute.rows import BylineTable, Rows, expand, read_rows, read_tables
from byline.core.attribution import UNKNOWN, Owner
from byline.core.canonical import Json, format_base64, parse_base64
from byline.core.value import dataclass, field, replace
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from byline.core.attribution import Byline

Value = TypeVar("Value")

SCHEMA = "byline.state/1"
MAX_VERSIONS = 30  # of one path
MAX_LOST = 50  # places of one work tree
MAX_COMMITS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A version of a path: `blob` (None: no file), its bylines as (count, byline) rows, and who made it."""

    blob: str | None
    rows: Rows = ()
    writer: Owner = UNKNOWN

    @property
    def count(self) -> int:
        """The number of lines."""
        return sum(count for count, _ in self.rows)

    @property
    def bylines(self) -> tuple[Byline, ...]:
        """One byline for each line."""
        return expand(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Lines of `blob` that went away: from `start` on, as many as `rows` count."""

    blob: str
    start: int
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The folded journal; keys of `versions` are (work tree, path), the one that changed last being the last."""

    versions: Mapping[tuple[str, bytes], tuple[Seen, ...]] = field(default_factory=dict)
    lost: Mapping[str, tuple[Lost, ...]] = field(default_factory=dict)
    made_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    marked: Mapping[str, str] = field(default_factory=dict)
    agents: tuple[str, ...] = ()

    def seen(self, worktree: str | None, path: bytes) -> tuple[Seen, ...]:
        """Return the versions of `path` in `worktree`, oldest first."""
        return self.versions.get((worktree, path), ()) if worktree else ()

    def with_seen(self, worktree: str, path: bytes, seen: Seen) -> State:
        """Return the state after `path` became `seen`."""
        versions = dict(self.versions)
        versions[worktree, path] = (*versions.pop((worktree, path), ()), seen)[-MAX_VERSIONS:]
        return replace(self, versions=versions)

    def with_lost(self, worktree: str, lost: Iterable[Lost]) -> State:
        """Return the state after the places `lost` went away."""
        places = (*self.lost.get(worktree, ()), *lost)[-MAX_LOST:]
        return replace(self, lost={**self.lost, worktree: places})

    def with_made_from(self, commit: str, sources: Iterable[str]) -> State:
        """Return the state in which `commit` is known to be made from `sources` too."""
        known = dict.fromkeys((*self.made_from.get(commit, ()), *sources))
        known.pop(commit, None)
        made = {**self.made_from, commit: tuple(known)} if known else dict(self.made_from)
        return replace(self, made_from=_newest(made))

    def with_marked(self, commit: str, worktree: str) -> State:
        """Return the state in which `commit` is known to be made in `worktree`."""
        return replace(self, marked=_newest({**self.marked, commit: worktree}))

    def with_agents(self, commit: str) -> State:
        """Return the state in which `commit` is known to be made by an agent."""
        return replace(self, agents=tuple(dict.fromkeys((*self.agents, commit)))[-MAX_COMMITS:])

    def is_of_agents(self, commit: str) -> bool:
        """Whether an agent made `commit`, or any of those that it was made from."""
        known, found = set(self.agents), [commit]
        for each in found if known else ():
            found += (source for source in self.made_from.get(each, ()) if source not in found)
        return not known.isdisjoint(found)

    def without(self, files: Collection[tuple[str, bytes]]) -> State:
        """Return the state that knows no version of `files`, which are (work tree, path)."""
        return replace(self, versions={key: seen for key, seen in self.versions.items() if key not in files})

    def renamed(self, name: Callable[[str], str]) -> State:
        """Return the state with work trees called as `name` says."""
        return State(
            versions={(name(worktree), path): seen for (worktree, path), seen in self.versions.items()},
            lost={name(worktree): places for worktree, places in self.lost.items()},
            made_from=self.made_from,
            marked={commit: name(worktree) for commit, worktree in self.marked.items()},
            agents=self.agents,
        )


def _newest(known: dict[str, Value]) -> dict[str, Value]:
    return dict(list(known.items())[-MAX_COMMITS:])


def format_state(state: State) -> dict[str, Json]:
    """Return `state` as JSON."""
    table = BylineTable(each.rows for seen in state.versions.values() for each in seen)
    versions: list[Json] = [
        [worktree, format_base64(path), [[each.blob, table.owner(each.writer), table.rows(each.rows)] for each in seen]]
        for (worktree, path), seen in state.versions.items()
    ]
    lost: list[Json] = [
        [worktree, [[each.blob, each.start, table.rows(each.rows)] for each in places]] for worktree, places in state.lost.items()
    ]
    made: dict[str, Json] = {commit: list(sources) for commit, sources in state.made_from.items()}
    commits: dict[str, Json] = {"madeFrom": made, "marked": dict(state.marked), "agents": list(state.agents)}
    return {"schema": SCHEMA, "versions": versions, "lost": lost, **commits, **table.to_json()}


def parse_state(value: Json) -> State:
    """Read a state.

    Raises:
        MalformedError: Another schema, or not a state: rebuild it from the journal.
    """
    try:
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise MalformedError("not a state of this version")
        return _read(value)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise MalformedError("not a state") from error


def _read(value: Mapping[str, Any]) -> State:
    owners, bylines = read_tables(value)
    return State(
        versions={
            (worktree, parse_base64(path)): tuple(
                Seen(blob=blob, rows=read_rows(rows, bylines), writer=owners[writer]) for blob, writer, rows in seen
            )
            for worktree, path, seen in value["versions"]
        },
        lost={
            worktree: tuple(Lost(blob=blob, start=start, rows=read_rows(rows, bylines)) for blob, start, rows in places)
            for worktree, places in value["lost"]
        },
        made_from={commit: tuple(sources) for commit, sources in value["madeFrom"].items()},
        marked=dict(value["marked"]),
        agents=tuple(value["agents"]),
    )
