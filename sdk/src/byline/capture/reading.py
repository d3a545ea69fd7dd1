# SPDX-License-Identifier: Apache-2.0
"""Reading the inbox: what a spooled payload says, in which clone its hook ran, and what is known of the edits that it tells of.

    reader = Reader(inbox, scribe, here)              # `here`: the clone that asks, if one does
    reader.read_scan(arrival)                         # -> Scan(top="/repo", head="3f1c...", ...)
    reader.read_payload(arrival)                      # -> Told(observed=..., top="/repo", moved=None)
    reader.occasion(arrival, told.observed)           # -> Occasion(by=Agent(name="claude-code", model="..."), ...)

Of what belongs to a clone that is not to be seen from here both are None: it waits for that one (`capture.astray`), or is a loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.agents import Kind, acts_for
from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline.capture.agents.program import windows_around
from byline.capture.astray import GONE, send_astray, stands
from byline.capture.clock import format_time
from byline.capture.disk import read_tail
from byline.capture.inbox import read_arrival
from byline.capture.loose import find_loose
from byline.capture.losses import LossCode
from byline.capture.scribe import Occasion
from byline.capture.windows import read_scan
from byline.capture.worktree import find_moved, find_worktree
from byline.core.value import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.capture.agents import Observed
    from byline.capture.inbox import Arrival, Spooled
    from byline.capture.scribe import Scribe
    from byline.capture.windows import Scan
    from byline.capture.worktree import Clone, Moved, WorkTree
    from byline.core.edit import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a payload without a scan says, and the work tree in which its hook ran: its top (empty: none), and where it is if it moved."""

    observed: Observed
    moved: Moved | None
    top: str


class Reader:
    """The reader of one run, under the inbox's lock. `seen` says when each agent was last heard."""

    def __init__(self, inbox: Path, scribe: Scribe, here: Clone | None) -> None:
        self._inbox = inbox
        self._scribe = scribe
        self._here = here
        self._transcript: tuple[str, bytes] | None = None
        self.seen: dict[str, int] = {}

    def read_scan(self, arrival: Arrival) -> Scan | None:
        """Return the scan that was spooled; None where it is of another clone.

        Raises:
            MalformedError: It is not what a hook spools, or not what its agent sends.
            OSError: It cannot be read.
        """
        spooled = read_arrival(arrival)
        observed = self._parse(arrival, spooled)
        if self._is_astray(arrival, observed, spooled.facts):
            return None
        return read_scan(arrival.name, arrival.time, spooled, observed)

    def read_payload(self, arrival: Arrival) -> Told | None:
        """Return what was spooled without a scan; None where it is of another clone.

        Raises:
            MalformedError: As `read_scan`.
            OSError: It cannot be read.
        """
        spooled = read_arrival(arrival)
        top = spooled.facts.get("top", "")
        observed = self._parse(arrival, spooled)
        if observed.kind is Kind.CLOSES and not (top or observed.only):
            observed = replace(observed, kind=Kind.NOTHING)  # its command ran outside every work tree
        if self._is_astray(arrival, observed, spooled.facts):
            return None
        return Told(observed=observed, moved=self._follow(spooled.facts), top=top)

    def find_worktree(self, scan: Scan) -> WorkTree | None:
        """Return the work tree that `scan` is of, where it stands now."""
        moved = find_moved(scan.top, scan.worktree, scan.clone, self._here)
        return moved.worktree if moved else find_loose(scan.worktree) or find_worktree(Path(scan.top))

    def occasion(self, source: Arrival | Mark, observed: Observed) -> Occasion:
        """Return what is known of the edits of which `observed` tells, as of the time and the name of `source`; the model, too."""
        by = replace(observed.agent, model=self._model(observed))
        return Occasion(
            by=by,
            session=observed.session,
            call=observed.call,
            tool=observed.tool,
            channel=observed.channel,
            time=source.time,
            name=source.name,
            on_behalf_of=observed.on_behalf_of,
        )

    def _follow(self, facts: Mapping[str, str]) -> Moved | None:
        top, git_dir, clone = (facts.get(name, "") for name in ("top", "gitdir", "clone"))
        return find_moved(top, git_dir, clone, self._here) if top and git_dir else None

    def _is_astray(self, arrival: Arrival, observed: Observed, facts: Mapping[str, str]) -> bool:
        """Whether the hook ran in a clone that cannot be seen from here: then what it spooled waits for that one, or is a loss."""
        top, clone = facts.get("top", ""), facts.get("clone", "")
        is_here = not top or observed.kind is Kind.NOTHING or self._follow(facts) or find_loose(facts.get("gitdir", ""))
        if is_here or stands(top, clone):
            return False
        if send_astray(self._inbox, arrival.path, clone):
            return True
        self._scribe.lose(LossCode.ASTRAY, GONE, self.occasion(arrival, observed))
        return False

    def _parse(self, arrival: Arrival, spooled: Spooled) -> Observed:
        observed = find_adapter(spooled.agent).parse_payload(spooled.payload, spooled.facts)
        if (name := observed.agent.name) in AGENTS:
            self.seen[name] = max(arrival.time, self.seen.get(name, 0))
        inside, moment = (*windows_around(spooled.facts), *observed.inside), observed.moment or format_time(arrival.time)
        return replace(observed, on_behalf_of=acts_for(spooled.facts), inside=inside, moment=moment)

    def _model(self, observed: Observed) -> str | None:
        if observed.agent.model or observed.transcript is None:
            return observed.agent.model
        find_model = find_adapter(observed.agent.name).find_model
        if find_model is None:
            return None
        if self._transcript is None or self._transcript[0] != observed.transcript:
            self._transcript = observed.transcript, read_tail(Path(observed.transcript).expanduser()) or b""
        return find_model(self._transcript[1], observed)
