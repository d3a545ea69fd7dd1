# SPDX-License-Identifier: Apache-2.0
r"""A program behind `byline wrap`, spoken to as its client does: a line in, a line out.

with Wrapped.start("mcp", [sys.executable, "server.py"], cwd=repository.path) as wrapped:
wrapped.says({"jsonrpc": "2.0", "id": 1, "method": "ping"})
wrapped.hears()                                  # -> {"jsonrpc": "2.0", "id": 1, "result": {}}
wrapped.leaves()                                 # -> the exit code, once standard input is closed
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byline.capture.clone import settle_repository
from byline.capture.journal import read_recent
from byline.capture.places import inbox_dir, repository_dir
from byline.core.edit import Edit
from installed import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scratch import Scratch

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Wrapped(AbstractContextManager["Wrapped"]):
    """The proxy, and the program behind it."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, protocol: str, command: Sequence[str], *, cwd: Path, options: Sequence[str] = ()) -> Wrapped:
        """Start the program."""
        words = [*PROGRAM, "wrap", protocol, *options, "--", *command]
        return cls(subprocess.Popen(words, cwd=cwd, env=dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def sends(self, data: bytes) -> None:
        """Send any bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def says(self, message: object) -> None:
        """Send a message."""
        self.sends(json.dumps(message).encode() + b"\n")

    def line(self) -> bytes:
        """Return the next line that comes."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def hears(self) -> Any:  # noqa: ANN401 - JSON
        """Return the next message that comes."""
        return json.loads(self.line())

    def asks(self, told: int | str, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Send a request, and return the next message."""
        self.says({"jsonrpc": "2.0", "id": told, "method": method, "params": params})
        return self.hears()

    def leaves(self) -> int:
        """Close standard input and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=SECONDS)


def recorded(repository: Scratch) -> list[Edit]:
    """Return the edits in the journal, once the inbox is settled."""
    place = repository_dir(repository.path / ".git")
    settle_repository(place, inbox_dir(os.environ))
    return [event for event in read_recent(place) if isinstance(event, Edit)]
