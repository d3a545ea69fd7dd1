# SPDX-License-Identifier: Apache-2.0
"""Several front ends, real processes, on one database in PostgreSQL: they make one log, whoever of them dies when."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from byline.core.checkpoint import open_checkpoint
from byline.core.index_keys import index_keys
from byline.core.merkle import check_consistency, check_inclusion, hash_leaf
from byline.core.sealed_index import open_rows, open_seal
from byline.core.statement import parse_statement
from byline.errors import ConfigError, LedgerError, LedgerUnavailableError
from byline.keys.ed25519 import LogVerifier, load_log_key
from byline.log.client import LedgerClient
from byline_ledger.engine.files import DATABASE, KEY, URL, init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from casework import SIGNERS, ai, authorship, claim, signed
from postgres import end_connections
from serving import SIGNER, envelope, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from byline.core.bundle import Receipt
    from byline.core.ports import Ledger
    from postgres import Postgres

FRONT_ENDS = 3


@pytest.fixture
def places(tmp_path: Path, postgres: Postgres) -> list[Path]:
    """The folders of some front ends: the same key, the same URL, and nothing else."""
    first, *others = (tmp_path / f"front{number}" for number in range(FRONT_ENDS))
    init_ledger(first, database=postgres.empty())
    assert sorted(each.name for each in first.iterdir()) == [URL, KEY]
    for place in others:
        shutil.copytree(first, place)
    return [first, *others]


def verifier_of(place: Path) -> LogVerifier:
    return LogVerifier(load_log_key(place / KEY).note_key)


def check_all(place: Path, ledger: Ledger, receipts: Sequence[Receipt]) -> None:
    """Check that what was promised is kept, and that every index is that of one statement."""
    verifier = verifier_of(place)
    now = open_checkpoint(ledger.checkpoint(), verifier)
    for receipt in receipts:
        then = open_checkpoint(receipt.checkpoint, verifier)
        check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=then.root)
        check_consistency(ledger.consistency(then.size, now.size), old=then.root, new=now.root)
    assert len({(receipt.index, receipt.leaf) for receipt in receipts}) == len({receipt.index for receipt in receipts})
    report = check_ledger(place)
    assert (report.entries, report.findings) == (now.size, ())


def test_front_ends_make_one_log(places: list[Path]) -> None:
    """What one logged, all prove and find, and none logs again."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(LedgerClient(stack.enter_context(serving(place))[1])) for place in places]
        receipts = [client.append(envelope(number), SIGNER.public) for number, client in enumerate(clients)]
        assert [each.index for each in receipts] == [0, 1, 2]
        for client in clients:
            assert [client.append(envelope(number), SIGNER.public).index for number in range(3)] == [0, 1, 2]
            assert [len(client.find(f"{number:064x}")) for number in range(4)] == [1, 1, 1, 0]
            check_all(places[0], client, receipts)


def test_a_front_end_shows_what_another_signed(places: list[Path]) -> None:
    with serving(places[0]) as (_, one), serving(places[1]) as (_, other), LedgerClient(one) as writer, LedgerClient(other) as watcher:
        writer.append(envelope(1), SIGNER.public)
        note, _ = next(watcher.watch())
        assert "\n1\n" in note


def test_what_one_logged_is_in_the_proof_that_another_gives(places: list[Path]) -> None:
    """No front end shows an index from before what any of them had answered."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(LedgerClient(stack.enter_context(serving(place))[1])) for place in places]
        for number in range(9):
            claimed = claim(b"a.py", b"1\n", b"%d\n" % (number + 2), ai(None))
            sent = signed(authorship(claimed, seq=number + 1), "p-ana").envelope
            index = clients[number % 3].append(sent, SIGNERS["p-ana"].public).index
            keys = index_keys(parse_statement(sent.payload))
            for client in clients:
                proof = client.prove_index(keys)
                seal = open_seal(proof.seal, proof.hashes, open_checkpoint(proof.checkpoint, verifier_of(places[0])))
                assert all(index in open_rows(key, seal, slices) for key, slices in zip(keys, proof.found, strict=True))
    assert check_ledger(places[0]).findings == ()


class Fleet:
    """Front ends, one for each of `places`; who is killed comes back, at another address."""

    def __init__(self, places: Sequence[Path], stack: contextlib.ExitStack) -> None:
        self._places = places
        self._stack = stack
        self._running = [stack.enter_context(serving(place)) for place in places]
        self.is_attacked = True

    def kill(self, number: int) -> None:
        self._running[number][0].kill()
        self._running[number] = self._stack.enter_context(serving(self._places[number]))

    def append(self, number: int, chance: random.Random) -> Receipt:
        """Append as a client that is told of several front ends: if one does not answer, the next one may."""
        while True:
            _, url = chance.choice(self._running)
            with contextlib.suppress(LedgerUnavailableError), LedgerClient(url, deadline=5) as client:
                return client.append(envelope(number), SIGNER.public)

    def append_all(self, seed: int) -> list[Receipt]:
        """Append one statement after another, the same as everybody, as long as the fleet is attacked."""
        receipts: list[Receipt] = []
        while self.is_attacked:
            receipts.append(self.append(len(receipts), random.Random(seed + len(receipts))))
        return receipts


def test_front_ends_that_are_killed_at_any_moment_lose_nothing_and_double_nothing(places: list[Path]) -> None:
    """Clients send the same statements to any of three front ends, which get SIGKILL again and again."""
    chance = random.Random(7)
    with contextlib.ExitStack() as stack:
        fleet = Fleet(places, stack)
        with ThreadPoolExecutor(4) as clients:
            asked = [clients.submit(fleet.append_all, 1000 * seed) for seed in range(4)]
            for _ in range(6):
                fleet.kill(chance.randrange(FRONT_ENDS))
            fleet.is_attacked = False
            answers = [each.result(300) for each in asked]
        longest = max(answers, key=len)
        for receipts in answers:
            assert [each.index for each in receipts] == [each.index for each in longest[: len(receipts)]]
        assert sorted(each.index for each in longest) == list(range(len(longest)))
        with serving(places[0]) as (_, url), LedgerClient(url) as client:
            check_all(places[0], client, [*longest[::7], *longest[-20:]])


DYING = """
import os, psycopg
class Dying(psycopg.Connection):
    batches = 0
    def execute(self, query, *given, **named):
        text = query if isinstance(query, bytes) else query.encode()
        Dying.batches += text.startswith(b"INSERT INTO entry")
        # The first are those of a log that is opened.
        mine = text.startswith(STEP) and Dying.batches >= 3
        if mine and not AFTER:
            os.kill(os.getpid(), 9)
        answer = super().execute(query, *given, **named)
        if mine:
            os.kill(os.getpid(), 9)
        return answer
