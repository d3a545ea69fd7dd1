# SPDX-License-Identifier: Apache-2.0
"""The journal of one clone: every edit and mark that was observed, one JSON line each, `byline.journal/1`.

    {"schema": "byline.journal/1", "type": "edit", "worktree": ".", "path": "app.py", "before": null, "after": "<blob id>",
     "by": {"kind": "ai", "agent": "claude-code", "version": "2.1.197", "model": "claude-sonnet-4-5"}, "evidence": "observed",
     "channel": "hook", "session": "6e46...", "onBehalfOf": null, "call": "toolu_01", "tool": "Write", "head": "<commit id>",
     "inProgress": [],
     "time": "1700000000000000000", "seq": 0, "name": "edit.claude-code.812.0:0"}
    {"schema": "byline.journal/1", "type": "mark", "worktree": ".", "hook": "post-commit", "head": "<commit id>",
     "inProgress": [], "rewritten": [["<old>", "<new>"]], "byAgent": false, "key": "/home/ana/.config/byline/key.pem",
     "delegation": null, "time": "...", "name": "mark.post-commit.813.0"}

`before` is a blob id, null (no file) or `"unseen"`; `by` is null for a sighting, `{"kind": "human", "person"}` or `{"kind": "tool",
"tool", "version"}`. A path that is not UTF-8 is `pathBytes` (base64) instead of `path`; so do the other names of files. Times are
decimal strings: nanoseconds do not fit JSON's integers.

A record is one `write` to a file opened with `O_APPEND`, 0600: records of parallel writers do not mix, and kill -9 loses at most
the record being written. What a full disk tears is given an end by the next append and reported by the reader as torn: never
fatal. A record with the time, name, work tree and path of an earlier one is the same record, written again after a crash. Of a journal
that was compacted the first records are gone (`capture.cut`).

A work tree is named by its own git directory. In the file, one below the journal's own clone is told from there (`.`,
`worktrees/topic`), so that a repository that was moved to another folder knows its records.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from byline.capture.cut import SCHEMA, append_line, journal_end, read_cut
from byline.capture.places import shared_dir, worktree_dir, worktree_name
from byline.core.attribution import Agent, Author, Channel, Evidence, Person, Tool
from byline.core.canonical import Json, format_base64, format_canonical, parse_base64, parse_strict
from byline.core.edit import UNSEEN, Committer, Edit, Event, Hook, Mark, Unseen
from byline.core.lines import is_git_id
from byline.core.value import dataclass
from byline.errors import MalformedError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FILE: Final = "journal"
RECENT = 1 << 18  # bytes
LAST: Final = 1 << 13  # bytes that hold the time of a record: it stands behind the path
_TIME: Final = re.compile(rb'"time":"([0-9]{1,20})"')
# Nothing else may say that a person wrote: a record that says so all the same is none.
SEES_PEOPLE: Final = ((Channel.EDITOR, Evidence.OBSERVED), (Channel.GENERIC, Evidence.DECLARED))
_COMMON = {"schema", "type", "head", "inProgress", "time", "name"}
_EDIT = _COMMON | {"before", "after", "by", "evidence", "channel", "session", "onBehalfOf", "call", "tool", "seq"}
_MARK = _COMMON | {"hook", "rewritten", "byAgent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A line of the journal that is no record: where it starts and how long it is."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What `read_events` found: events by (time, name), where to go on from, what was torn, and where the first record left stands."""

    events: tuple[Event, ...]
    begin: int = 0
    cursor: int
    torn: tuple[Torn, ...]


def append_edit(place: Path, edit: Edit) -> None:
    """Append `edit` to the journal in `place`.

    Raises:
        OSError: It could not be written whole.
    """
    _append(place, edit)


def append_mark(place: Path, mark: Mark) -> None:
    """Append `mark` to the journal in `place`.

    Raises:
        OSError: It could not be written whole.
    """
    _append(place, mark)


def _append(place: Path, event: Event) -> None:
    append_line(place / FILE, format_event(event, shared_dir(place)))


