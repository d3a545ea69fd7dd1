# SPDX-License-Identifier: Apache-2.0
"""Offline verification of a batch: statements with receipts, beside nothing but one P-256 check for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.attribution import Agent, Channel, Evidence, owner_of
from byline.core.authorship import Authorship, Commit, Link, Recorder, format_authorship
from byline.core.bundle import Bundle, join_receipt
from byline.core.claim import Claim, New, Op
from byline.core.trust import LogClass, TrustedLog
from byline.core.trustfile import local_trust
from byline.keys.p256 import check_signature
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from byline.verify import verify_bundles
from figure import Figure, ratio, take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLES, LINES = 300, 20
REPOSITORY = "byl:" + "0" * 32


def _payload(number: int) -> bytes:
    """Make a statement about one new file of an agent's."""
    digest = f"{number:064x}"
    author = owner_of(Agent(name="agent", version="1", model="example/model-1"), evidence=Evidence.OBSERVED, channel=Channel.HOOK)
    new = New(owner=author, hashes=bytes(16 * LINES))
    claim = Claim(path=b"file.py", op=Op.ADD, mode="100644", sha256=digest, blob=digest[:40], hand=author, segments=(new,))
    return format_authorship(
        Authorship(
            repository=REPOSITORY,
            salt=bytes(16),
            change=digest,
            commit=Commit(id=digest[:40], tree=digest[:40], parents=()),
            recorder=Recorder(name="byline", version="0", channel="hook"),
            chain=Link(id="0" * 32, seq=number + 1, prev=digest if number else None),
            claims=(claim,),
        )
    )


def measure(_place: Path) -> Iterator[Figure]:
    """Verify everything at once: shape, key, repository, signature, leaf, proof and checkpoint."""
    signer, ledger = fixed_signer(), MemoryLedger()
    envelopes = [sign_payload(_payload(number), signer) for number in range(BUNDLES)]
    for envelope in envelopes:
        ledger.append(envelope, signer.public)
    bundles: list[Bundle] = [join_receipt(each, signer.public, ledger.append(each, signer.public)) for each in envelopes]
    log = TrustedLog(origin=ledger.key.name, vkey=ledger.vkey, kind=LogClass.INDEPENDENT, operator="s-log")
    trust = local_trust(repository=REPOSITORY, line_key=bytes(32), public=signer.public, logs=(log,))
    now = datetime.now(UTC)
    seen = verify_bundles(bundles, trust=trust, at=now)
    if seen.failures or len(seen.facts) != BUNDLES:
        raise SystemExit(f"verify: {len(seen.facts)} facts of {BUNDLES}; {seen.failures[:1]}")

    def check_all() -> None:
        for each in envelopes:
            check_signature(signer.public, each.signature, each.signed_bytes)

    checks, took = take_turns(check_all, lambda: verify_bundles(bundles, trust=trust, at=now), rounds=9)
    yield ratio(f"verify {BUNDLES} bundles with receipts", took=took, against=f"{BUNDLES} P-256 checks", base=checks, budget=3)
