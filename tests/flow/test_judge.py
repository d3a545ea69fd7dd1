# SPDX-License-Identifier: Apache-2.0
"""judge, approve and the anchored gate on real repositories: trust from the base, evidence from git, decisions in a log."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from byline.core.authorship import parse_authorship
from byline.core.bundle import join_receipt
from byline.core.change import Side
from byline.core.presets import format_preset
from byline.core.statement import parse_statement
from byline.core.trust import LogClass, TrustedLog, Use, Witness
from byline.core.trustfile import add_to_trust
from byline.core.verdict import Outcome
from byline.core.verified import Strength
from byline.decide.facts import state_facts
from byline.errors import ConfigError, IdentityError, RepositoryError, UnknownKeyError, VerificationError
from byline.flow.approve import approval_payload, propose_approval, visible
from byline.flow.gathering import Evidence
from byline.flow.judge import Pin, Question, judge, record_decision
from byline.flow.witnessed import await_strength
from byline.git.repository import Repository, open_repository
from byline.keys.cosigners import WitnessKey
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.trees import REF
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger
from byline.verify import verify_bundle
from byline_gate.anchor import Anchor, load_anchor
from byline_gate.anchored import EXIT, preview, run_gate
from byline_gate.report import judgement_to_json, report_lines
from casework import NOW, SIGNERS, TARGET, ai, approval, authorship, claim, human, independent, move, sha, signed, team, trust_bytes
from casework import REPOSITORY as ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.core.bundle import Bundle
    from byline.flow.approve import Proposal
    from byline.flow.judge import Judgement
    from scratch import Scratch

OLD, NEW = "a\nb\n", "a\nb2\nc\n"


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def scratch(repository: Scratch, ledger: MemoryLedger) -> Scratch:
    """A repository with trust, the team policy and a file; the work stands on a branch."""
    repository.write(".byline/trust.toml", trust_bytes(logs=(independent(ledger),)))
    repository.write(".byline/policy.toml", format_preset("team", repository=ID))
    repository.write("app.py", OLD)
    repository.commit("base")
    repository.git("switch", "--quiet", "--create", "work")
    repository.write("app.py", NEW)
    repository.commit("work")
    return repository


@pytest.fixture
def repo(scratch: Scratch) -> Iterator[Repository]:
    with open_repository(scratch.path) as opened:
        yield opened


class Desk:
    """A gate's desk: the repository, its evidence, a clock that stands still."""

    def __init__(self, repo: Repository, place: Path, ledger: MemoryLedger) -> None:
        self.repo, self.ledger = repo, ledger
        self.index = EvidenceIndex(place / "cache.db")
        self.place = place

    def add(self, *bundles: Bundle) -> None:
        EvidenceRef(self.repo).add(bundles)

    def question(self, head: str = "work", **changes: object) -> Question:
        base, candidate = self.repo.commit_id("main"), self.repo.commit_id(head)
        return replace(Question(base=base, candidate=candidate, target=TARGET), **changes)  # type: ignore[arg-type]  # by name

    def judge(self, **changes: object) -> Judgement:
        return judge(self.repo, self.question(**changes), evidence=Evidence(self.repo, self.index), at=NOW)

    def outcome(self, **changes: object) -> Outcome:
        return self.judge(**changes).verdict.outcome

    def people(self) -> frozenset[str]:
        found = self.judge()
        assert found.change
        assert found.policy
        assert found.trust
        return frozenset().union(*(facts.bar for facts in state_facts(found.policy, found.change, found.trust)))

    def propose(self, who: str, *, ledger: MemoryLedger | None = None) -> Proposal:
        evidence = Evidence(self.repo, self.index, ledger)
        return propose_approval(self.repo, self.question(), public=SIGNERS[who].public, evidence=evidence, at=NOW)

    def approve(self, who: str, *, nonce: bytes = bytes(16)) -> str:
        """Approve as `byline approve` does; return what was shown."""
        key, proposal = SIGNERS[who], self.propose(who)
        envelope = sign_payload(approval_payload(proposal, nonce=nonce, at=NOW), key)
        self.add(join_receipt(envelope, key.public, self.ledger.append(envelope, key.public)))
        return proposal.text

    def anchor(self, **changes: object) -> Anchor:
        entry = self.repo.entry(self.repo.commit_id("main"), b".byline/trust.toml")
        assert entry
        pinned = sha(self.repo.read_blob(entry.oid))
        anchor = Anchor(repository=ID, trust_sha256=pinned, target=TARGET, state=self.place / "state.json")
        return replace(anchor, **changes)  # type: ignore[arg-type]  # by name


