# SPDX-License-Identifier: Apache-2.0
"""`byline status` tells what is recorded and not signed, by session and by file, and every loss with its code and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import byline
from byline.capture.losses import Loss, LossCode, record_loss
from byline_cli.lost import ADVICE, losses_to_json
from installed import Installed

if TYPE_CHECKING:
    from scratch import Scratch

ERRORS = Path(__file__).parents[2] / "docs/errors.md"


def _status(clone: Installed) -> dict[str, Any]:
    said = clone.byline("status", "--json")
    assert said.code == 0, said
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_sessions_with_uncommitted_lines_are_told_with_their_files_and_lines(repository: Scratch) -> None:
    clone = Installed.create(repository)
    clone.commit()
    clone.writes("a.py", b"one = 1\n\ntwo = 2\n", session="s-first")
    clone.writes("b.py", b"three = 3\n}\n", session="s-first")
    clone.writes("c.py", b"four = 4\n", session="s-second")
    repository.write("d.py", "five = 5\n")
    found = _status(clone)
    assert [(each["session"], each["files"], each["lines"], each["agent"]) for each in found["sessions"]] == [
        ("s-first", 2, 3, "claude-code"),
        ("s-second", 1, 1, "claude-code"),
    ]
    assert all(int(each["time"]) > 0 for each in found["sessions"])
    assert {each["path"]: each["lines"] for each in found["uncommitted"]} == {
        "a.py": {"ai": 2}, "b.py": {"ai": 1}, "c.py": {"ai": 1}, "d.py": {"unknown": 1},
    }  # fmt: skip
    assert re.search(r"ai observed +claude-code .*session s-first +3 lines +in 2 files +\d+ seconds? ago", clone.byline("status").out)
    clone.commit()
    assert (_status(clone)["sessions"], _status(clone)["uncommitted"]) == ([], [])


def test_what_was_committed_before_the_recording_is_not_told_as_uncommitted(repository: Scratch) -> None:
    repository.write("old.py", "one = 1\ntwo = 2\ntwo = 2\n")
    repository.commit()
    clone = Installed.create(repository)
    repository.write("old.py", "two = 2\none = 1\ntwo = 2\ntwo = 2\nthree = 3\n")
    assert {each["path"]: each["lines"] for each in _status(clone)["uncommitted"]}["old.py"] == {"unknown": 2}


def test_files_beyond_those_looked_into_are_counted(repository: Scratch) -> None:
    clone = Installed.create(repository)
    clone.commit()
    for number in range(203):
        repository.write(f"file{number:03}", "x\n")
    clone.writes("file199", b"x\ny\n", session="s-late")
    found = _status(clone)
    assert (len(found["uncommitted"]), found["notLookedInto"]) == (200, 3)
    assert [(each["session"], each["files"]) for each in found["sessions"]] == [("s-late", 1)]
    told = clone.byline("status").out
    assert "not committed yet (in the first 200 changed files):" in told
    assert "and 183 more changed files" in told


def test_a_loss_is_told_with_its_code_and_what_to_do(repository: Scratch) -> None:
    clone = Installed.create(repository)
    for time, message in ((1, "the disk was full"), (5, "worse \x1b[31m"), (3, "in between")):
        record_loss(clone.path / ".git/byline", Loss(code=LossCode.FAILED, message=message, source="test", time=time))
    (row,) = _status(clone)["losses"]
    assert row == {
        "code": "BL-LOSS-7",
        "count": 3,
        "last": "worse [31m",
        "time": "5",
        "advice": "make room, check permissions; `byline doctor` says what is wrong here",
    }
    shown = clone.byline("status").out
    assert re.search(r"BL-LOSS-7  3 times, last \d+ days ago: worse", shown)
    assert "make room" in shown


def test_the_advice_is_that_of_the_page_of_errors() -> None:
    rows = dict(re.findall(r"(?m)^\| `(BL-LOSS-\d+)` \|.*\| ([^|]*) \|$", ERRORS.read_text()))
    assert rows == {str(code): advice for code, advice in ADVICE.items()}
    assert set(ADVICE) == set(LossCode)


def test_losses_of_one_code_are_one_row() -> None:
    losses = [Loss(code=code, message=str(code), source="", time=0) for code in (LossCode.TORN, LossCode.FAILED, LossCode.TORN)]
    assert [(each["code"], each["count"]) for each in losses_to_json(losses)] == [("BL-LOSS-2", 2), ("BL-LOSS-7", 1)]


def test_without_git_what_is_kept_of_the_folder_is_told(repository: Scratch, tmp_path: Path) -> None:
    folder, other = tmp_path / "notes", tmp_path / "other"
    for each in (folder, other):
        each.mkdir()
    clone = Installed(repository)
    said = clone.byline("status", cwd=folder)
    assert (said.code, "not inside a git repository" in said.err) == (3, True), said
    with byline.session(agent="mine", model="m-1", root=folder, session_id="11111111-a") as told:
        told.write("a.txt", "one\n")
        told.write("a.txt", "two\n")
    said = clone.byline("status", cwd=folder)
    assert said.code == 0, said
    assert f"kept until there is, of {folder}:\n  mine · m-1  session 11111111  2 edits  in 1 file" in said.out, said
    (kept,) = json.loads(clone.byline("status", "--json", cwd=tmp_path).out)["folders"]
    assert set(kept["sessions"][0]) == {"by", "model", "session", "edits", "files", "time"}
    assert clone.byline("status", cwd=other).code == 3
    assert "notes" not in clone.byline("status").out


def test_a_repository_without_anything_has_nothing_to_tell(repository: Scratch) -> None:
    found = _status(Installed(repository))
    assert (found["sessions"], found["uncommitted"], found["losses"], found["statements"]) == ([], [], [], 0)


def test_blame_shows_the_lines_that_are_asked_for(repository: Scratch) -> None:
    clone = Installed.create(repository)
    clone.writes("a.py", b"".join(b"line = %d\n" % number for number in range(1, 7)))
    whole = clone.byline("blame", "a.py").out.splitlines()
    for asked, shown in (("2,3", slice(1, 3)), ("2,+3", slice(1, 4)), ("5", slice(4, 6)), (",2", slice(0, 2)), ("6,90", slice(5, 6))):
        assert clone.byline("blame", "-L", asked, "a.py").out.splitlines() == whole[shown]
    found = json.loads(clone.byline("blame", "-L2,3", "--json", "a.py").out)["ranges"]
    assert [(each["start"], each["end"]) for each in found] == [(2, 3)]
    for wrong, code in (("7", 3), ("0", 2), ("3,2", 2), ("x", 2), ("", 2), ("2,+0", 2)):
        assert clone.byline("blame", "-L", wrong, "a.py").code == code, wrong
