# SPDX-License-Identifier: Apache-2.0
"""An agent takes its changes back without a call of a tool (`/rewind`, `/restore`, `/undo`): text is whose it was when it stood there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from story import Story

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_restored_is_whose_it_was(tmp_path: Path, home: Path) -> None:  # noqa: ARG001 - the story needs one
    """No line of it is declared a person's, also where it was not committed and is restored after a commit."""
    story = Story.begin(tmp_path, declares=True)
    story.person_types("a.py", "typed = 1\n")
    story.person_types("b.py", "b = 1\nc = 1\n")
    story.commit()
    story.agent_writes("a.py", "typed = 1\nfirst = 1\n")
    story.agent_writes("a.py", "typed = 1\nsecond = 2\n")
    story.agent_writes("b.py", "c = 1\n")
    story.agent_writes("new.py", "n = 1\n")
    story.agent_writes("new.py", "m = 1\n")

    story.person_types("a.py", "typed = 1\nfirst = 1\n")
    story.person_types("b.py", "b = 1\nc = 1\n")
    story.person_types("new.py", "n = 1\n")
    story.commit()
    assert story.blame("HEAD", "a.py") == "human typed = 1 | ai first = 1"
    assert story.blame("HEAD", "b.py") == "human b = 1 | human c = 1"
    assert story.blame("HEAD", "new.py") == "ai n = 1"

    story.agent_writes("a.py", "typed = 1\nthird = 3\n")
    story.commit()
    story.person_types("a.py", "typed = 1\nsecond = 2\n")
    story.commit()
    assert story.blame("HEAD", "a.py") == story.elsewhere("HEAD", "a.py") == "human typed = 1 | ai second = 2"