@pytest.fixture
def desk(repo: Repository, tmp_path: Path, ledger: MemoryLedger) -> Iterator[Desk]:
    place = tmp_path / "gate"
    place.mkdir()
    made = Desk(repo, place, ledger)
    yield made
    made.index.close()


def work(owner: str, *, old: str = OLD, new: str = NEW) -> Bundle:
    return signed(authorship(claim(b"app.py", old.encode(), new.encode(), ai(owner))), owner)


def _blobbed(desk: Desk, bundle_owner: str, owner: Owner | None = None) -> Bundle:
    """Sign a claim whose git ids are the real ones, as attest does: gathering finds claims by them."""
    old, new = (desk.repo.entry(desk.repo.commit_id(rev), b"app.py") for rev in ("main", "work"))
    assert old
    assert new
    made = claim(b"app.py", OLD.encode(), NEW.encode(), owner or ai(bundle_owner))
    made = replace(made, blob=new.oid, bases=(replace(made.bases[0], blob=old.oid),))
    return signed(authorship(made), bundle_owner)


@pytest.mark.parametrize("importer", ["p-ana", "p-rob", "a-bot"])
def test_an_import_never_helps_and_takes_credit_away(desk: Desk, importer: str) -> None:
    """M2: whoever imports an agent's lines over whatever was claimed; and none of it is a yes, or bars anybody from giving one."""
    told = _blobbed(desk, importer).envelope.payload
    said = parse_authorship(parse_statement(told))
    passed_on = replace(said, recorder=replace(said.recorder, channel="import"), chain=replace(said.chain, id="import"))
    for owner in (None, human("p-ana"), human("p-rob"), ai("p-ana"), ai("p-rob")):
        if owner:
            desk.add(_blobbed(desk, owner.principal or "", owner))
        before, people = desk.outcome(), desk.people()
        desk.add(signed(passed_on, importer))
        after = desk.judge()
        assert after.verdict.outcome.rank <= before.rank
        assert desk.people() == people
        assert after.change
        assert after.policy
        assert after.trust
        (facts,) = state_facts(after.policy, after.change, after.trust)
        assert not any(unit.is_credited for unit in facts.units if unit.unit.side is Side.ADDED)
        desk.repo.update_ref(REF, "0" * 40, desk.repo.ref(REF))


def test_a_seniors_work_is_allowed_and_a_juniors_waits_for_approval(desk: Desk) -> None:
    assert desk.outcome() is Outcome.PENDING
    desk.add(_blobbed(desk, "p-rob"))
    waiting = desk.judge()
    assert [fact.principal for fact in waiting.verification.authorships] == ["p-rob"]
    assert waiting.verdict.outcome is Outcome.PENDING
    shown = desk.approve("p-ana")
    assert desk.outcome() is Outcome.ALLOW
    assert "  -     2  b\n  +     2  b2\n  +     3  c\n" in shown


def test_a_seniors_own_agent_needs_nobody(desk: Desk) -> None:
    desk.add(_blobbed(desk, "p-ana"))
    assert desk.outcome() is Outcome.ALLOW


