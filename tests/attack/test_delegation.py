# SPDX-License-Identifier: Apache-2.0
"""What an agent's key is good for, and whoever steals it: it says who wrote what, and only ever makes a gate stricter."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.approval import format_approval
from byline.core.attribution import UNKNOWN, Channel, Evidence
from byline.core.authorship import Mandate, format_authorship
from byline.core.bundle import Bundle
from byline.core.claim import Op
from byline.core.delegation import Delegation, Revocation, format_delegation, format_revocation
from byline.core.moment import SKEW
from byline.core.tombstone import format_tombstone
from byline.core.trust import Use
from byline.core.verdict import Outcome
from byline.errors import ConfigError, UnknownKeyError, VerificationError
from byline.flow.delegate import Scope, delegation_payload, revocation_payload
from byline.sign.file import sign_payload
from byline.testing import fixed_signer
from byline.verify import Verification, verify_bundles
from casework import (
    NOW,
    REPOSITORY,
    SIGNERS,
    ai,
    approval,
    authorship,
    changed,
    claim,
    human,
    judge,
    make_trust,
    move,
    sha,
    team,
    tombstone,
)

if TYPE_CHECKING:
    from byline.core.authorship import Authorship
    from byline.core.ports import Signer

AGENT, OTHER = fixed_signer(31), fixed_signer(32)
PATH, OLD, NEW = b"a.py", b"1\n2\n", b"1\nx\n"
TRUST = make_trust(uses={"s-gate": (Use.DECISION, Use.AUTHORSHIP)})
ORDER = [Outcome.DENY, Outcome.PENDING, Outcome.ALLOW]


def by(key: Signer, payload: bytes) -> Bundle:
    return Bundle(envelope=sign_payload(payload, key), key_hint=sha(key.public))


def delegation(who: str = "p-ana", **changes: object) -> Delegation:
    given = Delegation(
        repository=REPOSITORY,
        delegator=who,
        agent="claude-code",
        models=("model-x",),
        public=AGENT.public,
        paths=("*.py",),
        issued_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(given, **changes)  # type: ignore[arg-type]  # by name


def let(given: Delegation | None = None, signer: str | None = None) -> Bundle:
    """Sign a delegation."""
    given = given or delegation()
    return by(SIGNERS[signer or given.delegator], format_delegation(given))


LET = let()
MANDATE = Mandate(delegation=LET.envelope.digest, signed_at=NOW)
WORK = replace(authorship(claim(PATH, OLD, NEW, ai("p-ana"))), mandate=MANDATE)


def told(said: Authorship = WORK, *beside: Bundle, key: Signer = AGENT) -> Verification:
    return verify_bundles([by(key, format_authorship(said)), *beside], trust=TRUST, at=NOW)


def test_a_statement_within_its_delegation_is_a_fact_that_is_never_full() -> None:
    proven = told(WORK, LET)
    assert proven.failures == ()
    (fact,) = proven.authorships
    assert (fact.principal, fact.key, fact.delegation, fact.is_full) == ("p-ana", sha(AGENT.public), LET.envelope.digest, False)
    (given,) = proven.delegations
    assert (given.principal, given.delegation) == ("p-ana", delegation())


def test_without_a_delegation_an_agents_key_is_unknown() -> None:
    for beside in ((), (let(signer="p-eve"),), (let(delegation(public=OTHER.public)),)):
        proven = told(WORK, *beside)
        assert proven.authorships == ()
        assert "BL-KEY-1" in {each.code for each in proven.failures}


OUTSIDE = {
    "another agent": (WORK, delegation(agent="codex")),
    "another model": (WORK, delegation(models=("model-y",))),
    "another path": (WORK, delegation(paths=("src/**",))),
    "an alias of the path": (WORK, delegation(paths=("A.PY",))),
    "what a rename took away": (
        replace(WORK, claims=(claim(PATH, OLD, NEW, ai(None), base_path=b"infra/b.tf", op=Op.RENAME),)),
        delegation(),
    ),
    "before it began": (replace(WORK, mandate=replace(MANDATE, signed_at=NOW - timedelta(hours=2))), delegation()),
    "after it ended": (replace(WORK, mandate=replace(MANDATE, signed_at=NOW + timedelta(hours=1))), delegation()),
    "a person's text": (replace(WORK, claims=(claim(PATH, OLD, NEW, human("p-ana")),)), delegation()),
    "somebody else's name": (replace(WORK, claims=(claim(PATH, OLD, NEW, ai("p-rob")),)), delegation()),
    "an import": (replace(WORK, recorder=replace(WORK.recorder, channel="import")), delegation()),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_outside_of_the_scope_it_tightens_and_the_check_fails(what: str) -> None:
    """DG2: a statement beyond its delegation is a failure that everybody sees, and counts as an unproven word."""
    said, given = OUTSIDE[what]
    granted = let(given)
    named = replace(said, mandate=replace(said.mandate or MANDATE, delegation=granted.envelope.digest))
    proven = told(named, granted)
    assert [each.code for each in proven.failures] == ["BL-DELEGATION-1"]
    assert [(fact.is_full, fact.delegation) for fact in proven.authorships] == [(False, None)]


@pytest.mark.parametrize("mandate", [None, replace(MANDATE, delegation="0" * 64)])
def test_a_statement_names_the_delegation_that_it_is_signed_under(mandate: Mandate | None) -> None:
    proven = told(replace(WORK, mandate=mandate), LET)
    assert [each.code for each in proven.failures] == ["BL-DELEGATION-1"]
    assert [fact.delegation for fact in proven.authorships] == [None]


@pytest.mark.parametrize("who", ["p-rob", "a-bot"])
def test_whoever_trust_knows_may_revoke_and_all_that_was_signed_is_over(who: str) -> None:
    gone = Revocation(repository=REPOSITORY, delegation=LET.envelope.digest, key=sha(AGENT.public), revoked_at=NOW)
    proven = told(WORK, LET, by(SIGNERS[who], format_revocation(gone)))
    assert [each.code for each in proven.failures] == ["BL-DELEGATION-1"]
    assert ([fact.delegation for fact in proven.authorships], proven.delegations) == ([None], ())


def test_what_was_signed_before_a_delegation_was_ended_holds_and_what_was_signed_after_does_not() -> None:
    """DG2: the earliest end counts, and one that keeps nothing more than any. The clocks of two machines differ by a minute at most."""
    at = MANDATE.signed_at

    def ended(*keeps: datetime | None) -> tuple[list[str], list[bool]]:
        gone = [
            Revocation(repository=REPOSITORY, delegation=LET.envelope.digest, key=sha(AGENT.public), revoked_at=NOW, keeps_until=each)
            for each in keeps
        ]
        proven = told(WORK, LET, *(by(SIGNERS["p-rob"], format_revocation(each)) for each in gone))
        assert proven.delegations == ()
        return [each.code for each in proven.failures], [each.delegation is not None for each in proven.authorships]

    second = timedelta(seconds=1)
    for holds in ((at,), (at, at + second), (at - SKEW,)):
        assert ended(*holds) == ([], [True])
    for fails in ((at - SKEW - second,), (at - SKEW - second, at), (at, None), (None,)):
        assert ended(*fails) == (["BL-DELEGATION-1"], [False])


def test_a_moment_that_no_clock_shows_stops_no_reader() -> None:
    """DG2: an agent's key signs whatever it likes: a time before which none is must not end who reads it."""
    early = NOW.replace(year=1000)
    said = by(AGENT, format_authorship(replace(WORK, mandate=replace(MANDATE, signed_at=early))).replace(b"1000-", b"0001-"))
    given = delegation(issued_at=early, expires_at=early + timedelta(hours=1))
    granted = by(SIGNERS["p-ana"], format_delegation(given).replace(b"1000-", b"0001-"))
    for bundle in (said, granted):
        proven = verify_bundles([bundle, LET], trust=TRUST, at=NOW)
        assert ([each.code for each in proven.failures], proven.authorships) == (["BL-FORMAT-3"], ())


