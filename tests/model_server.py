# SPDX-License-Identifier: Apache-2.0
r"""A model that says what a script tells it to say, in the words of four vendors, on loopback: real agents are driven by it.

    turns = (Turn(Call("Write", {"file_path": "a.py", "content": "x\n"})), Turn(before=lambda: person_types()), ...)
    with ModelServer({"": turns}) as server:          # conversations by words of their first message; "" is any
        run_agent(base_url=server.url)
    server.asked                                      # what the agent sent, as JSON, in order

Spoken are Anthropic's Messages, OpenAI's Chat Completions and Responses, and Gemini's generateContent, streamed (as events) and
not. Which turn it is follows from the conversation that each request brings along, so that an agent may ask beside it, or twice.
A request that offers no tools is such a question, and gets a word. After the last turn the model is done.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Self

MAX_REQUEST = 16 * 1024 * 1024
DONE = "Done."


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that is called: with an object, or with a text where the tool takes one (Codex' `apply_patch`).

    `space` is the namespace in which Codex has the tools of an MCP server.
    """

    tool: str
    given: Mapping[str, Any] | str
    space: str = ""


@dataclass(frozen=True, slots=True, init=False)
class Turn:
    """What the model answers: some calls at once, or `text`. `before` happens while it thinks; each time it is asked, so once.

    `tokens` is how long it says that the conversation is.
    """

    calls: tuple[Call, ...]
    text: str
    before: Callable[[], object] | None
    tokens: int

    def __init__(self, *calls: Call, text: str = DONE, before: Callable[[], object] | None = None, tokens: int = 100) -> None:
        for name, value in (("calls", calls), ("text", text), ("before", before), ("tokens", tokens)):
            object.__setattr__(self, name, value)


@dataclass(slots=True)
class ModelServer(AbstractContextManager["ModelServer"]):
    """The server; see the module."""

    scripts: Mapping[str, Sequence[Turn]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    has_tools: bool = True  # not so for an agent that edits by what the model says
    _server: ThreadingHTTPServer = field(init=False)
    _happened: set[tuple[str, int]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.model = self  # type: ignore[attr-defined]  # how a handler finds whom it answers for
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def turn(self, first: str, replies: int) -> Turn:
        """Return the turn after so many `replies` in the conversation that begins with `first`."""
        name = next((each for each in self.scripts if each and each in first), "")
        script = self.scripts[name]
        turn = script[replies] if replies < len(script) else Turn()
        with self._lock:
            if turn.before and (name, replies) not in self._happened:
                self._happened.add((name, replies))
                turn.before()
        return turn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    numbers = count(1)

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer({})

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [], "models": []} if "models" in self.path else {})

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        assert size <= MAX_REQUEST
        asked = json.loads(self.rfile.read(size) or b"{}")
        path = self.path.split("?")[0]
        model = cast("ModelServer", self.server.model)  # type: ignore[attr-defined]  # as above
        model.asked.append(asked)
        for ending, speak in SPOKEN.items():
            if re.search(ending, path):
                speak(self, model, asked)
                return
        self._answer({"input_tokens": 100, "totalTokens": 100})

    def name(self, prefix: str) -> str:
        """Return a name that nothing else has."""
        return f"{prefix}{next(self.numbers):024d}"

    def _answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def answer(self, value: Mapping[str, Any], events: Iterable[Mapping[str, Any]] | None, *, end: str = "") -> None:
        """Send `value`, or `events` where the caller wants a stream."""
        if events is None:
            self._answer(value)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            named = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{named}data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(end.encode())
        self.close_connection = True


def _turn(model: ModelServer, first: object, replies: int, tools: object) -> Turn:
    return model.turn(json.dumps(first), replies) if tools or not model.has_tools else Turn(text="ok")


