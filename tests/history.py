# SPDX-License-Identifier: Apache-2.0
"""A history whose every line says who first wrote it (`ai_7 = …`), so that the text is the oracle, whatever git does to it.

history = History.begin(folder, declares=True, is_eager=False)
history.writes("ai", "a.py", dice)      # new lines, inserted or in the place of others; `dice` (a Random) decides what is left open
history.save()                          # a commit of all that is there, through the hooks
history.verdict(history.story.scratch.path)       # what is shown otherwise, and what should be known and is not

Writers: `ai` (an agent, observed by its hook), `bot` (an agent that records itself), `human` (a person: declares their own lines at
the commit, or tells the generic intake), `nobody` (no record and no declaration) and `web` (a server without Byline). A line may be
shown as its writer's, as that of an agent that wrote the same words once more, or as unknown; what an agent wrote first is nobody
else's, ever. It should be known if an agent wrote it, or if a person did and said so.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import byline
from byline.capture.clock import now_ns
from byline.capture.places import prepare_repository
from byline.core.attribution import Origin
from byline.flow.resolve import open_resolver
from byline.keys.p256 import make_key
from story import Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from random import Random

    from byline.core.attribution import Byline
    from scratch import Scratch

NAMES = ("a.py", "b.py", "c.py")
AGENTS = {"ai": "s1", "bot": "s2"}
SIGNED = re.compile(r"\b(ai|bot|human|nobody|web)_(\d+)\b")
TRIVIAL = ("", "}", "else:", "    return None", "pass")
MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
IN_PROGRESS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
COMMITTING = {"commit", "merge", "rebase", "cherry-pick", "revert", "update-ref"}
QUICK = ("core.fsync=none", "gc.auto=0", "core.editor=true", "commit.gpgsign=false", "advice.mergeConflict=false")
SPEAKING_LINES, SPEAKING_BYTES = 3, 40
WEB = ("-c", "user.name=Web", "-c", "user.email=web@example.invalid")


@dataclass(frozen=True, slots=True, order=True)
class Miss:
    """A line in a file that is shown as `shown`, and not as its `writer`'s: wrong, or lost."""

    writer: str
    number: int
    shown: str
    file: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of the lines `judged`: those shown as somebody else's, and those that should be known and are not; and all that was `shown`."""

    judged: int
    wrong: tuple[Miss, ...]
    lost: tuple[Miss, ...]
    shown: tuple[str, ...]


