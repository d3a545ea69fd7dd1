# SPDX-License-Identifier: Apache-2.0
"""The theorem, on generated changes and facts: T0 to T4.

`deny < pending < allow`. Facts relax (full claims, approvals, text known to be the same) or tighten (any claim, a trailer). One path
or two go from version 0 to version 2, over others or straight, with honest recipes and invented ones: chains, circles, merges, renames,
copies, deletions, carried lines, several claims of one content, people of every level and rules of every kind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from byline.core.access import AgentRule, Effect
from byline.core.attribution import UNKNOWN, Channel, Evidence, Origin
from byline.core.authorship import format_authorship
from byline.core.change import Change, Side
from byline.core.claim import Base, Carried, Carry, Claim, Copied, New, Op, Removed
from byline.core.finding import Finding, FindingCode
from byline.core.index_keys import index_keys, path_key
from byline.core.lines import LineRange
from byline.core.policy import Completeness, Credit, Policy, Require, Rule, When
from byline.core.statement import parse_statement
from byline.core.trust import Use
from byline.core.verdict import Outcome
from byline.core.verified import Strength, VerifiedApproval, VerifiedAuthorship, VerifiedIndex
from byline.decide import decide_change
from byline.decide.facts import state_facts
from byline.testing import MemoryLedger
from byline.verify.completeness import conclude, trace_index
from casework import NOW, TARGET, ai, approval, authorship, changed, claim, human, independent, make_trust, move, sha, team, verbatim

TRUST = make_trust()
INDEXED = make_trust(logs=(replace(independent(MemoryLedger()), is_indexed=True),))
PATHS = (b"a.py", b"infra/b.py")
VERSIONS = (b"1\n2\n3\n4\n", b"1\n2\nx\n4\n", b"1\nx\ny\n4\n5\n", b"1\nx\n2\nx\n4\n")
PEOPLE = ("p-ana", "p-ben", "p-mia", "p-rob", "a-bot")

people = st.sampled_from(PEOPLE)
steps = st.sampled_from([(0, 2), (0, 2), (0, 2), (0, 1), (1, 2), (2, 1), (1, 0), (1, 3), (3, 2)])


findings = st.builds(Finding, code=st.sampled_from(FindingCode), message=st.just("m"), path=st.sampled_from([None, *PATHS, b"c.py"]))


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
def honest(draw: st.DrawFn, signer: str) -> Claim:
    """Make the recipe of one step of one path, perhaps with another hand or with lines from another statement."""
    path, (a, b) = draw(st.sampled_from(PATHS)), draw(steps)
    owner = draw(owners(signer))
    made = claim(path, VERSIONS[a], VERSIONS[b], owner)
    how = draw(st.sampled_from([None, None, None, *Carry]))
    link = Carried(statement="0" * 64, how=how) if how else None
    segments = tuple(replace(each, carried=link) if isinstance(each, New) else each for each in made.segments)
    return replace(made, hand=draw(st.one_of(st.just(owner), owners(signer))), segments=segments)


@st.composite
def invented(draw: st.DrawFn, signer: str) -> Claim:
    """Make any recipe that reads: of whatever bases, copying and removing whatever it likes."""
    path = draw(st.sampled_from(PATHS))
    froms = draw(st.lists(st.tuples(st.sampled_from((path, path, path, *PATHS, b"c.py")), st.integers(0, 3)), max_size=2))
    bases = tuple(
        Base(parent=n, path=where, mode="100644", sha256=sha(VERSIONS[which]), blob="b" * 40) for n, (where, which) in enumerate(froms)
    )
    hand = draw(owners(signer))
    new = None if bases and draw(st.integers(0, 9)) == 0 else VERSIONS[draw(st.integers(0, 3))]
    segments: list[Copied | New] = []
    while new and (left := new.count(b"\n") - sum(each.count for each in segments)) > 0:
        count = draw(st.integers(1, left))
        if bases and draw(st.booleans()):
            segments.append(Copied(base=draw(st.integers(0, len(bases) - 1)), start=draw(st.integers(0, 5)), count=count))
        else:
            segments.append(New(owner=draw(owners(signer)), hashes=bytes(16 * count)))
    gone = [Removed(base=n, lines=LineRange(at := draw(st.integers(0, 4)), at + 1), hand=draw(owners(signer))) for n in range(len(bases))]
    moved = any(base.path != path for base in bases)
    return Claim(
        path=path,
        op=Op.DELETE if new is None else draw(st.sampled_from([Op.RENAME, Op.COPY])) if moved else Op.MODIFY,
        mode="100644" if new else None,
        sha256=sha(new) if new else None,
        blob="c" * 40 if new else None,
        hand=hand,
        bases=bases,
        segments=tuple(segments) if draw(st.integers(0, 5)) else (),
        removed=tuple(gone) if draw(st.booleans()) else (),
    )


@st.composite
def claims(draw: st.DrawFn) -> VerifiedAuthorship:
    """Make a proven statement with one claim, full or not."""
    signer = draw(people)
    made = draw(st.one_of(honest(signer), honest(signer), invented(signer)))
    said = authorship(made)
    parents = ("3" * 40, "4" * 40)[: draw(st.sampled_from([1, 1, 1, 2]))]
    return VerifiedAuthorship(
        digest=sha(repr((signer, made)).encode()),
        principal=signer,
        key="0" * 64,
        strength=draw(st.sampled_from(Strength)),
        authorship=replace(said, commit=replace(said.commit, parents=parents)),
        is_full=draw(st.booleans()),
    )


agent_rules = st.builds(
    AgentRule,
    number=st.integers(1, 3),
    agents=st.sampled_from([("*",), ("claude-*",), ("codex",)]),
    models=st.sampled_from([("*",), ("model-*",), ("other",)]),
    paths=st.sampled_from([("infra/**",), ("**",), ("*.py",), ()]),
    commands=st.just(("*",)),
    effect=st.sampled_from([*Effect]),
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
        Rule(id="no", why="w", when=When(paths=("infra/**",), human_is_uncredited=True), require=None),
        Rule(id="low", why="w", when=When(hand_below="mid"), require=Require(approvals=1)),
    ]
    always = Rule(id="eyes", why="w", when=When(), require=Require(approvals=draw(st.integers(0, 2)), level_at_least="mid"))
    chosen = [*draw(st.lists(st.sampled_from(rules), unique_by=lambda rule: rule.id)), always]
    credit = draw(
        st.sampled_from(
            [(), (Credit(evidence=Evidence.OBSERVED, levels=None), Credit(evidence=Evidence.DECLARED, levels=("mid", "senior")))]
        )
    )
    agents = tuple(draw(st.lists(agent_rules, max_size=2)))
    return team(
        rules=tuple(chosen), agents=agents, credit_human=credit, credit_hands=draw(st.booleans()), strength=draw(st.sampled_from(Strength))
    )


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
    facts = tuple(draw(st.lists(claims(), max_size=6)))
    same = verbatim(facts)
    change = Change(
        repository=TRUST.repository,
        target=TARGET,
        environment=None,
        manifest=sha(b"tree"),
        files=tuple(changed(path, VERSIONS[0], VERSIONS[2]) for path in PATHS[:count]),
        authorships=facts,
        approvals=tuple(draw(st.lists(yeses(policy), max_size=6))),
        named=frozenset(draw(st.sets(st.sampled_from(PATHS)))),
        verbatim=frozenset(each for each in sorted(same) if draw(st.integers(0, 4))),
        findings=tuple(draw(st.lists(findings, max_size=2))),
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


@given(case=cases())
def test_t1_text_that_is_not_known_to_be_the_same_never_helps(case: tuple[Policy, Change]) -> None:
    """M1: an object that is not here, or that differs from what a claim says of it."""
    policy, change = case
    full = rank(policy, change)
    for gone in change.verbatim:
        assert rank(policy, replace(change, verbatim=change.verbatim - {gone})) <= full


@given(case=cases(), more=claims(), named=st.sampled_from(PATHS))
def test_t2_adding_a_fact_that_tightens_never_helps(case: tuple[Policy, Change], more: VerifiedAuthorship, named: bytes) -> None:
    """M2."""
    policy, change = case
    full = rank(policy, change)
    assert rank(policy, replace(change, authorships=(*change.authorships, replace(more, is_full=False)))) <= full
    assert rank(policy, replace(change, named=change.named | {named})) <= full


def imported(fact: VerifiedAuthorship) -> VerifiedAuthorship:
    """Make what `fact` says an import's, as an importer of any level signs it: in full, and saying more than an import may."""
    said = fact.authorship
    return replace(
        fact,
        is_full=True,
        strength=Strength.LOGGED,
        digest=sha(fact.digest.encode()),
        authorship=replace(said, recorder=replace(said.recorder, channel="import")),
    )