def test_a_service_delegates_and_an_agent_does_not() -> None:
    """DG3: nor does a key without the use authorship, nor anybody in another's name, nor an agent's key."""
    assert [each.principal for each in verify_bundles([let(delegation("s-gate"))], trust=TRUST, at=NOW).delegations] == ["s-gate"]
    onward = delegation(public=OTHER.public)
    wrong = [let(signer="a-bot"), let(signer="p-rob"), by(AGENT, format_delegation(onward))]
    proven = verify_bundles([LET, *wrong], trust=TRUST, at=NOW)
    assert [each.delegation for each in proven.delegations] == [delegation()]
    without = make_trust(uses={"p-ana": (Use.APPROVAL,)})
    assert verify_bundles([LET], trust=without, at=NOW).delegations == ()


def test_nobody_is_helped_to_delegate_who_may_not() -> None:
    """DG3: the command says so before anything is signed."""

    def payload(who: str, hours: int = 1) -> bytes:
        scope = Scope(agent="claude-code")
        return delegation_payload(scope, trust=TRUST, signer=SIGNERS[who], public=AGENT.public, lasts=timedelta(hours=hours), at=NOW)

    assert b"s-gate" in payload("s-gate")
    for who in ("a-bot", "p-eve"):
        with pytest.raises(UnknownKeyError):
            payload(who)
    for hours in (0, 13):
        with pytest.raises(ConfigError):
            payload("p-ana", hours)
    (fact,) = verify_bundles([LET], trust=TRUST, at=NOW).delegations
    key = fact.delegation.key
    assert b"revokedAt" in revocation_payload(fact.digest, key=key, trust=TRUST, signer=SIGNERS["p-rob"], at=NOW)
    with pytest.raises(UnknownKeyError):
        revocation_payload(fact.digest, key=key, trust=TRUST, signer=AGENT, at=NOW)