def test_nobody_approves_their_own_change(desk: Desk) -> None:
    """AP5."""
    desk.add(_blobbed(desk, "p-rob"))
    with pytest.raises(IdentityError):
        desk.approve("p-rob")


def test_nobody_signs_what_a_gate_would_not_count(desk: Desk, scratch: Scratch) -> None:
    """AP5: the files are left out, with the reason, and where none is left nothing is proposed."""
    with pytest.raises(IdentityError, match=r"app\.py: ai-senior-signoff asks for senior or above, and you are mid"):
        desk.propose("p-mia")
    desk.add(_blobbed(desk, "p-ben"))
    scratch.write("other.py", "x\n")
    scratch.commit("other")
    proposal = desk.propose("p-ben")
    assert [file.transition.path for file in proposal.files] == [b"other.py"]
    assert [(each.path, each.why) for each in proposal.left_out] == [(b"app.py", "you had a hand in it")]
    assert desk.propose("p-ana").left_out == ()


def test_a_claim_that_only_the_ledger_has_bars_its_hand_before_they_sign(desk: Desk) -> None:
    """AP5: the gate asks the ledger, so whoever approves does."""
    made = _blobbed(desk, "p-ana").envelope
    key = SIGNERS["p-ana"]
    assert desk.propose("p-ana").left_out == ()
    desk.ledger.append(made, key.public)
    with pytest.raises(IdentityError, match="you had a hand in it"):
        desk.propose("p-ana", ledger=desk.ledger)


def test_a_key_that_trust_does_not_know_approves_nothing(desk: Desk) -> None:
    """I6."""
    for who in ("p-eve", "s-gate", "a-bot"):
        with pytest.raises(UnknownKeyError):
            desk.approve(who)


def test_there_must_be_something_to_approve(desk: Desk) -> None:
    with pytest.raises(VerificationError):
        propose_approval(
            desk.repo, desk.question(head="main"), public=SIGNERS["p-ana"].public, evidence=Evidence(desk.repo, desk.index), at=NOW
        )


def test_a_push_after_approval_is_not_approved(desk: Desk, scratch: Scratch) -> None:
    """AP2."""
    desk.approve("p-ana")
    assert desk.outcome() is Outcome.ALLOW
    scratch.write("app.py", NEW + "evil\n")
    scratch.commit("after")
    assert desk.outcome() is Outcome.PENDING


def test_an_approval_survives_squash_and_an_unrelated_rebase(desk: Desk, scratch: Scratch) -> None:
    """AP2."""
    desk.approve("p-ana")
    scratch.git("switch", "--quiet", "main")
    scratch.write("other.py", "x\n")
    scratch.commit("unrelated")
    scratch.git("switch", "--quiet", "--create", "squashed")
    scratch.git("merge", "--quiet", "--squash", "work")
    scratch.commit("squashed")
    assert desk.outcome(candidate=desk.repo.commit_id("squashed")) is Outcome.ALLOW


def test_the_candidates_own_trust_and_policy_are_never_used(desk: Desk, scratch: Scratch) -> None:
    """B4: and the change of them needs the root rule of the version before it."""
    lax = format_preset("solo", repository=ID)
    scratch.write(".byline/policy.toml", lax)
    scratch.commit("lax")
    desk.approve("p-ben")
    verdict = desk.judge().verdict
    assert verdict.outcome is Outcome.PENDING
    assert {(reason.rule, reason.path) for reason in verdict.reasons} == {("built-in:protected", b".byline/policy.toml")}
    desk.approve("p-ana")
    assert desk.outcome() is Outcome.ALLOW


