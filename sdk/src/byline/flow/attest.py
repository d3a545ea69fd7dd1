# SPDX-License-Identifier: Apache-2.0
"""Attest: what was observed becomes one signed statement for each commit that this clone made.

    with open_repository(...) as repository:
        report = attest_pending(workshop)       # AttestReport(statements=("<sha256>", ...), commits=("<commit id>", ...), ...)

1. The clone's lock is taken, bounded: one attester at a time takes all that is pending. One that does not get it has nothing to do.
2. The inbox and the marks are settled; the journal is folded from where the last one stopped.
3. At each mark of a git hook, the commits it speaks of are claimed and signed, on the journal as it was then, by whom the mark names:
   whosever process this is, a person's commit never has an agent's key under it, nor the reverse. What they cannot sign here and now is
   left (`flow.left`), and the others are signed all the same.
4. The sweep: commits of local branches that no remote has, that no hook marked and that are younger than the recording. All that is
   pending would be lost if one commit made by a client without hooks were left out. They are listed, then 2 and 3 are done once more.
   Nobody knows who made them, so an agent's key signs none, and nothing is declared.
5. How far the journal is folded is written down, unless something is left.
6. Marks of other inboxes (`capture.elsewhere`), under which nobody declares their own lines, go if nothing here is left, uncommitted or
   stashed since.

What agents were refused since the statement before is told by the next one, and what they were asked for is committed to by it.

A statement is in the outbox, durable, before anything says that it was made, and it is added to the evidence at once. Killed at
any point, the next run makes what is missing and nothing twice: a commit with all parts of a statement of this chain is done. A
commit that a sweep took before its mark came in is claimed again if the mark makes a difference; of two, the newer counts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.clone import settle_repository
from byline.capture.elsewhere import forget_elsewhere, list_elsewhere, owned_by_others
from byline.capture.refusals import SIGNED, format_signed, unsigned_refusals
from byline.capture.worktree import top_of
from byline.core.attribution import Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Commit
from byline.core.edit import Committer, Hook, Mark
from byline.core.prompt import commit_prompt
from byline.core.statement import PredicateType
from byline.core.trailers import committing_agent, names_agent
from byline.core.value import dataclass, replace
from byline.errors import ConfigError, RepositoryError
from byline.flow.chain import Chain
from byline.flow.claiming import Maker, changed_paths, claim_commit, commit_effect
from byline.flow.filtered import as_committed
from byline.flow.forgotten import load_forgotten
from byline.flow.left import Left, is_beyond, load_left, save_left
from byline.flow.progress import Progress, find_start, fold_events, load_progress, read_on, save_progress
from byline.flow.prompts import mark_signed, waiting_prompts
from byline.flow.unmerged import Others, find_others
from byline.flow.versions import Versions
from byline.flow.workshop import Signatory, Workshop, hold, write_atomic
from byline.git.ident import read_ident
from byline.keys.ids import key_id
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from byline.capture.elsewhere import Elsewhere
    from byline.core.claim import Claim
    from byline.core.envelope import Envelope
    from byline.core.finding import FindingCode
    from byline.git.objects import CommitInfo
    from byline.git.repository import Repository

LOCK_SECONDS = 30.0
SWEEP = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestReport:
    """`statements` that were signed (SHA-256 of the payloads), for `commits`; commits that are `left`; what was found; losses recorded.

    `busy` is true where another attester held the lock for all the time: it does this one's work, too.
    """

    statements: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    findings: tuple[FindingCode, ...] = ()
    losses: int = 0
    busy: bool = False


def attest_pending(
    workshop: Workshop, *, revisions: Sequence[str] = (), seconds: float = LOCK_SECONDS, sweeps: bool = True
) -> AttestReport:
    """Attest all that is pending, and the commits `revisions` (or those of a range `A..B`) even where a sweep would leave them alone.

    What a person names in `revisions` they sign themselves where it would be left, and declare nothing by it. Where nobody can
    sign the journal is folded and nothing is signed. `sweeps` takes the commits that no hook marked, too; not for a run
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
        self._own = workshop.own
        self._chain = Chain(workshop) if workshop.own or workshop.signatory_of else None
        self._signatories: dict[Committer, Signatory | str] = {}
        self._left: dict[str, Left] = {}
        self._were_left = {each.commit for each in load_left(workshop.place)}
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
        start = folded.start
        if self._own and sweeps:
            # Listed before the marks are: a commit that is listed has its mark by then.
            tips, local = self._tips(), self._local(before)
            folded = self._take_up(folded, lambda: local)
            start = folded.start
            if self._own.mandate is None:
                folded = self._sweep(folded, local, tips, is_first=before.start is None)
            self._sign_named(folded, wanted, self._own)
            if not self._left:
                self._let_go()
        if self._left:
            folded = replace(before, start=start)
        if folded != before:
            save_progress(self._workshop.place, folded)
        if self._chain:
            save_left(self._workshop.place, self._left.values())
        return AttestReport(
            statements=tuple(self._statements),
            commits=tuple(dict.fromkeys(self._commits)),
            left=tuple(self._left.values()),
            findings=tuple(sorted(self._versions.findings)),
            losses=self._losses,
        )

    def _let_go(self) -> None:
        """Forget what other inboxes hold of this work tree, once all of it is in commits that are attested, or gone."""
        repo = self._workshop.repo
        if strange := self._elsewhere(self._workshop.worktree) if repo.top else ():
            forget_elsewhere(strange, partial(self._is_all_attested, since=min(each.time for each in strange)), now=self._workshop.now())

    def _is_all_attested(self, *, since: int) -> bool:
        """Whether HEAD is, nothing is uncommitted, and nothing was stashed `since` (nanoseconds): that may come back."""
        repo = self._workshop.repo
        if (head := repo.head()) is None or not self._index.is_recorded(head) or repo.status_paths():
            return False
        newest = next(iter(repo.stashes()), None)
        return newest is None or read_ident(repo.commit_info(newest).committer).time.timestamp() < since // 10**9

    def _elsewhere(self, worktree: str) -> tuple[Elsewhere, ...]:
        return list_elsewhere(self._workshop.place.parent, self._workshop.inbox, worktree)

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
            is_ours = mark.hook is Hook.POST_COMMIT or mark.head in self._were_left or mark.head in local()
            commits = (mark.head,) if mark.head and is_ours else ()
        for commit in commits:
            info = self._info(commit)
            made = self._made(commit) if info else ()
            if info is None or any(each.recorder.channel != SWEEP for each in made):
                continue
            by = self._signatory(mark.committer)
            if isinstance(by, Signatory):
                self._attest(info, mark.worktree, self._declaration(mark, info, by), by, str(mark.hook), upto=mark.time)
            elif not (made or is_beyond(mark, at=self._workshop.now())):
                self._left[commit] = Left(commit=commit, committer=mark.committer, why=by)

    def _signatory(self, committer: Committer) -> Signatory | str:
        """Return who signs what `committer` made; why they cannot. A delegation may end at any moment."""
        if committer.delegation or committer not in self._signatories:
            find = self._workshop.signatory_of
            try:
                by = find(committer) if find else self._own
            except ConfigError as error:
                self._signatories[committer] = str(error)
            else:
                self._signatories[committer] = by or "nobody has a key here"
        return self._signatories[committer]

    def _sweep(self, progress: Progress, commits: Sequence[str], tips: tuple[str, ...], *, is_first: bool) -> Progress:
        """Attest those of `commits` that no hook marked; what `tips` reach is then done."""
        if progress.start is None or self._own is None:
            return progress
        old = self._reached(progress.start) if is_first else frozenset()
        self._sign_named(progress, (each for each in commits if each not in old and each not in self._left), self._own)
        return replace(progress, start=tips)

    def _sign_named(self, progress: Progress, commits: Iterable[str], by: Signatory) -> None:
        """Let `by` sign `commits`, of which nobody declares anything; what is left of a person's or an agent's, no agent's key signs."""
        for commit in commits:
            info = self._info(commit)
            if info and not self._made(commit) and not (by.mandate and commit in self._left):
                self._attest(info, progress.state.marked.get(commit, self._workshop.worktree), None, by, SWEEP, upto=None)
                self._left.pop(commit, None)

    def _tips(self) -> tuple[str, ...]:
        head = self._workshop.repo.head()
        tips = self._workshop.repo.refs_under("refs/heads").values()
        return tuple(sorted({*tips, head} if head else set(tips)))

    def _attest(self, info: CommitInfo, worktree: str, declared: Owner | None, by: Signatory, channel: str, *, upto: int | None) -> None:
        state = self._versions.state
        replaced = frozenset((info.id, *(each for each in state.made_from.get(info.id, ()) if not state.is_of_agents(each))))
        paths = changed_paths(self._versions, info.id)
        others = dict(find_others(self._versions, info, paths, worktree)) if declared else {}
        if declared and (top := top_of(Path(worktree))):
            others |= dict.fromkeys(owned_by_others(top, paths, self._workshop.place), Others(is_veiled=True))
        maker = Maker(
            worktree=worktree,
            principal=by.principal,
            declared=declared,
            replaced=replaced,
            others=others,
            is_agent=by.mandate is not None,
            forgotten=load_forgotten(self._workshop.place) if declared else frozenset(),
        )
        with as_committed(self._versions, info, paths, worktree):
            claims = claim_commit(self._versions, info.id, maker)
        made = self._made(info.id)
        if made and claims == tuple(claim for each in sorted(made, key=lambda each: each.part) for claim in each.claims):
            return
        commit = Commit(id=info.id, tree=info.tree, parents=info.parents)
        self._issue(commit, claims, by, channel, upto=upto)

    def _issue(self, commit: Commit, claims: Sequence[Claim], by: Signatory, channel: str, *, upto: int | None) -> None:
        """Let `by` sign `claims` about `commit`, with what agents were asked for by the time `upto`, if any is told."""
        if self._chain is None:
            return
        refused = unsigned_refusals(self._workshop.place)
        asked, signer_id = waiting_prompts(self._workshop.place, upto=upto), key_id(by.signer.public)
        issued = self._chain.issue(
            commit,
            commit_effect(self._versions, commit.id),
            claims,
            by=by,
            channel=channel,
            refusals=refused.refusals,
            prompts=tuple(commit_prompt(each.prompt, key=each.key, signer=signer_id) for each in asked),
        )
        if refused.refusals:
            write_atomic(self._workshop.place / SIGNED, format_signed(refused))
        if asked:
            mark_signed(self._workshop.place, asked, statement=issued[0].digest, signer=signer_id)
        self._publish((each, by.signer.public) for each in issued)
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

    def _declaration(self, mark: Mark, info: CommitInfo, by: Signatory) -> Owner | None:
        """Return what the committer `by` declares: own text only, typed by nobody's tool, and committed by the one who wrote it.

        An agent that commits its own edits says so in the message. Where another agent is named nobody declares anything.
        """
        workshop = self._workshop
        if names_agent(info.author, info.committer, message=info.message):
            agent = None if mark.in_progress or len(info.parents) > 1 else committing_agent(info.message)
            is_made = agent and mark.hook is Hook.POST_COMMIT
            return Owner(origin=Origin.AI, evidence=Evidence.DECLARED, channel=Channel.IMPORT, agent=agent) if is_made else None
        is_own = read_ident(info.author).who == read_ident(info.committer).who and len(info.parents) < 2
        is_plain = mark.hook is Hook.POST_COMMIT and not mark.by_agent and not mark.in_progress
        if by.mandate or not (workshop.declares_in(mark.worktree) and by.principal and is_own and is_plain):
            return None
        if self._elsewhere(mark.worktree):
            return None  # there are changes of agents here that this inbox does not know
        return Owner(origin=Origin.HUMAN, evidence=Evidence.DECLARED, channel=Channel.DECLARATION, principal=by.principal)

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
