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

from byline.capture.agents import FileText, clean
from byline.capture.agents.members import object_in, path_in, text_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.capture.agents import Observed

SHELL: Final = "run_shell_command"
_ANSWERS: Final = ("gemini", "assistant")


def shown_in(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a tool showed, None where it showed no file."""
    answer = payload.get("tool_response")
    display = answer.get("returnDisplay") if isinstance(answer, dict) else None
    return display if isinstance(display, dict) else None


def edited_file(payload: Mapping[str, Any], shown: Mapping[str, Any]) -> FileText:
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