@pytest.mark.parametrize("what", ["missing", "symlink", "executable", "malformed", "other case"])
def test_a_base_without_usable_state_denies(desk: Desk, scratch: Scratch, what: str) -> None:
    """T0, B2, B7."""
    scratch.git("switch", "--quiet", "main")
    file = scratch.path / ".byline/policy.toml"
    text = file.read_text()
    file.unlink()
    if what == "symlink":
        scratch.write("elsewhere.toml", text)
        file.symlink_to("../elsewhere.toml")
    elif what == "executable":
        scratch.write(".byline/policy.toml", text).chmod(0o755)
    elif what == "malformed":
        scratch.write(".byline/policy.toml", text + "x = 1\n")
    elif what == "other case":
        scratch.write(".byline/Policy.toml", text)
    scratch.commit("broken")
    judgement = desk.judge()
    assert (judgement.verdict.outcome, judgement.trust) == (Outcome.DENY, None)


def test_an_empty_change_is_denied(desk: Desk) -> None:
    """B1."""
    assert desk.outcome(candidate=desk.repo.commit_id("main")) is Outcome.DENY


def test_another_trust_file_than_the_pinned_is_denied(desk: Desk) -> None:
    """B5: whoever forces another trust file onto the target does not have the pin."""
    assert desk.outcome(pin=Pin(repository=ID, trust_sha256="0" * 64)) is Outcome.DENY
    pinned = desk.anchor().trust_sha256
    assert desk.outcome(pin=Pin(repository="byl:" + "0" * 32, trust_sha256=pinned)) is Outcome.DENY
    assert desk.outcome(pin=Pin(repository=ID, trust_sha256=pinned)) is Outcome.PENDING


def test_an_agent_in_a_trailer_takes_credit_away(desk: Desk, scratch: Scratch) -> None:
    old, new = (desk.repo.entry(desk.repo.commit_id(rev), b"app.py") for rev in ("main", "work"))
    assert old
    assert new
    made = claim(b"app.py", OLD.encode(), NEW.encode(), human("p-mia"))
    made = replace(made, blob=new.oid, bases=(replace(made.bases[0], blob=old.oid),))
    desk.add(signed(authorship(made), "p-mia"))
    assert desk.outcome() is Outcome.ALLOW
    scratch.git("commit", "--quiet", "--amend", "--message", "work\n\nCo-Authored-By: Claude <noreply@anthropic.com>")
    assert desk.outcome() is Outcome.PENDING


def test_names_in_git_raise_nothing(desk: Desk, scratch: Scratch) -> None:
    """I1, I2: not an author, not a mailmap, not a signed-off line."""
    scratch.write(".mailmap", "Ana <ana@example.invalid> Test Person <person@example.invalid>\n")
    scratch.commit("by a senior", "--author", "Ana <ana@example.invalid>", "--signoff")
    verdict = desk.judge().verdict
    assert verdict.outcome is Outcome.PENDING
    assert {reason.path for reason in verdict.reasons} == {b".mailmap", b"app.py"}


def test_two_merge_bases_make_no_difference(desk: Desk, scratch: Scratch) -> None:
    """B8: a gate compares two trees."""
    scratch.git("switch", "--quiet", "--create", "other", "main")
    scratch.write("other.py", "x\n")
    scratch.commit("other")
    for here, there in (("work", "other"), ("other", "work~1")):
        scratch.git("switch", "--quiet", here)
        scratch.git("merge", "--quiet", "--no-edit", "--no-ff", there)
    assert len(scratch.git("merge-base", "--all", "work", "other").split()) == 2
    scratch.git("merge", "--quiet", "--no-edit", "--no-ff", "work")
    merged = scratch.git("rev-parse", "HEAD")
    alone = scratch.git("commit-tree", "-p", "main", "-m", "squashed", f"{merged}^{{tree}}")
    assert desk.judge(candidate=merged).verdict == desk.judge(candidate=alone).verdict


