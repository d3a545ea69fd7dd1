# SPDX-License-Identifier: Apache-2.0
"""What capture observes: edits, and the marks that git's hooks leave.

An `Edit` says that the bytes of one path of one work tree went from `before` to `after`, by whom, and how we know. Bytes are
named by git blob id (of the bytes on disk). `by` is None for a mere sighting: nobody claims the difference, and what nobody
claimed before is settled by it. `before` is `UNSEEN` where the source cannot say what stood there.

A `Mark` says that a git hook ran, and whom its environment named. Edits and marks of one work tree are ordered by `time`, then `name`.
"""

from __future__ import annotations

from byline.core.choice import StrEnum
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    from byline.core.attribution import Author, Channel, Evidence


class Unseen(StrEnum):
    """The type of `UNSEEN`: no blob id, and not "absent" either."""

    UNSEEN = "unseen"


UNSEEN: Final = Unseen.UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One observed change of one file.

    `worktree` is the work tree's own git directory (its identity, absolute); `path` is relative to the work tree's top, bytes
    with `/`. `before` and `after` are blob ids, None for an absent file. `head` is the commit id at that moment (None: unborn
    or not known), `in_progress` the ids in MERGE_HEAD, CHERRY_PICK_HEAD, REVERT_HEAD, REBASE_HEAD. `time` is in nanoseconds
    since 1970, `seq` counts the edits of one session in one repository from 1 (0: the source does not count). `on_behalf_of` is
    the principal who let an agent or a tool act, None where nobody said so: then it is whoever signs. `call` and `tool`
    are the agent's own words for the call that made the edit and for the tool that it called.
    """

    worktree: str
    path: bytes
    before: str | Unseen | None
    after: str | None
    by: Author | None
    evidence: Evidence
    channel: Channel
    session: str | None
    call: str | None
    head: str | None
    in_progress: tuple[str, ...]
    time: int
    seq: int
    name: str = ""
    on_behalf_of: str | None = None
    tool: str | None = None


class Hook(StrEnum):
    """The git hooks that leave marks."""

    POST_COMMIT = "post-commit"
    POST_MERGE = "post-merge"
    POST_REWRITE = "post-rewrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committer:
    """Whose commit it is, as the environment of git's hook named them: the file of an agent's `delegation`, else that of a `key`.

    Neither: whose account it is. Only these two are ever taken for the committer; nothing is concluded from names and e-mails.
    """

    key: str | None = None
    delegation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A git hook ran in `worktree` when HEAD was `head`, for `committer`.

    `rewritten` holds post-rewrite's (old, new) commit ids. `by_agent` tells that the hook's environment named an agent, or nobody at
    all: such a commit is not taken as a person's declaration.
    """

    worktree: str
    hook: Hook
    head: str | None
    in_progress: tuple[str, ...]
    rewritten: tuple[tuple[str, str], ...]
    by_agent: bool
    time: int
    name: str = ""
    committer: Committer = Committer()


Event: TypeAlias = Edit | Mark
