# SPDX-License-Identifier: Apache-2.0
"""A monitor against an honest log, and against a second log under the same key."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.fork import Fork, check_fork
from byline.errors import ConfigError, LogForkError, MalformedError, ProofError, SignatureError, StaleError
from byline.keys.ed25519 import LogKey, LogVerifier
from byline.keys.ids import key_id
from byline.log.monitor import Monitor, Sighting, read_seen
from byline.log.tiled import open_tiles
from byline.testing import fixed_signer
from published import KEY, PublishedLog, leaf

if TYPE_CHECKING:
    from pathlib import Path

MINE, THEIRS = fixed_signer(1), fixed_signer(2)
VERIFIER = LogVerifier(KEY.note_key)
WATCHED = frozenset({key_id(THEIRS.public)})


@pytest.fixture
def log(tmp_path: Path) -> PublishedLog:
    return PublishedLog(tmp_path / "log")


class Watch:
    """A monitor with its state in a folder of the test; `look` returns size, size before, and the sightings."""

    def __init__(self, log: PublishedLog, watched: frozenset[str] = frozenset()) -> None:
        self.state = log.folder.parent / "state" / "monitor.json"
        self.monitor = Monitor(open_tiles(str(log.folder)), VERIFIER, self.state, watched=watched)

    def look(self) -> tuple[int, int, list[int]]:
        seen: list[Sighting] = []
        found = self.monitor.look(seen.append)
        return found.checkpoint.size, found.before, [each.index for each in seen]


def test_a_log_that_grows_is_followed_from_the_state(log: PublishedLog) -> None:
    log.append([leaf(n) for n in range(3)])
    assert Watch(log).look() == (3, 0, [])
    assert Watch(log).look() == (3, 3, [])
    log.append([leaf(n) for n in range(3, 300)])
    assert Watch(log).look() == (300, 3, [])


def test_entries_under_a_watched_key_are_told_once(log: PublishedLog) -> None:
    log.append([leaf(0), leaf(1, THEIRS)])
    assert Watch(log, WATCHED).look() == (2, 0, [1])
    log.append([*(leaf(n) for n in range(2, 299)), leaf(299, THEIRS), leaf(300)])
    assert Watch(log, WATCHED).look() == (301, 2, [299])
    assert Watch(log, WATCHED).look() == (301, 301, [])


def test_a_key_that_was_not_watched_before_is_looked_for_from_the_first_entry(log: PublishedLog) -> None:
    log.append([leaf(0), leaf(1, THEIRS)])
    Watch(log).look()
    assert Watch(log, WATCHED).look() == (2, 2, [1])
    assert Watch(log, WATCHED | {key_id(MINE.public)}).look() == (2, 2, [0, 1])
    assert Watch(log, WATCHED).look() == (2, 2, [])


def test_a_monitor_that_dies_while_it_tells_tells_again(log: PublishedLog) -> None:
    log.append([leaf(1, THEIRS)])

    def die(_: Sighting) -> None:
        raise KeyboardInterrupt

    watch = Watch(log, WATCHED)
    with pytest.raises(KeyboardInterrupt):
        watch.monitor.look(die)
    assert watch.look() == (1, 0, [0])


def test_entries_of_other_kinds_are_counted(log: PublishedLog) -> None:
    log.append([b"something else", leaf(1, THEIRS)])
    assert Watch(log, WATCHED).monitor.look(lambda _: None).unread == 1


def caught_fork(log: PublishedLog) -> LogForkError:
    watch = Watch(log)
    before = watch.state.read_bytes()
    with pytest.raises(LogForkError) as caught:
        watch.look()
    assert watch.state.read_bytes() == before
    error = caught.value
    check_fork(Fork(vkey=KEY.vkey, old=error.old, new=error.new, begins=error.begins, proof=error.proof), VERIFIER)
    return error


@pytest.mark.parametrize("size", [5, 6, 300])
def test_another_history_under_the_same_key_is_a_fork(log: PublishedLog, size: int) -> None:
    """The same size with another root, and a longer log that does not begin with what was seen."""
    log.append([leaf(n) for n in range(5)])
    Watch(log).look()
    PublishedLog(log.folder).append([leaf(n + 1000) for n in range(size)])
    assert "signed" in str(caught_fork(log)) or size == 5


def test_a_log_that_was_set_back_and_grew_again_is_a_fork(log: PublishedLog) -> None:
    log.append([leaf(n) for n in range(5)])
    Watch(log).look()
    other = PublishedLog(log.folder)
    other.append([leaf(n) for n in range(3)])
    with pytest.raises(StaleError):
        Watch(log).look()
    other.append([leaf(n + 1000) for n in range(4)])
    caught_fork(log)


def test_two_monitors_that_were_shown_two_logs_can_prove_it(log: PublishedLog, tmp_path: Path) -> None:
    """A split view: each saw a log that only grows. One state against the other's log is the proof."""
    other = PublishedLog(tmp_path / "elsewhere" / "log")
    log.append([leaf(n) for n in range(5)])
    other.append([leaf(n + 1000) for n in range(7)])
    Watch(log).look()
    Watch(other).look()
    with pytest.raises(LogForkError):
        Monitor(open_tiles(str(other.folder)), VERIFIER, Watch(log).state).look(lambda _: None)


def test_a_changed_tile_is_no_fork_and_changes_nothing(log: PublishedLog) -> None:
    log.append([leaf(n) for n in range(5)])
    Watch(log).look()
    log.append([leaf(5)])
    (log.folder / "tile/0/000.p/6").write_bytes(bytes(6 * 32))
    with pytest.raises(ProofError):
        Watch(log).look()
    log.append([])
    assert Watch(log).look() == (6, 5, [])


def test_a_changed_bundle_is_not_believed(log: PublishedLog) -> None:
    log.append([leaf(0)])
    (log.folder / "tile/entries/000.p/1").write_bytes(len(leaf(9)).to_bytes(2, "big") + leaf(9))
    with pytest.raises(ProofError):
        Watch(log, WATCHED).look()


def test_a_checkpoint_of_another_key_is_refused(log: PublishedLog) -> None:
    PublishedLog(log.folder, LogKey("log.example", b"x" * 32)).append([leaf(0)])
    with pytest.raises(SignatureError):
        Watch(log).look()


def test_the_state_of_another_log_is_not_touched(log: PublishedLog) -> None:
    log.append([leaf(0)])
    watch = Watch(log)
    watch.look()
    other = LogKey("other.example", bytes(32))
    PublishedLog(log.folder, other).append([leaf(0)])
    with pytest.raises(ConfigError, match="another log"):
        Monitor(open_tiles(str(log.folder)), LogVerifier(other.note_key), watch.state).look(lambda _: None)


def test_a_state_that_cannot_be_read_is_not_begun_anew(log: PublishedLog) -> None:
    """Whoever loses the state would believe a fork at the next look."""
    log.append([leaf(0)])
    watch = Watch(log)
    watch.look()
    watch.state.write_bytes(watch.state.read_bytes()[:-5])
    with pytest.raises(ConfigError, match="not the state"):
        watch.look()


members = st.sampled_from(["schema", "vkey", "checkpoint", "watched", "other"])
values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=3) | st.just("byline.monitor/1")


@given(st.binary() | st.dictionaries(members, values).map(lambda value: json.dumps(value).encode()))
def test_whatever_a_state_file_holds_it_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        read_seen(data)
