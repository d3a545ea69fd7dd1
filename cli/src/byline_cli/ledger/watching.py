# SPDX-License-Identifier: Apache-2.0
"""What `monitor` and `mirror` share: which log, how often, and what becomes of a fork."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from byline.errors import ConfigError, LedgerError, LogForkError, MalformedError, VerificationError
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from pathlib import Path

    from byline_cli.parser import Parser
    from byline_cli.world import World

INTERVAL_SECONDS = 60.0
_MAX_PAUSE_SECONDS = 600.0


def configure(parser: Parser) -> None:
    """Add the arguments that both verbs have."""
    parser.add_argument("url", metavar="URL", help="where the log's checkpoint and tiles are: https://HOST/PATH, or a folder")
    parser.add_argument("--vkey", required=True, help="the log's public key, as `byline ledger init` printed it")
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="look once and end (the default)")
    often.add_argument("--follow", action="store_true", help="go on until interrupted")
    parser.add_argument(
        "--interval", type=float, default=INTERVAL_SECONDS, metavar="SECONDS", help="between two looks of --follow (default 60)"
    )


def repeat(options: Namespace, world: World, look: Callable[[], None], *, vkey: str, evidence: Path) -> int:
    """Look once, or again and again; a fork ends it, and its proof is kept in the folder `evidence`.

    Whatever else is wrong may be right at the next look: who follows is warned, and looks again.

    Raises:
        ConfigError: It cannot be done so.
        BylineError: The one look failed.
    """
    if options.follow and not options.interval > 0:
        raise ConfigError("--interval is a number of seconds above 0")
    pause = options.interval
    while True:
        try:
            look()
            pause = options.interval
        except LogForkError as error:
            path = _keep(error, vkey, evidence)
            world.terminal.error(f"{error} ({error.code})", error.hint)
            world.terminal.note(f"the proof: {path}")
            return NO
        except (LedgerError, MalformedError, VerificationError) as error:
            if not options.follow:
                raise
            pause = min(2 * pause, max(_MAX_PAUSE_SECONDS, options.interval))
            world.terminal.warn(f"{error} ({error.code}); looking again in {pause:.0f} seconds")
        if not options.follow:
            return YES
        world.terminal.out.flush()
        time.sleep(pause)


def _keep(error: LogForkError, vkey: str, folder: Path) -> Path:
    from byline.core.fork import Fork, format_fork
    from byline.log.durable import write_durably

    data = format_fork(Fork(vkey=vkey, old=error.old, new=error.new, begins=error.begins, proof=error.proof))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"fork-{hashlib.sha256(data).hexdigest()[:16]}.json"
    write_durably(path, data)
    return path
