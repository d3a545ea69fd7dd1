# SPDX-License-Identifier: Apache-2.0
"""Attest: what was observed becomes one signed statement for each commit that this clone made.

    with open_repository(...) as repository:
        report = attest_pending(workshop)       # AttestReport(statements=("<sha256>", ...), commits=("<commit id>", ...), ...)

1. The clone's lock is taken, bounded: one attester at a time takes all that is pending. One that does not get it has nothing to do.
2. The inbox and the marks are settled; the journal is folded from where the last one stopped.
3. At each mark of a git hook, the commits it speaks of are claimed and signed, on the journal as it was then.
4. The sweep: commits of local branches that no remote has, that no hook marked and that are younger than the recording. All that is
   pending would be lost if one commit made by a client without hooks were left out. They are listed, then 2 and 3 are done once more.
5. How far the journal is folded is written down.

What agents were refused since the statement before is told by the next one.

A statement is in the outbox, durable, before anything says that it was made, and it is added to the evidence at once. Killed at
any point, the next run makes what is missing and nothing twice: a commit with all parts of a statement of this chain is done. A
commit that a sweep took before its mark came in is claimed again if the mark makes a difference; of two, the newer counts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from byline.capture.clone import settle_repository
from byline.capture.refusals import SIGNED, format_signed, unsigned_refusals
from byline.core.attribution import Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Commit
from byline.core.edit import Hook, Mark
from byline.core.statement import PredicateType
from byline.core.trailers import committing_agent, names_agent
from byline.core.value import dataclass, replace
from byline.errors import RepositoryError
from byline.flow.chain import Chain
from byline.flow.claiming import Maker, changed_paths, claim_commit, commit_effect
from byline.flow.filtered import as_committed
from byline.flow.forgotten import load_forgotten
from byline.flow.progress import Progress, find_start, fold_events, load_progress, read_on, save_progress
from byline.flow.unmerged import find_others
from byline.flow.versions import Versions
from byline.flow.workshop import Workshop, hold, write_atomic
from byline.git.ident import read_ident
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.core.claim import Claim
    from byline.core.envelope import Envelope
    from byline.core.finding import FindingCode
    from byline.git.objects import CommitInfo
    from byline.git.repository import Repository

LOCK_SECONDS = 30.0
SWEEP = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestReport:
    """`statements` that were signed (SHA-256 of the payloads), for `commits`; what was found on the way; losses recorded.

    `busy` is true where another attester held the lock for all the time: it does this one's work, too.
    """

    statements: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    findings: tuple[FindingCode, ...] = ()
    losses: int = 0
    busy: bool = False


def attest_pending(
    workshop: Workshop, *, revisions: Sequence[str] = (), seconds: float = LOCK_SECONDS, sweeps: bool = True
) -> AttestReport:
    """Attest all that is pending, and the commits `revisions` (or those of a range `A..B`) even where a sweep would leave them alone.

    Without a signer the journal is folded and nothing is signed. `sweeps` takes the commits that no hook marked, too; not for a run
    beside a person's own git, whose hook may be about to mark the commit that is there already.

    Raises:
        RepositoryError: Git cannot say what a revision is, or cannot write evidence.
        OSError: The disk is full or not writable.
    """
    with hold(workshop.place, seconds=seconds) as is_held:
        if not is_held:
            return AttestReport(busy=True)
        wanted = tuple(commit for each in revisions for commit in _named(workshop.repo, each))
        with EvidenceIndex(workshop.cache) as index:
            return _Run(workshop, index).run(wanted, sweeps=sweeps)


def _named(repo: Repository, revision: str) -> Sequence[str]:
    ends = repo.commit_range(revision)
    return repo.commits_between(*ends) if ends else (repo.commit_id(revision),)


class _Run:
    """One run of the attester, under the lock."""

    def __init__(self, workshop: Workshop, index: EvidenceIndex) -> None:
        self._workshop = workshop
        self._index = index
        self._evidence = EvidenceRef(workshop.repo)
        self._versions = Versions(workshop, index)
        self._chain = Chain(workshop, workshop.signer) if workshop.signer else None
        self._statements: list[str] = []
        self._commits: list[str] = []
        self._losses = 0
        self._index.refresh(self._evidence)
        if self._chain:
            self._chain.catch_up(index)
        self._recover()

    def run(self, wanted: Sequence[str], *, sweeps: bool) -> AttestReport:
        before = load_progress(self._workshop.place)
        folded = self._take_up(before, partial(self._local, before))
        if self._chain and sweeps:
            # Listed before the marks are: a commit that is listed has its mark by then.
            tips, local = self._tips(), self._local(before)
            folded = self._take_up(folded, lambda: local)
            swept = [] if folded.start is None else local
            old = self._reached(folded.start or ()) if swept and before.start is None else frozenset()
            folded = self._sweep(folded, (*(each for each in swept if each not in old), *wanted), tips)
        if folded != before:
            save_progress(self._workshop.place, folded)
        return AttestReport(
            statements=tuple(self._statements),
            commits=tuple(dict.fromkeys(self._commits)),
            findings=tuple(sorted(self._versions.findings)),
            losses=self._losses,
        )

    def _recover(self) -> None:
        """Take up what a killed run left in the outbox only, so that it counts as made."""
        if self._chain is None:
            return
        outbox = Outbox(self._workshop.place)
        missing = [name for name, digest in outbox.digests().items() if not self._index.facts(statement=digest)]
        left = [pending for name in missing if (pending := outbox.read(name))]
        if left:
            self._publish((each.envelope, each.public) for each in left)

    def _local(self, before: Progress) -> Sequence[str]:
        return self._workshop.repo.unpushed_commits(without=before.start or ())

    def _take_up(self, progress: Progress, local: Callable[[], Sequence[str]]) -> Progress:
        """Settle what hooks left, fold it onto `progress`, and attest what their marks speak of; `local` lists this clone's commits."""
        self._losses += settle_repository(self._workshop.place, self._workshop.inbox).losses
        progress, reading = read_on(self._workshop.place, progress)
        start = find_start(self._workshop.repo, reading.events) if progress.start is None else progress.start
        state = progress.state
        for event in reading.events:
            if isinstance(event, Mark):
                for old, new in event.rewritten:
                    state = state.with_made_from(new, (old,))
        self._versions.set_state(state)
        for event in reading.events:
            state = fold_events(state, (event,), self._versions)
            if isinstance(event, Mark) and self._chain:
                self._attest_marked(event, local)
        return Progress(cursor=reading.cursor, start=start, state=state)

    def _attest_marked(self, mark: Mark, local: Callable[[], Sequence[str]]) -> None:
        if mark.hook is Hook.POST_REWRITE:
            commits: Iterable[str] = dict.fromkeys(new for _, new in mark.rewritten)
        else:
            commits = (mark.head,) if mark.head and (mark.hook is Hook.POST_COMMIT or mark.head in local()) else ()
        for commit in commits:
            info = self._info(commit)
            if info:
                self._attest(info, mark.worktree, self._declaration(mark, info), str(mark.hook))

    def _sweep(self, progress: Progress, commits: Sequence[str], tips: tuple[str, ...]) -> Progress:
        """Attest what is left of `commits`; what `tips` reach is then done."""
        for commit in commits:
            info = self._info(commit)
            if info:
                worktree = progress.state.marked.get(commit, self._workshop.worktree)
                self._attest(info, worktree, None, SWEEP)
        return progress if progress.start is None else replace(progress, start=tips)

    def _tips(self) -> tuple[str, ...]:
        head = self._workshop.repo.head()
        tips = self._workshop.repo.refs_under("refs/heads").values()
        return tuple(sorted({*tips, head} if head else set(tips)))

    def _attest(self, info: CommitInfo, worktree: str, declared: Owner | None, channel: str) -> None:
        made = self._made(info.id)
        if self._chain is None or (made and (channel == SWEEP or any(each.recorder.channel != SWEEP for each in made))):
            return
        replaced = frozenset((info.id, *self._versions.state.made_from.get(info.id, ())))
        paths = changed_paths(self._versions, info.id)
        others = find_others(self._versions, info, paths, worktree) if declared else {}
        maker = Maker(
            worktree=worktree,
            principal=self._workshop.principal,
            declared=declared,
            replaced=replaced,
            others=others,
            is_agent=self._workshop.delegation is not None,
            forgotten=load_forgotten(self._workshop.place) if declared else frozenset(),
        )
        with as_committed(self._versions, info, paths, worktree):
            claims = claim_commit(self._versions, info.id, maker)
        if made and claims == tuple(claim for each in sorted(made, key=lambda each: each.part) for claim in each.claims):
            return
        commit = Commit(id=info.id, tree=info.tree, parents=info.parents)
        self._issue(commit, claims, channel)

    def _issue(self, commit: Commit, claims: Sequence[Claim], channel: str) -> None:
        signer = self._workshop.signer
        if self._chain is None or signer is None:
            return
        refused = unsigned_refusals(self._workshop.place)
        issued = self._chain.issue(commit, commit_effect(self._versions, commit.id), claims, channel=channel, refusals=refused.refusals)
        if refused.refusals:
            write_atomic(self._workshop.place / SIGNED, format_signed(refused))
        self._publish((each, signer.public) for each in issued)
        self._versions.forget_claims()
        self._statements += [each.digest for each in issued]
        self._commits.append(commit.id)

    def _publish(self, signed: Iterable[tuple[Envelope, bytes]]) -> None:
        from byline.core.bundle import join_receipt

        self._evidence.add(join_receipt(envelope, public, None) for envelope, public in signed)
        self._index.refresh(self._evidence)

    def _made(self, commit: str) -> tuple[Authorship, ...]:
        """Return the newest whole statement of this chain about `commit`, part by part; nothing if there is none, or not all of it."""
        if self._chain is None:
            return ()
        facts = [each for each in self._index.facts(kind=PredicateType.AUTHORSHIP, commit=commit) if each.chain == self._chain.id]
        parts: dict[int, Authorship] = {}
        for fact in sorted(facts, key=lambda each: each.seq or 0):
            statement = self._index.statement(fact.statement)
            if statement:
                parts[statement.part] = statement
        whole = bool(parts) and set(parts) == set(range(1, parts[max(parts)].parts + 1))
        return tuple(parts.values()) if whole else ()

    def _declaration(self, mark: Mark, info: CommitInfo) -> Owner | None:
        """Return what the committer declares: own text only, typed by nobody's tool, and committed by the one who wrote it.

        An agent that commits its own edits says so in the message. Where another agent is named nobody declares anything.
        """
        workshop = self._workshop
        if names_agent(info.author, info.committer, message=info.message):
            agent = None if mark.in_progress or len(info.parents) > 1 else committing_agent(info.message)
            is_made = agent and mark.hook is Hook.POST_COMMIT
            return Owner(origin=Origin.AI, evidence=Evidence.DECLARED, channel=Channel.IMPORT, agent=agent) if is_made else None
        is_own = read_ident(info.author).who == read_ident(info.committer).who and len(info.parents) < 2
        is_plain = mark.hook is Hook.POST_COMMIT and not mark.by_agent and not mark.in_progress
        if workshop.delegation or not (workshop.declares_in(mark.worktree) and workshop.principal and is_own and is_plain):
            return None
        return Owner(origin=Origin.HUMAN, evidence=Evidence.DECLARED, channel=Channel.DECLARATION, principal=workshop.principal)

    def _info(self, commit: str) -> CommitInfo | None:
        try:
            return self._workshop.repo.commit_info(commit)
        except RepositoryError:  # a step of a rebase that git has thrown away since
            return None

    def _reached(self, starts: Iterable[str]) -> frozenset[str]:
        reached: set[str] = set()
        for start in starts:
            if start not in reached and self._info(start):
                reached.update(self._workshop.repo.commits_between(None, start))
        return frozenset(reached)
