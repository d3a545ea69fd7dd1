# SPDX-License-Identifier: Apache-2.0
"""How a session's edits get into the journals, and why nothing of that can hurt the agent.

Each edit is one record in the journal of the repository that holds the file; its bytes are kept before it. Nothing is signed, sent or
waited for. Trouble is a loss that `byline status` shows, and makes `incomplete` true.

The edits of one process in one repository are counted (`seq`, under a name that no other process has), so that a gap can be seen. A
process that was forked counts anew, under a name of its own and with a lock of its own: its parent's may be held by a thread that does
not exist there. Times never go back in a journal, also where the clock of the files stands still, or is set back by less than a day: in
another order edits would not fit each other, and what does not fit a person may declare.
"""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.agents import Attempt, Kind, Observed, clean
from byline.capture.ask_git import ignored_paths
from byline.capture.clock import now_ns
from byline.capture.clone import settle_repository
from byline.capture.contents import MAX_CONTENT, Contents
from byline.capture.inbox import list_arrivals
from byline.capture.journal import append_edit, find_events, last_time, read_recent
from byline.capture.loose import is_loose, make_loose
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.permission import Permissions
from byline.capture.places import inbox_dir, loose_dir, prepare_repository, repository_dir
from byline.capture.prompts import NO_ROOM, commits_prompts, keep_prompt
from byline.capture.scribe import is_told
from byline.capture.worktree import Routed, find_worktree, is_gits_own, read_head, read_in_progress, route
from byline.core.attribution import Channel, Evidence
from byline.core.edit import Edit
from byline.core.value import dataclass, replace
from byline.errors import RefusedError
from byline.log.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ParamSpec, TypeVar

    from byline.capture.worktree import WorkTree
    from byline.core.attribution import Agent
    from byline.flow.tools import StrPath

    Given = ParamSpec("Given")
    Value = TypeVar("Value")

MOST_ASKED = 10_000  # files of which is remembered whether git ignores them
LEAST_FREE = 64_000_000  # bytes of the disk that are left to others
DAY_NS = 24 * 3600 * 10**9
MEASURED = 64  # edits, after which it is looked again how much room there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The agent's own words for a call, for the tool that it called, and for the model that asked for it, as far as it has any."""

    id: str | None = None
    tool: str | None = None
    model: str | None = None

    def made_by(self, agent: Agent) -> Agent:
        """Return `agent` as it was in this call."""
        return replace(agent, model=model) if (model := word(self.model)) else agent


