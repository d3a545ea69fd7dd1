# SPDX-License-Identifier: Apache-2.0
"""Where the policy asks for completeness, nothing that is hidden, deleted, erased or smuggled into the log helps a change."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from byline.core.authorship import Mandate, format_authorship
from byline.core.bundle import Bundle
from byline.core.delegation import Delegation, format_delegation
from byline.core.presets import format_preset
from byline.core.sealed_index import IndexProof, format_row
from byline.core.tombstone import LogEntry
from byline.core.trust import Use, Witness
from byline.core.trustfile import add_to_trust
from byline.core.verdict import Outcome
from byline.core.verified import Strength
from byline.errors import LedgerUnavailableError
from byline.flow.gathering import Evidence
from byline.flow.judge import Judgement, Question, judge
from byline.git.repository import open_repository
from byline.keys.cosigners import WitnessKey
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from byline.verify import verify_bundle
from byline_gate.anchor import Anchor
from byline_gate.anchored import run_gate
from casework import NOW, SIGNERS, TARGET, ai, approval, authorship, claim, human, independent, move, sha, signed, tombstone, trust_bytes
from casework import REPOSITORY as ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.core.authorship import Authorship
    from byline.core.policy import Policy
    from byline.core.ports import Signer
    from byline.git.repository import Repository
    from scratch import Scratch

LINE = "value = compute_total(rates, amounts)\n"
OLD, MID, NEW = "a\nb\n", "a\nb1\n", f"a\n{LINE}c\n"
ERASERS = dict.fromkeys(("p-ben", "p-mia"), (Use.AUTHORSHIP, Use.APPROVAL, Use.ERASURE))
POLICY = format_preset("team", repository=ID).replace('acknowledge = "T1,T2 only"', 'completeness = "required"')
WITNESS = WitnessKey("witness.example", bytes(range(32)))
LOGGED = POLICY.replace('strength = "signed"', 'strength = "logged"')


class Lying(MemoryLedger):
    """A log that does not show what `hides` says, has no rows for what `stealthy` says, and hands out nothing that is `erased`."""

    def __init__(self, clock: Callable[[], int], witnesses: Sequence[WitnessKey]) -> None:
        super().__init__(clock=clock, witnesses=witnesses)
        self.hides: set[int] = set()
        self.erased: set[int] = set()
        self.is_away = False

    def find(self, subject_sha256: str) -> tuple[Bundle, ...]:
        return tuple(each for each in super().find(subject_sha256) if each.receipt and each.receipt.index not in self.erased)

    def fetch(self, indices: Sequence[int]) -> tuple[Bundle, ...]:
        return super().fetch([index for index in indices if index not in self.erased])

    def prove_index(self, keys: Sequence[bytes]) -> IndexProof:
        if self.is_away:
            raise LedgerUnavailableError("the ledger does not answer", retry_after=1.0)
        proof = super().prove_index(keys)
        found = tuple(
            tuple(
                replace(part, rows=tuple(row for row in part.rows if int.from_bytes(row[32:], "big") not in self.hides)) for part in slices
            )
            for slices in proof.found
        )
        return replace(proof, found=found)

    def forget_rows(self, index: int) -> None:
        """Leave an entry as one that came through a door without its envelope."""
        self._rows = [row for row in self._rows if row != format_row(row[:32], index)]


class Desk:
    """A repository whose gate asks a log; the clock of both stands still."""

    def __init__(self, repo: Repository, place: Path, ledger: Lying) -> None:
        self.repo, self.ledger, self.place = repo, ledger, place
        self.index = EvidenceIndex(place / "cache.db")
        self.number = 0

    def say(self, who: str, owner: Owner, old: str = OLD, new: str = NEW) -> Bundle:
        """Log a statement of `who` that `owner` made `new` of `old`."""
        return signed(self.said(owner, old, new), who, self.ledger)

    def said(self, owner: Owner, old: str = OLD, new: str = NEW) -> Authorship:
        """Make the statement that `owner` made `new` of `old`; its git ids are the real ones, as attest has them."""
        ids = [self.repo.write_blob(text.encode()) for text in (old, new)]
        made = claim(b"app.py", old.encode(), new.encode(), owner)
        made = replace(made, blob=ids[1], bases=(replace(made.bases[0], blob=ids[0]),))
        self.number += 1
        head, base = self.repo.commit_id("work"), self.repo.commit_id("main")
        said = authorship(made, seq=self.number)
        return replace(said, commit=replace(said.commit, id=head, parents=(base,)))

    def approve(self, who: str, policy: Policy) -> Bundle:
        return signed(approval(who, move(b"app.py", OLD.encode(), NEW.encode()), policy=policy), who, self.ledger)

    def judge(self, *bundles: Bundle, at: datetime = NOW, ledger: bool = True) -> Judgement:
        """Judge with `bundles` and nothing else shown."""
        ref = EvidenceRef(self.repo)
        if (here := self.repo.ref("refs/byline/evidence")) is not None:
            self.repo.update_ref("refs/byline/evidence", "0" * 40, here)
        ref.add(bundles)
        base, candidate = self.repo.commit_id("main"), self.repo.commit_id("work")
        evidence = Evidence(self.repo, self.index, self.ledger if ledger else None)
        return judge(self.repo, Question(base=base, candidate=candidate, target=TARGET), evidence=evidence, at=at)

    def outcome(self, *bundles: Bundle) -> Outcome:
        return self.judge(*bundles).verdict.outcome


@pytest.fixture
def ledger() -> Lying:
    return Lying(clock=lambda: int(NOW.timestamp()) * 1_000_000_000, witnesses=[WITNESS])


@pytest.fixture(params=[POLICY])
def desk(request: pytest.FixtureRequest, repository: Scratch, ledger: Lying, tmp_path: Path) -> Iterator[Desk]:
    log = replace(independent(ledger), is_indexed=True, operator="s-ops", quorum=1 if "witnessed" in request.param else 0)
    witness = Witness(name="w1", vkey=WITNESS.vkey, operator="o-one")
    old = trust_bytes(uses=ERASERS)
    repository.write(".byline/trust.toml", add_to_trust(old, issued=NOW - timedelta(hours=1), logs=(log,), witnesses=(witness,)))
    repository.write(".byline/policy.toml", request.param)
    repository.write("app.py", OLD)
    repository.commit("base")
    repository.git("switch", "--quiet", "--create", "work")
    repository.write("app.py", NEW)
    repository.commit("work")
    place = tmp_path / "gate"
    place.mkdir()
    with open_repository(repository.path) as opened:
        made = Desk(opened, place, ledger)
        yield made
        made.index.close()


def rules(judgement: Judgement) -> set[str]:
    return {each.rule for each in judgement.verdict.reasons}


def typed(who: str) -> Owner:
    return human(who)


def test_what_the_log_has_counts_whether_it_is_shown_or_not(desk: Desk) -> None:
    """M4, M7: an agent's claim beside a person's is brought here from the log; no choice of what to show makes a difference."""
    mine, agents = desk.say("p-ana", typed("p-ana")), desk.say("p-rob", ai("p-rob"))
    for shown in itertools.chain.from_iterable(itertools.combinations((mine, agents), n) for n in range(3)):
        judgement = desk.judge(*shown)
        assert judgement.verdict.outcome is Outcome.PENDING
        assert {fact.principal for fact in judgement.verification.authorships} == {"p-ana", "p-rob"}
        kept = {stored.bundle.envelope.digest for stored in EvidenceRef(desk.repo).bundles()}
        assert kept == {mine.envelope.digest, agents.envelope.digest}, "what was brought here stays"


def test_a_seniors_own_lines_need_nobody_where_all_is_here(desk: Desk) -> None:
    mine = desk.say("p-ana", typed("p-ana"))
    judgement = desk.judge(mine)
    assert (judgement.verdict.outcome, judgement.verdict.reasons) == (Outcome.ALLOW, ())
    assert desk.outcome() is Outcome.ALLOW


def test_a_hidden_author_does_not_approve(desk: Desk) -> None:
    """M8: the claim that names Ben's hand is deleted, and Ben approves."""
    rob, ben = desk.say("p-rob", ai("p-rob"), OLD, MID), desk.say("p-ben", ai("p-ben"), MID, NEW)
    policy = desk.judge().policy
    assert policy
    yes = desk.approve("p-ben", policy)
    assert desk.outcome(rob, ben, yes) is Outcome.PENDING
    assert desk.outcome(rob, yes) is Outcome.PENDING
    assert desk.outcome(yes) is Outcome.PENDING
    assert desk.outcome(desk.approve("p-ana", policy)) is Outcome.ALLOW


