# SPDX-License-Identifier: Apache-2.0
"""The attester that git's hooks start, by a door of its own: `byline attest --background` without a command line.

    python -I -c 'from byline_cli.attester import main; main()' attest --background [--push=REMOTE]

How soon a commit has its statement is half a question of what a start imports: `runpy`, `argparse` and the table of commands are as
much as two bare starts of Python. The words are those of the command, so that a list of processes tells what this is.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

    from byline_cli.world import World

PUSH = "--push="


def main() -> NoReturn:
    """Attest for a hook; nobody listens."""
    gc.set_threshold(100_000)  # to look through what was just imported again and again is a twentieth of the start
    from contextlib import ExitStack
    from pathlib import Path

    from byline_cli.keyfile import with_absolute_files
    from byline_cli.terminal import open_terminal
    from byline_cli.world import World

    remote = next((word.removeprefix(PUSH) for word in sys.argv[1:] if word.startswith(PUSH)), "")
    environ = with_absolute_files(os.environ, Path.cwd())
    with ExitStack() as closing:
        code = attest_in_background(World(environ=environ, cwd=Path.cwd(), terminal=open_terminal(environ), closing=closing), remote)
    sys.exit(code)


def attest_in_background(world: World, remote: str) -> int:
    """Do all that is pending, then send the evidence to `remote` if one is named; nothing may go wrong for the person."""
    from byline.errors import BylineError
    from byline_cli.identity import NOBODY, chosen_identity, give_identity
    from byline_cli.keyfile import key_path, names_key
    from byline_cli.wiring import give_own, make_attester, open_here
    from byline_cli.world import NO, YES

    repo = open_here(world)
    named = names_key(world.environ)
    if not (named or key_path(world.environ).exists()) or give_identity(world, repo) in (None, NOBODY):
        return YES
    from byline_cli.delivery import leave_terminal, record_failure, work_in_background

    place = repo.common_dir / "byline"
    leave_terminal(place)
    code = YES
    try:
        workshop = make_attester(world, repo)
        try:
            workshop = give_own(world, workshop)
        except BylineError as error:
            # What others committed is signed all the same; what was with a key that is named and cannot sign is left, and says so.
            if not named:
                record_failure(place, error)
            code = NO
        work_in_background(workshop, remote, sends=bool(remote and chosen_identity(repo)))
    except BylineError as error:
        record_failure(place, error)
        code = NO
    return code
