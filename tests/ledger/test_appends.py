# SPDX-License-Identifier: Apache-2.0
"""What is on its way into a log: checked here or by other processes, bounded, and answered each for itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appending import appending, visit
from byline.core.bundle import Receipt
from byline.errors import EntryRejectedError, FrozenError, KeyNotAllowedError, LedgerUnavailableError, PushbackError, QuotaError
from byline.keys.ids import key_id
from byline.testing import fixed_signer
from byline_ledger.engine.access import Caller, hash_token
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.checking import format_question
from byline_ledger.engine.gathering import CHUNK, ENOUGH_BYTES, PAUSE_SECONDS, Gathering
from byline_ledger.engine.identities import Door, Identity
from byline_ledger.server.checks import FEW, Checks
from serving import SIGNER, envelope, memory_log

if TYPE_CHECKING:
    from byline.core.envelope import Envelope

CROWD = 3 * FEW


def asks(*numbers: int) -> list[tuple[Envelope, bytes]]:
    return [(envelope(number), SIGNER.public) for number in numbers]


def test_a_crowd_that_was_answered_is_waited_for_while_it_comes() -> None:
    gathering = Gathering[int]()
    assert not gathering.is_due
    gathering.add(0, 1, 10)
    assert gathering.is_due
    assert gathering.take() == [0]
    gathering.answered(3)
    for number in range(3):
        assert not gathering.is_due
        assert 0 < gathering.patience < 0.01
        gathering.add(number, 1, 10)
    assert gathering.is_due


def test_who_waits_for_a_crowd_goes_on_once_nobody_comes() -> None:
    """Neither a crowd that went away nor one that comes drop by drop keeps anybody for long."""
    gathering = Gathering[int]()
    gathering.answered(1000)
    gathering.add(0, 1, 10)
    assert not gathering.has_paused()
    gathering.add(1, 1, 10)
    assert [gathering.has_paused() for _ in range(3)] == [False, False, True]
    assert (gathering.take(), gathering.has_paused()) == ([0, 1], False)
    pauses = 0
    while not gathering.has_paused():
        gathering.add(pauses, 1, 10)
        pauses += 1
    assert pauses * PAUSE_SECONDS <= gathering.patience


def test_a_crowd_that_comes_no_more_is_forgotten() -> None:
    gathering = Gathering[int]()
    gathering.answered(1000)
    assert gathering.patience < 0.05
    for _ in range(2):
        gathering.answered(1)
    gathering.add(0, 1, 10)
    assert gathering.is_due


def test_what_is_due_goes_on_in_chunks_and_one_caller_is_never_cut() -> None:
    gathering = Gathering[str]()
    for name, number, size in (("large", CHUNK + 1, 10), ("one", 1, ENOUGH_BYTES), ("two", 1, 10), ("three", CHUNK - 1, 10)):
        gathering.add(name, number, size)
    assert gathering.is_due
    taken = [gathering.take() for _ in range(3)]
    assert taken == [["large"], ["one"], ["two", "three"]]
    assert gathering.number == 0


def test_who_asks_for_nothing_gets_nothing() -> None:
    async def ask() -> None:
        async with appending(memory_log()) as appends:
            assert await appends.append([], visit()) == []

    asyncio.run(ask())


def test_what_may_not_enter_is_told_alone() -> None:
    good, bad, last = asks(0, 1, 2)

    async def tell() -> None:
        async with appending(memory_log()) as appends:
            told = await appends.append([good, (replace(bad[0], signature=b"no"), bad[1]), last], visit())
            assert [each.index if isinstance(each, Receipt) else type(each) for each in told] == [0, EntryRejectedError, 1]
            (refused,) = await appends.append([(replace(bad[0], signature=b"no"), bad[1])], visit())
            assert isinstance(refused, EntryRejectedError)
            assert not appends.failing.is_set()

    asyncio.run(tell())


def test_what_does_not_fit_is_pushed_back_or_waits_outside() -> None:
    async def push() -> None:
        async with appending(memory_log(), capacity=2) as appends:
            under_way = asyncio.create_task(appends.append(asks(1, 2), visit()))
            await asyncio.sleep(0)
            with pytest.raises(PushbackError) as caught:
                await appends.append(asks(3), visit())
            assert caught.value.retry_after > 0
            await appends.room()
            assert under_way.done()
            assert [each.index for each in await appends.append(asks(3), visit()) if isinstance(each, Receipt)] == [2]

    asyncio.run(push())


def test_who_goes_away_leaves_their_room_to_others() -> None:
    async def leave() -> None:
        async with appending(memory_log(), capacity=2) as appends:
            leaving = [asyncio.create_task(appends.append(asks(number), visit())) for number in (1, 2)]
            await asyncio.sleep(0)
            assert appends.is_full
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            assert not appends.is_full
            assert [isinstance(each, Receipt) for each in await appends.append(asks(3), visit())] == [True]

    asyncio.run(leave())


def test_a_crowd_is_checked_by_other_processes_as_it_is_here() -> None:
    """Also what is refused, with the same words."""
    crowd = asks(*range(CROWD))
    crowd[5] = (replace(crowd[5][0], payload=b"{}"), SIGNER.public)

    async def check(processes: int) -> list[object]:
        checks = Checks(Admission(), processes=processes)
        await checks.start()
        found = await checks.check(crowd)
        await checks.close()
        return [str(each) if isinstance(each, Exception) else each for each in found]

    assert asyncio.run(check(2)) == asyncio.run(check(0))


def test_who_may_not_send_costs_no_check_and_no_quota() -> None:
    """L14: a key that is not on the list, and a quota that is used up, are refused before any signature is looked at."""
    listed = Identity(name="listed", keys=frozenset({key_id(SIGNER.public)}), doors=frozenset({Door.APPEND}), rate=2, burst=1)
    other = fixed_signer(2)

    async def tell() -> None:
        async with appending(memory_log()) as appends:
            door = visit(listed)
            forged = [(replace(envelope(9), signature=b"no"), SIGNER.public)] * 5
            assert [type(each) for each in await appends.append(forged, door)] == [EntryRejectedError] * 5
            stranger = (envelope(1, signer=other), other.public)
            told = await appends.append([asks(1)[0], stranger, *asks(2, 3)], door)
            assert [type(each) for each in told] == [Receipt, KeyNotAllowedError, Receipt, QuotaError]
            assert [type(each) for each in await appends.append(forged, door)] == [QuotaError] * 5

    asyncio.run(tell())


def test_who_is_known_pays_for_what_is_refused_too() -> None:
    known = Identity(name="ci", token=hash_token("t"), doors=frozenset({Door.APPEND}), rate=1, burst=3)

    async def tell() -> None:
        async with appending(memory_log()) as appends:
            forged = [(replace(envelope(9), signature=b"no"), SIGNER.public)]
            door = visit(known, Caller(token="t"))
            assert [type(each) for each in await appends.append([*forged * 2, *asks(1, 2)], door)] == [
                EntryRejectedError,
                EntryRejectedError,
                Receipt,
                QuotaError,
            ]

    asyncio.run(tell())


def test_a_frozen_log_answers_for_what_it_has_and_does_not_fail() -> None:
    log = memory_log()

    async def tell() -> None:
        async with appending(log) as appends:
            await appends.append(asks(1), visit())
            log.freeze()
            told = await appends.append(asks(1, 2), visit())
            assert [type(each) for each in told] == [Receipt, FrozenError]
            assert not appends.failing.is_set()
            log.freeze(frozen=False)
            assert [each.index for each in await appends.append(asks(1, 2), visit()) if isinstance(each, Receipt)] == [0, 1]

    asyncio.run(tell())


def children() -> set[int]:
    """Return the processes that this thread started."""
    return {int(each) for each in Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children in /proc")
def test_who_waits_for_a_process_that_dies_is_told_and_the_next_one_is_not() -> None:
    async def check() -> None:
        checks, others = Checks(Admission(), processes=1), children()
        await checks.start()
        for process in children() - others:
            os.kill(process, signal.SIGKILL)
        with pytest.raises(LedgerUnavailableError):
            await checks.check(asks(*range(CROWD)))
        assert len(await checks.check(asks(*range(CROWD)))) == CROWD
        await checks.close()

    asyncio.run(check())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's children in /proc")
def test_a_process_that_does_not_listen_yet_is_ended_as_well() -> None:
    async def check() -> None:
        checks, others = Checks(Admission(), processes=1), children()
        await checks.check(asks(*range(CROWD)))
        for _ in range(200):  # it is there, and says nothing yet
            await asyncio.sleep(0)
        assert children() != others
        await checks.close()
        assert children() == others

    asyncio.run(check())


@pytest.mark.parametrize("cut", [0, 3, 10, None], ids=["nothing", "half a length", "half a message", "answers that nobody reads"])
def test_a_process_that_checks_ends_quietly_with_whoever_asked_it(cut: int | None) -> None:
    sent = (format_question([]) + format_question(asks(*range(400))) * 2)[:cut]
    command = [sys.executable, "-m", "byline_ledger.engine.checking"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.communicate(sent, timeout=60)[1] == b""
        assert process.returncode == 0