@pytest.mark.parametrize("step", [0, 1])
def test_a_statement_that_the_log_does_not_hand_over_is_withheld(desk: Desk, step: int) -> None:
    """M4, M12: hidden or erased, at any step of the way: no approval lets it through."""
    ways = [desk.say("p-rob", ai("p-rob"), OLD, MID), desk.say("p-mia", ai("p-mia"), MID, NEW)]
    policy = desk.judge().policy
    assert policy
    yes = desk.approve("p-ana", policy)
    assert desk.outcome(*ways, yes) is Outcome.ALLOW
    desk.ledger.erased = {each.receipt.index for each in [ways[step]] if each.receipt}
    judgement = desk.judge(*(each for each in ways if each is not ways[step]), yes)
    assert judgement.verdict.outcome is Outcome.DENY
    assert rules(judgement) == {"built-in:withheld"}
    assert f"entry {min(desk.ledger.erased)}" in judgement.verdict.reasons[0].message
    assert desk.outcome(*ways, yes) is Outcome.ALLOW, "whoever has it may still show it"


def bury(desk: Desk, bundle: Bundle, *who: str, **changes: object) -> None:
    """Log tombstones of `who` for an entry, and let the log forget what was signed."""
    for name in who:
        signed(tombstone(bundle, **changes), name, desk.ledger)
    assert bundle.receipt
    desk.ledger.erased = {bundle.receipt.index}


