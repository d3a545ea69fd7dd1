# SPDX-License-Identifier: Apache-2.0
"""What the language server offers, one function each.

    textDocument/hover   who wrote the line, model, session, evidence, signature, approval
    byline/spans         {"textDocument": {"uri"}} -> `byline.spans/1` (snapshot.py), or null where no repository is
    diagnostics          pushed for the lines that a gate would want approved
    capabilities.experimental.byline = {"version": 1}

Unsaved text is followed for display only: nothing is recorded, and the server never says by itself that a person wrote something.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.uris import to_fs_path, uri_scheme

from byline.errors import BylineError
from byline_lsp.hover import describe_line
from byline_lsp.session import BylineServer, Open
from byline_lsp.snapshot import spans_to_json
from byline_lsp.text import rows
from byline_lsp.tracker import Document

if TYPE_CHECKING:
    from byline_lsp.preview import Preview
    from byline_lsp.reader import Reader

SPANS: Final = "byline/spans"
DEBOUNCE: Final = 0.3
REQUEST_FAILED: Final = -32803


def create_server(reader: Reader, preview: Preview) -> BylineServer:
    """Return a server that answers from `reader`, and warns of what `preview` foresees."""
    server = BylineServer(reader, preview)
    server.feature(types.INITIALIZED)(initialized)
    server.feature(types.SHUTDOWN)(shutdown)
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(did_open)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(did_change)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=True))(did_save)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(did_close)
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)
    server.feature(SPANS)(spans)
    return server


def initialized(ls: BylineServer, _params: types.InitializedParams) -> None:
    """Start to look for what nobody tells an editor."""
    ls.start(ls.poll())


def shutdown(ls: BylineServer, _params: None) -> None:
    """Let git go."""
    ls.stop()


def did_open(ls: BylineServer, params: types.DidOpenTextDocumentParams) -> None:
    """Follow a document."""
    item = params.text_document
    path = to_fs_path(item.uri) if uri_scheme(item.uri) == "file" else None
    ls.opened[item.uri] = Open(path=Path(path) if path else None, document=Document.open(item.text, item.version))
    ls.publish_soon(item.uri)


def did_change(ls: BylineServer, params: types.DidChangeTextDocumentParams) -> None:
    """Follow what is typed, in whatever portions the client tells it."""
    uri = params.text_document.uri
    opened = ls.opened.get(uri)
    if opened is None:
        return
    document = opened.document
    document.advance(params.text_document.version)
    for change in params.content_changes:
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            document.change(((start.line, start.character), (end.line, end.character)), change.text, ls.unit)
        else:
            document.change_all(change.text)
    ls.publish_soon(uri, DEBOUNCE)


def did_save(ls: BylineServer, params: types.DidSaveTextDocumentParams) -> None:
    """Look at the file again; the text that came along finds a lost document."""
    opened = ls.opened.get(params.text_document.uri)
    if opened is not None:
        if params.text is not None:
            opened.document.change_all(params.text)
        ls.publish_soon(params.text_document.uri)


def did_close(ls: BylineServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document, and take back what was said about it."""
    uri = params.text_document.uri
    opened = ls.opened.pop(uri, None)
    if opened is not None and opened.later is not None:
        opened.later.cancel()
    if opened is not None and opened.shown:
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))


async def hover(ls: BylineServer, params: types.HoverParams) -> types.Hover | None:
    """Say who wrote the line under the cursor, and how we know."""
    try:
        sight = await ls.look(params.text_document.uri)
    except BylineError as error:
        raise JsonRpcException(str(error), REQUEST_FAILED) from error
    line = params.position.line
    if sight is None or line >= len(sight.lines):
        return None
    kind = ls.hover_kind
    text = describe_line(sight.snapshot, sight.known[rows(sight.lines)[line]], markdown=kind is types.MarkupKind.Markdown)
    return types.Hover(contents=types.MarkupContent(kind=kind, value=text))


async def spans(ls: BylineServer, params: Any) -> dict[str, object] | None:  # noqa: ANN401 - pygls hands over what the client sent
    """Say who wrote each line: what `byline blame --json` says, carried over to the text as it stands in the editor."""
    uri = getattr(getattr(params, "textDocument", None), "uri", None)
    if not isinstance(uri, str):
        raise JsonRpcInvalidParams('byline/spans takes {"textDocument": {"uri": ...}}')
    try:
        sight = await ls.look(uri)
    except BylineError as error:
        raise JsonRpcException(str(error), REQUEST_FAILED) from error
    return spans_to_json(sight.snapshot, sight.known, sight.version) if sight else None
