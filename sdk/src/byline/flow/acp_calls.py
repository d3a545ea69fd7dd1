# SPDX-License-Identifier: Apache-2.0
"""What an agent writes that speaks the Agent Client Protocol with an editor (the client): Zed, Neovim, JetBrains and others.

    calls = AcpCalls(root=Path("."), program="opencode")
    overhear(calls, line, from_client=False)

1. The agent is who it says in `initialize` (`agentInfo`, in lower case), else the program; the session is that of the protocol, and its
   folder the one that the editor gave. One that has hooks, too, has the name that these have for it: rules and records are about one
   agent, and what both tell is recorded once. The model is what the session's settings name, and None where they name none.
2. `fs/write_text_file` is an edit of what the file held to what is written, once the editor has answered that it wrote. Where the agent
   had read the file through the editor, and nobody wrote to the disk since, it held what was read: text that a person has not saved yet
   is not the agent's. Where it holds that already, or the beginning of it, the agent writes it by itself as well (OpenCode does both at
   once), and the file held what its call found there.
3. A tool call that edits, moves or deletes files is an edit of each file that it names (`byline.flow.acp_tool_call`), when it is over.
4. A call that runs something, or of no known kind, is a window over the work tree: from when it is first heard of, or the editor's yes
   to it, to its end. What happens while the editor is asked is nobody's. So is a terminal, from before the editor starts it.
5. A prompt's answer ends all that is open. What is told of an old session that is loaded again is not new.
6. What a person asks for (`session/prompt`) is kept where they chose that, without what is attached to it.
7. What the rules for agents do not allow the editor does not hear of (`byline.flow.acp_rules`).

An agent does not wait for the notice that it sends of a call: of what it runs unasked, and that is done before the work tree was looked
at, nothing is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from byline.capture.disk import read_file
from byline.core.attribution import Channel
from byline.core.rpc import object_of, objects_of, text_of
from byline.core.value import dataclass
from byline.flow.acp_rules import JUDGED, AcpRules
from byline.flow.acp_tool_call import NAMED_FILES, NO_FILES, ToolCall, model_in
from byline.flow.overhearing import Windows
from byline.flow.sessions import session

if TYPE_CHECKING:
    from byline.core.rpc import Message
    from byline.flow.sessions import Session

OPENS_SESSION: Final = frozenset(("session/new", "session/load", "session/resume", "session/fork"))
ABOUT_FILES: Final = frozenset(("fs/write_text_file", "fs/read_text_file", "session/request_permission"))
ABOUT_TERMINALS: Final = frozenset(("terminal/create", "terminal/output", "terminal/wait_for_exit", "terminal/kill", "terminal/release"))
SETS_MODEL: Final = frozenset(("session/set_model", "session/set_config_option"))
# The names that agents have here, by those that they (or programs that speak the protocol for them) say over it.
NAMES: Final = {"claude-agent-acp": "claude-code", "claude-code-acp": "claude-code", "codex-acp": "codex", "copilot": "copilot-cli"}

HEEDED: Final = frozenset(("initialize", "session/prompt")) | OPENS_SESSION | SETS_MODEL | ABOUT_FILES | ABOUT_TERMINALS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request that waits for its answer; `before` is what the file held that it is about."""

    method: str
    given: dict[str, Any]
    before: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A session, its calls that are not over, and what was read through the editor: what the disk held then, and what was read."""

    session: Session
    calls: dict[str, ToolCall]
    read: dict[Path, tuple[bytes | None, bytes]]
    rules: AcpRules


class AcpCalls:
    """A conversation (`byline.flow.overhearing`) with the agent that `program` is, or that is called `agent`."""

    def __init__(self, root: Path, *, program: str, agent: str | None = None) -> None:
        self._root = root
        self._program = program
        self._agent = agent
        self._info: dict[str, Any] = {}
        self._asked: dict[tuple[bool, object], _Asked] = {}
        self._sessions: dict[str, _Work] = {}
        self._windows = Windows()

    def refuse(self, message: Message, *, from_client: bool) -> bytes | None:
        """Return what the agent is told of what the rules do not allow; None for any other message."""
        if from_client or message.method not in JUDGED:
            return None
        work = self._sessions.get(text_of(message.given, "sessionId") or "") or self._begin({}, {}, None)
        asked = object_of(message.given, "toolCall")
        call = self._told(work, asked) if message.method == "session/request_permission" else None
        answer = work.rules.refuse(message, call)
        if answer is not None and call is not None:
            self._drop(work, call)
        return answer

    def take(self, message: Message, *, from_client: bool) -> None:
        """Record what a message tells of."""
        if message.method is None:
            asked = self._asked.pop((not from_client, message.id), None)
            if asked is not None:
                self._answered(asked, message)
            return
        if message.id is not None and message.method in HEEDED:
            self._request(message, from_client=from_client)
        elif message.method == "session/update" and not from_client:
            self._update(message.given)

    def end(self) -> None:
        """End what is open."""
        self._windows.close_all()

    # Requests, before who is asked hears of them

    def _request(self, message: Message, *, from_client: bool) -> None:
        given, method = message.given, message.method or ""
        work = self._sessions.get(text_of(given, "sessionId") or "")
        path = _path(given)
        before = read_file(path) if path is not None else None
        self._asked[from_client, message.id] = _Asked(method=method, given=given, before=before)
        if from_client and method == "session/load":
            self._sessions.pop(text_of(given, "sessionId") or "", None)
        elif work is not None and method == "session/prompt":
            self._prompted(work, "\n".join(text for each in objects_of(given, "prompt") if (text := text_of(each, "text"))))
        elif work is not None and method == "session/request_permission":
            call = self._told(work, object_of(given, "toolCall"))
            if call is not None:
                call.is_asked_about = True
                self._windows.close(_key(work, call))
        elif work is not None and method == "terminal/create":
            self._windows.open(("starts", message.id), work.session, paths=None, tool="terminal")
        elif work is not None and method in ("terminal/kill", "terminal/release"):
            self._windows.close(_terminal(given, given))

    # Answers, before who asked hears of them

    def _answered(self, asked: _Asked, message: Message) -> None:
        given = asked.given
        if asked.method == "terminal/create":
            self._started(asked, message)
        if message.is_error:
            return
        if asked.method == "initialize":
            self._info = object_of(message.given, "agentInfo")
        elif asked.method in OPENS_SESSION:
            self._opened(given, message.given)
        work = self._sessions.get(text_of(given, "sessionId") or "")
        if work is None:
            return
        if asked.method == "session/prompt":
            self._prompt_is_over(work)
        elif asked.method in SETS_MODEL:
            model = text_of(given, "modelId") or model_in(message.given)
            work.session.model = model or work.session.model
        elif asked.method == "fs/write_text_file":
            self._wrote(work, asked)
        elif asked.method == "fs/read_text_file":
            self._read(work, asked, text_of(message.given, "content"))
        elif asked.method == "session/request_permission":
            self._ruled(work, given, object_of(message.given, "outcome"))
        elif asked.method == "terminal/wait_for_exit" or (asked.method == "terminal/output" and message.given.get("exitStatus")):
            self._windows.close(_terminal(given, given))

    def _opened(self, given: dict[str, Any], answer: dict[str, Any]) -> None:
        told = text_of(answer, "sessionId") or text_of(given, "sessionId")
        if told is not None:
            self._sessions[told] = self._begin(given, answer, told)

    def _begin(self, given: dict[str, Any], answer: dict[str, Any], told: str | None) -> _Work:
        said = (text_of(self._info, "name") or self._program).rpartition("/")[2].lower().replace(" ", "-")
        made = session(
            agent=self._agent or NAMES.get(said, said),
            version=None if said.endswith("-acp") else text_of(self._info, "version"),  # another program's
            model=model_in(answer),
            root=self._root / (text_of(given, "cwd") or "."),
            session_id=told,
            channel=Channel.PROXY,
        )
        return _Work(session=made, calls={}, read={}, rules=AcpRules(made))

    def _prompted(self, work: _Work, text: str) -> None:
        if text.strip():
            work.session.prompt(text)

    def _prompt_is_over(self, work: _Work) -> None:
        work.rules.forget()
        for call in [*work.calls.values()]:
            self._over(work, call, is_done=False)

    def _wrote(self, work: _Work, asked: _Asked) -> None:
        path, content = _path(asked.given), asked.given.get("content")
        if path is None or not isinstance(content, str):
            return
        on_disk, read = work.read.pop(path, (None, None))
        before, after = asked.before, content.encode(errors="surrogatepass")
        call = next((each for each in reversed([*work.calls.values()]) if each.names(path)), None)
        if read is not None and on_disk == before:
            before = read
        elif call is not None and after.startswith(before or b""):
            before = call.found(path, before)
        if call is not None:
            call.wrote(path, after)
        tool, told = "fs/write_text_file", call.id if call else None
        work.session.record(path, before=before, after=after, call_id=told, tool=tool)

    def _read(self, work: _Work, asked: _Asked, content: str | None) -> None:
        path = _path(asked.given)
        is_whole = asked.given.get("line") is None and asked.given.get("limit") is None
        if path is not None and content is not None and is_whole:
            work.read[path] = asked.before, content.encode(errors="surrogatepass")

    def _ruled(self, work: _Work, given: dict[str, Any], outcome: dict[str, Any]) -> None:
        call = work.calls.get(text_of(object_of(given, "toolCall"), "toolCallId") or "")
        if call is None:
            return
        chosen = [each for each in objects_of(given, "options") if each.get("optionId") == outcome.get("optionId")]
        is_allowed = any((text_of(each, "kind") or "").startswith("allow") for each in chosen)
        work.rules.answered(call, is_allowed=is_allowed)
        if not is_allowed:
            self._drop(work, call)
            return
        call.is_asked_about = False
        call.look_anew()
        self._watch(work, call)

    def _drop(self, work: _Work, call: ToolCall) -> None:
        work.calls.pop(call.id, None)
        self._windows.close(_key(work, call))

    def _started(self, asked: _Asked, message: Message) -> None:
        terminal = _terminal(asked.given, message.given)
        self._windows.rename(("starts", message.id), terminal)
        if message.is_error:
            self._windows.close(terminal)

    # Tool calls

    def _update(self, given: dict[str, Any]) -> None:
        work = self._sessions.get(text_of(given, "sessionId") or "")
        update = object_of(given, "update")
        kind = update.get("sessionUpdate")
        if work is None:
            return
        if kind == "config_option_update":
            work.session.model = model_in(update) or work.session.model
        elif kind in ("tool_call", "tool_call_update") and (call := self._told(work, update)) is not None:
            if update.get("status") in ("completed", "failed"):
                self._over(work, call, is_done=update.get("status") == "completed")
            elif not call.is_asked_about:
                self._watch(work, call)

    def _told(self, work: _Work, update: dict[str, Any]) -> ToolCall | None:
        told = text_of(update, "toolCallId")
        if told is None:
            return None
        call = work.calls.setdefault(told, ToolCall(told))
        call.merge(update)
        return call

    def _watch(self, work: _Work, call: ToolCall) -> None:
        if call.kind in NAMED_FILES:
            call.look()
        elif call.kind not in NO_FILES and not self._windows.is_open(_key(work, call)):
            self._windows.open(_key(work, call), work.session, paths=None, call_id=call.id, tool=call.kind)

    def _over(self, work: _Work, call: ToolCall, *, is_done: bool) -> None:
        self._drop(work, call)
        if call.kind in NO_FILES:
            return
        for each in call.changes(is_done=is_done):
            work.session.record(each.path, before=each.before, after=each.after, call_id=call.id, tool=call.kind)


def _key(work: _Work, call: ToolCall) -> tuple[str, str, str]:
    return "call", work.session.id, call.id


def _terminal(given: dict[str, Any], named: dict[str, Any]) -> tuple[str | None, ...]:
    return "terminal", text_of(given, "sessionId"), text_of(named, "terminalId")


def _path(given: dict[str, Any]) -> Path | None:
    path = text_of(given, "path")
    return Path(path) if path is not None and path.startswith("/") and "\0" not in path else None
