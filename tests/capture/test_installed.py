# SPDX-License-Identifier: Apache-2.0
"""Byline as a person has it, whatever the files and the faults: what an agent was seen to do is the agent's."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest

from installed import Installed, run

if TYPE_CHECKING:
    from scratch import Scratch

NAMES = [
    b"a b.py", b"it's \"q\".py", b"line\nfeed.py", b"-dash.py", b"\xff\xfe.py", "süß/日本.py".encode(), b":(top)x", b"*.py", b"back\\slash",
]  # fmt: skip
TEXTS = {
    "latin1.py": b"caf\xe9\nna\xefve\n",
    "crlf.py": b"one\r\ntwo\r\n",
    "mixed-ends.py": b"one\r\ntwo\nthree",
    "no-newline.py": b"one",
    "blank.py": b"\n\n\n",
    "late-nul.py": b"text\n" * 3000 + b"\0",
    "long-line.py": b"x" * 300_000 + b"\n",
    "bom.py": b"\xef\xbb\xbfone\n",
    "other-ends.py": b"one\x0ctwo\rthree\x0bfour\nfive\xc2\x85six\xe2\x80\xa8seven\n",
}


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A repository with Byline, nothing committed."""
    return Installed.create(repository)


def test_a_path_is_bytes_before_the_first_commit_and_after(clone: Installed) -> None:
    for name in NAMES:
        clone.writes(name, b"one\n")
    clone.runs('for f in ./[!s]* ./-* ./süß/日本.py; do [ -f "$f" ] && echo two >> "$f"; done')
    assert clone.owners(b"./" + NAMES[4]) == ["ai", "ai"]
    clone.commit()
    shown = clone.byline("show").out
    assert shown.count("ai observed") == shown.count("claude-code") == len(NAMES)
    assert clone.owners(b"./" + NAMES[4], rev="HEAD") == ["ai", "ai"]
    assert clone.byline("verify").code == 0
    assert clone.losses() == []


@pytest.mark.parametrize("ends", ["false", "true"])
def test_every_line_of_any_text_keeps_its_writer(clone: Installed, ends: str) -> None:
    clone.scratch.git("config", "core.autocrlf", ends)
    for name, data in {**TEXTS, "binary": b"\0\1\2" * 100, "empty.py": b""}.items():
        clone.writes(name, data)
    clone.commit()
    shown = clone.byline("show").out
    if ends == "true":  # git stores other bytes than the agent wrote: text alone can tell
        shown = shown.replace("ai inferred", "ai observed")
    for name, data in TEXTS.items():
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        assert f"add     {name}  +{lines} ai observed (claude-code)\n" in shown
    assert clone.owners("binary") == clone.owners("empty.py") == []
    assert clone.losses() == []


def test_a_full_disk_never_makes_an_agents_lines_a_persons(clone: Installed) -> None:
    """A limit on the size of files stands for the disk. The commit is made, its statement waits until what the agent said is written."""
    text = random.Random(1).randbytes(200_000).hex().encode() + b"\n"
    clone.writes("a.py", text)
    clone.scratch.git("add", "--all")
    limited = ["sh", "-c", 'ulimit -f 300; exec "$@"', "-"]
    assert (
        run(
            *limited, "git", "-c", "core.fsync=none", "-c", "core.compression=9", "commit", "-qm", "x", "-o", ".byline", cwd=clone.path
        ).code
        == 0
    )
    said = run(*limited, sys.executable, "-m", "byline_cli", "attest", "--wait", cwd=clone.path)
    assert (said.code, said.err) == (3, "byline: error: file too large\n")
    said = run(*limited, sys.executable, "-m", "byline_cli", "blame", "a.py", cwd=clone.path)
    assert "the newest edits are not in this answer" in said.err
    clone.commit()
    assert clone.owners("a.py", rev="HEAD") == ["ai"]
    assert clone.losses()


def test_a_hook_on_a_full_disk_leaves_a_loss(clone: Installed) -> None:
    (command,) = clone.commands("PostToolUse", "Write")
    said = run("sh", "-c", f'trap "" XFSZ; ulimit -f 0; {command}', cwd=clone.path, data=b"{}")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert len(clone.losses()) == 1


def test_what_an_agent_surely_wrote_is_never_declared_by_the_committer(clone: Installed) -> None:
    """Two runs at once, either of which could have written it; a text that no payload can tell, changed since by hand."""
    runs = [{"tool_name": "Bash", "session_id": name, "tool_use_id": name, "tool_input": {"command": "x"}} for name in ("s-1", "s-2")]
    for each in runs:
        clone.hook("PreToolUse", **each)
    clone.scratch.write("either.py", "x\n")
    for each in runs:
        clone.hook("PostToolUse", **each, tool_response={})
    clone.writes("latin1.py", b"caf\xe9\n")
    clone.scratch.write("latin1.py", b"caf\xe9\nmore\n")
    clone.commit()
    shown = clone.byline("show").out
    assert "add     either.py  +1 ai observed (claude-code)\n" in shown
    assert "add     latin1.py  +2 ai observed (claude-code)\n" in shown
    assert len(clone.losses()) == 2


def test_what_has_no_lines_has_a_hand(clone: Installed) -> None:
    """Binary files, links, text of another encoding or size; of a mode nobody knows, for a record holds contents."""
    for name, data in {"run.sh": b"echo\n", "data": b"\0\1", "was-text.py": b"one\n", "theirs.txt": "a line\n".encode("utf-16")}.items():
        clone.scratch.write(name, data)
    clone.commit()
    clone.writes("empty", b"")
    clone.runs(
        "ln -s run.sh link; chmod +x run.sh; printf 'x\\0' >data; printf 'a\\0' >>was-text.py; printf '\\377\\376a\\0\\n\\0' >utf16.txt"
    )
    clone.runs("head -c 6000000 /dev/zero | tr '\\0' x >huge.txt")
    clone.commit()
    shown = clone.byline("show").out
    for name in ("add     empty", "add     link", "modify  data", "modify  was-text.py", "add     utf16.txt", "add     huge.txt"):
        assert f"{name}  ai observed (claude-code)\n" in shown
        assert clone.owners(name.split()[1], rev="HEAD") == []
    assert "mode    run.sh  unknown\n" in shown
    assert clone.owners("run.sh") == ["human"]
    assert clone.owners("theirs.txt") == []
    assert len(clone.losses()) == 1  # of what is too large, the bytes are not kept


def test_a_command_that_commits_what_it_wrote_is_its_writer(clone: Installed) -> None:
    """The attester, which the commit starts, may be done before the command is."""
    clone.runs("echo one >first.py; git add first.py; git commit -qm root")
    clone.runs("echo two >new.py; echo two >>first.py; git add .; git commit -qm more; echo three >>new.py; git commit -qa --amend -m y")
    clone.attest()
    assert [clone.owners(name, rev="HEAD") for name in ("first.py", "new.py")] == [["ai", "ai"]] * 2
