# SPDX-License-Identifier: Apache-2.0
"""`byline diff` shows what git's would, and says of each line whose it is; who took lines away where claims or the journal say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import UNATTRIBUTED
from byline.core.change import kept_lines, raw_lines
from byline.core.diff import ABSENT
from byline.flow.difference import FileDifference
from byline.git.objects import FileChange, TreeEntry
from byline_cli.patch import patch_rows
from installed import Installed, Said

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

TEXT = b"def total(prices):\n    s = 0\n    for p in prices:\n        s += p\n    return s\n"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Commit a file of the agent's and one of a person's."""
    made = Installed.create(repository)
    repository.write("mine.py", "one = 1\ntwo = 2\n")
    made.writes("src/a.py", TEXT)
    made.commit()
    return made


def _diff(clone: Installed, *words: str, cwd: Path | None = None) -> dict[str, dict[str, Any]]:
    said = clone.byline("diff", "--json", *words, cwd=cwd)
    assert said.code == 0, said
    return {each.get("path", each.get("pathBytes")): each for each in json.loads(said.out)["files"]}


def _brief(ranges: list[dict[str, Any]]) -> list[tuple[int, int, str, str | None]]:
    hands = [(each.get("hand") or {}).get("origin") for each in ranges]
    return [(each["start"], each["end"], each["origin"], hand) for each, hand in zip(ranges, hands, strict=True)]


def test_the_work_tree_is_compared_with_head_line_by_line(clone: Installed, repository: Scratch) -> None:
    """What the agent wrote and took away, what nobody recorded, and a new file that git does not track."""
    clone.writes("src/a.py", b"def total(prices):\n    return sum(prices)\n")
    repository.write("mine.py", "one = 1\ntwo = 22\n")
    clone.writes("new.py", b"x = 1\n\n")
    found = _diff(clone)
    assert {path: (each["came"], each["went"]) for path, each in found.items()} == {
        "src/a.py": ({"ai": 1}, {"ai": 4}), "mine.py": ({"unknown": 1}, {"human": 1}), "new.py": ({"ai": 1}, {}),
    }  # fmt: skip
    assert _brief(found["src/a.py"]["removed"]) == [(2, 5, "ai", "ai")]
    assert _brief(found["mine.py"]["removed"]) == [(2, 2, "human", None)]
    assert (found["new.py"]["oldMode"], _brief(found["new.py"]["added"])) == (None, [(1, 2, "ai", None)])
    assert list(_diff(clone, "src")) == list(_diff(clone, ".", cwd=clone.path / "src")) == ["src/a.py"]
    shown = clone.byline("diff", "src/a.py", "mine.py").out
    assert "mine.py  +1 unknown  -1 human\n@@ -1,2 +1,2 @@\n" in shown
    assert re.search(r"(?m)^- ai observed claude-code, by claude-code +│     s = 0$", shown)
    assert re.search(r"(?m)^\+ unknown · nobody recorded it +│ two = 22$", shown)


def test_over_commits_claims_say_who_took_a_line_away(clone: Installed, repository: Scratch) -> None:
    """Also through a rename, and for a file that is gone; and the same in a fresh clone that has the claims."""
    before = repository.git("rev-parse", "HEAD")
    repository.write("src/a.py", TEXT.replace(b"    s = 0\n", b""))
    clone.commit()
    repository.git("mv", "src/a.py", "src/b.py")
    clone.commit()
    clone.writes("src/b.py", TEXT.replace(b"    s = 0\n", b"").replace(b"        s += p\n", b"        pass\n"))
    clone.runs("rm mine.py")
    clone.commit()
    found = _diff(clone, f"{before}..HEAD")
    assert found["src/b.py"]["oldPath"] == "src/a.py"
    assert _brief(found["src/b.py"]["removed"]) == [(2, 2, "ai", "human"), (4, 4, "ai", "ai")]
    assert _brief(found["mine.py"]["removed"]) == [(1, 2, "human", "ai")]
    assert _diff(clone, before, "HEAD") == found
    copy = repository.clone(clone.path.with_name("copy"), "--no-local")
    copy.git("fetch", "-q", "origin", "+refs/byline/evidence:refs/byline/remotes/origin/evidence")
    assert _diff(clone, f"{before}..HEAD", cwd=copy.path) == found


