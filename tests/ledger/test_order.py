# SPDX-License-Identifier: Apache-2.0
"""Appends are linearizable: each takes its place in the order at one moment between the call and its answer.

Clients in threads of their own ask a real server and note when they asked and when they were answered. Whatever was answered before
something else was asked has the smaller index, is in every checkpoint read later, is found later, and is consistent with it.
"""

from __future__ import annotations

import bisect
import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest

from byline.core.checkpoint import Checkpoint, open_checkpoint
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.keys.ed25519 import load_verifier
from byline.log.client import LedgerClient
from byline_ledger.engine.files import init_ledger
from serving import SIGNER, envelope, serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from byline.keys.ed25519 import LogVerifier

CALLERS = 6
CALLS = 60
# The same few statements come from everybody, so that some are asked for while they are being logged.
SHARED = 20


class Call(NamedTuple):
    """One call: when it was `asked` and `answered` (nanoseconds), the checkpoint it saw, and the entry that it logged, if it did."""

    asked: int
    answered: int
    head: Checkpoint
    number: int | None = None
    index: int = -1


def converse(url: str, caller: int, verifier: LogVerifier) -> list[Call]:
    """Append and read by turns, as chance has it."""
    chance, calls = random.Random(caller), []
    with LedgerClient(url) as client:
        for turn in range(CALLS):
            number = chance.randrange(SHARED) if chance.random() < 0.3 else SHARED + caller * CALLS + turn
            asked = time.monotonic_ns()
            if chance.random() < 0.2:
                note = client.checkpoint()
                calls.append(Call(asked, time.monotonic_ns(), open_checkpoint(note, verifier)))
            else:
                receipt = client.append(envelope(number), SIGNER.public)
                answered, head = time.monotonic_ns(), open_checkpoint(receipt.checkpoint, verifier)
                check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=head.root)
                assert client.find(f"{number:064x}")[0].envelope == envelope(number)
                calls.append(Call(asked, answered, head, number, receipt.index))
    return calls


def check_order(calls: Sequence[Call]) -> None:
    """Check that a call sees all that was answered before it was asked, and that what it alone logs comes after that."""
    indices: dict[int, int] = {}
    answered = sorted(calls, key=lambda call: call.answered)
    sizes = list(itertools.accumulate((call.head.size for call in answered), max, initial=0))
    ends = [call.answered for call in answered]
    for call in calls:
        seen = sizes[bisect.bisect_left(ends, call.asked)]
        assert call.head.size >= seen
        if call.number is not None:
            assert call.index < call.head.size
            assert indices.setdefault(call.number, call.index) == call.index
            assert call.index >= seen or call.number < SHARED
    assert sorted(indices.values()) == list(range(len(indices)))


def test_what_was_answered_before_comes_before(tmp_path: Path) -> None:
    verifier = load_verifier(init_ledger(tmp_path / "ledger"))
    with serving(tmp_path / "ledger") as (_, url), LedgerClient(url) as client:
        with ThreadPoolExecutor(CALLERS) as pool:
            calls = [call for some in pool.map(lambda caller: converse(url, caller, verifier), range(CALLERS)) for call in some]
        check_order(calls)
        heads = sorted({call.head for call in calls}, key=lambda head: head.size)
        assert len({head.size for head in heads}) == len(heads)
        for old, new in itertools.pairwise(heads):
            check_consistency(client.consistency(old.size, new.size), old=old.root, new=new.root)


@pytest.mark.parametrize("change", [{"index": 0}, {"head": Checkpoint(origin="o", size=2, root=bytes(32))}])
def test_an_answer_out_of_order_is_noticed(change: dict[str, object]) -> None:
    """The check itself: an entry before one that was answered long ago, and a tree that lacks it."""
    heads = [Checkpoint(origin="o", size=size, root=bytes(32)) for size in range(5)]
    calls = [Call(10 * n, 10 * n + 5, heads[n + 1], SHARED + n, n) for n in range(4)]
    check_order(calls)
    with pytest.raises(AssertionError):
        check_order([*calls[:3], calls[3]._replace(**change)])  # type: ignore[arg-type]  # by name
