# SPDX-License-Identifier: Apache-2.0
"""`byline verify`: check the evidence about a commit, or one bundle, with nothing but what is here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from byline.attribute.recheck import Outcome
from byline.core.bundle import parse_bundle
from byline.core.effect import path_members
from byline.core.finding import describe_finding, finding_to_json
from byline.core.tlog_proof import FIRST_LINE, MAX_TLOG_PROOF, bundle_of, parse_tlog_proof
from byline.core.value import dataclass, field
from byline.core.verified import VerifiedAuthorship
from byline.errors import MalformedError, RepositoryError, UnknownKeyError
from byline.flow.findings import Finder
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline_cli.dossier import Item, examine, open_dossier
from byline_cli.statements import describe_item, receipt_to_json
from byline_cli.terminal import Paint, count, show_path
from byline_cli.wiring import cache_file, make_workshop, note_evidence, open_here
from byline_cli.words import commit_in
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.attribute.recheck import Rechecked
    from byline.core.claim import Claim
    from byline.core.finding import Finding
    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Makes every check of docs/formats.md on the statements about a commit, or on a bundle in a file: shape, key, repository, signature,
log entry, inclusion, checkpoint, use, identity, time. It needs no network: trust is that of the work tree, and whoever has no anchor
for it learns what this clone holds, not that the clone is the right one. What a statement carries forward is looked up in the statements
that it names, and statements are held against each other and against git's objects: what does not fit together is a finding
(docs/errors.md). Exit 1 when a check fails, when facts contradict each other, and when there is no statement."""
EXAMPLE = "byline verify HEAD"

SCHEMA = "byline.verify/1"
HEAD = "HEAD"  # never a file: a bare repository has one of that name


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "what", nargs="?", default=HEAD, metavar="REV|FILE", help="a commit (default HEAD), or a file with a bundle or a tlog-proof"
    )
    parser.add_argument("--json", action="store_true", help="the answer as JSON (byline.verify/1)")


