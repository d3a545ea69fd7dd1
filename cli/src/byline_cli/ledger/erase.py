# SPDX-License-Identifier: Apache-2.0
"""`byline ledger erase`: two people sign a tombstone, and what was signed goes; every proof stays."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.effect import parse_sha256
from byline.core.tombstone import NEEDED, Reason
from byline.errors import ConfigError, MalformedError, NotARepositoryError
from byline_cli.keyfile import approving_key
from byline_cli.ledger.place import find_folder
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.core.trust import Trust
    from byline_cli.parser import Parser
    from byline_cli.world import World


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("ledger", metavar="FOLDER|URL", help="the ledger's folder; or its URL, to sign in a clone that has the statement")
    parser.add_argument("digest", help="the statement: the SHA-256 of its payload, hex")
    parser.add_argument("--reason", choices=[str(each) for each in Reason], help="sign a tombstone with this reason; without it only look")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="who may erase; default: the trust file of this repository")
    parser.add_argument("--key", type=Path, metavar="FILE", help="sign with this key instead of your own")


def run(options: Namespace, world: World) -> int:
    """Sign a tombstone where a reason is given, and erase once enough people signed; 1 where a look shows that they did not."""
    try:
        digest = parse_sha256(options.digest)
    except MalformedError as error:
        raise ConfigError(f"not a statement: {options.digest}", hint="name the SHA-256 of its payload, 64 hex digits") from error
    return _in_clone(options, world, digest) if "://" in options.ledger else _in_folder(options, world, digest)


def _in_clone(options: Namespace, world: World, digest: str) -> int:
    from byline.flow.erasing import Eraser, take_erasures, want_erased
    from byline.log.erased import erased_facts
    from byline.log.index import EvidenceIndex
    from byline_cli.wiring import cache_file, connect, open_here

    repo, trust, at = open_here(world), _trust(options, world), datetime.now(UTC)
    with EvidenceIndex(cache_file(repo)) as index:
        if options.reason is not None:
            by = Eraser(approving_key(world, options.key), trust)
            want_erased(repo, index, digest, reason=Reason(options.reason), by=by, ledger=connect(options.ledger), at=at)
            world.terminal.line("signed and logged; the ledger's operator erases it there once two people did")
        take_erasures(repo, index, trust, at=at)
        is_erased = any(fact.startswith(digest) for fact in erased_facts(repo))
    if is_erased:
        world.terminal.line("erased from the evidence here; byline push --evidence-only tells others")
    elif options.reason is None:
        world.terminal.line(f"not erased: the evidence here does not have the tombstones of {NEEDED} people; with --reason you sign one")
    return YES if is_erased or options.reason else NO


def _in_folder(options: Namespace, world: World, digest: str) -> int:
    from byline_ledger.engine.erasure import erase_wanted, read_erasures, want_erased
    from byline_ledger.engine.files import load_log

    trust = _trust(options, world)
    opened = load_log(find_folder(world, Path(options.ledger)))
    with contextlib.closing(opened.store):
        found = read_erasures(opened, digest, trust)
        if options.reason is not None:
            signer = approving_key(world, options.key)
            for each in found:
                want_erased(opened, each, digest, reason=Reason(options.reason), signer=signer, trust=trust, at=datetime.now(UTC))
            found = read_erasures(opened, digest, trust)
        may_go = all(each.may_go for each in found)
        is_clean = erase_wanted(opened, found) if may_go else True
    for each in found:
        who = ", ".join(sorted(each.people)) or "nobody"
        world.terminal.line(f"entry {each.index}: {'erased' if may_go else 'kept'}, wanted by {who}")
    if not may_go:
        world.terminal.note(f"{NEEDED} people sign before anything is erased: byline ledger erase {options.ledger} {digest} --reason ...")
    if not is_clean:
        world.terminal.warn("others read the database: its write-ahead log still holds what was erased; run this once more")
    return YES if (may_go and is_clean) or (options.reason and not may_go) else NO


def _trust(options: Namespace, world: World) -> Trust:
    from byline.core.trust import MAX_TRUST, parse_trust
    from byline_cli.identity import find_trust
    from byline_cli.wiring import open_here

    if options.trust is None:
        try:
            trust = find_trust(open_here(world))
        except NotARepositoryError:
            trust = None
        if trust is None:
            raise ConfigError("there is no trust file here", hint="name one with --trust")
        return trust
    with (world.cwd / options.trust).open("rb") as file:
        return parse_trust(file.read(MAX_TRUST + 1))