@pytest.mark.parametrize("step", [0, 1])
def test_a_lawful_erasure_locks_no_file_and_leaves_nothing_anybodys_own(desk: Desk, step: int) -> None:
    """M12: people decide about what nobody can look at any more, and no claim about the path is credited."""
    ways = [desk.say("p-ana", typed("p-ana"), OLD, MID), desk.say("p-ana", typed("p-ana"), MID, NEW)]
    assert desk.outcome() is Outcome.ALLOW
    policy = desk.judge().policy
    assert policy
    rest = [each for each in ways if each is not ways[step]]
    bury(desk, ways[step], "p-ben", "p-mia")
    judgement = desk.judge(*rest)
    assert judgement.verdict.outcome is Outcome.PENDING
    assert judgement.change
    assert judgement.change.erased == {b"app.py"}
    assert desk.outcome(*rest, desk.approve("p-rob", policy)) is Outcome.PENDING, "a junior's yes is not enough"
    assert desk.outcome(*rest, desk.approve("p-ana", policy)) is not Outcome.DENY


@pytest.mark.parametrize(
    ("who", "changes"),
    [
        (("p-ben",), {}),
        (("p-ben", "p-rob"), {}),
        (("p-ben", "p-eve"), {}),
        (("p-ben", "p-mia"), {"entry": None}),
        (("p-ben", "p-mia"), {"entry": LogEntry(origin="other.example", index=0)}),
        (("p-ben", "p-mia"), {"entry": LogEntry(origin="memory.example", index=1)}),
        (("p-ben", "p-mia"), {"repository": "byl:" + "00" * 16}),
    ],
)
def test_no_other_tombstones_let_an_entry_be_missing(desk: Desk, who: tuple[str, ...], changes: dict[str, object]) -> None:
    """M12: one person's, a junior's or a stranger's, and those that name no entry, another one, or one of another log."""
    agents = desk.say("p-rob", ai("p-rob"))
    bury(desk, agents, *who, **changes)
    judgement = desk.judge()
    assert (judgement.verdict.outcome, rules(judgement) >= {"built-in:withheld"}) == (Outcome.DENY, True)


def test_a_tombstone_names_the_entry_itself_whatever_subjects_it_says(desk: Desk) -> None:
    """M12: two people cannot hide an agent's claim behind a tombstone that looks like another change's."""
    mine, agents = desk.say("p-ana", typed("p-ana")), desk.say("p-rob", ai("p-rob"))
    bury(desk, agents, "p-ben", "p-mia", subjects=("00" * 32,))
    judgement = desk.judge(mine)
    assert judgement.verdict.outcome is Outcome.PENDING
    assert judgement.change
    assert judgement.change.erased == {b"app.py"}


def test_tombstones_that_the_index_does_not_have_excuse_nothing(desk: Desk) -> None:
    """M12: they are facts that relax, so they have to be in the log that they are about."""
    agents = desk.say("p-rob", ai("p-rob"))
    assert agents.receipt
    desk.ledger.erased = {agents.receipt.index}
    outside = [signed(tombstone(agents), name) for name in ("p-ben", "p-mia")]
    assert rules(desk.judge(*outside)) >= {"built-in:withheld"}