def test_a_rewound_or_flooded_evidence_ref_allows_nothing(desk: Desk, scratch: Scratch) -> None:
    """L9."""
    before = scratch.git("rev-parse", "main")
    desk.approve("p-ana")
    assert desk.outcome() is Outcome.ALLOW
    scratch.git("update-ref", "-d", "refs/byline/evidence")
    assert desk.outcome() is Outcome.PENDING
    desk.add(*(signed(authorship(claim(b"app.py", OLD.encode(), NEW.encode(), ai("p-eve")), seq=n), "p-eve") for n in range(1, 40)))
    judgement = desk.judge()
    assert (judgement.verdict.outcome, judgement.verification.facts) == (Outcome.PENDING, ())
    assert scratch.git("rev-parse", "main") == before


def test_a_tampered_claim_is_reported_and_relaxes_nothing(desk: Desk) -> None:
    good = _blobbed(desk, "p-ana")
    forged = replace(good, envelope=replace(good.envelope, payload=good.envelope.payload.replace(b"claude-code", b"claude-cod3")))
    desk.add(forged)
    judgement = desk.judge()
    assert judgement.verdict.outcome is Outcome.PENDING
    assert [failure.code for failure in judgement.verification.failures] == ["BL-SIGNATURE-1"]
    assert any("not counted: statement" in line for line in report_lines(judgement))


def test_a_worthless_copy_is_reported_beside_the_good_one(desk: Desk) -> None:
    """L11."""
    good = _blobbed(desk, "p-ana")
    desk.add(good, replace(good, envelope=replace(good.envelope, signature=b"0")))
    judgement = desk.judge()
    assert judgement.verdict.outcome is Outcome.ALLOW
    assert any("not counted: a copy of statement" in line for line in report_lines(judgement))


def test_the_anchored_gate_signs_and_logs_before_it_answers(desk: Desk) -> None:
    """L8, K3: and the report names the lowest tier of a key."""
    desk.add(_blobbed(desk, "p-ana"))
    run = run_gate(
        desk.repo,
        desk.anchor(),
        head="work",
        evidence=Evidence(desk.repo, desk.index),
        at=NOW,
        signer=SIGNERS["s-gate"],
        ledger=desk.ledger,
    )
    assert (run.judgement.verdict.outcome, EXIT[run.judgement.verdict.outcome], run.entry) == (Outcome.ALLOW, 0, 0)
    assert any("A0" in line for line in report_lines(run.judgement, entry=run.entry))
    assert run.decision
    statement = parse_statement(run.decision.envelope.payload)
    assert statement.predicate["verdict"] == "allow"
    assert [each.bundle.envelope.digest for each in EvidenceRef(desk.repo).bundles()].count(statement.digest) == 1


WITNESS = WitnessKey("witness.example", bytes(range(32)))


def test_a_decision_is_on_record_once_it_is_as_strong_as_the_policy_asks(scratch: Scratch, tmp_path: Path) -> None:
    """L8: an append waits for no witness, so the gate asks the log again; without a quorum it gets nothing better."""
    ledger, alone = MemoryLedger(witnesses=[WITNESS]), MemoryLedger()
    log = TrustedLog(origin=ledger.key.name, vkey=ledger.vkey, kind=LogClass.INDEPENDENT, operator="s-ops", quorum=1)
    witness = Witness(name="w1", vkey=WITNESS.vkey, operator="o-one")
    scratch.git("switch", "--quiet", "main")
    scratch.write(".byline/trust.toml", add_to_trust(trust_bytes(), issued=NOW - timedelta(hours=1), logs=(log,), witnesses=(witness,)))
    scratch.write(".byline/policy.toml", format_preset("team", repository=ID).replace('strength = "signed"', 'strength = "witnessed"'))
    scratch.commit("witnesses")
    scratch.git("switch", "--quiet", "--create", "next")
    scratch.write("app.py", NEW)
    scratch.commit("work")
    with open_repository(scratch.path) as repo:
        desk = Desk(repo, tmp_path, ledger)
        pin = Pin(repository=ID, trust_sha256=desk.anchor().trust_sha256)
        judgement = judge(repo, desk.question("next", pin=pin), evidence=Evidence(repo, desk.index), at=NOW)
        made = record_decision(judgement, signer=SIGNERS["s-gate"], ledger=ledger, at=NOW)
        desk.index.close()
    trust = judgement.trust
    assert trust
    assert verify_bundle(made, trust=trust, at=NOW).strength is Strength.WITNESSED
    public = SIGNERS["s-gate"].public
    receipt = alone.append(made.envelope, public)
    for strength in (Strength.WITNESSED, Strength.SIGNED):
        found = await_strength(join_receipt(made.envelope, public, receipt), strength, alone, trust=trust, at=NOW, pauses=(0, 0))
        assert found[1] is Strength.LOGGED


