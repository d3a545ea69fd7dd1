# SPDX-License-Identifier: Apache-2.0
"""`.byline/trust.toml`: what is read, what is refused, and how the next version is written."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from byline.core.trust import Kind, LogClass, Principal, TrustedKey, TrustedLog, Use, is_below, parse_trust
from byline.core.trustfile import add_to_trust, local_trust
from byline.errors import StaleError, TrustError, UnknownKeyError
from byline.testing import MemoryLedger
from casework import LINE_KEY, NOW, REPOSITORY, SIGNERS, independent, make_trust, trust_bytes

KEY = TrustedKey(principal="p-eve", public=SIGNERS["p-eve"].public, uses=(Use.AUTHORSHIP,))
EVE = Principal(id="p-eve", kind=Kind.HUMAN, level="junior")


def test_what_is_written_is_read_back() -> None:
    trust = make_trust(logs=(independent(MemoryLedger()),))
    assert (trust.repository, trust.line_key, trust.version, trust.previous) == (REPOSITORY, LINE_KEY, 1, None)
    assert trust.sha256 == hashlib.sha256(trust_bytes(logs=trust.logs)).hexdigest()
    assert trust.logs == (independent(MemoryLedger()),)
    assert [each.level for each in trust.principals[:4]] == ["senior", "senior", "mid", "junior"]


def test_a_key_is_known_for_its_uses_only() -> None:
    trust = make_trust()
    public = SIGNERS["p-rob"].public
    assert trust.principal_of(public, Use.APPROVAL).id == "p-rob"
    with pytest.raises(UnknownKeyError):
        trust.principal_of(public, Use.ROOT)
    with pytest.raises(UnknownKeyError):
        trust.principal_of(SIGNERS["p-eve"].public, Use.AUTHORSHIP)


def test_levels_are_ordered_and_the_unknown_is_below_all() -> None:
    levels = ("junior", "mid", "senior")
    assert is_below("mid", "senior", levels)
    assert not is_below("senior", "senior", levels)
    assert is_below(None, "junior", levels)
    assert is_below("chief", "junior", levels)
    assert is_below("senior", "chief", levels)


def test_an_expired_file_is_stale() -> None:
    make_trust().check_current(NOW)
    with pytest.raises(StaleError):
        make_trust().check_current(NOW + timedelta(days=100))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema = 1", "schema = 2"),
        ("schema = 1", "schema = true"),
        ("schema = 1", "schema = 1\nroster = 1"),
        ('repository = "byl:6f', 'repository = "byl:6F'),
        ("version = 1", "version = 0"),
        ("version = 1", "version = 2"),
        ("version = 1", 'version = 1\nprevious = "sha256:' + "0" * 64 + '"'),
        ("issued = 2026-11-20T12:00:00Z", "issued = 2026-11-20"),
        ("issued = 2026-11-20T12:00:00Z", "issued = 2026-11-20T12:00:00+01:00"),
        ("issued = 2026-11-20T12:00:00Z", "issued = 2036-11-20T12:00:00Z"),
        ('levels = ["junior", "mid", "senior"]', "levels = []"),
        ('levels = ["junior", "mid", "senior"]', 'levels = ["junior", "junior", "senior", "mid"]'),
        ('id = "p-ana"', 'id = "p-ben"'),
        ('id = "p-ana"', 'id = "s-ana"'),
        ('level = "mid"', 'level = "chief"'),
        ('kind = "agent"', 'kind = "agent"\nlevel = "senior"'),
        ('type = "p256"', 'type = "ed25519"'),
        ('uses = ["decision"]', 'uses = ["decision", "approval"]'),
        ('uses = ["decision"]', 'uses = ["decision", "decision"]'),
        ('uses = ["decision"]', 'uses = ["exception"]'),
        ('uses = ["decision"]', 'uses = ["decision"]\npresence = "present"'),
        ('uses = ["decision"]', 'uses = ["decision"]\npresence = "touched"'),
        ('principal = "s-gate"', 'principal = "s-other"'),
        ("line_key = ", "line_key = 1 #"),
        ("[[key]]", "[[recorder]]"),
    ],
)
def test_what_contradicts_itself_or_is_unknown_is_refused(old: str, new: str) -> None:
    text = trust_bytes().decode()
    assert old in text
    with pytest.raises(TrustError):
        parse_trust(text.replace(old, new, 1).encode())


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(TrustError):
        parse_trust(trust_bytes() + b"#" * 256 * 1024)


def test_a_log_must_sign_under_its_own_name() -> None:
    log = independent(MemoryLedger("one.example"))
    text = trust_bytes(logs=(log,)).replace(b'origin = "one.example"', b'origin = "two.example"')
    with pytest.raises(TrustError):
        parse_trust(text)


def test_the_next_version_keeps_the_text_and_names_the_one_before() -> None:
    old = b"# who may do what\n" + trust_bytes()
    new = add_to_trust(old, issued=NOW, principals=[EVE], keys=[KEY])
    again = add_to_trust(new, issued=NOW, logs=[independent(MemoryLedger())])
    after = parse_trust(again)
    assert (after.version, after.previous) == (3, hashlib.sha256(new).hexdigest())
    assert parse_trust(new).previous == hashlib.sha256(old).hexdigest()
    assert after.principal("p-eve") == EVE
    assert after.keys[-1] == KEY
    kept = [line for line in old.splitlines() if not line.startswith((b"version", b"issued"))]
    assert [line for line in kept if line not in again.splitlines()] == []


def test_a_second_principal_of_one_name_cannot_be_added() -> None:
    with pytest.raises(TrustError):
        add_to_trust(trust_bytes(), issued=NOW, principals=[Principal(id="p-ana", kind=Kind.HUMAN)])


def test_a_file_written_in_another_style_is_not_mangled() -> None:
    inline = trust_bytes().split(b"[[principal]]")[0] + b'principal = [{ id = "p-ana", kind = "human" }]\n'
    parse_trust(inline)
    with pytest.raises(TrustError):
        add_to_trust(inline, issued=NOW, principals=[EVE], keys=[KEY])


def test_the_trust_of_a_clone_without_a_file_is_its_own_key() -> None:
    name = "x.embedded.invalid"
    log = TrustedLog(origin=name, vkey=MemoryLedger(name).vkey, kind=LogClass.EMBEDDED)
    trust = local_trust(repository=REPOSITORY, line_key=LINE_KEY, public=SIGNERS["p-eve"].public, logs=[log])
    assert trust.principal_of(SIGNERS["p-eve"].public, Use.AUTHORSHIP).id == "p-local"
    assert trust.logs[0].origin == name
