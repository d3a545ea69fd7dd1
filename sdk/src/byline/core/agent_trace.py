# SPDX-License-Identifier: Apache-2.0
"""Agent Trace 0.1.0: strict out, lenient in.

A record speaks of one revision: files, in each the conversations that wrote in it, in each the ranges of lines (1-based, inclusive, as
they stand in that revision) and who contributed them. Out comes one record for a commit, on one line:

    {"version": "0.1.0", "id": "<uuid>", "timestamp": "2026-11-21T08:30:00Z", "vcs": {"type": "git", "revision": "<commit id>"},
     "tool": {"name": "byline", "version": "0.1.0"},
     "files": [{"path": "a.py", "conversations": [
       {"url": "urn:byline:session:claude-code:s-1", "contributor": {"type": "ai", "model_id": "anthropic/claude-x"},
        "ranges": [{"start_line": 1, "end_line": 4, "content_hash": "sha256:<hex>"}],
        "related": [{"type": "attestation", "url": "urn:byline:statement:sha256:<hex>"}]}]}],
     "metadata": {"dev.byline": {"content_hash": "SHA-256 of the lines without their ends, joined by LF"}}}

No member stands where the specification's own schema has none, both members of `tool` are there, and a moment ends in `Z`: readers
that follow the published schemas differ in these. `id` follows from the rest, so that the same facts are the same bytes. A path that
is not UTF-8 cannot be named.

In comes one record, a list of them, or one on each line. Members that are not known are passed over, and what cannot be used is a
doubt: another version control system, a path that no tree can hold, a range that is none. Paths that begin with a dot and name no
file (`.sessions`, `.shell-history`, `.unknown`) are what the reference hook writes beside files, and mean nothing.

>>> from datetime import UTC, datetime
>>> said = Hearsay(commit="0" * 40, path=b"a.py", lines=LineRange(0, 4), origin=Origin.AI, agent=Agent(name="codex", model="gpt-x"))
>>> record = format_trace("0" * 40, [said], at=datetime(2026, 11, 21, tzinfo=UTC), version="0.1.0")
>>> parse_traces(record).hearsay[0].agent
Agent(name='codex', version=None, model='openai/gpt-x')
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from byline.core.attribution import Agent, Origin
from byline.core.canonical import parse_loose
from byline.core.effect import parse_path
from byline.core.hearsay import Doubt, Hearsay, Reading, name_or_none
from byline.core.lines import LineRange
from byline.core.moment import format_moment
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

VERSION = "0.1.0"
MAX_BYTES = 256 * 1024 * 1024
MAX_LINE = 2**31
MAX_MODEL = 250
HASHED = "SHA-256 of the lines without their ends, joined by LF"
SESSION, STATEMENT, SHA256 = "urn:byline:session:", "urn:byline:statement:sha256:", "sha256:"
PSEUDO_PATHS = frozenset({".sessions", ".shell-history", ".unknown"})
URLS = bytes.fromhex("6ba7b8119dad11d180b400c04fd430c8")  # RFC 9562, section 6.6: the namespace of names that are URLs
PROVIDERS = (("claude-", "anthropic/"), ("gpt-", "openai/"), ("o1", "openai/"), ("o3", "openai/"), ("gemini-", "google/"))

_KNOWN = re.compile(r"[01](\.\d+){1,2}", re.ASCII)
_RESERVED = re.compile(r"[^A-Za-z0-9._~-]+")
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def can_name(path: bytes) -> bool:
    """Whether a record can name `path`."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def format_trace(commit: str, hearsay: Iterable[Hearsay], *, at: datetime, version: str) -> bytes:
    """Return the record of what `commit` brought, with its line end: `at` is the commit's time, `version` is Byline's.

    Every path can be named (`can_name`).
    """
    files: dict[bytes, dict[str, dict[str, object]]] = {}
    for each in hearsay:
        said = _conversation(each)
        ranges = files.setdefault(each.path, {}).setdefault(json.dumps(said), said | {"ranges": []})["ranges"]
        if isinstance(ranges, list):
            ranges.append(_range(each))
    listed = [{"path": path.decode(), "conversations": list(several.values())} for path, several in files.items()]
    digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    record = {
        "version": VERSION,
        "id": _uuid(f"urn:byline:trace:{commit}:{digest}"),
        "timestamp": format_moment(at),
        "vcs": {"type": "git", "revision": commit},
        "tool": {"name": "byline", "version": version},
        "files": listed,
        "metadata": {"dev.byline": {"content_hash": HASHED}},
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _uuid(url: str) -> str:
    """Return the name-based UUID of `url`: RFC 9562, section 5.5."""
    number = int.from_bytes(hashlib.sha1(URLS + url.encode(), usedforsecurity=False).digest()[:16])
    text = f"{number & ~(0xF << 76) & ~(0x3 << 62) | 0x5 << 76 | 0x2 << 62:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _conversation(said: Hearsay) -> dict[str, object]:
    contributor = {"type": str(said.origin)}
    agent = said.agent
    if agent and agent.model and len(model := _model_id(agent.model)) <= MAX_MODEL:
        contributor["model_id"] = model
    out: dict[str, object] = {"contributor": contributor}
    if agent:
        out["url"] = f"{SESSION}{_escape(agent.name)}:{_escape(said.session or '')}"
    if said.statement:
        out["related"] = [{"type": "attestation", "url": STATEMENT + said.statement}]
    return out


def _model_id(model: str) -> str:
    provider = next((provider for start, provider in PROVIDERS if model.startswith(start)), "")
    return provider + model


def _range(said: Hearsay) -> dict[str, object]:
    out: dict[str, object] = {"start_line": said.lines.first, "end_line": said.lines.last}
    return out | {"content_hash": SHA256 + said.digest} if said.digest else out


def parse_traces(data: bytes) -> Reading:
    """Return what the records in `data` say, record by record: what is wrong with one keeps none of the others from being read.

    Raises:
        MalformedError: There is no record to be found: too long, or no line of it is JSON.
    """
    records = list(_records(data))
    if records and all(isinstance(record, MalformedError) for _, record in records):
        raise MalformedError("not Agent Trace: neither a JSON value nor one on each line")
    out: list[Hearsay | Doubt] = []
    for where, record in records:
        out += [Doubt(where=where, why=str(record))] if isinstance(record, MalformedError) else _read(record, where)
    return Reading(
        hearsay=tuple(each for each in out if isinstance(each, Hearsay)), doubts=tuple(each for each in out if isinstance(each, Doubt))
    )


def _records(data: bytes) -> Iterator[tuple[str, object]]:
    """Yield each record and where it stands; in the place of one that is no JSON, why."""
    try:
        whole = parse_loose(data, max_bytes=MAX_BYTES)
    except MalformedError as error:
        if len(data) > MAX_BYTES:
            raise
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.strip():
                try:
                    yield f"line {number}", parse_loose(line, max_bytes=MAX_BYTES)
                except MalformedError:
                    yield f"line {number}", error
        return
    several = whole if isinstance(whole, list) else [whole]
    yield from ((f"record {number}", record) for number, record in enumerate(several, 1))


def _read(record: object, where: str) -> Iterator[Hearsay | Doubt]:
    match record:
        case {"version": str(version)} if not _KNOWN.fullmatch(version):
            yield Doubt(where=where, why="a version of Agent Trace that is not read here")
        case {"version": str(), "vcs": {"type": "git", "revision": str(commit)}, "files": list(files), **others}:
            tool = others.get("tool")
            name = name_or_none(tool.get("name")) if isinstance(tool, dict) else None
            for file in files:
                yield from _read_file(file, commit.strip().lower(), name, where)
        case {"version": str(), "files": list()}:
            yield Doubt(where=where, why="it names no revision of git")
        case _:
            yield Doubt(where=where, why="not a trace record: version, vcs and files are needed")


def _read_file(file: object, commit: str, tool: str | None, where: str) -> Iterator[Hearsay | Doubt]:
    match file:
        case {"path": str(name)} if name in PSEUDO_PATHS:
            return
        case {"path": str(name), "conversations": list(conversations)}:
            try:
                path = parse_path(name, None)
            except (MalformedError, UnicodeEncodeError):
                yield Doubt(where=where, why=f"a path that is none of the repository's: {name[:80]}")
                return
            for each in conversations:
                yield from _read_conversation(each, (commit, path), tool, where)
        case _:
            yield Doubt(where=where, why="a file without path and conversations")


def _read_conversation(value: object, place: tuple[str, bytes], tool: str | None, where: str) -> Iterator[Hearsay | Doubt]:
    if not isinstance(value, dict) or not isinstance(value.get("ranges"), list):
        yield Doubt(where=where, why="a conversation without ranges")
        return
    agent, session = _session_of(value.get("url"))
    for each in value["ranges"]:
        match each:
            case {"start_line": int(start), "end_line": int(end)} if 1 <= start <= end <= MAX_LINE:
                said = each.get("contributor", value.get("contributor"))
                kind = said.get("type") if isinstance(said, dict) else None
                if kind not in ("human", "ai", "mixed", "unknown"):
                    yield Doubt(where=where, why=f"nobody is said to have contributed lines {start}-{end}")
                    continue
                is_ai = kind in ("ai", "mixed")
                hashed = each.get("content_hash")
                yield Hearsay(
                    commit=place[0],
                    path=place[1],
                    lines=LineRange(start - 1, end),
                    origin=Origin(kind),
                    agent=Agent(name=agent or tool or "unknown", model=name_or_none(said.get("model_id"))) if is_ai else None,
                    session=session if is_ai else None,
                    digest=hashed.removeprefix(SHA256) if isinstance(hashed, str) and _DIGEST.fullmatch(hashed) else None,
                )
            case _:
                yield Doubt(where=where, why="a range that is none: lines are counted from 1, and the end is not before the start")


def _session_of(url: object) -> tuple[str | None, str | None]:
    """Return the agent and session that a URL of our own names; another's says where a conversation is kept, which is not for a record."""
    if not isinstance(url, str) or not url.startswith(SESSION):
        return None, None
    agent, _, session = url.removeprefix(SESSION).partition(":")
    return name_or_none(_unescape(agent)), name_or_none(_unescape(session))


def _escape(text: str) -> str:
    """Return `text` as RFC 3986 wants a part of a URN: what is not unreserved as the `%` escapes of its UTF-8."""
    return _RESERVED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), text)