@given(case=cases(), more=claims())
def test_t2_an_import_never_helps_whoever_signs_it_and_whatever_it_says(case: tuple[Policy, Change], more: VerifiedAuthorship) -> None:
    """M2: and a line that it gives to an agent is nobody's own, while who signed it has no part in it."""
    policy, change = case
    more = imported(more)
    told = replace(change, authorships=(*change.authorships, more), verbatim=change.verbatim | verbatim((more,)))
    assert rank(policy, told) <= rank(policy, change)
    before, after = state_facts(policy, change, TRUST), state_facts(policy, told, TRUST)
    assert [(each.bar, [unit.people for unit in each.units]) for each in after] == [
        (each.bar, [unit.people for unit in each.units]) for each in before
    ]
    (made,) = more.authorship.claims
    for file in after:
        if (made.path, made.new) != (file.file.transition.path, file.file.transition.new):
            continue
        origins = [each.owner.origin if isinstance(each, New) else None for each in made.segments for _ in range(each.count)]
        for each in file.units:
            if each.is_credited and each.unit.side is Side.ADDED and each.unit.lines:
                lines = set(range(each.unit.lines.start, each.unit.lines.end))
                assert {Origin.AI, Origin.MIXED}.isdisjoint(origin for at, origin in enumerate(origins) if at in lines)


