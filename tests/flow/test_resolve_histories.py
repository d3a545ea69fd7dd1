# SPDX-License-Identifier: Apache-2.0
"""Random histories whose every line is unique, so that the truth is known: an origin may be lost, and is never wrong."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from story import Story

NAMES = ("a.py", "b.py")
WORDS = ("alpha", "beta", "gamma", "delta", "omega")
STEPS = (
    *("person", "agent", "person", "agent", "commit", "commit", "partial", "amend", "stash", "branch", "merge", "rebase"),
    *("pick", "revert", "reset", "squash", "rename", "forge", "delete"),
)


@dataclass
class History:
    """A story whose lines tell who wrote them."""

    story: Story
    count: int = 0
    steps: list[str] = field(default_factory=list)

    def line(self, who: str) -> str:
        self.count += 1
        return f"{who}_{self.count} = {WORDS[self.count % 5]}({self.count * 7919})"

    def read(self, name: str) -> list[str]:
        path = self.story.scratch.path / name
        return path.read_text().splitlines() if path.exists() else []

    def edit(self, who: str, name: str, at: int, *, cut: bool) -> None:
        lines = self.read(name)
        at = at % (len(lines) + 1)
        lines[at : at + (2 if cut else 0)] = [self.line(who) for _ in range(1 + at % 3)]
        text = "\n".join(lines) + "\n"
        (self.story.agent_writes if who == "ai" else self.story.person_types)(name, text)

    def git(self, *arguments: str) -> bool:
        done = subprocess.run(
            ["git", "-c", "core.editor=true", *arguments], cwd=self.story.scratch.path, capture_output=True, check=False, timeout=60
        )
        return done.returncode == 0

    def save(self) -> None:
        self.git("add", "--all")
        self.git("commit", "-qm", "saved")

    def settle_conflict(self) -> None:
        """Keep both sides of every conflict; what cannot be settled is given up."""
        for _ in range(6):
            if not any(
                (self.story.scratch.path / ".git" / name).exists()
                for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge")
            ):
                return
            for name in NAMES:
                kept = [line for line in self.read(name) if not line.startswith(("<<<<<<<", "=======", ">>>>>>>"))]
                if kept:
                    self.story.person_types(name, "\n".join(dict.fromkeys(kept)) + "\n")
            self.git("add", "--all")
            if not (self.git("rebase", "--continue") or self.git("commit", "-qm", "settled", "--allow-empty")):
                break
        for command in ("merge", "cherry-pick", "revert", "rebase"):
            self.git(command, "--abort")

    def step(self, name: str, at: int) -> None:
        file = NAMES[at % 2]
        match name:
            case "person" | "agent":
                self.edit("human" if name == "person" else "ai", file, at, cut=at % 5 == 0)
            case "commit":
                self.save()
            case "partial":
                self.git("add", file)
                self.git("commit", "-qm", "partial")
            case "amend":
                self.git("commit", "-qa", "--amend", "--no-edit")
            case "stash":
                self.git("stash", "-q") and self.git("stash", "pop", "-q")
            case "branch":
                self.save()
                self.git("switch", "-q", "topic") or self.git("switch", "-qc", "topic")
            case "rename":
                self.save()
                self.git("mv", file, "c.py") and self.git("mv", "c.py", NAMES[(at + 1) % 2])
                self.save()
            case "delete":
                (self.story.scratch.path / file).unlink(missing_ok=True)
            case _:
                self.save()
                self.rewrite(name)

    def rewrite(self, name: str) -> None:
        match name:
            case "merge":
                self.git("merge", "-q", "--no-edit", "main")
            case "rebase":
                self.git("rebase", "-q", "main")
            case "pick":
                self.git("cherry-pick", "main")
            case "revert":
                self.git("revert", "--no-edit", "HEAD")
            case "reset":
                self.git("reset", "-q", "--soft", "HEAD~1")
            case "squash":
                self.git("switch", "-q", "main") and self.git("merge", "--squash", "-q", "topic")
            case "forge":
                self.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--amend", "-m", "on the web")
        self.settle_conflict()

    def wrong(self, shown: str) -> list[str]:
        """Lines whose shown origin is another than the one in their text."""
        rows = [each.split(" ", 1) for each in shown.split(" | ")] if shown else []
        return [f"{origin} {text}" for origin, text in rows if text.split("_")[0] != origin.rstrip("?") and origin != "unknown"]


@pytest.mark.slow
@settings(max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 40)), min_size=4, max_size=16), eager=st.booleans())
def test_no_history_gives_a_wrong_origin(steps: list[tuple[str, int]], *, eager: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Story.begin(Path(folder), declares=True, eager=eager))
        history.edit("human", "a.py", 0, cut=False)
        history.save()
        for name, at in steps:
            history.step(name, at)
            if eager:
                history.story.attest()
        history.save()
        for name in NAMES:
            if history.read(name):
                assert history.wrong(history.story.blame("HEAD", name)) == []
                assert history.wrong(history.story.elsewhere("HEAD", name)) == []
