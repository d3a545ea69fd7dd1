# SPDX-License-Identifier: Apache-2.0
"""A witness: the vectors against a real process, and that it never cosigns two histories."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.checkpoint import Checkpoint, format_checkpoint, open_cosigned
from byline.core.merkle import hash_leaf, prove_consistency, read_nodes, root_of
from byline.core.note import sign_note
from byline.core.tlog_witness import SIZE_TYPE, AddCheckpoint, format_add_checkpoint, parse_add_checkpoint, parse_witness_size
from byline.errors import CheckpointError, ConfigError, LedgerError
from byline.keys.cosigners import WitnessKey, load_witness_verifier
from byline.keys.ed25519 import LogKey, LogVerifier, load_verifier
from byline_ledger.engine.memory import MemoryStore
from byline_ledger.engine.sqlite import SqliteStore
from byline_ledger.engine.witness import Answer, Witness
from byline_ledger.server.witness import DATABASE, init_witness, load_keys
from witnesses import BYLINE, make_witness, witnessing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.ports import Store

VECTORS = Path(__file__).parents[1] / "vectors"
LOG_VKEY = json.loads((VECTORS / "note.json").read_text())["log"]["vkey"]
STEPS = json.loads((VECTORS / "witness.json").read_text())["steps"]
LOG = LogKey("log.example", bytes(32))
KEY = WitnessKey("witness.example", bytes(range(32)))
VERIFIER = load_witness_verifier(KEY.vkey)
# Two histories that part after entry 5.
HISTORIES = [[hash_leaf(b"%d%d" % (number, branch * (number > 5))) for number in range(40)] for branch in (0, 1)]


def checkpoint(size: int, branch: int = 0, key: LogKey = LOG) -> str:
    root = root_of(size, read_nodes(HISTORIES[branch]))
    return sign_note(format_checkpoint(Checkpoint(origin="log.example", size=size, root=root)), [key])


def ask(old: int, new: int, branch: int = 0) -> bytes:
    hashes = prove_consistency(old, new, read_nodes(HISTORIES[branch])).hashes if old <= new else ()
    return format_add_checkpoint(AddCheckpoint(old=old, hashes=hashes, checkpoint=checkpoint(new, branch))).encode()


def witness(store: Store | None = None) -> Witness:
    return Witness(store or MemoryStore(), [KEY], [LogVerifier(LOG.note_key)], lambda: 1763714900.9)


def test_all_vectors_against_a_process(tmp_path: Path) -> None:
    """13 of 13, in order; each cosignature is good, and the last checkpoint can be read again."""
    vkeys = make_witness(tmp_path / "w", "witness.byline.test/w1")
    verifier, log = load_witness_verifier(vkeys[0]), load_verifier(LOG_VKEY)
    with witnessing(tmp_path / "w", LOG_VKEY) as running:
        for step in STEPS:
            status, text, kind = running.post(step["request"])
            assert (status, step["why"]) == (step["status"], step["why"]), text
            assert text == step.get("response", text)
            if status == 409:
                assert kind == SIZE_TYPE
            if status == 200:
                note = step["request"].split("\n\n", 1)[1] + text
                assert open_cosigned(note, log, [verifier])[1] == (verifier,)
        origin = hashlib.sha256(b"ledger.byline.test/log1").hexdigest()
        status, text, _ = running.get(f"{origin}/checkpoint")
        assert (status, open_cosigned(text, log, [verifier])[0].size) == (200, 8)
        for path in (f"{'0' * 64}/checkpoint", "x/checkpoint", "add-checkpoint/", ""):
            assert running.get(path)[0] == 404
        assert running.get("healthz")[0] == 200
        assert running.post("x" * 300_000)[0] == 413
        running.process.terminate()
        assert running.process.wait(timeout=60) == 0


def test_what_was_cosigned_is_remembered_after_a_kill(tmp_path: Path) -> None:
    """L12: it was on the disk before it was answered."""
    make_witness(tmp_path / "w", "witness.example")
    with witnessing(tmp_path / "w", LOG.vkey) as running:
        assert running.post(ask(0, 7).decode())[0] == 200
        running.process.kill()
    with witnessing(tmp_path / "w", LOG.vkey) as running:
        assert running.post(ask(0, 9).decode())[:2] == (409, "7\n")
        assert running.post(ask(7, 9).decode())[0] == 200


def test_a_witness_with_two_keys_signs_with_both(tmp_path: Path) -> None:
    """An old verifier counts the Ed25519 line, a new one may ask for ML-DSA-44."""
    try:
        vkeys = init_witness(tmp_path, "witness.example", post_quantum=True)
    except CheckpointError as error:
        pytest.skip(str(error))
    with contextlib.closing(SqliteStore(tmp_path / DATABASE)) as store:
        answer = Witness(store, load_keys(tmp_path), [LogVerifier(LOG.note_key)], lambda: 7).add_checkpoint(ask(0, 7))
    verifiers = [load_witness_verifier(each) for each in vkeys]
    assert len(open_cosigned(checkpoint(7) + answer.text, LogVerifier(LOG.note_key), verifiers)[1]) == 2


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 1)), max_size=12))
def test_it_never_cosigns_two_histories(asked: list[tuple[int, int, int]]) -> None:
    """L12: whatever a log asks, in whatever order, all that one witness cosigned is one history, and never goes back."""
    keeper, cosigned = witness(), []
    for old, new, branch in asked:
        answer = keeper.add_checkpoint(ask(old, new, branch))
        if answer.status == 200:
            note = checkpoint(new, branch) + answer.text
            cosigned.append(open_cosigned(note, LogVerifier(LOG.note_key), [VERIFIER])[0])
        elif answer.status == 409:
            assert parse_witness_size(answer.text) == (cosigned[-1].size if cosigned else 0)
    assert [each.size for each in cosigned] == sorted(each.size for each in cosigned)
    histories = {branch for branch in (0, 1) if all(each.root == root_of(each.size, read_nodes(HISTORIES[branch])) for each in cosigned)}
    assert histories


def test_two_requests_at_once_cannot_set_it_back(tmp_path: Path) -> None:
    """Each of two processes' worth of threads asks for its own growth from 3: one is cosigned."""
    stores = [SqliteStore(tmp_path / "w.db", create=True), SqliteStore(tmp_path / "w.db")]
    keepers = [witness(each) for each in stores]
    assert keepers[0].add_checkpoint(ask(0, 3)).status == 200
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda keeper=keeper, new=new: answers.append(keeper.add_checkpoint(ask(3, new))))
        for new, keeper in zip((5, 9), keepers, strict=True)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.status for each in answers) == [200, 409]
    for each in stores:
        each.close()


