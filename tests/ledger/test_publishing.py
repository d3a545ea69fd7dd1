# SPDX-License-Identifier: Apache-2.0
"""Checkpoints get cosigned and published beside the appends: in rounds over real witnesses, and by a server over three processes."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from byline.core.checkpoint import open_cosigned
from byline.core.facets import Query
from byline.core.merkle import check_inclusion, hash_leaf
from byline.core.tlog_policy import TlogPolicy, parse_tlog_policy
from byline.errors import ConfigError, LedgerUnavailableError
from byline.keys.cosigners import WitnessKey, load_witness_verifier
from byline.keys.ed25519 import LogKey, LogVerifier, load_verifier
from byline.log.client import LedgerClient
from byline_cli.main import main
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import init_ledger, load_log
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.log import Log
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.publishing import FIRST_PAUSE_SECONDS, REFRESH_SECONDS, Publisher
from byline_ledger.engine.witness import Witness
from byline_ledger.server.publish import load_policy
from serving import SIGNER, envelope, memory_log, submission
from until import wait_until
from witnesses import BYLINE, make_witness, witnessed_serving, witnessing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import Store
    from byline.core.tlog_policy import PolicyWitness

KEY = LogKey("log.example", bytes(32))
LOG = LogVerifier(KEY.note_key)
NAMES = ("w1", "w2", "w3")
KEYS = {name: WitnessKey(f"{name}.example", name.encode() * 16) for name in NAMES}
VERIFIERS = {name: load_witness_verifier(key.vkey) for name, key in KEYS.items()}


def policy(quorum: int = 2) -> TlogPolicy:
    witnesses = [f"witness {name} {key.vkey} https://{name}.example" for name, key in KEYS.items()]
    text = "\n".join([f"log {KEY.vkey}", *witnesses, f"group all {quorum} {' '.join(NAMES)}", "quorum all", ""])
    return parse_tlog_policy(text.encode())


@dataclass
class Bench:
    """A log, three witnesses of it that can be away, and a clock."""

    store: Store = field(default_factory=MemoryStore)
    now: float = 0.0
    away: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = Log(self.store, KEY)
        self.witnesses = {name: Witness(MemoryStore(), [key], [LOG], lambda: 1763714900) for name, key in KEYS.items()}
        with self.store.write() as writer:
            self.log.start(writer)

    def ask(self, witness: PolicyWitness, request: str) -> tuple[int, str]:
        self.asked.append((witness.name, request.split("\n", 1)[0]))
        if witness.name in self.away:
            raise LedgerUnavailableError("nobody there")
        answer = self.witnesses[witness.name].add_checkpoint(request.encode())
        return answer.status, self.lines.get(witness.name, answer.text)

    def append(self, *numbers: int) -> None:
        admission = Admission()
        self.log.append([admission.admit(envelope(number), SIGNER.public) for number in numbers])

    def publisher(self, *, quorum: int = 2, required: bool = False) -> Publisher:
        made = Publisher(self.log, self.store, policy(quorum), self.ask, clock=lambda: self.now, required=required)
        made.begin()
        return made

    def shown(self) -> tuple[int, set[str]]:
        """Return the size of the checkpoint that readers are shown, and whose good cosignatures it has."""
        checkpoint, cosigned = open_cosigned(self.log.checkpoint(), LOG, list(VERIFIERS.values()))
        return checkpoint.size, {name for name, each in VERIFIERS.items() if each in cosigned}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_checkpoint_is_published_with_a_quorum(bench: Bench) -> None:
    with bench.publisher() as publisher:
        bench.append(1, 2, 3)
        publisher.round()
        size, cosigned = bench.shown()
        assert (size, len(cosigned) >= 2, publisher.has_quorum) == (3, True, True)


def test_receipts_carry_the_cosigned_checkpoint_when_it_is_there(bench: Bench) -> None:
    """What was logged after it has a receipt of the newest checkpoint: nobody waits for a witness."""
    with bench.publisher(quorum=3) as publisher:
        bench.append(1, 2, 3)
        publisher.round()
        bench.append(4)
        for number, size in ((1, 3), (3, 3), (4, 4)):
            receipt = bench.log.find(Query(subject=bytes.fromhex(f"{number:064x}"))).entries[0].receipt
            checkpoint, cosigned = open_cosigned(receipt.checkpoint, LOG, list(VERIFIERS.values()))
            assert (checkpoint.size, len(cosigned)) == (size, 3 if size == 3 else 0)
            check_inclusion(receipt.proof, leaf=hash_leaf(receipt.leaf), root=checkpoint.root)
        assert len(open_cosigned(bench.log.entries(0, limit=3).checkpoint, LOG, list(VERIFIERS.values()))[1]) == 3


def test_without_a_quorum_the_log_fails_open(bench: Bench) -> None:
    bench.away = {"w1", "w2"}
    with bench.publisher(quorum=3) as publisher:
        bench.append(1)
        publisher.round()
        assert bench.shown() == (1, {"w3"})
        assert (publisher.has_quorum, publisher.states["w1"].failures, publisher.states["w1"].problem) == (False, 1, "nobody there")
        bench.away.clear()
        bench.now += FIRST_PAUSE_SECONDS
        publisher.round()
        assert (bench.shown(), publisher.has_quorum, publisher.states["w1"].failures) == ((1, set(NAMES)), True, 0)


def test_with_required_the_log_fails_closed(bench: Bench) -> None:
    bench.append(1)
    with bench.publisher(required=True) as publisher:
        with pytest.raises(LedgerUnavailableError, match="no quorum"):
            bench.log.checkpoint()
        publisher.round()
        assert bench.shown()[0] == 1
        bench.away = {"w1", "w2"}
        bench.append(2)
        publisher.round()
        assert bench.shown()[0] == 1
        bench.away.clear()
        bench.now += 100
        publisher.round()
        assert bench.shown()[0] == 2


def test_a_witness_that_fails_is_left_alone_for_a_while_that_doubles(bench: Bench) -> None:
    bench.away = {"w3"}
    with bench.publisher(quorum=3) as publisher:
        bench.append(1)
        tries = []
        for second in range(40):
            bench.now, before = float(second), len(bench.asked)
            publisher.round()
            tries += [second] if ("w3", "old 0") in bench.asked[before:] else []
        assert tries == [0, 1, 3, 7, 15, 31]


def test_a_log_that_does_not_grow_is_cosigned_again_now_and_then(bench: Bench) -> None:
    with bench.publisher(quorum=3) as publisher:
        bench.append(1)
        for second in (0, 1, 2, REFRESH_SECONDS - 1):
            bench.now = second
            publisher.round()
        assert len(bench.asked) == 3
        bench.now = REFRESH_SECONDS + 1
        publisher.round()
        assert bench.asked[3:].count(("w1", "old 1")) == 1


def test_what_a_witness_cosigned_is_remembered_and_what_it_says_itself_wins(bench: Bench) -> None:
    with bench.publisher(quorum=3) as publisher:
        bench.append(1, 2)
        publisher.round()
    bench.append(3)
    with bench.publisher(quorum=3) as publisher:
        publisher.round()
        assert {old for _, old in bench.asked[3:]} == {"old 2"}
    with bench.store.write() as writer:
        writer.set_state("witness:w1", b"1")
    bench.append(4)
    with bench.publisher(quorum=3) as publisher:
        publisher.round()
        assert [old for name, old in bench.asked if name == "w1"][-2:] == ["old 1", "old 3"]
        assert bench.shown() == (4, set(NAMES))


def test_a_witness_that_has_seen_more_than_the_log_has_is_an_alarm(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The log was restored from an old backup, say: its next entries would be a second history."""
    older = Bench()
    bench.append(1, 2, 3)
    with bench.publisher(quorum=3) as publisher:
        publisher.round()
    older.witnesses = bench.witnesses
    older.append(1)
    with older.publisher(quorum=1) as publisher:
        publisher.round()
        assert "was the log set back?" in publisher.states["w1"].problem
        assert older.shown() == (1, set())
    told = next(record for record in caplog.records if record.levelname == "CRITICAL")
    assert told.getMessage() == "a witness has seen more than there is"
    assert "was the log set back?" in told.__dict__["facts"]["why"]