def test_a_key_without_the_use_decision_records_nothing(desk: Desk) -> None:
    judgement = desk.judge(pin=Pin(repository=ID, trust_sha256=desk.anchor().trust_sha256))
    with pytest.raises(UnknownKeyError):
        record_decision(judgement, signer=SIGNERS["p-ana"], ledger=desk.ledger, at=NOW)
    assert Use.DECISION not in (judgement.trust.keys[0].uses if judgement.trust else ())


def test_a_preview_is_never_put_on_record(desk: Desk) -> None:
    """B3."""
    judgement = preview(desk.repo, base="main", head="work", target=None, evidence=Evidence(desk.repo, desk.index), at=NOW)
    assert judgement.verdict.outcome is Outcome.PENDING
    with pytest.raises(VerificationError):
        record_decision(judgement, signer=SIGNERS["s-gate"], ledger=desk.ledger, at=NOW)
    assert judgement_to_json(judgement)["anchored"] is False


def test_a_gate_remembers_the_policy_it_has_seen(desk: Desk, scratch: Scratch) -> None:
    """B6."""
    evidence = Evidence(desk.repo, desk.index)
    newer = format_preset("team", repository=ID).replace("version = 1", "version = 2", 1)
    older = scratch.git("rev-parse", "main")
    scratch.git("switch", "--quiet", "main")
    scratch.write(".byline/policy.toml", newer)
    scratch.commit("newer policy")
    anchor = desk.anchor()
    assert run_gate(desk.repo, anchor, head="work", evidence=evidence, at=NOW).judgement.verdict.outcome is Outcome.PENDING
    scratch.git("reset", "--quiet", "--hard", older)
    assert run_gate(desk.repo, anchor, head="work", evidence=evidence, at=NOW).judgement.verdict.outcome is Outcome.DENY
    scratch.write(".byline/policy.toml", newer + "# other bytes\n")
    scratch.commit("same version, other bytes")
    assert run_gate(desk.repo, anchor, head="work", evidence=evidence, at=NOW).judgement.verdict.outcome is Outcome.DENY


def test_an_approval_lets_a_change_in_once(desk: Desk, scratch: Scratch) -> None:
    """AP1: after a revert that the gate judged, the same bytes are approved anew."""

    def gate(head: str, **changes: object) -> Outcome:
        evidence = Evidence(desk.repo, desk.index)
        return run_gate(desk.repo, desk.anchor(**changes), head=head, evidence=evidence, at=NOW).judgement.verdict.outcome

    desk.approve("p-ana")
    assert gate("work") is gate("work") is Outcome.ALLOW
    before = scratch.git("rev-parse", "main")
    scratch.git("branch", "--force", "main", "work")
    scratch.git("revert", "--no-edit", "HEAD")
    reverted = scratch.git("rev-parse", "HEAD")
    assert gate(reverted) is Outcome.PENDING
    scratch.git("branch", "--force", "main", before)
    scratch.git("reset", "--quiet", "--hard", "work~1")
    assert gate("work") is Outcome.PENDING
    assert gate("work", state=desk.place / "another gate's.json") is Outcome.ALLOW
    desk.approve("p-ana", nonce=b"n" * 16)
    assert gate("work") is Outcome.ALLOW


