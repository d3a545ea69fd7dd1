# SPDX-License-Identifier: Apache-2.0
"""`byline prompt`: what agents were asked for, and the proof of it to others."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from byline.capture.prompts import read_prompts
from byline.core.authorship import Authorship
from byline.core.claim import New
from byline.core.moment import format_moment
from byline.core.prompt import MAX_OPENING, Opening, check_opening, format_opening, parse_opening
from byline.core.redaction import redact
from byline.core.statement import PredicateType
from byline.core.verified import VerifiedAuthorship
from byline.errors import CommitmentError, RepositoryError
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline_cli.dossier import open_items
from byline_cli.statements import DIGITS, describe_item, receipt_to_json
from byline_cli.terminal import Paint, count, harmless, shorten, show_table
from byline_cli.wiring import cache_file, make_reader, make_workshop, note_evidence, open_here, settle
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from byline.capture.prompts import Kept
    from byline.core.prompt import Prompt
    from byline.flow.workshop import Workshop
    from byline_cli.dossier import Item
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Where you chose that (byline init --commit-prompts), what you ask agents for stays in this clone, and the statement about the next commit
holds a commitment to it: a keyed hash, of which nobody learns anything. Later you can show a prompt to whom you want, with its key, and
they see that it is the one: it cannot be another, and cannot be younger than the statement. `byline forget SESSION` lets prompts and keys
go for ever.

  list      the prompts that are here
  show      one of them, whole
  reveal    write the file that shows it to others
  verify    check such a file against the evidence in this clone: exit 1 if it is not the prompt, 3 if the statement is not here"""
EXAMPLE = "byline prompt reveal 6e46bda4:3 --to prompt.json        byline prompt verify prompt.json"

LIST, CHECK = "byline.prompts/1", "byline.prompt-check/1"
SHORTEST = 4  # characters that name a session
SESSION_COLUMNS = 12
NAME = "SESSION:NUMBER"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|reveal|verify")
    listed = verbs.add_parser("list", help="the prompts that are here")
    listed.add_argument("--json", action="store_true", help=f"as JSON, without their texts ({LIST})")
    shown = verbs.add_parser("show", help="one prompt, whole")
    revealed = verbs.add_parser("reveal", help="write the file that shows a prompt to others")
    for each in (shown, revealed):
        each.add_argument("prompt", metavar=NAME, help="a prompt as list has it; the session's id, or how it begins")
    revealed.add_argument("--to", metavar="FILE", help="a new file (default: standard output)")
    verified = verbs.add_parser("verify", help="check the file that shows a prompt")
    verified.add_argument("file", metavar="FILE", help="what reveal wrote; - for standard input")
    verified.add_argument("--json", action="store_true", help=f"the answer as JSON ({CHECK})")


def run(options: Namespace, world: World) -> int:
    """Run one of the verbs."""
    return {"list": _list, "show": _show, "reveal": _reveal, "verify": _verify}[options.verb](options, world)


def _list(options: Namespace, world: World) -> int:
    kept = _kept(world)
    if options.json:
        world.terminal.json({"schema": LIST, "prompts": [_kept_to_json(each) for each in kept]})
        return YES
    if not kept:
        world.terminal.line("no prompt is here")
        world.terminal.hint("byline init --commit-prompts keeps what you ask agents for from now on")
        return YES
    rows = [
        [
            f"{each.prompt.session[:SESSION_COLUMNS]}:{each.prompt.number}",
            f"{_moment(each.prompt):%Y-%m-%d %H:%M}",
            each.prompt.agent,
            each.signed[0][:DIGITS] if each.signed else "not signed",
            shorten(" ".join(each.prompt.text.split()), 40),
        ]
        for each in kept
    ]
    for line in show_table(rows, indent=0, columns=world.terminal.width):
        world.terminal.line(line)
    return YES


def _show(options: Namespace, world: World) -> int:
    kept = _find(_kept(world), options.prompt)
    world.terminal.line(_title(kept.prompt))
    world.terminal.line(f"committed to by statement {kept.signed[0][:DIGITS]}" if kept.signed else "no statement commits to it yet")
    _tell_text(kept.prompt, world)
    return YES


