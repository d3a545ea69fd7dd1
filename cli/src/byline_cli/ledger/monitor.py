# SPDX-License-Identifier: Apache-2.0
"""`byline ledger monitor`: watch a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.places import monitor_dir
from byline.errors import ConfigError, MalformedError
from byline.keys.ids import check_key_id
from byline_cli.ledger import watching
from byline_cli.ledger.place import open_log, read_vkey
from byline_cli.terminal import Paint, count

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from byline.log.monitor import Look, Sighting
    from byline_cli.parser import Parser
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

SCHEMA = "byline.ledger-monitor/1"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    watching.configure(parser)
    parser.add_argument("--state", type=Path, metavar="FILE", help="what was last seen (default: a file of the log's in your state folder)")
    parser.add_argument(
        "--watch-key", action="append", default=[], metavar="ID", help="tell of entries under this key (SHA-256, hex); may be repeated"
    )
    parser.add_argument("--json", action="store_true", help=f"each look as JSON ({SCHEMA})")


def run(options: Namespace, world: World) -> int:
    """Look, once or again and again."""
    from byline.log.monitor import Monitor

    for key in options.watch_key:
        try:
            check_key_id(key)
        except MalformedError as error:
            raise ConfigError(str(error), hint=error.hint) from error
    verifier = read_vkey(options.vkey, "--vkey")
    state = world.cwd / (options.state or monitor_dir(world.environ) / f"{verifier.note_key.log_id.hex()[:16]}.json")
    source = world.closing.enter_context(open_log(world, options.url))
    monitor = Monitor(source, verifier, state, watched=frozenset(options.watch_key))

    def look() -> None:
        seen: list[Sighting] = []

        def tell(each: Sighting) -> None:
            if options.json:
                seen.append(each)
            else:
                world.terminal.line(Paint(f"entry {each.index}", "yellow"), f" is signed with key {each.key[:16]}, over {each.digest}")

        _report(world.terminal, monitor.look(tell), seen, is_json=options.json)

    return watching.repeat(options, world, look, vkey=verifier.vkey, evidence=state.parent)


def _report(terminal: Terminal, look: Look, seen: Sequence[Sighting], *, is_json: bool) -> None:
    head = look.checkpoint
    if is_json:
        sightings = [{"index": each.index, "key": each.key, "digest": each.digest} for each in seen]
        about = {"origin": head.origin, "size": head.size, "root": head.root.hex(), "before": look.before}
        terminal.json({"schema": SCHEMA, **about, "unread": look.unread, "sightings": sightings})
        return
    terminal.line(f"{head.origin}: {count(head.size, 'entry', 'entries')}, {head.size - look.before} new, root {head.root.hex()}")
    if look.unread:
        terminal.note(f"{count(look.unread, 'entry', 'entries')} of kinds that this Byline does not read: it cannot say under which key")
