# SPDX-License-Identifier: Apache-2.0
"""One `git cat-file` that stays, so that an object costs microseconds and no process.

    >>> oid LF          <<< oid SP type SP size LF [content LF]  |  oid SP "missing" LF

Requests are object ids or expressions without line feed; paths never go this way, because they may hold one. A few questions are
sent at once, so that neither side ever waits for the other with a full pipe. Many have a process of their own that reads them from
a file and answers while the asker works. Thread-safe by a lock; the process starts with the first question, and again after `close`.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING

from byline.core.value import dataclass, field
from byline.errors import RepositoryError
from byline.git.process import SECONDS, Git, end_group, git_error, no_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_AT_ONCE = 64
_CHUNK = 1 << 16
_PROMISED = "from promisor remote"


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object: id, type and content; `content` is None where only its `size` was asked, or where that was too much."""

    oid: str
    kind: str
    size: int
    content: bytes | None


@dataclass(slots=True)
class CatFile:
    """A `git cat-file` process; with `contents` false it tells types and sizes only."""

    git: Git
    contents: bool = True
    _process: subprocess.Popen[bytes] | None = None
    _errors: IO[bytes] | None = None
    _buffer: bytearray = field(default_factory=bytearray)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, name: str) -> RawObject | None:
        """Return the object that `name` (an id or an expression) means, None if there is none.

        Raises:
            RepositoryError: Git failed, or took too long.
        """
        return next(self.ask_all((name,)))

    def ask_all(self, names: Sequence[str], *, limit: int | None = None) -> Iterator[RawObject | None]:
        """Yield what `ask` would return, for each of `names`; content of more than `limit` bytes is thrown away.

        Raises:
            RepositoryError: As `ask`.
        """
        if len(names) > _AT_ONCE:
            yield from self._stream(names, limit)
        elif names:
            with self._lock:
                found = self._exchange(names, limit)
            yield from found

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def __del__(self) -> None:
        # A process must not outlive the one who asks it, also where somebody forgot to close.
        self._end()

    def _stream(self, names: Sequence[str], limit: int | None) -> Iterator[RawObject | None]:
        other = CatFile(self.git, self.contents)
        told = 0
        while told < len(names):
            with _scratch() as questions:
                questions.write(_questions(names[told:]))
                questions.seek(0)
                process = other._start("--buffer", questions=questions)
            try:
                for _ in names[told:]:
                    found = other._answer(process, limit)
                    told += 1
                    yield found
            except EOFError:
                other._give_up_one()
                told += 1
                yield None
            finally:
                other._end()

    def _exchange(self, names: Sequence[str], limit: int | None) -> list[RawObject | None]:
        found: list[RawObject | None] = []
        while len(found) < len(names):
            left = names[len(found) :]
            questions = _questions(left)
            process = self._process or self._start()
            try:
                os.write(_fileno(process.stdin), questions)
                for _ in left:
                    found.append(self._answer(process, limit))  # noqa: PERF401 - what came before a failure is kept
            except (BrokenPipeError, EOFError):
                self._give_up_one()
                found.append(None)
            except BaseException:
                # Half an answer may be on its way: nothing that comes later could be trusted.
                self._end()
                raise
        return found

    def _give_up_one(self) -> None:
        """Take the end of the process as "not here" if a partial clone's git ended over an object it would not fetch."""
        message = self._end()
        if _PROMISED not in message:
            raise git_error("cat-file", message)

    def _answer(self, process: subprocess.Popen[bytes], limit: int | None) -> RawObject | None:
        deadline = time.monotonic() + SECONDS
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill(process, deadline)
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        words = head.rsplit(b" ", 2)
        if len(words) != 3 or not words[2].isdigit():
            return None
        size = int(words[2])
        content = None
        if self.contents:
            if limit is None or size <= limit:
                content = self._take(process, size, deadline)
                size_left = 0
            else:
                size_left = size
            self._skip(process, size_left + 1, deadline)  # with the line feed after it
        return RawObject(words[0].decode(), words[1].decode(), size, content)

    def _take(self, process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
        while len(self._buffer) < size:
            self._fill(process, deadline)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _skip(self, process: subprocess.Popen[bytes], size: int, deadline: float) -> None:
        while size:
            if not self._buffer:
                self._fill(process, deadline)
            gone = min(size, len(self._buffer))
            del self._buffer[:gone]
            size -= gone

    def _fill(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        pipe = _fileno(process.stdout)
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise RepositoryError(f"git cat-file took longer than {SECONDS:.0f} seconds")
        data = os.read(pipe, _CHUNK)
        if not data:
            raise EOFError
        self._buffer += data

    def _start(self, *options: str, questions: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        self._errors = _scratch()  # a pipe that nobody reads could block git
        try:
            self._process = subprocess.Popen(
                self.git.command("cat-file", "--batch" if self.contents else "--batch-check", *options),
                cwd=self.git.folder,
                env=self.git.offline,
                stdin=subprocess.PIPE if questions is None else questions,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._errors.close()
            raise no_git(self.git.folder, error) from error
        return self._process

    def _end(self) -> str:
        """End the process and return what it had to complain about."""
        message = ""
        self._buffer.clear()
        if self._process is not None:
            with self._process:
                end_group(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.seek(0)
            message = self._errors.read(_CHUNK).decode(errors="replace").strip()
            self._errors.close()
            self._errors = None
        return message


def _scratch() -> IO[bytes]:
    """Return a new file without a name. Where the kernel has such, `tempfile` need not be imported for it: a third of a start."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("byline"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


def _questions(names: Sequence[str]) -> bytes:
    if any("\n" in name or "\0" in name or not name for name in names):
        raise RepositoryError("no object has a name with a line feed")
    return "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")


def _fileno(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise RepositoryError("git cat-file has no pipe")
    return pipe.fileno()
