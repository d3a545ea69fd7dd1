# SPDX-License-Identifier: Apache-2.0
"""A frozen log answers and takes nothing new, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.merkle import check_inclusion, hash_leaf
from byline.core.note import parse_note
from byline.errors import FrozenError
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import init_ledger, load_log
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path


def test_a_frozen_log_answers_and_takes_nothing_new_from_any_writer(tmp_path: Path) -> None:
    init_ledger(tmp_path)
    old, new = (Admission().admit(envelope(number), SIGNER.public) for number in (1, 2))
    first, second = load_log(tmp_path), load_log(tmp_path)
    first.log.append([old])
    first.log.freeze()
    note = first.log.checkpoint()
    for log in (first.log, second.log):
        assert log.is_frozen()
        for batch in ([new], [old, new]):
            with pytest.raises(FrozenError):
                log.append(batch)
    assert second.log.checkpoint() == note
    assert second.log.append([old])[0].proof.index == 0
    receipt, none = second.log.receipts([old, new])
    assert none is None
    assert receipt is not None
    root = first.log.head()[1].root
    check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=root)
    assert parse_note(receipt.checkpoint) == parse_note(note)
    second.log.freeze(frozen=False)
    assert first.log.append([old, new])[1].proof.index == 1
    for opened in (first, second):
        opened.store.close()
