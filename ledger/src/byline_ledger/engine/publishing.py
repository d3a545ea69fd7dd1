# SPDX-License-Identifier: Apache-2.0
"""Get a log's checkpoints cosigned, and publish them: beside the appends, which never wait for a witness.

Every so often a *round* is made: each witness of a C2SP tlog-policy is asked to cosign the newest checkpoint (`core.tlog_witness`),
all at once, and what comes back is one more line under it. Once the witnesses that answered are a quorum, the checkpoint is
published with their lines: it is what `Log.checkpoint` returns, and what receipts of entries under it carry. What is published
only grows.

Without a quorum by the end of a round the log fails open: the checkpoint is published with what lines it has. With `required` it
fails closed: the last one that had a quorum stays, and before the first there is none.

1. A witness goes on from the size that it cosigned last. That size is kept in the store; where the witness says another one (409),
   it is asked once more from there.
2. A line counts if it is good under the key that the policy names. Any other answer is no cosignature, whatever its status: the
   witness is left alone for a while that doubles.
3. A witness that has seen more entries than the log has is an alarm: the log was set back, and may be about to fork.
4. A log may have an ML-DSA-44 key beside its own: what is published then has a line under it, too.
5. Who is slow is not waited for once there is a quorum, and is asked again when it has answered.
"""

from __future__ import annotations

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from byline.core.cosignature import split_cosignature
from byline.core.note import NoteSignature, format_signatures, format_vkey, open_note, parse_note, sign_note
from byline.core.tlog_witness import AddCheckpoint, format_add_checkpoint, parse_witness_size
from byline.errors import BylineError, ConfigError, LedgerError, LedgerUnavailableError
from byline.keys.cosigners import WitnessVerifier
from byline_ledger.engine.published import PUBLISHED, load_published
from byline_ledger.events import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from byline.core.checkpoint import Checkpoint
    from byline.core.ports import NoteSigner, Store
    from byline.core.tlog_policy import PolicyWitness, TlogPolicy
    from byline_ledger.engine.log import Log

    # Sends a request to a witness and returns the status and the text of its answer; a LedgerUnavailableError where there is none.
    Ask: TypeAlias = Callable[[PolicyWitness, str], tuple[int, str]]

ROUND_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 300.0
REFRESH_SECONDS = 300.0  # how old the cosignatures of a log that does not grow become
_SIZE = "witness:"
_OK, _CONFLICT = 200, 409


@dataclass(slots=True, kw_only=True)
class WitnessState:
    """What a log knows of a witness: what it cosigned last and when (seconds since 1970), how often in a row it failed, and why."""

    name: str
    size: int = 0
    cosigned_at: int = 0
    failures: int = 0
    problem: str = ""
    ask_after: float = 0.0


class Cosigned(NamedTuple):
    """A good cosignature of the note `text`, whose tree has `size` entries."""

    text: str
    size: int
    at: int
    signature: NoteSignature