def run(options: Namespace, world: World) -> int:
    """Verify, and say what was found."""
    repo = open_here(world)
    note_evidence(world, repo)
    workshop = make_workshop(world, repo)
    file = world.cwd / options.what
    is_file = options.what != HEAD and file.is_file()
    title, items, failures, look = _file(workshop, file) if is_file else _commit(workshop, options.what, file)
    failures += [_failure(each.failure.code, each.failure.message, each) for each in items if each.failure]
    if workshop.trust is None and items:
        failures.append(_failure("BL-KEY-1", "there is no trust to verify with: no .byline/trust.toml that reads, and no key of yours"))
    proven = bool(items) and not failures and all(each.is_proven for each in items)
    proven = proven and not any(each.code.contradicts for each in look.findings)
    if options.json:
        answer = {"verified": proven, "statements": [_to_json(each, look) for each in items], "failures": failures}
        world.terminal.json({"schema": SCHEMA, **answer, "findings": [finding_to_json(each) for each in look.findings]})
        return YES if proven else NO
    world.terminal.line(Paint("verified" if proven else "NOT verified", "green" if proven else "red"), f": {title}")
    for each in items:
        for line in describe_item(each):
            world.terminal.line("  ", line)
        for line in _describe_carried(look.carried.get(each.digest, ())):
            world.terminal.line("      ", line)
    for finding in look.findings:
        world.terminal.line(Paint("  found: ", "red"), describe_finding(finding))
    for failure in failures:
        world.terminal.line(Paint("  failed: ", "red"), f"{failure['message']} ({failure['code']})")
    if not items and not failures:
        world.terminal.line("  there is no statement about it")
    return YES if proven else NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What statements look like beside others: what does not fit together, and what became of carried lines, by statement."""

    findings: tuple[Finding, ...] = ()
    carried: dict[str, list[tuple[Claim, Rechecked]]] = field(default_factory=dict)


def _look(workshop: Workshop, commit: str, items: Sequence[Item]) -> Look:
    if workshop.trust is None:  # nothing is proven
        return Look()
    facts = [each.fact for each in items if isinstance(each.fact, VerifiedAuthorship)]
    with EvidenceIndex(cache_file(workshop.repo)) as index:
        index.refresh(EvidenceRef(workshop.repo))
        finder = Finder(workshop.repo, index, workshop.trust, at=datetime.now(UTC))
        return Look(findings=finder.about_commit(commit, facts), carried={fact.digest: [*finder.recheck(fact)] for fact in facts})


def _commit(workshop: Workshop, rev: str, place: Path) -> tuple[str, list[Item], list[dict[str, Any]], Look]:
    try:
        commit = commit_in(workshop.repo, rev)
    except RepositoryError as error:
        if rev == HEAD:
            raise
        what = "a folder stands there" if place.is_dir() else "no such file is here either"
        raise RepositoryError(f"{error}; {what}", hint="name a commit, a branch or a tag, or the file of one bundle") from error
    found = open_dossier(workshop, commit, at=datetime.now(UTC))
    how = ", by the content of its files (no statement names it)" if found.by_content and found.items else ""
    failures = [_failure("BL-FORMAT-2", f"among the evidence: {each}") for each in found.bad]
    title = f"{count(len(found.items), 'statement')} about {commit[:12]}{how}"
    return title, list(found.items), failures, _look(workshop, commit, found.items)


def _file(workshop: Workshop, path: Path) -> tuple[str, list[Item], list[dict[str, Any]], Look]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TLOG_PROOF + 1)
        if data.startswith(FIRST_LINE.encode()) and workshop.trust is not None:
            bundle = bundle_of(parse_tlog_proof(data.decode(errors="replace")), workshop.trust)
        else:
            bundle = parse_bundle(data)
    except (MalformedError, UnknownKeyError) as error:
        return f"{path.name}", [], [_failure(error.code, str(error))], Look()
    return f"the bundle in {path.name}", [examine(workshop, bundle, at=datetime.now(UTC))], [], Look()


def _failure(code: str, message: str, item: Item | None = None) -> dict[str, Any]:
    about = f"statement {item.digest[:12]}: " if item else ""
    return {"code": code, "message": about + message}


def _describe_carried(carried: Sequence[tuple[Claim, Rechecked]]) -> Iterator[str]:
    """Yield how many carried lines say what their statement says, and each of those of which nobody here can tell."""
    holds = sum(len(each.lines) for _, each in carried if each.outcome is Outcome.HOLDS)
    if holds:
        yield f"{count(holds, 'carried line')}: as the named statements say"
    for claim, each in carried:
        if each.outcome is Outcome.UNSURE:
            source = each.carried.statement[:12]
            yield f"{show_path(claim.path)}:{each.lines.first}-{each.lines.last} carried from {source}: cannot say, it is not all here"


def _to_json(item: Item, look: Look) -> dict[str, Any]:
    fact = item.fact
    return {
        "statement": item.digest,
        "kind": item.kind,
        "verified": item.is_proven,
        "principal": fact.principal if fact else None,
        "key": item.bundle.key_hint,
        "strength": str(fact.strength) if fact else None,
        "full": fact.is_full if isinstance(fact, VerifiedAuthorship) else fact is not None,
        "delegation": fact.delegation if isinstance(fact, VerifiedAuthorship) else None,
        "receipt": receipt_to_json(item.bundle),
        "carried": [_carried_to_json(*each) for each in look.carried.get(item.digest, ())],
    }


def _carried_to_json(claim: Claim, each: Rechecked) -> dict[str, Any]:
    lines = {"start": each.lines.first, "end": each.lines.last, "origin": str(each.owner.origin)}
    source = {"statement": each.carried.statement, "how": str(each.carried.how), "outcome": str(each.outcome)}
    return {**path_members(claim.path), **lines, **source}
