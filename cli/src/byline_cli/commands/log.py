# SPDX-License-Identifier: Apache-2.0
"""`byline log`: the commits of a range, newest first, and whose the lines are that each of them added."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from byline.core.effect import path_members
from byline.core.report import owner_to_json
from byline.core.statement import PredicateType
from byline.core.value import dataclass
from byline.flow.history import read_history
from byline.flow.proofs import prove_statements
from byline.flow.resolve import open_resolver
from byline.git.ident import read_ident
from byline_cli.terminal import Paint, count, fit, shorten
from byline_cli.view import COLOURS, by_origin, describe_evidence, describe_owner, subject_of, tell_findings
from byline_cli.wiring import make_reader, open_here, settle, trust_or_none
from byline_cli.words import RANGE_AND_PATHS, range_and_scopes, within
from byline_cli.world import YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping

    from byline.core.attribution import Origin, Owner
    from byline.core.trust import Trust
    from byline.flow.history import Added
    from byline.flow.proofs import Proof
    from byline.flow.resolve import Resolver
    from byline_cli.parser import Parser
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

ABOUT = """\
For each commit how many lines it added, by whose they are: origin, evidence, agent and model, as `byline blame` of that commit says.
A line counts in the commit that brought it: not what a merge took over, nor what only changed white space, nor lines without words.
✓ proven (signed or logged), ? signed by a key that trust does not know, · no statement; “by content”: no statement names the commit,
its lines are known from statements about other commits, as after a rebase or a squash elsewhere; “carried” counts such lines.
Where a proven statement tells that agents were stopped before it, that is said: `byline show` has their rules."""
EXAMPLE = "byline log main..topic        byline log -n 5 src/"

PAGED = True
SCHEMA = "byline.log/1"
AT_ONCE = 64  # commits whose statements are checked together
AUTHOR = 18
DIGITS = 12
COUNT = re.compile(r"-[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What one commit added, and how the statements about it stand; `by_content` if none names it."""

    added: Added
    proofs: Mapping[str, Proof]
    receipts: frozenset[str]
    by_content: bool

    @property
    def state(self) -> str:
        """How the best of its statements stands: its strength, `unverified`, `none`."""
        proven = sorted(str(proof.strength) for proof in self.proofs.values() if proof.verified)
        return proven[0] if proven else "unverified" if self.proofs else "none"

    @property
    def totals(self) -> dict[Owner, tuple[int, int]]:
        """The added and the carried lines of each owner."""
        sums: dict[Owner, tuple[int, int]] = {}
        for share in self.added.shares:
            lines, carried = sums.get(share.owner, (0, 0))
            sums[share.owner] = (lines + share.count, carried + share.carried)
        return sums


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline log [-h] [-n N | -N] [--json] [--no-pager] [RANGE] [--] [PATH ...]"
    parser.takes_paths = True
    parser.add_argument("words", nargs="*", metavar="RANGE|PATH", help=RANGE_AND_PATHS)
    parser.add_argument("-n", type=int, default=None, metavar="N", help="at most N commits")
    parser.add_argument("--json", action="store_true", help="the commits as JSON (byline.log/1)")


def run(options: Namespace, world: World) -> int:
    """Tell the commits."""
    for word in [word for word in options.words if COUNT.fullmatch(word)]:  # as git takes it
        options.words.remove(word)
        options.n = int(word[1:])
    if options.n is not None and options.n < 0:
        raise UsageError("-n takes a number of commits", "byline log -n 5")
    repo = open_here(world)
    span, scopes = range_and_scopes(repo, world, options, "byline log A..B [PATH...]")
    commits = repo.newest_commits(span.base, span.head, limit=options.n, paths=scopes)
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    trust = trust_or_none(world, repo, workshop.identity)
    with open_resolver(workshop) as resolver:
        found = _judged(resolver, trust, read_history(resolver.versions, commits, wants=within(scopes)))
        if options.json:
            world.terminal.json({"schema": SCHEMA, "commits": [_to_json(each) for each in found]})
        else:
            for each in found:
                world.terminal.lines(_rows(each, world.terminal))
        tell_findings(resolver.versions.findings, world.terminal)
    return YES


