# SPDX-License-Identifier: Apache-2.0
"""A story in which every line says who first wrote it (`ai_7 = …`, `human_8 = …`), so that the truth is in the text.

tale.adds("ai", "a.py")     # three new lines of the agent's at the end
tale.adds("human", "a.py", at=0)
tale.commit()
tale.check()                # every line of HEAD, here and in a fresh clone
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING

from claude_session import ClaudeSession, knocking
from story import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from story import Story

AUTHOR = re.compile(r"(ai|human|mixed|unknown)_\d+")
WORDS = ("alpha", "beta", "gamma", "delta", "omega")


@dataclass
class Tale:
    """A story in which every line tells its author; `lost` are those that nobody can know."""

    story: Story
    without_hooks: bool = False
    numbers: Iterator[int] = field(default_factory=count)
    lost: set[str] = field(default_factory=set)

    # Text

    def lines(self, who: str, count: int = 3) -> list[str]:
        return [f"{who}_{number} = {WORDS[number % 5]}({number * 7919 + 11})" for number in islice(self.numbers, count)]

    def read(self, name: str) -> list[str]:
        return (self.story.scratch.path / name).read_text().splitlines()

    def put(self, who: str, name: str, lines: list[str]) -> None:
        text = "\n".join(lines) + "\n"
        (self.story.agent_writes if who == "ai" else self.story.person_types)(name, text)

    def adds(self, who: str, name: str, *, at: int | None = None, count: int = 3) -> list[str]:
        """Insert new lines of `who` (at the end unless told), and return them."""
        path = self.story.scratch.path / name
        old = self.read(name) if path.exists() else []
        new = self.lines(who, count)
        place = len(old) if at is None else at
        self.put(who, name, [*old[:place], *new, *old[place:]])
        return new

    def runs(self, command: str) -> None:
        """Let the agent run a shell command between its two hooks."""
        home = self.story.scratch.path.parent
        ClaudeSession(self.story.scratch, home, knocking).runs(command, call=f"toolu_{next(self.numbers)}")

    def types(self, name: str, *, at: int) -> None:
        """Insert a person's lines that nothing but the next commit's own hook can declare theirs."""
        new = self.adds("human", name, at=at)
        if self.without_hooks:
            self.loses(new)

    # Git

    def git(self, *arguments: str, fails: bool = False, **environ: str) -> str:
        done = subprocess.run(
            ["git", "-c", "core.editor=true", *arguments],
            cwd=self.story.scratch.path,
            env={**os.environ, **environ},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode != 0) == fails, f"git {' '.join(arguments)}: {done.stdout!r} {done.stderr!r}"
        return done.stdout.decode().strip()

    def shell(self, script: str) -> None:
        """Let a person run a shell command: no hook of an agent's is called."""
        done = subprocess.run(["sh", "-ec", script], cwd=self.story.scratch.path, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, f"{script}: {done.stdout!r} {done.stderr!r}"

    def commit(self, *options: str) -> str:
        return self.story.commit(*options)

    def loses(self, lines: list[str]) -> None:
        """Say that nobody can know who wrote `lines`."""
        self.lost.update(line.split(" ")[0] for line in lines)

    def last(self) -> None:
        """Say that what follows is the last step: where hooks may be missing, they are from here on."""
        if self.without_hooks:
            self.story.attest()
            self.story.remove_hooks()

    def start(self) -> None:
        """Begin with a file of a person's and an agent's lines, committed."""
        self.adds("human", "a.py", count=4)
        self.commit()
        self.adds("ai", "a.py", count=4)
        self.commit()

    def topic(self) -> None:
        """Go on from `start` on a branch, both writing, two commits."""
        self.start()
        self.git("switch", "-qc", "topic")
        self.adds("ai", "a.py")
        self.adds("ai", "b.py", count=5)
        self.commit()
        self.adds("human", "a.py", at=2)
        self.adds("human", "b.py")
        self.commit()

    def diverge(self) -> None:
        """Let `main` move on elsewhere in the file, and be back on `topic`."""
        self.topic()
        self.git("switch", "-q", "main")
        self.adds("human", "a.py", at=0)
        self.adds("ai", "m.py")
        self.commit()
        self.git("switch", "-q", "topic")

    def squash(self) -> None:
        """Take `topic` over to `main` as one commit."""
        self.git("switch", "-q", "main")
        self.git("merge", "-q", "--squash", "topic")
        self.commit()

    def collide(self, *, at: int) -> None:
        """Let the agent on `topic` and the person on `main` write at one place, and be on `main`."""
        self.start()
        self.git("switch", "-qc", "topic")
        self.adds("ai", "a.py", at=at)
        self.commit()
        self.git("switch", "-q", "main")
        self.adds("human", "a.py", at=at)
        self.commit()

    def rewrite(self, todo: str, *, onto: str) -> None:
        """Rebase interactively with `todo`, a sed script for git's list."""
        self.git("rebase", "-qi", onto, GIT_SEQUENCE_EDITOR=f"sed -i -e '{todo}'")

    def keep_both(self, name: str) -> None:
        """Settle a conflict by keeping every line of both sides."""
        kept = [line for line in self.read(name) if not line.startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>"))]
        self.story.person_types(name, "\n".join(kept) + "\n")
        self.git("add", name)

    # The question

    def check(self) -> None:
        """Ask for every file of HEAD, here and elsewhere."""
        self.story.attest()
        copy = self.story.copy()
        for name in self.git("ls-tree", "-r", "--name-only", "HEAD").splitlines():
            here = show(self.story.resolve("HEAD", name))
            assert self.judge(here) == [], name
            assert self.story.ask_copy(copy, "HEAD", name) == here, name

    def judge(self, shown: str) -> list[str]:
        """Return what is shown otherwise than the text says; a line without an author's name in it is not judged."""
        rows = [each.split(" ", 1) for each in shown.split(" | ")] if shown else []
        return [f"{origin}: {text}" for origin, text in rows if not self._is_true(origin.rstrip("?"), text)]

    def _is_true(self, origin: str, text: str) -> bool:
        author = AUTHOR.search(text)
        return author is None or origin == ("unknown" if author[0] in self.lost else author[1])
