# SPDX-License-Identifier: Apache-2.0
"""`byline gate`: may this change land or deploy, from the evidence alone."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from byline.errors import BylineError, ConfigError
from byline.flow.gathering import Evidence
from byline.log.index import EvidenceIndex
from byline_cli.terminal import Paint
from byline_cli.wiring import cache_file, connect, open_here
from byline_cli.world import CANNOT, USAGE, UsageError
from byline_gate.anchor import full_ref, load_anchor
from byline_gate.anchored import EXIT, preview, run_gate
from byline_gate.report import judgement_to_json, report_lines

if TYPE_CHECKING:
    from argparse import Namespace

    from byline.flow.judge import Judgement
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Judges the change from a base to a head by the trust and policy of the base, never the change's own.

  --anchor gate.toml   the gate: the base is the tip of the anchor's target in this repository, the trust file is the pinned one, and
                       with a key the decision is signed and logged before it is told
  --base REV           an unanchored preview: the verdict and exit code are the same, nothing is signed

Exit codes: 0 allow, 1 deny, 2 command line, gate.toml or configuration, 3 cannot decide, 4 pending (only approvals are missing)."""
EXAMPLE = "byline gate --base origin/main --head HEAD"

COLOURS = {"allow": "green", "pending": "yellow", "deny": "red"}


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--anchor", type=Path, metavar="FILE", help="gate.toml, kept where a change cannot reach it")
    parser.add_argument("--base", metavar="REV", help="for a preview: judge the change since this commit")
    parser.add_argument("--head", metavar="REV", default="HEAD", help="the candidate (default HEAD)")
    parser.add_argument("--target", metavar="BRANCH", help="for a preview: count approvals for this branch only (default: for any)")
    parser.add_argument("--json", action="store_true", help="the verdict as JSON (byline.gate/1)")


def run(options: Namespace, world: World) -> int:
    """Judge; whatever goes wrong is never allow, and never deny either."""
    gc.set_threshold(100_000)  # to look through what was read again and again is a tenth of the time of a large change
    if (options.anchor is None) == (options.base is None):
        raise UsageError("gate takes --anchor FILE or --base REV", "with an anchor the base is the target's tip and nobody names it")
    if options.anchor and options.target:
        raise UsageError("the anchor names the target", "leave --target out")
    try:
        repo = open_here(world)
        judgement, entry = _anchored(options, world, repo) if options.anchor else (_preview(options, world, repo), None)
    except ConfigError as error:
        world.terminal.error(f"{error} ({error.code})", error.hint)
        return USAGE
    except BylineError as error:
        world.terminal.error(f"cannot decide: {error} ({error.code})", error.hint)
        return CANNOT
    if options.json:
        world.terminal.json(judgement_to_json(judgement, entry=entry))
    else:
        verdict = str(judgement.verdict.outcome)
        for number, line in enumerate(report_lines(judgement, entry=entry)):
            world.terminal.line(Paint(line, COLOURS[verdict]) if number == 0 else line)
    return EXIT[judgement.verdict.outcome]


def _anchored(options: Namespace, world: World, repo: Repository) -> tuple[Judgement, int | None]:
    anchor = load_anchor(options.anchor if options.anchor.is_absolute() else world.cwd / options.anchor)
    ledger = connect(anchor.ledger) if anchor.ledger else None
    signer = None
    if anchor.key:
        from byline.keys.signers import load_signer

        if ledger is None:
            raise ConfigError("gate.toml names a key and no ledger: a decision that is signed is logged", hint='add ledger = "grpc://..."')
        signer = load_signer(anchor.key)
    with EvidenceIndex(cache_file(repo)) as index:
        done = run_gate(repo, anchor, head=options.head, evidence=Evidence(repo, index), at=datetime.now(UTC), signer=signer, ledger=ledger)
    return done.judgement, done.entry


def _preview(options: Namespace, world: World, repo: Repository) -> Judgement:
    from byline_cli.wiring import make_reader, settle

    settle(make_reader(world, repo), world.terminal)
    target = full_ref(options.target) if options.target else None
    with EvidenceIndex(cache_file(repo)) as index:
        evidence = Evidence(repo, index)
        return preview(repo, base=options.base, head=options.head, target=target, evidence=evidence, at=datetime.now(UTC))
