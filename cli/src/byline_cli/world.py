# SPDX-License-Identifier: Apache-2.0
"""What a command is given: the environment, the folder it was called in, and the terminal. Everything else it opens itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from byline_cli.terminal import Terminal

YES, NO, USAGE, CANNOT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One call of the command line. `closing` closes what the call opened, whatever becomes of it."""

    environ: Mapping[str, str]
    cwd: Path
    terminal: Terminal
    closing: ExitStack


class UsageError(Exception):
    """The command line was not understood."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
