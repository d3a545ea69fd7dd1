# SPDX-License-Identifier: Apache-2.0
"""Reads what is known of a file: whose the lines are, which statements are proven, who approved this version.

The answer is `flow.resolve`'s about the work tree, the same that `byline blame` gives; a file is read again when its stamp changed.
What hooks spooled is put into the journal first, as every reader does. A `Reader` belongs to one thread, which also loads what reading
takes: an editor that starts does not wait for it.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.places import repository_dir
from byline.capture.worktree import route
from byline_lsp.snapshot import Approved, Snapshot
from byline_lsp.tracker import Saved
from byline_lsp.watch import pending_stamp, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.capture.worktree import Routed
    from byline.flow.workshop import Workshop
    from byline.log.index import EvidenceIndex
    from byline_lsp.watch import Stamp

MAX_KEPT = 100


class Reader:
    """What was read, by file. `open_workshop` opens the repository that holds a folder."""

    def __init__(self, open_workshop: Callable[[Path], Workshop]) -> None:
        self._open = open_workshop
        self._inbox: Path | None = None
        self._kept: dict[Path, tuple[Stamp, Snapshot]] = {}
        self._settled: dict[Path, Stamp] = {}

    def read(self, path: Path) -> Snapshot | None:
        """Return what is known of the file at the absolute `path`; None where no repository is. Unchanged, it is the same object.

        Raises:
            BylineError: Git cannot say, or Byline's own files cannot be read.
        """
        routed = route(str(path))
        if routed is None:
            self._kept.pop(path, None)
            return None
        self._settle(repository_dir(routed.worktree.common_dir))
        stamp = stamp_of(routed)
        kept = self._kept.pop(path, None)
        if kept is None or kept[0] != stamp:
            kept = stamp, self._read(routed)
        self._kept[path] = kept
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    def _read(self, routed: Routed) -> Snapshot:
        from byline.flow.proofs import prove_statements
        from byline.flow.resolve import open_resolver

        shop = self._open(routed.worktree.top)
        if self._inbox is None:
            self._inbox = shop.inbox
            self._settle(shop.place)
        with shop.repo, open_resolver(shop) as resolver:
            data = shop.repo.worktree_file(routed.path)
            if data is None:
                return Snapshot(path=routed.path)
            resolved = resolver.resolve(None, routed.path)
            now = datetime.now(UTC)
            statements = {byline.statement for byline in resolved.bylines}
            return Snapshot(
                path=routed.path,
                bylines=resolved.bylines,
                saved=Saved.of(resolved.lines),
                is_text=resolved.is_text,
                proofs=prove_statements(resolver.index, statements, trust=shop.trust, at=now),
                approvals=tuple(_approvals(shop, resolver.index, routed.path, data, now)),
            )

    def _settle(self, place: Path) -> None:
        """Put what hooks spooled into the journal."""
        from byline.capture.clone import settle_repository

        if self._inbox is None:  # it is the user's, and the first repository that is opened tells it
            return
        pending = pending_stamp(place, self._inbox)
        if self._settled.get(place) != pending:
            self._settled[place] = pending
            with contextlib.suppress(OSError):  # a full disk stops nobody from reading what was there before
                settle_repository(place, self._inbox)


def _approvals(shop: Workshop, index: EvidenceIndex, path: bytes, data: bytes, now: datetime) -> Iterator[Approved]:
    """Yield who approved that `path` becomes `data`."""
    from byline.core.moment import format_moment
    from byline.core.statement import PredicateType
    from byline.verify import verify_bundles

    facts = index.facts(kind=PredicateType.APPROVAL) if shop.trust else ()
    if not facts or shop.trust is None:
        return
    sha256 = hashlib.sha256(data).hexdigest()
    proven = verify_bundles((stored.bundle for stored in index.open(facts)), trust=shop.trust, at=now)
    for fact in proven.approvals:
        moves = fact.approval.transitions
        if any(move.path == path and move.new is not None and move.new.sha256 == sha256 for move in moves):
            yield Approved(person=fact.principal, at=format_moment(fact.approval.approved_at))
