# SPDX-License-Identifier: Apache-2.0
"""What a proxy between two programs hears, and how it becomes records without either of them noticing.

    overhear(conversation, line, from_client=True)    # -> None: pass the line on; bytes: answer the sender so, and do not pass it on

The proxy (`byline_cli.relay`) passes a line on when `overhear` returns: what a request is about to change was looked at before the one
who is asked hears of it, what an answer tells of before the one who asked goes on. Nothing that is heard is an error: what is no
message passes, and what cannot be recorded is a loss.

The channel is `proxy`. A change that the protocol tells of byte for byte, or in a file that it names, is `attested`; one that was found
by looking at the work tree is `observed`.
"""

from __future__ import annotations

import os
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Protocol

from byline.capture.journal import now_ns
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.places import inbox_dir
from byline.capture.worktree import find_worktree
from byline.core.rpc import parse_messages
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from byline.core.rpc import Message
    from byline.flow.sessions import Session
    from byline.flow.watching import Watch


class Conversation(Protocol):
    """A protocol that two programs speak."""

    def take(self, message: Message, *, from_client: bool) -> bytes | None:
        """Record what a message tells of; return the answer that its sender gets from us instead of passing it on."""

    def end(self) -> None:
        """Record what is still open: nobody says anything any more."""


def overhear(conversation: Conversation, line: bytes, *, from_client: bool) -> bytes | None:
    """Tell `conversation` of a line; return what its sender is answered instead of passing it on. Never raises."""
    try:
        answers = [conversation.take(each, from_client=from_client) for each in parse_messages(line)]
    except MalformedError:
        return None
    except Exception as error:  # noqa: BLE001 - trouble with the record never reaches the two
        lose(f"a message was not understood: {type(error).__name__}: {error}")
        return None
    return answers[0] if len(answers) == 1 else None


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
