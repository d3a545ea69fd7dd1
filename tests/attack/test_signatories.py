# SPDX-License-Identifier: Apache-2.0
"""DG5: one clone, several signers: whoever's process signs, each commit has the signature of who made it, or none."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from byline.core.authorship import Mandate
from byline.core.sshsig import AUTHORSHIP
from byline.core.statement import PredicateType
from byline.core.value import replace
from byline.errors import ConfigError, RepositoryError, SignatureError
from byline.flow.attest import attest_pending
from byline.flow.chain import FILE, load_tail
from byline.flow.forget import choose
from byline.flow.left import load_left
from byline.flow.wishes import Wish
from byline.flow.workshop import Signatory
from byline.keys.signatures import Signatures
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox
from byline.testing import fixed_signer
from story import Story

if TYPE_CHECKING:
    from byline.core.edit import Committer
    from byline.flow.attest import AttestReport

HOUR = 3600 * 10**9
ACCOUNT, OTHER, AGENT = "account", "other", "agent"
WHO = {
    ACCOUNT: Signatory(signer=fixed_signer(1), principal="p-ana"),
    OTHER: Signatory(signer=fixed_signer(2), principal="p-bob"),
    AGENT: Signatory(
        signer=fixed_signer(3), principal="p-ana", mandate=Mandate(delegation="d" * 64, signed_at=datetime(2026, 11, 21, tzinfo=UTC))
    ),
}
ENVIRON = {ACCOUNT: {}, OTHER: {"BYLINE_KEY": "/keys/other"}, AGENT: {"BYLINE_DELEGATION": "/keys/agent", "BYLINE_KEY": "/keys/other"}}


@dataclass
class Clone:
    """A clone in which two people and an agent commit, and the keys that are `away` where an attester runs."""

    story: Story
    away: frozenset[str] = frozenset()
    made: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, folder: Path) -> Clone:
        clone = cls(Story.begin(folder, declares=True, eager=False))
        clone.story.signatory_of = clone.find
        return clone

    def find(self, committer: Committer) -> Signatory:
        who = AGENT if committer.delegation else OTHER if committer.key else ACCOUNT
        if who in self.away:
            raise ConfigError(f"{who} is away")
        return WHO[who]

    def commit(self, who: str, *options: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        """Commit all, in the environment of `who`."""
        top = cwd or self.story.scratch.path
        message = f"change {len(self.made)}"  # of the same second, it would be the same commit
        for words in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "--message", message, *options]):
            subprocess.run(["git", *words], cwd=top, env=environ or {**os.environ, **ENVIRON[who]}, check=True, timeout=60)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=top, check=True, capture_output=True, timeout=60)
        commit = done.stdout.decode().strip()
        self.made[commit] = who
        return commit

    def adds(self, text: str, *, is_told: bool = False, top: Path | None = None) -> None:
        """Add a line, which an agent's hook tells of, or nobody."""
        path = (top or self.story.scratch.path) / "a.py"
        new = (path.read_text() if path.exists() else "") + f"{text}\n"
        if is_told:
            self.story.agent_writes("a.py", new)
        else:
            path.write_text(new)

    def attest(self, by: str | None = ACCOUNT, *revisions: str, away: str = "", sweeps: bool = True) -> AttestReport:
        """Attest in the environment of `by`; without one as git's hooks do where there is no key."""
        self.away = frozenset(away.split())
        with self.story.workshop() as workshop:
            own = replace(workshop, own=WHO[by] if by else None)
            return attest_pending(own, revisions=revisions, sweeps=sweeps and by is not None)

    def signers(self) -> dict[str, set[str]]:
        """Return who signed about each commit, by signatures that are checked."""
        found: dict[str, set[str]] = {}
        keys = {WHO[who].signer.public: who for who in WHO}
        with self.story.workshop() as workshop, EvidenceIndex(workshop.cache) as index:
            index.refresh(EvidenceRef(workshop.repo))
            for commit in self.made:
                for stored in index.open(index.facts(kind=PredicateType.AUTHORSHIP, commit=commit)):
                    envelope = stored.bundle.envelope
                    (by,) = [who for public, who in keys.items() if is_by(public, envelope.signature, envelope.signed_bytes)]
                    found.setdefault(commit, set()).add(by)
        return found

    def origins(self, rev: str = "HEAD") -> dict[str, str]:
        """Return the origin of each line of the file."""
        resolved = self.story.resolve(rev, "a.py")
        return {text.decode(): str(byline.owner.origin) for text, byline in zip(resolved.lines, resolved.bylines, strict=True)}


