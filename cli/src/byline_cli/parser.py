# SPDX-License-Identifier: Apache-2.0
"""What the words of a command mean.

    def configure(parser: Parser) -> None      adds the command's arguments
    def run(options: Namespace, world: World) -> int

are the two functions of every module in `byline_cli.commands`; what `run` returns is the exit code.
"""

from __future__ import annotations

from argparse import PARSER, ArgumentParser
from typing import TYPE_CHECKING, NoReturn

from byline_cli.world import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


class Parser(ArgumentParser):
    """argparse with one voice for errors, and options wherever a person puts them."""

    passes_on = False  # every word that is none of its flags is for another program: `options.words`, in their order
    takes_paths = False  # what stands after `--` is a path and nothing else: `options.paths`, None without `--`

    def read(self, words: Sequence[str]) -> Namespace:
        """Return the options in `words`.

        Raises:
            UsageError: They are not understood.
        """
        if self.passes_on:
            self.set_defaults(words=[word for word in words if word not in self._option_string_actions])
            words = [word for word in words if word in self._option_string_actions]
        if self.takes_paths:
            end = words.index("--") if "--" in words else len(words)
            self.set_defaults(paths=words[end + 1 :] if end < len(words) else None)
            words = words[:end]
        has_verbs = any(action.nargs == PARSER for action in self._actions)
        return self.parse_args(words) if has_verbs else self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message, hint=f"{self.prog} --help shows what it takes")
