# SPDX-License-Identifier: Apache-2.0
"""Find the command, run it, turn every outcome into an exit code and at most one error.

    0 yes    1 a negative finding    2 usage or configuration    3 could not look    130 interrupted    (gate: 4 pending)

A person never sees a traceback: what nobody foresaw is `byline: error: internal ...` and exit 3, and `BYLINE_DEBUG=1` shows
where it came from.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.launcher import mend_launcher
from byline.errors import BylineError, ConfigError, NotARepositoryError, VerificationError
from byline_cli.keyfile import with_absolute_files
from byline_cli.terminal import open_terminal
from byline_cli.world import BROKEN_PIPE, CANNOT, INTERRUPTED, NO, USAGE, YES, UsageError, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from byline_cli.terminal import Terminal

NOT_YOURS = "who may write there? HOME and XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME say where Byline keeps what is yours"
HINTS = {
    errno.ENOSPC: "make room",
    errno.EISDIR: "a file belongs there: move the folder away",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), NOT_YOURS),
}
OF_A_CLONE = "/.git/byline/"


def run_command(words: Sequence[str], environ: dict[str, str]) -> int:
    """Run the command that `words` are; return its exit code."""
    mend_launcher(environ, sys.executable)
    terminal = open_terminal(environ)
    code = _guarded(list(words), environ, terminal)
    try:
        terminal.out.flush()
    except OSError as error:
        code = _told_nobody(error, terminal)
    return code


def _told_nobody(error: OSError, terminal: Terminal) -> int:
    """Say that the answer could not be written; a reader that went away has what it wanted."""
    _forget(1)
    return BROKEN_PIPE if isinstance(error, BrokenPipeError) else _say(error, terminal)


def _say(error: Exception, terminal: Terminal) -> int:
    message, hint, code = _explain(error)
    try:
        terminal.error(message, hint)
    except OSError:
        _forget(2)
    return code


def _forget(stream: int) -> None:
    """Let go of a stream that takes no more: Python would complain about it once again while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _guarded(words: list[str], environ: dict[str, str], terminal: Terminal) -> int:
    try:
        return _dispatch(words, environ, terminal)
    except BrokenPipeError as error:
        return _told_nobody(error, terminal)
    except KeyboardInterrupt:
        terminal.note("byline: interrupted")
        return INTERRUPTED
    except SystemExit as leave:  # argparse, after --help
        return leave.code if isinstance(leave.code, int) else YES
    except Exception as error:
        # A person's terminal is the last door: what nobody foresaw ends here too, and says how to see more.
        if environ.get("BYLINE_DEBUG") and not isinstance(error, UsageError):
            raise
        return _say(error, terminal)


def _explain(error: Exception) -> tuple[str, str, int]:
    """Return what to say about `error`, what to do about it, and the exit code."""
    match error:
        case UsageError():
            return str(error), error.hint, USAGE
        case BylineError():
            code = USAGE if isinstance(error, ConfigError) else NO if isinstance(error, VerificationError) else CANNOT
            return f"{error} ({error.code})", error.hint, code
        case OSError():
            where = f": {os.fsdecode(error.filename)}" if error.filename else ""
            return f"{(error.strerror or str(error)).lower()}{where}", _whose_clone(error) or HINTS.get(error.errno or 0, ""), CANNOT
        case ModuleNotFoundError(name="fcntl"):
            return "Byline needs a POSIX system: Linux, macOS or, on Windows, WSL", "in WSL run git and the agent, too", CANNOT
        case _:
            return f"internal: {type(error).__name__}: {error}", "this is a fault in Byline; BYLINE_DEBUG=1 shows where", CANNOT


def _whose_clone(error: OSError) -> str:
    """Return what to do where `error` is about what Byline keeps in another account's clone."""
    top, found, _ = os.fsdecode(error.filename or "").partition(OF_A_CLONE)
    with suppress(OSError):
        owner = Path(top + OF_A_CLONE).stat().st_uid if found else os.geteuid()
        if isinstance(error, PermissionError) and owner != os.geteuid():
            from byline_cli.lost import name_account

            return f"this clone is {name_account(owner)}'s: git clone it, and call byline init in your own, which fetches who wrote what"
    return ""


def _dispatch(words: list[str], environ: dict[str, str], terminal: Terminal) -> int:
    from byline_cli.catalogue import COMMANDS, GROUPS, show_help, suggest

    if not words or words[0] in {"-h", "--help", "help"}:
        return _dispatch([words[1], "--help"], environ, terminal) if len(words) > 1 else _tell(terminal, show_help())
    if words[0] in {"-V", "--version"}:
        from byline import __version__

        return _tell(terminal, f"byline {__version__}")
    if words[0] == "--no-pager":  # where git has it
        words = [*words[1:2], "--no-pager", *words[2:]]
    name = words[0]
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}", suggest(name))
    from argparse import RawDescriptionHelpFormatter

    from byline_cli.parser import Parser

    module = import_module(f"byline_cli.commands.{name}")
    parser = Parser(
        prog=f"byline {name}",
        description=f"{COMMANDS[name]}.\n\n{module.ABOUT}".strip(),
        epilog=f"example:\n  {module.EXAMPLE}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    is_paged = getattr(module, "PAGED", False)
    if is_paged:
        parser.add_argument("--no-pager", action="store_true", help="do not show a long answer in a pager")
    options = parser.read(words[1:])
    if name in dict(GROUPS)["read"]:
        gc.disable()  # what a reader makes it needs to its end, which is near: the collector would look at it all again and again
    with ExitStack() as closing:
        if is_paged and terminal.columns and not options.no_pager:
            from byline_cli.pager import paged

            terminal = closing.enter_context(paged(terminal, environ, _here()))
        here = _here()
        world = World(environ=with_absolute_files(environ, here), cwd=here, terminal=terminal, closing=closing)
        code: int = module.run(options, world)
        return code
    return YES  # whoever left the pager early has seen what they wanted


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise NotARepositoryError("the folder that this was called in is gone", hint="cd to one that is there") from error


def _tell(terminal: Terminal, text: str) -> int:
    terminal.text(text)
    return YES
