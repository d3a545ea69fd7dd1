# SPDX-License-Identifier: Apache-2.0
"""The page for people, at `/`: which log this is, how large, how fast it grows, who vouches for it, and when it was last checked.

One document without scripts and without anything from elsewhere; what comes from the log or its operator is escaped. Light or dark
is the reader's choice.
"""

from __future__ import annotations

import base64
import hashlib
import html
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route

from byline.core.checkpoint import parse_checkpoint
from byline.core.moment import format_moment
from byline.core.note import parse_note
from byline.errors import LedgerUnavailableError
from byline_ledger.engine.last_check import load_last_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from byline_ledger.engine.last_check import LastCheck
    from byline_ledger.engine.log import Log
    from byline_ledger.engine.publishing import WitnessState
    from byline_ledger.server.http.site import Site

_RECENT = 1000
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "dt{font-weight:600;margin-top:.8rem}dd{margin:0;overflow-wrap:anywhere}code{font-family:ui-monospace,monospace;font-size:.9em}"
)
_HEADERS = {
    "Cache-Control": "public, max-age=1",
    "Content-Security-Policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes(site: Site) -> Iterator[Route]:
    """Give the route of this page."""

    async def page(_request: Request) -> Response:
        rows = await site.read(lambda: tuple(_rows(site)))
        return HTMLResponse(_render(site.log.origin, rows), headers=_HEADERS)

    yield Route("/", page)


def _rows(site: Site) -> Iterator[tuple[str, str]]:
    """Give what the page tells, in order."""
    log = site.log
    frozen = "frozen: readers are answered" if log.is_frozen() else "takes entries"
    yield "State", "appends fail; readers are answered" if site.appends.failing.is_set() else frozen
    yield "Public key", log.vkey
    try:
        yield from _shown(log, log.checkpoint())
    except LedgerUnavailableError as error:
        yield "Checkpoint", str(error)
    for state in site.publisher.states.values() if site.publisher else ():
        yield f"Witness {state.name}", _witnessed(state)
    last = load_last_check(site.directory)
    yield "Last check", "never" if last is None else _checked(last)


def _shown(log: Log, note: str) -> Iterator[tuple[str, str]]:
    """Tell of the checkpoint that readers are shown."""
    head = parse_checkpoint(parse_note(note).text)
    yield "Entries", f"{head.size:,}"
    if head.size:
        yield "Last entries", _pace(log, head.size)
    yield "Root", head.root.hex()
    yield "Checkpoint", note


def _pace(log: Log, size: int) -> str:
    """Tell when the newest entry came, and how fast those before it did."""
    first, last = (log.entries(at, limit=1, envelopes=False).entries[0].logged_at / 1000 for at in (max(0, size - _RECENT), size - 1))
    count, seconds = min(size, _RECENT), last - first
    pace = f"; the last {count:,} within {seconds:,.1f} s ({(count - 1) / seconds:,.1f} each second)" if seconds else ""
    return f"{format_moment(datetime.fromtimestamp(last, UTC))}{pace}"


def _witnessed(state: WitnessState) -> str:
    cosigned = f"cosigned {state.size:,} entries at {format_moment(datetime.fromtimestamp(state.cosigned_at, UTC))}"
    trouble = f"failed {state.failures} times in a row: {state.problem}" if state.failures else ""
    return "; ".join(filter(None, (cosigned if state.cosigned_at else "", trouble))) or "not asked yet"


def _checked(last: LastCheck) -> str:
    what = "the tree of " if last.tree_only else ""
    found = f"{last.findings:,} findings" if last.findings else "sound"
    return f"{format_moment(last.at)}: {what}{last.entries:,} entries, {found}"


def _render(origin: str, rows: tuple[tuple[str, str], ...]) -> str:
    title = html.escape(origin)
    told = "".join(f"<dt>{html.escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in rows)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>A transparency log of signed statements. Whatever it answers can be checked without trusting it.</p><dl>{told}</dl>"
        f'<p><a href="/checkpoint">/checkpoint</a> · <a href="/healthz">/healthz</a></p></body></html>'
    )


def _value(value: str) -> str:
    """Return `value` escaped; what has several lines keeps them."""
    return f"<pre><code>{html.escape(value)}</code></pre>" if "\n" in value else f"<code>{html.escape(value)}</code>"
