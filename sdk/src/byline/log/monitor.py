# SPDX-License-Identifier: Apache-2.0
"""Watch a log: it only ever grows, and what it holds under somebody's key is told.

A look takes the newest checkpoint and proves that the tree which was seen before is the beginning of its tree (`core.fork`). Each
entry that came since is read, proven to be in the tree, and told if its key is watched; only then the checkpoint is kept. So what was
told may be told again after a crash, and nothing is missed. The first look believes the log's own signature, and tells of every entry
from the first on.

    {"schema": "byline.monitor/1", "vkey": "<the log's>", "checkpoint": "<signed note>", "watched": ["<key id>", ...]}

is the state, replaced as a whole. Keys that were not watched before are looked for from the first entry on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.canonical import format_canonical, parse_strict
from byline.core.checkpoint import open_checkpoint
from byline.core.entry import parse_entry
from byline.core.fork import follow_growth
from byline.core.note import MAX_NOTE
from byline.core.tiles import WIDTH
from byline.core.value import dataclass
from byline.errors import ConfigError, EntryError, MalformedError
from byline.keys.ids import key_id
from byline.log.durable import write_durably

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.core.checked_tree import CheckedTree
    from byline.core.checkpoint import Checkpoint
    from byline.keys.ed25519 import LogVerifier
    from byline.log.tiled import TiledLog

SCHEMA = "byline.monitor/1"
_MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen last of the log with the key `vkey`, and the ids of the keys that were `watched` until then."""

    vkey: str
    note: str
    watched: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Entry `index` is signed with the key whose id is `key`; `digest` (hex) is of what was signed."""

    index: int
    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look found: the log had `before` entries when it was last seen and has those of `checkpoint` now.

    `unread` counts the entries since whose kind Byline does not read: whose they are cannot be told.
    """

    checkpoint: Checkpoint
    before: int
    unread: int


class Monitor:
    """The log that `verifier` knows, served by `source`; what was seen is in the file `state`. One process at a time."""

    def __init__(self, source: TiledLog, verifier: LogVerifier, state: Path, *, watched: frozenset[str] = frozenset()) -> None:
        self._source = source
        self._verifier = verifier
        self._state = state
        self._watched = watched

    def look(self, tell: Callable[[Sighting], None]) -> Look:
        """Look once, and `tell` of each new entry under a watched key.

        Raises:
            LogForkError: The log showed two histories; the state is as it was.
            VerificationError: What is served cannot be proven, or is older than what was seen; the state is as it was.
            MalformedError: What is served is not a log's.
            LedgerError: The log cannot be read.
            ConfigError: The state is that of another log, or cannot be read or written.
        """
        seen = self._seen()
        note = self._source.checkpoint()
        now = open_checkpoint(note, self._verifier)
        before = open_checkpoint(seen.note, self._verifier).size if seen else 0
        tree = follow_growth(seen.note if seen else note, note, self._verifier, self._source.fetch)
        unread = 0
        if self._watched:
            start = before if seen and self._watched <= seen.watched else 0
            for sighting in _sightings(tree, start):
                if sighting is None:
                    unread += 1
                elif sighting.key in self._watched:
                    tell(sighting)
        if seen is None or (seen.note, seen.watched) != (note, self._watched):
            self._keep(Seen(vkey=self._verifier.vkey, note=note, watched=self._watched))
        return Look(checkpoint=now, before=before, unread=unread)

    def _seen(self) -> Seen | None:
        try:
            with self._state.open("rb") as file:
                seen = read_seen(file.read(2 * MAX_NOTE + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"cannot read {self._state}: {error.strerror}") from error
        except MalformedError as error:
            raise ConfigError(f"{self._state} is not the state of a monitor: {error}", hint="name another file with --state") from error
        if seen.vkey != self._verifier.vkey:
            raise ConfigError(f"{self._state} is the state of another log, {seen.vkey}", hint="name another file with --state")
        return seen

    def _keep(self, seen: Seen) -> None:
        record = {"schema": SCHEMA, "vkey": seen.vkey, "checkpoint": seen.note, "watched": sorted(seen.watched)}
        try:
            self._state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(self._state, format_canonical(record))
        except OSError as error:
            raise ConfigError(f"cannot write {self._state}: {error.strerror}") from error


def read_seen(data: bytes) -> Seen:
    """Read the state of a monitor.

    Raises:
        MalformedError: It is none.
    """
    value = parse_strict(data, max_bytes=2 * MAX_NOTE)
    if not isinstance(value, dict) or set(value) != {"schema", "vkey", "checkpoint", "watched"} or value["schema"] != SCHEMA:
        raise MalformedError("not the state of a monitor (byline.monitor/1)")
    vkey, note, watched = value["vkey"], value["checkpoint"], value["watched"]
    if not isinstance(vkey, str) or not isinstance(note, str) or not isinstance(watched, list) or len(watched) > _MAX_KEYS:
        raise MalformedError("the state of a monitor holds a key, a note and the ids of keys")
    return Seen(vkey=vkey, note=note, watched=frozenset(str(each) for each in watched))


def _sightings(tree: CheckedTree, start: int) -> Iterator[Sighting | None]:
    """Yield the entries of `tree` from `start` on, None for each of a kind that Byline does not read."""
    for bundle in range(start // WIDTH, -(-tree.checkpoint.size // WIDTH)):
        for index, leaf in enumerate(tree.entries(bundle), bundle * WIDTH):
            if index >= start:
                yield _sighting(index, leaf)


def _sighting(index: int, leaf: bytes) -> Sighting | None:
    try:
        entry = parse_entry(leaf)
    except EntryError:
        return None
    return Sighting(index=index, key=key_id(entry.public), digest=entry.digest.hex())
