# SPDX-License-Identifier: Apache-2.0
"""Cline: what its hooks say (command line seen with 3.0.65; the extension of editors from its documentation).

    tool_call, tool_result   apply_patch, editor  {id, name, input}: a window in which the files may change that are named
    tool_call, tool_result   run_commands         input {commands: []}: a window in which any file may change
    tool_call, tool_result   SERVER__TOOL         a tool of an MCP server, or any that is not known to change nothing: so is this
    agent_end, session_shutdown                   closes the windows that no result closed

The extension's `hookName` is the event's name (PreToolUse, PostToolUse, TaskComplete, TaskCancel); its calls have no id and other tools
(write_to_file, replace_in_file, execute_command; use_mcp_tool for all servers), and its payloads may name the model. On the command line
the message that made the call does, in `~/.cline/data/sessions/<root session>/`. A denial ends the whole task: Cline knows no other. What
was asked for the extension tells (`UserPromptSubmit`); the command line calls no hook for it.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, Denial, Kind, Observed, clean, watched
from byline.capture.agents.claude_like import attempt_of, attempt_of_tool
from byline.capture.agents.members import (
    is_plain_name,
    members_in,
    object_in,
    optional_in,
    parser,
    patched_in,
    paths_in,
    string_in,
    text_in,
    word_in,
)
from byline.core.authors import Agent
from byline.core.plain_json import json_text, json_value
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from byline.core.access import Effect

NAME: Final = "cline"
_FILES: Final = ("apply_patch", "editor", "write_to_file", "replace_in_file", "new_rule", "delete_file")
_SHELLS: Final = ("run_commands", "execute_command")
_QUIET: Final = (
    *("read_files", "search_codebase", "fetch_web_content", "ask_question", "spawn_agent", "skills", "submit_and_exit"),
    *("read_file", "list_files", "search_files", "list_code_definition_names", "web_fetch", "web_search", "access_mcp_resource"),
    *("ask_followup_question", "attempt_completion", "plan_mode_respond", "new_task", "condense", "use_skill", "use_subagents"),
)
_TEAM: Final = "team_"  # what agents have to say to each other
_PATHS: Final = ("path", "absolutePath", "file_path", "filePath")
_MODEL: Final = rb'"modelInfo":\s*\{[^{}]*?"id":\s*"([^"\\]{1,512})"'
_KINDS: Final = {
    "tool_call": Kind.OPENS,
    "PreToolUse": Kind.OPENS,
    "tool_result": Kind.CLOSES,
    "PostToolUse": Kind.CLOSES,
    **dict.fromkeys(("agent_end", "agent_abort", "session_shutdown", "TaskComplete", "TaskCancel", "SessionShutdown"), Kind.STOPS),
    **dict.fromkeys(("prompt_submit", "UserPromptSubmit"), Kind.PROMPT),
}


def _attempt(payload: dict[str, Any]) -> Attempt | None:
    (tool, asked, _), observed, cwd = _call(payload), _observed(payload), _folder(payload)
    if tool in _FILES:
        return attempt_of(observed, cwd=cwd, command=None)
    if tool not in _SHELLS:
        return attempt_of_tool(observed, *_of_server(tool or "", asked), cwd=cwd)
    several = asked.get("commands")
    lines = [line for line in several if isinstance(line, str)] if isinstance(several, list) else [text_in(asked, "command") or ""]
    return attempt_of(observed, cwd=cwd, command="\n".join(lines))


def _of_server(tool: str, asked: dict[str, Any]) -> tuple[str, object]:
    """Return the tool and its arguments; the extension of editors has one tool that calls those of servers."""
    if tool != "use_mcp_tool":
        return tool, asked
    given = asked.get("arguments")
    try:
        return text_in(asked, "tool_name") or tool, json_value(given.encode("utf-8", "replace")) if isinstance(given, str) else given
    except (ValueError, RecursionError) as error:
        raise PayloadError("arguments that are not JSON") from error


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model whose message made the call, by the (end of the) `transcript`; None where it does not say."""
    if observed.call is None:
        return None
    import re  # where a rule about models is to be answered

    made = re.search(rb'"id":\s*' + re.escape(json_text(observed.call).encode()), transcript)
    found = re.compile(_MODEL).search(transcript, made.end()) if made else None
    return clean(found[1].decode(errors="replace")) or None if found else None


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - it does not know how to ask
    """Return its own form of an answer, which ends the task: it is denied, and told to ask itself."""
    return Denial(output=json_text({"cancel": True, "errorMessage": message}).encode())


def _observed(payload: dict[str, Any]) -> Observed:
    tool, asked, call = _call(payload)
    kind = _KINDS.get(string_in(payload, "hookName"), Kind.NOTHING)
    if kind in (Kind.OPENS, Kind.CLOSES) and (not tool or tool in _QUIET or tool.startswith(_TEAM)):
        kind = Kind.NOTHING
    session, within = word_in(payload, "taskId"), word_in(payload, "agent_id") if payload.get("parent_agent_id") else None
    return Observed(
        kind=kind,
        agent=Agent(name=NAME, version=word_in(payload, "clineVersion"), model=_model(payload)),
        session=f"{session}/{within}" if session and within else session,
        call=call,
        only=_named_files(asked, _folder(payload)) if tool in _FILES else (),
        transcript=_transcript(payload),
        moment=word_in(payload, "timestamp"),
        prompt=text_in(object_in(payload, "userPromptSubmit"), "prompt") if kind is Kind.PROMPT else None,
    )


def _call(payload: Mapping[str, Any]) -> tuple[str | None, dict[str, Any], str | None]:
    """Return the tool, what it is asked for, and the call's id."""
    for name in ("tool_call", "tool_result"):
        if isinstance(told := payload.get(name), dict):
            asked = told.get("input")
            return optional_in(told, "name"), asked if isinstance(asked, dict) else {"input": asked}, word_in(told, "id")
    for name in ("preToolUse", "postToolUse"):
        if isinstance(told := payload.get(name), dict):
            return optional_in(told, "toolName"), members_in(told, "parameters"), None
    return None, {}, None


def _named_files(asked: Mapping[str, Any], folder: str) -> tuple[str, ...]:
    from_here = {"cwd": folder}
    return paths_in(asked, _PATHS, from_here) or patched_in(asked, from_here)


def _folder(payload: Mapping[str, Any]) -> str:
    roots = payload.get("workspaceRoots")
    first = roots[0] if isinstance(roots, list) and roots else None
    return first if isinstance(first, str) else ""


def _transcript(payload: Mapping[str, Any]) -> str | None:
    context = payload.get("sessionContext")
    root = context.get("rootSessionId") if isinstance(context, dict) else None
    is_named = isinstance(root, str) and is_plain_name(root)
    return f"~/.cline/data/sessions/{root}/{root}.messages.json" if is_named else None


def _model(payload: Mapping[str, Any]) -> str | None:
    model = payload.get("model")
    named = word_in(model, "slug") if isinstance(model, dict) else None
    return None if named == "unknown" else named


ADAPTER: Final = Adapter(
    name=NAME,
    title="Cline",
    parse_payload=parser(_observed),
    find_model=find_model,
    parse_attempt=parser(_attempt),
    format_denial=deny,
    hooks=watched(rests=("TaskComplete", "TaskCancel", "SessionShutdown")),
    prompts=Call(event="UserPromptSubmit"),
    tested="3.0.65",
    exact="edits, patches, shell commands and MCP tools: scans",
    lost="which model a sub-agent had, on the command line; and a denied call ends the whole task",
)
