# SPDX-License-Identifier: Apache-2.0
"""Which statements are proven to a reader, and that asking twice costs nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from byline.core.authorship import format_authorship
from byline.core.bundle import Bundle, join_receipt
from byline.core.trust import LogClass, TrustedLog
from byline.core.trustfile import local_trust
from byline.flow.proofs import Proof, prove_statements
from byline.git.repository import open_repository
from byline.keys.ids import key_id
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from log.evidence_maker import authorship, claim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.trust import Trust
    from byline.keys.p256 import PrivateKey
    from scratch import Scratch

REPOSITORY = "byl:" + "0" * 32
NOW = datetime(2026, 11, 21, tzinfo=UTC)
MINE, OTHERS = fixed_signer(1), fixed_signer(2)


def trust() -> Trust:
    return local_trust(repository=REPOSITORY, line_key=bytes(32), public=MINE.public)


def bundle(signer: PrivateKey = MINE) -> Bundle:
    statement = replace(authorship(1, claim(b"a", 1)), repository=REPOSITORY)
    return Bundle(envelope=sign_payload(format_authorship(statement), signer), key_hint=key_id(signer.public))


@pytest.fixture
def evidence(repository: Scratch) -> Iterator[EvidenceRef]:
    with open_repository(repository.path) as opened:
        yield EvidenceRef(opened)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EvidenceIndex]:
    with EvidenceIndex(tmp_path / "byline/cache.db") as index:
        yield index


def prove(index: EvidenceIndex, evidence: EvidenceRef, *bundles: Bundle, by: Trust | None) -> list[Proof]:
    evidence.add(bundles)
    index.refresh(evidence)
    return list(prove_statements(index, [None, *(each.envelope.digest for each in bundles)], trust=by, at=NOW).values())


def test_a_statement_by_a_key_of_trust_is_proven(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    assert prove(index, evidence, bundle(), by=trust()) == [Proof(verified=True, signer="p-local", strength="signed")]


def test_a_statement_by_another_key_is_not_and_says_why(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    [proof] = prove(index, evidence, bundle(OTHERS), by=trust())
    assert (proof.verified, proof.signer) == (False, None)
    assert proof.problem is not None
    assert "trust does not know the key" in proof.problem


def test_a_statement_whose_bundle_is_gone_is_not_proven(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    index.refresh(evidence)
    assert prove_statements(index, ["5" * 64], trust=trust(), at=NOW)["5" * 64] == Proof(verified=False, problem="its bundle is not here")


def test_nothing_is_proven_without_trust_or_under_one_that_has_expired(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    """Also where the answer under that trust was kept while it was current."""
    assert prove(index, evidence, bundle(), by=trust())[0].verified
    assert not prove(index, evidence, bundle(), by=None)[0].verified
    assert not prove(index, evidence, bundle(), by=replace(trust(), expires=NOW))[0].verified


def test_an_answer_is_kept_for_the_same_trust_and_the_same_bundles_only(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    prove(index, evidence, bundle(), by=trust())
    stranger = local_trust(repository=REPOSITORY, line_key=bytes(32), public=OTHERS.public)
    assert not prove(index, evidence, bundle(), by=stranger)[0].verified
    assert prove(index, evidence, bundle(), by=trust())[0].verified


def test_a_receipt_that_comes_later_is_seen(index: EvidenceIndex, evidence: EvidenceRef) -> None:
    ledger = MemoryLedger()
    log = TrustedLog(origin="memory.example", vkey=ledger.vkey, kind=LogClass.INDEPENDENT, operator="p-else")
    logged = replace(trust(), logs=(log,))
    assert prove(index, evidence, bundle(), by=logged)[0].strength == "signed"
    envelope = bundle().envelope
    received = join_receipt(envelope, MINE.public, ledger.append(envelope, MINE.public))
    assert prove(index, evidence, received, by=logged)[0] == Proof(verified=True, signer="p-local", strength="logged")


READ_AGAIN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from byline.core.trust import LogClass, TrustedLog
from byline.core.trustfile import local_trust
from byline.flow.proofs import prove_statements
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
top, cache, repository, public, digest = sys.argv[1:]
trust = local_trust(repository=repository, line_key=bytes(32), public=bytes.fromhex(public))
with open_repository(Path(top)) as opened, EvidenceIndex(Path(cache)) as index:
    index.refresh(EvidenceRef(opened))
    print(prove_statements(index, [digest], trust=trust, at=datetime.now(UTC))[digest].verified, "cryptography" in sys.modules)
"""


def test_what_was_kept_needs_no_cryptography(tmp_path: Path, index: EvidenceIndex, evidence: EvidenceRef) -> None:
    """A reader of blame does not pay for it twice."""
    made = bundle()
    prove(index, evidence, made, by=trust())
    index.close()
    facts = [str(evidence.repository.top), str(tmp_path / "byline/cache.db"), REPOSITORY, MINE.public.hex(), made.envelope.digest]
    done = subprocess.run([sys.executable, "-c", READ_AGAIN, *facts], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "False"]