def test_what_is_staged_is_compared_without_the_work_tree(clone: Installed, repository: Scratch) -> None:
    clone.writes("src/a.py", TEXT + b"# staged\n")
    repository.git("add", "src/a.py")
    repository.write("src/a.py", TEXT + b"# staged\n# not\n")
    found = _diff(clone, "--staged")
    assert _brief(found["src/a.py"]["added"]) == [(6, 6, "ai", None)]
    assert list(_diff(clone)) == ["src/a.py"]


def test_what_is_not_tracked_any_more_is_compared_once(clone: Installed, repository: Scratch) -> None:
    (clone.path / "mine.py").chmod(0o755)
    repository.git("commit", "-qam", "a program")
    repository.git("rm", "-q", "--cached", "mine.py", "src/a.py")
    assert _diff(clone) == {}
    clone.writes("src/a.py", TEXT + b"# more\n")
    (clone.path / "link").symlink_to("mine.py")
    found = _diff(clone)
    assert _brief(found["src/a.py"]["added"]) == [(6, 6, "ai", None)]
    assert {path: each["text"] for path, each in found.items()} == {"src/a.py": True, "link": False}


def test_what_is_not_merged_yet_is_not_staged_and_not_deleted(clone: Installed, repository: Scratch) -> None:
    for branch, text in (("topic", "one = 2\n"), ("main", "one = 3\n")):
        repository.git("switch", "-qc" if branch == "topic" else "-q", branch)
        repository.write("mine.py", text)
        clone.commit()
    assert clone.git("merge", "topic").code == 1
    assert clone.byline("diff", "--staged").out == "mine.py  not merged yet\n"
    assert "<<<<<<<" in clone.byline("diff").out


def test_three_dots_are_what_the_other_side_did(clone: Installed, repository: Scratch) -> None:
    repository.git("switch", "-qc", "topic")
    clone.writes("topic.py", b"x = 1\n")
    clone.commit()
    repository.git("switch", "-q", "main")
    repository.write("main.py", "y = 1\n")
    clone.commit()
    assert list(_diff(clone, "main...topic")) == ["topic.py"]
    assert sorted(_diff(clone, "main..topic")) == ["main.py", "topic.py"]


def test_what_has_no_lines_is_named(clone: Installed, repository: Scratch) -> None:
    """Binary content, a mode, a symlink, a deletion; and nothing from the repository reaches the terminal as it is."""
    repository.write("binary", b"\0\1\2")
    (clone.path / "mine.py").chmod(0o755)
    (clone.path / "link").symlink_to("mine.py")
    (clone.path / "src/a.py").unlink()
    (clone.path / "odd\x1b[31m").write_bytes("x\u202e = 1\x07".encode())
    repository.git("add", "-N", ".")
    found = _diff(clone)
    assert {path: each["text"] for path, each in found.items()} == {
        "binary": False, "link": False, "mine.py": True, "odd\x1b[31m": True, "src/a.py": True,
    }  # fmt: skip
    assert (found["mine.py"]["oldMode"], found["mine.py"]["newMode"]) == ("100644", "100755")
    assert _brief(found["src/a.py"]["removed"]) == [(1, 5, "ai", None)]
    shown = clone.byline("diff").out
    assert "mine.py  mode 100644 -> 100755\n" in shown
    assert "src/a.py  -5 ai  deleted\n" in shown
    assert "x\\u202e = 1\\x07" in shown
    assert "\\ no newline at the end" in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e"}


def test_a_file_that_was_only_touched_does_not_differ(clone: Installed) -> None:
    (clone.path / "mine.py").write_bytes((clone.path / "mine.py").read_bytes())
    assert clone.byline("diff") == Said(0, "", "")
    assert clone.byline("diff", "--stat").out == "0 files changed, 0 lines came and 0 lines went\n"


