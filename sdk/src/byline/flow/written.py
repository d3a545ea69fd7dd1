# SPDX-License-Identifier: Apache-2.0
"""Which recorded edit put a line into a file: what the journal still has of how it was written.

An edit counts if it is of the line's writer (agent or tool, session, door), was recorded before the commit that the line came with,
and the line stands more often in the text after it than in the text before. Where several do, the newest one did it; a line without
a word, and one whose commit left no mark, is told of only where there is no choice. What was compacted or has no text is not guessed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from byline.capture.journal import find_events
from byline.core.attribution import owner_of
from byline.core.edit import Edit, Mark, Unseen
from byline.core.lines import has_word, squeeze

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.core.edit import Event
    from byline.flow.texts import Texts

MAX_EDITS = 200  # of one file whose texts are compared


class Written:
    """The edits of one clone, whose folder is `place`; each text is compared once. Not thread-safe."""

    def __init__(self, place: Path, texts: Texts) -> None:
        self._place = place
        self._texts = texts
        self._events: dict[tuple[bytes, ...], tuple[Event, ...]] = {}
        self._added: dict[Edit, Counter[bytes]] = {}

    def edit_of(self, line: bytes, *, path: bytes, owner: Owner, commit: str | None) -> Edit | None:
        """Return the edit by which `owner` wrote `line` of `path`, which came with `commit` (None: not committed yet).

        Raises:
            OSError: The journal is there and cannot be read.
        """
        names = tuple(name if isinstance(name, bytes) else name.encode() for name in (path, owner.session, commit) if name)
        if names not in self._events:
            self._events[names] = find_events(self._place, names)
        events = self._events[names]
        end = next((each.time for each in events if isinstance(each, Mark) and each.head == commit), None)
        mine = [(each, old) for each, old in _with_before(events) if _is_by(each, owner) and (end is None or each.time <= end)]
        for is_here in (True, False):
            near = [(each, old) for each, old in mine if (each.path == path) is is_here][-MAX_EDITS:]
            found = [each for each, old in reversed(near) if self._adds(each, old, squeeze(line))]
            if found:
                is_clear = has_word(line) and (commit is None or end is not None)
                return found[0] if is_clear or len(found) == 1 else None
        return None

    def _adds(self, edit: Edit, before: str | None, line: bytes) -> bool:
        if edit not in self._added:
            self._added[edit] = _more(self._lines(edit.after), self._lines(before))
        return self._added[edit][line] > 0

    def _lines(self, blob: str | None) -> tuple[bytes, ...] | None:
        return self._texts.lines(blob) if blob else ()


def _more(new: tuple[bytes, ...] | None, old: tuple[bytes, ...] | None) -> Counter[bytes]:
    """Return how often more each line, without its white space, stands in `new` than in `old`; nothing where one is not text."""
    more: Counter[bytes] = Counter()
    if new is not None and old is not None:
        after, before = Counter(new), Counter(old)
        for line, count in (after - before).items():
            more[squeeze(line)] += count
        for line, count in (before - after).items():
            more[squeeze(line)] -= count
    return more


def _with_before(events: Sequence[Event]) -> Iterator[tuple[Edit, str | None]]:
    """Yield each edit with the content that it met: where its source cannot say, what the path's last event left."""
    last: dict[tuple[str, bytes], str | None] = {}
    for each in events:
        if isinstance(each, Edit):
            place = each.worktree, each.path
            yield each, last.get(place) if isinstance(each.before, Unseen) else each.before
            last[place] = each.after


def _is_by(edit: Edit, owner: Owner) -> bool:
    if edit.by is None:
        return False
    writer = owner_of(edit.by, evidence=edit.evidence, channel=edit.channel, session=edit.session)
    return (writer.agent, writer.tool, writer.session, writer.channel) == (owner.agent, owner.tool, owner.session, owner.channel)