psycopg.connect = Dying.connect
"""
STATEMENTS = (b"BEGIN ISOLATION LEVEL READ COMMITTED", b"INSERT INTO entry", b"UPDATE head", b"COMMIT")


@pytest.mark.parametrize("when", ["not persisted", "persisted, answer lost"])
@pytest.mark.parametrize("step", STATEMENTS, ids=[each.decode().split(" ISO")[0] for each in STATEMENTS])
def test_the_others_go_on_when_the_one_that_writes_dies_around_a_statement(places: list[Path], step: bytes, when: str) -> None:
    """SIGKILL in the front end whose turn it is: the next one waits for nobody, and a statement that was asked again has one index."""
    prelude = f"STEP, AFTER = {step!r}, {when != 'not persisted'}{DYING}"
    receipts: list[Receipt] = []
    with serving(places[1]) as (_, url), LedgerClient(url, deadline=5) as other:
        with serving(places[0], prelude=prelude) as (process, dying), LedgerClient(dying) as client:
            with contextlib.suppress(LedgerUnavailableError):
                while True:
                    receipts.append(client.append(envelope(len(receipts)), SIGNER.public))
            assert process.wait(60) == -signal.SIGKILL
        again = [other.append(envelope(number), SIGNER.public) for number in range(len(receipts) + 1)]
        assert [each.index for each in again] == list(range(len(receipts) + 1))
        check_all(places[1], other, receipts + again)


def test_a_database_that_restarts_is_used_again(places: list[Path]) -> None:
    """What the front ends hold of it ends; they come back without being told."""
    with serving(places[0]) as (_, url), LedgerClient(url) as client:
        receipts = [client.append(envelope(0), SIGNER.public)]
        end_connections((places[0] / URL).read_text().strip())
        receipts.append(client.append(envelope(1), SIGNER.public))
        check_all(places[0], client, receipts)


def test_the_url_of_a_database_is_for_its_owner_only(places: list[Path]) -> None:
    (places[0] / URL).chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        load_log(places[0])


def test_a_ledger_in_a_file_gets_no_other_database(tmp_path: Path, postgres: Postgres) -> None:
    init_ledger(tmp_path)
    with pytest.raises(ConfigError, match="a ledger already"):
        init_ledger(tmp_path, database=postgres.empty())
    assert (tmp_path / DATABASE).exists()
    assert not (tmp_path / URL).exists()


def break_key(place: Path, _: str) -> None:
    (place / KEY).unlink()


def break_tables(_: Path, url: str) -> None:
    with psycopg.connect(url) as operator:
        operator.execute("DROP TABLE turn, entry, identity, source, payload, term, tile, head, state")


@pytest.mark.parametrize(("harm", "error"), [(break_key, ConfigError), (break_tables, LedgerError)])
def test_a_log_whose_key_or_tables_are_gone_is_not_begun_anew(
    tmp_path: Path, postgres: Postgres, harm: Callable[[Path, str], None], error: type[Exception]
) -> None:
    """A second history under one key would be a fork."""
    url = postgres.empty()
    init_ledger(tmp_path / "l", database=url)
    harm(tmp_path / "l", url)
    for call in (lambda: load_log(tmp_path / "l"), lambda: init_ledger(tmp_path / "l", database=url)):
        with pytest.raises(error):
            call()


def test_a_second_begin_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    """The database knows of the log that it has, from whichever folder it is begun, and the folder of its database."""
    url, other = postgres.empty(), postgres.empty()
    init_ledger(tmp_path / "a", database=url)
    for name, database in (("a", url), ("a", other), ("b", url)):
        with pytest.raises(ConfigError, match="already"):
            init_ledger(tmp_path / name, database=database)
    assert not (tmp_path / "b").exists()
    assert init_ledger(tmp_path / "b", database=other)