def test_an_answer_that_omits_a_row_is_no_answer(desk: Desk) -> None:
    """L3."""
    mine, agents = desk.say("p-ana", typed("p-ana")), desk.say("p-rob", ai("p-rob"))
    assert desk.outcome(mine) is Outcome.PENDING
    assert agents.receipt
    desk.ledger.hides = {agents.receipt.index}
    judgement = desk.judge(mine)
    assert judgement.verdict.outcome is Outcome.DENY
    assert "does not prove" in judgement.verdict.reasons[0].message


@pytest.mark.parametrize("desk", [LOGGED], indirect=True)
def test_what_the_index_does_not_have_is_not_logged(desk: Desk) -> None:
    """L2: a receipt of an entry that came without its statement makes neither a claim nor an approval stronger."""
    mine = desk.say("p-ana", typed("p-ana"))
    judgement = desk.judge(mine)
    assert [(fact.strength, judgement.verdict.outcome) for fact in judgement.verification.facts] == [(Strength.LOGGED, Outcome.ALLOW)]
    assert mine.receipt
    desk.ledger.forget_rows(mine.receipt.index)
    desk.ledger.erased = {mine.receipt.index}
    judgement = desk.judge(mine)
    assert [(fact.strength, judgement.verdict.outcome) for fact in judgement.verification.facts] == [(Strength.SIGNED, Outcome.PENDING)]
    assert judgement.policy
    yes = desk.approve("p-ben", judgement.policy)
    assert desk.outcome(mine, yes) is Outcome.ALLOW
    assert yes.receipt
    desk.ledger.forget_rows(yes.receipt.index)
    assert desk.outcome(mine, yes) is Outcome.PENDING


def test_a_gate_that_asks_no_log_cannot_say_that_all_is_here(desk: Desk) -> None:
    judgement = desk.judge(desk.say("p-ana", typed("p-ana")), ledger=False)
    assert (judgement.verdict.outcome, rules(judgement)) == (Outcome.DENY, {"built-in:state"})


def test_a_log_that_is_away_leaves_the_question_open(desk: Desk) -> None:
    desk.ledger.is_away = True
    with pytest.raises(LedgerUnavailableError):
        desk.judge()


@pytest.mark.parametrize("minutes", [16, -16])
def test_an_answer_of_another_time_is_refused(desk: Desk, minutes: int) -> None:
    """An old answer shown again would hide what was logged since."""
    mine = desk.say("p-ana", typed("p-ana"))
    judgement = desk.judge(mine, at=NOW + timedelta(minutes=minutes))
    assert (judgement.verdict.outcome, rules(judgement)) == (Outcome.DENY, {"built-in:state"})
    assert desk.judge(mine, at=NOW + timedelta(minutes=14)).verdict.outcome is Outcome.ALLOW


def test_an_agents_earlier_lines_are_found_though_their_statement_is_hidden(desk: Desk) -> None:
    """M4: the agent wrote the line, it was deleted, and a person claims to have typed it."""
    theirs = desk.say("p-ben", ai("p-ben"), "a\n", f"a\n{LINE}")
    mine = desk.say("p-mia", typed("p-mia"))
    assert desk.outcome(mine, theirs) is Outcome.PENDING
    assert desk.outcome(mine) is Outcome.PENDING
    assert theirs.receipt
    desk.ledger.erased = {theirs.receipt.index}
    judgement = desk.judge(mine)
    assert judgement.verdict.outcome is Outcome.PENDING, "what was erased long ago keeps nobody from landing a change"
    assert judgement.change
    assert judgement.change.completeness
    assert judgement.change.completeness.unread == {b"app.py"}


def delegated(desk: Desk) -> tuple[Bundle, Bundle]:
    """Log a delegation of Mia's, then what the agent's key signed under it: the line is an agent's."""
    agents = fixed_signer(31)
    given = Delegation(
        repository=ID, delegator="p-mia", agent="claude-code", public=agents.public, issued_at=NOW, expires_at=NOW + timedelta(hours=8)
    )

    def log(payload: bytes, key: Signer) -> Bundle:
        envelope = sign_payload(payload, key)
        return Bundle(envelope=envelope, key_hint=sha(key.public), receipt=desk.ledger.append(envelope, key.public))

    granted = log(format_delegation(given), SIGNERS["p-mia"])
    mandate = Mandate(delegation=granted.envelope.digest, signed_at=NOW)
    return granted, log(format_authorship(replace(desk.said(ai("p-mia")), mandate=mandate)), agents)


