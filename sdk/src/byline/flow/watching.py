# SPDX-License-Identifier: Apache-2.0
# Of a name that no file can have, which a model may well come up with, `os.path` says no, and `Path` raises.
# ruff: noqa: PTH112, PTH113
"""What changes while something runs: `session.watch`, for shells, generators and tools that write files by themselves.

    with session.watch(tool="bash", call_id="c1") as watch:
        subprocess.run(command, env=session.environ())
    [edit.path for edit in watch.records]

A file that `paths` names is read before and after, and what changed is an edit as if the session had written it (`attested`); what it
was before waits in the inbox meanwhile, for what is left of a program that is killed, and for a commit that is made in the block. A folder
is scanned, the whole work tree around the session's root where there are no `paths`: what is changed in git or untracked, before and
after. The two scans go into the inbox, as those of an agent's hooks do, and are compared when somebody asks (`records`, `byline status`,
the attester): what changed between them is the session's (`observed`), but for what another edit meanwhile says is somebody's. So a
change between two watches is never the agent's, one within is, whoever typed it. Of watches side by side that saw the same change
nobody knows whose it was: calls of one session share it (`call` is then `c1,c2`), two agents are both named, and it is a loss
`BL-LOSS-6`. A watch inside another one has what it saw for itself.

No watch waits for another one, and none raises: what could not be seen is a loss, and `session.incomplete` is True. A change counts
as well where the block raises.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.agents import ON_BEHALF_OF, Kind, Observed, program
from byline.capture.clone import settle_repository
from byline.capture.cut import journal_end
from byline.capture.disk import read_file
from byline.capture.elsewhere import BEGAN, ENDED, note_elsewhere
from byline.capture.inbox import put_payload
from byline.capture.journal import FILE, read_events
from byline.capture.losses import LossCode
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.scans import list_files, scan_worktree, with_submodules
from byline.core.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from byline.capture.worktree import WorkTree
    from byline.core.attribution import Agent
    from byline.flow.recording import Call, Recorder

MOST_WAITING: Final = 500  # payloads in the inbox, before a watch settles them itself

# The watches that are open where the program is now, the innermost last; tasks and copied contexts have those they were started in.
_OPEN: ContextVar[tuple[Watch, ...]] = ContextVar("byline_watches", default=())


def call_of(recorder: Recorder) -> Call | None:
    """Return the call that the innermost open watch of this session is about."""
    return next((watch.call for watch in reversed(_OPEN.get()) if watch.recorder is recorder), None)


def windows_now(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the windows that are open where the program is now, and around its process, as `environ` tells."""
    return (*program.windows_around(environ), *(watch.name for watch in _OPEN.get()))


