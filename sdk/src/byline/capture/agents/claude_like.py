# SPDX-License-Identifier: Apache-2.0
"""What the payloads of Claude Code and of the agents that took its hooks over have in common.

    {"hook_event_name": "PreToolUse", "session_id": "s", "agent_id": "a", "transcript_path": "/...", "cwd": "/repo",
     "tool_name": "Bash", "tool_input": {...}, "tool_use_id": "t"}            then PostToolUse, with what the agent calls its result

A sub-agent has its parent's session and an `agent_id` of its own: its session here is `<session_id>/<agent_id>`. A call whose payload
does not hold the texts is a *window*: `PreToolUse` opens it, `PostToolUse` or `PostToolUseFailure` closes it, and where neither came (a
call that was denied or interrupted) the agent's coming to rest. `UserPromptSubmit` has the `prompt`.
"""

from __future__ import annotations

from byline.capture.agents import Attempt, Call, Denial, Kind, Observed
from byline.capture.agents.members import absolute_path, optional_in, parse_members, patched_in, path_in, text_in, word_in
from byline.core.plain_json import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from byline.capture.agents import FileText
    from byline.core.access import Effect
    from byline.core.authors import Agent

WINDOWS: Final = {"PreToolUse": Kind.OPENS, "PostToolUse": Kind.CLOSES, "PostToolUseFailure": Kind.CLOSES}
# How the names of tools begin that a server brings, or a command of the project; what they write, no payload tells.
BROUGHT: Final = ("mcp_", "discovered_tool_")
_PATHS: Final = ("file_path", "notebook_path", "filepath", "path")
_PATCHES: Final = ("apply_patch", "ApplyPatch")
_BEFORE: Final = ("PreToolUse", "BeforeTool")
STOPS: Final = frozenset({"Stop", "SubagentStop", "SessionEnd"})
PROMPT: Final = Call(event="UserPromptSubmit")
# Tools that only VS Code has, which runs the hooks of others, and where its transcripts are.
VSCODE_FILES: Final = (
    "create_file",
    "replace_string_in_file",
    "multi_replace_string_in_file",
    "insert_edit_into_file",
    "edit_notebook_file",
)
VSCODE_SHELLS: Final = ("run_in_terminal", "runTerminalCommand", "create_and_run_task", "run_task", "run_notebook_cell")
_VSCODE_STORE: Final = "/workspaceStorage/"


def is_of_vscode(payload: Mapping[str, Any]) -> bool:
    """Whether VS Code sent the `payload` that came to another agent's hook: that is for `copilot_vscode`."""
    is_its_tool = payload.get("tool_name") in (*VSCODE_FILES, *VSCODE_SHELLS)
    return "hookEventName" in payload or is_its_tool or _VSCODE_STORE in str(payload.get("transcript_path"))


def observe(
    payload: Mapping[str, Any],
    agent: Agent,
    *,
    kind: Kind,
    files: tuple[FileText, ...] = (),
    only: tuple[str, ...] = (),
    ends: bool = True,
) -> Observed:
    """Return what `payload` says, with the members that all of these agents have.

    Raises:
        PayloadError: One of them is not what it should be.
    """
    session, within = word_in(payload, "session_id"), word_in(payload, "agent_id")
    return Observed(
        kind=kind,
        agent=agent,
        session=f"{session}/{within}" if session and within else session,
        call=word_in(payload, "tool_use_id"),
        files=files,
        only=only,
        ends=ends,
        transcript=optional_in(payload, "transcript_path") or None,
        moment=word_in(payload, "timestamp"),
        prompt=text_in(payload, "prompt") if kind is Kind.PROMPT else None,
    )


def rest_or_nothing(event: str) -> Kind:
    """Return what `event` is that is about no call of a tool that changes files."""
    return Kind.STOPS if event in STOPS else Kind.PROMPT if event == PROMPT.event else Kind.NOTHING


def end_or_nothing(kind: Kind, *, runs_on: object) -> Kind:
    """Return `kind`, what an event does to a window; the end of a call that `runs_on` in the background is none, the agent's rest is."""
    return Kind.NOTHING if runs_on and kind is Kind.CLOSES else kind


def read_attempt(data: bytes, observed: Observed) -> Attempt | None:
    """Return what the call is about to do of which `data` tells before it is made; None for one that writes and runs nothing.

    Raises:
        PayloadError: Its members are not what they should be.
    """
    payload = parse_members(data)
    event = payload.get("hook_event_name", payload.get("hookEventName"))
    asked = payload.get("tool_input", payload.get("toolInput"))
    if event not in _BEFORE or not isinstance(asked, dict):
        return None
    cwd, tool = optional_in(payload, "cwd") or "", payload.get("tool_name", payload.get("toolName"))
    if isinstance(tool, str) and tool.startswith(BROUGHT):
        return attempt_of_tool(observed, tool, asked, cwd=absolute_path("", payload))
    paths = [path_in(asked, name, payload) for name in _PATHS if isinstance(asked.get(name), str)]
    command = text_in(asked, "command")
    if tool in _PATCHES:
        paths, command = [*paths, *patched_in(asked, payload)], None
    return Attempt(observed=observed, cwd=cwd, paths=tuple(paths), command=command) if paths or command is not None else None


def attempt_of_tool(observed: Observed, tool: str, asked: object, *, cwd: str) -> Attempt | None:
    """Return what the call of a `tool` that is not the agent's own is about to do, by the names of what is `asked` of it."""
    from byline.core.tool_arguments import read_arguments, tool_of_server

    told = read_arguments(tool_of_server(tool), asked, folder=cwd)
    if observed.kind is not Kind.OPENS or not (told.paths or told.command is not None):
        return None
    return Attempt(observed=observed, cwd=told.folder, paths=told.paths, command=told.command)


def attempt_of(observed: Observed, *, cwd: str, command: str | None) -> Attempt | None:
    """Return what the call of a tool that was `observed` is about to do: it opens a window, for the files it names or for any."""
    return Attempt(observed=observed, cwd=cwd, paths=observed.only, command=command) if observed.kind is Kind.OPENS else None


def read_attempts(
    parse_payload: Callable[[bytes, Mapping[str, str]], Observed],
) -> Callable[[bytes, Mapping[str, str]], Attempt | None]:
    """Return the `parse_attempt` of an agent whose payloads `parse_payload` reads."""

    def parse_attempt(data: bytes, environ: Mapping[str, str]) -> Attempt | None:
        return read_attempt(data, parse_payload(data, environ))

    return parse_attempt


def deny_or_ask(effect: Effect, message: str) -> Denial:
    """Return Claude Code's form of an answer; a person is asked where the rule says so."""
    return _decided(str(effect), message)


def deny(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - one answer for both
    """Return the same form for an agent that does not know how to ask: it is denied, and told to ask itself."""
    return _decided("deny", message)


def _decided(decision: str, message: str) -> Denial:
    told = {"hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": message}
    return Denial(output=json_text({"hookSpecificOutput": told}).encode())


def deny_by_status(effect: Effect, message: str) -> Denial:  # noqa: ARG001 - one answer for both
    """Return another form that many know: a status, and on standard error what the model is told."""
    return Denial(error=message.encode(), status=2)
