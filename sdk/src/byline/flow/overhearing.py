# SPDX-License-Identifier: Apache-2.0
"""What a proxy between two programs hears, and how it becomes records without either of them noticing.

    overhear(conversation, line, from_client=True)    # -> None: pass the line on; bytes: answer the sender so, and do not pass it on

The proxy (`byline_cli.relay`) passes a line on when `overhear` returns: what a request is about to change was looked at before the one
who is asked hears of it, what an answer tells of before the one who asked goes on. Nothing that is heard is an error: what is no
message passes, and what cannot be recorded is a loss.

What the rules for agents do not allow (docs/policy.md) does not pass: who asked is answered at once. A request of which that cannot be
told is refused. Of several messages in one line all are refused, or none.

The channel is `proxy`. A change that the protocol tells of byte for byte, or in a file that it names, is `attested`; one that was found
by looking at the work tree is `observed`.
"""

from __future__ import annotations

import os
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Final, Protocol

from byline.capture.clock import now_ns
from byline.capture.guard import CANNOT_TELL
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import inbox_dir
from byline.capture.worktree import find_worktree
from byline.core.rpc import format_refusal, parse_messages
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from byline.core.rpc import Message
    from byline.flow.sessions import Session
    from byline.flow.watching import Watch

BESIDE: Final = "Byline: it came in one message with something that is not allowed."


class Conversation(Protocol):
    """A protocol that two programs speak."""

    def refuse(self, message: Message, *, from_client: bool) -> bytes | None:
        """Return what the sender of a message is answered that must not pass; None for one that may."""

    def take(self, message: Message, *, from_client: bool) -> None:
        """Record what a message tells of."""

    def end(self) -> None:
        """Record what is still open: nobody says anything any more."""


def overhear(conversation: Conversation, line: bytes, *, from_client: bool) -> bytes | None:
    """Tell `conversation` of a line; return what its sender is answered instead of passing it on. Never raises."""
    try:
        messages = parse_messages(line)
    except MalformedError:
        return None
    refusals = [_refuse(conversation, each, from_client=from_client) for each in messages]
    if any(each is not None for each in refusals):
        return b"".join(_answer(message, BESIDE) if each is None else each for message, each in zip(messages, refusals, strict=True))
    try:
        for each in messages:
            conversation.take(each, from_client=from_client)
    except Exception as error:  # noqa: BLE001 - trouble with the record never reaches the two
        lose(f"a message was not understood: {type(error).__name__}: {error}")
    return None


def _refuse(conversation: Conversation, message: Message, *, from_client: bool) -> bytes | None:
    try:
        return conversation.refuse(message, from_client=from_client)
    except Exception as error:  # noqa: BLE001 - who cannot tell says no
        lose(f"a message could not be judged, and was refused: {type(error).__name__}: {error}")
        return _answer(message, CANNOT_TELL)


def _answer(message: Message, why: str) -> bytes:
    return b"" if message.method is None or message.id is None else format_refusal(message.id, why)


def finish(conversation: Conversation) -> None:
    """Tell `conversation` that it is over. Never raises."""
    try:
        conversation.end()
    except Exception as error:  # noqa: BLE001 - as above
        lose(f"the end was not recorded: {type(error).__name__}: {error}")


def lose(message: str) -> None:
    """Record a loss that belongs to no session."""
    record_loss(inbox_dir(os.environ), Loss(code=LossCode.FAILED, message=message, source="proxy", time=now_ns()))


class Windows:
    """The watches that are open, each by the key of what it is about. May be used by the threads of both directions."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[Watch, Context]] = {}

    def open(
        self, key: Hashable, session: Session, *, paths: Sequence[Path] | None, call_id: str | None = None, tool: str | None = None
    ) -> None:
        """Begin to watch `paths`, or the work tree around the session's root, if it is in one; one of the same `key` ends."""
        self.close(key)
        if paths is None and find_worktree(session.root) is None:
            return
        watch = session.watch(tool=tool, call_id=call_id, paths=paths)
        # A context of its own: it ends in another thread than it begins in, and none is inside another.
        context = copy_context()
        context.run(watch.__enter__)
        self._open[key] = watch, context

    def close(self, key: Hashable) -> None:
        """End the watch of `key`, if there is one."""
        found = self._open.pop(key, None)
        if found is not None:
            watch, context = found
            context.run(watch.__exit__, None, None, None)

    def is_open(self, key: Hashable) -> bool:
        """Whether there is a watch of `key`."""
        return key in self._open

    def rename(self, key: Hashable, now: Hashable) -> None:
        """Let the watch of `key`, if there is one, be that of `now`."""
        if key in self._open:
            self.close(now)
            self._open[now] = self._open.pop(key)

    def close_all(self) -> None:
        """End all."""
        for key in [*self._open]:
            self.close(key)
