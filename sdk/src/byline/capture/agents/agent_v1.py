# SPDX-License-Identifier: Apache-2.0
"""The intake that git-ai gives to agents which it does not know, its preset `agent-v1`, as it is: `byline hook agent-v1`.

    {"type": "ai_agent", "repo_working_dir": "/repo", "edited_filepaths": ["a.py"], "agent_name": "mine", "model": "m-1",
     "conversation_id": "c1"}

An agent that calls `git-ai checkpoint agent-v1 --hook-input stdin` gives the same object to this door. `type` says what happens:

    human               an agent is about to edit `will_edit_filepaths`: what nobody claimed is settled, and stays nobody's
    ai_agent            it has edited `edited_filepaths`
    pre_shell_command   it is about to run a command (`tool_use_id`), which may change any file of the work tree
    post_shell_command  that command has ended

Without paths it is the whole work tree. `dirty_files` holds the text of files that an editor has not saved, by path. `human` is what an
agent says before each of its edits, so that it makes nobody's lines a person's: only an editor and a person's own declaration do.
Members that are not named here, a transcript among them, are left alone. Built from git-ai's source; no agent of it was run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from byline.capture.agents.generic import MAX_PATHS, Intake
from byline.capture.agents.members import absolute_path, parse_members, string_in, word_in
from byline.core.authors import Agent
from byline.malformed import PayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATHS: Final = {"human": "will_edit_filepaths", "ai_agent": "edited_filepaths", "pre_shell_command": None, "post_shell_command": None}
_AFTER: Final = ("ai_agent", "post_shell_command")


def parse_agent_v1(data: bytes) -> tuple[Intake, ...]:
    """Return what `data` says.

    Raises:
        MalformedError: It is not as the module says.
    """
    payload = parse_members(data)
    kind = string_in(payload, "type")
    if kind not in _PATHS:
        raise PayloadError("type is human, ai_agent, pre_shell_command or post_shell_command")
    folder = {"cwd": string_in(payload, "repo_working_dir")}
    texts = payload.get("dirty_files") or {}
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise PayloadError("dirty_files is not texts by their paths")
    name = _PATHS[kind]
    return (
        Intake(
            after=kind in _AFTER,
            cwd=absolute_path("", folder),
            paths=_paths(payload.get(name), folder) if name else None,
            by=None if kind == "human" else _agent(payload),
            session=None if kind == "human" else word_in(payload, "conversation_id"),
            call=word_in(payload, "tool_use_id"),
            texts=tuple((absolute_path(path, folder), text) for path, text in texts.items()),
        ),
    )


def _agent(payload: Mapping[str, Any]) -> Agent:
    name = word_in(payload, "agent_name")
    if name is None:
        raise PayloadError("an edit that nobody made: agent_name is missing")
    return Agent(name=name, model=word_in(payload, "model"))


def _paths(value: object, folder: Mapping[str, Any]) -> tuple[str, ...] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > MAX_PATHS or not all(isinstance(path, str) for path in value):
        raise PayloadError("the paths are no list of paths, or too long a one")
    return tuple(absolute_path(path, folder) for path in value)
