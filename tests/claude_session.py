# SPDX-License-Identifier: Apache-2.0
"""Claude Code without Claude Code: its saved payloads, fed to a hook around real file writes in a real repository.

for event in saved_events():
    session.live(event)        # before a Post event the file is really written, the command really run

`hook` is what takes a payload: the installed shell (`spooling`) or the reference door (`knocking`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.capture.agents import AGENT_VARIABLES
from byline.capture.door import take_hook
from byline.capture.launcher import format_launcher
from byline.capture.spool import agent_stub

if TYPE_CHECKING:
    from collections.abc import Callable

    from scratch import Scratch

    Hook = Callable[[bytes, dict[str, str], Path], None]

PAYLOADS = Path(__file__).parent / "vectors" / "payloads"
SESSION = "6e46bda4-a449-4fe6-b5d8-6f7c19cca254"
SUBAGENT = "ac37d93a81815ed75"
SCANNED = ("Bash", "NotebookEdit")


@dataclass(frozen=True, slots=True)
class Event:
    """One saved payload and what the environment of its hook told."""

    name: str
    text: str

    @property
    def tool(self) -> str:
        return str(json.loads(self.text)["payload"].get("tool_name", ""))

    @property
    def kind(self) -> str:
        return str(json.loads(self.text)["payload"]["hook_event_name"])


def saved_events(agent: str = "claude_code") -> list[Event]:
    """Return the saved payloads of a real run, in order."""
    return [Event(path.name, path.read_text()) for path in sorted((PAYLOADS / agent).glob("*.json"))]


@dataclass(frozen=True, slots=True)
class ClaudeSession:
    """A session in the work tree `scratch`, whose transcripts lie under `home`."""

    scratch: Scratch
    home: Path
    hook: Hook

    @classmethod
    def start(cls, scratch: Scratch, home: Path, hook: Hook) -> ClaudeSession:
        """Put the transcripts in their place and commit the file that the saved session starts from."""
        folder = home / ".claude" / "projects" / "-repo"
        (folder / SESSION / "subagents").mkdir(parents=True)
        shutil.copy(PAYLOADS / "claude_code" / "transcript-main.jsonl", folder / f"{SESSION}.jsonl")
        shutil.copy(PAYLOADS / "claude_code" / "transcript-subagent.jsonl", folder / SESSION / "subagents" / f"agent-{SUBAGENT}.jsonl")
        scratch.write("human.py", "x = 1\ny = 2\n")
        scratch.commit("a person's file")
        return cls(scratch, home, hook)

    def live(self, event: Event) -> None:
        """Do what the event is about, then tell the hook."""
        saved = self._local(event.text)
        payload = saved["payload"]
        if event.kind == "PostToolUse":
            self._act(event.tool, payload)
        self.hook(json.dumps(payload).encode(), saved["env"], self.scratch.path)

    def tell(self, **members: object) -> None:
        """Tell the hook a payload with `members` over Claude's common ones."""
        payload = {"session_id": SESSION, "cwd": str(self.scratch.path), "hook_event_name": "PostToolUse", **members}
        self.hook(json.dumps(payload).encode(), {"CLAUDECODE": "1", "AI_AGENT": "claude-code_2-1-197_harness"}, self.scratch.path)

    def writes(self, path: Path, content: str, *, call: str, original: str | None = None) -> None:
        """Let Claude write `content` to `path`, really, and tell the hook."""
        path.write_text(content)
        answer = {"type": "update" if original is not None else "create", "content": content, "originalFile": original}
        self.tell(tool_name="Write", tool_use_id=call, tool_input={"file_path": str(path), "content": content}, tool_response=answer)

    def runs(self, command: str, *, call: str, **members: object) -> None:
        """Let Claude run `command`, really, between the two hooks."""
        told = {"tool_name": "Bash", "tool_use_id": call, "tool_input": {"command": command}, **members}
        self.tell(**{**told, "hook_event_name": "PreToolUse"})
        subprocess.run(["sh", "-c", command], cwd=self.scratch.path, check=False, timeout=60)
        self.tell(**told, tool_response={"stdout": "", "stderr": "", "interrupted": False})

    def _local(self, text: str) -> dict[str, Any]:
        moved: dict[str, Any] = json.loads(text.replace("/home/user", str(self.home)).replace("/repo", str(self.scratch.path)))
        moved["payload"].setdefault("cwd", str(self.scratch.path))
        for name in ("transcript_path", "agent_transcript_path"):
            if name in moved["payload"]:
                moved["payload"][name] = moved["payload"][name].replace(f"-{str(self.scratch.path).lstrip('/')}", "-repo")
        # "-repo" in the folder's name was taken for the work tree above
        if "transcript_path" in moved["payload"]:
            session = moved["payload"]["session_id"]
            moved["payload"]["transcript_path"] = str(self.home / ".claude" / "projects" / "-repo" / f"{session}.jsonl")
        return moved

    def _act(self, tool: str, payload: dict[str, Any]) -> None:
        asked = payload["tool_input"]
        if tool == "Write":
            Path(asked["file_path"]).write_text(asked["content"])
        elif tool == "Edit":
            file = Path(asked["file_path"])
            file.write_text(file.read_text().replace(asked["old_string"], asked["new_string"], -1 if asked["replace_all"] else 1))
        elif tool == "Bash":
            subprocess.run(["sh", "-c", asked["command"]], cwd=self.scratch.path, check=True, timeout=60)


def knocking(payload: bytes, environ: dict[str, str], cwd: Path) -> None:
    """Give a payload to the reference door."""
    take_hook("claude-code", payload, environ={**os.environ, **environ}, cwd=cwd)


def spooling(folder: Path, *, python: str = sys.executable) -> Hook:
    """Install the shell into `folder` and return what gives a payload to it as Claude's settings would have it."""
    stub = folder / "hook.sh"
    launcher = folder / "launcher"
    launcher.write_bytes(format_launcher(python))
    stub.write_text(agent_stub("claude-code", launcher=launcher))
    stub.chmod(0o755)

    def hook(payload: bytes, environ: dict[str, str], cwd: Path) -> None:
        said = json.loads(payload)
        scans = said.get("tool_name") in SCANNED or said["hook_event_name"] == "Stop"
        clean = {name: value for name, value in os.environ.items() if name not in AGENT_VARIABLES}
        done = subprocess.run(
            [str(stub), *(["scan"] if scans else [])],
            input=payload,
            env={**clean, **environ},
            cwd=cwd,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    return hook
