# SPDX-License-Identifier: Apache-2.0
r"""JSON-RPC 2.0 messages, one JSON text a line, as the Model Context Protocol and the Agent Client Protocol have them on standard streams.

>>> (message,) = parse_messages(b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write_file"}}')
>>> message.method, message.id, message.given["name"]
('tools/call', 1, 'write_file')
>>> format_answer(1, {"ok": True})
b'{"jsonrpc":"2.0","id":1,"result":{"ok":true}}\n'

A request has a method and an id, a notification a method, a response an id and a result or an error. A line may hold several (a batch).

What passes is also read by others, who may take more than this reader would: bytes that are no UTF-8 are taken for U+FFFD, and what is
nested too deep for us (beyond 64 levels) for null, so that no message is overlooked for what somebody put beside the members that count.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from byline.core.value import dataclass
from byline.errors import PayloadError

Id = str | int | float

DEEPEST: Final = 64
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `given` are its parameters or its result, empty where it has none that are an object.

    `method` is None for a response, `id` for a notification; `is_error` marks a response that tells of an error.
    """

    method: str | None
    id: Id | None
    given: dict[str, Any]
    is_error: bool


def parse_messages(line: bytes) -> tuple[Message, ...]:
    """Return the messages of `line`.

    Raises:
        PayloadError: It is not JSON, or no messages.
    """
    text = line.decode("utf-8", "replace")
    try:
        try:
            value = json.loads(text)
        except RecursionError:
            value = json.loads(_shallow(text))
    except ValueError as error:
        raise PayloadError(f"not JSON: {type(error).__name__}") from error
    return tuple(_message(each) for each in (value if isinstance(value, list) else [value]))


def format_answer(to: Id, result: object) -> bytes:
    """Return the response that answers the request `to` with `result`, as a line."""
    return _line({"jsonrpc": "2.0", "id": to, "result": result})


def format_refusal(to: Id, why: str) -> bytes:
    """Return the response that refuses the request `to`, as a line."""
    return _line({"jsonrpc": "2.0", "id": to, "error": {"code": -32000, "message": why}})


def object_of(source: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object `name` of `source`; an empty one where there is none."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def objects_of(source: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in the list `name` of `source`; none where there is no list."""
    value = source.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(source: dict[str, Any], name: str) -> str | None:
    """Return the text `name` of `source`; None where there is none, or it is empty."""
    value = source.get(name)
    return value if isinstance(value, str) and value else None


def _shallow(text: str) -> str:
    """Return the JSON `text` with null for what is nested too deep."""
    out, depth, end = [], 0, 0
    for found in _TOKEN.finditer(text):
        if depth <= DEEPEST:
            out.append(text[end : found.end()] if found[0] not in ("[", "{") or depth < DEEPEST else text[end : found.start()] + "null")
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        end = found.end()
    return "".join([*out, text[end:]])


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _message(value: object) -> Message:
    if not isinstance(value, dict):
        raise PayloadError("not a message")
    method, told = value.get("method"), value.get("id")
    if not isinstance(method, str | None) or (told is not None and type(told) not in (str, int, float)):
        raise PayloadError("not a message")
    given = object_of(value, "result" if method is None else "params")
    return Message(method=method, id=told, given=given, is_error="error" in value)
