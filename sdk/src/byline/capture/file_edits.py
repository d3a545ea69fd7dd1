# SPDX-License-Identifier: Apache-2.0
"""Edits of files that a payload names: its text becomes the bytes before and after, and those an edit (rules 1 and 2 of attribution)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.disk import read_file
from byline.capture.losses import LossCode
from byline.capture.texts import find_bytes, undo_replacement
from byline.core.edit import UNSEEN, Unseen
from byline.core.value import replace

if TYPE_CHECKING:
    from byline.capture.agents import FileText
    from byline.capture.scribe import Occasion, Scribe
    from byline.capture.worktree import Routed


def settle_file(scribe: Scribe, routed: Routed, file: FileText, occasion: Occasion) -> None:
    """Write the edit of `file`, which lies where `routed` says, as `occasion` tells.

    Where the payload does not tell the bytes and the file has changed since, what stands there now is the agent's, and a loss: what a
    person typed meanwhile is in it, too, but as nobody's the agent's lines could be declared a person's.

    Raises:
        OSError: The contents or the journal cannot be written.
    """
    worktree, path = routed.worktree, routed.path
    disk = read_file(worktree.file(path))
    after = disk if file.after is None else find_bytes(file.after, disk=disk)
    if after is None:
        scribe.lose(LossCode.UNREADABLE, f"the bytes that were written are not known: {os.fsdecode(path)}", occasion, worktree)
        if disk is not None:
            scribe.write(worktree, path, (UNSEEN, scribe.keep(worktree, disk, occasion, path)), occasion)
        return
    before = _before(file, after)
    old = before if isinstance(before, Unseen) else scribe.keep(worktree, before, occasion, path)
    proposed = None if file.proposed is None else find_bytes(file.proposed, disk=after)
    if proposed is not None:
        asked = scribe.keep(worktree, proposed, occasion, path)
        scribe.write(worktree, path, (old, asked), occasion)
        # The person changed the proposal before it was written: that part is not the agent's, and no hook may say "human".
        old, occasion = asked, replace(occasion, by=None, name=f"{occasion.name}:person")
    scribe.write(worktree, path, (old, scribe.keep(worktree, after, occasion, path)), occasion)


def _before(file: FileText, after: bytes) -> bytes | Unseen | None:
    if isinstance(file.before, Unseen):
        known = None if file.replaced is None else undo_replacement(after, None, file.replaced)
        return file.before if known is None else known
    if file.before is None:
        return None
    data = find_bytes(file.before, disk=after)
    if data is None and file.replaced is not None:
        data = undo_replacement(after, file.before, file.replaced)
    return UNSEEN if data is None else data
