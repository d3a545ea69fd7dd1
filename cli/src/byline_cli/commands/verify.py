# SPDX-License-Identifier: Apache-2.0
"""`byline verify`: check the evidence about a commit, or one bundle, with nothing but what is here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from byline.core.bundle import MAX_BUNDLE, parse_bundle
from byline.core.verified import VerifiedAuthorship
from byline.errors import MalformedError, RepositoryError
from byline_cli.dossier import Item, examine, open_dossier
from byline_cli.statements import describe_item, receipt_to_json
from byline_cli.terminal import Paint, count
from byline_cli.wiring import make_workshop, open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Makes every check of docs/formats.md on the statements about a commit, or on a bundle in a file: shape, key, repository, signature,
log entry, inclusion, checkpoint, use, identity, time. It needs no network: trust is that of the work tree, and whoever has no anchor
for it learns what this clone holds, not that the clone is the right one. Exit 1 when a check fails, and when there is no statement."""
EXAMPLE = "byline verify HEAD"

SCHEMA = "byline.verify/1"
HEAD = "HEAD"  # never a file: a bare repository has one of that name


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("what", nargs="?", default=HEAD, metavar="REV|FILE", help="a commit (default HEAD) or a file with a bundle")
    parser.add_argument("--json", action="store_true", help="the answer as JSON (byline.verify/1)")


def run(options: Namespace, world: World) -> int:
    """Verify, and say what was found."""
    workshop = make_workshop(world, open_here(world))
    file = world.cwd / options.what
    title, items, failures = _file(workshop, file) if options.what != HEAD and file.is_file() else _commit(workshop, options.what, file)
    failures += [_failure(each.failure.code, each.failure.message, each) for each in items if each.failure]
    if workshop.trust is None and items:
        failures.append(_failure("BL-KEY-1", "there is no trust to verify with: no .byline/trust.toml that reads, and no key of yours"))
    proven = bool(items) and not failures and all(each.is_proven for each in items)
    if options.json:
        statements = [_to_json(each) for each in items]
        world.terminal.json({"schema": SCHEMA, "verified": proven, "statements": statements, "failures": failures})
        return YES if proven else NO
    world.terminal.line(Paint("verified" if proven else "NOT verified", "green" if proven else "red"), f": {title}")
    for each in items:
        for line in describe_item(each):
            world.terminal.line("  ", line)
    for failure in failures:
        world.terminal.line(Paint("  failed: ", "red"), f"{failure['message']} ({failure['code']})")
    if not items and not failures:
        world.terminal.line("  there is no statement about it")
    return YES if proven else NO


def _commit(workshop: Workshop, rev: str, place: Path) -> tuple[str, list[Item], list[dict[str, Any]]]:
    try:
        commit = workshop.repo.commit_id(rev)
    except RepositoryError as error:
        what = "a folder stands there" if place.is_dir() else "no such file is here either"
        raise RepositoryError(f"{error}; {what}", hint="name a commit, a branch or a tag, or the file of one bundle") from error
    found = open_dossier(workshop, commit, at=datetime.now(UTC))
    how = ", by the content of its files (no statement names it)" if found.by_content and found.items else ""
    failures = [_failure("BL-FORMAT-2", f"among the evidence: {each}") for each in found.bad]
    return f"{count(len(found.items), 'statement')} about {commit[:12]}{how}", list(found.items), failures


def _file(workshop: Workshop, path: Path) -> tuple[str, list[Item], list[dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            bundle = parse_bundle(file.read(MAX_BUNDLE + 1))
    except MalformedError as error:
        return f"{path.name}", [], [_failure(error.code, str(error))]
    return f"the bundle in {path.name}", list(examine([bundle], workshop.trust, at=datetime.now(UTC))), []


def _failure(code: str, message: str, item: Item | None = None) -> dict[str, Any]:
    about = f"statement {item.digest[:12]}: " if item else ""
    return {"code": code, "message": about + message}


def _to_json(item: Item) -> dict[str, Any]:
    fact = item.fact
    return {
        "statement": item.digest,
        "kind": item.kind,
        "verified": item.is_proven,
        "principal": fact.principal if fact else None,
        "key": item.bundle.key_hint,
        "strength": str(fact.strength) if fact else None,
        "full": fact.is_full if isinstance(fact, VerifiedAuthorship) else fact is not None,
        "receipt": receipt_to_json(item.bundle),
    }
