# SPDX-License-Identifier: Apache-2.0
"""A log ends and another follows it: how a key is rotated, and what is done where a log cannot go on.

1. The new log begins, under another origin and another key.
2. In one transaction of the old log its last entry names the new one (`core.succession`), and it ends: it answers for ever and takes
   nothing any more, whoever asks (`engine.frozen`).
3. The first entry of the new log names the old one and its final checkpoint.

A log that was restored, and of which nobody has shown what was seen, signs nothing more: it ends without a last entry, at the newest
head that anybody is known to have seen. Whatever ends the process in between, rotating once more goes on.

Receipts of the old log stay what they are. Who trusts it learns from the trust file that it has ended, and at which size and root; a
receipt of more entries is then refused.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from byline.core.checkpoint import parse_checkpoint
from byline.core.envelope import PAYLOAD_TYPE, Envelope, pae
from byline.core.note import parse_note, parse_vkey
from byline.core.publickey import ED25519_PREFIX
from byline.core.succession import Role, Succession, format_succession
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline.keys.ed25519 import LogVerifier, load_log_key
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import KEY, init_ledger, load_log
from byline_ledger.engine.frozen import SUCCESSOR, Frozen, set_frozen, why_frozen
from byline_ledger.engine.highwater import HighWater

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.checkpoint import Checkpoint
    from byline.core.entry import Submission
    from byline.keys.ed25519 import LogKey
    from byline_ledger.engine.files import OpenLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The log with the key `vkey` ended at `final`, and the one with the key `successor` follows it."""

    vkey: str
    final: Checkpoint
    successor: str


def rotate_log(directory: Path, successor: Path, *, origin: str) -> Rotation:
    """End the log in `directory`, and begin the log `origin` in the folder `successor`.

    Raises:
        ConfigError: There is no log, the new one has the old name, or something else is in `successor`.
        LedgerError: A log cannot be read or written.
    """
    key = load_log_key(directory / KEY)
    if origin == key.name:
        raise ConfigError("the log that follows has another name", hint="a log's name stands for one history, for ever")
    with contextlib.closing((old := load_log(directory)).store):
        _check_open(old, origin)
        if not (successor / KEY).exists():
            init_ledger(successor, origin=origin)
        following = load_log_key(successor / KEY)
        if following.name != origin:
            raise ConfigError(f"there is another ledger already: {successor}", hint=f"it is the log {following.name}")
        with contextlib.closing((new := load_log(successor)).store):
            note = _end(old, key, new, HighWater(directory))
            _follow(new, following, old, note)
    return Rotation(vkey=key.vkey, final=parse_checkpoint(parse_note(note).text), successor=following.vkey)


def _check_open(old: OpenLog, origin: str) -> None:
    """Check that `old` has not ended before another log than `origin`, before anything is made."""
    with old.store.read() as reader:
        followed = (reader.state(SUCCESSOR) or b"").decode()
    if followed and parse_vkey(followed).name != origin:
        raise ConfigError(f"the ledger {old.log.origin} has ended already", hint=f"it is followed by {followed}")


def _end(old: OpenLog, key: LogKey, new: OpenLog, told: HighWater) -> str:
    """Let `old` end, its last entry naming `new`; return its final checkpoint."""
    with old.store.read() as reader:
        why, successor = why_frozen(reader), reader.state(SUCCESSOR)
    if why is not Frozen.ENDED:
        if new.log.size:
            raise ConfigError(f"the ledger {new.log.origin} has entries already", hint="a log that follows another begins with that")
        last = _sign(Succession(role=Role.ENDS, log=old.log.vkey, other=new.log.vkey, checkpoint=new.log.checkpoint()), key)
        with old.log.extending() as extension:
            if why is not Frozen.RESTORED:
                set_frozen(extension.writer, None)
                extension.add([last])
            set_frozen(extension.writer, Frozen.ENDED)
            extension.writer.set_state(SUCCESSOR, new.log.vkey.encode())
    elif successor != new.log.vkey.encode():
        raise ConfigError(f"the ledger {old.log.origin} has ended already", hint=f"it is followed by {(successor or b'').decode()}")
    seen = told.read(LogVerifier(key.note_key))
    note, head = old.log.head()
    return seen[0] if seen and seen[1].size > head.size else note


def _follow(new: OpenLog, key: LogKey, old: OpenLog, note: str) -> None:
    """Let the first entry of `new` name `old` and its final checkpoint."""
    new.log.append([_sign(Succession(role=Role.FOLLOWS, log=new.log.vkey, other=old.log.vkey, checkpoint=note), key)])


def _sign(succession: Succession, key: LogKey) -> Submission:
    payload = format_succession(succession)
    envelope = Envelope(payload=payload, signature=key.sign(pae(PAYLOAD_TYPE, payload)))
    return Admission().admit(envelope, ED25519_PREFIX + parse_vkey(key.vkey).public)
