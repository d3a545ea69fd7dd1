# SPDX-License-Identifier: Apache-2.0
"""What the editor is told of a file, as saved and as it is being edited."""

from __future__ import annotations

from dataclasses import replace

from byline.core.attribution import UNATTRIBUTED, Agent, Byline, Channel, Evidence, owner_of
from byline.core.lines import LineRange, split_lines
from byline.core.report import blame_to_json
from byline.flow.proofs import Proof
from byline_lsp.snapshot import Snapshot, Want, mark_wants, saved_rows, spans_to_json
from byline_lsp.text import Unit
from byline_lsp.tracker import NEW, Document, Saved, settle

STATEMENT = "5" * 64
AI = Byline(owner=owner_of(Agent(name="claude-code"), evidence=Evidence.OBSERVED, channel=Channel.HOOK), statement=STATEMENT)
TEXT = b"a\nb\nc\n"
SNAPSHOT = Snapshot(
    path=b"f.py",
    bylines=(AI, AI, UNATTRIBUTED),
    saved=Saved.of(split_lines(TEXT)),
    proofs={STATEMENT: Proof(verified=True)},
)


def opened(text: str = TEXT.decode(), snapshot: Snapshot = SNAPSHOT) -> Document:
    document = Document.open(text, 1)
    document.origins = settle(snapshot.saved, document.lines, document.origins)
    return document


def known(document: Document, snapshot: Snapshot = SNAPSHOT) -> list[int]:
    return saved_rows(snapshot.saved, document.lines, settle(snapshot.saved, document.lines, document.origins))


def test_the_spans_of_a_saved_file_are_the_ranges_of_blame() -> None:
    spans = spans_to_json(SNAPSHOT, known(opened()), 1)
    blame = blame_to_json(b"f.py", revision="worktree", bylines=SNAPSHOT.bylines, verified={STATEMENT})
    assert spans == blame | {"schema": "byline.spans/1", "version": 1, "unsaved": []}


def test_unsaved_text_is_unknown_and_listed() -> None:
    document = opened()
    document.change(((1, 0), (1, 0)), "new\nnewer\n", Unit.UTF16)
    spans = spans_to_json(SNAPSHOT, known(document), 2)
    ranges = spans["ranges"]
    assert isinstance(ranges, list)
    assert [(each["start"], each["end"], each["origin"]) for each in ranges] == [
        (1, 1, "ai"),
        (2, 3, "unknown"),
        (4, 4, "ai"),
        (5, 5, "unknown"),
    ]
    assert spans["unsaved"] == [{"start": 2, "end": 3}]


def test_a_binary_file_has_no_lines() -> None:
    spans = spans_to_json(Snapshot(path=b"f", is_text=False), [NEW, NEW], 1)
    assert (spans["ranges"], spans["unsaved"]) == ([], [])


def test_rows_end_at_lf_alone_whatever_the_editor_calls_a_line() -> None:
    snapshot = replace(SNAPSHOT, bylines=(AI, UNATTRIBUTED), saved=Saved.of(split_lines(b"a\rb\nc\n")))
    document = opened("a\rb\nc\n", snapshot)
    assert known(document, snapshot) == [0, 1]
    document.change(((1, 0), (1, 1)), "B", Unit.UTF16)
    assert known(document, snapshot) == [NEW, 1]


def test_a_row_of_which_a_part_was_deleted_is_not_the_saved_row() -> None:
    snapshot = replace(SNAPSHOT, bylines=(AI,), saved=Saved.of(split_lines(b"a\rb\n")))
    document = opened("a\rb\n", snapshot)
    document.change(((0, 0), (1, 0)), "", Unit.UTF16)
    assert known(document, snapshot) == [NEW]


def test_what_a_gate_wants_moves_with_its_lines() -> None:
    want = Want(rows=LineRange(0, 2), rule="ai-senior-signoff", message="needs a senior")
    document = opened()
    document.change(((1, 0), (1, 0)), "new\n", Unit.UTF16)
    assert mark_wants([want], document.lines, known(document)) == [(0, 1, want), (2, 3, want)]


def test_what_a_gate_wants_of_lines_that_are_gone_is_not_told() -> None:
    want = Want(rows=LineRange(1, 2), rule="r", message="m")
    document = opened()
    document.change(((1, 0), (2, 0)), "", Unit.UTF16)
    assert mark_wants([want], document.lines, known(document)) == []


def test_what_a_gate_wants_of_a_file_stands_at_its_first_line() -> None:
    want = Want(rows=LineRange(0, 0), rule="r", message="m")
    assert mark_wants([want], ["a\n", "b\n"], [0, 1]) == [(0, 1, want)]
