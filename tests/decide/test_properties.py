# SPDX-License-Identifier: Apache-2.0
"""The theorem, on generated changes and facts: T0 to T3.

`deny < pending < allow`. Facts relax (full claims, approvals) or tighten (any claim, a trailer). One path or two go from version 0
to version 2, sometimes over version 1, with claims, chains, merges of claims, people of every level and rules of every kind.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import UNKNOWN, Channel, Evidence, Origin
from byline.core.change import Change
from byline.core.claim import New
from byline.core.policy import Credit, Policy, Require, Rule, When
from byline.core.trust import Use
from byline.core.verdict import Outcome
from byline.core.verified import Strength, VerifiedApproval, VerifiedAuthorship
from byline.decide import decide_change
from casework import NOW, TARGET, ai, approval, authorship, changed, claim, human, make_trust, move, sha, team

TRUST = make_trust()
PATHS = (b"a.py", b"infra/b.py")
VERSIONS = (b"1\n2\n3\n4\n", b"1\n2\nx\n4\n", b"1\nx\ny\n4\n5\n")
PEOPLE = ("p-ana", "p-ben", "p-mia", "p-rob", "a-bot")

people = st.sampled_from(PEOPLE)
steps = st.sampled_from([(0, 2), (0, 2), (0, 1), (1, 2), (2, 1), (1, 0)])


@st.composite
def owners(draw: st.DrawFn, person: str) -> object:
    named = draw(st.sampled_from([person, person, person, "p-ben", None]))
    kind = draw(st.sampled_from(["ai", "declared", "observed", "unknown", "mixed"]))
    return {
        "ai": ai(named),
        "declared": human(named),
        "observed": human(named, evidence=Evidence.OBSERVED, channel=Channel.EDITOR),
        "unknown": UNKNOWN,
        "mixed": replace(human(named), earlier=ai(draw(people))),
    }[kind]


@st.composite
def claims(draw: st.DrawFn) -> VerifiedAuthorship:
    """Make a proven claim of one step of one path, full or not."""
    signer, path, (a, b) = draw(people), draw(st.sampled_from(PATHS)), draw(steps)
    made = claim(path, VERSIONS[a], VERSIONS[b], draw(owners(signer)))
    made = replace(made, hand=draw(owners(signer)))
    return VerifiedAuthorship(
        digest=sha(repr((signer, made)).encode()),
        principal=signer,
        key="0" * 64,
        strength=draw(st.sampled_from(Strength)),
        authorship=authorship(made),
        is_full=draw(st.booleans()),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = [
        Rule(
            id="sign-off",
            why="w",
            when=When(human_is_uncredited=True, hand_below="senior"),
            require=Require(approvals=1, level_at_least="senior"),
        ),
        Rule(id="eyes", why="w", when=When(), require=Require(approvals=draw(st.integers(0, 2)), level_at_least="mid")),
        Rule(id="no", why="w", when=When(paths=("infra/**",), human_is_uncredited=True), require=None),
        Rule(id="low", why="w", when=When(hand_below="mid"), require=Require(approvals=1)),
    ]
    chosen = draw(st.lists(st.sampled_from(rules), unique_by=lambda rule: rule.id, min_size=1))
    credit = draw(
        st.sampled_from(
            [(), (Credit(evidence=Evidence.OBSERVED, levels=None), Credit(evidence=Evidence.DECLARED, levels=("mid", "senior")))]
        )
    )
    return team(rules=tuple(chosen), credit_human=credit, credit_hands=draw(st.booleans()), strength=draw(st.sampled_from(Strength)))


@st.composite
def yeses(draw: st.DrawFn, policy: Policy) -> VerifiedApproval:
    who, path, (a, b) = draw(people), draw(st.sampled_from(PATHS)), draw(steps)
    given_to = approval(who, move(path, VERSIONS[a], VERSIONS[b]), policy=policy)
    uses = draw(st.sampled_from([(Use.APPROVAL,), (Use.APPROVAL, Use.ROOT)]))
    return VerifiedApproval(
        digest=sha(repr((who, path, a, b)).encode()), principal=who, key="0" * 64, strength=Strength.LOGGED, approval=given_to, uses=uses
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Policy, Change]:
    policy = draw(policies())
    count = draw(st.integers(1, 2))
    change = Change(
        repository=TRUST.repository,
        target=TARGET,
        environment=None,
        manifest=sha(b"tree"),
        files=tuple(changed(path, VERSIONS[0], VERSIONS[2]) for path in PATHS[:count]),
        authorships=tuple(draw(st.lists(claims(), max_size=6))),
        approvals=tuple(draw(st.lists(yeses(policy), max_size=6))),
        named=frozenset(draw(st.sets(st.sampled_from(PATHS)))),
    )
    return policy, change


def rank(policy: Policy, change: Change) -> int:
    return decide_change(policy, change, trust=TRUST, at=NOW).outcome.rank


def without(items: tuple[object, ...]) -> list[tuple[object, ...]]:
    return [items[:at] + items[at + 1 :] for at in range(len(items))]


@given(case=cases())
def test_t1_removing_an_approval_never_helps(case: tuple[Policy, Change]) -> None:
    """M1."""
    policy, change = case
    full = rank(policy, change)
    assert [fewer for fewer in without(change.approvals) if rank(policy, replace(change, approvals=fewer)) > full] == []  # type: ignore[arg-type]  # of the same kind


@given(case=cases())
def test_t1_a_claim_that_may_no_longer_relax_never_helps(case: tuple[Policy, Change]) -> None:
    """M1, M9: removing a claim from the relaxing facts while it still tightens, which is what revoking its key does."""
    policy, change = case
    full = rank(policy, change)
    for at, fact in enumerate(change.authorships):
        for weaker in (replace(fact, is_full=False), replace(fact, strength=Strength.SIGNED)):
            facts = (*change.authorships[:at], weaker, *change.authorships[at + 1 :])
            assert rank(policy, replace(change, authorships=facts)) <= full


@given(case=cases(), more=claims(), named=st.sampled_from(PATHS))
def test_t2_adding_a_fact_that_tightens_never_helps(case: tuple[Policy, Change], more: VerifiedAuthorship, named: bytes) -> None:
    """M2."""
    policy, change = case
    full = rank(policy, change)
    assert rank(policy, replace(change, authorships=(*change.authorships, replace(more, is_full=False)))) <= full
    assert rank(policy, replace(change, named=change.named | {named})) <= full


@given(case=cases())
def test_t3_no_set_of_claims_beats_no_claims_at_all(case: tuple[Policy, Change]) -> None:
    """M3: with `credit_human = []` and hands not credited: the floor is what "unknown" costs."""
    policy, change = case
    strict = replace(policy, credit_human=(), credit_hands=False)
    given_to = tuple(
        replace(fact, approval=replace(fact.approval, policy_sha256=strict.sha256, policy_version=strict.version))
        for fact in change.approvals
    )
    change = replace(change, approvals=given_to)
    assert rank(strict, change) <= rank(strict, replace(change, authorships=(), named=frozenset()))


@given(case=cases())
def test_t0_stale_state_denies(case: tuple[Policy, Change]) -> None:
    policy, change = case
    assert decide_change(policy, change, trust=TRUST, at=NOW + timedelta(days=101)).outcome is Outcome.DENY
    newer = replace(policy, requires_trust=TRUST.version + 1)
    assert decide_change(newer, change, trust=TRUST, at=NOW).outcome is Outcome.DENY


@given(case=cases(), order=st.randoms(use_true_random=False))
def test_m10_order_and_duplicates_change_nothing(case: tuple[Policy, Change], order: object) -> None:
    """M10."""
    policy, change = case
    facts, given_to = [*change.authorships, *change.authorships], [*change.approvals, *change.approvals]
    order.shuffle(facts)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    order.shuffle(given_to)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    shuffled = replace(change, authorships=tuple(facts), approvals=tuple(given_to))
    assert decide_change(policy, shuffled, trust=TRUST, at=NOW) == decide_change(policy, change, trust=TRUST, at=NOW)


BLANKS = [
    {"agent": None},
    {"tool": None},
    {"session": None},
    {"principal": None},
    {"origin": Origin.UNKNOWN},
    {"evidence": Evidence.UNKNOWN},
    {"channel": Channel.NONE},
]


@given(case=cases(), field=st.sampled_from(BLANKS))
def test_m5_ignoring_a_field_of_an_owner_never_helps(case: tuple[Policy, Change], field: dict[str, object]) -> None:
    """M5: not even where a reader would take a field that it does not know as absent."""
    policy, change = case
    full = rank(policy, change)
    for at, fact in enumerate(change.authorships):
        (made,) = fact.authorship.claims
        segments = tuple(replace(each, owner=replace(each.owner, **field)) if isinstance(each, New) else each for each in made.segments)
        removed = tuple(replace(each, hand=replace(each.hand, **field)) for each in made.removed)
        blank = replace(made, segments=segments, removed=removed, hand=replace(made.hand, **field))
        facts = list(change.authorships)
        facts[at] = replace(fact, authorship=replace(fact.authorship, claims=(blank,)))
        less = rank(policy, replace(change, authorships=tuple(facts)))
        assert not (full == Outcome.DENY.rank and less == Outcome.ALLOW.rank)


@given(case=cases())
def test_m13_a_rule_that_cannot_be_evaluated_applies(case: tuple[Policy, Change]) -> None:
    """M13: a level that nobody has and an environment that nobody named make a rule hold, never vanish."""
    policy, change = case
    deny = Rule(id="odd", why="w", when=When(environment="prod"), require=None)
    assert rank(replace(policy, rules=(*policy.rules, deny)), change) == Outcome.DENY.rank
    unknown = Rule(id="odd", why="w", when=When(hand_below="nobody-has-this"), require=None)
    assert rank(replace(policy, rules=(*policy.rules, unknown)), change) == Outcome.DENY.rank
