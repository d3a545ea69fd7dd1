# SPDX-License-Identifier: Apache-2.0
r"""A story: a person and an agent in a real repository with Byline's real hooks, and the question who wrote what.

story.agent_writes("a.py", "x\n")      # Claude's Write: the file, then its payload at the reference door
story.person_types("a.py", "x\ny\n")   # the file, and nobody is told
story.commit()
story.blame("HEAD", "a.py")            # -> "ai x | human y": origin and text, line by line
story.elsewhere("HEAD", "a.py")        # the same in a fresh clone that has the claims only
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byline.capture.door import take_hook
from byline.capture.git_hooks import git_hook_stub
from byline.capture.places import inbox_dir, prepare_repository
from byline.flow.attest import AttestReport, attest_pending
from byline.flow.resolve import Resolved, resolve
from byline.flow.workshop import Identity, Signatory, Workshop
from byline.git.repository import open_repository
from byline.keys.p256 import make_key
from byline.log.trees import REF
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.core.edit import Committer
    from byline.core.ports import Signer

IDENTITY = Identity(repository="byl:" + "0" * 32, line_key=b"k" * 32)
HOOKS = ("post-commit", "post-merge", "post-rewrite")


@dataclass
class Story:
    """A repository at `scratch`; `declares` is what `init --declare-own-lines` sets, `eager` attests after each commit."""

    scratch: Scratch
    signer: Signer
    identity: Identity = IDENTITY
    principal: str = "p-person"
    declares: bool = False
    eager: bool = True
    now: int = 0
    signatory_of: Callable[[Committer], Signatory] | None = None
    reports: list[AttestReport] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, *, declares: bool = False, eager: bool = True) -> Story:
        """Make an empty repository with Byline's hooks."""
        story = cls(scratch=Scratch.create(folder / "repo"), signer=make_key(folder / "key.pem"), declares=declares, eager=eager)
        story.scratch.git("config", "commit.gpgsign", "false")
        prepare_repository(story.scratch.path / ".git")
        story.install_hooks()
        return story

    def install_hooks(self) -> None:
        for hook in HOOKS:
            stub = self.scratch.path / ".git/hooks" / hook
            stub.write_text(git_hook_stub(hook, launcher="/nonexistent/launcher"))
            stub.chmod(0o755)

    def remove_hooks(self) -> None:
        for hook in HOOKS:
            (self.scratch.path / ".git/hooks" / hook).unlink(missing_ok=True)

    # What people and programs do

    def agent_writes(self, name: str, text: str | bytes, *, agent: str = "s1") -> None:
        path = self.scratch.path / name
        old = path.read_bytes() if path.exists() else None
        data = text.encode() if isinstance(text, str) else text
        self.scratch.write(name, data)
        payload = {
            "session_id": agent,
            "cwd": str(self.scratch.path),
            "hook_event_name": "PostToolUse",
            "tool_name": "Write",
            "tool_use_id": hashlib.sha256(f"{name}{len(self.reports)}".encode() + data).hexdigest()[:16],
            "tool_input": {"file_path": str(path), "content": data.decode("utf-8", "replace")},
            "tool_response": {
                "type": "create" if old is None else "update",
                "content": data.decode("utf-8", "replace"),
                "originalFile": None if old is None else old.decode("utf-8", "replace"),
            },
        }
        take_hook("claude-code", json.dumps(payload).encode(), environ={**os.environ, "CLAUDECODE": "1"}, cwd=self.scratch.path)

    def tells(self, when: str, name: str, by: dict[str, str]) -> None:
        """Tell the generic intake of what stands in `name` now."""
        line = {"schema": "byline.edit/1", "when": when, "cwd": str(self.scratch.path), "paths": [name], "by": by, "call": None}
        take_hook("generic", json.dumps({k: v for k, v in line.items() if v}).encode(), environ=os.environ, cwd=self.scratch.path)

    def person_types(self, name: str, text: str | bytes) -> None:
        self.scratch.write(name, text)

    def git(self, *arguments: str) -> str:
        return self.scratch.git(*arguments)

    def commit(self, *options: str, add: bool = True) -> str:
        if add:
            self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change", *options)
        if self.eager:
            self.attest()
        return self.git("rev-parse", "HEAD")

    # Questions

    @contextmanager
    def workshop(self, path: Path | None = None, *, signs: bool = True) -> Iterator[Workshop]:
        with open_repository(path or self.scratch.path) as repo:
            yield Workshop(
                repo=repo,
                place=repo.common_dir / "byline",
                inbox=inbox_dir(os.environ),
                identity=self.identity,
                now=lambda: self.now,
                random=os.urandom,
                version="0.1.0",
                own=Signatory(signer=self.signer, principal=self.principal) if signs and self.signer else None,
                signatory_of=self.signatory_of if signs else None,
                declares=("true",) if self.declares else (),
            )

    def attest(self) -> AttestReport:
        with self.workshop() as workshop:
            report = attest_pending(workshop)
        self.reports.append(report)
        return report

    def resolve(self, rev: str | None, name: str | bytes) -> Resolved:
        with self.workshop() as workshop:
            return resolve(workshop, rev, name if isinstance(name, bytes) else name.encode())

    def blame(self, rev: str | None, name: str | bytes) -> str:
        self.attest()
        return show(self.resolve(rev, name))

    def elsewhere(self, rev: str, name: str | bytes, *, branch: str | None = None) -> str:
        """Ask in a fresh clone."""
        self.attest()
        return self.ask_copy(self.copy(branch), rev, name)

    def copy(self, branch: str | None = None) -> Path:
        """Make a fresh single-branch clone that has this clone's claims and nothing else of it."""
        path = self.scratch.path.with_name(f"clone{len(list(self.scratch.path.parent.iterdir()))}")
        clone = self.scratch.clone(path, "--no-local", "--single-branch", *(("--branch", branch) if branch else ()))
        if self.git("for-each-ref", REF):
            clone.git("fetch", "--quiet", "origin", f"+{REF}:refs/byline/remotes/origin/evidence")
        return path

    def ask_copy(self, path: Path, rev: str, name: str | bytes) -> str:
        with self.workshop(path, signs=False) as workshop:
            return show(resolve(workshop, rev, name if isinstance(name, bytes) else name.encode()))


def show(resolved: Resolved) -> str:
    """Return `resolved` as one line of text; evidence other than what observers saw or people declared stands behind the origin."""
    assert len(resolved.lines) == len(resolved.bylines)
    words = []
    for line, byline in zip(resolved.lines, resolved.bylines, strict=True):
        owner = byline.owner
        weak = "?" if owner.evidence.value == "inferred" else ""
        words.append(f"{owner.origin.value}{weak} {line.decode(errors='replace').strip()}")
    return " | ".join(words)
