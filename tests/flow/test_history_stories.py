# SPDX-License-Identifier: Apache-2.0
"""What random histories found, as small as it gets: each was once shown as another's, or forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def text(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def serve(tale: Tale, name: str, *parts: list[str]) -> None:
    """Put `parts` into a file in a commit of a server's, that no claim knows."""
    tale.story.attest()
    tale.story.remove_hooks()
    tale.story.person_types(name, text(*parts))
    tale.git("add", name)
    tale.git("commit", "-qm", "on the server")
    tale.git("update-ref", "refs/remotes/origin/main", "HEAD")
    tale.story.install_hooks()


def an_agents_lines_copied_before_any_commit(tale: Tale) -> None:
    """No claim knows them yet; the journal does."""
    new = tale.adds("ai", "a.py")
    tale.story.person_types("b.py", text(tale.lines("human", 2), new))
    tale.commit()


def an_agents_lines_copied_within_their_file(tale: Tale) -> None:
    """A line diff finds one of the two places; the other is no less the agent's."""
    tale.start()
    tale.story.person_types("a.py", text(tale.read("a.py")[4:], tale.lines("human", 2), tale.read("a.py")))
    tale.commit()


def one_line_moved_within_its_file(tale: Tale) -> None:
    """A line diff keeps the longer part where it is; what went away and came back in one change is the same text."""
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines[:5], lines[6:], lines[5:6]))
    tale.commit()


def one_line_of_a_persons_moved_by_an_agent(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.agent_writes("a.py", text(lines[1:], lines[:1], tale.lines("ai")))
    tale.commit()


def an_agents_lines_moved_by_hand_and_then_the_agent_goes_on_there(tale: Tale) -> None:
    tale.start()
    new = tale.adds("ai", "b.py")
    (tale.story.scratch.path / "b.py").unlink()
    tale.story.person_types("a.py", text(tale.read("a.py"), new))
    tale.adds("ai", "a.py", at=0)
    tale.commit()


def an_agents_lines_that_a_person_tells_to_be_their_own(tale: Tale) -> None:
    tale.start()
    tale.story.tells("before", "b.py", {"kind": "human"})
    tale.story.person_types("b.py", text(tale.lines("human", 2), tale.read("a.py")[4:]))
    tale.story.tells("after", "b.py", {"kind": "human"})
    tale.commit()


def a_persons_lines_that_an_agent_made_over_in_a_commit_that_moves(tale: Tale) -> None:
    """The journal only found them; that the person declared them, the commit knows that this one was made from."""
    tale.start()
    tale.adds("human", "b.py", count=5)
    tale.story.agent_writes("b.py", text([line.replace(" = ", "=") for line in tale.read("b.py")]))
    tale.commit()
    tale.rewrite("1d", onto="HEAD~2")


def lines_that_nobody_knows_in_files_that_swap_their_names(tale: Tale) -> None:
    """Whoever moves what came from a server does not declare it."""
    tale.start()
    serve(tale, "b.py", tale.lines("unknown", 4))
    tale.adds("ai", "b.py", at=2, count=4)
    for old, new in (("b.py", "t.py"), ("a.py", "b.py"), ("t.py", "a.py")):
        tale.git("mv", old, new)
    tale.commit()


def what_an_agent_typed_again_of_a_server(tale: Tale) -> None:
    """Who takes a commit over by a fast-forward did not make it, so the journal says nothing of it."""
    tale.start()
    tale.story.attest()
    tale.story.remove_hooks()
    tale.git("switch", "-qc", "theirs")
    tale.story.person_types("a.py", text(tale.read("a.py"), tale.lines("unknown", 3)))
    tale.git("commit", "-qam", "on the server")
    tale.git("update-ref", "refs/remotes/origin/main", "HEAD")
    tale.git("switch", "-q", "main")
    tale.git("branch", "-qD", "theirs")
    tale.story.install_hooks()
    tale.git("merge", "-q", "--ff-only", "origin/main")
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines[:6]))
    tale.story.agent_writes("a.py", text(lines))


