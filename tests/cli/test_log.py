# SPDX-License-Identifier: Apache-2.0
"""`byline log` and `byline stats` as people call them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Make three commits and a merge: an agent's, a person's, both on two branches."""
    made = Installed.create(repository)
    made.commit()
    made.writes("src/a.py", b"one = 1\ntwo = 2\n\n}\n")
    made.commit()
    repository.git("switch", "-qc", "topic")
    repository.write("src/b.py", "three = 3\n")
    made.commit()
    repository.git("switch", "-q", "main")
    made.writes("c.py", b"four = 4\n")
    repository.write("d.py", "five = 5\n")
    made.commit()
    repository.git("merge", "-q", "--no-edit", "topic")
    made.attest()
    return made


def _ask(clone: Installed, *words: str, cwd: Path | None = None) -> dict[str, Any]:
    said = clone.byline(words[0], "--json", *words[1:], cwd=cwd)
    assert said.code == 0, said
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_log_tells_each_commit_newest_first(clone: Installed) -> None:
    """Of a path, from wherever it is named, in a bare repository too; a merge adds nothing that it took over."""
    found = _ask(clone, "log", "main", "src")["commits"]
    assert [(each["added"], [(line["origin"], line["agent"], line["count"]) for line in each["lines"]]) for each in found] == [
        (1, [("human", None, 1)]),
        (2, [("ai", "claude-code", 2)]),
    ]
    assert all(each["statements"][0]["verified"] and each["complete"] and not each["byContent"] for each in found)
    assert _ask(clone, "log", ".", cwd=clone.path / "src")["commits"] == found
    bare = clone.scratch.clone(clone.path.with_name("bare"), "--bare").path
    assert [each["added"] for each in _ask(clone, "log", "main", "src", cwd=bare)["commits"]] == [1, 2]
    merge = _ask(clone, "log", "-n", "1")["commits"][0]
    assert (len(merge["parents"]), merge["added"], merge["lines"]) == (2, 0, [])


def test_log_reads_as_a_person_wants_it(clone: Installed) -> None:
    clone.git("commit", "--allow-empty", "-qm", "no\x1b[31m colour")
    said = clone.byline("log", "HEAD~2..HEAD")
    assert re.search(r"(?m)^[0-9a-f]{12}  \d{4}-\d\d-\d\d  ✓ signed       +Test Person  +a change$", said.out), said
    assert re.search(r"(?m)^ +\+1 human declared p-\w+$", said.out)
    assert "no\\x1b[31m colour" in said.out


def test_sessions_of_one_agent_read_as_one(repository: Scratch) -> None:
    clone = Installed.create(repository)
    clone.commit()
    clone.writes("a.py", b"one = 1\n", session="s-1")
    clone.writes("b.py", b"two = 2\nthree = 3\n", session="s-2")
    clone.commit()
    assert re.findall(r"\+\d+ ai .*", clone.byline("log", "-n", "1").out) == ["+3 ai observed    claude-code"]
    assert [each["count"] for each in _ask(clone, "log", "-n", "1")["commits"][0]["lines"]] == [1, 2]


def test_stats_add_up_to_what_log_tells(clone: Installed) -> None:
    """By whatever they are grouped."""
    log = _ask(clone, "log", "main..topic")["commits"] + _ask(clone, "log", "topic..main")["commits"]
    assert {each["commit"] for each in log} == {*clone.git("rev-list", "topic...main").out.split()}
    log = _ask(clone, "log")["commits"]
    origins: dict[str, int] = {}
    for line in (line for commit in log for line in commit["lines"]):
        origins[line["origin"]] = origins.get(line["origin"], 0) + line["count"]
    keys = {}
    for by in ("author", "agent", "model", "path", "week", "origin"):
        stats = _ask(clone, "stats", "--by", by)
        assert (stats["commits"], stats["origins"], stats["added"]) == (len(log), origins, sum(origins.values()))
        assert sum(group["added"] for group in stats["groups"]) == stats["added"]
        assert all(sum(group["origins"].values()) == group["added"] for group in stats["groups"])
        keys[by] = {group["key"]: group["added"] for group in stats["groups"]}
    assert (keys["agent"]["claude-code"], None in keys["agent"]) == (3, True)
    assert {path: number for path, number in keys["path"].items() if not str(path).startswith(".byline")} == {
        "src/a.py": 2, "src/b.py": 1, "c.py": 1, "d.py": 1,
    }  # fmt: skip
    assert list(keys["author"]) == ["Test Person <person@example.invalid>"]
    assert all(re.fullmatch(r"\d{4}-W\d\d", str(week)) for week in keys["week"])
    assert _ask(clone, "stats", "main..topic")["added"] == 0


def test_stats_of_a_path_are_what_log_tells_of_it(clone: Installed) -> None:
    log = _ask(clone, "log", "HEAD", "src")["commits"]
    stats = _ask(clone, "stats", "HEAD", "src", "--by", "path")
    assert (stats["commits"], stats["added"]) == (len(log), sum(each["added"] for each in log)) == (2, 3)
    assert {group["key"]: group["added"] for group in stats["groups"]} == {"src/a.py": 2, "src/b.py": 1}
    assert _ask(clone, "stats", "--by", "path", "--", "src") == stats


def test_what_a_key_signed_that_trust_does_not_know_has_one_mark(clone: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    assert clone.byline("trust", "key").code == 0
    clone.writes("e.py", b"six = 6\n")
    clone.commit()
    for words, mark in (
        (("blame", "e.py"), "ai observed ? claude-code"),
        (("log", "-1"), "? unverified"),
        (("show",), "\n? authorship by key "),
        (("verify",), "\n  ? authorship by key "),
        (("why", "e.py:1"), "\nsigned    ? "),
    ):
        assert mark in clone.byline(*words).out


def test_a_number_of_commits_may_be_said_as_git_takes_it(clone: Installed) -> None:
    assert _ask(clone, "log", "-2") == _ask(clone, "log", "-n", "2")
    assert _ask(clone, "log", "HEAD", "-1", "--", "src") == _ask(clone, "log", "-n", "1", "src")


def test_stats_are_a_table_that_fits(clone: Installed) -> None:
    said = clone.byline("stats", "--by", "path", NO_COLOR="1")
    assert re.search(r"(?m)^path +added +human +ai.*$", said.out)
    assert re.search(r"(?m)^src/a.py +2 +0 +2 .*█", said.out)
    assert max(map(len, said.out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("log", "nothing"), 3),
        (("log", "--", "nothing"), 0),  # a path that no commit has
        (("log", "nothing..HEAD"), 3),
        (("log", "HEAD", "HEAD"), 2),
        (("log", "-n", "-1"), 2),
        (("log", "-n", "x"), 2),
        (("stats", "nothing"), 3),
        (("stats", "HEAD", "HEAD"), 2),
        (("stats", "--by", "mood"), 2),
        (("log", "HEAD", "../elsewhere"), 3),
    ],
)
def test_a_mistake_is_told(repository: Scratch, words: tuple[str, ...], code: int) -> None:
    repository.git("commit", "--allow-empty", "-qm", "x")
    said = Installed(repository).byline(*words)
    assert said.code == code, said
    assert "Traceback" not in said.err
    assert code == 0 or "byline: error:" in said.err


def test_without_commits_there_is_nothing_to_tell(repository: Scratch) -> None:
    said = Installed(repository).byline("log")
    assert (said.code, said.out) == (3, "")
    assert "nothing is committed here yet" in said.err