@given(case=cases(), more=findings)
def test_t2_a_finding_never_helps(case: tuple[Policy, Change], more: Finding) -> None:
    """M2: whatever it is about; and one that tightens leaves no line of its path a person's own."""
    policy, change = case
    found = replace(change, findings=(*change.findings, more))
    assert rank(policy, found) <= rank(policy, change)
    credited = {unit.unit.path for file in state_facts(policy, found, TRUST) for unit in file.units if unit.is_credited}
    assert not more.code.tightens or more.path not in credited


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
    assert rank(strict, change) <= rank(strict, replace(change, authorships=(), named=frozenset(), findings=()))


def shown(change: Change, facts: tuple[VerifiedAuthorship, ...], logged: tuple[VerifiedAuthorship, ...]) -> Change:
    """Return `change` as a gate sees it that is shown `facts`, while a log has all of `logged`, entry after entry."""
    rows: dict[bytes, tuple[int, ...]] = defaultdict(tuple)
    for index, fact in enumerate(logged):
        for key in index_keys(parse_statement(format_authorship(fact.authorship))):
            rows[key] += (index,)
    told: dict[bytes, tuple[int, ...]] = {}
    entries = {index for index, fact in enumerate(logged) if fact in facts}
    while True:
        known = [fact.authorship for fact in facts]
        traced = trace_index(change.transitions, TRUST.repository, told=told, shown=entries, known=known)
        if not traced.wanted:
            break
        told |= {key: rows[key] for key in traced.wanted}
    index = VerifiedIndex(origin="memory.example", sealed_at=NOW, found=told, checkpoints=())
    # What leads to a version is all that a gate gathers; earlier statements about a path only make findings.
    versions = told.keys() - {path_key(TRUST.repository, path) for path in PATHS}
    gathered = tuple(fact for fact in facts if not versions.isdisjoint(index_keys(parse_statement(format_authorship(fact.authorship)))))
    return replace(change, authorships=gathered, completeness=conclude(index, traced))


@given(case=cases(), data=st.data())
def test_t4_nothing_that_is_hidden_helps_where_completeness_is_required(case: tuple[Policy, Change], data: st.DataObject) -> None:
    """M4: for every choice of claims and approvals, an allow for these is an allow for all that the log has."""
    policy, change = case
    policy = replace(policy, completeness=Completeness.REQUIRED)
    everything = tuple(dict.fromkeys(change.authorships))
    some = tuple(fact for fact in everything if data.draw(st.booleans()))
    approvals = tuple(each for each in change.approvals if data.draw(st.booleans()))

    def allows(change: Change) -> bool:
        return decide_change(policy, change, trust=INDEXED, at=NOW).outcome is Outcome.ALLOW

    if allows(replace(shown(change, some, everything), approvals=approvals)):
        assert allows(shown(change, everything, everything))


def _written(made: Claim) -> list[Origin]:
    """Return the origin of each line of a recipe, human for what is copied: what the recipe says itself."""
    return [
        each.owner.origin
        if isinstance(each, New) and not each.owner.earlier
        else Origin.HUMAN
        if isinstance(each, Copied)
        else Origin.MIXED
        for each in made.segments
        for _ in range(each.count)
    ]


@given(case=cases())
def test_a_line_that_any_claim_gives_to_a_program_is_nobodys_own(case: tuple[Policy, Change]) -> None:
    """I10, U6: whatever other recipes of the same content say, and whoever signed it; without full claims nothing relaxes at all."""
    policy, change = case
    for file in state_facts(policy, change, TRUST):
        move = file.file.transition
        said = [made for fact in change.authorships for made in fact.authorship.claims if (made.path, made.new) == (move.path, move.new)]
        for each in file.units:
            if each.is_credited and each.unit.side is Side.ADDED and each.unit.lines:
                lines = range(each.unit.lines.start, each.unit.lines.end)
                assert {origin for made in said for at, origin in enumerate(_written(made)) if at in lines} <= {Origin.HUMAN}
    bare = replace(change, authorships=tuple(replace(fact, is_full=False) for fact in change.authorships))
    assert all(unit.has_unknown_hand for file in state_facts(policy, bare, TRUST) for unit in file.units)


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
