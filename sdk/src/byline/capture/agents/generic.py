# SPDX-License-Identifier: Apache-2.0
"""The intake for scripts and agents without an adapter: `byline hook generic`, one JSON object a line.

    {"schema": "byline.edit/1", "when": "after", "cwd": "/repo", "paths": ["a.py"],
     "by": {"kind": "ai", "agent": "name", "model": "provider/model", "session": "id"}, "call": "id"}

`when` is `before` (what nobody claimed is settled) or `after` (`by` claims the difference since). `by` is also `{"kind": "human"}` or
`{"kind": "tool", "tool": "black 26.1"}`; `before` may leave it out. A program's `onBehalfOf`
is the principal who let it act (`p-...`, `s-...`). No `paths`: the whole work tree. Members that are not named
here are refused, but for those of an object `extensions`.
"""

from __future__ import annotations

import os

from byline.capture.agents import clean
from byline.core.authors import Agent, Author, Person, Tool, answers
from byline.core.canonical import parse_strict
from byline.core.value import dataclass
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from byline.core.canonical import Json

SCHEMA: Final = "byline.edit/1"
_MEMBERS: Final = {"schema", "when", "cwd", "paths", "by", "call", "extensions"}
_BY: Final = {
    "ai": {"kind", "agent", "model", "session", "onBehalfOf"},
    "human": {"kind", "session"},
    "tool": {"kind", "tool", "session", "onBehalfOf"},
}
MAX_LINES: Final = 10_000
MAX_PATHS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One line of the intake. `paths` are absolute; None: every changed file of the work tree around `cwd`.

    `texts` are those of files, by absolute path, that stand in an editor and are not saved.
    """

    after: bool
    cwd: str
    paths: tuple[str, ...] | None
    by: Author | None
    session: str | None
    call: str | None
    on_behalf_of: str | None = None
    texts: tuple[tuple[str, str], ...] = ()


def parse_intake(data: bytes) -> tuple[Intake, ...]:
    """Return the lines of `data`; blank ones count for nothing.

    Raises:
        MalformedError: A line that is not as the module says; then no line counts.
    """
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > MAX_LINES:
        raise PayloadError(f"{len(lines)} lines, at most {MAX_LINES} are read")
    return tuple(map(_parse_line, lines))


def _parse_line(line: bytes) -> Intake:
    record = parse_strict(line)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise PayloadError(f"not an object of schema {SCHEMA}")
    unknown = set(record) - _MEMBERS
    if unknown:
        raise PayloadError(f"unknown members: {', '.join(sorted(clean(name) for name in unknown))}")
    when = record.get("when")
    if when not in ("before", "after"):
        raise PayloadError('when must be "before" or "after"')
    said = record.get("by")
    by = None if said is None else _parse_by(said)
    if when == "after" and by is None:
        raise PayloadError("an edit that nobody made: by is missing")
    cwd = _string(record.get("cwd"), "cwd")
    session = said.get("session") if isinstance(said, dict) else None
    return Intake(
        after=when == "after",
        cwd=_absolute(cwd, "/"),
        paths=_paths(record["paths"], cwd) if "paths" in record else None,
        by=by,
        session=None if session is None else clean(_string(session, "session")),
        on_behalf_of=_principal(said.get("onBehalfOf")) if isinstance(said, dict) else None,
        call=None if record.get("call") is None else clean(_string(record["call"], "call")),
    )


def _parse_by(value: Json) -> Author:
    if not isinstance(value, dict):
        raise PayloadError("by is not an object")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _BY or not set(value) <= _BY[kind]:
        raise PayloadError("by is not {kind: ai|human|tool} with the members of its kind")
    if kind == "human":
        return Person()
    if kind == "tool":
        name, _, version = _word(value.get("tool"), "tool").partition(" ")
        return Tool(name=name, version=version.strip() or None)
    model = value.get("model")
    return Agent(name=_word(value.get("agent"), "agent"), model=None if model is None else _word(model, "model"))


def _principal(value: Json) -> str | None:
    if value is not None and (not isinstance(value, str) or not answers(value)):
        raise PayloadError("onBehalfOf is the id of a person (p-...) or of a service (s-...)")
    return value


def _paths(value: Json, cwd: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_PATHS:
        raise PayloadError("paths is not a list, or too long a one")
    return tuple(_absolute(_string(path, "a path"), cwd) for path in value)


def _absolute(path: str, cwd: str) -> str:
    joined = os.path.join(cwd, path)  # noqa: PTH118 - text, and no Path: it would drop a trailing dot
    if not joined.startswith("/") or "\0" in joined:
        raise PayloadError("a path that is not absolute")
    return joined


def _string(value: Json, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise PayloadError(f"{name} is missing")
    return value


def _word(value: Json, name: str) -> str:
    word = clean(_string(value, name)).strip()
    if not word:
        raise PayloadError(f"{name} is empty")
    return word
