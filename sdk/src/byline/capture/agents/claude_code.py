# SPDX-License-Identifier: Apache-2.0
"""Claude Code: what its hooks say (seen with 2.1.197 and 2.1.330; MultiEdit from its documentation).

    PostToolUse Write         tool_response {type: create|update, content, originalFile, userModified}
    PostToolUse Edit          tool_response {oldString, newString, originalFile, replaceAll, userModified}
    PostToolUse MultiEdit     tool_input {edits: [{old_string, new_string, replace_all}]}, tool_response {originalFile...}
    PostToolUse NotebookEdit  tool_input {notebook_path}: no text, the disk tells
    PreToolUse  Bash, NotebookEdit, mcp__*, then PostToolUse or PostToolUseFailure: a window in which any file may change
    PreToolUse  PowerShell, Monitor, REPL: so are these
    Stop, SubagentStop, SessionEnd: closes the windows that no Post event closed

PreToolUse of Write and Edit says nothing that the Post event does not say better (`originalFile` is what stood there), and a call that
is denied or fails has no Post event: so it leaves no claim. The payload names no model: the transcript does, in the message that made
the call. The version is in the environment, `AI_AGENT=claude-code_2-1-197_harness`.

Other agents run Claude's hooks, too: GitHub Copilot does, with Claude's tool names and its own members (`tool_result`), Cursor and
Continue. Such a payload goes to its agent's adapter: recorded as Claude's it would be a lie.
"""

from __future__ import annotations

from byline.capture.agents import Adapter, Attempt, Call, FileText, Kind, Observed, clean
from byline.capture.agents.catalogue import find_adapter
from byline.capture.agents.claude_like import (
    BROUGHT,
    PROMPT,
    WINDOWS,
    deny_or_ask,
    end_or_nothing,
    is_of_vscode,
    observe,
    read_attempt,
    rest_or_nothing,
)
from byline.capture.agents.members import object_in, optional_in, parse_members, path_in, string_in, text_in, word_in
from byline.core.authors import Agent
from byline.core.plain_json import json_value
from byline.core.value import replace
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

NAME: Final = "claude-code"
_NOTICE: Final = "<task-notification>"  # a sub-agent or a command in the background that ended is told as if a person had said so
_RUNS: Final = ("Bash", "PowerShell", "Monitor", "REPL")
_SCANNED: Final = "|".join((*_RUNS, "NotebookEdit", "mcp__.*"))


def parse_payload(data: bytes, environ: Mapping[str, str]) -> Observed:
    """Return what the payload `data`, given to a hook with `environ`, says.

    Raises:
        PayloadError: It is not what Claude Code sends.
    """
    payload = parse_members(data)
    caller = _foreign_caller(payload, environ)
    if caller:
        return find_adapter(caller).parse_payload(data, environ)
    observed = _observed(payload, Agent(name=NAME, version=_version(environ)))
    return replace(observed, transcript=_transcript(payload))


def _observed(payload: dict[str, Any], agent: Agent) -> Observed:
    event, tool = string_in(payload, "hook_event_name"), optional_in(payload, "tool_name")
    if tool and (tool in (*_RUNS, "NotebookEdit") or tool.startswith(BROUGHT)) and event in WINDOWS:
        kind, asked = WINDOWS[event], object_in(payload, "tool_input")
        if tool == "NotebookEdit":
            return observe(payload, agent, kind=kind, only=(path_in(asked, "notebook_path", payload),))
        return observe(payload, agent, kind=end_or_nothing(kind, runs_on=asked.get("run_in_background") or tool == "Monitor"))
    if event == "PostToolUse" and tool in ("Write", "Edit", "MultiEdit") and isinstance(payload.get("tool_response"), dict):
        return observe(payload, agent, kind=Kind.EDIT, files=(_edited(tool, payload),))
    told = observe(payload, agent, kind=rest_or_nothing(event))
    return replace(told, kind=Kind.NOTHING, prompt=None) if (told.prompt or "").startswith(_NOTICE) else told


def _foreign_caller(payload: dict[str, Any], environ: Mapping[str, str]) -> str:
    """Return the name of the agent that sent `payload`, empty for Claude Code itself.

    A variable alone does not tell: an agent that another one started has both agents' variables.
    """
    if "cursor_version" in payload or "conversation_id" in payload:
        return "cursor"
    if environ.get("CONTINUE_PROJECT_DIR") and payload.get("transcript_path") == "":
        return "continue-cli"
    if is_of_vscode(payload):
        return "copilot-vscode"
    is_copilots = environ.get("COPILOT_CLI") and "transcript_path" not in payload
    return "copilot-cli" if is_copilots or ("tool_result" in payload and "tool_response" not in payload) else ""