def a_file_of_a_servers_deleted_and_brought_back(tale: Tale) -> None:
    tale.start()
    serve(tale, "a.py", tale.read("a.py"), tale.lines("unknown", 2))
    tale.git("rm", "-q", "a.py")
    tale.commit()
    tale.git("checkout", "-q", "HEAD~1", "--", "a.py")
    tale.commit()


def a_version_of_a_servers_brought_back(tale: Tale) -> None:
    """The file was there all the time; what the person types beside it is theirs."""
    tale.start()
    serve(tale, "a.py", tale.lines("unknown", 2), tale.read("a.py"))
    tale.story.person_types("a.py", text(tale.lines("human"), tale.read("a.py")[2:]))
    tale.commit()
    tale.git("checkout", "-q", "HEAD~1", "--", "a.py")
    tale.adds("human", "a.py")
    tale.commit()


def a_line_of_nobodys_moved_to_another_file(tale: Tale) -> None:
    """However short it is: whoever moves it did not write it."""
    tale.start()
    serve(tale, "a.py", tale.lines("unknown", 2), tale.read("a.py"))
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines[1:]))
    tale.story.person_types("c.py", text(tale.lines("human", 2), lines[:1]))
    tale.commit()


def a_persons_commit_folded_into_another_persons(tale: Tale) -> None:
    """Asked lazily, the result is there already, by the other author and with the lines: it was made from the person's commit."""
    tale.start()
    tale.git("commit", "-q", "--allow-empty", "--author", "Other <other@example.invalid>", "-m", "another's")
    tale.git("switch", "-qc", "topic")
    tale.adds("human", "b.py")
    tale.commit()
    tale.rewrite("2s/pick/fixup/", onto="HEAD~2")


def what_a_person_types_after_a_rebase_that_ended_with_skip(tale: Tale) -> None:
    """Git leaves REBASE_HEAD behind, and nothing is in progress."""
    tale.collide(at=4)
    tale.git("switch", "-q", "topic")
    tale.git("rebase", "-q", "main", fails=True)
    tale.git("rebase", "--skip")
    tale.adds("human", "b.py")
    tale.commit()


STORIES: tuple[Callable[[Tale], None], ...] = (
    an_agents_lines_copied_before_any_commit,
    an_agents_lines_copied_within_their_file,
    one_line_moved_within_its_file,
    one_line_of_a_persons_moved_by_an_agent,
    an_agents_lines_moved_by_hand_and_then_the_agent_goes_on_there,
    an_agents_lines_that_a_person_tells_to_be_their_own,
    a_persons_lines_that_an_agent_made_over_in_a_commit_that_moves,
    lines_that_nobody_knows_in_files_that_swap_their_names,
    what_an_agent_typed_again_of_a_server,
    a_file_of_a_servers_deleted_and_brought_back,
    a_version_of_a_servers_brought_back,
    a_line_of_nobodys_moved_to_another_file,
    a_persons_commit_folded_into_another_persons,
    what_a_person_types_after_a_rebase_that_ended_with_skip,
)


@pytest.mark.parametrize("is_eager", [True, False], ids=["eager", "lazy"])
@pytest.mark.parametrize("history", STORIES, ids=lambda each: each.__name__)
def test_every_line_keeps_its_author(history: Callable[[Tale], None], tmp_path: Path, *, is_eager: bool) -> None:
    tale = Tale(Story.begin(tmp_path, declares=True, eager=is_eager))
    history(tale)
    tale.check()


def test_one_or_two_short_lines_are_nobodys_copy(tmp_path: Path) -> None:
    """Rule 8 gives them up on purpose: below three lines and 40 bytes, people and agents write the same."""
    story = Story.begin(tmp_path, declares=True)
    story.agent_writes("a.py", "x = one(1)\n")
    story.person_types("b.py", "x = one(1)\n")
    story.commit()
    assert story.blame("HEAD", "b.py") == "human x = one(1)"