def is_by(public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Signatures().verify(public, signature, signed, namespace=AUTHORSHIP)
    except SignatureError:
        return False
    return True


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone.begin(tmp_path)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(WHO)),
        st.sampled_from(["types", "tells", "amends", "squashes"]),
        st.sampled_from([None, "hook", *sorted(WHO)]),
        st.sampled_from(["", ACCOUNT, OTHER, AGENT, f"{ACCOUNT} {OTHER}"]),
    ),
    min_size=3,
    max_size=7,
)


@settings(max_examples=5, derandomize=True)
@given(steps=STEPS)
@example(
    steps=[(AGENT, "types", None, ""), (ACCOUNT, "amends", AGENT, ""), (ACCOUNT, "amends", None, AGENT), (ACCOUNT, "types", OTHER, "")]
)
@example(steps=[(AGENT, "types", None, ""), (OTHER, "types", AGENT, OTHER), (ACCOUNT, "squashes", ACCOUNT, AGENT)])
def test_whichever_order_of_commits_and_attesters_each_commit_is_signed_by_who_made_it(
    steps: Story,
) -> None:
    """Also what a person amends or squashes of an agent's, and what could not be signed at first; no agent's line becomes a person's."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone.begin(Path(folder))
        clone.adds("base = 0")
        clone.commit(ACCOUNT)
        for number, (who, what, attester, away) in enumerate(steps):
            if what == "squashes" and number:
                clone.story.git("reset", "--quiet", "--soft", clone.story.git("rev-list", "--max-parents=0", "HEAD"))
            else:
                clone.adds(f"{who}_{number} = call({number})", is_told=what == "tells" and who == AGENT)
            clone.commit(who, *(["--amend"] if what == "amends" else []))
            if attester:
                own = None if attester == "hook" or attester in away else attester
                clone.attest(own, away=away)
                signers = clone.signers()
                assert signers == {commit: {clone.made[commit]} for commit in signers}
        clone.attest()
        signers = clone.signers()
        assert signers == {commit: {clone.made[commit]} for commit in clone.made}
        assert not load_left(clone.story.scratch.path / ".git/byline")
        assert not [text for text, origin in clone.origins().items() if text.startswith(AGENT) and origin == "human"]


def test_what_cannot_be_signed_waits_and_is_in_the_end_what_it_would_have_been_at_once(clone: Clone) -> None:
    """A commit that waits does not hold up the others, and what is written meanwhile changes nothing about it."""
    clone.commit(ACCOUNT)
    clone.adds("agents = told()", is_told=True)
    clone.adds("persons = typed()")
    mine = clone.commit(ACCOUNT)
    for number in range(35):  # more versions than the folded journal keeps
        clone.adds(f"later = told({number})", is_told=True)
    theirs = clone.commit(AGENT)
    place = clone.story.scratch.path / ".git/byline"
    for _ in range(2):
        report = clone.attest(AGENT, away=ACCOUNT)
        assert [(each.commit, each.why) for each in report.left][-1] == (mine, "account is away")
    assert clone.signers() == {theirs: {AGENT}}
    assert [each.commit for each in load_left(place)] == [each.commit for each in report.left]
    with clone.story.workshop() as workshop, pytest.raises(RepositoryError, match="is not signed yet: account is away"):
        choose(workshop, Wish(everything=True))
    assert clone.attest(None).left == ()
    assert clone.signers() == {commit: {who} for commit, who in clone.made.items()}
    assert list(clone.origins(mine).values()) == ["ai", "human"]
    assert Counter(clone.origins(theirs).values()) == {"ai": 36, "human": 1}
    assert load_left(place) == ()


def test_a_person_may_sign_what_is_left_and_declares_nothing_by_it(clone: Clone) -> None:
    """By name at once, an agent's own and that of a client without hooks by the next push; an agent's key takes over nothing."""
    clone.commit(ACCOUNT)
    clone.attest()
    clone.adds("agents = 1")
    first = clone.commit(AGENT)
    clone.adds("others = 1")
    second = clone.commit(OTHER)
    clone.story.remove_hooks()
    clone.adds("nobodys = 1")
    third = clone.commit(ACCOUNT)
    clone.away = frozenset((OTHER, AGENT))
    assert [each.commit for each in clone.attest(AGENT, second, away=f"{OTHER} {AGENT}").left] == [first, second]
    assert not clone.signers().keys() & {first, second, third}
    clone.attest(ACCOUNT, second, away=f"{OTHER} {AGENT}")
    clone.story.now = os.stat(clone.story.scratch.path).st_mtime_ns + 11 * HOUR  # noqa: PTH116 - nanoseconds
    assert [each.commit for each in clone.attest(ACCOUNT, away=f"{OTHER} {AGENT}").left] == [first]
    clone.story.now += 2 * HOUR
    assert clone.attest(AGENT, away=f"{OTHER} {AGENT}").left == ()
    assert clone.attest(ACCOUNT, away=f"{OTHER} {AGENT}").left == ()
    assert [clone.signers()[commit] for commit in (first, second, third)] == [{ACCOUNT}] * 3
    assert set(clone.origins().values()) == {"unknown"}


def test_a_delegation_that_ends_while_an_attester_is_at_work_signs_nothing_more(clone: Clone) -> None:
    """Each statement says when its delegation was found to be in force, and the next commit waits."""
    clone.commit(ACCOUNT)
    first, second = clone.commit(AGENT), clone.commit(AGENT)

    def find(committer: Committer) -> Signatory:
        by = clone.find(committer)
        clone.away |= {AGENT} if by.mandate else set()
        return by

    clone.story.signatory_of = find
    assert [each.commit for each in clone.attest().left] == [second]
    assert (clone.signers().get(first), clone.signers().get(second)) == ({AGENT}, None)
    with clone.story.workshop() as workshop, EvidenceIndex(workshop.cache) as index:
        (fact,) = index.facts(kind=PredicateType.AUTHORSHIP, commit=first)
        said = index.statement(fact.statement)
    assert said
    assert said.mandate == WHO[AGENT].mandate


def test_an_environment_that_names_nobody_declares_nothing(clone: Clone) -> None:
    path = {"PATH": os.environ["PATH"]}
    identity = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
    clone.adds("anybodys = 1")
    clone.commit(ACCOUNT, "--author", "A <a@example.invalid>", environ={**path, **identity})
    clone.attest()
    assert list(clone.origins().values()) == ["unknown"]


def test_in_two_work_trees_of_a_clone_each_signs_their_own(clone: Clone, tmp_path: Path) -> None:
    clone.commit(ACCOUNT)
    other = tmp_path / "linked"
    clone.story.git("worktree", "add", "--quiet", str(other), "-b", "topic")
    clone.adds("agents = 1", top=other)
    theirs = clone.commit(AGENT, cwd=other)
    clone.adds("persons = 1")
    mine = clone.commit(ACCOUNT)
    clone.attest(AGENT)
    assert (clone.signers()[theirs], clone.signers()[mine]) == ({AGENT}, {ACCOUNT})
    assert (clone.origins(theirs), clone.origins(mine)) == ({"agents = 1": "unknown"}, {"persons = 1": "human"})


def test_a_run_that_was_killed_is_taken_up_under_any_key(clone: Clone) -> None:
    """The agent's statement was delivered and the chain did not move on: the number is not given again."""
    clone.commit(ACCOUNT)
    clone.attest()
    place = clone.story.scratch.path / ".git/byline"
    before = load_tail(place)
    clone.commit(AGENT)
    clone.attest(AGENT)
    after = load_tail(place)
    assert before
    assert after
    record = (place / FILE).read_bytes()
    (place / FILE).write_bytes(record.replace(b'"seq": 2', b'"seq": 1').replace((after.prev or "").encode(), (before.prev or "").encode()))
    for name in Outbox(place).digests():
        (place / "outbox" / name).unlink()
    clone.commit(ACCOUNT)
    clone.attest()
    tail = load_tail(place)
    assert tail
    assert (tail.id, tail.seq) == (after.id, 3)