def _reveal(options: Namespace, world: World) -> int:
    kept = _find(_kept(world), options.prompt)
    if kept.signed is None:
        world.terminal.line("no statement commits to this prompt yet: there is nothing to prove")
        world.terminal.hint("the next commit's statement does (byline attest)")
        return NO
    statement, signer = kept.signed
    data = format_opening(Opening(prompt=kept.prompt, key=kept.key, signer=signer, statement=statement))
    if not options.to:
        world.terminal.json(json.loads(data))
        return YES
    try:
        handle = os.open(world.cwd / options.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{options.to} is there already", "name a new file") from error
    with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, opened with its mode
        file.write(data + b"\n")
    world.terminal.line(f"wrote {options.to}: it holds the whole prompt; whoever has it and this repository calls byline prompt verify")
    return YES


def _verify(options: Namespace, world: World) -> int:
    repo = open_here(world)
    note_evidence(world, repo)
    opening = parse_opening(_read(options.file, world))
    item, problem = _check(opening, make_workshop(world, repo))
    if options.json:
        world.terminal.json(_check_to_json(opening, item, problem))
        return NO if problem else YES
    verdict = Paint("NOT verified", "red") if problem else Paint("verified", "green")
    world.terminal.line(verdict, f": {_title(opening.prompt)}")
    world.terminal.line("  ", next(describe_item(item)))
    if isinstance(item.said, Authorship):
        lines = count(_lines_of(opening.prompt.session, item.said), "new line")
        world.terminal.line(f"      about commit {item.said.commit.id[:DIGITS]}, of which the session has {lines}")
    if problem:
        world.terminal.line(Paint("  failed: ", "red"), f"{problem[1]} ({problem[0]})")
    else:
        _tell_text(opening.prompt, world)
    return NO if problem else YES


def _check(opening: Opening, workshop: Workshop) -> tuple[Item, tuple[str, str] | None]:
    """Return the statement that `opening` names, and why the prompt is not proven by it: code and message."""
    with EvidenceIndex(cache_file(workshop.repo)) as index:
        index.refresh(EvidenceRef(workshop.repo))
        facts = index.facts(kind=PredicateType.AUTHORSHIP, statement=opening.statement)
        items = open_items(index, facts, workshop.trust, at=datetime.now(UTC))
    if not items:
        hint = "git fetch brings the evidence, after byline init"
        raise RepositoryError(f"the statement {opening.statement[:DIGITS]} that commits to it is not here", hint=hint)
    item = next((each for each in items if each.bundle.key_hint == opening.signer), items[0])
    fact, said = item.fact, item.said
    try:
        signer = fact.key if fact else item.bundle.key_hint
        check_opening(opening, said.prompts if isinstance(said, Authorship) else (), signer=signer)
    except CommitmentError as error:
        return item, (error.code, str(error))
    if item.failure:
        return item, (item.failure.code, item.failure.message)
    if not isinstance(fact, VerifiedAuthorship):
        return item, ("BL-KEY-1", "there is no trust to verify with: no .byline/trust.toml that reads, and no key of yours")
    return item, None


def _lines_of(session: str, said: Authorship) -> int:
    """Return how many new lines `said` gives to `session` and to those that are a part of it."""
    named = redact(session)
    new = (each for claim in said.claims for each in claim.segments if isinstance(each, New))
    return sum(each.count for each in new if each.owner.session and f"{each.owner.session}/".startswith(f"{named}/"))


def _read(name: str, world: World) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(MAX_OPENING + 1)
    with (world.cwd / name).open("rb") as file:
        return file.read(MAX_OPENING + 1)


def _kept(world: World) -> tuple[Kept, ...]:
    workshop = make_reader(world, open_here(world))
    settle(workshop, world.terminal)
    return read_prompts(workshop.place)


def _find(kept: Sequence[Kept], named: str) -> Kept:
    """Return the prompt that a person calls `named`."""
    session, _, number = named.rpartition(":")
    if not session or not number.isdecimal():
        raise UsageError(f"{named} names no prompt", f"{NAME}, as byline prompt list has it")
    if len(session) < SHORTEST and session not in {each.prompt.session for each in kept}:
        raise UsageError(f"{session} is too short to name a session", "byline prompt list shows them")
    found = [each for each in kept if each.prompt.session.startswith(session) and each.prompt.number == int(number)]
    found = [each for each in found if each.prompt.session == session] or found
    if len(found) != 1:
        why = "is not here" if not found else "may be of several sessions"
        raise RepositoryError(f"the prompt {named} {why}", hint="byline prompt list shows those that are here")
    return found[0]


def _title(prompt: Prompt) -> str:
    return (
        f"prompt {prompt.number} of session {harmless(prompt.session)}, to {harmless(prompt.agent)}, {_moment(prompt):%Y-%m-%d %H:%M} UTC"
    )


def _tell_text(prompt: Prompt, world: World) -> None:
    world.terminal.line()
    for line in prompt.text.splitlines():
        world.terminal.line("    ", harmless(line))


def _moment(prompt: Prompt) -> datetime:
    return datetime.fromtimestamp(min(prompt.time // 10**9, 2**37), UTC)  # a clock may lie; a date ends with the year 9999


def _told(prompt: Prompt) -> dict[str, Any]:
    return {"agent": prompt.agent, "session": prompt.session, "number": prompt.number, "time": format_moment(_moment(prompt))}


def _kept_to_json(kept: Kept) -> dict[str, Any]:
    statement, signer = kept.signed or (None, None)
    return {**_told(kept.prompt), "bytes": len(kept.prompt.text.encode()), "statement": statement, "signer": signer}


def _check_to_json(opening: Opening, item: Item, problem: tuple[str, str] | None) -> dict[str, Any]:
    fact, said = item.fact, item.said if isinstance(item.said, Authorship) else None
    return {
        "schema": CHECK,
        "verified": problem is None,
        **_told(opening.prompt),
        "commitment": opening.commitment,
        "statement": opening.statement,
        "commit": said.commit.id if said else None,
        "lines": _lines_of(opening.prompt.session, said) if said else None,
        "principal": fact.principal if fact else None,
        "key": item.bundle.key_hint,
        "strength": str(fact.strength) if fact else None,
        "receipt": receipt_to_json(item.bundle),
        "failure": {"code": problem[0], "message": problem[1]} if problem else None,
    }
