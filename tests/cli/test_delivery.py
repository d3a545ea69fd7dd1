# SPDX-License-Identifier: Apache-2.0
"""The attester that git's hooks start: it ends when its work is done, leaves others' files alone, and says what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from byline.capture.inbox import put_payload
from byline.capture.journal import append_edit, read_events
from byline.capture.losses import Loss, LossCode, read_losses, record_loss
from byline.capture.places import inbox_dir
from byline.core.edit import Edit
from byline.core.value import replace
from byline.flow.pending import JOURNAL, MAX_JOURNAL
from byline.flow.workshop import hold
from byline_cli.keyfile import key_path
from installed import PROGRAM, Installed, run
from until import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

BACKGROUND = (*PROGRAM, "attest", "--background")
COUNTED = """
import os
import sys
rounds = 0
def look(event, given):
    global rounds
    rounds += event == "open" and str(given[0]).endswith("attester.pid") and bool(given[2] & os.O_CREAT)
sys.addaudithook(look)
from byline_cli.main import main
main(["attest", "--background"])
print(rounds)
"""


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Set up Byline in a repository with one commit, attested."""
    clone = Installed.create(repository)
    clone.commit()
    return clone


def place(clone: Installed) -> Path:
    return clone.path / ".git/byline"


def test_what_is_still_open_does_not_keep_the_attester_alive(clone: Installed) -> None:
    """A command of an agent that still runs has a scan in the inbox; a mark may be half written, or torn a moment ago."""
    clone.hook("PreToolUse", tool_name="Bash", session_id="s", tool_use_id="b", tool_input={"command": "sleep 99"})
    put_payload(inbox_dir(os.environ), agent="claude-code", facts={}, payload=b"{}")
    (place(clone) / "marks/mark.post-commit.1.0.mark").write_bytes(b"byline.mark/1\0post-commit\0/x")
    done = subprocess.run([sys.executable, "-c", COUNTED], cwd=clone.path, check=True, capture_output=True, timeout=60)
    assert done.stdout == b"1\n"
    assert len(list((place(clone) / "marks").iterdir())) == 1


def test_an_attester_leaves_the_number_of_another_one_alone(clone: Installed) -> None:
    pid = place(clone) / "attester.pid"
    with ExitStack() as running, hold(place(clone), seconds=60) as is_held:
        assert is_held
        attester = running.enter_context(subprocess.Popen(BACKGROUND, cwd=clone.path))
        await_pid(pid, attester.pid)
        pid.write_text("1\n")
    assert pid.read_text() == "1\n"
    subprocess.run(BACKGROUND, cwd=clone.path, check=True, timeout=60)
    assert not pid.exists()


def await_pid(pid: Path, number: int) -> None:
    wait_until(lambda: pid.exists() and pid.read_text() == f"{number}\n")


def test_what_goes_wrong_in_the_background_is_a_loss(clone: Installed) -> None:
    key_path(os.environ).write_text("no key\n")
    done = subprocess.run(BACKGROUND, cwd=clone.path, check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    told = {(each.message[:16], each.message[-13:]) for each in read_losses(place(clone))}
    assert told == {("attest: your key", "(BL-CONFIG-1)")}  # one of it, and one of the attester that the commit started, if that is late


def test_a_log_of_ones_own_that_is_damaged_keeps_nothing_from_being_signed_and_doctor_says_how_to_mend_it(clone: Installed) -> None:
    clone.commit()
    (place(clone) / "ledger/ledger.db").write_bytes(b"no database\n" * 100)
    clone.scratch.commit("a change", "--allow-empty")
    assert clone.byline("attest", "--wait").code == 3
    assert clone.byline("verify").code == 0
    (bad,) = (each for each in json.loads(clone.byline("doctor", "--json").out)["findings"] if each["what"] == "ledger")
    assert bad["level"] == "bad"
    assert run("sh", "-c", bad["hint"].partition(",")[0], cwd=clone.path).code == 0
    clone.attest()
    assert "entry 0 of" in clone.byline("verify").out


def test_a_loss_is_told_for_as_many_days_as_the_rest_is_kept(clone: Installed) -> None:
    """What went wrong a long time ago is nothing that anybody can do something about: of a clone as of an inbox."""
    now, day = time.time_ns(), 24 * 3600 * 10**9
    for folder in (place(clone), inbox_dir(os.environ)):
        for age in (9, 31, 1):
            record_loss(folder, Loss(code=LossCode.FAILED, message=f"{age} days", source="", time=now - age * day))
    kept = []
    for days in ("30", "7"):
        clone.scratch.git("config", "byline.keepDays", days)
        clone.attest()
        kept.append([[each.message for each in read_losses(folder)] for folder in (place(clone), inbox_dir(os.environ))])
    assert kept == [[["9 days", "1 days"]] * 2, [["1 days"]] * 2]


def test_a_journal_that_has_grown_is_compacted_when_a_commit_is_attested_and_pending_lines_stay(clone: Installed) -> None:
    clone.writes("pending.py", b"ai_1 = call(1)\n")
    assert clone.owners("pending.py") == ["ai"]
    (edit,) = (event for event in read_events(place(clone)).events if isinstance(event, Edit))
    for number in range(100):
        append_edit(place(clone), replace(edit, path=b"other.py", after=f"{number:040}", time=edit.time + number, call="x" * 30_000))
    (clone.path / "b.py").write_text("human_1 = 1\n")
    clone.scratch.git("add", "b.py")
    clone.commit(add=False)
    rounds = 0
    while (place(clone) / JOURNAL).stat().st_size > MAX_JOURNAL and rounds < 20:  # the attester may be at it
        rounds += 1
        assert clone.byline("attest", "--wait").code == 0
    assert (place(clone) / JOURNAL).stat().st_size < MAX_JOURNAL
    assert clone.owners("pending.py") == ["ai"]
    clone.commit()
    assert clone.owners("pending.py", rev="HEAD") == ["ai"]


def test_where_trust_cannot_be_read_what_was_signed_waits_for_the_ledger_that_it_names(clone: Installed) -> None:
    """No other ledger is guessed, the one in this clone least of all: what is logged there is logged nowhere else any more."""
    trust = clone.path / ".byline/trust.toml"
    good = trust.read_bytes()
    trust.write_bytes(good.replace(b"schema = 1", b"schema = x"))
    clone.commit()
    said = clone.byline("attest", "--wait")
    assert (said.code, "1 statement in the outbox, to be logged later: trust.toml: not TOML" in said.out) == (0, True)
    trust.write_bytes(good)
    clone.commit()
    assert "outbox" not in clone.byline("attest", "--wait").out
    assert "entry 1 of" in clone.byline("show", "HEAD~1").out
