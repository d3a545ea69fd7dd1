# SPDX-License-Identifier: Apache-2.0
"""A repository that `byline init` has set up, and an agent that edits in it through the hooks that were installed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figure import BYLINE, isolated, run

if TYPE_CHECKING:
    from pathlib import Path

AGENT = {"CLAUDECODE": "1", "AI_AGENT": "claude-code_2-1-197_harness", "CLAUDE_CODE_ENTRYPOINT": "cli"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workshop:
    """A work tree at `path` with its environment."""

    path: Path
    environ: dict[str, str]

    @classmethod
    def create(cls, place: Path, *, agent: bool = True, policy: str = "solo") -> Workshop:
        """Make a repository with one commit and set Byline up in it as a user does."""
        path = place / "repository"
        environ = isolated(place / "home")
        run(["git", "init", "--quiet", str(path)], cwd=place, environ=environ)
        made = cls(path=path, environ=environ)
        made.run(BYLINE, "init", "--policy", policy, "--yes", *(["--agent", "claude-code"] if agent else []))
        made.git("add", "--all")
        made.git("commit", "--quiet", "--allow-empty", "--message", "set up")
        made.run(BYLINE, "attest", "--wait")
        return made

    def run(self, *command: str, given: Path | None = None, environ: dict[str, str] | None = None) -> bytes:
        """Run a command in the work tree."""
        return run(command, cwd=self.path, given=given, environ={**self.environ, **(environ or {})})

    def git(self, *arguments: str) -> str:
        """Run git in the work tree."""
        return self.run("git", *arguments).decode().strip()

    def commit(self) -> None:
        """Commit everything that changed."""
        self.git("commit", "--quiet", "--all", "--message", "a change")

    def statements(self) -> int:
        """Count the statements in the evidence."""
        return len(self.git("ls-tree", "-r", "--name-only", "refs/byline/evidence").splitlines())

    def attested(self) -> set[str]:
        """Read which commits the evidence has statements about."""
        names = self.git("ls-tree", "-r", "--format=%(objectname)", "refs/byline/evidence").split()
        bundles = (json.loads(self.run("git", "cat-file", "blob", name)) for name in names)
        payloads = (json.loads(base64.b64decode(each["dsseEnvelope"]["payload"])) for each in bundles)
        return {payload["predicate"]["commit"]["id"] for payload in payloads}

    def attest(self) -> None:
        """Wait until every commit has its statement, however long the machine takes."""
        commits = set(self.git("rev-list", "--all", "--not", "--remotes").split())
        for _ in range(20):
            subprocess.run(
                [BYLINE, "attest", "--wait"], cwd=self.path, env=self.environ, stdout=subprocess.DEVNULL, check=False, timeout=300
            )
            if commits <= self.attested():
                return
        raise SystemExit(f"{len(commits - self.attested())} commits have no statement")

    def hook(self, event: str, tool: str, mode: str = "") -> str:
        """Find the command that the agent runs for an event of a tool, to scan, to ask the guard, or only to be told."""
        settings = json.loads((self.path / ".claude/settings.local.json").read_text())
        for entry in settings["hooks"][event]:
            command: str = entry["hooks"][0]["command"]
            if re.fullmatch(entry.get("matcher") or ".*", tool) and command.removesuffix(" o").endswith(mode or ".sh"):
                return command
        raise SystemExit(f"byline init installed no {event} hook for {tool}")

    def payload(self, event: str, tool: str, given: dict[str, object], answer: dict[str, object] | None = None, *, name: str = "") -> Path:
        """Make a file of the JSON that the agent hands to a hook; `name` tells it from another one of the same event and tool."""
        value = {
            "session_id": "6e46bda4-a449-4fe6-b5d8-6f7c19cca254", "transcript_path": str(self.path.parent / "none.jsonl"),
            "cwd": str(self.path), "permission_mode": "acceptEdits", "hook_event_name": event, "tool_name": tool,
            "tool_input": given, "tool_use_id": "toolu_01", **({} if answer is None else {"tool_response": answer, "duration_ms": 9}),
        }  # fmt: skip
        place = self.path.parent / f"{event}-{tool}{name}.json"
        place.write_text(json.dumps(value))
        return place

    def agent_writes(self, name: str, text: str) -> None:
        """Write a file as the agent does, and call its hook."""
        place = self.path / name
        before = place.read_text() if place.exists() else None
        place.write_text(text)
        answer: dict[str, object] = {
            "type": "create" if before is None else "update",
            "filePath": str(place),
            "content": text,
            "originalFile": before,
        }
        payload = self.payload("PostToolUse", "Write", {"file_path": str(place), "content": text}, answer)
        self.run("sh", "-c", self.hook("PostToolUse", "Write"), given=payload, environ=AGENT)