def test_who_hides_that_a_key_is_an_agents_hides_nothing(desk: Desk) -> None:
    """DG4: the log's index has the delegation under the id of the key, and the gate fetches it."""
    mine = desk.say("p-ana", typed("p-ana"))
    assert desk.outcome(mine) is Outcome.ALLOW
    granted, work = delegated(desk)
    for shown in ((mine,), (mine, work), (mine, granted), (mine, work, granted)):
        judgement = desk.judge(*shown)
        assert judgement.verdict.outcome is Outcome.PENDING
        assert {fact.principal for fact in judgement.verification.authorships} == {"p-ana", "p-mia"}


def test_a_delegation_that_the_log_does_not_hand_over_leaves_nothing_anybodys_own(desk: Desk) -> None:
    """DG4: then nobody knows whose claims those of the key are."""
    mine = desk.say("p-ana", typed("p-ana"))
    granted, work = delegated(desk)
    assert granted.receipt
    desk.ledger.erased.add(granted.receipt.index)
    for shown in ((mine,), (mine, work)):
        judgement = desk.judge(*shown)
        assert (judgement.verdict.outcome, rules(judgement)) == (Outcome.DENY, {"built-in:withheld"})
    assert desk.outcome(mine, granted) is Outcome.PENDING, "whoever has it may still show it"


def test_a_strangers_statement_says_nothing_and_has_to_be_shown(desk: Desk) -> None:
    mine = desk.say("p-ana", typed("p-ana"))
    stranger = desk.say("p-eve", ai("p-eve"))
    assert desk.outcome(mine) is Outcome.ALLOW
    assert stranger.receipt
    desk.ledger.erased = {stranger.receipt.index}
    assert desk.outcome(mine) is Outcome.DENY


@pytest.mark.parametrize("desk", [LOGGED.replace('strength = "logged"', 'strength = "witnessed"')], indirect=True)
def test_a_statement_that_was_logged_before_witnesses_came_by_is_witnessed_later(desk: Desk) -> None:
    """Nobody waited for them; what the gate brings here stays, for those who verify without a network."""
    mine = desk.say("p-ana", typed("p-ana"))
    judgement = desk.judge(mine)
    assert [(fact.strength, judgement.verdict.outcome) for fact in judgement.verification.facts] == [(Strength.WITNESSED, Outcome.ALLOW)]
    assert judgement.trust
    assert judgement.change
    assert judgement.change.completeness
    index, kept = judgement.change.completeness.index, EvidenceRef(desk.repo).bundles()
    found = [verify_bundle(each.bundle, trust=judgement.trust, at=NOW, index=index).strength for each in kept]
    assert sorted(found) == [Strength.LOGGED, Strength.WITNESSED]


def test_the_decision_is_in_the_index_too(desk: Desk) -> None:
    """L2, L8: it is as strong as the policy asks only if it came with its statement."""
    mine = desk.say("p-ana", typed("p-ana"))
    EvidenceRef(desk.repo).add([mine])
    entry = desk.repo.entry(desk.repo.commit_id("main"), b".byline/trust.toml")
    assert entry
    anchor = Anchor(repository=ID, trust_sha256=sha(desk.repo.read_blob(entry.oid)), target=TARGET, state=desk.place / "state.json")
    evidence = Evidence(desk.repo, desk.index, desk.ledger)

    def run(ledger: Lying) -> Outcome:
        done = run_gate(desk.repo, anchor, head="work", evidence=evidence, at=NOW, signer=SIGNERS["s-gate"], ledger=ledger)
        assert done.entry
        return done.judgement.verdict.outcome

    assert run(desk.ledger) is Outcome.ALLOW


def test_no_choice_of_what_to_show_is_better_than_all(desk: Desk) -> None:
    """T4, M4: whatever the log has, an allow for some of it is an allow for all."""
    policy = desk.judge().policy
    assert policy
    everything = [
        desk.say("p-ana", typed("p-ana")),
        desk.say("p-rob", ai("p-rob"), OLD, MID),
        desk.say("p-mia", human("p-mia"), MID, NEW),
        desk.approve("p-ben", policy),
        desk.approve("p-ana", policy),
    ]
    for hidden in ((), (0,), (1,), (2,)):
        desk.ledger.erased = {each.receipt.index for number, each in enumerate(everything) if number in hidden and each.receipt}
        full = desk.outcome(*everything)
        for count in range(len(everything)):
            for some in itertools.combinations(everything, count):
                assert desk.outcome(*some).rank <= full.rank
