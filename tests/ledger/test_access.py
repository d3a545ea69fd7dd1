# SPDX-License-Identifier: Apache-2.0
"""Who comes in at a log's doors: identities as admission.toml names them, and their quotas."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.value import replace
from byline.errors import BylineError, ConfigError, KeyNotAllowedError, MalformedError, NotAdmittedError, QuotaError, UnknownCallerError
from byline_cli.main import main
from byline_ledger.engine.access import Access, Caller, hash_token
from byline_ledger.engine.identities import Door, Identity, load_identities, open_identities, parse_identities
from byline_ledger.engine.quota import Bucket

KEY, OTHER = "a" * 64, "b" * 64
CI = "spiffe://shop.example/ci"


def access(text: str, at: list[float] | None = None) -> Access:
    now = at or [0.0]
    return Access(parse_identities(f"schema = 1\n{text}".encode()), clock=lambda: now[0])


def identity(name: str, *rules: str) -> str:
    return "\n".join(["[[identity]]", f'name = "{name}"', *rules, ""])


def token(word: str) -> str:
    return f'token = "sha256:{hash_token(word)}"'


def documented(name: str) -> str:
    formats = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    return formats.split(f"### {name}\n")[1].split("```toml\n")[1].split("```")[0]


def test_a_token_opens_its_doors_and_no_other() -> None:
    """L14."""
    doors = access(identity("ci", token("t"), 'doors = ["append"]'))
    assert doors.enter(Caller(token="t"), Door.APPEND).name == "ci"
    with pytest.raises(NotAdmittedError, match=r"ci may not use this door \(read\)"):
        doors.enter(Caller(token="t"), Door.READ)
    with pytest.raises(UnknownCallerError):
        doors.enter(Caller(), Door.APPEND)


def test_a_token_that_nobody_has_is_refused_also_where_everybody_may() -> None:
    doors = access(identity("anyone", 'doors = ["read"]') + identity("ci", token("t"), 'doors = ["append"]'))
    assert doors.enter(Caller(), Door.READ).name == "anyone"
    for door in Door:
        with pytest.raises(UnknownCallerError):
            doors.enter(Caller(token="other"), door)


def test_a_certificate_is_known_by_any_of_its_names() -> None:
    doors = access(identity("ci", f'certificate = ["{CI}", "ci.shop.example"]', 'doors = ["append"]'))
    assert doors.enter(Caller(names=frozenset({"x", CI})), Door.APPEND).name == "ci"
    with pytest.raises(UnknownCallerError):
        doors.enter(Caller(names=frozenset({CI + "/more"})), Door.APPEND)


def test_who_must_show_both_shows_both() -> None:
    doors = access(identity("ci", token("t"), f'certificate = ["{CI}"]', 'doors = ["append"]'))
    assert doors.enter(Caller(token="t", names=frozenset({CI})), Door.APPEND)
    for caller in (Caller(token="t"), Caller(names=frozenset({CI}))):
        with pytest.raises(UnknownCallerError):
            doors.enter(caller, Door.APPEND)


def test_the_key_tells_which_identity_sends() -> None:
    """The first identity in the file counts, of those that the caller is and whose keys sign."""
    text = identity("ci", token("t"), f'keys = ["{KEY}"]', 'doors = ["append"]') + identity("rest", token("t"), 'doors = ["append"]')
    visit = access(text).enter(Caller(token="t"), Door.APPEND)
    assert [visit.guest(key).identity.name for key in (KEY, OTHER)] == ["ci", "rest"]
    only = access(identity("team", f'keys = ["{KEY}"]', 'doors = ["append"]'))
    stranger = only.enter(Caller(), Door.APPEND)
    assert (stranger.name, stranger.guest(KEY).identity.name) == ("anyone", "team")
    with pytest.raises(KeyNotAllowedError):
        stranger.guest(OTHER)
    with pytest.raises(NotAdmittedError, match="anyone may not"):
        only.enter(Caller(), Door.READ)


def test_what_is_refused_names_no_identity_to_a_stranger() -> None:
    now = [0.0]
    doors = access(identity("secret-team", f'keys = ["{KEY}"]', 'doors = ["append"]', "rate = 1", "burst = 1"), now)
    said = []
    for refused in (
        lambda: doors.enter(Caller(), Door.READ),
        lambda: doors.enter(Caller(token="guess"), Door.APPEND),
        lambda: doors.enter(Caller(), Door.APPEND).guest(OTHER),
        lambda: [doors.enter(Caller(), Door.APPEND).guest(KEY).take(1) for _ in range(2)],
    ):
        with pytest.raises(BylineError) as caught:
            refused()
        said.append(f"{caught.value} {caught.value.hint}")
    assert not [each for each in said if "secret" in each or "guess" in each]


def test_a_quota_pushes_back_and_says_until_when() -> None:
    now = [0.0]
    doors = access(identity("ci", token("t"), 'doors = ["append"]', "rate = 2", "burst = 3"), now)
    guest = doors.enter(Caller(token="t"), Door.APPEND).guest(KEY)
    for _ in range(6):
        guest.take(100)
    with pytest.raises(QuotaError) as caught:
        guest.take(100)
    assert caught.value.retry_after == 0.5
    now[0] += 0.5
    doors.enter(Caller(token="t"), Door.APPEND).guest(KEY).take(100)
    with pytest.raises(QuotaError):
        guest.check(100)


def test_what_was_used_of_a_quota_stays_used_when_the_file_is_read_again() -> None:
    """Also where the identity has other keys or another rate since; who is new begins with a full bucket."""
    mine = Identity(name="ci", doors=frozenset({Door.APPEND}), rate=1, burst=5)
    access = Access([mine], clock=lambda: 7.0)
    for _ in range(5):
        access.enter(Caller(), Door.APPEND).guest("aa").take(1)
    for again in (mine, replace(mine, rate=2), replace(mine, keys=frozenset({"aa"}))):
        access.replace([again])
        with pytest.raises(QuotaError):
            access.enter(Caller(), Door.APPEND).guest("aa").take(1)
    access.replace([replace(mine, name="other")])
    access.enter(Caller(), Door.APPEND).guest("aa").take(1)


def test_a_quota_of_bytes_lets_what_is_larger_pass_once_it_is_full() -> None:
    now = [0.0]
    guest = (
        access(identity("ci", token("t"), 'doors = ["append"]', "bytes = 10", "burst = 1"), now)
        .enter(Caller(token="t"), Door.APPEND)
        .guest(KEY)
    )
    guest.take(100)
    with pytest.raises(QuotaError) as caught:
        guest.take(1)
    assert caught.value.retry_after == 9.1
    now[0] = 10.0
    guest.take(100)


@given(st.integers(1, 100), st.integers(1, 20), st.lists(st.tuples(st.floats(0, 5), st.integers(1, 300)), max_size=40))
def test_no_more_than_the_rate_gets_through(rate: int, seconds: int, asked: list[tuple[float, int]]) -> None:
    """Over any time what is taken is at most a full bucket, the rate times that time, and one that was larger than the bucket."""
    bucket, now, taken, largest = Bucket(rate=rate, seconds=seconds), 0.0, 0, 0
    for wait, units in asked:
        now += wait
        if not bucket.pause(units, at=now):
            bucket.take(units)
            taken, largest = taken + units, max(largest, units)
    assert taken <= rate * (seconds + now) + max(0, largest - rate * seconds) + 1e-6


def test_a_clock_that_stands_or_turns_back_gives_nothing() -> None:
    bucket = Bucket(rate=1, seconds=1)
    assert bucket.pause(1, at=100.0) == 0
    bucket.take(1)
    assert bucket.pause(1, at=50.0) == 1.0
    assert bucket.pause(1, at=50.5) == 0.5


def test_without_a_file_everybody_reads_and_appends_where_that_is_said() -> None:
    loopback = Access(open_identities(append=True), clock=lambda: 0.0)
    for door in (Door.APPEND, Door.READ, Door.METRICS):
        assert loopback.enter(Caller(), door)
    away = Access(open_identities(append=False), clock=lambda: 0.0)
    assert away.enter(Caller(), Door.READ)
    for door in (Door.APPEND, Door.REKOR, Door.METRICS):
        with pytest.raises(NotAdmittedError):
            away.enter(Caller(), door)
    listed = Access(open_identities(append=True, keys=frozenset({KEY})), clock=lambda: 0.0)
    assert listed.enter(Caller(), Door.APPEND).guest(KEY)
    with pytest.raises(KeyNotAllowedError):
        listed.enter(Caller(), Door.APPEND).guest(OTHER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (identity("ci", 'doors = ["append"]'), "ci asks for a token"),
        (identity("anyone", token("t"), 'doors = ["append"]'), "only 'anyone' asks for nothing"),
        (identity("ci", token("t"), 'doors = ["appendix"]'), "a door of ci is one of append, rekor, read, metrics"),
        (identity("ci", token("t")), "needs the key 'doors'"),
        (identity("ci", 'token = "secret"', "doors = []"), "the token of ci is"),
        (identity("ci", 'keys = ["secret"]', "doors = []"), "not the id of a key"),
        (identity("ci", f'keys = ["{KEY}"]', 'doors = ["read"]'), "whoever only reads signs nothing"),
        (identity("ci", token("t"), "doors = []", "rate = 0"), "rate of ci is an integer from 1"),
        (identity("ci", token("t"), "doors = []") * 2, "two identities have one name"),
        (identity("ci", token("t"), "doors = []", "tokens = 1"), "an identity has no key 'tokens'"),
    ],
)
def test_what_is_no_admission_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        access(text)


@given(st.text())
def test_an_admission_file_is_read_or_refused(text: str) -> None:
    for each in (text, f"schema = 1\n{text}", f'schema = 1\n[[identity]]\nname = "ci"\ndoors = ["read"]\n{text}'):
        with suppress(MalformedError):
            assert all(isinstance(one, Identity) for one in parse_identities(each.encode()))


def test_the_documented_file_is_read() -> None:
    named = parse_identities(documented("admission.toml").encode())
    assert [each.name for each in named] == ["ci", "build-farm", "team", "anyone"]


def test_keys_come_from_a_trust_file_too(tmp_path: Path) -> None:
    (tmp_path / "trust.toml").write_text(documented("trust.toml"))
    place = tmp_path / "admission.toml"
    place.write_text("schema = 1\n" + identity("team", 'trust = "trust.toml"', f'keys = ["{KEY}"]', 'doors = ["append"]'))
    (team,) = load_identities(place)
    assert team.keys is not None
    assert KEY in team.keys
    assert len(team.keys) == 2
    place.write_text("schema = 1\n" + identity("team", 'trust = "none.toml"', 'doors = ["append"]'))
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        load_identities(place)


def test_a_token_is_shown_once_and_kept_as_a_hash(capsys: pytest.CaptureFixture[str]) -> None:
    seen = set()
    for _ in range(2):
        assert main(["ledger", "token", "ci"]) == 0
        shown = capsys.readouterr()
        word = shown.out.strip()
        assert len(word) >= 43
        assert word not in shown.err
        table = shown.err.partition("\n\n")[2]
        assert tomllib.loads(table)["identity"][0]["token"] == f"sha256:{hash_token(word)}"
        assert access(table).enter(Caller(token=word), Door.APPEND).name == "ci"
        seen.add(word)
    assert len(seen) == 2
    for name in ("anyone", "", 'a"b', "a\nb"):
        assert main(["ledger", "token", name]) == 2
