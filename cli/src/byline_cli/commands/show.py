# SPDX-License-Identifier: Apache-2.0
"""`byline show`: the signed statements about a commit, whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.bundle import format_bundle
from byline_cli.dossier import open_dossier
from byline_cli.statements import claims_to_json, describe_item, receipt_to_json
from byline_cli.terminal import Paint
from byline_cli.view import subject_of
from byline_cli.wiring import make_workshop, note_evidence, open_here
from byline_cli.words import commit_in
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace

    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Who signed what about a commit: for each file how many lines are whose (blank ones too: a statement
has no text) and by whom how many were taken away, which log has it, and whether it verifies here; the approvals of
what it brought, and the decisions about it in the order of their log. `--json` has the whole bundles, which any verifier of Sigstore
bundles with P-256 keys can check. Exit 1 when there is no statement."""
EXAMPLE = "byline show HEAD"

PAGED = True
SCHEMA = "byline.show/1"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("rev", nargs="?", default="HEAD", metavar="REV", help="a commit (default HEAD)")
    parser.add_argument("--json", action="store_true", help="the statements as JSON (byline.show/1)")


def run(options: Namespace, world: World) -> int:
    """Show what there is."""
    repo = open_here(world)
    note_evidence(world, repo)
    workshop = make_workshop(world, repo)
    commit = commit_in(workshop.repo, options.rev)
    found = open_dossier(workshop, commit, at=datetime.now(UTC))
    if options.json:
        statements = [
            {"bundle": json.loads(format_bundle(each.bundle)), "claims": claims_to_json(each), "receipt": receipt_to_json(each.bundle)}
            for each in found.items
        ]
        world.terminal.json({"schema": SCHEMA, "commit": commit, "statements": statements})
        return YES if found.items else NO
    title = subject_of(workshop.repo.commit_info(commit).message)
    world.terminal.line(Paint(f"commit {commit[:12]}", "bold"), f"  {title}")
    if found.by_content and found.items:
        world.terminal.line("no statement names this commit; these claim the content of its files:")
    for each in found.items:
        for line in describe_item(each):
            world.terminal.line(line)
    if not found.items:
        world.terminal.line("there is no statement about it")
        world.terminal.note("byline attest --wait signs what is pending; git fetch brings the evidence of others")
    return YES if found.items else NO
