# SPDX-License-Identifier: Apache-2.0
"""The state of one editor's session, and who does which work.

A keystroke costs a splice of a list, on the event loop. Git, claims and line diffs are the work of a thread, one job at a time, so
that a slow answer never holds a keystroke up; another thread judges for the diagnostics, which nobody waits for. A file is looked
at when it is opened, saved or asked for, and every `POLL` seconds, but read again only when something that the answer rests on has
changed. Nothing is written, and logs hold no source text.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types
from pygls.exceptions import FeatureNotificationError, FeatureRequestError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from byline import __version__
from byline.errors import BylineError
from byline_lsp.snapshot import mark_wants, saved_rows
from byline_lsp.text import Unit, content
from byline_lsp.tracker import NEW, Document, settle

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterable
    from pathlib import Path

    from byline_lsp.preview import Preview
    from byline_lsp.reader import Reader
    from byline_lsp.snapshot import Snapshot, Want

PROTOCOL: Final = 1
POLL: Final = 2.0


@dataclass(slots=True)
class Open:
    """An open document, the file that it is, and what was last known of that file."""

    path: Path | None
    document: Document
    snapshot: Snapshot | None = None
    settled: int = -1
    shown: list[types.Diagnostic] = field(default_factory=list)
    complaint: str = ""
    later: asyncio.TimerHandle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look at a document saw: the file's snapshot, and for each row of `lines` the saved row that it is, or `NEW`."""

    snapshot: Snapshot
    lines: list[str]
    known: list[int]
    version: int


class Protocol(LanguageServerProtocol):
    """pygls' protocol, which also says which version of ours the server speaks."""

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer `initialize`."""
        result = yield from super().lsp_initialize(params)
        result.capabilities.experimental = {"byline": {"version": PROTOCOL}}
        return result


class BylineServer(LanguageServer):
    """The state of one editor's session: its open documents and the one worker that reads repositories."""

    def __init__(self, reader: Reader, preview: Preview) -> None:
        super().__init__("byline", __version__, protocol_cls=Protocol)
        self.reader = reader
        self.preview = preview
        self.opened: dict[str, Open] = {}
        self.reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="byline-reader")
        self.judging = ThreadPoolExecutor(max_workers=1, thread_name_prefix="byline-preview")
        self.jobs: set[asyncio.Task[None]] = set()
        self.busy: set[str] = set()
        # pygls would rewrite the whole text for each keystroke; our documents are the only copy.
        for method in (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE, types.TEXT_DOCUMENT_DID_CLOSE):
            del self.protocol.fm.builtin_features[method]

    @property
    def unit(self) -> Unit:
        """What this client counts characters in."""
        return Unit(self.server_capabilities.position_encoding or Unit.UTF16)

    @property
    def hover_kind(self) -> types.MarkupKind:
        """What this client shows hovers in."""
        document = self.client_capabilities.text_document
        formats = (document.hover.content_format if document and document.hover else None) or ()
        return types.MarkupKind.Markdown if types.MarkupKind.Markdown in formats else types.MarkupKind.PlainText

    def report_server_error(self, error: Exception, source: object) -> None:
        """Tell the editor's log that something failed, and never what text it failed on; a request's failure is its answer."""
        if source is FeatureRequestError:
            return
        detail = f"{error} ({error.code})" if isinstance(error, BylineError) else type(error).__name__
        self.window_log_message(types.LogMessageParams(type=types.MessageType.Error, message=f"byline: {detail}"))

    async def look(self, uri: str) -> Sight | None:
        """Return what is known of the document now, or None where nobody can know anything: it is in no repository.

        Raises:
            RepositoryError: Git cannot say.
        """
        opened = self.opened.get(uri)
        if opened is None or opened.path is None:
            return None
        document, before, edits = opened.document, opened.snapshot, opened.document.edits
        lines, origins, version, lost = list(document.lines), list(document.origins), document.version, document.lost
        is_settled = opened.settled == edits

        def job(path: Path) -> tuple[Snapshot | None, list[int], list[int]]:
            snapshot = self.reader.read(path)
            if snapshot is None:
                return None, [], []
            if snapshot is before and is_settled:
                settled = origins
            else:
                settled = settle(snapshot.saved, lines, origins if snapshot is before else [NEW] * len(lines))
            return snapshot, settled, saved_rows(snapshot.saved, lines, [NEW] * len(lines) if lost else settled)

        snapshot, settled, known = await asyncio.get_running_loop().run_in_executor(self.reading, job, opened.path)
        if document.edits == edits:
            document.origins, opened.settled = settled, edits
            opened.snapshot = snapshot
        elif snapshot is not opened.snapshot:
            document.origins, opened.settled = [NEW] * len(document.lines), -1
            opened.snapshot = snapshot
        return None if snapshot is None else Sight(snapshot=snapshot, lines=lines, known=known, version=version)

    async def publish(self, uri: str) -> None:
        """Send the document's diagnostics, if they are others than the last ones; say once why there are none."""
        opened = self.opened.get(uri)
        if opened is None or opened.path is None:
            return
        self.busy.add(uri)
        try:
            sight = await self.look(uri)
            if sight is None:
                return
            wants = await asyncio.get_running_loop().run_in_executor(self.judging, self.preview.wants, opened.path)
        except (BylineError, OSError) as error:
            if opened.complaint != str(error):
                opened.complaint = str(error)
                self.report_server_error(error, FeatureNotificationError)
            return
        finally:
            self.busy.discard(uri)
        found = _diagnose(sight, wants, self.unit)
        if found != opened.shown and opened.document.version == sight.version and self.opened.get(uri) is opened:
            opened.shown = found
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=found, version=sight.version))

    def publish_soon(self, uri: str, delay: float = 0.0) -> None:
        """Publish after `delay` seconds without another call for the same document."""
        opened = self.opened[uri]
        if opened.later is not None:
            opened.later.cancel()
        opened.later = asyncio.get_running_loop().call_later(delay, lambda: self.start(self.publish(uri)))

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run `job` beside the conversation; if it fails, the editor's log says so."""
        task = asyncio.get_running_loop().create_task(job)
        self.jobs.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.jobs.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.report_server_error(error, FeatureNotificationError)

    def stop(self) -> None:
        """Let the workers finish what they are at, and nothing more."""
        for job in self.jobs:
            job.cancel()
        for worker in (self.reading, self.judging):
            worker.shutdown(wait=False, cancel_futures=True)

    async def poll(self) -> None:
        """Look at the open documents every now and then: agents, commits and fetches do not tell an editor."""
        while True:
            await asyncio.sleep(POLL)
            for uri in self.opened.keys() - self.busy:
                self.start(self.publish(uri))


def _diagnose(sight: Sight, wants: Iterable[Want], unit: Unit) -> list[types.Diagnostic]:
    found = []
    for start, end, want in mark_wants(wants, sight.lines, sight.known):
        last = types.Position(line=end - 1, character=unit.measure(content(sight.lines[end - 1])))
        found.append(
            types.Diagnostic(
                range=types.Range(start=types.Position(line=start, character=0), end=last),
                message=want.message,
                severity=types.DiagnosticSeverity.Information,
                code=want.rule,
                source="byline",
            )
        )
    return found
