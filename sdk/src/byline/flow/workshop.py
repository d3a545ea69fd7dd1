# SPDX-License-Identifier: Apache-2.0
"""Everything that a story needs to begin with, gathered once at the edge: the repository, its place, the key, the clock.

    workshop = Workshop(repo=repository, place=repository_dir(repository.common_dir), inbox=inbox_dir(os.environ), ...)

A story takes a `Workshop` and nothing else from the world: it reads no environment, and time and randomness come as functions.
`declares` names the work trees in which a committer declares their own lines (`capture.places.worktree_name`), or is `EVERYWHERE`.
`own` is who signs in this process, None where nobody has a key here; what a hook marked is signed by whom the mark names, whom
`signatory_of` finds (where there is none, `own` signs everything). With neither nothing is signed, and everything can still be read.
`hold` is the one lock of a clone: whoever folds the journal or signs holds it, so two attesters never do the same work.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from byline.capture.places import worktree_name
from byline.capture.sharing import is_secret, share, share_all
from byline.core.value import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from byline.core.authorship import Mandate
    from byline.core.edit import Committer
    from byline.core.ports import Signer
    from byline.core.trust import Trust
    from byline.git.repository import Repository

LOCK = "lock"
EVERYWHERE = "true"
PAUSE = 0.01  # seconds between two looks at a lock that is held


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which repository this is, for ever: its id, where it lives (if anywhere), and the key of its line hashes."""

    repository: str
    uri: str | None = None
    line_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signs: the key, and the person that answers for it (None: nobody knows who).

    `mandate` is by what an agent's key signs for `principal`, None for any other key. Its time is when that was found to be in force, and
    not when the signature was made: so what is signed was signed before the end, whoever ends it meanwhile.
    """

    signer: Signer
    principal: str | None = None
    mandate: Mandate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where a story takes place. `now` gives nanoseconds since 1970, `random` that many random bytes.

    `signatory_of` raises ConfigError where who committed cannot sign here and now.
    """

    repo: Repository
    place: Path
    inbox: Path
    identity: Identity
    now: Callable[[], int]
    random: Callable[[int], bytes]
    version: str
    own: Signatory | None = None
    signatory_of: Callable[[Committer], Signatory] | None = None
    declares: tuple[str, ...] = ()
    trust: Trust | None = None

    @property
    def worktree(self) -> str:
        """The work tree's own git directory, which is its name in the journal."""
        return os.path.realpath(self.repo.git_dir)

    def declares_in(self, worktree: str) -> bool:
        """Whether who commits in `worktree` declares their own lines: there, or in every one. An agent may report in some of them alone."""
        return EVERYWHERE in self.declares or worktree_name(os.path.realpath(self.repo.common_dir), worktree) in self.declares

    @property
    def cache(self) -> Path:
        """The file of the index of the evidence, which anybody may delete."""
        return self.place / "cache.db"


@contextmanager
def hold(place: Path, *, seconds: float, lock: str = LOCK) -> Iterator[bool]:
    """Hold a lock of the clone whose folder is `place`, that of signing unless told; yield whether it was had within `seconds`.

    The kernel lets go of it when the process ends, however it ends.

    Raises:
        OSError: The lock file cannot be made.
    """
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(place / lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        share(handle, place)
        yield _lock(handle, time.monotonic() + seconds)
    finally:
        share_all(place)  # before anybody else has it
        os.close(handle)


def _lock(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE)
        else:
            return True


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, durable before the next statement, 0600: a reader sees the old or the new bytes, never a part.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, opened with its mode
            if not is_secret(path.name):
                share(handle, path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
