# SPDX-License-Identifier: Apache-2.0
"""The journal, folded: settling what nobody recorded, writing what an agent did, and a state that survives its file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from byline.attribute.fold import fold
from byline.attribute.hands import file_hand, removal_hands
from byline.attribute.state import MAX_VERSIONS, State, format_state, parse_state
from byline.core.attribution import UNKNOWN, Agent, Author, Byline, Channel, Evidence, Person, owner_of
from byline.core.edit import UNSEEN, Edit, Hook, Mark, Unseen
from byline.core.lines import blob_id, hash_lines, split_lines
from byline.core.version import Block, Claimed, Version
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROBOT = Agent(name="robot")
ANA = Person(id="p-ana")
TREE = "/w/.git"


@dataclass
class Shelf:
    """The port `Sources` over what a test puts there."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    commits: dict[tuple[str, bytes], Version] = field(default_factory=dict)

    def put(self, text: str) -> str:
        data = text.encode()
        self.blobs[blob_id(data)] = data
        return blob_id(data)

    def lines(self, blob: str) -> tuple[bytes, ...] | None:
        return split_lines(self.blobs[blob]) if blob in self.blobs else None

    def has(self, commit: str, path: bytes) -> bool:
        return (commit, path) in self.commits

    def committed(self, commit: str, path: bytes) -> Version | None:
        return self.commits.get((commit, path))

    def claimed(self, blob: str, path: bytes) -> Claimed | None:
        del blob, path

    def hashes(self, lines: Sequence[bytes]) -> tuple[bytes, ...]:
        return hash_lines(lines, b"k" * 32)

    def similar(self, hashes: Sequence[bytes], paths: Sequence[bytes]) -> Iterable[Claimed]:
        del hashes, paths
        return ()

    def lost(self, commit: str, lines: Sequence[bytes]) -> Iterable[Block]:
        del commit, lines
        return ()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def edit(
    before: str | Unseen | None, after: str | None, by: Author | None = ROBOT, *, path: bytes = b"a.py", head: str | None = None
) -> Edit:
    return Edit(
        worktree=TREE,
        path=path,
        before=before,
        after=after,
        by=by,
        evidence=Evidence.OBSERVED,
        channel=Channel.HOOK,
        session="s",
        call=None,
        head=head,
        in_progress=(),
        time=0,
        seq=0,
    )


def origins(state: State, path: bytes = b"a.py") -> list[str]:
    return [byline.owner.origin.value for byline in state.seen(TREE, path)[-1].bylines]


def test_an_agents_new_file_is_its_own(shelf: Shelf) -> None:
    assert origins(fold(State(), edit(None, shelf.put("a\nb\n")), shelf)) == ["ai", "ai"]


def test_what_stood_there_before_an_edit_is_settled_first(shelf: Shelf) -> None:
    before, after = shelf.put("typed\n"), shelf.put("typed\nwritten\n")
    assert origins(fold(State(), edit(before, after), shelf)) == ["unknown", "ai"]


def test_what_head_has_is_heads(shelf: Shelf) -> None:
    blob = shelf.put("typed\n")
    ana = Byline(owner=owner_of(ANA, evidence=Evidence.DECLARED, channel=Channel.DECLARATION), statement="5" * 64, commit="c" * 40)
    shelf.commits["c" * 40, b"a.py"] = Version(path=b"a.py", blob=blob, lines=(b"typed",), bylines=(ana,))
    state = fold(State(), edit(UNSEEN, shelf.put("typed\nmore\n"), head="c" * 40), shelf)
    assert origins(state) == ["human", "ai"]
    assert state.seen(TREE, b"a.py")[-1].bylines[0] == ana


def test_a_sighting_of_unrecorded_work_is_unknown_and_keeps_the_rest(shelf: Shelf) -> None:
    state = fold(State(), edit(None, shelf.put("a thing\n")), shelf)
    state = fold(state, edit(UNSEEN, shelf.put("a thing\nby nobody\n"), None), shelf)
    assert origins(state) == ["ai", "unknown"]
    assert state.seen(TREE, b"a.py")[-1].writer == UNKNOWN


def test_a_return_to_an_earlier_version_takes_its_owners(shelf: Shelf) -> None:
    one, two = shelf.put("a thing\n"), shelf.put("other\n")
    state = fold(State(), edit(None, one), shelf)
    state = fold(state, edit(one, two, ANA), shelf)
    state = fold(state, edit(UNSEEN, one, None), shelf)
    assert origins(state) == ["ai"]


def test_a_deleted_file_is_a_version_with_a_writer(shelf: Shelf) -> None:
    one = shelf.put("a thing\n")
    state = fold(fold(State(), edit(None, one), shelf), edit(one, None), shelf)
    assert state.seen(TREE, b"a.py")[-1].blob is None
    assert file_hand(one, None, state.seen(TREE, b"a.py")).origin == "ai"


def test_content_that_is_not_kept_has_no_lines(shelf: Shelf) -> None:
    assert origins(fold(State(), edit(None, "0" * 40), shelf)) == []


def test_the_hand_is_the_writer_of_the_version_in_which_a_line_is_gone(shelf: Shelf) -> None:
    base, middle, last = shelf.put("a\nb\nc\nd\n"), shelf.put("a\nc\nd\n"), shelf.put("a\nc\n")
    state = fold(State(), edit(base, middle), shelf)
    state = fold(state, edit(middle, last, ANA), shelf)
    hands = removal_hands((b"a", b"b", b"c", b"d"), base, last, state.seen(TREE, b"a.py"), shelf.lines)
    assert [hand.origin.value for hand in hands] == ["unknown", "ai", "unknown", "human"]


def test_versions_are_capped(shelf: Shelf) -> None:
    state, before = State(), None
    for number in range(MAX_VERSIONS + 5):
        after = shelf.put(f"{number}\n")
        state, before = fold(state, edit(before, after), shelf), after
    assert len(state.seen(TREE, b"a.py")) == MAX_VERSIONS


def test_marks_tell_what_a_commit_was_made_from(shelf: Shelf) -> None:
    mark = Mark(worktree=TREE, hook=Hook.POST_COMMIT, head="a" * 40, in_progress=("b" * 40,), rewritten=(), by_agent=False, time=0)
    state = fold(State(), mark, shelf)
    state = fold(state, replace(mark, hook=Hook.POST_REWRITE, in_progress=(), rewritten=(("c" * 40, "a" * 40),)), shelf)
    assert state.made_from == {"a" * 40: ("b" * 40, "c" * 40)}
    assert state.marked == {"a" * 40: TREE}


def test_a_state_survives_its_file(shelf: Shelf) -> None:
    one, two = shelf.put("total = price * count\nold\n"), shelf.put("total = price * count + tax\n")
    state = fold(fold(State(), edit(None, one, ANA), shelf), edit(one, two, path=b"\xff"), shelf)
    state = fold(state, edit(one, two), shelf)
    assert origins(state) == ["mixed"]
    assert state.lost
    assert parse_state(json.loads(json.dumps(format_state(state)))) == state


@pytest.mark.parametrize("value", [None, {}, {"schema": "byline.state/1"}, {"schema": "byline.state/1", "owners": [1], "bylines": []}])
def test_what_is_no_state_is_malformed(value: object) -> None:
    with pytest.raises(MalformedError):
        parse_state(value)  # type: ignore[arg-type]  # the wrong type, on purpose
