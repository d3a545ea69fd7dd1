# SPDX-License-Identifier: Apache-2.0
r"""Three lines with which an agent records its own edits: `byline.session`.

    import byline

    with byline.session(agent="reviewer", model="example/model-1") as session:
        session.write("greeting.py", "print('hello')\n")
        session.edit("greeting.py", "hello", "good morning")

The session writes the files itself, atomically, and each write is an edit in the journal of the repository that holds the file:
`attested` evidence, channel `sdk`. Nothing else happens then: no git process but one to ask about ignored files, no signature, no
network. What goes wrong with a *file* is raised, as `open` would; what goes wrong with the *record* never is: it is a loss that
`byline status` shows, and `session.incomplete` is True. The edits in each repository are counted (`seq`), so that a gap can be seen.

A session can be shared by threads and used from async code (each call is short; `asyncio.to_thread` keeps a loop free). Two sessions
may write one file: the last one wins on disk, and the journal holds both.
"""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.agents import acts_for
from byline.capture.ask_git import ignored_paths
from byline.capture.contents import MAX_CONTENT, Contents
from byline.capture.journal import append_edit, now_ns
from byline.capture.losses import Loss, LossCode, clean, record_loss
from byline.capture.places import inbox_dir, prepare_repository
from byline.capture.worktree import read_head, read_in_progress, route
from byline.core.attribution import Agent, Channel, Evidence, answers
from byline.core.edit import Edit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from byline.capture.worktree import Routed


def session(
    *,
    agent: str,
    model: str | None = None,
    version: str | None = None,
    root: str | os.PathLike[str] = ".",
    session_id: str | None = None,
    on_behalf_of: str | None = None,
) -> Session:
    """Return a session in which `agent`, driven by `model`, edits files below `root`.

    `model` is `provider/name`, or the agent's own word for it. `session_id` continues a session that another process began. `on_behalf_of`
    is the principal who lets the agent act (`p-...`, `s-...`); None is whom `BYLINE_ON_BEHALF_OF` names, else whoever signs.

    Raises:
        ValueError: `agent` is empty, or `on_behalf_of` is no id of a person or a service.
    """
    name = clean(agent).strip()
    if not name:
        raise ValueError("an agent needs a name")
    if on_behalf_of is not None and not answers(on_behalf_of):
        raise ValueError("on_behalf_of is the id of a person (p-...) or of a service (s-...)")
    by, principal = Agent(name=name, version=_word(version), model=_word(model)), on_behalf_of or acts_for(os.environ)
    return Session(by, principal, Path(os.path.abspath(root)), clean(session_id) if session_id else os.urandom(16).hex())  # noqa: PTH100 - keeps links


class Session:
    """One run of one agent; made by `byline.session`. `id` names it in the journal."""

    def __init__(self, by: Agent, on_behalf_of: str | None, root: Path, session_id: str) -> None:
        self.id = session_id
        self.incomplete = False
        self._by = by
        self._on_behalf_of = on_behalf_of
        self._root = root
        self._lock = threading.Lock()
        self._seq: dict[Path, int] = {}  # how many edits each repository has of it
        self._time = 0
        self._ignored: dict[tuple[str, bytes], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the session; what was written stays, whatever happened."""

    def write(self, path: str | os.PathLike[str], content: str | bytes, *, call_id: str | None = None) -> None:
        """Make `content` (text as UTF-8) the whole of the file at `path`, new or not, and record the edit.

        `path` is relative to the session's root. The file is replaced at once or not at all; its mode stays, a symbolic link is followed.

        Raises:
            OSError: The file cannot be written.
        """
        data = content.encode() if isinstance(content, str) else content
        with self._lock:
            file = self._resolve(path)
            self._replace(file, _read(file), data, call_id)

    def edit(self, path: str | os.PathLike[str], old: str, new: str, *, call_id: str | None = None) -> None:
        """Replace the one occurrence of `old` in the file at `path` by `new`, and record the edit.

        Raises:
            ValueError: `old` does not occur exactly once.
            OSError: The file cannot be read or written.
        """
        with self._lock:
            file = self._resolve(path)
            before = file.read_bytes()
            count = before.count(old.encode()) if old else 0
            if count != 1:
                raise ValueError(f"the text to replace occurs {count} times in {os.fspath(path)!r}, not once")
            self._replace(file, before, before.replace(old.encode(), new.encode()), call_id)

    def _resolve(self, path: str | os.PathLike[str]) -> Path:
        return Path(os.path.realpath(self._root / path))

    def _replace(self, file: Path, before: bytes | None, after: bytes, call: str | None) -> None:
        _replace_file(file, after)
        try:
            self._record(file, before, after, call)
        except Exception as error:  # noqa: BLE001 - trouble with the record must never reach the agent
            self._lose(LossCode.FAILED, f"an edit was not recorded: {type(error).__name__}: {error}", None)

    def _record(self, file: Path, before: bytes | None, after: bytes, call: str | None) -> None:
        routed = route(str(file))
        if routed is None or before == after or self._is_ignored(routed):
            return
        place = prepare_repository(routed.worktree.common_dir)
        contents = Contents(place, routed.worktree.algorithm)
        if max(len(after), len(before or b"")) > MAX_CONTENT:
            self._lose(LossCode.OVERSIZED, f"{len(after)} bytes: {os.fsdecode(routed.path)}", place)
        seq = self._seq[place] = self._seq.get(place, 0) + 1
        # Edits of one session keep their order even where the clock of the files stands still.
        self._time = max(self._time + 1, now_ns())
        append_edit(
            place,
            Edit(
                worktree=str(routed.worktree.git_dir),
                path=routed.path,
                before=None if before is None else contents.put(before),
                after=contents.put(after),
                by=self._by,
                evidence=Evidence.ATTESTED,
                channel=Channel.SDK,
                session=self.id,
                call=_word(call),
                head=read_head(routed.worktree),
                in_progress=read_in_progress(routed.worktree),
                time=self._time,
                seq=seq,
                name=f"edit.sdk.{self.id}.{seq:08d}",
                on_behalf_of=self._on_behalf_of,
            ),
        )

    def _is_ignored(self, routed: Routed) -> bool:
        key = str(routed.worktree.git_dir), routed.path
        if key not in self._ignored:
            self._ignored[key] = bool(ignored_paths(routed.worktree, (routed.path,)))
        return self._ignored[key]

    def _lose(self, code: LossCode, message: str, place: Path | None) -> None:
        self.incomplete = True
        folder = inbox_dir(os.environ) if place is None else place
        record_loss(folder, Loss(code=code, message=message, source=f"session {self.id}", time=now_ns()))


def _word(text: str | None) -> str | None:
    return clean(text).strip() or None if text is not None else None


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _replace_file(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temp = file.with_name(f".{file.name[:200]}.{os.urandom(6).hex()}")
    try:
        temp.write_bytes(data)
        if file.exists():
            temp.chmod(stat.S_IMODE(file.stat().st_mode))
        temp.replace(file)
    except OSError:
        temp.unlink(missing_ok=True)
        raise
