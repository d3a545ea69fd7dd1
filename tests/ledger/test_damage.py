# SPDX-License-Identifier: Apache-2.0
"""A store that gives back other bytes than were written: whatever is answered is true, and nothing is signed that is not."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import Checkpoint, open_checkpoint
from byline.core.entry import check_entry, parse_entry
from byline.core.facets import Query
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf, root_of
from byline.core.tiles import Tile, grow_tiles, parse_entries, read_tiled_nodes, tiles_for
from byline.errors import LedgerError
from byline.keys.ed25519 import LogVerifier
from byline_ledger.embedded import open_embedded
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY, load_log
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.logged import Page
    from byline_ledger.engine.log import Log

SIZE = 515  # full tiles and a partial one; of the stored ones, three levels
SUBJECT = "ab" * 32
# How often a bit is flipped; FLIPS=3000 takes minutes.
FLIPS = int(os.environ.get("FLIPS", "120"))


class Truth:
    """What was logged, as it was before the damage."""

    def __init__(self, place: Path) -> None:
        with open_embedded(place) as ledger:
            admission = Admission()
            made = [admission.admit(envelope(number, SUBJECT), SIGNER.public) for number in range(SIZE)]
            ledger._log.append(made)
            self.head = open_checkpoint(ledger.checkpoint(), LogVerifier(ledger._log._key.note_key))
        self.place = place
        self.leaves = [each.leaf for each in made]
        hashes = [hash_leaf(leaf) for leaf in self.leaves]
        self.tiles = grow_tiles(0, hashes, lambda *_: b"")

    def root(self, size: int) -> bytes:
        return root_of(size, read_tiled_nodes(lambda level, index: self.tiles[level, index], {}))

    def check_receipt(self, receipt: Receipt, verifier: LogVerifier) -> Checkpoint:
        head = open_checkpoint(receipt.checkpoint, verifier)
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=head.root)
        assert receipt.index >= SIZE or receipt.leaf == self.leaves[receipt.index]
        return head

    def check_page(self, page: Page, verifier: LogVerifier) -> None:
        for each in page.entries:
            assert self.check_receipt(each.receipt, verifier) == self.head
            if each.envelope is not None:
                check_entry(each.receipt.leaf, each.envelope, parse_entry(each.receipt.leaf).public)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return Truth(tmp_path_factory.mktemp("truth"))


@pytest.fixture
def copy(truth: Truth, tmp_path: Path) -> Path:
    for name in (DATABASE, KEY):
        (tmp_path / name).write_bytes((truth.place / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    return tmp_path


def questions(log: Log, truth: Truth, chance: random.Random) -> Iterator[Callable[[], None]]:
    """Give what anybody may ask a log, each with the check of its answer."""
    verifier = LogVerifier(log._key.note_key)

    def inclusion() -> None:
        size = chance.choice((SIZE, chance.randint(1, SIZE)))
        index = chance.randrange(size)
        check_inclusion(log.inclusion(index, size), leaf=hash_leaf(truth.leaves[index]), root=truth.root(size))

    def consistency() -> None:
        old, new = sorted((chance.randint(1, SIZE), chance.choice((SIZE, chance.randint(1, SIZE)))))
        check_consistency(log.consistency(old, new), old=truth.root(old), new=truth.root(new))

    def tile(asked: Tile) -> None:
        assert log.tile(asked) == truth.tiles[asked.level or 0, asked.index][: asked.width * 32]

    def bundle(start: int) -> None:
        asked = Tile(level=None, index=start // 256, width=min(256, SIZE - start))
        assert list(parse_entries(log.tile(asked) or b"")) == truth.leaves[start : start + asked.width]

    yield from (inclusion, consistency) * 3
    yield from (partial(tile, each) for each in tiles_for(SIZE))
    yield from (partial(bundle, start) for start in range(0, SIZE, 256))
    for start in range(0, SIZE, 100):
        yield lambda start=start: truth.check_page(log.entries(start, limit=100), verifier)  # type: ignore[misc]  # bound to this round
    query = Query(subject=bytes.fromhex(SUBJECT))
    yield lambda: truth.check_page(log.find(query, after=chance.randrange(SIZE), limit=20), verifier)


def append(log: Log, truth: Truth, chance: random.Random) -> None:
    """Append something known and something new; the new tree must begin with the old one."""
    numbers = (SIZE + 1, chance.randrange(SIZE), SIZE + 2)
    receipts = log.append([Admission().admit(envelope(number, SUBJECT), SIGNER.public) for number in numbers])
    heads = {truth.check_receipt(receipt, LogVerifier(log._key.note_key)) for receipt in receipts}
    grown = truth.tiles | grow_tiles(SIZE, [hash_leaf(receipts[n].leaf) for n in (0, 2)], lambda *at: truth.tiles[at])
    assert {head.root for head in heads} == {root_of(SIZE + 2, read_tiled_nodes(lambda *at: grown[at], {}))}


def ask_everything(place: Path, truth: Truth, seed: int) -> int:
    """Ask all, in random order; return how often the answer was that the store is damaged."""
    chance = random.Random(seed)
    try:
        opened = load_log(place)
    except LedgerError:
        return 1
    refused = 0
    with contextlib.closing(opened.store):
        asked = list(questions(opened.log, truth, chance))
        chance.shuffle(asked)
        for ask in (*asked, partial(append, opened.log, truth, chance)):
            try:
                ask()
            except LedgerError:
                refused += 1
    return refused


def test_a_sound_log_answers_everything(copy: Path, truth: Truth) -> None:
    assert ask_everything(copy, truth, 0) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 3) WHERE idx = 17",
        "DELETE FROM entry WHERE idx = 514",
        "UPDATE payload SET piece = CAST(piece || ' ' AS BLOB) WHERE number >> 16 = 17",
        "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 0 AND idx = 0",
        "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 0 AND idx = 32",
        "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 2",
        "UPDATE tile SET hashes = substr(hashes, 1, 32) WHERE idx = 32",
        "DELETE FROM tile WHERE level = 2",
        "UPDATE head SET note = replace(note, char(10) || '515' || char(10), char(10) || '514' || char(10))",
    ],
)
def test_what_was_changed_is_not_served(copy: Path, truth: Truth, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(copy / DATABASE)) as database, database:
        assert database.execute(statement).rowcount == 1
    assert ask_everything(copy, truth, 1) > 0


@pytest.mark.parametrize(
    "change", ["DELETE FROM tile WHERE level = 0 AND idx = 32", "UPDATE tile SET hashes = zeroblob(96) WHERE idx = 32"]
)
def test_a_damaged_edge_is_not_built_upon(copy: Path, change: str) -> None:
    """The worst that a bad disk could make a log do is to sign a second history."""
    with contextlib.closing(sqlite3.connect(copy / DATABASE)) as database, database:
        database.execute(change)
    opened = load_log(copy)
    with contextlib.closing(opened.store):
        before = opened.log.checkpoint()
        with pytest.raises(LedgerError, match="damaged"):
            opened.log.append([Admission().admit(envelope(SIZE + 1), SIGNER.public)])
        assert opened.log.checkpoint() == before


@pytest.mark.parametrize("seed", range(FLIPS))
def test_no_flipped_bit_reaches_an_answer(copy: Path, truth: Truth, seed: int) -> None:
    chance = random.Random(seed)
    path = copy / DATABASE
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    ask_everything(copy, truth, seed)
