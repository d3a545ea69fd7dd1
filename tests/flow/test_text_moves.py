# SPDX-License-Identifier: Apache-2.0
"""Every way in which text moves or is made over, and each line still has its author (who is named in the line itself)."""

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
UGLY = """def {who}_1( first,second ):
  return {who}_2( first,"a long enough argument to be wrapped by a formatter",second,first+second,[first,second] )
class {who}_3 :
  {who}_4={{"one":1,
     "two":2 }}
"""


def text(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def a_formatter_over_an_agents_code(tale: Tale) -> None:
    """It changes the quotes, too."""
    tale.story.agent_writes("a.py", UGLY.format(who="ai").replace('"', "'"))
    tale.commit()
    tale.git("-c", f"alias.tidy=!{RUFF} format --quiet --isolated", "tidy")
    tale.commit()


def a_formatter_before_the_first_commit(tale: Tale) -> None:
    tale.story.agent_writes("a.py", UGLY.format(who="ai"))
    tale.git("-c", f"alias.tidy=!{RUFF} format --quiet --isolated", "tidy")
    tale.commit()


def an_agent_runs_a_formatter_over_a_persons_code(tale: Tale) -> None:
    tale.story.person_types("a.py", UGLY.format(who="human"))
    tale.commit()
    tale.runs(f"{RUFF} format --quiet --isolated a.py")
    tale.commit()


def an_agents_edit_and_its_formatter_in_a_persons_file(tale: Tale) -> None:
    tale.story.person_types("a.py", UGLY.format(who="human"))
    tale.commit()
    tale.adds("ai", "a.py")
    tale.runs(f"{RUFF} format --quiet --isolated a.py")
    tale.commit()


def a_shell_command_of_the_agents_writes(tale: Tale) -> None:
    tale.start()
    tale.runs("printf 'ai_101 = generated(1)\\nai_102 = generated(2)\\n' > generated.py; printf 'ai_103 = more(3)\\n' >> a.py")
    tale.adds("human", "a.py", at=0)
    tale.commit()


def a_stream_editor_of_the_agents(tale: Tale) -> None:
    tale.story.person_types("a.py", "human_1 = first_value\nx = 1\nhuman_2 = second_value\n")
    tale.commit()
    tale.runs("sed -i 's/^x = 1$/ai_3 = entirely_different_words(here)/' a.py")
    tale.commit()


def line_ends_by_a_setting(tale: Tale) -> None:
    tale.git("config", "core.autocrlf", "true")
    tale.story.person_types("a.py", text(tale.lines("human", 4)).replace("\n", "\r\n"))
    tale.commit()
    tale.story.agent_writes("a.py", (text(tale.read("a.py"), tale.lines("ai", 4))).replace("\n", "\r\n"))
    tale.adds("ai", "b.py")
    tale.commit()


def line_ends_by_an_attribute(tale: Tale) -> None:
    tale.story.person_types(".gitattributes", "*.py text eol=crlf\n")
    tale.commit()
    tale.story.agent_writes("a.py", text(tale.lines("ai", 4)).replace("\n", "\r\n"))
    tale.commit()
    tale.story.person_types("a.py", text(tale.lines("human", 2), tale.read("a.py")).replace("\n", "\r\n"))
    tale.commit()


def a_filter_of_an_attribute(tale: Tale) -> None:
    """The blob is other text than the agent's, made of it by a program of the committer's; what a person types among it, nobody knows."""
    tale.git("config", "filter.shout.clean", "tr 'a-z' 'A-Z' | sed -e 's/^AI_/ai_/' -e 's/^HUMAN_/human_/'")
    tale.story.person_types(".gitattributes", "*.up filter=shout\n")
    tale.commit()
    tale.story.person_types("a.up", text(tale.lines("human", 2)))
    tale.story.agent_writes("b.up", text(tale.lines("ai", 2)))
    tale.commit()
    tale.story.agent_writes("a.up", text(tale.read("a.up"), tale.lines("ai", 3)))
    tale.commit()
    tale.types("b.up", at=1)
    tale.lost |= {line.split(" ")[0] for line in tale.read("b.up") if line.startswith("human")}
    tale.story.agent_writes("b.up", text(tale.read("b.up"), tale.lines("ai", 1)))
    tale.commit()


def an_encoding_in_the_work_tree(tale: Tale) -> None:
    """On disk it is UTF-16, which has no lines to speak of; what git commits has."""
    tale.story.person_types(".gitattributes", "*.txt working-tree-encoding=UTF-16LE\n")
    tale.commit()
    old = tale.lines("human", 2)
    tale.story.person_types("a.txt", text(old).encode("utf-16-le"))
    tale.commit()
    tale.story.agent_writes("a.txt", text(old, tale.lines("ai", 2)).encode("utf-16-le"))
    tale.commit()


def a_filter_that_fails(tale: Tale) -> None:
    """What it would have made cannot be told, and the commit is attested all the same."""
    tale.git("config", "filter.gone.clean", "tr 'a-z' 'A-Z' | sed -e 's/^AI_/ai_/'")
    tale.git("config", "filter.gone.required", "true")
    tale.story.person_types(".gitattributes", "*.up filter=gone\n")
    tale.commit()
    tale.story.agent_writes("a.up", text(tale.lines("ai", 2)))
    tale.lost |= {line.split(" ")[0] for line in tale.read("a.up")}
    tale.git("add", "--all")
    tale.git("commit", "-qm", "with a filter that is gone since")
    tale.git("config", "filter.gone.clean", "false")


def another_encoding(tale: Tale) -> None:
    tale.story.person_types("a.py", "human_1 = 'gr\xfc\xdfe'\nhuman_2 = 'h\xf6flich'\n".encode("latin-1"))
    tale.commit()
    tale.story.agent_writes(
        "a.py", "human_1 = 'gr\xfc\xdfe'\nhuman_2 = 'h\xf6flich'\nai_3 = 'm\xe4\xdfig, aber lang genug'\n".encode("latin-1")
    )
    tale.commit()


def no_newline_at_the_end(tale: Tale) -> None:
    tale.story.agent_writes("a.py", "ai_1 = one(1)\nai_2 = two(2)")
    tale.commit()
    tale.story.person_types("a.py", "ai_1 = one(1)\nai_2 = two(2)\nhuman_3 = three(3)")
    tale.commit()


def tabs_and_trailing_white_space(tale: Tale) -> None:
    tale.story.agent_writes("a.py", "if ai_1:\n        ai_2 = two(2)  \n        ai_3 = three(3)\t\n")
    tale.commit()
    tale.story.person_types("a.py", "if ai_1:\n\tai_2 = two(2)\n\tai_3 = three(3)\nhuman_4 = 4\n")
    tale.commit()


def a_block_indented(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(["if human_900:"], [f"    {line}" for line in lines]))
    tale.commit()


def functions_in_another_order(tale: Tale) -> None:
    tale.start()
    tale.adds("human", "a.py", count=4)
    tale.commit()
    lines = tale.read("a.py")
    tale.story.agent_writes("a.py", text(lines[8:], lines[4:8], lines[:4]))
    tale.commit()


def code_moved_to_another_file(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("b.py", text(lines[4:]))
    tale.story.person_types("a.py", text(lines[:4]))
    tale.commit()


def code_moved_by_an_agent(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.agent_writes("a.py", text(lines[4:]))
    tale.story.agent_writes("b.py", text(lines[:4], tale.lines("ai", 2)))
    tale.commit()


def code_moved_over_two_commits(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines[:4]))
    tale.commit()
    tale.story.person_types("b.py", text(lines[4:]))
    tale.commit()


def an_agents_text_deleted_and_typed_again(tale: Tale) -> None:
    """The very words are the agent's, whoever's fingers brought them back."""
    tale.start()
    lines = tale.read("a.py")
    tale.story.person_types("a.py", text(lines[:4]))
    tale.commit()
    tale.story.person_types("a.py", text(lines))
    tale.commit()


def undone_before_the_commit(tale: Tale) -> None:
    tale.start()
    lines = tale.read("a.py")
    tale.adds("ai", "a.py", at=2)
    tale.story.person_types("a.py", text(lines))
    tale.adds("human", "a.py")
    tale.commit()


def one_word_of_an_agents_line_changed_by_a_person(tale: Tale) -> None:
    tale.story.agent_writes("a.py", "mixed_1 = price * count + shipping + tax\nai_2 = other(thing)\n")
    tale.commit()
    tale.story.person_types("a.py", "mixed_1 = price * count + shipping + fee\nai_2 = other(thing)\n")
    tale.commit()


def one_word_changed_before_the_first_commit(tale: Tale) -> None:
    tale.story.agent_writes("a.py", "mixed_1 = price * count + shipping + tax\nai_2 = other(thing)\n")
    tale.story.person_types("a.py", "mixed_1 = price * count + shipping + fee\nai_2 = other(thing)\n")
    tale.commit()


def a_persons_lines_replaced_by_an_agent(tale: Tale) -> None:
    tale.story.person_types("a.py", "human_1 = first(thing)\nold = 1\nhuman_2 = last(thing)\n")
    tale.commit()
    tale.story.agent_writes("a.py", "human_1 = first(thing)\nai_3 = brand(new, words)\nhuman_2 = last(thing)\n")
    tale.commit()


def an_agents_rename_with_an_edit(tale: Tale) -> None:
    tale.start()
    tale.runs("git mv a.py b.py")
    tale.adds("ai", "b.py", at=4)
    tale.commit()


def blank_lines_and_brackets_between(tale: Tale) -> None:
    tale.story.person_types("a.js", "function human_1() {\n\n  human_2();\n\n}\n")
    tale.commit()
    tale.story.agent_writes("a.js", "function human_1() {\n\n  human_2();\n\n}\n\nfunction ai_3() {\n\n  ai_4();\n\n}\n")
    tale.commit()
    tale.story.person_types("a.js", "function ai_3() {\n\n  ai_4();\n\n}\n\nfunction human_1() {\n\n  human_2();\n\n}\n")
    tale.commit()


STORIES: tuple[Callable[[Tale], None], ...] = (
    *(a_formatter_over_an_agents_code, a_formatter_before_the_first_commit, an_agent_runs_a_formatter_over_a_persons_code),
    *(an_agents_edit_and_its_formatter_in_a_persons_file, a_shell_command_of_the_agents_writes, a_stream_editor_of_the_agents),
    *(
        line_ends_by_a_setting,
        line_ends_by_an_attribute,
        a_filter_of_an_attribute,
        an_encoding_in_the_work_tree,
        a_filter_that_fails,
        another_encoding,
        no_newline_at_the_end,
    ),
    *(tabs_and_trailing_white_space, a_block_indented, functions_in_another_order, code_moved_to_another_file, code_moved_by_an_agent),
    *(code_moved_over_two_commits, an_agents_text_deleted_and_typed_again, undone_before_the_commit),
    *(
        one_word_changed_before_the_first_commit,
        one_word_of_an_agents_line_changed_by_a_person,
        a_persons_lines_replaced_by_an_agent,
        an_agents_rename_with_an_edit,
    ),
    *(blank_lines_and_brackets_between,),
)


@pytest.mark.parametrize("is_eager", [True, False], ids=["eager", "lazy"])
@pytest.mark.parametrize("change", STORIES, ids=lambda each: each.__name__)
def test_every_line_keeps_its_author(change: Callable[[Tale], None], tmp_path: Path, *, is_eager: bool) -> None:
    tale = Tale(Story.begin(tmp_path, declares=True, eager=is_eager))
    change(tale)
    tale.check()
