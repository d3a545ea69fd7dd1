# SPDX-License-Identifier: Apache-2.0
"""Sign what is pending, deliver it, send it: the steps that the commands share which sign something. Then the journal is tidied.

`sign_and_deliver` works in the foreground. `work_in_background` is what git's hooks start: one at a time in a clone
(`attester.pid`), until no mark came in while it worked, silent, and every failure a loss record that `status` and `doctor` show.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.losses import Loss, LossCode, has_losses, record_loss
from byline.core.value import dataclass
from byline.errors import BylineError, TrustError
from byline.flow.attest import AttestReport, attest_pending
from byline.flow.pending import MAX_JOURNAL, folded_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from byline.core.ports import Ledger
    from byline.flow.deliver import DeliverReport
    from byline.flow.workshop import Workshop
    from byline_cli.terminal import Terminal

PID_FILE = "attester.pid"
ROUNDS = 20  # commits that come in while the attester works are its own; a fault must not keep it alive for ever
PATIENCE = 60.0
KEEP = "byline.keepDays"  # for how many days what nothing pending needs is kept all the same
MAX_DIGITS = 6
FAILURES = (BylineError, OSError, sqlite3.Error)  # what may go wrong while nobody listens


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was signed, and what was delivered."""

    attested: AttestReport
    delivered: DeliverReport


def sign_and_deliver(workshop: Workshop, *, revisions: Sequence[str] = (), seconds: float = PATIENCE, sweeps: bool = True) -> Work:
    """Sign what is pending (`sweeps`: marked by a hook or not) and deliver it to the ledger and to the evidence of this clone.

    Raises:
        RepositoryError: Git cannot say what a revision is, or cannot write evidence.
        OSError: The disk is full or not writable.
    """
    attested = attest_pending(workshop, revisions=revisions, seconds=seconds, sweeps=sweeps)
    return Work(attested=attested, delivered=deliver_here(workshop))


def deliver_here(workshop: Workshop) -> DeliverReport:
    """Deliver what is in the outbox to the ledger that trust names; where trust cannot be read it waits, for none may be guessed.

    Raises:
        ConfigError: A ledger is named that cannot be talked to from here.
        RepositoryError: Git cannot write evidence.
        OSError: The disk is full or not writable.
    """
    # What delivers is imported when everything is signed and durable.
    from byline.flow.deliver import deliver
    from byline_cli.wiring import open_ledger

    ledger: Ledger | TrustError
    try:
        ledger = open_ledger(workshop)
    except TrustError as error:
        ledger = error
    return deliver(workshop, ledger)


def deliver_and_send(workshop: Workshop, terminal: Terminal, *, is_aside: bool = False) -> None:
    """Send what a person has just signed on its way, to the ledger and to the first remote; what cannot go now waits, and that is said.

    That is said on standard error where it `is_aside`: the answer is another's.

    Raises:
        RepositoryError: Git cannot write evidence.
        OSError: The disk is full or not writable.
    """
    from byline.flow.deliver import push_evidence

    tell_waiting(deliver_here(workshop), terminal)
    for remote in workshop.repo.remotes()[:1]:
        try:
            report = push_evidence(workshop, remote, trust=workshop.trust, at=datetime.now(UTC))
        except BylineError as error:
            terminal.note(f"note: not sent to {remote} yet ({error}); byline push --evidence-only sends it")
            continue
        said = f"sent to {remote}" if report.sent else f"not taken by {remote}: {report.message}; byline push --evidence-only tries again"
        (terminal.note if is_aside else terminal.line)(said)


def tell_waiting(done: DeliverReport, terminal: Terminal) -> None:
    """Say why what was signed is not logged yet, if it is not."""
    if done.problem:
        terminal.note(f"note: in the outbox, to be logged later: {done.problem}")
        terminal.hint(done.hint)


def work_in_background(workshop: Workshop, remote: str | None, *, sends: bool) -> None:
    """Do what hooks marked, or everything if a push to `remote` asks, and then send the evidence there. Never raises, never speaks."""
    pid = workshop.place / PID_FILE
    for _ in range(ROUNDS):
        known = _marks(workshop.place)
        try:
            _put_own(pid)
            sign_and_deliver(workshop, sweeps=bool(remote))
        except FAILURES as error:
            record_failure(workshop.place, error)
            break
        finally:
            _remove_own(pid)
        # A hook that left its mark before the file was gone found an attester at work, and started none. What was there before and
        # stays is being written or torn, and waits for another time.
        if _marks(workshop.place) <= known:
            break
    if sends and remote and remote in workshop.repo.remotes():
        from byline.flow.deliver import push_evidence
        from byline_cli.identity import find_trust

        try:
            push_evidence(workshop, remote, trust=find_trust(workshop.repo), at=datetime.now(UTC))
        except FAILURES as error:
            record_failure(workshop.place, error)
    tidy(workshop)


def tidy(workshop: Workshop) -> None:
    """Compact the journal where it has grown long, and drop old losses. Nobody asked for it: what goes wrong is recorded and no more."""
    lossy = [folder for folder in (workshop.place, workshop.inbox) if has_losses(folder)]
    if not lossy and folded_bytes(workshop.place) <= MAX_JOURNAL:
        return
    from byline.flow.compaction import DAY, Limits, compact, drop_losses

    try:
        days, at = workshop.repo.config_get(KEEP) or "", time.time_ns()
        limits = Limits(seen=int(days) * DAY) if days.isascii() and days.isdigit() and len(days) < MAX_DIGITS else Limits()
        for folder in lossy:
            drop_losses(folder, before=at - limits.seen)
        compact(workshop, at=at, limits=limits)
    except FAILURES as error:
        record_failure(workshop.place, error)


def leave_terminal(place: Path) -> None:
    """Let go of the terminal and the session of whoever started this, so that nothing waits for it."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.setsid()
    except PermissionError:  # the shell has made this process the leader of its group already
        return


def record_failure(place: Path, error: Exception) -> None:
    """Record in `place` what went wrong in the background."""
    told = f"{error} ({error.code})" if isinstance(error, BylineError) else f"{type(error).__name__}: {error}"
    record_loss(place, Loss(code=LossCode.FAILED, message=f"attest: {told}", source="byline attest", time=time.time_ns()))


def _marks(place: Path) -> frozenset[tuple[str, int]]:
    """The marks that hooks left and nobody took, each with its size: one that has grown is another."""
    found = set()
    with suppress(FileNotFoundError), os.scandir(place / "marks") as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another attester has just taken it
                found.add((entry.name, entry.stat().st_size))
    return frozenset(found)


def _put_own(pid: Path) -> None:
    """Say in the file `pid` who works here, and in no file that a link of somebody who shares the clone leads to; work goes on without."""
    with suppress(OSError):
        handle = os.open(pid, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with open(handle, "w") as file:  # noqa: PTH123 - a descriptor
            file.write(f"{os.getpid()}\n")


def _remove_own(pid: Path) -> None:
    """Remove the file `pid` unless another attester has put its own number there."""
    with suppress(OSError):
        if pid.read_text() == f"{os.getpid()}\n":
            pid.unlink()
