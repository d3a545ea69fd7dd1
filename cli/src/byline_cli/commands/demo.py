# SPDX-License-Identifier: Apache-2.0
"""`byline demo`: the whole story on a scratch repository, every claim checked while it is made."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from byline.errors import ConfigError
from byline_cli.demo import scenes, tampering
from byline_cli.demo.stage import ClaimError, Stage, remove
from byline_cli.extras import needs_extra
from byline_cli.terminal import Paint, show_table
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.demo.scenes import Story
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Makes a real git repository with a bare remote and a real ledger server on loopback, and drives the real commands as a team would: each
is shown as it is typed, with what it said. Claude Code is played: its hooks are called with its payloads around real writes. Needs no
network and touches nothing of yours. A claim that does not hold ends it with exit 1."""
EXAMPLE = "byline demo --keep /tmp/shop"

NARROWEST, WIDEST = 60, 120

SCENES = (
    scenes.found_team,
    scenes.work_with_agent,
    scenes.read_back,
    scenes.amend,
    scenes.judge,
    tampering.tamper,
    tampering.squash,
    tampering.flip_byte,
)


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--keep", type=Path, metavar="DIR", help="play in DIR, which must be new or empty, and leave it")


def run(options: Namespace, world: World) -> int:
    """Play the story."""
    with needs_extra("ledger"):
        import byline_ledger.server.main  # noqa: F401 - the story needs it; better to say so before it begins
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _interrupt)
    root = _root(options.keep, world)
    stage = Stage(root=root, terminal=world.terminal, columns=min(WIDEST, max(NARROWEST, shutil.get_terminal_size((100, 24)).columns)))
    began = time.monotonic()
    try:
        story = scenes.open_story(stage)
        for scene in SCENES:
            scene(story)
    except ClaimError as error:
        world.terminal.error(str(error), "nothing of yours was touched; please report this")
        return NO
    finally:
        stage.close()
        if options.keep is None:
            remove(root)
    _table(stage, time.monotonic() - began)
    if options.keep:
        _leave(story, root, world)
    return YES


def _root(keep: Path | None, world: World) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="byline-demo-")).resolve()
    root = keep if keep.is_absolute() else world.cwd / keep
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ConfigError(f"{root} is there already", hint="name a folder that is new or empty")
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()


def _table(stage: Stage, seconds: float) -> None:
    terminal = stage.terminal
    terminal.line()
    terminal.line(Paint("In which scene, how long it took, what was claimed, how it was checked", "bold"))
    rows = [[str(each.scene), f"{each.seconds:4.1f} s", each.claim, each.how] for each in stage.checked]
    for line in show_table(rows, columns=stage.columns):
        terminal.line(line)
    terminal.line()
    terminal.line(Paint(f"{len(stage.checked)} claims, all hold, {seconds:.1f} s", "green"))
    stage.say("Everybody here was one user of one machine (tier A0). What that proves, and what it does not: docs/threats.md")


def _leave(story: Story, root: Path, world: World) -> None:
    tampering.keep_story(story)
    terminal = world.terminal
    terminal.line()
    terminal.line(f"to play on:  cd {story.rob.cwd}")
    home = root / "homes" / "rob"
    terminal.line(f"             export HOME={home} XDG_CONFIG_HOME={home}/.config XDG_STATE_HOME={home}/.local/state")
    terminal.line(f"the ledger:  byline ledger serve {root}/ops/ledger --listen {story.ledger.rpartition('/')[2]}")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Leave as after ctrl-C, so that the servers are stopped and the folder is removed."""
    raise KeyboardInterrupt