def test_a_gate_sees_what_landed_whatever_it_is_asked_about(desk: Desk, scratch: Scratch) -> None:
    """AP1: also where it judged other files between the landing and a revert that it did not see."""

    def gate(head: str) -> Outcome:
        return run_gate(desk.repo, desk.anchor(), head=head, evidence=Evidence(desk.repo, desk.index), at=NOW).judgement.verdict.outcome

    desk.approve("p-ana")
    before = scratch.git("rev-parse", "main")
    scratch.git("branch", "--force", "main", "work")
    scratch.write("other.py", "x\n")
    scratch.commit("other")
    assert gate("HEAD") is Outcome.PENDING
    scratch.git("branch", "--force", "main", before)
    assert gate("HEAD~1") is Outcome.PENDING


def test_an_approval_that_is_over_is_told_of_where_it_named_these_versions(desk: Desk) -> None:
    """AP7: one that names other versions of the same files is nothing that a report needs."""
    over = approval("p-ana", move(b"app.py", OLD.encode(), NEW.encode()), policy=team(), expires_at=NOW)
    other = approval("p-ana", move(b"app.py", b"x\n", b"y\n"), policy=team(), expires_at=NOW)
    desk.add(signed(over, "p-ana"), signed(other, "p-ana"))
    judgement = desk.judge()
    assert judgement.verdict.outcome is Outcome.PENDING
    assert [(each.digest, each.message) for each in judgement.verification.failures] == [
        (signed(over, "p-ana").envelope.digest, "the approval has expired")
    ]


def test_a_chain_of_approvals_is_found_whole(desk: Desk) -> None:
    """U3: steps that neither begin nor end at the change's own versions are found by the path."""
    steps = [OLD.encode(), b"a\nb1\n", b"a\nb2\n", NEW.encode()]
    for old, new in itertools.pairwise(steps):
        assert desk.outcome() is Outcome.PENDING
        desk.add(signed(approval("p-ana", move(b"app.py", old, new), policy=team()), "p-ana"))
    assert desk.outcome() is Outcome.ALLOW


def test_a_folder_is_no_version_of_a_file(desk: Desk, scratch: Scratch) -> None:
    """B7: an approval of a link in the place of a folder does not keep a gate from judging what stands there now."""
    scratch.git("rm", "--quiet", "-r", ".byline")
    (scratch.path / ".byline").symlink_to("elsewhere")
    scratch.commit("a link for a folder")
    desk.approve("p-ben")
    run = run_gate(desk.repo, desk.anchor(), head="work", evidence=Evidence(desk.repo, desk.index), at=NOW)
    assert {reason.path for reason in run.judgement.verdict.reasons} >= {b".byline"}
    assert run.judgement.verdict.outcome is Outcome.PENDING


def test_a_damaged_state_is_the_administrators_business(desk: Desk) -> None:
    (desk.place / "state.json").write_text('{"schema": "byline.gate-state/1"}')
    with pytest.raises(ConfigError):
        run_gate(desk.repo, desk.anchor(), head="work", evidence=Evidence(desk.repo, desk.index), at=NOW)


def test_a_target_that_is_not_here_cannot_be_judged(desk: Desk) -> None:
    with pytest.raises(RepositoryError):
        run_gate(desk.repo, desk.anchor(target="refs/heads/gone"), head="work", evidence=Evidence(desk.repo, desk.index), at=NOW)


def test_a_shallow_clone_cannot_say(desk: Desk, scratch: Scratch, tmp_path: Path) -> None:
    """G2."""
    shallow = scratch.clone(tmp_path / "shallow", "--depth=1", "--branch=work", "--no-local")
    with open_repository(shallow.path) as cut:
        question = Question(base=desk.repo.commit_id("main"), candidate=cut.commit_id("work"))
        with pytest.raises(RepositoryError):
            judge(cut, question, evidence=Evidence(desk.repo, desk.index), at=NOW)