def test_nothing_is_answered_that_was_not_kept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "w.db", create=True)
    store.close()
    with pytest.raises(LedgerError):
        witness(store).add_checkpoint(ask(0, 3))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (ask(0, 3).replace(b"old 0\n", b"old 00\n"), 400),
        (ask(0, 3).replace(b"old 0\n", b"old -1\n"), 400),
        (ask(0, 3).replace(b"old 0\n", b"old 0\nAAAA\n"), 400),
        (ask(0, 3).replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n"), 422),
        (ask(0, 3).replace(b"old 0\n", b"old 0\n" + (b"A" * 43 + b"=\n") * 64), 400),
        (ask(0, 0), 200),
        (ask(0, 0).replace(b"47DEQpj8", b"47DEQpj9"), 422),
        (f"old 0\n\n{checkpoint(3, key=LogKey('log.example', bytes(range(32))))}".encode(), 403),
    ],
    ids=range(10),
)
def test_what_is_answered_to_a_first_request(body: bytes, status: int) -> None:
    assert witness().add_checkpoint(body).status == status


@given(st.text(max_size=60))
def test_any_request_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(CheckpointError):
        assert format_add_checkpoint(parse_add_checkpoint(text)) == text
    assert witness().add_checkpoint(text.encode("utf-8", "surrogatepass")).status == 400


def test_a_witness_without_its_memory_does_not_begin_anew(tmp_path: Path) -> None:
    init_witness(tmp_path, "w.example")
    with pytest.raises(ConfigError, match="already"):
        init_witness(tmp_path, "w.example")
    (tmp_path / DATABASE).unlink()
    with pytest.raises(ConfigError, match="is gone"):
        load_keys(tmp_path)


def _wrong() -> Iterator[tuple[list[str], str]]:
    yield ["--log", LOG.vkey], "there is no witness here"
    yield [], "a witness of which logs?"
    yield ["--log", "nonsense"], "not the logs of a witness"
    yield ["--log", LOG.vkey, "--listen", "0.0.0.0:1"], "without TLS"
    yield ["--log", LOG.vkey, "--certificate", "x.pem"], "go together"
    yield ["--logs", "none.policy"], "cannot read none.policy"
    yield ["--new", "a name"], "cannot make the witness"


@pytest.mark.parametrize(("options", "why"), list(_wrong()), ids=str)
def test_an_obvious_mistake_is_told(tmp_path: Path, options: list[str], why: str) -> None:
    done = subprocess.run([*BYLINE, tmp_path / "w", *options], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
