# SPDX-License-Identifier: Apache-2.0
"""Attacks on the evidence by somebody who may push it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.core.bundle import check_receipt, format_bundle
from byline.core.verdict import Outcome
from byline.core.verified import Strength
from byline.git.objects import TREE_MODE, TreeEntry, TreeItem, format_tree
from byline.git.pack import object_id
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef, file_name
from byline.testing import MemoryLedger
from casework import ai, approval, authorship, changed, claim, independent, make_trust, move, outcome, signed, team

if TYPE_CHECKING:
    from byline.core.bundle import Bundle
    from byline.core.policy import Policy
    from scratch import Scratch

PATH, OLD, NEW = b"src/app.py", b"a\nb\n", b"a\nb2\n"
FILES = [changed(PATH, OLD, NEW)]


def _push(repository: Scratch, bundle: Bundle, data: bytes) -> list[Bundle]:
    """Put `data` in the place of `bundle` in a remote, fetch it, unite; return what the evidence holds."""
    name = file_name(bundle.envelope.digest, bundle.key_hint)
    with open_repository(repository.path) as opened:
        evidence = EvidenceRef(opened)
        evidence.add([bundle])
        shard = format_tree([TreeItem(name=name.encode(), entry=TreeEntry(mode="100644", oid=object_id("blob", data, "sha1")))])
        root = format_tree([TreeItem(name=name[:2].encode(), entry=TreeEntry(mode=TREE_MODE, oid=object_id("tree", shard, "sha1")))])
        *_, tree = opened.write_objects([("blob", data), ("tree", shard), ("tree", root)])
        opened.update_ref("refs/byline/remotes/origin/evidence", tree, None)
        evidence.union_from_remotes()
        repository.git("update-ref", "-d", "refs/byline/remotes/origin/evidence")
        return [each.bundle for each in evidence.bundles()]


@pytest.mark.parametrize("what", ["another log", "nobody signed the checkpoint", "another signature", "no bundle"])
@pytest.mark.parametrize("strength", [Strength.SIGNED, Strength.LOGGED])
def test_a_worthless_bundle_does_not_take_the_place_of_an_approval(repository: Scratch, what: str, strength: Strength) -> None:
    """L11: of the same fact, under the same name, and even if a union puts it first."""
    ledger = MemoryLedger()
    trust = make_trust(logs=(independent(ledger),))
    policy: Policy = team(strength=strength)
    logs = ledger if strength is Strength.LOGGED else None
    work = signed(authorship(claim(PATH, OLD, NEW, ai("p-rob"))), "p-rob", logs)
    yes = signed(approval("p-ana", move(PATH, OLD, NEW), policy=policy), "p-ana", logs)
    forged = signed(approval("p-ana", move(PATH, OLD, NEW), policy=policy), "p-ana", MemoryLedger("a.example"))
    assert forged.receipt
    if what == "nobody signed the checkpoint":
        checkpoint = forged.receipt.checkpoint.replace("a.example", ledger.key.name)
        forged = replace(forged, receipt=replace(forged.receipt, checkpoint=checkpoint))
        check_receipt(forged)
    elif what == "another signature":
        forged = replace(forged, envelope=replace(forged.envelope, signature=b"0"), receipt=None)
    data = b"" if what == "no bundle" else format_bundle(forged)
    kept = _push(repository, yes, data)
    assert yes in kept or (strength is Strength.SIGNED and forged in kept)
    assert outcome(FILES, [work, *kept], policy=policy, trust=trust) is Outcome.ALLOW
