# SPDX-License-Identifier: Apache-2.0
"""forget, where there is no git: what sessions left in such folders (`capture.loose`) and in the inbox goes.

    chosen = choose_loose(inbox, Path("/home/ana/notes"), Wish(session="6e46bda4"))
    forget_loose(inbox, chosen)                               # -> Forgotten(records=3, texts=1, payloads=0)

A session that is named is looked for in all of them; any other wish is about what was recorded for this folder, one above or one below.
Which agent wrote what a file holds now stays, without the session. `flow.forget` tells of repositories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.capture.loose import loose_edits, loose_folders, near_folders, strip_sessions
from byline.capture.settle import settle_inbox
from byline.flow.wishes import Chosen, Forgotten, left_payloads, named_sessions, wanted_sessions

if TYPE_CHECKING:
    from pathlib import Path

    from byline.flow.wishes import Wish


def choose_loose(inbox: Path, top: Path, wish: Wish) -> Chosen:
    """Return what `wish`, made in the folder `top` (a real path), comes to, after all that waits is settled.

    Raises:
        OSError: What is kept cannot be read.
    """
    settle_inbox(inbox)
    loose = inbox.parent / "loose"
    folders = loose_folders(loose) if wish.session else [each.git_dir for each in near_folders(loose, top)]
    near = [edit for each in folders for edit in loose_edits(each)]
    sessions: dict[str | None, str] = {name: agent for name, agent in wanted_sessions(named_sessions(near), wish, near).items() if name}
    mine = [edit for edit in near if edit.session in sessions]
    return Chosen(
        sessions=sessions,
        records=len(mine),
        texts=len({blob for edit in mine for blob in (edit.before, edit.after) if blob}),
        payloads=tuple(left_payloads(inbox, wish, sessions)),
        files=frozenset(),
    )


def forget_loose(inbox: Path, chosen: Chosen) -> Forgotten:
    """Forget what was `chosen`; what is left by a kill goes the next time.

    Raises:
        OSError: Something cannot be written or removed: the rest is there.
    """
    gone = [strip_sessions(folder, frozenset(chosen.sessions)) for folder in loose_folders(inbox.parent / "loose")]
    for path in chosen.payloads:
        path.unlink(missing_ok=True)
    return Forgotten(records=sum(each for each, _ in gone), texts=sum(each for _, each in gone), payloads=len(chosen.payloads))
