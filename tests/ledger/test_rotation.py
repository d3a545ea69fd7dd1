# SPDX-License-Identifier: Apache-2.0
"""A log ends, another follows it, each says so, and what the old one promised holds."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from byline.core.checkpoint import Checkpoint, open_checkpoint
from byline.core.note import parse_vkey
from byline.core.statement import PredicateType, Subject, format_statement, parse_statement
from byline.core.succession import Role, Succession, format_succession, parse_succession
from byline.errors import ConfigError, FrozenError, StatementError
from byline.keys.ed25519 import LogKey, load_verifier
from byline_ledger.embedded import open_embedded
from byline_ledger.engine import rotation
from byline_ledger.engine.backup import backup_log, restore_log
from byline_ledger.engine.files import init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.rotation import rotate_log
from serving import SIGNER, envelope

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    place = tmp_path / "old"
    init_ledger(place, origin="log1.example")
    with open_embedded(place) as ledger:
        for number in range(3):
            ledger.append(envelope(number), SIGNER.public)
    return place


def head(place: Path) -> tuple[str, str, Checkpoint]:
    with contextlib.closing((opened := load_log(place)).store):
        note = opened.log.checkpoint()
        return opened.log.vkey, note, open_checkpoint(note, load_verifier(opened.log.vkey))


def said_about(place: Path, other: str) -> list[Succession]:
    """Return what the log says about the log with the key `other`, found by its id."""
    with open_embedded(place) as ledger:
        bundles = ledger.find(parse_vkey(other).log_id.hex())
    return [parse_succession(parse_statement(each.envelope.payload)) for each in bundles]


def test_each_log_names_the_other_in_its_entries(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = rotate_log(old, new, origin="log2.example")
    old_key, final, checkpoint = head(old)
    assert (done.vkey, done.final, done.final.size) == (old_key, checkpoint, 4)
    (ends,) = said_about(old, done.successor)
    assert (ends.role, ends.log, ends.other) == (Role.ENDS, old_key, done.successor)
    assert open_checkpoint(ends.checkpoint, load_verifier(done.successor)).size == 0
    (follows,) = said_about(new, old_key)
    assert (follows.role, follows.checkpoint) == (Role.FOLLOWS, final)
    assert [check_ledger(place).findings for place in (old, new)] == [(), ()]


def test_the_old_log_answers_and_takes_nothing_and_the_new_one_takes_everything(old: Path, tmp_path: Path) -> None:
    done = rotate_log(old, tmp_path / "new", origin="log2.example")
    with open_embedded(old) as ledger:
        assert ledger.append(envelope(1), SIGNER.public).index == 1
        with pytest.raises(FrozenError, match="ended") as caught:
            ledger.append(envelope(9), SIGNER.public)
        assert caught.value.hint.endswith(done.successor)
    with contextlib.closing((opened := load_log(old)).store), pytest.raises(FrozenError):
        opened.log.freeze(frozen=False)
    with open_embedded(tmp_path / "new") as ledger:
        assert ledger.append(envelope(9), SIGNER.public).index == 1


@pytest.mark.parametrize("step", ["init_ledger", "_end", "_follow"])
def test_a_rotation_that_was_interrupted_goes_on(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """After each step the process ends once; the same command again leaves what one run would have left."""
    real = getattr(rotation, step)

    def die(*args: object, **options: object) -> None:
        real(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(rotation, step, die)
        with pytest.raises(KeyboardInterrupt):
            rotate_log(old, tmp_path / "new", origin="log2.example")
    done = [rotate_log(old, tmp_path / "new", origin="log2.example") for _ in range(2)]
    assert done[0] == done[1]
    assert (head(old)[2].size, head(tmp_path / "new")[2].size) == (4, 1)


def test_a_log_ends_once(old: Path, tmp_path: Path) -> None:
    rotate_log(old, tmp_path / "new", origin="log2.example")
    with pytest.raises(ConfigError, match="has entries already"):
        rotate_log(tmp_path / "new", old, origin="log1.example")
    with pytest.raises(ConfigError, match="has ended already"):
        rotate_log(old, tmp_path / "third", origin="log3.example")
    assert not (tmp_path / "third").exists()
    with pytest.raises(ConfigError, match="has ended already"):
        rotate_log(old, tmp_path / "fourth", origin="log2.example")


def test_a_log_that_follows_has_another_name_and_an_empty_folder(old: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another name"):
        rotate_log(old, tmp_path / "new", origin="log1.example")
    init_ledger(tmp_path / "other", origin="other.example")
    with pytest.raises(ConfigError, match="another ledger"):
        rotate_log(old, tmp_path / "other", origin="log2.example")
    assert head(old)[2].size == 3


def test_a_restored_log_ends_at_what_was_seen_and_signs_nothing_more(old: Path, tmp_path: Path) -> None:
    backup_log(old, tmp_path / "b", with_key=True)
    restore_log(tmp_path / "b", tmp_path / "back", seen=[])
    done = rotate_log(tmp_path / "back", tmp_path / "new", origin="log2.example")
    assert (done.final.size, head(tmp_path / "back")[2].size) == (3, 3)
    assert said_about(tmp_path / "new", done.vkey)[0].role is Role.FOLLOWS


def test_a_succession_reads_as_it_was_written_and_nothing_else_does() -> None:
    one, two = (LogKey(name, bytes(32)) for name in ("log1.example", "log2.example"))
    note = f"{two.name}\n0\nx\n\n\u2014 {two.name} AAAAAAA=\n"
    said = Succession(role=Role.ENDS, log=one.vkey, other=two.vkey, checkpoint=note)
    assert parse_succession(parse_statement(format_succession(said))) == said
    members = {"role": "ends", "log": one.vkey, "other": two.vkey, "checkpoint": note}
    subject = Subject(name="change", sha256=two.note_key.log_id.hex())
    for change in ({"role": "other"}, {"log": "x"}, {"checkpoint": "x"}, {"other": one.vkey}, {"role": None}, {"more": "x"}):
        payload = format_statement((subject,), PredicateType.SUCCESSION, {**members, **change})
        with pytest.raises(StatementError):
            parse_succession(parse_statement(payload))
