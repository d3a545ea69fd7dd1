# SPDX-License-Identifier: Apache-2.0
"""The door of the command line: it opens before anything is imported, so that Ctrl-C is an exit code from the first moment on.

A program can be started with standard streams closed, by a desktop's git or by `>&-`: they are opened on nothing first, so that no
file of Byline's takes their numbers. Everything else is for `byline_cli.dispatch`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        _open_streams()
        from byline_cli.dispatch import run_command

        code = run_command(words, dict(os.environ))
    except KeyboardInterrupt:
        code = INTERRUPTED
    if argv is None:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: Python's own farewell is nothing to interrupt
    return 0 if words[:1] == ["hook"] else code  # an agent is never stopped by its record, whatever went wrong


def _open_streams() -> None:
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode))


if __name__ == "__main__":
    sys.exit(main())