def test_line_ends_that_git_converts_are_no_difference(clone: Installed, repository: Scratch) -> None:
    repository.git("config", "core.autocrlf", "true")
    repository.write("mine.py", "one = 1\r\ntwo = 2\r\nthree = 3\r\n")
    assert _brief(_diff(clone)["mine.py"]["added"]) == [(3, 3, "unknown", None)]


def test_the_numbers_alone(clone: Installed, repository: Scratch) -> None:
    repository.write("mine.py", "one = 1\n\n}\n")
    assert clone.byline("diff", "--stat").out == "mine.py  -1 human\n1 file changed, 0 lines came and 1 line went\n"


def test_before_the_first_commit_everything_came(repository: Scratch) -> None:
    repository.write("a.py", "one\n")
    found = _diff(Installed(repository))
    assert _brief(found["a.py"]["added"]) == [(1, 1, "unknown", None)]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nothing",), 3),
        (("nothing..HEAD",), 3),
        (("nothing", "--", "a"), 3),
        (("--", "nothing"), 0),
        (("HEAD", "HEAD", "HEAD"), 2),
        (("--staged", "HEAD..HEAD"), 2),
        (("../elsewhere",), 3),
        ((".git/config",), 3),
    ],
)
def test_a_mistake_is_told(repository: Scratch, words: tuple[str, ...], code: int) -> None:
    repository.git("commit", "--allow-empty", "-qm", "x")
    said = Installed(repository).byline("diff", *words)
    assert said.code == code, said
    assert code == 0 or "byline: error:" in said.err


def test_a_bare_repository_has_commits_to_compare_and_no_work_tree(clone: Installed, repository: Scratch) -> None:
    repository.write("mine.py", "one = 1\n")
    clone.commit()
    bare = repository.clone(clone.path.with_name("bare"), "--bare").path
    assert list(_diff(clone, "HEAD~1..HEAD", "mine.py", cwd=bare)) == ["mine.py"]
    assert list(_diff(clone, "HEAD~1..HEAD", "--", "src", cwd=bare)) == []
    for words in ((), ("--staged",), ("HEAD",)):
        said = clone.byline("diff", *words, cwd=bare)
        assert (said.code, said.out) == (3, "")
        assert "this repository has no work tree" in said.err


@given(st.lists(st.sampled_from("abcdefgh{ "), max_size=40), st.lists(st.sampled_from("abcdefgh{ "), max_size=40), st.booleans())
def test_the_rows_lead_from_the_old_text_to_the_new_one(before: list[str], after: list[str], ends: bool) -> None:  # noqa: FBT001 - Hypothesis
    """As a patch would: each hunk stands where its header says, context and what went away are the old text."""
    old, new = ("".join(f"{line}\n" for line in lines).encode() for lines in (before, after))
    new = new if ends else new.rstrip(b"\n")
    entry = TreeEntry(mode="100644", oid="1" * 40)
    kept = kept_lines(old, new)
    file = FileDifference(
        change=FileChange(status="M", path=b"a", old_path=None, old=entry, new=entry),
        has_lines=True,
        old=tuple(raw_lines(old)),
        new=tuple(raw_lines(new)),
        kept=tuple(kept),
        came={j: UNATTRIBUTED for j, i in enumerate(kept) if i == ABSENT},
        went={i: UNATTRIBUTED for i in range(len(raw_lines(old))) if i not in kept},
        hands={},
    )
    rows = [
        "".join(piece if isinstance(piece, str) else piece.text for piece in row) for row in patch_rows(file, verified=(), columns=None)
    ]
    lines, made, at = old.decode().splitlines(), [], 0
    for row in rows[1:]:
        header = re.fullmatch(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", row)
        if header:
            start = int(header[1]) - (1 if int(header[2]) else 0)
            made += lines[at:start]
            assert len(made) == int(header[3]) - (1 if int(header[4]) else 0)
            at = start
            continue
        sign, text = row[0], row.split(" │ ", 1)[1]
        if text == "\\ no newline at the end":
            continue
        if sign != "+":
            assert lines[at].rstrip() == text.rstrip()
            at += 1
        if sign != "-":
            made.append(text)
    made += lines[at:]
    assert [line.rstrip() for line in made] == [line.rstrip() for line in new.decode().split("\n")[: len(file.new)]]