def test_the_json_is_as_documented(desk: Desk) -> None:
    desk.add(_blobbed(desk, "p-rob"))
    value = judgement_to_json(desk.judge(), entry=7)
    assert value["summary"] == {
        "units": 2, "added": 2, "removed": 1, "ai": 2, "human": 0, "mixed": 0, "tool": 0, "imported": 0, "unknown": 0,
    }  # fmt: skip
    assert value["reasons"] == [
        {
            "rule": "ai-senior-signoff",
            "message": "a change that is not a person's own, where a hand is below senior or not known",
            "path": "app.py",
            "side": side,
            "start": 2,
            "end": end,
            "needs": {"approvals": 1, "level_at_least": "senior"},
        }
        for side, end in (("removed", 2), ("added", 3))
    ]
    assert (value["verdict"], value["anchored"], value["decision"]) == ("pending", False, {"entry": 7})
    json.dumps(value)


def test_the_report_names_rules_and_places(desk: Desk) -> None:
    """AP9: and holds nothing that a terminal would obey."""
    lines = list(report_lines(desk.judge()))
    assert lines[0].startswith("pending: ")
    assert "  - app.py:2  removed" in lines
    assert "  + app.py:2-3  added" in lines
    assert all(line.isprintable() for line in lines)


def test_every_kind_of_file_change_is_judged(desk: Desk, scratch: Scratch) -> None:
    """U2: mode, symlink, binary, empty file, rename, line end, odd names: each is a unit that waits."""
    scratch.write("mode.sh", "x\n")
    scratch.write("crlf.txt", "one\ntwo\n")
    scratch.write("moved.txt", "content\n")
    scratch.git("switch", "--quiet", "main")
    scratch.commit("more files")
    scratch.git("switch", "--quiet", "--create", "odd")
    (scratch.path / "mode.sh").chmod(0o755)
    scratch.write("crlf.txt", "one\r\ntwo\n")
    scratch.git("mv", "moved.txt", "there.txt")
    scratch.write("image.bin", b"\0\1")
    scratch.write("empty.txt", "")
    (scratch.path / "link").symlink_to("app.py")
    scratch.write("new\nline \u202e.txt", "x\n")
    scratch.write(b"\xff.txt".decode("utf-8", "surrogateescape"), "x\n")
    scratch.commit("odd")
    judgement = desk.judge(head="odd")
    waiting = {reason.path for reason in judgement.verdict.reasons}
    names = ["mode.sh", "crlf.txt", "moved.txt", "there.txt", "image.bin", "empty.txt", "link", "new\nline \u202e.txt"]
    assert waiting == {*(name.encode() for name in names), b"\xff.txt"}
    assert all(line.isprintable() for line in report_lines(judgement))
    assert judgement_to_json(judgement)["verdict"] == "pending"


def test_nothing_hides_from_an_approver() -> None:
    """AP9."""
    assert visible("a\u202eb\t\x1b[31m\\é\r".encode() + b"\xff") == r"a\xe2\x80\xaeb\x09\x1b[31m\\é\x0d\xff"


def test_an_anchor_is_read_strictly(tmp_path: Path) -> None:
    text = f'schema = 1\nrepository = "{ID}"\ntrust = "sha256:{"0" * 64}"\ntarget = "main"\nstate = "s.json"\nkey = "k.pem"\n'
    file = tmp_path / "gate.toml"
    file.write_text(text)
    anchor = load_anchor(file)
    assert (anchor.target, anchor.key, anchor.state) == ("refs/heads/main", tmp_path / "k.pem", tmp_path / "s.json")
    for bad in (text + "base = 1\n", text.replace("schema = 1", "schema = 2"), text.replace("state", "stat"), "x ="):
        file.write_text(bad)
        with pytest.raises(ConfigError):
            load_anchor(file)
    with pytest.raises(ConfigError):
        load_anchor(tmp_path / "absent.toml")