def read_events(place: Path, cursor: int = 0) -> Reading:
    """Return what the journal in `place` holds from byte `cursor` on.

    A last line without its end is left for the next reading. A `cursor` beyond the end (it is another journal), or before the first
    record that is left, starts with that one.

    Raises:
        OSError: The journal is there and cannot be read.
    """
    try:
        with (place / FILE).open("rb") as journal:
            skipped, begin = read_cut(journal)
            end = skipped + os.fstat(journal.fileno()).st_size
            cursor = cursor if begin <= cursor <= end else begin
            journal.seek(cursor - skipped)
            data = journal.read()
    except FileNotFoundError:
        return Reading(events=(), cursor=0, torn=())
    events: dict[tuple[str, bytes, int, str], Event] = {}
    torn: list[Torn] = []
    common_dir = shared_dir(place)
    offset = cursor - skipped
    end = data.rfind(b"\n") + 1
    for line in data[:end].split(b"\n")[:-1]:
        if line:
            try:
                event = parse_event(line, common_dir)
                events.setdefault((event.worktree, event.path if isinstance(event, Edit) else b"", event.time, event.name), event)
            except MalformedError:
                torn.append(Torn(offset=offset, size=len(line)))
        offset += len(line) + 1
    ordered = sorted(events.values(), key=lambda event: (event.time, event.name))
    return Reading(events=tuple(ordered), begin=begin, cursor=cursor + end, torn=tuple(torn))


def read_recent(place: Path) -> tuple[Event, ...]:
    """Return the events in the last `RECENT` bytes of the journal in `place`.

    Raises:
        OSError: The journal is there and cannot be read.
    """
    return read_events(place, max(0, journal_end(place / FILE) - RECENT)).events


def last_time(place: Path) -> int:
    """Return the time of the last record of the journal in `place`; 0 where there is none, or it is torn."""
    try:
        with (place / FILE).open("rb") as journal:
            journal.seek(max(0, os.fstat(journal.fileno()).st_size - LAST))
            line = journal.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError:
        return 0
    found = _TIME.search(line)
    return int(found[1]) if found else 0