class _Process:
    """What one process knows of a session."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.name = os.urandom(4).hex()
        self.lock = threading.RLock()  # the handler of a signal that comes in the middle of a write may write, too
        self.seq: dict[Path, int] = {}
        self.time = 0
        self.ignored: dict[tuple[str, bytes], bool] = {}
        self.loose: WorkTree | None = None
        self.asked = 0
        self.keeps_prompts: bool | None = None


class Recorder:
    """Writes the edits of the session `session`, which came in through `channel`. Safe for threads and forks.

    `on_behalf_of` is the principal who lets the agent act, None where nobody said so.
    """

    def __init__(self, session: str, root: Path, channel: Channel, on_behalf_of: str | None) -> None:
        self.session = session
        self.root = root
        self.channel = channel
        self.on_behalf_of = on_behalf_of
        self.incomplete = False
        self.asked: str | None = None  # what the agent was asked last
        self.places: frozenset[Path] = frozenset()
        self._process = _Process()
        self._permissions = Permissions(os.environ)

    @property
    def lock(self) -> threading.RLock:
        """What holds off the other threads of this process."""
        return self._here().lock

    def record(self, file: Path, sides: tuple[bytes | None, bytes | None], *, by: Agent, call: Call, follow: bool = True) -> Edit | None:
        """Record that `by` made the bytes `sides[1]` of `sides[0]` in the file at `file` (None: no file); never raises.

        Return the edit, or None where there is nothing to record: no change, no repository, a file that git ignores. A symbolic link
        stands for its target, unless it is not to `follow`. Hold `lock`.
        """
        return self.guard("an edit was not recorded", self._record, file, sides, by, call, follow=follow)

    def permit(self, paths: Iterable[StrPath], *, by: Agent, call: Call, command: str | None = None, cwd: StrPath | None = None) -> None:
        """Check that `by` may write `paths`, and run the shell line `command` in `cwd`; all of them from the root.

        Raises:
            RefusedError: It may not, or only where a person says yes. That is recorded.
        """
        who, asked, used = call.made_by(by), word(call.id), word(call.tool)
        told = Observed(kind=Kind.OPENS, agent=who, session=self.session, call=asked, tool=used, channel=self.channel)
        files = tuple(str(self.root / path) for path in paths)
        attempt = Attempt(observed=told, cwd=str(self.root / (cwd or ".")), paths=files, command=command)
        refused = self._permissions.judge(attempt)
        if refused is not None:
            ruling = refused.ruling
            raise RefusedError(refused.message, effect=ruling.effect.value, rule=ruling.rule, what=ruling.what)

    def guard(self, trouble: str, act: Callable[Given, Value], *args: Given.args, **kwargs: Given.kwargs) -> Value | None:
        """Return what `act` does; what it raises is the loss `trouble`, and None."""
        try:
            return act(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - trouble with the record must never reach the agent
            self.lose(LossCode.FAILED, f"{trouble}: {type(error).__name__}: {error}")
            return None

    def lose(self, code: LossCode, message: str, place: Path | None = None) -> None:
        """Record a loss beside the journal in `place`, or in the inbox."""
        self.incomplete = True
        folder = inbox_dir(os.environ) if place is None else place
        record_loss(folder, Loss(code=code, message=message, source=f"session {self.session}", time=now_ns()))

    def read_places(self) -> frozenset[Path]:
        """Return Byline's folders in which edits of the session may be: those it wrote to, and the root's."""
        worktree = find_worktree(Path(os.path.realpath(self.root))) or self.loose()
        return self.places | ({repository_dir(worktree.common_dir)} if worktree else set())

    def find_edits(self) -> list[Edit]:
        """Return the edits of the session that are in the journals, in order; what waits for that is settled first.

        Raises:
            OSError: A journal cannot be read.
        """
        places = sorted(self.read_places())
        for place in places:  # all of them before any is read: a repository may take over what was recorded without one
            settle_repository(place, inbox_dir(os.environ))
        events = (event for place in places for event in find_events(place, [self.session.encode()]))
        found = [event for event in events if isinstance(event, Edit) and event.session == self.session]
        return sorted(found, key=lambda edit: (edit.time, edit.name))

    def count_waiting(self) -> int:
        """Return how much waits here to be settled or delivered.

        Raises:
            OSError: A folder cannot be read.
        """
        outboxes = [Outbox(place).folder for place in self.read_places()]
        statements = sum(1 for folder in outboxes if folder.is_dir() for _ in folder.glob("*.json"))
        return len(list_arrivals(inbox_dir(os.environ))) + statements

    def tick(self, after: int = 0) -> int:
        """Return the time, later than any that was returned before, and than `after`, if that is not a day away. Hold `lock`."""
        here, now = self._here(), now_ns()
        here.time = max(here.time + 1, now, after + 1 if after - now < DAY_NS else 0)
        return here.time

    def _here(self) -> _Process:
        here = self._process
        if here.pid != os.getpid():
            # Two threads of a new process may both come here: each then has a name of its own, which is as good.
            here = self._process = _Process()
        return here

    def _record(self, file: Path, sides: tuple[bytes | None, bytes | None], by: Agent, call: Call, *, follow: bool) -> Edit | None:
        before, after = sides
        routed = None if before == after else self.find(file, follow=follow)
        if routed is None:
            return None
        worktree = routed.worktree
        place = self.prepare(worktree)
        self.places |= {place}
        contents = Contents(place, worktree.algorithm)
        largest = max(len(after or b""), len(before or b""))
        if largest > MAX_CONTENT:
            self.lose(LossCode.OVERSIZED, f"{largest} bytes: {os.fsdecode(routed.path)}", place)
        here = self._here()
        seq = here.seq[place] = here.seq.get(place, 0) + 1
        edit = Edit(
            worktree=str(worktree.git_dir),
            path=routed.path,
            before=None if before is None else contents.put(before),
            after=None if after is None else contents.put(after),
            by=call.made_by(by),
            evidence=Evidence.ATTESTED,
            channel=self.channel,
            session=self.session,
            call=word(call.id),
            tool=word(call.tool),
            head=read_head(worktree),
            in_progress=read_in_progress(worktree),
            time=self.tick(last_time(place)),
            seq=seq,
            name=f"edit.{self.channel}.{self.session}.{here.name}.{seq:08d}",
            on_behalf_of=self.on_behalf_of,
        )
        if self.channel is Channel.PROXY and self._is_told(place, edit):
            return None
        append_edit(place, edit)
        return edit

    def _is_told(self, place: Path, edit: Edit) -> bool:
        """Whether the agent's own hooks told of what a proxy heard."""
        settle_repository(place, inbox_dir(os.environ))
        return is_told(edit, [event for event in read_recent(place) if isinstance(event, Edit)])

    def keep_prompt(self, text: str, by: Agent) -> None:
        """Keep what `by` is asked for, in the repository around the root, where the person wants that. Hold `lock`.

        Raises:
            OSError: It cannot be kept.
        """
        self.asked = text
        worktree, here = find_worktree(Path(os.path.realpath(self.root))), self._here()
        if here.keeps_prompts is None:
            here.keeps_prompts = worktree is not None and commits_prompts(worktree)
        if worktree is None or not here.keeps_prompts:
            return
        place, time = self.prepare(worktree), self.tick()
        name = f"prompt.{self.channel}.{here.name}"
        if not keep_prompt(worktree, text, agent=by.name, session=self.session, time=time, name=name):
            self.lose(LossCode.OVERSIZED, NO_ROOM, place)

    def prepare(self, worktree: WorkTree) -> Path:
        """Return Byline's folder of the clone that `worktree` belongs to, ready to be written to.

        Raises:
            OSError: It cannot be made, or the disk is nearly full: what is left of it is not ours to fill.
        """
        place = prepare_repository(worktree.common_dir)
        disk = os.statvfs(place)
        if disk.f_bavail * disk.f_frsize < LEAST_FREE:
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        return place

    def find(self, file: Path, *, follow: bool = True) -> Routed | None:
        """Return where an edit of `file` is recorded, as `route`; None where git ignores it, too. Hold `lock`."""
        routed = self.route(file, follow=follow)
        return None if routed is None or (not is_loose(routed.worktree) and self._is_ignored(routed)) else routed

    def route(self, file: Path, *, follow: bool = True) -> Routed | None:
        """Return where `file` belongs: to a repository, or to the root without one; None where to neither."""
        return route(str(file), follow=follow) or self._route_loose(file, follow=follow)

    def _route_loose(self, file: Path, *, follow: bool) -> Routed | None:
        """Return where `file` belongs that lies below the root, and in no repository."""
        real = Path(os.path.realpath(file)) if follow else Path(os.path.realpath(file.parent)) / file.name
        worktree = None if is_gits_own(str(file)) else self.loose()
        if worktree is None or worktree.top not in real.parents:
            return None
        return Routed(worktree=worktree, path=os.fsencode(real.relative_to(worktree.top).as_posix()))

    def loose(self) -> WorkTree | None:
        """Return the root as a work tree without git; None where it lies in a repository, or has no room left.

        Raises:
            OSError: There is no place for its edits.
        """
        root = Path(os.path.realpath(self.root))
        if find_worktree(root) is not None:
            return None
        here = self._here()
        here.asked += 1
        if here.loose is None or here.asked % MEASURED == 0:
            here.loose = make_loose(loose_dir(os.environ), root)
            if here.loose is None:
                self.lose(LossCode.OVERSIZED, f"a folder without git has no room left for more edits: {root}")
        return here.loose

    def _is_ignored(self, routed: Routed) -> bool:
        known = self._here().ignored
        key = str(routed.worktree.git_dir), routed.path
        if key not in known:
            if len(known) >= MOST_ASKED:
                known.clear()
            known[key] = bool(ignored_paths(routed.worktree, (routed.path,)))
        return known[key]


def word(text: str | None) -> str | None:
    """Return `text` as a record may hold it; None for what is none."""
    return clean(text).strip() or None if text is not None else None