class Publisher:
    """Publishes the checkpoints of `log`, over a `store` of the same data that no appender uses; `clock` tells seconds of any kind.

    `states`, `has_quorum` and `published` (the size of the checkpoint that was, as far as is known here) tell how it goes. One thread
    makes the rounds.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        policy: TlogPolicy,
        ask: Ask,
        *,
        clock: Callable[[], float],
        required: bool = False,
        signers: Callable[[], Sequence[NoteSigner]] = tuple,
    ) -> None:
        """Read the policy, and what is known of its witnesses; `signers` are the log's further keys, as they sign now.

        Raises:
            ConfigError: It is one for other logs, or a witness in it has no URL.
            CheckpointError: A key in it is of an algorithm that this machine does not have.
            LedgerError: The store is broken.
        """
        check_policy(policy, log.vkey)
        self._log = log.over(store)
        self._store = store
        self._policy = policy
        self._ask = ask
        self._clock = clock
        self._required = required
        self._signers = signers
        self._verifiers = {each.name: WitnessVerifier(each.key) for each in policy.witnesses}
        self._threads = ThreadPoolExecutor(max(1, len(policy.witnesses)), "byline-witness")
        self._asked: dict[str, Future[Cosigned]] = {}
        self._done: tuple[str, float] = ("", 0.0)
        self.has_quorum = False
        self.published = 0
        with store.read() as reader:
            sizes = {each.name: int(reader.state(_SIZE + each.name) or b"0") for each in policy.witnesses}
        self.states = {name: WitnessState(name=name, size=size) for name, size in sizes.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def begin(self) -> None:
        """Publish what there is, so that nothing smaller follows what was shown; with `required` nothing, before the first quorum.

        Raises:
            LedgerError: The store does not take it.
        """
        with self._store.write() as writer:
            if not writer.state(PUBLISHED):
                writer.set_state(PUBLISHED, b"" if self._required else (writer.head() or "").encode())

    def round(self) -> None:
        """Ask the witnesses about the newest checkpoint, if there is reason to, and publish it, if it may be.

        Raises:
            LedgerError: The store is broken, or does not take it now.
        """
        note, head = self._log.head()
        due = [each for each in self._policy.witnesses if self._is_due(each.name)]
        told, until = self._done
        if told == note and (self._clock() < until if self.has_quorum else not due):
            return
        for each in due:
            self._asked[each.name] = self._threads.submit(self._cosign, each, self.states[each.name].size, note, head)
        lines = self._gather(parse_note(note).text)
        self.has_quorum = self._policy.is_met(frozenset(lines))
        self._publish(note, head, lines)
        self._done = (note, self._clock() + REFRESH_SECONDS)

    def _is_due(self, name: str) -> bool:
        return name not in self._asked and self.states[name].ask_after <= self._clock()

    def _gather(self, text: str) -> dict[str, NoteSignature]:
        """Return who cosigned `text`, as soon as they are a quorum or nobody more is waited for."""
        lines: dict[str, NoteSignature] = {}
        ends, pending = self._clock() + ROUND_SECONDS, set(self._asked.values())
        while pending and not self._policy.is_met(frozenset(lines)) and (left := ends - self._clock()) > 0:
            _, pending = wait(pending, left, FIRST_COMPLETED)
            for name in [name for name, future in self._asked.items() if future.done()]:
                found = self._harvest(self.states[name], self._asked.pop(name))
                if found is not None and found.text == text:
                    lines[name] = found.signature
        return lines

    def _harvest(self, state: WitnessState, answer: Future[Cosigned]) -> Cosigned | None:
        try:
            found = answer.result()
        except BylineError as error:
            if not state.failures:
                tell(logging.WARNING, "a witness does not cosign", witness=state.name, why=str(error))
            state.ask_after = self._clock() + min(FIRST_PAUSE_SECONDS * 2**state.failures, MAX_PAUSE_SECONDS)
            state.failures, state.problem = state.failures + 1, str(error)
            return None
        if state.failures:
            tell(logging.WARNING, "a witness cosigns again", witness=state.name)
        state.failures, state.problem, state.size, state.cosigned_at = 0, "", found.size, found.at
        return found

    def _cosign(self, witness: PolicyWitness, old: int, note: str, head: Checkpoint) -> Cosigned:
        """Return the good cosignature of a witness that cosigned the first `old` entries last, as far as is known."""
        status, text = self._ask_from(witness, old, note, head)
        if status == _CONFLICT:
            status, text = self._ask_from(witness, parse_witness_size(text), note, head)
        if status != _OK:
            raise LedgerUnavailableError(f"it answers {status}")
        verifier = self._verifiers[witness.name]
        found = open_note(note + text, [verifier])
        at, _ = split_cosignature(verifier.note_key, found.signatures[0].signature)
        return Cosigned(found.text, head.size, at, found.signatures[0])

    def _ask_from(self, witness: PolicyWitness, old: int, note: str, head: Checkpoint) -> tuple[int, str]:
        if old > head.size:
            if old <= (size := self._log.size):
                raise LedgerUnavailableError("it cosigned a newer checkpoint meanwhile, for another server of this log")
            what = f"it has seen {old} entries, and the log has {size}: was the log set back?"
            tell(logging.CRITICAL, "a witness has seen more than there is", witness=witness.name, why=what)
            raise LedgerError(what, hint="stop the log; see docs/operate.md, a split view")
        hashes = self._log.consistency(old, head.size).hashes
        return self._ask(witness, format_add_checkpoint(AddCheckpoint(old=old, hashes=hashes, checkpoint=note)))

    def _publish(self, note: str, head: Checkpoint, lines: dict[str, NoteSignature]) -> None:
        """Keep the sizes of the witnesses, and publish `note` with `lines` where a quorum made them, or none is needed."""
        signers = self._signers()
        added = parse_note(sign_note(parse_note(note).text, signers)).signatures if signers else ()
        added += tuple(lines[each.name] for each in self._policy.witnesses if each.name in lines)
        with self._store.write() as writer:
            for state in self.states.values():
                if (text := b"%d" % state.size) != writer.state(_SIZE + state.name):
                    writer.set_state(_SIZE + state.name, text)
            before = load_published(writer)
            size = self.published = before[1].size if before else 0
            if (self.has_quorum and size <= head.size) or (not self._required and (before is None or size < head.size)):
                writer.set_state(PUBLISHED, f"{note}{format_signatures(added)}".encode())
                self.published = head.size


def withdraw(store: Store) -> None:
    """Show readers the newest checkpoint from now on: no witnesses are asked any more.

    Raises:
        LedgerError: The store does not take it.
    """
    with store.read() as reader:
        if reader.state(PUBLISHED) is None:
            return
    with store.write() as writer:
        writer.set_state(PUBLISHED, None)


def check_policy(policy: TlogPolicy, vkey: str) -> None:
    """Check that the log `vkey` can ask the witnesses of `policy`.

    Raises:
        ConfigError: It is a policy for other logs, or a witness in it has no URL.
    """
    if policy.logs and vkey not in {format_vkey(each.key) for each in policy.logs}:
        raise ConfigError("the policy for witnesses names other logs than this one", hint=f"its line is: log {vkey}")
    for each in policy.witnesses:
        if each.url is None:
            raise ConfigError(f"the policy for witnesses does not say where {each.name} is", hint="witness NAME VKEY URL")
