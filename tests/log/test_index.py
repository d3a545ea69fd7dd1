# SPDX-License-Identifier: Apache-2.0
"""The index answers from the trees alone: whatever was indexed before, and whatever happens to its file."""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.authorship import parse_authorship
from byline.core.bundle import format_bundle
from byline.core.claim import New
from byline.core.statement import PredicateType, Subject, format_statement, parse_statement
from byline.git.objects import TREE_MODE, TreeEntry, TreeItem
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef, file_name
from byline.log.glance import glance
from byline.log.index import EvidenceIndex
from byline.log.trees import REF
from casework import NOW, TARGET, approval, move, sha, signed, team
from log.evidence_maker import KEY, authorship, bundle_of, claim, oid, statement_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scratch import Scratch


@pytest.fixture
def evidence(repository: Scratch) -> Iterator[EvidenceRef]:
    with open_repository(repository.path) as opened:
        yield EvidenceRef(opened)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EvidenceIndex]:
    with EvidenceIndex(tmp_path / "byline/cache.db") as index:
        yield index


def test_claims_are_found_by_commit_path_and_content(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    one = statement_bundle(1, claim(b"a", "a1"), claim(b"\xff", "b1"))
    two = statement_bundle(2, claim(b"a", "a2", base="a1"))
    evidence.add([one, two])
    index.refresh(evidence)
    first, second = one.envelope.digest, two.envelope.digest
    assert [row.statement for row in index.claims_by_path(b"a")] == [second, first]
    assert [(row.statement, row.ordinal) for row in index.claims_by_blob(oid("b1"))] == [(first, 1)]
    assert index.claims_by_blob(oid("b1"), b"a") == ()
    (row,) = index.claims_of(oid("commit 2"), b"a")
    assert (row.statement, row.path, row.blob, row.op, row.chain, row.seq) == (second, b"a", oid("a2"), "modify", "c-1", 2)
    assert [row.path for row in index.claims_of(oid("commit 1"))] == [b"a", b"\xff"]
    assert index.claims_of(oid("commit 9")) == ()


class Late(EvidenceRef):
    """Evidence whose first look at the refs was `old`, before another process went on."""

    __slots__ = ("looks",)

    def trees(self) -> dict[str, str]:
        return next(self.looks, None) or super().trees()


def test_who_looked_early_does_not_bring_the_index_back(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    """An attester that found its own statement gone from the index would sign it again."""
    evidence.add([statement_bundle(1, claim(b"a", "a1"))])
    late = Late(evidence.repository)
    object.__setattr__(late, "looks", iter([evidence.trees()]))
    evidence.add([statement_bundle(2, claim(b"b", "b1"))])
    assert index.refresh(evidence) == index.refresh(late)
    assert {fact.commit for fact in index.facts()} == {oid("commit 1"), oid("commit 2")}


def test_a_statement_is_the_one_that_was_signed(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    bundle = statement_bundle(1, claim(b"a", "a1", lines=3))
    evidence.add([bundle])
    index.refresh(evidence)
    told = index.statement(bundle.envelope.digest)
    assert told == authorship(1, claim(b"a", "a1", lines=3)) == parse_authorship(parse_statement(bundle.envelope.payload))
    assert index.statement("00" * 32) is None


def test_claims_are_found_by_the_hashes_of_their_lines(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    large, small = claim(b"a", "a1", lines=1200), claim(b"b", "b1", lines=2)
    evidence.add([statement_bundle(1, large), statement_bundle(2, small)])
    index.refresh(evidence)
    hashes = [
        each.hashes[at : at + 16]
        for item in (large, small)
        for each in item.segments
        if isinstance(each, New)
        for at in range(0, len(each.hashes), 16)
    ]
    found = index.claims_with_hashes([*hashes, *hashes, bytes(16)])
    assert [(row.path, row.hits) for row in found] == [(b"a", 1200), (b"b", 2)]
    assert index.claims_with_hashes(hashes, limit=1) == found[:1]
    assert index.claims_with_hashes([bytes(16)]) == index.claims_with_hashes([]) == ()
    evidence.add([statement_bundle(3, claim(b"c", "b1", lines=1))])
    index.refresh(evidence)
    assert [row.path for row in index.claims_with_hashes(hashes[-2:])] == [b"b", b"c"]


def test_facts_tell_who_signed_what_and_open_to_bundles(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    other = "ef" * 32
    payload = format_statement((Subject(name="change", sha256="ab" * 32),), PredicateType.DECISION, {"repository": {"id": "r-1"}})
    work = statement_bundle(1, claim(b"a", "a1"))
    rulings = [bundle_of(payload), bundle_of(payload, key=other)]
    evidence.add([work, *rulings])
    index.refresh(evidence)
    found = index.facts(kind=PredicateType.DECISION)
    assert {(fact.key, fact.repository, fact.change, fact.commit, fact.logged) for fact in found} == {
        (KEY, "r-1", "ab" * 32, None, False),
        (other, "r-1", "ab" * 32, None, False),
    }
    assert {each.bundle for each in index.open(found)} == set(rulings)
    assert [fact.statement for fact in index.facts(commit=oid("commit 1"))] == [work.envelope.digest]
    assert len(index.facts(statement=rulings[0].envelope.digest)) == 2
    assert len(index.facts()) == 3


def test_what_leaves_the_trees_leaves_the_answers(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    evidence.add([statement_bundle(1, claim(b"a", "a1"))])
    before = evidence.repository.ref(REF)
    first = index.refresh(evidence)
    evidence.add([statement_bundle(2, claim(b"b", "b1"))])
    assert index.refresh(evidence) != first
    index.claims_with_hashes([bytes(16)])
    assert evidence.repository.update_ref(REF, str(before), evidence.repository.ref(REF))
    assert index.refresh(evidence) == first
    assert index.claims_by_path(b"b") == ()
    assert len(index.claims_by_path(b"a")) == len(index.facts()) == 1


def test_one_of_two_signers_may_leave(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    bundle = statement_bundle(1, claim(b"a", "a1"))
    evidence.add([bundle])
    before = str(evidence.repository.ref(REF))
    evidence.add([bundle_of(bundle.envelope.payload, key="ef" * 32)])
    index.refresh(evidence)
    assert (len(index.facts()), len(index.claims_by_path(b"a"))) == (2, 1)
    evidence.repository.update_ref(REF, before, evidence.repository.ref(REF))
    index.refresh(evidence)
    assert (len(index.facts()), len(index.claims_by_path(b"a"))) == (1, 1)


def test_evidence_of_remotes_is_indexed_too(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    evidence.add([statement_bundle(1, claim(b"a", "a1"))])
    repository = evidence.repository
    repository.update_ref("refs/byline/remotes/origin/evidence", str(repository.ref(REF)), None)
    evidence.add([statement_bundle(2, claim(b"b", "b1"))])
    index.refresh(evidence)
    assert len(index.facts()) == 2


def test_a_file_that_is_no_evidence_is_a_finding_and_stops_nothing(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    """Oversized, malformed, or named as something else."""
    good = statement_bundle(1, claim(b"a", "a1"))
    evidence.add([good])
    repository = evidence.repository
    not_a_statement = bundle_of(b"{}")
    contents = {
        "ab" * 32 + "." + "cd" * 8 + ".json": b"{",
        "ab" * 32 + "." + "ce" * 8 + ".json": format_bundle(good),
        "ab" * 32 + "." + "cf" * 8 + ".json": b" " * 5_000_000,
    }
    items = [
        TreeItem(name=name.encode(), entry=TreeEntry(mode="100644", oid=repository.write_blob(data))) for name, data in contents.items()
    ]
    bad = repository.write_tree(items)
    root = repository.write_tree([TreeItem(name=b"ab", entry=TreeEntry(mode=TREE_MODE, oid=bad))])
    repository.update_ref("refs/byline/remotes/x/evidence", root, None)
    evidence.add([not_a_statement])
    index.refresh(evidence)
    assert len(index.facts()) == 1
    assert {finding.name for finding in index.findings()} >= set(contents)
    assert len(index.findings()) == 4


@pytest.mark.parametrize("damage", ["garbage", "cut", "flipped", "older", "emptied", "dropped"])
def test_a_file_of_no_use_is_replaced_in_silence(evidence: EvidenceRef, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "cache.db"
    bundle = statement_bundle(1, claim(b"a", "a1", lines=500))
    evidence.add([bundle])
    with EvidenceIndex(path) as index:
        index.refresh(evidence)
        expected = index.claims_by_path(b"a"), index.statement(bundle.envelope.digest)
    data = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"not a database" * 1000)
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        at = data.index(bundle.envelope.payload[-600:-500])
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    elif damage == "emptied":
        path.write_bytes(b"")
    else:
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 0" if damage == "older" else "DROP TABLE claim")
        database.close()
    with EvidenceIndex(path) as index:
        index.refresh(evidence)
        assert (index.claims_by_path(b"a"), index.statement(bundle.envelope.digest)) == expected


def test_a_file_that_breaks_while_open_is_replaced(evidence: EvidenceRef, index: EvidenceIndex, tmp_path: Path) -> None:
    evidence.add([statement_bundle(1, claim(b"a", "a1"))])
    index.refresh(evidence)
    with sqlite3.connect(tmp_path / "byline/cache.db") as database:
        database.execute("DROP TABLE claim")
    database.close()
    assert len(index.claims_by_path(b"a")) == 1


def test_a_place_that_cannot_be_written_is_no_trouble(evidence: EvidenceRef, tmp_path: Path) -> None:
    (tmp_path / "byline").write_bytes(b"in the way")
    evidence.add([statement_bundle(1, claim(b"a", "a1"))])
    with EvidenceIndex(tmp_path / "byline/cache.db") as index:
        index.refresh(evidence)
        assert len(index.claims_by_path(b"a")) == 1


def test_answers_are_kept_and_bounded(index: EvidenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("byline.log.database.MAX_ANSWERS", 3)
    for number in range(5):
        index.keep({b"%d" % number: b"v"})
    index.keep({b"4": b"w"})
    assert [index.kept(b"%d" % number) for number in range(5)] == [None, None, None, b"v", b"w"]


def test_several_may_share_one_index(evidence: EvidenceRef, tmp_path: Path) -> None:
    """Two openers and several threads at once: each sees every claim."""
    evidence.add([statement_bundle(number, claim(b"a", number)) for number in range(1, 41)])
    seen = []

    def read() -> None:
        with EvidenceIndex(tmp_path / "cache.db") as index:
            index.refresh(evidence)
            seen.append(len(index.claims_by_path(b"a")))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [40] * 4


def test_what_seems_to_be_a_statement_and_is_none_has_no_answer(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    """A glance finds it; whoever reads it finds that it is nothing."""
    payload = statement_bundle(1, claim(b"a", "a1")).envelope.payload.replace(b'"diff":"byline-lines/1"', b'"diff":"byline-lines/9"')
    evidence.add([bundle_of(payload)])
    index.refresh(evidence)
    (row,) = index.claims_by_path(b"a")
    assert index.statement(row.statement) is None
    (finding,) = index.findings()
    assert finding.reason == "the diff is byline-lines/1"
    assert index.claims_by_path(b"a") == index.facts() == ()
    index.refresh(evidence)
    assert index.findings() == (finding,)


@given(
    st.dictionaries(st.sampled_from(["path", "pathBytes", "blob", "op", "x"]), st.none() | st.integers() | st.text() | st.lists(st.none()))
)
def test_a_glance_at_anything_is_a_glance_or_nothing(file: dict[str, object]) -> None:
    predicate = {"repository": {"id": "r"}, "commit": {"id": "c"}, "chain": {"id": "k", "seq": 1}, "files": [file]}
    value = {"subject": [{"digest": {"sha256": "s"}}], "predicateType": PredicateType.AUTHORSHIP, "predicate": predicate}
    payload = json.dumps(value).encode()
    bundle = bundle_of(payload)
    seen = glance(file_name(bundle.envelope.digest, KEY), format_bundle(bundle))
    assert seen is None or all(isinstance(path, bytes) for path, _, _ in seen.claims)


def test_approvals_are_found_by_what_they_let_in(evidence: EvidenceRef, index: EvidenceIndex) -> None:
    """Whoever asks about a path gets every approval of it that is not over, and one that is over only for the version that it names."""
    a_text = b"2\n"
    a, b, c = move(b"a", b"1\n", a_text), move(b"a", a_text, b"3\n"), move(b"\xff", b"1\n", None)
    early = {"expires_at": NOW}
    given = [
        signed(approval("p-ana", a, policy=team()), "p-ana"),
        signed(approval("p-ana", a, policy=team(), nonce=b"n" * 16, **early), "p-ana"),
        signed(approval("p-ben", b, policy=team(), target="refs/heads/other"), "p-ben"),
        signed(approval("p-ben", b, policy=team(), nonce=b"n" * 16, **early), "p-ben"),
        signed(approval("p-ben", c, policy=team()), "p-ben"),
    ]
    one, over, two, past, gone = [file_name(each.envelope.digest, each.key_hint) for each in given]
    evidence.add(given)
    index.refresh(evidence)

    def names(version: bytes | None, path: bytes = b"a") -> set[str]:
        new = None if version is None else f"100644 {sha(version)}"
        return {fact.name for fact in index.approvals_about({path: new}, at=NOW)}

    assert names(b"2\n") == {one, over, two}
    assert names(b"3\n") == {one, two, past}
    assert names(b"4\n") == {one, two}
    assert names(None, b"\xff") == {gone}
    assert names(b"2\n", b"other") == set()
    a_new = f"100644 {sha(a_text)}"
    rows = [(row.name, row.path, row.new) for row in index.open_steps(TARGET, at=NOW)]
    assert rows == sorted([(one, b"a", a_new), (gone, b"\xff", None)], key=lambda row: row[0])
    evidence.repository.git.run("update-ref", "-d", REF)
    index.refresh(evidence)
    assert index.open_steps(TARGET, at=NOW) == ()
