# SPDX-License-Identifier: Apache-2.0
"""The page for people, at `/`: which log this is, how large, how fast, and who vouches for it.

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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from byline_ledger.server.http.site import Site

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
    note, head = log.head()
    yield "State", "appends fail; readers are answered" if site.appends.failing.is_set() else "takes entries"
    yield "Entries", f"{head.size:,}"
    yield "Root", head.root.hex()
    yield "Public key", log.vkey
    yield "Checkpoint", note
    for each in site.publisher.states.values() if site.publisher else ():
        when = f"cosigned {each.size:,} entries at {datetime.fromtimestamp(each.cosigned_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        told = when if each.cosigned_at else "has not cosigned since the server began"
        yield f"Witness {each.name}", told + (f"; now {each.problem}" if each.problem else "")


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