def find_model(transcript: bytes, observed: Observed) -> str | None:
    """Return the model whose message made the call, by the (end of the) `transcript`; None where it does not say."""
    if observed.call is None:
        return None
    needle = observed.call.encode()
    end = len(transcript)
    while (at := transcript.rfind(needle, 0, end)) >= 0:
        start = transcript.rfind(b"\n", 0, at) + 1
        stop = transcript.find(b"\n", at)
        model = _model_of(transcript[start : stop if stop >= 0 else len(transcript)], observed.call)
        if model is not None:
            return model
        end = start
    return None


def _edited(tool: str, payload: dict[str, Any]) -> FileText:
    from byline.core.edit import UNSEEN  # not for the guard, for which the agent waits

    answer = object_in(payload, "tool_response")
    asked = object_in(payload, "tool_input")
    original = answer.get("originalFile", answer.get("originalFileContents"))
    is_new = original is None and (answer.get("type") == "create" or (tool != "Write" and asked.get("old_string") == ""))
    known = original if isinstance(original, str) else "" if is_new else None
    replaced = None
    if tool == "Write":
        proposed, after = text_in(asked, "content"), text_in(answer, "content")
        after = proposed if after is None else after
    else:
        proposed = _replace(known, _edits(asked, "old_string", "new_string", "replace_all"))
        final = _edits(answer, "oldString", "newString", "replaceAll")
        after = _replace(known, final) if final else proposed
        replaced = (final[0][0], final[0][1]) if len(final) == 1 else None
    changed = bool(answer.get("userModified")) and proposed != after
    path = path_in(asked, "file_path", payload)
    before = None if is_new else UNSEEN if known is None else known
    return FileText(path=path, before=before, after=after, proposed=proposed if changed else None, replaced=replaced)


def _edits(source: dict[str, Any], old: str, new: str, every: str) -> list[tuple[str, str, bool]]:
    edits = [source] if old in source else source.get("edits")
    if not isinstance(edits, list):
        return []
    found = []
    for edit in edits:
        if not isinstance(edit, dict):
            raise PayloadError("an edit is not an object")
        names = (old, new, every) if old in edit else ("old_string", "new_string", "replace_all")
        found.append((string_in(edit, names[0]), string_in(edit, names[1]), bool(edit.get(names[2]))))
    return found


def _replace(text: str | None, edits: list[tuple[str, str, bool]]) -> str | None:
    """Return `text` with `edits` made in order; None where one of them does not fit, and only the disk can tell."""
    if text is None or not edits:
        return None
    for old, new, every in edits:
        if not old and text:
            return None
        if old not in text or (not every and text.count(old) > 1):
            return None
        text = text.replace(old, new, -1 if every else 1) if old else new
    return text


def _transcript(payload: dict[str, Any]) -> str | None:
    path = optional_in(payload, "transcript_path")
    agent = word_in(payload, "agent_id")
    if path is None or agent is None:
        return path
    return f"{path.removesuffix('.jsonl')}/subagents/agent-{agent.replace('/', '_')}.jsonl"


def _version(environ: Mapping[str, str]) -> str | None:
    program, _, rest = environ.get("AI_AGENT", "").partition("_")
    version, end, _ = rest.partition("_")
    is_told = program == NAME and end and version[:1].isdigit() and version.replace("-", "").isalnum()
    return clean(version.replace("-", ".")) if is_told else None


def _model_of(line: bytes, call: str) -> str | None:
    try:
        record = json_value(line)
        message = record["message"]
        calls = [item.get("id") for item in message["content"] if item.get("type") == "tool_use"]
        model = message.get("model")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # a line cut at the tail's start, or one that only quotes the call
    return clean(model) if call in calls and isinstance(model, str) else None


def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
    """Return what is about to be done, by the payload `data`.

    Raises:
        PayloadError: It is not what the agent sends.
    """
    caller = _foreign_caller(parse_members(data), environ)
    parse = find_adapter(caller).parse_attempt if caller else None
    return parse(data, environ) if parse else read_attempt(data, parse_payload(data, environ))


ADAPTER: Final = Adapter(
    name=NAME,
    title="Claude Code",
    parse_payload=parse_payload,
    find_model=find_model,
    parse_attempt=parse_attempt,
    format_denial=deny_or_ask,
    hooks=(
        Call(event="PreToolUse", matcher="|".join(("Write", "Edit", "MultiEdit", "NotebookEdit", *_RUNS)), guard=True),
        Call(event="PreToolUse", matcher="mcp__.*", guard=True),
        Call(event="PostToolUse", matcher="Write|Edit|MultiEdit"),
        Call(event="PreToolUse", matcher=_SCANNED, scan=True, opens=True),
        Call(event="PostToolUse", matcher=_SCANNED, scan=True),
        Call(event="PostToolUseFailure", matcher=_SCANNED, scan=True),
        Call(event="Stop", scan=True),
    ),
    prompts=PROMPT,
    tested="2.1.330",
    exact="edits: both texts are in the payload, also what a person changed of a proposal; shell commands, notebooks and MCP tools: scans",
    lost="what a command in the background writes after the agent rests",
)
