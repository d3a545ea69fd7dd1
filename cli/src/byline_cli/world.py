# SPDX-License-Identifier: Apache-2.0
"""What a command is given: the environment, the folder it was called in, and the terminal. Everything else it opens itself.

    def configure(parser: Parser) -> None      adds the command's arguments
    def run(options: Namespace, world: World) -> int

are the two functions of every module in `byline_cli.commands`; what `run` returns is the exit code.
"""

from __future__ import annotations

from argparse import PARSER, ArgumentParser
from typing import TYPE_CHECKING, NoReturn

from byline.core.value import dataclass

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
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


class Parser(ArgumentParser):
    """argparse with one voice for errors, and options wherever a person puts them."""

    def read(self, words: Sequence[str]) -> Namespace:
        """Return the options in `words`.

        Raises:
            UsageError: They are not understood.
        """
        has_verbs = any(action.nargs == PARSER for action in self._actions)
        return self.parse_args(words) if has_verbs else self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message, hint=f"{self.prog} --help shows what it takes")