def _judged(resolver: Resolver, trust: Trust | None, history: Iterator[Added]) -> Iterator[Logged]:
    """Yield each commit with how the statements that name it stand, else those that its lines rest on."""
    at = datetime.now(UTC)
    while some := list(islice(history, AT_ONCE)):
        named = {each.info.id: resolver.index.facts(kind=PredicateType.AUTHORSHIP, commit=each.info.id) for each in some}
        about = {each.info.id: {fact.statement for fact in named[each.info.id]} or each.statements for each in some}
        proofs = prove_statements(resolver.index, set().union(*about.values()), trust=trust, at=at)
        for each in some:
            facts = named[each.info.id]
            yield Logged(
                added=each,
                proofs={digest: proofs[digest] for digest in sorted(about[each.info.id])},
                receipts=frozenset(fact.statement for fact in facts if fact.logged),
                by_content=not facts and bool(each.statements),
            )


def _rows(each: Logged, terminal: Terminal) -> Iterator[list[str | Paint]]:
    info, author = each.added.info, read_ident(each.added.info.author)
    how = {"none": "· no statement", "unverified": "? unverified"}.get(each.state, f"✓ {each.state}")
    state = fit(how, len("· no statement")) + ("  by content" if each.by_content else "")
    head = f"  {author.time:%Y-%m-%d}  {state}  {fit(author.name, AUTHOR)}  "
    room = max(20, terminal.width - DIGITS - len(head))
    yield [Paint(info.id[:DIGITS], "yellow"), head, shorten(subject_of(info.message), room)]
    if each.added.is_cut:
        yield ["    history is cut here; what the commit added cannot be said"]
    shown: dict[tuple[str, Origin], tuple[int, int]] = {}  # sessions of one agent read alike
    for owner, (lines, carried) in each.totals.items():
        facts: dict[str, Any] = owner_to_json(owner)
        who = f"{describe_evidence(facts):<14} {describe_owner(facts)}", owner.origin
        before = shown.get(who, (0, 0))
        shown[who] = before[0] + lines, before[1] + carried
    digits = max((len(str(lines)) for lines, _ in shown.values()), default=0) + 1
    for (text, origin), (lines, carried) in sorted(shown.items(), key=lambda item: -item[1][0]):
        note = f"  ({carried} carried)" if carried else ""
        yield ["    ", Paint(f"{f'+{lines}':>{digits}} {text}", COLOURS[origin]), note]
    refused = 0 if each.by_content else sum(proof.refused for proof in each.proofs.values())
    if refused:
        yield ["    ", Paint(f"agents were not let, or were to ask first: {count(refused, 'call')}", "yellow")]


def _to_json(each: Logged) -> dict[str, Any]:
    added, author = each.added, read_ident(each.added.info.author)
    paths = dict.fromkeys(share.path for share in added.shares)
    return {
        "commit": added.info.id,
        "parents": [*added.info.parents],
        "author": author.text,
        "time": author.time.isoformat(),
        "subject": subject_of(added.info.message),
        "complete": not added.is_cut,
        "added": sum(share.count for share in added.shares),
        "lines": [{**owner_to_json(owner), "count": lines, "carried": carried} for owner, (lines, carried) in each.totals.items()],
        "files": [
            {**path_members(path), "lines": by_origin((share.owner.origin, share.count) for share in added.shares if share.path == path)}
            for path in paths
        ],
        "byContent": each.by_content,
        "statements": [
            {
                "statement": digest,
                "verified": proof.verified,
                "signer": proof.signer,
                "strength": proof.strength,
                "refused": proof.refused,
                "receipt": digest in each.receipts,
            }
            for digest, proof in each.proofs.items()
        ],
    }
