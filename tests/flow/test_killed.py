# SPDX-License-Identifier: Apache-2.0
"""SIGKILL between any two calls to the system: the chain has no number twice, and every commit gets its one statement.

Where a process dies is counted, not timed: a profile function sees each call that can change something outside the process and kills
before number n, for every n that there is. Children are forked from one that has everything imported, so that hundreds are cheap.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.core.authorship import format_authorship
from byline.core.bundle import join_receipt
from byline.core.statement import PredicateType
from byline.flow.attest import attest_pending
from byline.flow.deliver import deliver
from byline.keys.p256 import load_key, make_key
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.sign.file import sign_payload
from byline_ledger.embedded import open_embedded
from scratch import Scratch
from story import Story

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from byline.core.authorship import Authorship

CHANGES = {"write", "fsync", "rename", "replace", "unlink", "mkdir", "fork_exec"}


def dies_at(number: int, act: Callable[[], object]) -> bool:
    """Run `act` in a process that dies before its call number `number` to the system; whether there were so many."""
    child = os.fork()
    if child == 0:
        left = number

        def look(frame: FrameType, event: str, called: object) -> None:
            nonlocal left
            # What git is asked changes nothing.
            if event == "c_call" and getattr(called, "__name__", "") in CHANGES and not frame.f_code.co_filename.endswith("batch.py"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(look)
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def told(story: Story) -> list[Authorship]:
    """All authorship statements, by their number in the chain."""
    with story.workshop() as workshop, EvidenceIndex(workshop.place / "cache.db") as index:
        index.refresh(EvidenceRef(workshop.repo))
        found = [index.statement(fact.statement) for fact in index.facts(kind=PredicateType.AUTHORSHIP)]
    return sorted((each for each in found if each), key=lambda each: each.chain.seq)


def campaign(repo: str, key: str) -> None:
    """Kill an attester, then a delivery, at every point; after each, another command delivers what is there."""
    story = Story(scratch=Scratch(Path(repo)), signer=load_key(Path(key)), declares=True, eager=False)

    def attest() -> None:
        with story.workshop() as workshop:
            attest_pending(workshop)

    def send() -> None:
        with story.workshop() as workshop:
            deliver(workshop, open_embedded(workshop.place / "ledger"))

    for act in (attest, send):
        number, died = 0, True
        while died:
            number += 1
            story.scratch.write("a.py", "".join(f"line {each}\n" for each in range(number)))
            story.commit()
            if act is send:
                attest()
            died = dies_at(number, act)
            dies_at(0, send)
            attest()
    send()


@pytest.mark.slow
def test_killed_between_any_two_calls_every_commit_has_one_statement_and_every_number_one(tmp_path: Path) -> None:
    story = Story.begin(tmp_path, declares=True, eager=False)
    code = "import sys; sys.path[:0] = [sys.argv[1]]; from flow.test_killed import campaign; campaign(*sys.argv[2:])"
    words = [str(Path(__file__).parents[1]), str(story.scratch.path), str(tmp_path / "key.pem")]
    subprocess.run([sys.executable, "-c", code, *words], check=True, timeout=300)
    chain = told(story)
    commits = story.git("rev-list", "--reverse", "HEAD").split()
    assert len(commits) > 30
    assert [each.chain.seq for each in chain] == list(range(1, len(commits) + 1))
    assert len({each.chain.id for each in chain}) == 1
    assert sorted(each.commit.id for each in chain) == sorted(commits)


def test_a_lost_end_of_the_chain_is_found_in_the_outbox_and_with_none_there_a_new_chain_begins(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    place = tmp_path / "repo/.git/byline"
    story.commit()
    (place / "recorder.json").unlink()
    story.commit()
    assert [(each.chain.seq, each.chain.id == told(story)[0].chain.id) for each in told(story)] == [(1, True), (2, True)]
    with story.workshop() as workshop:
        deliver(workshop, None)
    (place / "recorder.json").unlink()
    story.commit()
    assert sorted(each.chain.seq for each in told(story)) == [1, 1, 2]
    assert len({each.chain.id for each in told(story)}) == 2


def test_a_statement_that_another_key_signed_moves_no_chain(tmp_path: Path) -> None:
    """Anybody can put a statement with the next number of our chain among the evidence."""
    story = Story.begin(tmp_path)
    story.commit()
    first = told(story)[0]
    forged = replace(first, chain=replace(first.chain, seq=2, prev="0" * 64))
    stranger = make_key(tmp_path / "stranger.pem")
    with story.workshop() as workshop:
        envelope = sign_payload(format_authorship(forged), stranger)
        EvidenceRef(workshop.repo).add([join_receipt(envelope, stranger.public, None)])
    story.commit()
    own = next(each for each in told(story) if each.commit.id == story.git("rev-parse", "HEAD"))
    assert (own.chain.seq, own.chain.prev) == (2, story.reports[0].statements[0])
