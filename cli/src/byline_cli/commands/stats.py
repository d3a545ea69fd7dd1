# SPDX-License-Identifier: Apache-2.0
"""`byline stats`: how many lines the commits of a range added, by whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from byline.flow.history import read_history
from byline.flow.resolve import open_resolver
from byline.git.ident import read_ident
from byline_cli.terminal import Paint, count, fit, harmless, show_path, width
from byline_cli.view import COLOURS, by_origin, tell_findings
from byline_cli.wiring import make_reader, open_here, settle
from byline_cli.words import RANGE_AND_PATHS, range_and_scopes, within
from byline_cli.world import YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from byline.flow.history import Added, Share
    from byline_cli.parser import Parser
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

ABOUT = """\
Counts the lines that the commits of RANGE added, by whose they are, in groups. Each line counts once, in the commit that brought it:
a merge counts what its maker wrote into it and nothing that it took over. What only changed white space was not added, and lines
without words (blank ones, brackets alone) are not counted. What was taken away later still counts: it was added. `author` is the
commit's author as git has it, which anybody can write; `agent` and `model` are those of the lines; `week` is the author's ISO week."""
EXAMPLE = "byline stats v1.0..HEAD --by agent        byline stats --by week src/"

PAGED = True
SCHEMA = "byline.stats/1"
BAR = 20

GROUPS: Mapping[str, Callable[[Added, Share], str | None]] = {
    "origin": lambda _, share: str(share.owner.origin),
    "author": lambda added, _: read_ident(added.info.author).text,
    "agent": lambda _, share: share.owner.agent.name if share.owner.agent else None,
    "model": lambda _, share: share.owner.agent.model if share.owner.agent else None,
    "path": lambda _, share: show_path(share.path),
    "week": lambda added, _: f"{read_ident(added.info.author).time:%G-W%V}",
}


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.usage = "byline stats [-h] [--by {" + ",".join(GROUPS) + "}] [--json] [--no-pager]\n                    [RANGE] [--] [PATH ...]"
    parser.takes_paths = True
    parser.add_argument("words", nargs="*", metavar="RANGE|PATH", help=RANGE_AND_PATHS)
    parser.add_argument("--by", choices=GROUPS, default="origin", help="what a row is (default origin)")
    parser.add_argument("--json", action="store_true", help="the numbers as JSON (byline.stats/1)")


def run(options: Namespace, world: World) -> int:
    """Count."""
    repo = open_here(world)
    span, scopes = range_and_scopes(repo, world, options, "byline stats A..B [PATH...]")
    workshop = make_reader(world, repo)
    settle(workshop, world.terminal)
    with open_resolver(workshop) as resolver:
        commits = incomplete = 0
        groups: dict[str | None, dict[str, int]] = {}
        for added in read_history(resolver.versions, repo.newest_commits(span.base, span.head, paths=scopes), wants=within(scopes)):
            commits += 1
            incomplete += added.is_cut
            for share in added.shares:
                group = groups.setdefault(GROUPS[options.by](added, share), {})
                group[share.owner.origin] = group.get(share.owner.origin, 0) + share.count
        findings = resolver.versions.findings
    facts = {
        "schema": SCHEMA,
        "base": span.base,
        "head": span.head,
        "commits": commits,
        "incomplete": incomplete,
        "added": sum(sum(group.values()) for group in groups.values()),
        "origins": by_origin(pair for group in groups.values() for pair in group.items()),
        "by": options.by,
        "groups": [
            {"key": key, "added": sum(group.values()), "origins": by_origin(group.items())} for key, group in _ordered(groups, options.by)
        ],
    }
    if options.json:
        world.terminal.json(facts)
    else:
        world.terminal.lines(_rows(facts, world.terminal))
    tell_findings(findings, world.terminal)
    return YES


def _ordered(groups: Mapping[str | None, dict[str, int]], by: str) -> list[tuple[str | None, dict[str, int]]]:
    """Return the weeks as they came, everything else with the most lines first."""
    rows = sorted(groups.items(), key=lambda item: item[0] or "")
    return rows if by == "week" else sorted(rows, key=lambda item: -sum(item[1].values()))


def _rows(facts: dict[str, Any], terminal: Terminal) -> Iterator[list[str | Paint]]:
    yield [f"{count(facts['commits'], 'commit')} added {count(facts['added'], 'line')}"]
    if facts["incomplete"]:
        yield [f"of {count(facts['incomplete'], 'commit')} more cannot be said: history is cut here"]
    if not facts["groups"]:
        return
    names = [f"no {facts['by']}" if each["key"] is None else each["key"] for each in facts["groups"]]
    shown = [*facts["origins"]]
    sizes = [max(len(origin), len(str(facts["added"]))) for origin in ("added", *shown)]
    room = terminal.width - sum(sizes) - 2 * len(sizes) - BAR - 2
    key = max(8, min(room, max(width(harmless(each)) for each in (*names, "total"))))

    def row(name: str, numbers: Sequence[object]) -> list[str | Paint]:
        cells = [f"  {number:>{size}}" for number, size in zip(numbers, sizes, strict=True)]
        return [fit(name, key), cells[0], *(Paint(cell, COLOURS[origin]) for cell, origin in zip(cells[1:], shown, strict=True))]

    yield row(facts["by"], ["added", *shown])
    most = max(each["added"] for each in facts["groups"])
    for name, each in zip(names, facts["groups"], strict=True):
        yield [*row(name, [each["added"], *(each["origins"].get(origin, 0) for origin in shown)]), "  ", *_bar(each["origins"], most)]
    if len(names) > 1:
        yield row("total", [facts["added"], *facts["origins"].values()])


def _bar(origins: Mapping[str, int], most: int) -> Iterator[Paint]:
    """Yield a bar as long as its lines are many, in the colours of their origins."""
    done = drawn = 0
    for origin, number in origins.items():
        done += number
        end = max(1, round(BAR * done / most))
        yield Paint("█" * (end - drawn), COLOURS[origin])
        drawn = end