class Watch:
    """A window around a block, for `with` and `async with`; made by `Session.watch`. For one use."""

    def __init__(self, recorder: Recorder, by: Agent, call: Call, *, root: Path, paths: Sequence[Path] | None) -> None:
        self.recorder = recorder
        self.call = call
        self._by = by
        self._pid = os.getpid()
        self.name = f"{self._pid}.{os.urandom(8).hex()}"
        self._files = tuple(path for path in paths or () if not os.path.isdir(path))
        self._folders = [(path, False) for path in paths if os.path.isdir(path)] if paths is not None else [(root, True)]
        self._before: dict[Path, bytes | None] = {}
        self._unread: dict[Path, tuple[int, int, int] | None] = {}  # how those looked that have no bytes there
        self._trees: list[tuple[WorkTree, tuple[bytes, ...]]] = []
        self._begin_of: dict[Path, int] = {}  # where the journals ended then
        self._noted: list[str] = []  # the names of what was spooled of the files at the beginning
        self._scans: list[str] = []  # and at the end
        self._edits: list[Edit] = []
        self._lock = threading.Lock()  # a task that is cancelled may end it while it begins
        self._is_over = False

    def __enter__(self) -> Self:
        self._begin()
        _OPEN.set((*_OPEN.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()
        self._end()

    async def __aenter__(self) -> Self:
        await self._in_thread(self._begin)
        _OPEN.set((*_OPEN.get(), self))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()
        await self._in_thread(self._end)

    async def _in_thread(self, act: Callable[[], None]) -> None:
        """Do `act` in a thread; where the task is cancelled meanwhile, the watch ends in one that no loop can cancel."""
        from asyncio import CancelledError, to_thread

        try:
            await to_thread(act)
        except CancelledError:
            threading.Thread(target=self._end).start()
            raise

    @property
    def records(self) -> tuple[Edit, ...]:
        """The edits that the watch found; empty before its end. Where a commit took a change away, that stands with the commit."""
        found = list(self._edits)
        for place, begin in self._begin_of.items():
            found += self.recorder.guard("a watch was not settled", self._settled, place, begin) or ()
        return tuple(sorted(found, key=lambda edit: (edit.time, edit.name)))

    def _settled(self, place: Path, begin: int) -> list[Edit]:
        settle_repository(place, inbox_dir(os.environ))
        later = read_events(place, begin).events
        return [event for event in later if isinstance(event, Edit) and event.name.partition(":")[0] in self._scans]

    def _leave(self) -> None:
        _OPEN.set(tuple(watch for watch in _OPEN.get() if watch is not self))

    def _begin(self) -> None:
        with self._lock:
            if not self._is_over:
                self._look()

    def _end(self) -> None:
        with self._lock:
            if not self._is_over and self._pid == os.getpid():  # a forked process leaves the block, too
                self._is_over = True
                self._look_again()

    def _look(self) -> None:
        if self._files:
            with self.recorder.lock:
                time = self.recorder.tick()
            self._before = {file: read_file(file) for file in self._files}
            self._unread = {file: _look_of(file) for file, data in self._before.items() if data is None}
            self.recorder.guard("a watch was not begun", self._note, time)
        for folder, whole in self._folders:
            self.recorder.guard("a watch was not begun", self._open, folder, whole=whole)

    def _open(self, folder: Path, *, whole: bool) -> None:
        with self.recorder.lock:
            time = self.recorder.tick()
        for worktree, under in self._around(folder, whole=whole):
            place = self.recorder.prepare(worktree)
            self._begin_of.setdefault(place, journal_end(place / FILE))
            self._spool(worktree, under, Kind.OPENS, time)
            self._trees.append((worktree, under))

    def _note(self, time: int) -> None:
        """Say in the inbox which files may change and how they are, until the end: the program may be killed, or a commit made, before."""
        found: dict[WorkTree, dict[bytes, bytes | None]] = {}
        for file, data in self._before.items():
            with suppress(ValueError):  # no file can have that name
                if (routed := self.recorder.route(file)) is not None:
                    found.setdefault(routed.worktree, {})[routed.path] = data
        with suppress(OSError):  # the end of the watch tells of what is wrong, or needs no inbox
            for worktree, files in found.items():
                self.recorder.prepare(worktree)
                self._noted.append(self._put(list_files(worktree, files), Kind.OPENS, time))

    def _around(self, folder: Path, *, whole: bool) -> Iterator[tuple[WorkTree, tuple[bytes, ...]]]:
        """Yield the work trees in which `folder` has files, with the folders there that it has them in (none: everywhere).

        `whole`: all of the work tree that holds it, submodules too.
        """
        real = Path(os.path.realpath(folder))
        trees = [*with_submodules(real)]
        if not trees and (loose := self.recorder.loose()) is not None:
            trees = [loose]
        for each in trees:
            if whole or real in (each.top, *each.top.parents):
                yield each, ()
            elif each.top in real.parents:
                yield each, (os.fsencode(real.relative_to(each.top).as_posix()),)

    def _look_again(self) -> None:
        for file, before in self._before.items():
            for each, old in [(file, before)] if not os.path.isdir(file) else [(each, None) for each in sorted(file.rglob("*"))]:
                after = read_file(each)
                if after is None and os.path.isfile(each):
                    self._miss(each)
                    continue
                with self.recorder.lock:
                    edit = self.recorder.record(each, (old, after), by=self._by, call=self.call)
                self._edits += [edit] if edit else []
        for name in self._noted:
            (inbox_dir(os.environ) / f"{name}.spool").unlink(missing_ok=True)
        for worktree, under in self._trees:
            scanned = self.recorder.guard("a watch has no end", self._spool, worktree, under, Kind.CLOSES)
            self._scans += [scanned] if scanned else []
        self.recorder.guard("the inbox was not settled", self._relieve)

    def _miss(self, file: Path) -> None:
        """Tell that `file` cannot be read, if it changed and would be recorded."""
        if _look_of(file) == self._unread.get(file):
            return
        with self.recorder.lock:
            found = self.recorder.guard("an edit was not recorded", self.recorder.find, file)
        if found is not None:
            self.recorder.lose(LossCode.OVERSIZED, f"too large to be read, or not to be read: {file}")

    def _spool(self, worktree: WorkTree, under: tuple[bytes, ...], kind: Kind, time: int | None = None) -> str:
        """Spool a scan and return its name. It happened at `time`: what came later, and is seen, was made in the window; or else now."""
        name = self._put(scan_worktree(worktree, under), kind, time)
        note_elsewhere(worktree, inbox_dir(os.environ), program.ADAPTER.name, call=BEGAN if kind is Kind.OPENS else ENDED)
        return name

    def _put(self, scan: tuple[dict[str, str], tuple[bytes, ...]], kind: Kind, time: int | None) -> str:
        said = Observed(
            kind=kind,
            agent=self.call.made_by(self._by),
            session=self.recorder.session,
            call=self.call.id,
            tool=self.call.tool,
            channel=self.recorder.channel,
            window=self.name,
            inside=tuple(name for name in windows_now(os.environ) if name != self.name),
        )
        facts, files = scan
        facts = facts | {ON_BEHALF_OF: self.recorder.on_behalf_of or ""}
        inbox = inbox_dir(os.environ)
        name = put_payload(
            inbox, agent=program.ADAPTER.name, facts=facts, files=files, payload=program.format_payload(said), window=self.name
        )
        with self.recorder.lock:
            at = time or self.recorder.tick()
        os.utime(inbox / f"{name}.spool", ns=(at, at))
        return name

    def _relieve(self) -> None:
        """Settle the inbox where nobody has done so for long."""
        if self._trees and len(os.listdir(inbox_dir(os.environ))) > MOST_WAITING:  # noqa: PTH208 - names only
            settle_repository(repository_dir(self._trees[0][0].common_dir), inbox_dir(os.environ))


def _look_of(file: Path) -> tuple[int, int, int] | None:
    """Return by what one sees that `file` was changed, without reading it; None where there is none."""
    try:
        status = file.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
