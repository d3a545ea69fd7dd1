# SPDX-License-Identifier: Apache-2.0
"""What happens in git, and that the attribution holds: each story is asked here and in a fresh clone that has the claims only.

`eager` attests after each commit, `lazy` only when somebody asks: the answer is the same.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from story import Story

if TYPE_CHECKING:
    from pathlib import Path

AGENT = "def g():\n    answer = compute(2)\n    return answer\n"
PERSON = "def f():\n    value = fetch(1)\n    return value\n"
SHOWN_AGENT = "ai def g(): | ai answer = compute(2) | ai return answer"
GUESSED_AGENT = "ai? def g(): | ai? answer = compute(2) | ai? return answer"
SHOWN_PERSON = "human def f(): | human value = fetch(1) | human return value"


@pytest.fixture(params=["eager", "lazy"])
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Story:
    """Begin a story whose person declares their own lines."""
    return Story.begin(tmp_path, declares=True, eager=request.param == "eager")


def both(story: Story, name: str, expected: str, rev: str = "HEAD") -> None:
    """The same answer here and elsewhere."""
    assert story.blame(rev, name) == expected
    assert story.elsewhere(rev, name) == expected


def grown(story: Story) -> None:
    """A person's function, committed, then an agent's under it, committed."""
    story.person_types("a.py", PERSON)
    story.commit()
    story.agent_writes("a.py", PERSON + AGENT)
    story.commit()


def test_commit(story: Story) -> None:
    grown(story)
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_the_work_tree_before_any_commit(story: Story) -> None:
    story.agent_writes("a.py", AGENT)
    assert story.blame(None, "a.py") == SHOWN_AGENT


def test_the_work_tree_when_a_person_went_on(story: Story) -> None:
    """Nobody recorded the new line, so it is unknown until it is committed; what the agent wrote is still its own."""
    story.agent_writes("a.py", AGENT)
    story.person_types("a.py", "# mine\n" + AGENT)
    assert story.blame(None, "a.py") == f"unknown # mine | {SHOWN_AGENT}"
    story.commit()
    both(story, "a.py", f"human # mine | {SHOWN_AGENT}")


def test_partial_staging_takes_what_is_staged_and_leaves_the_rest(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.agent_writes("a.py", "import agents\n" + PERSON + AGENT)
    blob = subprocess.run(
        ["git", "-C", str(story.scratch.path), "hash-object", "-w", "--stdin"],
        input=(PERSON + AGENT).encode(),
        capture_output=True,
        check=True,
    )
    story.git("update-index", "--cacheinfo", f"100644,{blob.stdout.decode().strip()},a.py")
    story.commit(add=False)
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")
    story.commit()
    both(story, "a.py", f"ai import agents | {SHOWN_PERSON} | {SHOWN_AGENT}")


def test_amend(story: Story) -> None:
    grown(story)
    story.person_types("b.py", "other = thing\n")
    story.commit("--amend")
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")
    both(story, "b.py", "human other = thing")


def test_amend_where_no_hook_runs(story: Story) -> None:
    grown(story)
    story.attest()
    story.remove_hooks()
    story.commit("--amend", "--no-edit")
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_a_commit_that_no_hook_marked_is_swept(story: Story) -> None:
    story.person_types("z.py", "first = 1\n")
    story.commit()
    story.remove_hooks()
    story.agent_writes("a.py", AGENT)
    story.commit()
    both(story, "a.py", SHOWN_AGENT)


@pytest.mark.parametrize("moved_on", [False, True])
def test_squash_on_a_server(story: Story, *, moved_on: bool) -> None:
    """Nobody runs a hook there; the branch is thrown away afterwards."""
    story.person_types("a.py", PERSON)
    story.commit()
    story.git("switch", "-q", "-c", "topic")
    story.agent_writes("a.py", PERSON + AGENT)
    story.commit()
    story.person_types("a.py", PERSON + AGENT + "done = True\n")
    story.commit()
    story.attest()
    story.remove_hooks()
    story.git("switch", "-q", "main")
    top = ""
    if moved_on:
        top = "unknown # header of the project | "
        story.person_types("a.py", "# header of the project\n" + PERSON)
        story.git("commit", "-qam", "moved on")
    story.git("merge", "--squash", "-q", "topic")
    story.git("commit", "-qm", "squashed")
    story.git("branch", "-qD", "topic")
    story.git("update-ref", "-d", "ORIG_HEAD")
    last = "human? done = True" if moved_on else "human done = True"
    assert story.elsewhere("main", "a.py") == f"{top}{SHOWN_PERSON} | {SHOWN_AGENT} | {last}"


def test_rename(story: Story) -> None:
    grown(story)
    story.git("mv", "a.py", "b.py")
    story.commit()
    both(story, "b.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_rename_with_an_edit(story: Story) -> None:
    grown(story)
    story.git("mv", "a.py", "b.py")
    story.agent_writes("b.py", "import agents\n" + PERSON + AGENT)
    story.commit()
    both(story, "b.py", f"ai import agents | {SHOWN_PERSON} | {SHOWN_AGENT}")


def test_rename_before_the_first_commit(story: Story) -> None:
    story.agent_writes("a.py", AGENT)
    (story.scratch.path / "a.py").rename(story.scratch.path / "b.py")
    story.commit()
    both(story, "b.py", GUESSED_AGENT)


def test_two_files_swap_their_names(story: Story) -> None:
    story.person_types("p.py", PERSON)
    story.agent_writes("g.py", AGENT)
    story.commit()
    story.git("mv", "p.py", "t.py")
    story.git("mv", "g.py", "p.py")
    story.git("mv", "t.py", "g.py")
    story.commit()
    both(story, "p.py", SHOWN_AGENT)
    both(story, "g.py", SHOWN_PERSON)


def test_deletion_and_return(story: Story) -> None:
    grown(story)
    story.git("rm", "-q", "a.py")
    story.commit()
    story.git("checkout", "-q", "HEAD~1", "--", "a.py")
    story.commit()
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_deleted_lines_leave_their_neighbours_alone(story: Story) -> None:
    grown(story)
    story.agent_writes("a.py", PERSON.replace("    value = fetch(1)\n", "") + AGENT)
    story.commit()
    both(story, "a.py", f"human def f(): | human return value | {SHOWN_AGENT}")


def test_rebase(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.git("switch", "-q", "-c", "topic")
    story.agent_writes("a.py", PERSON + AGENT)
    story.commit()
    story.git("switch", "-q", "main")
    story.person_types("a.py", "# head\n" + PERSON)
    story.commit()
    story.git("switch", "-q", "topic")
    story.git("rebase", "-q", "main")
    both(story, "a.py", f"human # head | {SHOWN_PERSON} | {SHOWN_AGENT}")


def test_cherry_pick(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.git("switch", "-q", "-c", "topic")
    story.agent_writes("a.py", PERSON + AGENT)
    picked = story.commit()
    story.git("switch", "-q", "main")
    story.git("cherry-pick", picked)
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_merge(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.git("switch", "-q", "-c", "topic")
    story.agent_writes("a.py", PERSON + AGENT)
    story.commit()
    story.git("switch", "-q", "main")
    story.person_types("a.py", "# head\n" + PERSON)
    story.commit()
    story.git("merge", "-q", "--no-edit", "topic")
    both(story, "a.py", f"human # head | {SHOWN_PERSON} | {SHOWN_AGENT}")


def test_reset_and_commit_again(story: Story) -> None:
    grown(story)
    story.git("reset", "-q", "--soft", "HEAD~1")
    story.commit()
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_stash_and_pop(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.agent_writes("a.py", PERSON + AGENT)
    story.git("stash", "-q")
    story.person_types("b.py", "between = 1\n")
    story.commit()
    story.git("stash", "pop", "-q")
    story.commit()
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_a_linked_work_tree(story: Story, tmp_path: Path) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    linked = tmp_path / "linked"
    story.git("worktree", "add", "-q", "-b", "topic", str(linked))
    main, story.scratch = story.scratch, type(story.scratch)(linked)
    story.agent_writes("a.py", PERSON + AGENT)
    assert story.blame(None, "a.py") == f"{SHOWN_PERSON} | {SHOWN_AGENT}"
    story.commit()
    story.scratch = main
    assert story.blame("topic", "a.py") == f"{SHOWN_PERSON} | {SHOWN_AGENT}"


def test_code_moved_to_another_file(story: Story) -> None:
    grown(story)
    story.person_types("b.py", AGENT)
    story.person_types("a.py", PERSON)
    story.commit()
    both(story, "b.py", GUESSED_AGENT)


def test_line_ends_and_indentation_leave_the_owner(story: Story) -> None:
    grown(story)
    story.person_types("a.py", (PERSON + AGENT).replace("\n", "\r\n").replace("    ", "\t"))
    story.commit()
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_an_agent_changes_a_persons_line(story: Story) -> None:
    """More than half of its words are the person's: both are named."""
    story.person_types("a.py", "total = price * count + shipping\n")
    story.commit()
    story.agent_writes("a.py", "total = price * count + shipping + tax\n")
    story.commit()
    both(story, "a.py", "mixed total = price * count + shipping + tax")


