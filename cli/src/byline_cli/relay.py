# SPDX-License-Identifier: Apache-2.0
"""A program that speaks in lines on its standard streams, run with somebody listening who sees each line before it passes.

    relay(["uvx", "mcp-server-git"], conversation, environ=os.environ, cwd=Path("."))     # -> its exit code

What passes is not changed by a byte and stays in order; standard error is the program's own. A line that is not complete waits for its
end, but for one of more than 64 MB, which passes as it comes and is not listened to. The end of either side is passed on as well:

1. the client closes our standard input: so do we the program's, and go on until the program ends;
2. the client no longer reads: the program finds that out where it writes;
3. the program ends: so do we, with its exit code (128 and the signal where one ended it), after what it said has passed;
4. SIGINT, SIGTERM and SIGHUP are the program's to answer. It has a process group of its own, so that it gets each one once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from byline.flow.overhearing import finish, lose, overhear
from byline_cli.world import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from byline.flow.overhearing import Conversation

MAX_LINE: Final = 64 * 1024 * 1024
CHUNK: Final = 1024 * 1024
PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_WORDS: Final = 5  # seconds for what a program said that is gone; who else holds its output open is not waited for


def relay(command: Sequence[str], conversation: Conversation, *, environ: Mapping[str, str], cwd: Path) -> int:
    """Run `command` between our standard input and output until it ends, and return its exit code.

    Raises:
        UsageError: It cannot be started.
    """
    before = {each: signal.getsignal(each) for each in PASSED_ON}
    try:
        program = subprocess.Popen(command, env=environ, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, process_group=0)
    except OSError as error:
        hint = "a program that is reached by HTTP cannot be wrapped, only one that is started" if "://" in command[0] else ""
        raise UsageError(f"cannot run {command[0]}: {(error.strerror or '').lower()}", hint=hint) from error
    for each in PASSED_ON:
        signal.signal(each, lambda number, _frame: program.send_signal(number))
    try:
        _talk(program, conversation)
        code = program.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        finish(conversation)
    return code if code >= 0 else 128 - code


def _talk(program: subprocess.Popen[bytes], conversation: Conversation) -> None:
    """Pass on what both say, until the program has ended."""
    if program.stdin is None or program.stdout is None:
        return
    stdin, stdout = program.stdin, program.stdout
    to_program, to_client = _Sink(stdin.fileno()), _Sink(1)

    def ask() -> None:
        _pump(0, to_program, back=to_client, hear=partial(overhear, conversation, from_client=True))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a client that still writes finds that nobody reads
        with to_program.lock:
            to_program.is_open = False
            stdin.close()

    def answer() -> None:
        _pump(stdout.fileno(), to_client, back=to_program, hear=partial(overhear, conversation, from_client=False))
        stdout.close()

    threading.Thread(target=ask, daemon=True).start()
    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    program.wait()
    answering.join(LAST_WORDS)


class _Sink:
    """A pipe to which both directions write, each a line at a time."""

    def __init__(self, handle: int) -> None:
        self.lock = threading.Lock()
        self.is_open = True
        self._handle = handle

    def write(self, data: bytes) -> None:
        """Write all of `data`; nothing any more once nobody reads."""
        rest = memoryview(data)
        with self.lock:
            try:
                while self.is_open and rest:
                    rest = rest[os.write(self._handle, rest) :]
            except OSError:
                self.is_open = False


def _pump(source: int, sink: _Sink, *, back: _Sink, hear: Callable[[bytes], bytes | None]) -> None:
    """Pass on what `source` says until it ends, or nobody reads it; what is answered goes `back`."""
    for line, is_whole in split_lines(source):
        answer = hear(line) if is_whole else None
        if answer is None:
            sink.write(line)
        else:
            back.write(answer)
        if not sink.is_open:
            break


def split_lines(source: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines that the pipe `source` holds, with their ends, until it ends; a long one in parts, each marked with False."""
    kept: list[bytes] = []
    size, is_long = 0, False
    while data := _read(source):
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield b"".join((*kept, line, b"\n")), not is_long
            kept, size, is_long = [], 0, False
        kept += [rest] if rest else []
        size += len(rest)
        if is_long or size > MAX_LINE:
            if not is_long:
                lose(f"a message of more than {MAX_LINE} bytes was not listened to")
            yield b"".join(kept), False
            kept, is_long = [], True
    if kept:
        yield b"".join(kept), not is_long


def _read(source: int) -> bytes:
    try:
        return os.read(source, CHUNK)
    except OSError:
        return b""
