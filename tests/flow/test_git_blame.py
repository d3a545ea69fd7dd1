# SPDX-License-Identifier: Apache-2.0
"""A second oracle: the commit that Byline says brought a line is the one that `git blame` says, or the difference has a reason.

The reasons are a closed list, each checked against git's objects:

white space     the later of the two commits changed nothing in the line but white space: text that did not change keeps its commit
same line       the line stood in the file before the later commit, too: which of two equal lines is the new one, or whether one was
                moved, is for a line diff to say, and the two diffs differ
"""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.capture.places import prepare_repository
from byline.core.authorship import Commit
from byline.core.bundle import join_receipt
from byline.core.lines import squeeze
from byline.flow.chain import Chain
from byline.flow.claiming import Maker, claim_commit, commit_effect
from byline.flow.resolve import open_resolver
from byline.flow.versions import Versions
from byline.flow.workshop import Signatory
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from scratch import Scratch
from story import Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
FILES = 40
COMMITS = 300
TRIVIAL = (b"", b"}", b"    return None", b"else:", b"pass")


@dataclass
class Oracle:
    """`git blame` of the repository of a story, and whether an answer that differs from it has a reason."""

    story: Story
    reasons: Counter[str] = field(default_factory=Counter)
    texts: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)

    def git(self, *arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=self.story.scratch.path, capture_output=True, check=True, timeout=300).stdout

    @cached_property
    def parents(self) -> dict[str, list[str]]:
        return {commit: rest for commit, *rest in map(str.split, self.git("rev-list", "--parents", "HEAD").decode().splitlines())}

    def claim(self) -> None:
        """Claim every commit as the attester does, and publish all at once; nobody's lines have a commit, too."""
        signer = self.story.signer
        with self.story.workshop() as workshop, EvidenceIndex(workshop.cache) as index:
            versions, chain = Versions(workshop, index), Chain(workshop)
            issued = []
            for each in workshop.repo.commits_between(None, "HEAD"):
                info = workshop.repo.commit_info(each)
                commit = Commit(id=info.id, tree=info.tree, parents=info.parents)
                claims = claim_commit(versions, each, Maker(worktree=None))
                issued += chain.issue(commit, commit_effect(versions, each), claims, by=Signatory(signer=signer), channel="sweep")
            EvidenceRef(workshop.repo).add(join_receipt(each, signer.public, None) for each in issued)

    def differences(self, names: Iterable[str]) -> Iterator[str]:
        """Yield every line that has another commit than git's, and no reason."""
        with self.story.workshop() as workshop, open_resolver(workshop) as resolver:
            for name in names:
                found = resolver.resolve("HEAD", name.encode())
                if not found.is_text:
                    continue
                paths = [name]
                for line, byline, (commit, path) in zip(found.lines, found.bylines, self.blame(name), strict=True):
                    if path not in paths:
                        paths.append(path)
                    reason = "same commit" if byline.commit == commit else self.reason(line, byline.commit or "", commit, paths)
                    self.reasons[reason or "none"] += 1
                    if reason is None:
                        yield f"{name}: {line.decode(errors='replace')!r}: {byline.commit}, git: {commit}"

    def blame(self, name: str) -> list[tuple[str, str]]:
        """Return commit and path of each line."""
        out, commit, path = [], "", ""
        for row in self.git("blame", "--line-porcelain", "HEAD", "--", name).split(b"\n"):
            if row.startswith(b"\t"):
                out.append((commit, path))
                commit = ""
            elif row.startswith(b"filename "):
                path = row[9:].decode()
            elif not commit:
                commit = row.split(b" ")[0].decode()
        return out

    def reason(self, line: bytes, one: str, other: str, paths: list[str]) -> str | None:
        """Return why two oracles may say two commits for `line`, which stood in `paths`; None if they may not."""
        if one not in self.parents or not (self.reaches(one, other) or self.reaches(other, one)):
            return None
        later = one if self.reaches(one, other) else other
        before = [text for parent in self.parents[later] for text in self.lines(parent, paths)]
        if line in before:
            return "same line"
        return "white space" if squeeze(line) in map(squeeze, before) else None

    def lines(self, commit: str, paths: list[str]) -> list[bytes]:
        """Return the lines of `paths` in `commit`."""
        return [line for path in paths for line in self.text(commit, path)]

    def text(self, commit: str, path: str) -> list[bytes]:
        """Return the lines of `path` in `commit`; none if it is not there."""
        if (commit, path) not in self.texts:
            asked = ["git", "show", f"{commit}:{path}"]
            done = subprocess.run(asked, cwd=self.story.scratch.path, capture_output=True, check=False, timeout=60)
            self.texts[commit, path] = done.stdout.split(b"\n")
        return self.texts[commit, path]

    def reaches(self, head: str, commit: str) -> bool:
        """Whether `commit` is an ancestor of `head`."""
        seen, left = {head}, [head]
        while left:
            for parent in self.parents[left.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    left.append(parent)
        return commit in seen


class Writer:
    """A history of `FILES` files, written for `git fast-import`."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.count = 0
        self.stream: list[bytes] = []
        self.trees: dict[int, dict[str, list[bytes]]] = {0: {}}

    def line(self) -> bytes:
        self.count += 1
        return self.dice.choice(TRIVIAL) if self.dice.random() < 0.3 else b"value_%d = compute(%d)" % (self.count, self.count * 7919)

    def edit(self, lines: list[bytes]) -> list[bytes]:
        """Return `lines` after somebody inserted, replaced, removed, moved, doubled or indented some."""
        start = self.dice.randint(0, len(lines))
        end = self.dice.randint(start, min(len(lines), start + 6))
        piece, rest = lines[start:end], lines[:start] + lines[end:]
        match self.dice.choice(("insert", "insert", "insert", "replace", "remove", "move", "double", "indent")):
            case "insert":
                return [*lines[:start], *(self.line() for _ in range(self.dice.randint(1, 8))), *lines[start:]]
            case "replace":
                return [*lines[:start], *(self.line() for _ in piece), *lines[end:]]
            case "remove":
                return rest
            case "move":
                at = self.dice.randint(0, len(rest))
                return [*rest[:at], *piece, *rest[at:]]
            case "double":
                return [*lines[:end], *piece, *lines[end:]]
        return [*lines[:start], *(b"  " + line for line in piece), *lines[end:]]

    def commit(self, branch: str, parents: tuple[int, ...], tree: dict[str, list[bytes]]) -> int:
        mark = len(self.trees)
        self.trees[mark] = tree
        self.stream.append(b"commit refs/heads/%s\nmark :%d\n" % (branch.encode(), mark))
        self.stream.append(b"committer A Writer <writer@example.invalid> %d +0000\ndata 0\n" % (1_700_000_000 + 60 * mark))
        self.stream += [b"%s :%d\n" % (b"merge" if number else b"from", parent) for number, parent in enumerate(parents)]
        self.stream.append(b"deleteall\n")
        for name, lines in tree.items():
            data = b"".join(line + b"\n" for line in lines)
            self.stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
        return mark

    def step(self, branch: str, parent: int) -> int:
        """Commit an edit of one to three files, now and then a renamed one."""
        tree = dict(self.trees[parent])
        names = sorted(tree)
        for name in self.dice.sample(names, self.dice.randint(1, 3)):
            tree[name] = self.edit(tree[name])
        if self.dice.random() < 0.05:
            name = self.dice.choice(names)
            tree[f"r{len(self.trees)}.py"] = tree.pop(name)
        return self.commit(branch, (parent,), tree)

    def write(self) -> bytes:
        first = {f"f{number}.py": [self.line() for _ in range(self.dice.randint(5, 60))] for number in range(FILES)}
        main = self.commit("main", (), first)
        while len(self.trees) < COMMITS:
            if self.dice.random() < 0.9:
                main = self.step("main", main)
                continue
            topic = main
            for _ in range(3):
                topic = self.step("topic", topic)
            ours, theirs = self.trees[self.step("main", main)], self.trees[topic]
            main = self.commit("main", (len(self.trees) - 1, topic), merged(self.trees[main], ours, theirs))
        return b"".join(self.stream)


def merged(base: dict[str, list[bytes]], ours: dict[str, list[bytes]], theirs: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Take each file from the side that changed it; where both did, ours comes first and then what is new in theirs."""
    out = {}
    for name in sorted({*ours, *theirs} - (base.keys() - ours.keys()) - (base.keys() - theirs.keys())):
        mine, other = ours.get(name), theirs.get(name)
        if mine is None or other is None:
            out[name] = mine or other or []
        elif mine == base.get(name):
            out[name] = other
        else:
            out[name] = (
                mine if other == base.get(name) else [*mine, *(line for line in other if line not in mine and line not in base[name])]
            )
    return out


def test_a_large_history(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=story.scratch.path, input=Writer(4).write(), check=True, timeout=60)
    story.git("reset", "-q", "--hard", "main")
    oracle = Oracle(story)
    oracle.claim()
    assert list(oracle.differences(sorted(each.name for each in story.scratch.path.glob("*.py")))) == []
    assert oracle.reasons["same commit"] > 0.9 * oracle.reasons.total()


@pytest.mark.slow
def test_the_history_of_byline_itself(tmp_path: Path) -> None:
    shallow = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True, check=False)
    if shallow.stdout.strip() != "false":
        pytest.skip("this copy of Byline has no history, or not all of it")
    story = Story.begin(tmp_path)
    story.scratch = Scratch(ROOT).clone(tmp_path / "clone", "--no-tags", "--single-branch")
    prepare_repository(story.scratch.path / ".git")
    oracle = Oracle(story)
    oracle.claim()
    names = story.git("ls-files").splitlines()[::4]  # all of them take minutes
    assert list(oracle.differences(names)) == []
    assert oracle.reasons["same commit"] > 0.9 * oracle.reasons.total()
