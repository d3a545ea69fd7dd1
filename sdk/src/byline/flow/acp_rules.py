# SPDX-License-Identifier: Apache-2.0
"""What an agent may not do that works in an editor: by the rules for agents, at what it asks the editor for.

1. `fs/write_text_file` and `terminal/create` are refused as JSON-RPC errors, with the words that an agent's hook gets.
2. `session/request_permission` for a tool call that is denied is answered with the editor's own "no" (`reject_once`, else another
   rejection, else cancelled). Files are those that the call's diffs and locations name, and what its `rawInput` tells by the names of
   its members (`byline.core.tool_arguments`); a call of a kind that only reads writes none. Where nothing else tells what a call would
   run (Gemini CLI), its title is the command.
3. Where a rule wants a person to be asked, the editor is asked, as the agent wanted anyway. Its yes holds for these files and this command,
   in this prompt; what comes without one is refused. Byline says yes to nothing. An editor that was told to say yes to everything says
   yes here as well: write `deny` where that is not meant.

What an agent runs by itself, without asking, is done when the editor hears of it: that is for the agent's own hooks.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from byline.core.rpc import format_answer, format_refusal, objects_of, text_of
from byline.core.tool_arguments import read_arguments
from byline.errors import RefusedError
from byline.flow.acp_tool_call import NO_FILES

if TYPE_CHECKING:
    from byline.core.rpc import Message
    from byline.flow.acp_tool_call import ToolCall
    from byline.flow.sessions import Session

JUDGED: Final = frozenset(("fs/write_text_file", "terminal/create", "session/request_permission"))
NOES: Final = ("reject_once", "reject_always")

Deed = tuple[tuple[str, ...], str | None]  # files that are written, and a command


class AcpRules:
    """What the agent of `session` may do, and what a person said yes to."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: dict[str, Deed] = {}  # by the id of the call that the editor was asked about
        self._files: set[str] = set()
        self._commands: set[str] = set()

    def refuse(self, message: Message, call: ToolCall | None) -> bytes | None:
        """Return the answer to a request that must not pass; `call` is the one that a permission is asked for."""
        given, folder = message.given, text_of(message.given, "cwd")
        if call is not None:
            asked = read_arguments(call.title, call.given, folder=str(self._session.root), is_read_only=call.kind in NO_FILES)
            named = () if call.kind in NO_FILES else tuple(map(str, call.paths()))
            line = asked.command or (call.title if call.kind == "execute" else "")
            deed, folder = (tuple(dict.fromkeys((*named, *asked.paths))), line or None), asked.folder
        elif message.method == "terminal/create":
            deed = (), _line(given)
        else:
            deed = tuple(filter(None, (text_of(given, "path"),))), None
        try:
            self._session.check(paths=deed[0], command=deed[1], cwd=folder, call_id=call.id if call else None, tool=message.method)
        except RefusedError as refused:
            return self._answer(message, call, deed, refused)
        return None

    def answered(self, call: ToolCall, *, is_allowed: bool) -> None:
        """Note what the editor said about a call that it was asked about."""
        files, command = self._asked.pop(call.id, ((), None))
        if is_allowed:
            self._files.update(files)
            self._commands |= {each for each in (command, _given_line(call)) if each is not None}

    def forget(self) -> None:
        """Forget what was said yes to: another prompt is another matter."""
        self._asked.clear()
        self._files.clear()
        self._commands.clear()

    def _answer(self, message: Message, call: ToolCall | None, deed: Deed, refused: RefusedError) -> bytes | None:
        files, command = deed
        if refused.effect == "ask":
            if call is not None:
                self._asked[call.id] = deed
                return None
            if self._files.issuperset(files) and (command is None or command in self._commands):
                return None
        if message.id is None:
            return b""
        if call is None:
            return format_refusal(message.id, str(refused))
        kinds = {text_of(each, "kind"): text_of(each, "optionId") for each in objects_of(message.given, "options")}
        chosen = next((kinds[kind] for kind in NOES if kinds.get(kind)), None)
        outcome = {"outcome": "selected", "optionId": chosen} if chosen else {"outcome": "cancelled"}
        return format_answer(message.id, {"outcome": outcome})


def _given_line(call: ToolCall) -> str | None:
    """Return the command of a call as a terminal would be asked for it."""
    return _line(call.given) if text_of(call.given, "command") else None


def _line(given: dict[str, Any]) -> str:
    """Return what a terminal is to run: a program with arguments, which some agents and editors take for a shell line."""
    command, more = text_of(given, "command") or "", given.get("args")
    rest = "".join(f" {shlex.quote(str(each))}" for each in more) if isinstance(more, list) else ""
    if rest and shlex.quote(command) != command:
        return f"{shlex.quote(command)}{rest}\n{command}{rest}"
    return command + rest