def find_events(place: Path, names: Iterable[bytes]) -> tuple[Event, ...]:
    """Return the events of the journal in `place` that name one of `names` (paths, sessions, ids); nothing else is read as a record.

    Raises:
        OSError: The journal is there and cannot be read.
    """
    wanted = [format_canonical(*_named("", name).values()) for name in names]
    try:
        lines = (place / FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    common_dir = shared_dir(place)
    found = set()
    for line in lines:
        if any(each in line for each in wanted):
            with suppress(MalformedError):  # torn: `read_events` tells of it
                found.add(parse_event(line, common_dir))
    return tuple(sorted(found, key=lambda event: (event.time, event.name)))


def format_event(event: Event, common_dir: str = "") -> bytes:
    """Return `event` as one line of JSON, without its end; its work tree is told from `common_dir`, if that is above it."""
    record: dict[str, Json] = {
        "schema": SCHEMA,
        **_named("worktree", os.fsencode(worktree_name(common_dir, event.worktree))),
        "head": event.head,
        "inProgress": list(event.in_progress),
        "time": str(event.time),
        "name": event.name,
    }
    if isinstance(event, Edit):
        record |= {
            "type": "edit",
            **_named("path", event.path),
            "before": "unseen" if isinstance(event.before, Unseen) else event.before,
            "after": event.after,
            "by": _format_author(event.by),
            "evidence": event.evidence.value,
            "channel": event.channel.value,
            "session": event.session,
            "onBehalfOf": event.on_behalf_of,
            "call": event.call,
            "tool": event.tool,
            "seq": event.seq,
        }
    else:
        record |= {
            "type": "mark",
            "hook": event.hook.value,
            "rewritten": [list(pair) for pair in event.rewritten],
            "byAgent": event.by_agent,
            **_named_file("key", event.committer.key),
            **_named_file("delegation", event.committer.delegation),
        }
    return format_canonical(record)


def parse_event(line: bytes, common_dir: str = "") -> Event:
    """Return the event that `line` records, its work tree as told from `common_dir`.

    Raises:
        MalformedError: It is not a record of the journal.
    """
    record = parse_strict(line)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise PayloadError(f"not a record of {SCHEMA}")
    try:
        if record["type"] == "edit":
            return _parse_edit(record, common_dir)
        if record["type"] == "mark":
            return _parse_mark(record, common_dir)
    except (KeyError, TypeError, ValueError) as error:
        raise PayloadError(f"a journal record with a wrong member: {error}") from error
    raise PayloadError("a journal record of an unknown type")


def _parse_edit(record: dict[str, Json], common_dir: str) -> Edit:
    _check_members(record, _EDIT, ("worktree", "path"))
    before = _text_or_none(record["before"])
    by, evidence, channel = _parse_author(record["by"]), Evidence(_text(record["evidence"])), Channel(_text(record["channel"]))
    if isinstance(by, Person) and (channel, evidence) not in SEES_PEOPLE:
        raise ValueError("by")
    return Edit(
        worktree=worktree_dir(common_dir, os.fsdecode(_bytes(record, "worktree"))),
        path=_bytes(record, "path"),
        before=UNSEEN if before == "unseen" else _id_or_none(before),
        after=_id_or_none(record["after"]),
        by=by,
        evidence=evidence,
        channel=channel,
        session=_text_or_none(record["session"]),
        on_behalf_of=_text_or_none(record["onBehalfOf"]),
        call=_text_or_none(record["call"]),
        tool=_text_or_none(record["tool"]),
        head=_id_or_none(record["head"]),
        in_progress=_ids(record["inProgress"]),
        time=_count(_text(record["time"])),
        seq=_count(str(record["seq"])),
        name=_text(record["name"]),
    )


def _parse_mark(record: dict[str, Json], common_dir: str) -> Mark:
    _check_members(record, _MARK, ("worktree", "key", "delegation"))
    pairs = [_ids(pair) for pair in _list(record["rewritten"])]
    if any(len(pair) != 2 for pair in pairs) or not isinstance(record["byAgent"], bool):
        raise ValueError("rewritten, byAgent")
    return Mark(
        worktree=worktree_dir(common_dir, os.fsdecode(_bytes(record, "worktree"))),
        hook=Hook(_text(record["hook"])),
        head=_id_or_none(record["head"]),
        in_progress=_ids(record["inProgress"]),
        rewritten=tuple((pair[0], pair[1]) for pair in pairs),
        by_agent=record["byAgent"],
        time=_count(_text(record["time"])),
        name=_text(record["name"]),
        committer=Committer(key=_file_or_none(record, "key"), delegation=_file_or_none(record, "delegation")),
    )


def _format_author(by: Author | None) -> Json:
    if by is None:
        return None
    if isinstance(by, Agent):
        return {"kind": "ai", "agent": by.name, "version": by.version, "model": by.model}
    if isinstance(by, Tool):
        return {"kind": "tool", "tool": by.name, "version": by.version}
    return {"kind": "human", "person": by.id}


def _parse_author(value: Json) -> Author | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError("by")
    shapes: dict[Json, tuple[set[str], Callable[[], Author]]] = {
        "ai": (
            {"kind", "agent", "version", "model"},
            lambda: Agent(name=_text(value["agent"]), version=_text_or_none(value["version"]), model=_text_or_none(value["model"])),
        ),
        "tool": ({"kind", "tool", "version"}, lambda: Tool(name=_text(value["tool"]), version=_text_or_none(value["version"]))),
        "human": ({"kind", "person"}, lambda: Person(id=_text_or_none(value["person"]))),
    }
    members, make = shapes[_text(value["kind"])]
    if set(value) != members:
        raise ValueError("by")
    return make()


def _named(name: str, data: bytes) -> dict[str, Json]:
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}Bytes": format_base64(data)}


def _named_file(name: str, path: str | None) -> dict[str, Json]:
    return {name: None} if path is None else _named(name, os.fsencode(path))


def _file_or_none(record: dict[str, Json], name: str) -> str | None:
    return None if record.get(name, "") is None else os.fsdecode(_bytes(record, name))


def _bytes(record: dict[str, Json], name: str) -> bytes:
    if name in record:
        return _text(record[name]).encode()
    return parse_base64(record[f"{name}Bytes"])


def _check_members(record: dict[str, Json], members: set[str], named: tuple[str, ...]) -> None:
    spelled = {name if name in record else f"{name}Bytes" for name in named}
    if set(record) != members | spelled:
        raise ValueError("members")


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is missing")
    return value


def _text_or_none(value: Json) -> str | None:
    return None if value is None else _text(value)


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _id_or_none(value: Json) -> str | None:
    return None if value is None else _ids([value])[0]


def _ids(value: Json) -> tuple[str, ...]:
    ids = tuple(_text(item) for item in _list(value))
    if not all(map(is_git_id, ids)):
        raise ValueError("an object id")
    return ids


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError("a count")
    return int(text)