def test_a_key_of_trust_is_made_no_agents_by_a_delegation() -> None:
    bens = delegation(public=SIGNERS["p-ben"].public)
    yes = approval("p-ben", move(PATH, OLD, NEW), policy=team())
    proven = verify_bundles([let(bens), by(SIGNERS["p-ben"], format_approval(yes))], trust=TRUST, at=NOW)
    assert [each.principal for each in proven.approvals] == ["p-ben"]


def statements(draw: st.DrawFn) -> Bundle:
    """Draw what a stolen key may sign: claims of every kind, a yes in somebody's name, a delegation, a revocation, a wish to erase."""
    who = draw(st.sampled_from(["p-ana", "p-ben", "p-rob", "a-bot"]))
    kind = draw(st.sampled_from(["claims", "claims", "claims", "approval", "delegation", "revocation", "tombstone"]))
    if kind == "approval":
        return by(AGENT, format_approval(approval(who, move(PATH, OLD, NEW), policy=team())))
    if kind == "delegation":
        return by(AGENT, format_delegation(delegation(draw(st.sampled_from(["p-ana", "p-ben"])), public=OTHER.public)))
    if kind == "revocation":
        gone = Revocation(repository=REPOSITORY, delegation=LET.envelope.digest, key=sha(AGENT.public), revoked_at=NOW)
        return by(AGENT, format_revocation(gone))
    owner = draw(st.sampled_from([ai(who), human(who), human(who, evidence=Evidence.OBSERVED, channel=Channel.EDITOR), UNKNOWN, ai(None)]))
    said = replace(authorship(claim(PATH, OLD, NEW, owner)), mandate=draw(st.sampled_from([MANDATE, None])))
    if kind == "tombstone":
        return by(AGENT, format_tombstone(tombstone(by(SIGNERS["p-rob"], format_authorship(said)))))
    return by(draw(st.sampled_from([AGENT, OTHER])), format_authorship(said))


@given(data=st.data())
def test_an_agents_key_never_makes_a_gate_more_permissive(data: st.DataObject) -> None:
    """DG1: whatever such a key signs, under whatever delegations, in whatever order."""
    honest = [
        by(SIGNERS["p-mia"], format_authorship(authorship(claim(PATH, OLD, NEW, human("p-mia"))))),
        by(SIGNERS["p-rob"], format_authorship(authorship(claim(PATH, OLD, NEW, ai("p-rob"))))),
        by(SIGNERS["p-ana"], format_approval(approval("p-ana", move(PATH, OLD, NEW), policy=team()))),
    ]
    known = data.draw(st.lists(st.sampled_from(honest), unique_by=id))
    granted = data.draw(st.lists(st.sampled_from([LET, let(delegation("p-ben")), let(delegation("p-rob")), let(signer="p-eve")])))
    stolen = [statements(data.draw) for _ in range(data.draw(st.integers(0, 3)))]
    files = [changed(PATH, OLD, NEW)]
    before = judge(files, known, trust=TRUST).outcome
    everything = data.draw(st.permutations([*known, *granted, *stolen]))
    after = judge(files, everything, trust=TRUST).outcome
    assert ORDER.index(after) <= ORDER.index(before)
    assert judge(files, [*everything, *everything], trust=TRUST).outcome is after


def test_a_hidden_hand_comes_to_light_with_the_delegation() -> None:
    """DG1: who delegated is a hand of the change, so their own approval does not count for it."""
    yes = by(SIGNERS["p-ana"], format_approval(approval("p-ana", move(PATH, OLD, NEW), policy=team())))
    files, work = [changed(PATH, OLD, NEW)], by(AGENT, format_authorship(WORK))
    assert judge(files, [yes], trust=TRUST).outcome is Outcome.ALLOW
    assert judge(files, [yes, work], trust=TRUST).outcome is Outcome.ALLOW  # a stranger's word
    assert judge(files, [yes, work, LET], trust=TRUST).outcome is Outcome.PENDING


def test_an_expired_trust_proves_nothing_of_an_agent() -> None:
    proven = verify_bundles([LET, by(AGENT, format_authorship(WORK))], trust=TRUST, at=NOW + timedelta(days=1000))
    assert (proven.authorships, proven.delegations) == ((), ())
    with pytest.raises(VerificationError):
        TRUST.check_current(NOW + timedelta(days=1000))
