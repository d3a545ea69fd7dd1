# SPDX-License-Identifier: Apache-2.0
r"""Byline as a person has it: `byline init` in a real repository, git with the hooks that it installed, an agent with its settings.

clone = Installed.create(repository)     # byline init --agent claude-code --declare-own-lines --yes
clone.writes("a.py", b"x\n")             # the agent writes the file, then calls the hooks that its settings name
clone.runs("sed -i s/x/y/ a.py")         # the agent runs a command between its hooks
clone.commit()                           # git commit, then what its hooks started is waited for
clone.owners("a.py", rev="HEAD")         # -> ["ai"]: the origins, line by line, of `byline blame --json`
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from warm import can_be_warm, run_warm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scratch import Scratch

PROGRAM = (sys.executable, "-m", "byline_cli")


@dataclass(frozen=True, slots=True)
class Said:
    """What a program answered: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A work tree at `scratch` with Byline in it."""

    scratch: Scratch
    calls: Iterator[int] = field(default_factory=count)

    @classmethod
    def create(cls, scratch: Scratch, *options: str) -> Installed:
        """Set up Byline in `scratch`."""
        clone = cls(scratch)
        said = clone.byline("init", "--agent", "claude-code", "--declare-own-lines", "--yes", *options)
        assert said.code == 0, said.err
        return clone

    @property
    def path(self) -> Path:
        """The work tree."""
        return self.scratch.path

    def byline(self, *words: str | bytes, cwd: Path | None = None, data: bytes = b"", **environ: str) -> Said:
        """Run a command of Byline."""
        return run(*PROGRAM, *words, cwd=cwd or self.path, data=data, environ=environ)

    def git(self, *words: str | bytes, cwd: Path | None = None, **environ: str) -> Said:
        """Run git."""
        return run("git", *words, cwd=cwd or self.path, environ=environ)

    def writes(self, name: str | bytes, content: bytes, *, session: str = "s-1") -> None:
        """Let the agent write a file."""
        path = self.path / os.fsdecode(name)
        old = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        text, original = content.decode("utf-8", "replace"), None if old is None else old.decode("utf-8", "replace")
        kind = "create" if old is None else "update"
        self.hook(
            "PostToolUse",
            tool_name="Write",
            session_id=session,
            tool_use_id=f"w{next(self.calls)}",
            tool_input={"file_path": str(path), "content": text},
            tool_response={"type": kind, "content": text, "originalFile": original},
        )

    def runs(self, command: str, *, session: str = "s-1") -> None:
        """Let the agent run a command."""
        told = {"tool_name": "Bash", "session_id": session, "tool_use_id": f"b{next(self.calls)}", "tool_input": {"command": command}}
        self.hook("PreToolUse", **told)
        subprocess.run(["sh", "-c", command], cwd=self.path, env={**os.environ, "CLAUDECODE": "1"}, check=False, timeout=60)
        self.hook("PostToolUse", **told, tool_response={"stdout": "", "stderr": "", "interrupted": False})

    def hook(self, event: str, *, cwd: Path | None = None, **members: object) -> None:
        """Call the hooks that the agent's settings name for `event`."""
        payload = {"cwd": str(cwd or self.path), "hook_event_name": event, **members}
        self.hook_bytes(event, json.dumps(payload).encode(), tool=str(members.get("tool_name", "")), cwd=cwd)

    def hook_bytes(self, event: str, payload: bytes, *, tool: str, cwd: Path | None = None) -> None:
        """Give any bytes to the hooks of `event`: they say nothing and exit 0."""
        for command in self.commands(event, tool):
            said = run("sh", "-c", command, cwd=cwd or self.path, data=payload, environ={"CLAUDECODE": "1"})
            assert said == Said(0, "", ""), said

    def commands(self, event: str, tool: str) -> list[str]:
        """Return what the agent's settings run at `event` for `tool`."""
        settings = json.loads((self.path / ".claude/settings.local.json").read_text())
        entries = settings["hooks"].get(event, [])
        return [hook["command"] for entry in entries if re.fullmatch(entry.get("matcher", ".*") or ".*", tool) for hook in entry["hooks"]]

    def commit(self, *options: str, add: bool = True) -> str:
        """Commit, and wait for what the hooks started."""
        if add:
            self.scratch.git("add", "--all")
        self.scratch.git("commit", "--quiet", "--allow-empty", "--message", "a change", *options)
        self.attest()
        return self.scratch.git("rev-parse", "HEAD")

    def attest(self) -> None:
        """Sign and deliver what is pending."""
        said = self.byline("attest", "--wait")
        assert said.code == 0, said

    def owners(self, name: str | bytes, *, rev: str | None = None, cwd: Path | None = None) -> list[str]:
        """Return the origin of each line, as blame has it."""
        said = self.byline("blame", "--json", *([rev] if rev else []), name, cwd=cwd)
        assert said.code == 0, said
        return [each["origin"] for each in json.loads(said.out)["ranges"] for _ in range(each["start"], each["end"] + 1)]

    def losses(self) -> list[str]:
        """Return the losses that `status` counts."""
        said = self.byline("status", "--json")
        assert said.code == 0, said
        return [f"{each['code']}: {each['last']}" for each in json.loads(said.out)["losses"] for _ in range(each["count"])]


def run(*words: str | bytes, cwd: Path, data: bytes = b"", environ: Mapping[str, str] | None = None) -> Said:
    """Run a program without a terminal."""
    whole = {**os.environ, **(environ or {})}
    if words[: len(PROGRAM)] == PROGRAM and can_be_warm(whole):
        return _said(*run_warm([os.fsdecode(word) for word in words[len(PROGRAM) :]], cwd=cwd, environ=whole, data=data))
    done = subprocess.run(words, cwd=cwd, env=whole, input=data, capture_output=True, check=False, timeout=120)
    return _said(done.returncode, done.stdout, done.stderr)


def _said(code: int, out: bytes, err: bytes) -> Said:
    return Said(code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))
