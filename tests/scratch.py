# SPDX-License-Identifier: Apache-2.0
r"""A real git repository for a test to play with.

scratch.write("a.py", b"one\n")
scratch.commit("first")          # -> the commit's id
scratch.git("log", "--oneline")  # -> what git said, as text
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scratch:
    """A work tree at `path`."""

    path: Path

    @classmethod
    def create(cls, path: Path, *options: str) -> Scratch:
        """Make a repository at `path`."""
        subprocess.run(["git", "init", "--quiet", *options, str(path)], check=True, timeout=60)
        return cls(path)

    def clone(self, path: Path, *options: str) -> Scratch:
        """Clone this repository to `path`."""
        subprocess.run(["git", "clone", "--quiet", *options, str(self.path), str(path)], check=True, timeout=60)
        return Scratch(path)

    def git(self, *arguments: str) -> str:
        """Run git here; a failure of git fails the test."""
        done = subprocess.run(["git", "-C", str(self.path), *arguments], check=False, capture_output=True, timeout=60)
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def linked(self, path: Path) -> Scratch:
        """Return a new linked work tree at `path`."""
        self.git("worktree", "add", "-q", str(path))
        return Scratch(path)

    def submodule(self, name: str, inner: Scratch) -> Scratch:
        """Return the submodule `name`, which is `inner` with its commits."""
        self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), name)
        return Scratch(self.path / name)

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file, and the folders that lead to it."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def commit(self, message: str = "a change", *options: str) -> str:
        """Commit everything in the work tree; return the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message, *options)
        return self.git("rev-parse", "HEAD")