@dataclass
class History:
    """A story that goes on at random. `writers` are those of each line, the first one first.

    `told` are the lines of which Byline was told that a person wrote them, and the file; `typed` those that no commit has yet.
    """

    story: Story
    writers: dict[int, list[str]] = field(default_factory=dict)
    told: set[tuple[str, int]] = field(default_factory=set)
    typed: set[int] = field(default_factory=set)
    server: Scratch | None = None
    is_hooked: bool = True

    @classmethod
    def begin(cls, folder: Path, *, declares: bool, is_eager: bool) -> History:
        """Begin in an empty repository with one commit."""
        story = Story.begin(folder, declares=declares, eager=is_eager)
        history = cls(story)
        history.set_up()
        for who, name in (("human", "a.py"), ("ai", "b.py")):
            history.put(who, name, [history.line(who, is_long=number % 2 == 1) for number in range(6)])
            history.save()
        return history

    def set_up(self) -> None:
        """Spare git what only costs time here."""
        config = self.path / ".git/config"
        config.write_text(config.read_text() + "".join(_setting(each) for each in QUICK))

    def colleague(self, folder: Path) -> History:
        """Let somebody with a key of their own clone what is there, and go on with it."""
        scratch = self.story.scratch.clone(folder / "repo")
        prepare_repository(scratch.path / ".git")
        story = Story(scratch=scratch, signer=make_key(folder / "key.pem"), declares=self.story.declares, eager=self.story.eager)
        story.install_hooks()
        history = History(story, writers=self.writers, told=self.told)
        history.set_up()
        return history

    @property
    def path(self) -> Path:
        """The work tree."""
        return self.story.scratch.path

    # Text

    def line(self, who: str, *, is_long: bool = False) -> str:
        """Make a line whose words no other line has."""
        number = len(self.writers) + 1
        self.writers[number] = []
        words = hashlib.sha256(str(number).encode()).hexdigest()
        text = f"{who}_{number} = f{words[:8]}({words[8:14]}"
        return f"{text}, {words[14:24]}, {words[24:34]})" if is_long else f"{text})"

    def read(self, name: str) -> list[str]:
        """Return the lines of a file on disk; none if it is not there."""
        path = self.path / name
        return path.read_text().splitlines() if path.exists() else []

    def put(self, who: str, name: str, lines: Sequence[str]) -> None:
        """Let `who` make `lines` the file's text; what was not in it before they wrote, too."""
        for number in sorted((numbers(lines) - numbers(self.read(name))).elements()):
            self.writers[number].append(who)
            if self.writers[number] == ["human"]:
                self.typed.add(number)
                if not self.story.declares:
                    self.told.add((name, number))
        text = "\n".join(lines) + "\n" if lines else ""
        last = now_ns()
        while now_ns() == last:  # what happens within one tick of the clock has no order
            pass
        match who:
            case "ai":
                self.story.agent_writes(name, text)
            case "bot":
                with byline.session(agent="bot", root=self.path, session_id=AGENTS["bot"]) as session:
                    session.write(name, text)
            case "human" if not self.story.declares:
                person = {"kind": "human"}
                self.story.tells("before", name, person)
                self.story.person_types(name, text)
                self.story.tells("after", name, person)
            case _:
                self.story.person_types(name, text)

    def writes(self, who: str, name: str, dice: Random) -> None:
        """Let `who` write new lines, some of them trivial, somewhere in the file, perhaps in the place of others."""
        lines = self.read(name)
        at = dice.randint(0, len(lines))
        new = [
            dice.choice(TRIVIAL) if dice.random() < 0.25 else self.line(who, is_long=dice.random() < 0.5) for _ in range(dice.randint(2, 6))
        ]
        lines[at : at + dice.choice((0, 0, 0, 1, 2))] = new
        self.put(who, name, lines)

    # Git

    def git(self, *arguments: str, at: Scratch | None = None, **environ: str) -> bool:
        """Run git, and say whether it did what it was asked."""
        return self.ask(*arguments, at=at, **environ) is not None

    def ask(self, *arguments: str, at: Scratch | None = None, data: str | None = None, **environ: str) -> str | None:
        """Return what git says, None if it fails."""
        if not at and COMMITTING.intersection(arguments[:3]):
            self.typed.clear()
        done = subprocess.run(
            ["git", *arguments],
            cwd=(at or self.story.scratch).path,
            env={**os.environ, **environ},
            input=data,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout if done.returncode == 0 else None

    def save(self) -> None:
        """Commit all that is there, as a person does."""
        self.git("add", "--all")
        typed = self.typed if self.is_hooked and self.story.declares else ()
        told = {(name, number) for name in NAMES if typed for number in numbers(self.read(name)) if number in typed}
        if self.git("commit", "-qm", "saved"):
            self.told |= told

    def settle(self, dice: Random) -> None:
        """End what a conflict interrupted: keep both sides, or one; what goes on failing is given up."""
        for _ in range(8):
            folder = self.git_dir()
            going = [each for each in IN_PROGRESS if (folder / each).exists()]
            if not going and not (self.ask("ls-files", "--unmerged") or "").strip():
                return
            for name in NAMES:
                lines = self.read(name)
                if any(line.startswith(MARKERS) for line in lines):
                    self.put(dice.choice(("human", "human", "ai")), name, resolved(lines, dice.randrange(3)))
            self.git("add", "--all")
            if any("rebase" in each for each in going):
                self.git("rebase", "--continue") or self.git("rebase", "--skip")
            elif not self.git("commit", "-qm", "settled") and "CHERRY_PICK_HEAD" in going:
                self.git("cherry-pick", "--skip")
        for command in ("rebase", "merge", "cherry-pick", "revert"):
            self.git(command, "--abort")
        self.git("reset", "-q", "--hard")

    def git_dir(self) -> Path:
        """Return the work tree's own git folder."""
        folder = self.path / ".git"
        return self.path / folder.read_text().removeprefix("gitdir: ").strip() if folder.is_file() else folder

    def branches(self) -> list[str]:
        """Return the names of all branches."""
        return sorted(each.name for each in (self.path / ".git/refs/heads").iterdir())

    def branch(self) -> str:
        """Return the name of the branch, nothing if HEAD is detached."""
        return (self.ask("branch", "--show-current") or "").strip()

    def shown(self, name: str) -> list[str]:
        """Return the lines of a file in HEAD."""
        return (self.ask("show", f"HEAD:{name}") or "").splitlines()

    def stage_some(self, name: str, dice: Random) -> None:
        """Stage some of the changed places of a file, as `git add -p` does."""
        old, new = self.shown(name), self.read(name)
        chosen: list[str] = []
        for _, i0, i1, j0, j1 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
            chosen += new[j0:j1] if old[i0:i1] == new[j0:j1] or dice.random() < 0.5 else old[i0:i1]
        blob = self.ask("hash-object", "-w", "--stdin", data="\n".join(chosen) + "\n")
        if chosen and blob:
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob.strip()},{name}")

    def unhook(self) -> None:
        """Attest what is pending, and take the hooks away."""
        self.story.attest()
        self.story.remove_hooks()
        self.is_hooked = False

    # The question

    def verdict(self, path: Path) -> Verdict:
        """Ask for every file of HEAD in the clone at `path`."""
        wrong: list[Miss] = []
        lost: list[Miss] = []
        shown: list[str] = []
        with self.story.workshop(path, signs=False) as workshop, open_resolver(workshop) as resolver:
            for name in filter(None, (self.ask("ls-tree", "--name-only", "HEAD") or "").splitlines()):
                found = resolver.resolve("HEAD", name.encode())
                rows = [(line.decode(), byline) for line, byline in zip(found.lines, found.bylines, strict=True)]
                shown += [f"{byline.owner.origin} {line}" for line, byline in rows]
                misses = [self.miss(name, line, byline) for line, byline in rows]
                found_out = [miss for at, miss in enumerate(misses) if miss and not self.is_short(rows, misses, at)]
                wrong += [miss for miss in found_out if miss.is_wrong]
                lost += [miss for miss in found_out if not miss.is_wrong]
        return Verdict(len(numbers(shown)), tuple(wrong), tuple(lost), tuple(shown))

    def miss(self, name: str, line: str, byline: Byline) -> Miss | None:
        """Return what is wrong with the answer `byline` for a line, None if nothing is."""
        for writer, number in signed([line]):
            if not self.is_right(number, byline) or not (byline.owner.is_known or not self.is_known(name, number, line)):
                return Miss(writer, number, f"{byline.owner.origin} {byline.owner.session or ''}".strip(), name, byline.owner.is_known)
        return None

    def is_short(self, rows: Sequence[tuple[str, Byline]], misses: Sequence[Miss | None], at: int) -> bool:
        """Whether line `at` was moved or copied in a piece too short to be known again: below three lines and 40 bytes.

        Only a person who really typed it makes an agent's line a person's.
        """
        miss = misses[at]
        again = self.writers[miss.number][1:] if miss else []
        if miss is None or (miss.shown == "human" and "human" not in again) or (miss.shown == "unknown" and not again):
            return False
        start = end = at
        while start and (misses[start - 1] or not numbers([rows[start - 1][0]])):
            start -= 1
        while end + 1 < len(rows) and (misses[end + 1] or not numbers([rows[end + 1][0]])):
            end += 1
        piece = [line for line, _ in rows[start : end + 1] if numbers([line])]
        return len(piece) < SPEAKING_LINES and sum(len("".join(line.split())) for line in piece) < SPEAKING_BYTES

    def is_right(self, number: int, told: Byline) -> bool:
        """Whether a line may be shown as `told`."""
        first, *_ = writers = self.writers[number]
        agents = {AGENTS[each] for each in writers if each in AGENTS}
        match told.owner.origin:
            case Origin.UNKNOWN:
                return True
            case Origin.AI:
                return told.owner.session in agents
            case Origin.HUMAN:
                return first not in AGENTS and "human" in writers
        return False

    def is_known(self, name: str, number: int, line: str) -> bool:
        """Whether an agent was seen to write a line, or a person was told to be who wrote it, once, in this file, and it is whole.

        That a copy of a person's text is a person's, nobody can tell from text alone; nor what was wrapped beside unrecorded text.
        """
        is_told = self.writers[number] == ["human"] and (name, number) in self.told and line.endswith(")")
        return self.writers[number][0] in AGENTS or is_told


def signed(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield who signs which line."""
    for line in lines:
        for writer, number in SIGNED.findall(line):
            yield writer, int(number)


def numbers(lines: Iterable[str]) -> Counter[int]:
    """Count the numbers of the signed lines."""
    return Counter(number for _, number in signed(lines))


def resolved(lines: Iterable[str], side: int) -> list[str]:
    """Return `lines` without conflicts: of each the first side (0), the second (1), or both (2)."""
    kept, inside = [], 2
    for line in lines:
        if line.startswith(MARKERS):
            inside = {"<": 0, "|": 3, "=": 1, ">": 2}[line[0]]
        elif inside in (2, side) or (side == 2 and inside < 2):
            kept.append(line)
    return kept


def _setting(text: str) -> str:
    section, _, rest = text.partition(".")
    return f"[{section}]\n\t{rest}\n"