def _anthropic(handler: _Handler, model: ModelServer, asked: dict[str, Any]) -> None:
    messages = asked.get("messages", [])
    plain = asked.get("output_config", {}).get("format")
    turn = _turn(model, messages[:1], sum(each["role"] == "assistant" for each in messages), None if plain else asked.get("tools"))
    content: list[dict[str, Any]] = [
        {"type": "tool_use", "id": handler.name("toolu_"), "name": each.tool, "input": each.given} for each in turn.calls
    ]
    content = content or [{"type": "text", "text": '{"title": "a title"}' if plain else turn.text}]
    used = {"input_tokens": turn.tokens, "output_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    stop = "tool_use" if turn.calls else "end_turn"
    message = {"id": handler.name("msg_"), "type": "message", "role": "assistant", "model": asked.get("model"), "content": content}
    message |= {"stop_reason": stop, "stop_sequence": None, "usage": used}
    handler.answer(message, _anthropic_events(message) if asked.get("stream") else None)


def _anthropic_events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _chat(handler: _Handler, model: ModelServer, asked: dict[str, Any]) -> None:
    messages = asked.get("messages", [])
    first = [each for each in takewhile(lambda each: each["role"] != "assistant", messages) if each["role"] == "user"]
    turn = _turn(model, first, sum(each["role"] == "assistant" for each in messages), asked.get("tools"))
    calls = [
        {
            "index": index,
            "id": handler.name("call_"),
            "type": "function",
            "function": {"name": each.tool, "arguments": json.dumps(each.given)},
        }
        for index, each in enumerate(turn.calls)
    ]
    said = {"role": "assistant", "content": None, "tool_calls": calls} if calls else {"role": "assistant", "content": turn.text}
    end = "tool_calls" if calls else "stop"
    used = {"prompt_tokens": turn.tokens, "completion_tokens": 20, "total_tokens": turn.tokens + 20}
    base = {"id": handler.name("chatcmpl-"), "created": 1, "model": asked.get("model")}
    part = {**base, "object": "chat.completion.chunk"}
    events = (
        {**part, "choices": [{"index": 0, "delta": said, "finish_reason": None}]},
        {**part, "choices": [{"index": 0, "delta": {}, "finish_reason": end}]},
        {**part, "choices": [], "usage": used},
    )
    whole = {**base, "object": "chat.completion", "usage": used, "choices": [{"index": 0, "finish_reason": end, "message": said}]}
    handler.answer(whole, events if asked.get("stream") else None, end="data: [DONE]\n\n")


def _responses(handler: _Handler, model: ModelServer, asked: dict[str, Any]) -> None:
    given = asked.get("input")
    items = [each for each in given if each.get("type", "message") != "reasoning"] if isinstance(given, list) else []
    by_model = [each.get("role") == "assistant" or str(each.get("type", "")).endswith("_call") for each in items]
    replies = sum(now and not before for before, now in zip([False, *by_model], by_model, strict=False))
    turn = _turn(model, [each for each in items if each.get("role") == "user"], replies, asked.get("tools"))
    output = [_item(handler, each) for each in turn.calls] or [_message(handler, turn.text)]
    used: dict[str, Any] = {"input_tokens": turn.tokens, "output_tokens": 20, "total_tokens": turn.tokens + 20}
    used |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    whole = {"id": handler.name("resp_"), "object": "response", "created_at": 1, "status": "completed", "model": asked.get("model")}
    whole |= {"output": output, "usage": used, "error": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    handler.answer(whole, _responses_events(whole) if asked.get("stream") else None)


def _item(handler: _Handler, call: Call) -> dict[str, Any]:
    base = {"call_id": handler.name("call_"), "name": call.tool, "status": "completed"}
    base |= {"namespace": call.space} if call.space else {}
    if isinstance(call.given, str):
        return {"type": "custom_tool_call", "id": handler.name("ctc_"), "input": call.given, **base}
    return {"type": "function_call", "id": handler.name("fc_"), "arguments": json.dumps(call.given), **base}


def _message(handler: _Handler, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": handler.name("msg_"), "role": "assistant", "status": "completed", "content": content}


def _responses_events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    for index, item in enumerate(whole["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": {**item, "status": "in_progress"}}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": whole}


def _gemini(handler: _Handler, model: ModelServer, asked: dict[str, Any]) -> None:
    contents, wanted = asked.get("contents", []), asked.get("generationConfig", {})
    if wanted.get("responseJsonSchema") or wanted.get("responseMimeType") == "application/json":
        turn = Turn(text='{"reasoning": "none", "next_speaker": "user", "model_choice": "pro", "complexity_score": 50}')
    else:
        turn = _turn(model, contents[:1], sum(each.get("role") == "model" for each in contents), asked.get("tools"))
    parts: list[dict[str, Any]] = [
        {"functionCall": {"name": each.tool, "args": each.given, "id": handler.name("fc")}} for each in turn.calls
    ]
    named = re.search("models/([^:]+):", handler.path)
    whole = {
        "candidates": [{"content": {"role": "model", "parts": parts or [{"text": turn.text}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": turn.tokens, "candidatesTokenCount": 20, "totalTokenCount": turn.tokens + 20},
        "modelVersion": named[1] if named else None,
        "responseId": handler.name("r"),
    }
    handler.answer(whole, (whole,) if "stream" in handler.path else None)


SPOKEN: Mapping[str, Callable[[_Handler, ModelServer, dict[str, Any]], None]] = {
    "/messages$": _anthropic,
    "/chat/completions$": _chat,
    "/responses$": _responses,
    "[gG]enerateContent$": _gemini,
}
