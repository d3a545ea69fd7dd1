# SPDX-License-Identifier: Apache-2.0
"""What compaction leaves is all that any answer needs: stories compacted at every step end as if they never were."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byline.capture.contents import Contents
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.flow.compaction import HOUR, Compacted, Limits, compact
from byline.flow.progress import KEPT, load_progress, read_on
from flow import test_git_operations, test_text_moves
from flow.test_killed import dies_at
from story import Story, show
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable

    from byline.flow.attest import AttestReport
    from byline.flow.resolve import Resolved

AT_ONCE = Limits(max_journal=0, kept_journal=0, seen=30 * 24 * HOUR, put=0)
NOTHING_STAYS = Limits(max_journal=0, kept_journal=0, seen=0, put=0)


@dataclass
class Compacting(Story):
    """A story in which the journal is compacted whenever it was folded."""

    limits: Limits = AT_ONCE

    def compact(self) -> Compacted | None:
        with self.workshop(signs=False) as workshop:
            return compact(workshop, at=time.time_ns() + HOUR, limits=self.limits)

    def attest(self) -> AttestReport:
        report = super().attest()
        self.compact()
        return report

    def resolve(self, rev: str | None, name: str | bytes) -> Resolved:
        found = super().resolve(rev, name)
        self.compact()
        assert super().resolve(rev, name) == found
        return found

    @property
    def place(self) -> Path:
        return self.scratch.path / ".git/byline"


def begin(folder: Path, *, limits: Limits = AT_ONCE, eager: bool = True) -> Compacting:
    story = Compacting.begin(folder, declares=True, eager=eager)
    assert isinstance(story, Compacting)
    story.limits = limits
    return story


NAMES = {
    *("amend", "fixup_and_autosquash", "rebase_through_a_conflict", "rebase_aborted", "pick_without_commit", "squash_merge_here"),
    *("merge_through_a_conflict", "reset_soft", "reset_hard_and_back", "stash_pop", "stash_on_another_base", "stash_with_untracked_files"),
    *("switch_with_changes", "restore_a_part", "a_function_moved_down", "two_agents_and_a_person", "code_moved_over_two_commits"),
    *("undone_before_the_commit", "an_agents_text_deleted_and_typed_again", "an_agents_rename_with_an_edit"),
}
STORIES = tuple(each for each in (*test_git_operations.STORIES, *test_text_moves.STORIES) if each.__name__ in NAMES)


@pytest.mark.parametrize("operation", STORIES, ids=lambda each: each.__name__)
def test_every_line_keeps_its_author_though_nothing_but_what_is_pending_stays(operation: Callable[[Tale], None], tmp_path: Path) -> None:
    """As if all of it had been seen long ago, after every step."""
    tale = Tale(begin(tmp_path, limits=NOTHING_STAYS))
    operation(tale)
    tale.check()


def grown(story: Compacting, number: int) -> str:
    """Let the agent add a line to a file that is committed now and then, and the journal be folded; return whose the lines are."""
    text = "".join(f"ai_{each} = call({each})\n" for each in range(number))
    story.agent_writes("a.py", text)
    story.agent_writes(f"other{number % 3}.py", text[::-1])
    if number % 4 == 0:
        story.commit()
        Story.attest(story)
    return show(Story.resolve(story, None, "a.py"))


def test_killed_between_any_two_calls_a_compaction_takes_nothing_that_is_needed(tmp_path: Path) -> None:
    story = begin(tmp_path, limits=NOTHING_STAYS, eager=False)
    number, died = 0, True
    while died:
        number += 1
        expected = grown(story, number)
        assert expected == " | ".join(f"ai ai_{each} = call({each})" for each in range(number))
        died = dies_at(number, story.compact)
        assert show(Story.resolve(story, None, "a.py")) == expected
    assert number > 20
    assert (story.place / KEPT).exists()
    assert list(story.place.glob(".*")) == []
    assert story.blame("HEAD", "a.py").count("ai ai_") > 5


def test_what_is_folded_goes_and_what_is_pending_stays(tmp_path: Path) -> None:
    story = begin(tmp_path, limits=NOTHING_STAYS)
    for number in range(1, 30):
        story.agent_writes("done.py", "".join(f"ai_{each} = call({each})\n" for each in range(number)))
    story.agent_writes("stashed.py", "ai_1 = stashed(1)\n")
    story.commit("-q", add=False)
    story.git("stash", "push", "-q", "-u", "--", "stashed.py")
    story.commit()
    story.agent_writes("pending.py", "ai_1 = pending(1)\n")
    story.blame(None, "pending.py")
    kept = [path for path in (story.place / "contents").rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert read_events(story.place).events == ()
    assert sorted(path for _, path in load_progress(story.place).state.versions) == [b"pending.py", b"stashed.py"]
    assert story.compact() is None


def test_a_commit_that_no_hook_marked_and_nobody_attested_keeps_what_it_needs(tmp_path: Path) -> None:
    story = begin(tmp_path, limits=NOTHING_STAYS, eager=False)
    story.commit()
    story.attest()
    story.remove_hooks()
    story.agent_writes("a.py", "ai_1 = call(1)\n")
    Story.resolve(story, None, "a.py")
    story.commit()
    done = story.compact()
    assert done
    assert (done.records > 0, done.contents, done.files) == (True, 0, 0)
    assert story.blame("HEAD", "a.py") == "ai ai_1 = call(1)"


def test_what_was_put_a_moment_ago_stays_for_its_record_may_be_on_the_way(tmp_path: Path) -> None:
    story = begin(tmp_path, limits=replace(NOTHING_STAYS, put=HOUR))
    story.agent_writes("a.py", "ai_1 = call(1)\n")
    story.commit()
    contents = Contents(story.place)
    young = contents.put(b"the record comes later\n")
    old = contents.put(b"nobody needs it\n")
    os.utime(story.place / "contents" / old[:2] / old[2:], (0, 0))
    again = contents.put(b"nobody needed it, and now somebody does\n")
    os.utime(story.place / "contents" / again[:2] / again[2:], (0, 0))
    contents.put(b"nobody needed it, and now somebody does\n")
    assert contents.drop((), before=time.time_ns() - HOUR) == 1
    assert [contents.has(each) for each in (young, old, again)] == [True, False, True]


def test_a_record_that_cannot_be_read_is_a_loss_when_it_goes(tmp_path: Path) -> None:
    story = begin(tmp_path)
    story.agent_writes("a.py", "ai_1 = call(1)\n")
    Story.resolve(story, None, "a.py")
    with (story.place / "journal").open("ab") as journal:
        journal.write(b'{"torn\n')
    story.agent_writes("a.py", "ai_1 = call(1)\nai_2 = call(2)\n")
    assert story.blame(None, "a.py") == "ai ai_1 = call(1) | ai ai_2 = call(2)"
    assert [(loss.code, loss.message) for loss in read_losses(story.place)] == [(LossCode.TORN, "a record of 6 bytes that cannot be read")]


def test_who_reads_while_it_is_cut_reads_the_kept_state(tmp_path: Path) -> None:
    """A reader takes no lock that an attester holds: between its two looks the journal may be another one."""
    story = begin(tmp_path)
    story.agent_writes("a.py", "ai_1 = call(1)\n")
    before = load_progress(story.place)
    Story.resolve(story, None, "a.py")
    story.compact()
    progress, reading = read_on(story.place, before)
    assert (progress.cursor, reading.events) == (load_progress(story.place).cursor, ())


def test_without_the_state_the_kept_one_counts_and_without_both_the_lines_are_unknown(tmp_path: Path) -> None:
    story = begin(tmp_path)
    story.agent_writes("a.py", "ai_1 = call(1)\n")
    story.blame(None, "a.py")
    (story.place / "state.json").write_text("{}")
    assert story.blame(None, "a.py") == "ai ai_1 = call(1)"
    (story.place / "state.json").unlink()
    (story.place / KEPT).unlink()
    assert story.blame(None, "a.py") == "unknown ai_1 = call(1)"


STEPS = (
    *("ai", "ai", "human", "ai over", "commit", "commit", "partial", "amend", "stash", "pop", "hard", "soft", "branch", "rebase", "pick"),
    *("undo", "rename", "gc", "prune"),
)


@dataclass
class Walk:
    """A tale of single steps, each of which any history may take next; what git refuses is skipped."""

    tale: Tale

    def step(self, name: str, at: int) -> None:
        tale, file = self.tale, ("a.py", "b.py")[at % 2]
        match name:
            case "ai" | "human":
                tale.adds(name, file, at=0 if at % 3 == 0 else None, count=1 + at % 3)
            case "ai over":
                old = tale.read(file) if (self.story.scratch.path / file).exists() else []
                tale.put("ai", file, [*old[: at % 4], *tale.lines("ai", 2), *old[at % 4 + 2 :]])
            case "commit":
                self.git("add", "--all") and self.git("commit", "-qm", "saved")
                self.story.attest()
            case "partial":
                self.git("add", file) and self.git("commit", "-qm", "a part")
            case "undo":
                self.git("checkout", "-q", "--", file)
            case "rename":
                self.git("mv", file, f"{at}.py")
            case "branch":
                self.git("switch", "-q", "topic") or self.git("switch", "-qc", "topic")
            case "rebase":
                self.git("rebase", "-q", "main") or self.git("rebase", "--abort")
            case "pick":
                self.git("cherry-pick", "ORIG_HEAD") or self.git("cherry-pick", "--abort")
            case "prune":
                self.git("reflog", "expire", "--expire=now", "--all") and self.git("gc", "-q", "--prune=now")
            case _:
                self.git(*COMMANDS[name])

    @property
    def story(self) -> Story:
        return self.tale.story

    def git(self, *arguments: str) -> bool:
        return (
            subprocess.run(["git", *arguments], cwd=self.story.scratch.path, capture_output=True, check=False, timeout=60).returncode == 0
        )

    def answers(self) -> list[tuple[str | None, str, str]]:
        """Whose every line is, in HEAD and in the work tree."""
        disk = sorted(each.name for each in self.story.scratch.path.glob("*.py"))
        head = self.story.git("ls-tree", "-r", "--name-only", "HEAD").split()
        asked = [*((None, name) for name in disk), *(("HEAD", name) for name in head)]
        return [(rev, name, show(self.story.resolve(rev, name))) for rev, name in asked]


COMMANDS = {
    "amend": ("commit", "-qa", "--amend", "--no-edit"),
    "stash": ("stash", "-q", "-u"),
    "pop": ("stash", "pop", "-q"),
    "hard": ("reset", "-q", "--hard", "HEAD~1"),
    "soft": ("reset", "-q", "--soft", "HEAD~1"),
    "gc": ("gc", "-q", "--prune=now"),
}


@settings(max_examples=8, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=4, max_size=14))
def test_a_history_compacted_after_every_step_gives_the_answers_of_one_that_never_was(steps: list[tuple[str, int]]) -> None:
    """Text, owners and strength; the ids of commits and statements differ, for the two are made one after the other."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        plain, compacted = (Walk(Tale(story)) for story in (Story.begin(Path(one), declares=True), begin(Path(other))))
        for walk in (plain, compacted):
            walk.tale.start()
        for step in steps:
            for walk in (plain, compacted):
                walk.step(*step)
            assert plain.answers() == compacted.answers()
