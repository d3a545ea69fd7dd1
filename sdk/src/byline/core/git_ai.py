# SPDX-License-Identifier: Apache-2.0
r"""The notes of git-ai, schema `authorship/3.0.0`: what `refs/notes/ai` holds for one commit.

    a.py                                            a path; one with a blank, tab or line feed stands in "...", with no escapes
      s_<14 hex>::t_<14 hex> 1-4,9                  two blanks, who, and lines of the commit's own version (1-based, inclusive)
      h_<14 hex> 5-6
    ---                                             the first such line ends the files
    {"schema_version": "authorship/3.0.0", "base_commit_sha": "<the commit>", "prompts": {},
     "humans": {"h_...": {"author": "..."}},
     "sessions": {"s_...": {"agent_id": {"tool": "claude", "id": "...", "model": "..."}, "human_author": null}}}

A line in no entry is nobody's; of two entries for one line the later counts. `s_...` is looked up in `sessions` (up to `::`), `h_...`
in `humans`, a bare hex id, as older notes have it, in `prompts`, and where a note lacks it in those of other notes. A session's id is
the SHA-256 of `tool:id`, cut; so ours agree with git-ai's. A path with `"` or a line feed, with white space at an end, or that is
`---`, cannot be written so that it is read again.

Notes of Byline's have a member `written_by`, which git-ai does not keep when it writes a note anew: `is_ours` is true of those that
nobody has touched since. What `format_note` is told is verified; a person is their principal, and no name or e-mail address leaves.

>>> said = Hearsay(commit="0" * 40, path=b"a.py", lines=LineRange(0, 4), origin=Origin.AI, agent=Agent(name="claude"), session="s-1")
>>> note = format_note("0" * 40, [said], version="0.1.0")
>>> parse_note(note, "0" * 40).hearsay[0].session, is_ours(note)
('s-1', True)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from byline.core.attribution import Agent, Origin
from byline.core.canonical import parse_loose
from byline.core.effect import check_path
from byline.core.hearsay import Doubt, Hearsay, Reading, name_or_none
from byline.core.lines import LineRange
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REF = "refs/notes/ai"
SCHEMA = "authorship/3.0.0"
MAX_BYTES = 64 * 1024 * 1024
MAX_LINE = 2**31
SHORT = 14  # hex digits of an id
STATEMENT = "byline.statement"

_SCHEMA = re.compile(r"authorship/3\.\d+\.\d+", re.ASCII)
_RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)
_QUOTED = re.compile(rb'"(.*)"')


def can_name(path: bytes) -> bool:
    """Whether a note can name `path` so that its reader finds it again."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return False
    return text.strip() == text and text != "---" and not set(text) & {'"', "\n", "\r"}


def is_ours(data: bytes) -> bool:
    """Whether Byline wrote the note, and nobody since."""
    try:
        return "written_by" in _split(data)[1]
    except MalformedError:
        return False


def format_note(commit: str, hearsay: Iterable[Hearsay], *, version: str) -> bytes:
    """Return the note of what `commit` brought; `version` is Byline's. Who is unknown is left out; every path can be named."""
    files: dict[bytes, dict[str, list[str]]] = {}
    sessions: dict[str, object] = {}
    humans: dict[str, object] = {}
    for each in hearsay:
        if each.agent and each.origin is not Origin.HUMAN:
            tool, conversation = each.agent.name, each.session or ""
            session = "s_" + _short(f"{tool}:{conversation}")
            key = f"{session}::t_{_short(f'{each.statement}:{each.path.hex()}')}"
            found = {
                "agent_id": {"tool": tool, "id": conversation, "model": each.agent.model or "unknown"},
                "human_author": None,
                "custom_attributes": {STATEMENT: each.statement or ""},
            }
            sessions.setdefault(session, found)
        elif each.origin is Origin.HUMAN and each.person:
            key = "h_" + _short(each.person)
            humans[key] = {"author": each.person}
        else:
            continue
        lines = f"{each.lines.first}-{each.lines.last}" if len(each.lines) > 1 else str(each.lines.first)
        files.setdefault(each.path, {}).setdefault(key, []).append(lines)
    told = {"sessions": sessions, "humans": humans}
    record = {
        "schema_version": SCHEMA,
        "written_by": f"byline {version}",
        "base_commit_sha": commit,
        "prompts": {},
        **{name: members for name, members in told.items() if members},
    }
    return b"".join(_file(path, entries) for path, entries in files.items()) + b"---\n" + json.dumps(record, indent=2).encode()


