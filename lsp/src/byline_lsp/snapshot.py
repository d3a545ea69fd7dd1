# SPDX-License-Identifier: Apache-2.0
"""What is known of one saved file, as one value: made away from the event loop, read on it.

`bylines` has one entry for each row of the file on disk (a row ends at LF alone). `proofs` tells how each statement that they
name stands, `approvals` who approved this version of the file. `is_text` is false for what has no lines to speak of.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byline.core.attribution import UNATTRIBUTED
from byline.core.effect import path_members
from byline.core.report import WORKTREE, ranges_to_json
from byline_lsp.text import rows
from byline_lsp.tracker import NEW, Saved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from byline.core.attribution import Byline
    from byline.core.lines import LineRange
    from byline.flow.proofs import Proof

SPANS_SCHEMA = "byline.spans/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """`person` approved this very version of the file, at `at` (as the approval spells it)."""

    person: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A gate would ask for somebody because of these rows of the file on disk; empty `rows` mean the file as a whole."""

    rows: LineRange
    rule: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One saved file."""

    path: bytes
    bylines: tuple[Byline, ...] = ()
    saved: Saved = field(default_factory=Saved)
    is_text: bool = True
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    approvals: tuple[Approved, ...] = ()

    @property
    def verified(self) -> frozenset[str]:
        """The statements that were proven."""
        return frozenset(statement for statement, proof in self.proofs.items() if proof.verified)


def saved_rows(saved: Saved, lines: Sequence[str], origins: Sequence[int]) -> list[int]:
    """Return for each row of the document `lines` the row of the saved file that it is, all of it, or `NEW`."""
    numbers = rows(lines)
    if isinstance(numbers, range) and len(saved.lines) == (saved.rows[-1] + 1 if saved.rows else 0):
        return list(origins)
    sizes = Counter(saved.rows)
    parts: list[list[int]] = []
    for number, origin in zip(numbers, origins, strict=True):
        if number == len(parts):
            parts.append([])
        parts[number].append(NEW if origin == NEW else saved.rows[origin])
    return [each[0] if each[0] != NEW and len(set(each)) == 1 and len(each) == sizes[each[0]] else NEW for each in parts]


def spans_to_json(snapshot: Snapshot, known: Sequence[int], version: int | None) -> dict[str, object]:
    """Return the answer to `byline/spans`: the ranges of `byline.blame/1` over the document, and which lines are not saved yet.

    `known` has for each row of the document the saved row that it is, or `NEW`. While nothing is edited, `ranges` is what
    `byline blame --json` says of the file.
    """
    bylines = [UNATTRIBUTED if row == NEW else snapshot.bylines[row] for row in known]
    return {
        "schema": SPANS_SCHEMA,
        **path_members(snapshot.path),
        "revision": WORKTREE,
        "version": version,
        "ranges": ranges_to_json(bylines, snapshot.verified) if snapshot.is_text else [],
        "unsaved": _unsaved(known) if snapshot.is_text else [],
    }


def mark_wants(wants: Iterable[Want], lines: Sequence[str], known: Sequence[int]) -> list[tuple[int, int, Want]]:
    """Return which of `lines` a gate would ask about, as (start, end, why), 0-based and half-open; unsaved text is nobody's yet.

    A want without rows stands at the first line; one whose rows are gone or rewritten is not told.
    """
    first: dict[int, int] = {}
    for line, row in enumerate(rows(lines)):
        first.setdefault(row, line)
    starts = [first[row] for row in range(len(known))] + [len(lines)]
    out: list[tuple[int, int, Want]] = []
    for want in wants:
        held = [number for number, row in enumerate(known) if row != NEW and want.rows.start <= row < want.rows.end]
        for number in held:
            if out and out[-1][2] is want and out[-1][1] == starts[number]:
                out[-1] = (out[-1][0], starts[number + 1], want)
            else:
                out.append((starts[number], starts[number + 1], want))
        if not held and lines and not want.rows:
            out.append((0, 1, want))
    return out


def _unsaved(known: Sequence[int]) -> list[dict[str, int]]:
    out: list[dict[str, int]] = []
    for number, row in enumerate(known, 1):
        if row != NEW:
            continue
        if out and out[-1]["end"] == number - 1:
            out[-1]["end"] = number
        else:
            out.append({"start": number, "end": number})
    return out
