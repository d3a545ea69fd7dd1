# SPDX-License-Identifier: Apache-2.0
"""Windows that nobody will close: their agent was killed or crashed in the middle of a call, or its terminal went away.

Such a window ends when the inbox is settled and neither the agent's process nor anything that the agent started in the work tree is left,
or a day after it was opened: the work tree is scanned then, and what changed since the window was opened is the agent's, but for what
others told of meanwhile. A person may have typed some of it after the agent's end, and nobody can tell; as nobody's it could be declared
a person's (decision 0009). So who settles at once (`byline status`) loses least.

What an agent started is known by its environment (`AGENT_VARIABLES`) and by where it works. Where the system tells nothing of processes,
an agent counts as alive for the day.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture import snapshot
from byline.capture.agents import WATCHES, Kind, names_agent
from byline.capture.agents.program import program_of
from byline.capture.clock import now_ns
from byline.capture.processes import is_alive
from byline.capture.scans import scan_worktree
from byline.capture.windows import Scan, parse_states
from byline.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.capture.worktree import WorkTree

STILL_RUNS: Final = "a command left something running: what that writes from now on is not recorded"
_PROCESSES: Final = Path("/proc")


def is_abandoned(opening: Scan) -> bool:
    """Whether the program that opened a window ended without a word: what other agents do since is theirs."""
    if opening.process is not None:
        return snapshot.is_gone(os.fsencode(opening.process))
    pid = program_of(opening.observed)
    return pid is not None and not is_alive(pid)


def has_ended(opening: Scan) -> bool:
    """Whether nothing is left that could go on with what the window of `opening` saw begin."""
    return is_abandoned(opening) and not _is_at_work(Path(opening.top))


def have_ended(orphans: Iterable[str]) -> bool:
    """Whether none of `orphans` (`Scan.orphans`) runs any more."""
    return all(snapshot.is_gone(os.fsencode(each)) for each in orphans)


def end_scan(opening: Scan, worktree: WorkTree) -> Scan:
    """Return the scan of `worktree` as it is now that closes the window of `opening`.

    Raises:
        RepositoryError: Git cannot say what is changed.
        OSError: The contents cannot be kept.
    """
    facts, files = scan_worktree(worktree)
    last = replace(opening.observed, kind=Kind.STOPS)
    head, states = facts["head"] or None, parse_states(tuple(each.removeprefix(b"file=") for each in files))
    # The time is taken after the scan: a commit that came between is looked at by itself, and its files are listed no more.
    return replace(opening, name=f"{opening.name}.end", time=now_ns(), head=head, files=states, observed=last)


def _is_at_work(top: Path) -> bool:
    """Whether a process that an agent started works in the work tree at `top`; this one does not count: a commit may have started it."""
    own = str(os.getpid())
    return any(each.name != own and _was_started_in(each, top) for each in _PROCESSES.glob("[0-9]*"))


def _was_started_in(process: Path, top: Path) -> bool:
    try:
        if not (process / "cwd").readlink().is_relative_to(top):
            return False
        words = os.fsdecode((process / "environ").read_bytes()).split("\0")
    except OSError:  # it has ended, or is another user's
        return False
    environ = {name: value for name, _, value in (word.partition("=") for word in words)}
    return names_agent(environ) or bool(environ.get(WATCHES))
