# SPDX-License-Identifier: Apache-2.0
"""What Gemini CLI and Qwen Code, which came of it, have in common: their tools, what these show, and their transcripts.

    {"tool_name": "write_file", "tool_input": {"file_path": "a.py", "content": "..."},
     "tool_response": {"llmContent": "...", "returnDisplay": {"originalContent": "...", "newContent": "...", "isNewFile": true}}}

Both texts are there. `originalContent` of a new file is null or empty; `isNewFile`, or else what the model is told, says that it is new.
A person may change what `write_file` proposes; `tool_input` then has `modified_by_user`, and the proposal in `ai_proposed_content`. The
payload names no model: the transcript's last answer before the payload's `timestamp` does.
"""

from __future__ import annotations

import json

from byline.capture.agents import FileText, Kind, clean
from byline.capture.agents.claude_like import observe
from byline.capture.agents.members import object_in, optional_in, path_in, string_in, text_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.capture.agents import Observed
    from byline.core.attribution import Agent

SHELL: Final = "run_shell_command"
_ANSWERS: Final = ("gemini", "assistant")


def observe_call(payload: Mapping[str, Any], agent: Agent, *, windows: Mapping[str, Kind], edits: tuple[str, str], rest: Kind) -> Observed:
    """Return what `payload` says: of a command by `windows`, of an edit by the event and the tool of which `edits` are, else `rest`.

    Raises:
        PayloadError: Its members are not what they should be.
    """
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    if tool == SHELL and event in windows:
        kind = windows[event]
        # What runs in the background has only started; the agent's rest will close its window.
        started = kind is Kind.CLOSES and object_in(payload, "tool_input").get("is_background")
        return observe(payload, agent, kind=Kind.NOTHING if started else kind)
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
    for line in reversed(transcript.splitlines()):
        try:
            record = json.loads(line)
            moment, model = record["timestamp"], record["model"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # not an answer, or a line cut at the tail's start
        if record.get("type") in _ANSWERS and isinstance(model, str) and str(moment) <= (observed.moment or str(moment)):
            return clean(model)
    return None


def _is_new(payload: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    if "isNewFile" in shown:
        return bool(shown["isNewFile"])
    return "new file" in str(object_in(payload, "tool_response").get("llmContent", "")).partition(":")[0]
