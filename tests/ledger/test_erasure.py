# SPDX-License-Identifier: Apache-2.0
"""Two people erase what was signed: it is gone from every file, and every proof still holds."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from byline.core.canonical import parse_strict
from byline.core.merkle import check_inclusion, hash_leaf
from byline.core.statement import PredicateType, Subject, format_statement, parse_statement
from byline.core.tombstone import LogEntry, Reason, Tombstone, format_tombstone, parse_tombstone
from byline.core.trust import Kind, Principal, Trust, TrustedKey, Use, parse_trust
from byline.core.trustfile import format_new_trust
from byline.core.value import replace
from byline.errors import ConfigError, StatementError, UnknownKeyError
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.erasure import erase_wanted, read_erasures, want_erased
from byline_ledger.engine.files import init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.keys.p256 import PrivateKey
    from byline_ledger.engine.files import OpenLog

ANA, BEN, SERVICE, STRANGER = (fixed_signer(number) for number in (11, 12, 13, 14))
REPOSITORY = "byl:" + "1f" * 16
AT = datetime(2026, 11, 21, tzinfo=UTC)
SECRET = "hunter2-was-here " * 100


def statement(number: int) -> bytes:
    subjects = tuple(Subject(name=name, sha256=hashlib.sha256(f"{name}{number}".encode()).hexdigest()) for name in ("change", "src/a.py"))
    predicate = {"repository": {"id": REPOSITORY}, "commit": {"id": "ab" * 20}, "text": SECRET, "number": number}
    return format_statement(subjects, PredicateType.AUTHORSHIP, predicate)


PAYLOAD = statement(1)
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()


def trust_of(**uses: tuple[Use, ...]) -> Trust:
    people = {"p-ana": ANA, "p-ben": BEN, "s-ci": SERVICE}
    return parse_trust(
        format_new_trust(
            repository=REPOSITORY,
            line_key=bytes(32),
            issued=AT,
            expires=AT.replace(year=2027),
            levels=("senior",),
            principals=[Principal(id=name, kind=Kind.SERVICE if name.startswith("s-") else Kind.HUMAN) for name in people],
            keys=[TrustedKey(principal=name, public=key.public, uses=uses.get(name[2:], ())) for name, key in people.items()],
        )
    )


TRUST = trust_of(ana=(Use.AUTHORSHIP, Use.ERASURE), ben=(Use.ERASURE,), ci=(Use.AUTHORSHIP,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "ledger"
    init_ledger(place, origin="log.example")
    with open_embedded(place) as ledger:
        for number in range(4):
            ledger.append(sign_payload(statement(number), SERVICE), SERVICE.public)
    return place


@pytest.fixture
def log(folder: Path) -> Iterator[OpenLog]:
    with contextlib.closing((opened := load_log(folder)).store):
        yield opened


def want(log: OpenLog, *people: PrivateKey, trust: Trust = TRUST, reason: Reason = Reason.SECRET) -> None:
    for person in people:
        for each in read_erasures(log, DIGEST, trust):
            want_erased(log, each, DIGEST, reason=reason, signer=person, trust=trust, at=AT)


def holds_secret(folder: Path) -> int:
    return sum(each.read_bytes().count(b"hunter2") for each in folder.iterdir() if each.is_file())


def test_what_two_people_want_erased_is_gone_and_its_proofs_hold(log: OpenLog, folder: Path) -> None:
    submission = Admission().admit(sign_payload(PAYLOAD, SERVICE), SERVICE.public)
    (before,) = log.log.append([submission])
    with_it = holds_secret(folder)
    want(log, ANA, BEN)
    assert erase_wanted(log, read_erasures(log, DIGEST, TRUST))
    (erasure,) = read_erasures(log, DIGEST, TRUST)
    assert (erasure.index, erasure.people, erasure.is_erased) == (1, {"p-ana", "p-ben"}, True)
    assert 0 < holds_secret(folder) < with_it
    assert check_ledger(folder).findings == ()
    (again,) = log.log.append([submission])
    assert (again.index, again.leaf) == (before.index, before.leaf)
    root = log.log.head()[1].root
    check_inclusion(again.proof, leaf=hash_leaf(again.leaf), root=root)


def test_no_byte_of_it_is_left_in_any_file_of_the_log(log: OpenLog, folder: Path) -> None:
    """Every statement of the log is erased, so that one byte would be seen."""
    for number in range(4):
        digest = hashlib.sha256(statement(number)).hexdigest()
        for person in (ANA, BEN):
            (each,) = read_erasures(log, digest, TRUST)
            want_erased(log, each, digest, reason=Reason.PERSONAL_DATA, signer=person, trust=TRUST, at=AT)
        assert erase_wanted(log, read_erasures(log, digest, TRUST))
    assert holds_secret(folder) == 0
    assert check_ledger(folder).findings == ()


def test_a_tombstone_keeps_digests_and_nothing_that_a_person_wrote(log: OpenLog) -> None:
    want(log, ANA)
    with log.store.read() as reader:
        payload = reader.payloads([4])[4]
    said = parse_tombstone(parse_statement(payload))
    assert said.subjects == tuple(each.sha256 for each in parse_statement(PAYLOAD).subjects)
    assert (said.statement, said.key, said.predicate_type) == (DIGEST, hashlib.sha256(SERVICE.public).hexdigest(), PredicateType.AUTHORSHIP)
    assert b"src/a.py" not in payload
    assert b"hunter2" not in payload


def test_one_person_erases_nothing_however_often_they_sign(log: OpenLog) -> None:
    want(log, ANA, ANA)
    (erasure,) = read_erasures(log, DIGEST, TRUST)
    assert (erasure.people, erasure.may_go, log.log.size) == ({"p-ana"}, False, 5)
    with pytest.raises(ConfigError, match="2 people"):
        erase_wanted(log, (erasure,))


def test_only_people_whom_trust_lets_erase_count(log: OpenLog) -> None:
    for signer in (SERVICE, STRANGER):
        with pytest.raises(UnknownKeyError):
            want(log, signer)
    want(log, ANA, BEN)
    (later,) = read_erasures(log, DIGEST, trust_of(ana=(Use.ERASURE,), ben=(Use.AUTHORSHIP,)))
    assert later.people == {"p-ana"}


def test_a_tombstone_of_another_repository_or_for_another_statement_counts_for_nothing(log: OpenLog) -> None:
    want(log, ANA)
    with log.store.read() as reader:
        said = parse_tombstone(parse_statement(reader.payloads([4])[4]))
    for other in (replace(said, repository="byl:" + "00" * 16), replace(said, statement="00" * 32), replace(said, key="00" * 32)):
        envelope = sign_payload(format_tombstone(other), BEN)
        log.log.append([Admission().admit(envelope, BEN.public)])
    assert read_erasures(log, DIGEST, TRUST)[0].people == {"p-ana"}


def test_a_payload_that_is_gone_without_tombstones_is_found(log: OpenLog, folder: Path) -> None:
    want(log, ANA)
    with log.store.write() as writer:
        writer.erase(1)
    (finding,) = check_ledger(folder).findings
    assert (finding.where, "no two tombstones" in finding.what) == ("entry 1", True)
    unreadable = format_statement((Subject(name="change", sha256="00" * 32),), PredicateType.TOMBSTONE, {"note": "x"})
    log.log.append([Admission().admit(sign_payload(unreadable, BEN), BEN.public)])
    want(log, BEN)
    assert check_ledger(folder).findings == ()


def test_a_statement_that_the_log_does_not_have_is_said(log: OpenLog) -> None:
    with pytest.raises(ConfigError, match="no key of trust signed"):
        read_erasures(log, "00" * 32, TRUST)


def test_a_tombstone_reads_as_it_was_written_and_nothing_else_does() -> None:
    subjects = ("aa" * 32, "bb" * 32)
    said = Tombstone(
        repository=REPOSITORY, statement=DIGEST, key="cc" * 32, predicate_type="p", subjects=subjects, reason=Reason.LEGAL, erased_at=AT
    )
    for entry in (None, LogEntry(origin="log.example", index=7)):
        payload = format_tombstone(replace(said, entry=entry))
        assert parse_tombstone(parse_statement(payload)) == replace(said, entry=entry)
    value = parse_strict(payload)
    assert isinstance(value, dict)
    predicate = value["predicate"]
    assert isinstance(predicate, dict)
    named = (Subject(name="change", sha256=subjects[0]), Subject(name="_", sha256=subjects[1]))
    for change in (
        {"reason": "because"},
        {"statement": "x"},
        {"key": None},
        {"erasedAt": "now"},
        {"note": "x"},
        {"repository": {}},
        {"entry": {"origin": "log.example", "index": -1}},
        {"entry": {"origin": "log.example", "index": True}},
        {"entry": {"origin": "a\0b", "index": 1}},
        {"entry": {"index": 1}},
        {"entry": 7},
    ):
        with pytest.raises(StatementError):
            parse_tombstone(parse_statement(format_statement(named, PredicateType.TOMBSTONE, {**predicate, **change})))
    leaky = (named[0], Subject(name="src/secret.py", sha256=subjects[1]))
    with pytest.raises(StatementError, match="no names"):
        parse_tombstone(parse_statement(format_statement(leaky, PredicateType.TOMBSTONE, predicate)))
