# SPDX-License-Identifier: Apache-2.0
"""What others saw of a log, wherever it is kept: the newest signed checkpoint of a monitor, a mirror, the log itself, or a receipt."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from byline.core.bundle import MAX_BUNDLE, parse_bundle
from byline.core.note import parse_note
from byline.core.tlog_proof import parse_tlog_proof
from byline.errors import ConfigError, MalformedError
from byline.log.monitor import read_seen
from byline_cli.ledger.place import open_log

if TYPE_CHECKING:
    from byline_cli.parser import Parser
    from byline_cli.world import World

KINDS = "a URL or a folder with a log's tiles, the state of a monitor, a bundle with a receipt, a tlog-proof or a signed checkpoint"


def configure(parser: Parser) -> None:
    """Add the argument."""
    about = f"what others saw of the log; may be repeated: {KINDS}"
    parser.add_argument("--seen", action="append", default=[], metavar="WHAT", help=about)


def read_notes(world: World, places: list[str]) -> list[str]:
    """Return the signed note at each of `places`.

    Raises:
        ConfigError: There is none.
        LedgerError: A URL does not answer.
    """
    return [_read(world, each) for each in places]


def _read(world: World, place: str) -> str:
    path = world.cwd / place
    if "://" in place or path.is_dir():
        with open_log(world, place) as log:
            return log.checkpoint()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BUNDLE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {place}: {error.strerror}", hint=f"it is {KINDS}") from error
    for read in (_of_monitor, _of_bundle, _of_proof, _of_note):
        with suppress(MalformedError, UnicodeDecodeError):
            return read(data)
    raise ConfigError(f"{place} does not hold a checkpoint", hint=f"it is {KINDS}")


def _of_monitor(data: bytes) -> str:
    return read_seen(data).note


def _of_bundle(data: bytes) -> str:
    receipt = parse_bundle(data).receipt
    if receipt is None:
        raise MalformedError("a bundle without a receipt")
    return receipt.checkpoint


def _of_proof(data: bytes) -> str:
    return parse_tlog_proof(data.decode()).checkpoint


def _of_note(data: bytes) -> str:
    note = data.decode()
    parse_note(note)
    return note
