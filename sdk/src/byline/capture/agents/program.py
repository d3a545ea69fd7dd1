# SPDX-License-Identifier: Apache-2.0
"""A program that watches its own agent's commands (`byline.session(...).watch`): what it spools with each of its two scans.

    {"schema": "byline.watch/1", "when": "before" | "after", "window": "4711.8d2c...", "inside": [],
     "by": {"agent": "reviewer", "version": null, "model": "example/model-1"}, "channel": "sdk",
     "session": "5f0e...", "call": "c1", "tool": "bash"}

`window` pairs the two scans and begins with the process that watches; `inside` names the windows in which this one was opened: what
it saw is its own, not theirs. A process that was started in a window has its name in `BYLINE_WATCHES`, with those around it.
"""

from __future__ import annotations

import re

from byline.capture.agents import WATCHES, Adapter, Kind, Observed, clean
from byline.core.authors import Agent, Channel
from byline.core.canonical import format_canonical, parse_strict
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from byline.core.canonical import Json

SCHEMA: Final = "byline.watch/1"
_KINDS: Final = {"before": Kind.OPENS, "after": Kind.CLOSES}
_WINDOW: Final = re.compile(r"[0-9]{1,10}\.[0-9a-f]{1,64}", re.ASCII)
MOST_WINDOWS: Final = 64
_CHANNELS: Final = (Channel.SDK, Channel.PROXY, Channel.RECORD)
_MEMBERS: Final = {"schema", "when", "window", "inside", "by", "channel", "session", "call", "tool"}


def format_payload(observed: Observed) -> bytes:
    """Return the payload that says `observed`."""
    by = observed.agent
    record: dict[str, Json] = {
        "schema": SCHEMA,
        "when": next(when for when, kind in _KINDS.items() if kind is observed.kind),
        "window": observed.window,
        "inside": list(observed.inside),
        "by": {"agent": by.name, "version": by.version, "model": by.model},
        "channel": observed.channel.value,
        "session": observed.session,
        "call": observed.call,
        "tool": observed.tool,
    }
    return format_canonical(record)


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:
    """Return what `data` says; a program's environment tells nothing more.

    Raises:
        MalformedError: It is not as the module says.
    """
    del environ
    record = parse_strict(data)
    if not isinstance(record, dict) or set(record) != _MEMBERS or record["schema"] != SCHEMA:
        raise PayloadError(f"not an object of schema {SCHEMA}")
    by, inside, when, channel = record["by"], record["inside"], record["when"], record["channel"]
    if not isinstance(by, dict) or set(by) != {"agent", "version", "model"} or not isinstance(inside, list):
        raise PayloadError("a watch without its agent")
    if not isinstance(when, str) or when not in _KINDS or channel not in _CHANNELS:
        raise PayloadError("a watch that neither begins nor ends, or a door that it cannot come through")
    return Observed(
        kind=_KINDS[when],
        agent=Agent(name=_word(by["agent"]), version=_optional(by["version"]), model=_optional(by["model"])),
        session=_word(record["session"]),
        call=_optional(record["call"]),
        tool=_optional(record["tool"]),
        channel=Channel(channel),
        window=_window(record["window"]),
        inside=tuple(map(_window, inside)),
    )


def program_of(observed: Observed) -> int | None:
    """Return the process that watches in the window of `observed`; None where it has none."""
    return int(observed.window.partition(".")[0]) if observed.window else None


def windows_around(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the windows in which a process with `environ` was started, the innermost last."""
    return tuple(filter(_WINDOW.fullmatch, environ.get(WATCHES, "").split()[-MOST_WINDOWS:]))


def _window(value: Json) -> str:
    name = _word(value)
    if not _WINDOW.fullmatch(name):
        raise PayloadError("a window without its process")
    return name


def _word(value: Json) -> str:
    word = clean(value) if isinstance(value, str) else ""
    if not word:
        raise PayloadError("a word is missing")
    return word


def _optional(value: Json) -> str | None:
    return None if value is None else _word(value)


ADAPTER: Final = Adapter(name="program", title="a program with the SDK", parse_payload=parse_payload)
