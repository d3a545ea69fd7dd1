# SPDX-License-Identifier: Apache-2.0
r"""A scene: Mia (mid), her agent and a real repository under the policy `team`, asked through blame and through the gate.

Mia's own lines need nobody; a change in which her agent, or nobody known, has a hand needs a senior. So whoever launders an agent's
text wants blame to say `human`, or the gate to say `allow`.

scene.agent("a.py", "x\n"); scene.commit()
scene.owners("a.py")            # -> ["ai"]
scene.outcome()                 # -> Outcome.PENDING: from `main` to HEAD, which is on the branch `work`
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from byline.core.authorship import Authorship, format_authorship, parse_authorship
from byline.core.bundle import Bundle
from byline.core.claim import Claim, New
from byline.core.lines import LineRange
from byline.core.presets import format_preset
from byline.core.statement import parse_statement
from byline.flow.gathering import Evidence
from byline.flow.judge import Question, judge
from byline.flow.resolve import open_resolver
from byline.flow.subject import find_subject
from byline.flow.why import Account, explain
from byline.flow.workshop import Identity
from byline.git.repository import open_repository
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.sign.file import sign_payload
from casework import LINE_KEY, NOW, REPOSITORY, SIGNERS, TARGET, human, sha, trust_bytes
from story import Story

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.core.verdict import Outcome

PEOPLES = """\
def allowed(user):
    if user.is_guest:
        return False
    return user.name in known_names


def opened(door):
    for lock in door.locks:
        lock.release("with care")
    return door
"""
AGENTS = """\
def everything(request):
    answer = {"rows": request.load_all(limit=None)}
    return answer
"""


@dataclass
class Scene:
    """The repository of `story`."""

    story: Story

    @classmethod
    def begin(cls, folder: Path, *, who: str = "p-mia", repository: str = REPOSITORY) -> Self:
        """Begin with `PEOPLES` in `a.py` on `main`, typed by `who`, and be on `work`."""
        story = Story.begin(folder, declares=True, eager=False)
        story.identity = Identity(repository=repository, line_key=LINE_KEY)
        story.signer, story.principal = SIGNERS[who], who
        scene = cls(story)
        scene.person(".byline/trust.toml", trust_bytes().decode())
        scene.person(".byline/policy.toml", format_preset("team", repository=REPOSITORY))
        scene.person("a.py", PEOPLES)
        scene.commit()
        scene.git("switch", "--quiet", "--create", "work")
        return scene

    def person(self, name: str, text: str) -> None:
        self.story.person_types(name, text)

    def agent(self, name: str, text: str) -> None:
        self.story.agent_writes(name, text)

    def git(self, *words: str) -> str:
        return self.story.git(*words)

    def commit(self, *options: str) -> str:
        return self.story.commit(*options)

    def commit_elsewhere(self) -> None:
        """Commit as a server does: no hook runs, nobody is asked, and the commit comes from a remote."""
        self.git("add", "--all")
        made = self.git("commit-tree", self.git("write-tree"), "-p", "HEAD", "-m", "elsewhere")
        self.git("update-ref", "refs/remotes/origin/work", made)
        self.git("reset", "--quiet", "--hard", made)

    def owners(self, name: str, rev: str = "HEAD") -> list[str]:
        """Return whose each line is, as blame has it."""
        self.story.attest()
        return [byline.owner.origin.value for byline in self.story.resolve(rev, name).bylines]

    def findings(self, name: str) -> tuple[str, ...]:
        return self.story.resolve("HEAD", name).findings

    def account(self, name: str) -> Account:
        """Return why the first line of HEAD is whose it is."""
        with self.story.workshop() as workshop, open_resolver(workshop) as resolver:
            return explain(workshop, resolver, find_subject(workshop.repo, "HEAD", name.encode()), LineRange(0, 1)).accounts[0]

    def outcome(self, base: str = "main") -> Outcome:
        """Return what the gate says of the change from `base` to HEAD."""
        self.story.attest()
        with open_repository(self.story.scratch.path) as repo, EvidenceIndex(repo.common_dir / "byline/gate.db") as index:
            question = Question(base=repo.commit_id(base), candidate=repo.commit_id("HEAD"), target=TARGET)
            return judge(repo, question, evidence=Evidence(repo, index), at=NOW).verdict.outcome

    def bundles(self) -> list[Bundle]:
        """Return the evidence."""
        self.story.attest()
        with open_repository(self.story.scratch.path) as repo:
            return [each.bundle for each in EvidenceRef(repo).bundles()]

    def plant(self, *bundles: Bundle) -> None:
        """Add what anybody may who pushes."""
        with open_repository(self.story.scratch.path) as repo:
            EvidenceRef(repo).add(bundles)

    def withhold(self, hides: Callable[[Bundle], bool]) -> None:
        """Take bundles away from the evidence, and from the outbox."""
        kept = [each for each in self.bundles() if not hides(each)]
        shutil.rmtree(self.story.scratch.path / ".git/byline/outbox", ignore_errors=True)
        self.git("update-ref", "-d", "refs/byline/evidence")
        self.plant(*kept)


def said(bundle: Bundle) -> Authorship:
    """Return what the statement in `bundle` says."""
    return parse_authorship(parse_statement(bundle.envelope.payload))


def forged(authorship: Authorship, signer: str, principal: str) -> Bundle:
    """Sign a statement that says of every line and every hand: a person's, by their own declaration."""
    owner = human(principal)
    claims = tuple(replace(_by(each, owner), hand=owner) for each in authorship.claims)
    key = SIGNERS[signer]
    payload = format_authorship(replace(authorship, claims=claims, salt=b"f" * 16))
    return Bundle(envelope=sign_payload(payload, key), key_hint=sha(key.public), receipt=None)


def _by(claim: Claim, owner: Owner) -> Claim:
    segments = tuple(replace(each, owner=owner, carried=None) if isinstance(each, New) else each for each in claim.segments)
    return replace(claim, segments=segments, removed=tuple(replace(each, hand=owner) for each in claim.removed))