def test_another_server_of_the_log_that_was_first_is_no_alarm(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Several front ends ask the same witnesses: who comes second with an older head is told the newer size."""
    first, lock, moved = bench.publisher(quorum=3), threading.Lock(), False

    def late(witness: PolicyWitness, request: str) -> tuple[int, str]:
        nonlocal moved
        with lock:
            if not moved:
                moved = True
                bench.append(2)
                first.round()
        return bench.ask(witness, request)

    bench.append(1)
    with first, Publisher(bench.log, bench.store, policy(3), late, clock=lambda: bench.now) as second:
        second.round()
        assert {each.failures for each in second.states.values()} == {1}
    assert bench.shown() == (2, set(NAMES))
    assert not any(record.levelname == "CRITICAL" for record in caplog.records)


@pytest.mark.parametrize("line", ["", "garbage\n", "\u2014 w1.example AAAAAA==\n", "\u2014 other.example AAAAAQI=\n"])
def test_what_is_no_good_cosignature_is_none(bench: Bench, line: str) -> None:
    bench.lines["w1"] = line
    with bench.publisher(quorum=3) as publisher:
        bench.append(1)
        publisher.round()
        publisher.round()
        assert bench.shown() == (1, {"w2", "w3"})
        assert publisher.states["w1"].failures == 1


def test_what_is_shown_never_goes_back(bench: Bench) -> None:
    """L13: whoever is away, and whether a quorum is required from now on or no longer."""
    bench.append(*range(5))
    sizes = [bench.shown()[0]]
    for number, (away, required) in enumerate([((), False), (("w1", "w2"), False), (NAMES, True), (("w3",), True), (NAMES, False)]):
        bench.away = set(away)
        bench.now += 1000
        with bench.publisher(required=required) as publisher:
            sizes.append(bench.shown()[0])
            bench.append(10 + number)
            publisher.round()
            sizes.append(bench.shown()[0])
    assert sizes == sorted(sizes)
    assert sizes[-1] == 10


def test_a_log_with_an_ml_dsa_key_signs_what_it_publishes_with_both(tmp_path: Path) -> None:
    command = [*BYLINE[:-1], "init", tmp_path / "ledger", "--origin", "ledger.example", "--ml-dsa"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "no ML-DSA-44 key can be made" in done.stderr:
        pytest.skip(done.stderr)
    own, second = done.stdout.splitlines()
    with witnessed_serving(tmp_path / "ledger") as (_, url, _), LedgerClient(url) as client:
        client.append(envelope(1), SIGNER.public)

        def is_signed() -> bool:
            checkpoint, by = open_cosigned(client.checkpoint(), load_verifier(own), [load_witness_verifier(second)])
            return (checkpoint.size, len(by)) == (1, 1)

        wait_until(is_signed)


def test_fsck_looks_at_what_readers_are_shown(tmp_path: Path) -> None:
    init_ledger(tmp_path)
    opened = load_log(tmp_path)
    opened.log.append([submission(number) for number in range(3)])
    old = opened.log.checkpoint()
    opened.log.append([submission(3)])
    other = memory_log().checkpoint()
    notes = {
        b"": [],
        old.encode(): [],
        old.replace("\n3\n", "\n2\n").encode(): ["published checkpoint"],
        other.encode(): ["published checkpoint"],
    }
    for note, wrong in notes.items():
        with opened.store.write() as writer:
            writer.set_state("published", note)
        assert [each.where for each in check_ledger(tmp_path).findings] == wrong
    opened.store.close()


def _policies() -> Iterator[tuple[str, str]]:
    yield "quorum w\n", "line 1"
    yield f"log {LogKey('other.example', bytes(32)).vkey}\nquorum none\n", "other logs"
    yield f"witness w1 {KEYS['w1'].vkey}\nquorum w1\n", "does not say where w1 is"
    yield f"witness w1 {KEYS['w1'].vkey} http://w1.example\nquorum w1\n", "loopback only"
    yield f"witness w1 {KEYS['w1'].vkey} ftp://w1.example\nquorum w1\n", "is to be asked at"


@pytest.mark.parametrize(("text", "why"), list(_policies()), ids=lambda each: str(each)[:20])
def test_a_policy_that_cannot_be_followed_is_refused_at_the_start(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(ConfigError, match=why):
        load_policy(tmp_path / "p", KEY.vkey)
    with pytest.raises(ConfigError, match="cannot read"):
        load_policy(tmp_path / "none", KEY.vkey)


@pytest.mark.slow
@pytest.mark.parametrize("required", [False, True])
def test_a_server_publishes_what_three_witnesses_cosigned(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, required: bool) -> None:
    """Two of three are a quorum: one may die. A receipt that the log then gives is witnessed under trust."""
    folder = tmp_path / "ledger"
    vkey = init_ledger(folder)
    names = {f"w{number}.example": tmp_path / f"w{number}" for number in (1, 2, 3)}
    vkeys = {name: make_witness(place, name)[0] for name, place in names.items()}
    log, verifiers = load_verifier(vkey), [load_witness_verifier(each) for each in vkeys.values()]
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(witnessing(place, vkey)) for name, place in names.items()}
        lines = [f"log {vkey}", *(f"witness {name} {vkeys[name]} {each.url}" for name, each in running.items())]
        (tmp_path / "policy").write_text("\n".join([*lines, f"group all 2 {' '.join(names)}", "quorum all", ""]))
        with witnessed_serving(folder, tmp_path / "policy", required=required) as (process, url, web), LedgerClient(url) as client:

            def cosigned(size: int, votes: int) -> bool:
                with contextlib.suppress(LedgerUnavailableError):
                    checkpoint, by = open_cosigned(client.checkpoint(), log, verifiers)
                    return checkpoint.size >= size and len(by) >= votes
                return False

            assert client.append(envelope(1), SIGNER.public).index == 0
            wait_until(lambda: cosigned(1, 2))
            running["w1.example"].process.kill()
            client.append(envelope(2), SIGNER.public)
            wait_until(lambda: cosigned(2, 2))
            (bundle,) = client.find(f"{1:064x}")
            assert bundle.receipt
            assert len(open_cosigned(bundle.receipt.checkpoint, log, verifiers)[1]) == 2
            running["w2.example"].process.kill()
            assert client.append(envelope(3), SIGNER.public).index == 2
            assert main(["ledger", "stats", str(folder)]) == 0
            assert "witness     w3.example cosigned " in capsys.readouterr().out
            counted = httpx.get(f"{web}/metrics").text
            assert "byline_ledger_witness_quorum" in counted
            if required:
                assert not cosigned(3, 0)
            else:
                wait_until(lambda: cosigned(3, 0))
            process.terminate()
            assert process.wait(timeout=60) == 0
