# SPDX-License-Identifier: Apache-2.0
"""SIGKILL through what is installed: the agent's hook, and the attester that git's hooks start, at many moments of their lives.

Afterwards the journal reads, each commit has one statement, no number of the chain stands twice, and `byline verify` holds.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from byline.capture.journal import read_events
from byline.core.statement import PredicateType
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex, Fact
from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

KILLS = 40


def facts(clone: Installed) -> tuple[Fact, ...]:
    """The authorship statements of the clone, each once: one that was delivered again after a kill may stand there with two receipts."""
    with open_repository(clone.path) as repo, EvidenceIndex(clone.path / ".git/byline/cache.db") as index:
        index.refresh(EvidenceRef(repo))
        return tuple({each.statement: each for each in index.facts(kind=PredicateType.AUTHORSHIP)}.values())


def kill_attester(place: Path) -> bool:
    """Kill the attester that names itself in `place`, and what it started; whether one was there."""
    try:
        pid = int((place / "attester.pid").read_text())
        os.killpg(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return False
    return True


@pytest.mark.slow
def test_killed_hooks_and_attesters_lose_no_commit_and_number_none_twice(repository: Scratch) -> None:
    dice = random.Random(11)
    clone = Installed.create(repository)
    place = clone.path / ".git/byline"
    command = clone.commands("PostToolUse", "Write")[0]
    killed = 0
    for number in range(KILLS):
        repository.write(f"{number % 5}.txt", f"{number}\n" * 3)
        with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, process_group=0, cwd=clone.path) as hook:
            assert hook.stdin is not None
            hook.stdin.write(b'{"hook_event_name": "Notification"}')
            hook.stdin.close()
            time.sleep(dice.random() * 0.005)  # where it dies does not matter; that it may die anywhere does
            if hook.poll() is None:
                os.killpg(hook.pid, signal.SIGKILL)
        repository.git("add", "--all")
        repository.git("commit", "--quiet", "--message", f"{number}", *(("--amend",) if number % 7 == 6 else ()))
        time.sleep(dice.random() * 0.3)
        killed += kill_attester(place)
    clone.attest()
    commits = repository.git("rev-list", "HEAD").split()
    found = facts(clone)
    assert killed
    assert Counter(fact.commit for fact in found if fact.commit in commits) == dict.fromkeys(commits, 1)
    assert sorted(fact.seq or 0 for fact in found) == list(range(1, len(found) + 1))
    assert read_events(place).torn == ()
    said = clone.byline("verify", "HEAD")
    assert said.code == 0, said
