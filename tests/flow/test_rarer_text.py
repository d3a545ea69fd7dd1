# SPDX-License-Identifier: Apache-2.0
"""The rarer ways in which text is made over, copied, undone: each line still has its author (who is named in the line itself)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable

RUFF = str(Path(sys.executable).with_name("ruff"))
UGLY = "def {who}_1( first,second ):\n  return [ {who}_2( first,'some words' ),second ,{{ 'key':first }} ]\n"
PROSE = "{who}_1 wrote {words} and then {words} and after all that {words} as one long line of prose that {who}_2 would break\n"


def text(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def a_formatter_in_a_hook_before_the_commit(tale: Tale) -> None:
    """Both had a part in the file, and the hook has the last word."""
    hook = tale.story.scratch.write(".git/hooks/pre-commit", f"#!/bin/sh\n{RUFF} format --quiet --isolated a.py && git add a.py\n")
    hook.chmod(0o755)
    tale.story.person_types("a.py", UGLY.format(who="human"))
    tale.commit()
    tale.story.agent_writes("a.py", "\n".join(tale.read("a.py")) + "\n\n\n" + UGLY.format(who="ai"))
    tale.commit()
    assert "first, second" in "\n".join(tale.read("a.py"))


def a_formatter_after_each_write_of_the_agents(tale: Tale) -> None:
    """As editors and agents do it on save: between two writes of the agent's, without a record of its own."""
    tale.story.person_types("a.py", UGLY.format(who="human"))
    tale.commit()
    for number in (1, 2):
        tale.story.agent_writes("a.py", "\n".join(tale.read("a.py")) + "\n\n\n" + UGLY.format(who=f"ai_{number}00 = ai"))
        tale.shell(f"{RUFF} format --quiet --isolated a.py || sed -i 's/( /(/' a.py")
    tale.commit()


def prose_wrapped_by_a_tool(tale: Tale) -> None:
    """`fmt` breaks lines and changes no word, whoever runs it."""
    for who in ("ai", "human"):
        tale.put(who, f"{who}.txt", PROSE.format(who=who, words="a number of rather different words").splitlines())
    tale.commit()
    tale.shell("fmt -w 60 ai.txt >x && mv x ai.txt")
    tale.runs("fmt -w 60 human.txt >x && mv x human.txt")
    tale.commit()
    assert len(tale.read("ai.txt")) == len(tale.read("human.txt")) > 2


def tabs_made_by_a_tool(tale: Tale) -> None:
    tale.put("ai", "a.py", ["if ai_1:", "        ai_2 = two(2)", "        if ai_3:", "                ai_4 = four(4)"])
    tale.put("human", "b.py", ["if human_1:", "        human_2 = two(2)", "        if human_3:", "                human_4 = four(4)"])
    tale.commit()
    tale.shell("unexpand --first-only a.py >x && mv x a.py")
    tale.runs("unexpand --first-only b.py >x && mv x b.py")
    tale.commit()


def line_ends_there_and_back(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.agent_writes("a.py", text(lines).replace("\n", "\r\n"))
    tale.commit()
    tale.story.person_types("a.py", text(lines))
    tale.commit()
    tale.story.person_types("a.py", text(lines).replace("\n", "\r\n"))
    tale.commit()
    tale.story.agent_writes("a.py", text(lines, tale.lines("ai", 2)))
    tale.commit()


def a_function_copied_to_another_file(tale: Tale) -> None:
    """The words are the agent's, wherever a person puts them; in the next commit as in the same."""
    agents = tale.lines("ai", 4)
    tale.put("ai", "a.py", agents)
    tale.story.person_types("b.py", text(tale.lines("human", 2), agents))
    tale.commit()
    tale.story.person_types("c.py", text(agents, tale.lines("human", 2)))
    tale.commit()


def undone_and_done_again(tale: Tale) -> None:
    tale.start()
    before = tale.read("a.py")
    tale.adds("ai", "a.py", at=2)
    after = tale.read("a.py")
    tale.story.person_types("a.py", text(before))
    tale.story.person_types("a.py", text(after))
    tale.adds("human", "a.py")
    tale.commit()


def undone_by_the_agent(tale: Tale) -> None:
    tale.start()
    before = tale.read("a.py")
    tale.put("ai", "a.py", tale.lines("ai", 5))
    tale.put("ai", "a.py", before)
    tale.adds("human", "a.py", at=1)
    tale.commit()


def a_file_emptied_and_filled_again(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.agent_writes("a.py", "")
    tale.commit()
    tale.story.agent_writes("a.py", text(lines, tale.lines("ai", 2)))
    tale.commit()


def a_last_newline_that_comes_and_goes(tale: Tale) -> None:
    tale.story.agent_writes("a.py", "ai_1 = one(1)\nai_2 = two(2)")
    tale.story.person_types("b.py", "human_1 = one(1)\nhuman_2 = two(2)\n")
    tale.commit()
    for ending in ("\n", "", "\n"):
        tale.story.person_types("a.py", "ai_1 = one(1)\nai_2 = two(2)" + ending)
        tale.story.agent_writes("b.py", "human_1 = one(1)\nhuman_2 = two(2)" + ending)
        tale.commit()


def two_agents_and_a_person_before_one_commit(tale: Tale) -> None:
    """The other one reports through the generic intake, the person to nobody."""
    tale.start()
    other = {"kind": "ai", "agent": "robot"}
    tale.adds("ai", "a.py", at=0)
    tale.adds("human", "a.py", at=6)
    for place in (3, 9):
        tale.story.tells("before", "a.py", other)
        lines = tale.read("a.py")
        tale.story.person_types("a.py", text(lines[:place], tale.lines("ai", 2), lines[place:]))
        tale.story.tells("after", "a.py", other)
    tale.adds("human", "a.py")
    tale.adds("ai", "a.py", at=5, count=1)
    tale.commit()


def one_line_without_end(tale: Tale) -> None:
    """A bundle of a web page, say: a person changes a word in the middle of it."""
    line = " ".join(f"word{number}" for number in range(30_000))
    tale.put("ai", "a.js", [f"ai_1 = {line}"])
    tale.put("human", "b.js", [f"human_1 = {line}"])
    tale.commit()
    tale.put("human", "a.js", [f"mixed_1 = {line}"])
    tale.put("ai", "b.js", [f"mixed_1 = {line}"])
    tale.commit()


def text_that_was_no_text_for_a_while(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines) + "\0")
    tale.commit()
    tale.story.person_types("a.py", text(lines))
    tale.commit()


STORIES: tuple[Callable[[Tale], None], ...] = (
    *(a_formatter_in_a_hook_before_the_commit, a_formatter_after_each_write_of_the_agents, prose_wrapped_by_a_tool, tabs_made_by_a_tool),
    *(line_ends_there_and_back, a_function_copied_to_another_file, undone_and_done_again),
    *(undone_by_the_agent, a_file_emptied_and_filled_again, a_last_newline_that_comes_and_goes),
    *(two_agents_and_a_person_before_one_commit, one_line_without_end, text_that_was_no_text_for_a_while),
)


@pytest.mark.parametrize("is_eager", [True, False], ids=["eager", "lazy"])
@pytest.mark.parametrize("change", STORIES, ids=lambda each: each.__name__)
def test_every_line_keeps_its_author(change: Callable[[Tale], None], tmp_path: Path, *, is_eager: bool) -> None:
    tale = Tale(Story.begin(tmp_path, declares=True, eager=is_eager))
    change(tale)
    tale.check()
