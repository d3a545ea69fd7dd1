# SPDX-License-Identifier: Apache-2.0
"""What Gemini CLI and Qwen Code, which came of it, have in common: their tools, what these show, and their transcripts.

    {"tool_name": "write_file", "tool_input": {"file_path": "a.py", "content": "..."},
     "tool_response": {"llmContent": "...", "returnDisplay": {"originalContent": "...", "newContent": "...", "isNewFile": true}}}

Both texts are there. `originalContent` of a new file is null or empty; `isNewFile`, or else what the model is told, says that it is new.
A person may change what `write_file` proposes; `tool_input` then has `modified_by_user`, and the proposal in `ai_proposed_content`. The
payload names no model: the transcript's last answer before the payload's `timestamp` does. A tool of an MCP server (`mcp_SERVER_TOOL`), or
of a command that the project names (`discovered_tool_...`), is like a shell command: a window in which any file may change.
"""

from __future__ import annotations

from byline.capture.agents import FileText, Kind
from byline.capture.agents.claude_like import BROUGHT, end_or_nothing, observe
from byline.capture.agents.members import members_in, object_in, optional_in, path_in, string_in, text_in
from byline.capture.agents.transcript import last_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.capture.agents import Observed
    from byline.core.authors import Agent

SHELL: Final = "run_shell_command"
_RUNS: Final = (SHELL, "save_memory")  # what is remembered may be a file of the project
SCANNED: Final = "^(" + "|".join((*_RUNS, *(f"{name}.*" for name in BROUGHT))) + ")$"
_ANSWERS: Final = ("gemini", "assistant")


def observe_call(payload: Mapping[str, Any], agent: Agent, *, windows: Mapping[str, Kind], edits: tuple[str, str], rest: Kind) -> Observed:
    """Return what `payload` says: of a command by `windows`, of an edit by the event and the tool of which `edits` are, else `rest`.

    Raises:
        PayloadError: Its members are not what they should be.
    """
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    if tool and (tool in _RUNS or tool.startswith(BROUGHT)) and event in windows:
        runs_on = tool == SHELL and members_in(payload, "tool_input").get("is_background")
        return observe(payload, agent, kind=end_or_nothing(windows[event], runs_on=runs_on))
    shown = _shown_in(payload)
    if (event, tool) in (edits, (edits[0], "write_file")) and shown is not None:
        return observe(payload, agent, kind=Kind.EDIT, files=(_edited_file(payload, shown),))
    return observe(payload, agent, kind=rest)


def _shown_in(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a tool showed, None where it showed no file."""
    answer = payload.get("tool_response")
    display = answer.get("returnDisplay") if isinstance(answer, dict) else None
    return display if isinstance(display, dict) else None


def _edited_file(payload: Mapping[str, Any], shown: Mapping[str, Any]) -> FileText:
    """Return the file that was edited, by what the tool's `payload` says and what was `shown`.

    Raises:
        PayloadError: It names no file.
    """
    asked = object_in(payload, "tool_input")
    before, after = text_in(shown, "originalContent"), text_in(shown, "newContent")
    proposed = text_in(asked, "ai_proposed_content") if asked.get("modified_by_user") and payload.get("tool_name") == "write_file" else None
    return FileText(
        path=path_in(asked, "file_path", payload),
        before=None if not before and _is_new(payload, shown) else before,
        after=after,
        proposed=proposed if proposed != after else None,
    )


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer in the (end of the) `transcript` that is no younger than what was observed."""
    return last_model(transcript, observed, lambda record: record["model"] if record.get("type") in _ANSWERS else None)


def _is_new(payload: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    if "isNewFile" in shown:
        return bool(shown["isNewFile"])
    return "new file" in str(object_in(payload, "tool_response").get("llmContent", "")).partition(":")[0]
