# SPDX-License-Identifier: Apache-2.0
"""Claude Code at work, as its hooks see it: real payloads around real file writes.

The player reads the settings that `byline init` wrote, and calls what they name with the payload on standard input, before and
after each tool, in the environment that Claude Code gives its hooks. It keeps a transcript in Claude Code's place and shape,
which is the only place where the model is named.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from byline.core.value import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from byline_cli.demo.stage import Actor

MODEL = "claude-sonnet-4-5"
VERSION = "2.1.197"
SESSION = "6e46bda4-a449-4fe6-b5d8-6f7c19cca254"
SETTINGS = (".claude/settings.json", ".claude/settings.local.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeCode:
    """One session of Claude Code, started by `actor` in their work tree."""

    actor: Actor
    session: str = SESSION

    @property
    def transcript(self) -> Path:
        """Where Claude Code keeps this session."""
        folder = str(self.actor.cwd).replace("/", "-")
        return self.actor.home / ".claude" / "projects" / folder / f"{self.session}.jsonl"

    def write(self, path: str, content: str) -> None:
        """Use the tool Write."""
        place = self.actor.cwd / path
        before = place.read_text() if place.exists() else None
        given = {"file_path": str(place), "content": content}
        call = self._begins("Write", given)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        kind = "create" if before is None else "update"
        answer: dict[str, Any] = {"type": kind, "filePath": str(place), "content": content, "structuredPatch": [], "originalFile": before}
        self._ends("Write", given, call, {**answer, "userModified": False})

    def edit(self, path: str, old: str, new: str) -> None:
        """Use the tool Edit."""
        place = self.actor.cwd / path
        before = place.read_text()
        given = {"file_path": str(place), "old_string": old, "new_string": new, "replace_all": False}
        call = self._begins("Edit", given)
        place.write_text(before.replace(old, new, 1))
        answer = {"filePath": str(place), "oldString": old, "newString": new, "originalFile": before, "structuredPatch": []}
        self._ends("Edit", given, call, {**answer, "userModified": False, "replaceAll": False})

    def bash(self, command: str) -> None:
        """Use the tool Bash: its payload names no file."""
        given = {"command": command, "description": "Change files"}
        call = self._begins("Bash", given)
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.actor.cwd, env=self._environ(), capture_output=True, text=True, check=True, timeout=60
        )
        self._ends("Bash", given, call, {"stdout": done.stdout, "stderr": done.stderr, "interrupted": False, "isImage": False})

    def asks(self, command: str) -> tuple[str, str]:
        """Ask before the tool Bash, which is then not used; return what the hooks decide, and why."""
        told = self._fires("PreToolUse", "Bash", {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "toolu_asks"})
        answer = json.loads(told or b"{}").get("hookSpecificOutput", {})
        return answer.get("permissionDecision", ""), answer.get("permissionDecisionReason", "")

    def stops(self) -> None:
        """End the turn."""
        self._fires("Stop", "", {"stop_hook_active": False, "last_assistant_message": "Done."})

    def _begins(self, tool: str, given: dict[str, Any]) -> str:
        lines = self.transcript.read_text().count("\n") if self.transcript.exists() else 0
        call = f"toolu_{lines:024x}"
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        use = {"type": "tool_use", "id": call, "name": tool, "input": given}
        entry = {
            "parentUuid": None,
            "isSidechain": False,
            "message": {"id": f"msg_{lines:024x}", "type": "message", "role": "assistant", "model": MODEL, "content": [use]},
            "type": "assistant",
            "cwd": str(self.actor.cwd),
            "sessionId": self.session,
            "version": VERSION,
        }
        with self.transcript.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self._fires("PreToolUse", tool, {"tool_name": tool, "tool_input": given, "tool_use_id": call})
        return call

    def _ends(self, tool: str, given: dict[str, Any], call: str, answer: dict[str, Any]) -> None:
        after = {"tool_name": tool, "tool_input": given, "tool_response": answer, "tool_use_id": call, "duration_ms": 12}
        self._fires("PostToolUse", tool, after)

    def _fires(self, event: str, tool: str, members: dict[str, Any]) -> bytes:
        """Call the hooks of `event`, and return what they say."""
        common = {
            "session_id": self.session,
            "transcript_path": str(self.transcript),
            "cwd": str(self.actor.cwd),
            "prompt_id": "620d5de4-4695-448f-bea0-ecda61ace5fd",
            "permission_mode": "acceptEdits",
            "hook_event_name": event,
        }
        payload = json.dumps({**common, **members}).encode()
        return b"".join(self._call(command, payload) for command in self._commands(event, tool))

    def _call(self, command: str, payload: bytes) -> bytes:
        return subprocess.run(
            ["sh", "-c", command], input=payload, cwd=self.actor.cwd, env=self._environ(), capture_output=True, check=True, timeout=60
        ).stdout

    def _commands(self, event: str, tool: str) -> list[str]:
        found = []
        for name in SETTINGS:
            place = self.actor.cwd / name
            settings = json.loads(place.read_text()) if place.exists() else {}
            for entry in settings.get("hooks", {}).get(event, []):
                if re.fullmatch(entry.get("matcher", ".*") or ".*", tool):
                    found += [hook["command"] for hook in entry["hooks"]]
        return found

    def _environ(self) -> dict[str, str]:
        return {
            **self.actor.environ(),
            "AI_AGENT": f"claude-code_{VERSION.replace('.', '-')}_harness",
            "CLAUDECODE": "1",
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "CLAUDE_CODE_SESSION_ID": self.session,
            "CLAUDE_PROJECT_DIR": str(self.actor.cwd),
        }