def test_what_a_reset_threw_away_and_a_person_typed_again(story: Story) -> None:
    """Two claims for one content: the one for the commit in question counts. Here the words are the agent's either way."""
    story.person_types("a.py", PERSON)
    story.commit()
    story.agent_writes("a.py", PERSON + AGENT)
    story.commit()
    story.git("revert", "--no-edit", "HEAD")
    story.git("revert", "--no-edit", "HEAD")
    both(story, "a.py", f"{SHOWN_PERSON} | {SHOWN_AGENT}")


def test_without_a_declaration_nobody_is_human(tmp_path: Path) -> None:
    story = Story.begin(tmp_path, declares=False)
    grown(story)
    both(story, "a.py", f"unknown def f(): | unknown value = fetch(1) | unknown return value | {SHOWN_AGENT}")


def test_lines_from_before_the_declaration_stay_unknown(tmp_path: Path) -> None:
    story = Story.begin(tmp_path, declares=False)
    story.person_types("a.py", PERSON)
    story.commit()
    story.declares = True
    story.person_types("a.py", PERSON + "more = 1\n")
    story.commit()
    both(story, "a.py", "unknown def f(): | unknown value = fetch(1) | unknown return value | human more = 1")


def test_the_generic_intake(story: Story) -> None:
    story.tells("before", "a.py", {"kind": "ai", "agent": "robot"})
    story.person_types("a.py", AGENT)
    story.tells("after", "a.py", {"kind": "ai", "agent": "robot"})
    story.commit()
    both(story, "a.py", SHOWN_AGENT)
