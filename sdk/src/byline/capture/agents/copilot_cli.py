# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot on the command line: what its hooks say (seen with 1.0.102). Its agent in the cloud says the same.

    PreToolUse, PostToolUse  Write, Edit   tool_input {path}: a window in which that file may change
    PreToolUse, PostToolUse  apply_patch   a window in which the files may change that the patch names
    PreToolUse, PostToolUse  Bash          tool_input {command}: a window in which any file may change
    PreToolUse, PostToolUse  SERVER-TOOL   a tool of an MCP server, or any that is not known to change nothing: so is this
    PostToolUseFailure                     closes the window of a call that failed
    Stop, SessionEnd                       closes the windows that no such event closed

An event whose name begins small (`preToolUse`) has members and tools of other names (`toolName` create, edit, bash; `toolArgs`, an
object or its JSON) and does not say which it is: its members do. Calls have no id, and no payload names the model: the last answer
before it in `~/.copilot/session-state/<session>/events.jsonl` does. A sub-agent's `session_id` is its own `agent_id`; whose it is says
`parent_agent_id`, and its answers stand in its parent's file, with its `agentId`.

Copilot runs the hooks of Claude Code, too, and Copilot in VS Code runs those of this agent: a payload of that goes to `copilot_vscode`.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Denial, Observed, copilot_vscode, watched
from byline.capture.agents.claude_like import (
    PROMPT,
    WINDOWS,
    attempt_of,
    attempt_of_tool,
    end_or_nothing,
    is_of_vscode,
    observe,
    rest_or_nothing,
)
from byline.capture.agents.members import is_plain_name, optional_in, parse_members, patched_in, paths_in, text_in, word_in
from byline.capture.agents.transcript import last_model, within
from byline.core.authors import Agent
from byline.core.plain_json import json_text, json_value
from byline.core.value import replace
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.core.access import Effect

NAME: Final = "copilot-cli"
_SPELLINGS: Final = {
    "sessionId": "session_id",
    "toolName": "tool_name",
    "toolArgs": "tool_input",
    "toolResult": "tool_result",
    "stopReason": "stop_reason",
    "agentId": "agent_id",
    "parentAgentId": "parent_agent_id",
}
_FILES: Final = ("create", "edit", "Write", "Edit")
_PATCHES: Final = ("apply_patch", "ApplyPatch")
_SHELLS: Final = ("bash", "Bash", "write_bash")
_QUIET: Final = (
    *("view", "Read", "grep", "rg", "Grep", "glob", "Glob", "web_fetch", "WebFetch", "web_search", "WebSearch", "lsp", "show_file"),
    *("list_bash", "read_bash", "stop_bash", "task", "Agent", "list_agents", "read_agent", "write_agent"),
    *("skill", "sql", "session_store_sql"),
    *("report_intent", "ask_user", "update_todo", "store_memory", "task_complete", "exit_plan_mode", "fetch_copilot_cli_documentation"),
)
_TOOLS: Final = f"(?!({'|'.join(_QUIET)})$).+"
_MODELS: Final = {
    "assistant.message": "model",
    "session.model_change": "newModel",
    "session.start": "selectedModel",
    "subagent.configured": "model",
}


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:
    """Return what the payload `data` says.

    Raises:
        PayloadError: It is not what Copilot sends.
    """
    payload = parse_members(data)
    if is_of_vscode(payload):
        return copilot_vscode.parse_payload(data, environ)
    return _observed(_spelled(payload))


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    if is_of_vscode(payload := parse_members(data)):
        return copilot_vscode.parse_attempt(data, environ)
    payload = _spelled(payload)
    observed, tool, asked, cwd = _observed(payload), payload.get("tool_name"), payload["tool_input"], optional_in(payload, "cwd") or ""
    if tool in (*_FILES, *_PATCHES, *_SHELLS):
        return attempt_of(observed, cwd=cwd, command=text_in(asked, "command") if tool in _SHELLS else None)
    return attempt_of_tool(observed, str(tool), asked, cwd=cwd)


def _observed(payload: dict[str, Any]) -> Observed:
    event, tool, asked = payload["hook_event_name"], optional_in(payload, "tool_name"), payload["tool_input"]
    kind, only = rest_or_nothing(event), tuple[str, ...]()
    if event in WINDOWS and tool and tool not in _QUIET:
        kind = end_or_nothing(WINDOWS[event], runs_on=asked.get("mode") == "async")
        only = _named_files(tool, asked, payload) if tool in (*_FILES, *_PATCHES) else ()
    observed = observe(payload, Agent(name=NAME), kind=kind, only=only)
    parent, within = word_in(payload, "parent_agent_id"), word_in(payload, "agent_id")
    main = parent or word_in(payload, "session_id")
    return replace(
        observed,
        session=f"{parent}/{within}" if parent and within else main,
        transcript=f"~/.copilot/session-state/{main}/events.jsonl" if is_plain_name(main) else None,
    )


def _spelled(payload: dict[str, Any]) -> dict[str, Any]:
    """Return `payload` in the spelling of the events whose names begin big."""
    found = {_SPELLINGS.get(name, name): value for name, value in payload.items()}
    asked = found.get("tool_input")
    if isinstance(asked, str):
        try:
            asked = json_value(asked.encode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            asked = {"input": asked}
    event = optional_in(found, "hook_event_name")
    moment = found.get("timestamp")
    if isinstance(moment, int):
        found["timestamp"] = _iso(moment)
    return {**found, "tool_input": asked if isinstance(asked, dict) else {}, "hook_event_name": event or _event(found)}


def _event(payload: Mapping[str, Any]) -> str:
    if "hookName" in payload or "agentName" in payload:
        return ""  # a question for permission, or the rest of a sub-agent
    if "tool_name" in payload:
        return "PostToolUse" if "tool_result" in payload or "error" in payload else "PreToolUse"
    return "Stop" if "stop_reason" in payload or "reason" in payload else ""


def _named_files(tool: str | None, asked: Mapping[str, Any], payload: Mapping[str, Any]) -> tuple[str, ...]:
    return patched_in(asked, payload) if tool in _PATCHES else paths_in(asked, ("path",), payload)


def _iso(milliseconds: int) -> str:
    try:
        from datetime import UTC, datetime  # an agent waits, and this is its rest

        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise PayloadError("timestamp is no time") from error
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model of the last answer to who acted in the (end of the) `transcript` that is no younger than what was observed."""

    def model_in(record: dict[str, Any]) -> object:
        return record["data"][_MODELS[record["type"]]] if record.get("agentId", "") == within(observed) else None

    return last_model(transcript, observed, model_in)


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer: it is denied, and told to ask itself."""
    return Denial(output=json_text({"permissionDecision": "deny", "permissionDecisionReason": message}).encode())


ADAPTER: Final = Adapter(
    name=NAME,
    title="GitHub Copilot CLI",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=parse_attempt,
    format_denial=deny,
    hooks=watched(_TOOLS, after=("PostToolUse", "PostToolUseFailure")),
    prompts=PROMPT,
    tested="1.0.102",
    exact="edits, patches, shell commands and MCP tools: scans",
    lost="everything in a folder that it does not trust; in the cloud everything: no hook of yours is there",
)