def _file(path: bytes, entries: dict[str, list[str]]) -> bytes:
    name = b'"%b"' % path if set(path) & set(b" \t") else path
    return name + b"\n" + b"".join(f"  {key} {','.join(lines)}\n".encode() for key, lines in entries.items())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:SHORT]


def prompts_of(data: bytes) -> dict[str, object]:
    """Return the `prompts` of a note, none if it is no note: other notes may name them and not have them."""
    try:
        prompts = _split(data)[1].get("prompts")
    except MalformedError:
        return {}
    return prompts if isinstance(prompts, dict) else {}


def parse_note(data: bytes, commit: str, *, prompts: Mapping[str, object] = MappingProxyType({})) -> Reading:
    """Return what the note `data` on `commit` says; where two entries hold one line, what both say.

    `prompts` are those of other notes, for entries of which this one does not say whose they are.

    Raises:
        MalformedError: It is no note, or of another schema, or was written for another commit.
    """
    head, record = _split(data)
    if not _SCHEMA.fullmatch(str(record.get("schema_version"))):
        raise MalformedError("a note of another schema than authorship/3")
    if record.get("base_commit_sha") != commit:
        raise MalformedError("it was written for another commit than the one that it is on")
    out = list(_read(head, commit, record, prompts))
    return Reading(
        hearsay=tuple(each for each in out if isinstance(each, Hearsay)), doubts=tuple(each for each in out if isinstance(each, Doubt))
    )


def _split(data: bytes) -> tuple[bytes, dict[str, object]]:
    """Return the files of a note, and its record."""
    head, mark, tail = (b"\n" + data).partition(b"\n---\n")
    record = parse_loose(tail if mark else data, max_bytes=MAX_BYTES)
    if not isinstance(record, dict):
        raise MalformedError("not a note of git-ai")
    return head if mark else b"", record


def _read(head: bytes, commit: str, record: dict[str, object], prompts: Mapping[str, object]) -> Iterator[Hearsay | Doubt]:
    path: bytes | None = None
    for line in head.split(b"\n"):
        text = line.rstrip()
        if text and not line.startswith(b"  "):
            quoted = _QUOTED.fullmatch(text)
            path = quoted[1] if quoted else text
            try:
                check_path(path)
            except MalformedError as error:
                yield Doubt(where=_show(path), why=str(error))
                path = None
        elif text and path is not None:
            yield from _entry(text.decode("utf-8", "replace").strip(), (commit, path), record, prompts)


def _entry(text: str, place: tuple[str, bytes], record: dict[str, object], prompts: Mapping[str, object]) -> Iterator[Hearsay | Doubt]:
    key, _, ranges = text.rpartition(" ")
    who = _who(key.strip(), record, prompts)
    if who is None:
        yield Doubt(where=_show(place[1]), why=f"an entry of which the note does not say whose it is: {text[:80]}")
        return
    origin, agent, session, person = who
    for each in ranges.split(","):
        found = _RANGE.fullmatch(each)
        start, end = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= start <= end <= MAX_LINE:
            yield Doubt(where=_show(place[1]), why=f"lines that are none: {each[:80]}")
            continue
        lines = LineRange(start - 1, end)
        yield Hearsay(commit=place[0], path=place[1], lines=lines, origin=origin, agent=agent, session=session, person=person)


def _who(key: str, record: dict[str, object], prompts: Mapping[str, object]) -> tuple[Origin, Agent | None, str | None, str | None] | None:
    """Return origin, agent, session and person of an entry; None if the note does not tell."""
    kind = "humans" if key.startswith("h_") else "sessions" if key.startswith("s_") else "prompts"
    table, name = record.get(kind), key.partition("::")[0]
    found = table.get(name) if isinstance(table, Mapping) else None
    if found is None and kind == "prompts":
        found = prompts.get(name)
    match found:
        case {"author": author} if kind == "humans":
            return Origin.HUMAN, None, None, name_or_none(author)
        case {"agent_id": {"tool": str(tool), **others}} if kind != "humans" and tool:
            model = name_or_none(others.get("model"))
            agent = Agent(name=name_or_none(tool) or tool, model=None if model == "unknown" else model)
            return Origin.AI, agent, name_or_none(others.get("id")), None
    return None


def _show(path: bytes) -> str:
    return path[:200].decode("utf-8", "replace")
