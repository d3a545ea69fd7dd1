# SPDX-License-Identifier: Apache-2.0
"""Who runs the programs that a user's filters name: the attester on what its own journal holds, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from story import Story, show

if TYPE_CHECKING:
    from pathlib import Path


def begin(tmp_path: Path, name: str) -> tuple[Story, Path]:
    """Begin a story with a filter `name` that leaves a trace of each run."""
    story = Story.begin(tmp_path, eager=False)
    trace = tmp_path / "trace"
    story.git("config", f"filter.{name}.clean", f"echo run >>'{trace}'; tr a-z A-Z")
    story.person_types(".gitattributes", f"*.up filter={name}\n")
    story.agent_writes("a.up", "one line of text\n")
    story.commit()
    story.person_types("a.up", "one line of text\nand another\n")
    trace.unlink()
    return story, trace


def test_to_read_runs_no_filter_and_to_attest_runs_it_on_the_journals_versions(tmp_path: Path) -> None:
    story, trace = begin(tmp_path, "shout")
    assert show(story.resolve("HEAD", "a.up")) == "unknown ONE LINE OF TEXT"
    assert show(story.resolve(None, "a.up")) == "ai one line of text | unknown and another"
    assert not trace.exists()
    story.attest()
    assert trace.read_text() == "run\n"
    copy = story.copy()
    assert story.ask_copy(copy, "HEAD", "a.up") == show(story.resolve("HEAD", "a.up")) == "ai ONE LINE OF TEXT"
    assert trace.read_text() == "run\n"


def test_nothing_of_what_was_cleaned_is_left_in_the_repository(tmp_path: Path) -> None:
    story, _ = begin(tmp_path, "shout")
    story.agent_writes("a.up", "other text\n")
    story.agent_writes("a.up", "other text\nin two lines\n")
    story.commit()
    story.attest()
    objects = story.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").split("\n")
    assert "OTHER TEXT" not in [story.git("cat-file", "blob", line.split()[0]) for line in objects if line.endswith("blob")]
    assert story.blame("HEAD", "a.up") == "ai OTHER TEXT | ai IN TWO LINES"


def test_the_filter_of_lfs_is_never_run_by_us_for_it_stores_what_it_cleans(tmp_path: Path) -> None:
    story, trace = begin(tmp_path, "lfs")
    assert story.blame("HEAD", "a.up") == "unknown ONE LINE OF TEXT"
    assert not trace.exists()
