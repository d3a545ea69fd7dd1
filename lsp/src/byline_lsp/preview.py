# SPDX-License-Identifier: Apache-2.0
"""What a gate would say about HEAD if it were to land now: `byline gate --base BASE`, unanchored, for the lines of one file.

BASE is the tip of the branch that work lands on, as far as this clone knows it: the default branch of a remote (`origin` first), or
its `main`, `master` or `trunk`, else the local branch of such a name. Without any, or where BASE has no policy, nothing is
foreseen. Trust and policy are BASE's, as for every gate; what is not committed is not judged. A verdict is kept until HEAD, BASE or
the evidence changes. A `Preview` belongs to one thread, which also loads what judging takes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.worktree import route
from byline.core.diff import ABSENT, match_lines
from byline.core.lines import LineRange, split_lines
from byline_lsp.hover import printable
from byline_lsp.snapshot import Want
from byline_lsp.watch import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from byline.core.verdict import Reason
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline_lsp.watch import Stamp

MAX_KEPT = 100
MAX_MESSAGE = 500
MAIN = ("main", "master", "trunk")


class Preview:
    """What was foreseen, by repository and by file. `open_workshop` opens the repository that holds a folder."""

    def __init__(self, open_workshop: Callable[[Path], Workshop]) -> None:
        self._open = open_workshop
        self._kept: dict[Path, tuple[Stamp, tuple[Want, ...]]] = {}
        self._verdicts: dict[Path, tuple[Stamp, tuple[Reason, ...]]] = {}

    def wants(self, path: Path) -> tuple[Want, ...]:
        """Return where a gate would ask for somebody because of the file at the absolute `path`.

        Raises:
            BylineError: Git cannot say.
        """
        routed = route(str(path))
        if routed is None:
            return ()
        stamp = stamp_of(routed)
        kept = self._kept.pop(path, None)
        if kept is None or kept[0] != stamp:
            shop = self._open(routed.worktree.top)
            with shop.repo:
                kept = stamp, tuple(self._foresee(shop, routed.path))
        self._kept[path] = kept
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    def _foresee(self, shop: Workshop, path: bytes) -> Iterator[Want]:
        head, base = shop.repo.head(), find_base(shop.repo)
        data = shop.repo.worktree_file(path)
        if head is None or base is None or head == base or data is None:
            return
        reasons = [each for each in self._judge(shop, base, head) if each.path == path and each.needs is not None]
        if reasons:
            committed, before = (_lines(shop.repo, commit, path) for commit in (head, base))
            now = match_lines(committed, split_lines(data))
            for each in reasons:
                yield from _wants(each, before, committed, now)

    def _judge(self, shop: Workshop, base: str, head: str) -> tuple[Reason, ...]:
        from byline.flow.gathering import Evidence
        from byline.flow.judge import Question, judge
        from byline.log.evidence import EvidenceRef
        from byline.log.index import EvidenceIndex

        with EvidenceIndex(shop.cache) as index:
            evidence = Evidence(shop.repo, index)
            stamp = base, head, *sorted(EvidenceRef(shop.repo).trees().values())
            kept = self._verdicts.get(shop.repo.git_dir)
            if kept is None or kept[0] != stamp:
                question = Question(base=base, candidate=head)
                kept = stamp, judge(shop.repo, question, evidence=evidence, at=datetime.now(UTC)).verdict.reasons
                self._verdicts[shop.repo.git_dir] = kept
        return kept[1]


def find_base(repo: Repository) -> str | None:
    """Return the commit on which work lands, as far as this clone knows."""
    refs = repo.refs_under("refs/remotes") | repo.refs_under("refs/heads")
    names = [f"refs/remotes/{remote}/{name}" for remote in _remotes(repo) for name in ("HEAD", *MAIN)]
    return next((refs[name] for name in (*names, *(f"refs/heads/{name}" for name in MAIN)) if name in refs), None)


def _remotes(repo: Repository) -> Sequence[str]:
    """Return the remotes, `origin` first."""
    return sorted(repo.remotes(), key=lambda name: (name != "origin", name))


def _lines(repo: Repository, commit: str, path: bytes) -> tuple[bytes, ...]:
    entry = repo.entry(commit, path)
    return split_lines(repo.read_blob(entry.oid)) if entry and entry.mode.startswith("100") else ()


def _wants(reason: Reason, before: Sequence[bytes], committed: Sequence[bytes], now: Sequence[int]) -> Iterator[Want]:
    """Yield `reason` at the rows of the file on disk; `now` tells which committed line each row is."""
    message = _say(reason)
    if reason.lines is None:
        yield Want(rows=LineRange(0, 0), rule=reason.rule, message=message)
        return
    lines = reason.lines
    if reason.side == "removed":
        # A removal has no line of its own any more: it is told at the line that follows, or at the last one.
        after = next((line for line, old in enumerate(match_lines(before, committed)) if old >= lines.end), len(committed) - 1)
        lines = LineRange(after, after + 1)
    start = ABSENT
    for row, line in enumerate((*now, ABSENT)):
        inside = lines.start <= line < lines.end
        if inside and start == ABSENT:
            start = row
        elif not inside and start != ABSENT:
            yield Want(rows=LineRange(start, row), rule=reason.rule, message=message)
            start = ABSENT


def _say(reason: Reason) -> str:
    needs = reason.needs
    level = f" by {needs.level_at_least} or above" if needs and needs.level_at_least else ""
    count = f"{needs.approvals} approval{'s' if needs.approvals != 1 else ''}" if needs else "an approval"
    lines = reason.lines
    gone = f"lines {lines.first} to {lines.last} of the base were removed here; " if lines and reason.side == "removed" else ""
    return f"a gate would want {count}{level}: {gone}{printable(reason.message, MAX_MESSAGE)}"
