# SPDX-License-Identifier: Apache-2.0
"""Where Byline keeps things: pure functions of an environment and of a repository's shared git folder.

    $XDG_STATE_HOME/byline/inbox    what hooks spooled and nobody settled yet     (per user)
    $XDG_STATE_HOME/byline/files    locks of files that sessions change          (per user; `flow.files`)
    $XDG_STATE_HOME/byline/told     which marks this inbox has left in clones    (per user; `capture.elsewhere`)
    $XDG_STATE_HOME/byline/agents   keys that agents sign with for a while, 0600   (per user)
    $XDG_STATE_HOME/byline/loose    what was recorded in folders without git     (per user)
    $XDG_STATE_HOME/byline/monitor  what was last seen of each log that is watched (per user)
    $XDG_CONFIG_HOME/byline         the user's key `key.pem`, 0600                (per user)
    $XDG_DATA_HOME/byline           scripts that agents and git call, launcher    (per user)
    <git common dir>/byline/        journal, contents/, marks/, outbox/, losses   (per clone, shared as git's folder, 0700 or as that)
    <git common dir>/byline.elsewhere/    marks of other inboxes (`capture.elsewhere`): anybody may leave one, 1733

A variable that is unset, empty or relative counts as its default, as the XDG base directory specification wants.

>>> str(inbox_dir({"HOME": "/home/ana"}))
'/home/ana/.local/state/byline/inbox'
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.sharing import make_place, make_shared, share

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
DROP_DIRECTORY = 0o1733
ID = "id"


def inbox_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder into which hooks spool."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "inbox"


def loose_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of what was recorded in folders without git."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "loose"


def monitor_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of what was last seen of logs."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "monitor"


def agents_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of agents' keys."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "agents"


def config_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the user's key and settings."""
    return _base(environ, "XDG_CONFIG_HOME", ".config")


def data_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of installed hook scripts."""
    return _base(environ, "XDG_DATA_HOME", ".local/share")


def repository_dir(common_dir: Path) -> Path:
    """Return Byline's folder of the clone whose shared git folder is `common_dir`."""
    return common_dir / "byline"


def drop_dir(common_dir: Path) -> Path:
    """Return the folder in which hooks of other accounts and homes leave marks in the clone with the shared git folder `common_dir`."""
    return common_dir / "byline.elsewhere"


def make_private(folder: Path) -> Path:
    """Make `folder`, readable by its owner only, if it is not there; return it.

    Raises:
        OSError: It cannot be made.
    """
    folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    return folder


def make_id(folder: Path) -> None:
    """Give `folder` an id of its own, in the file `id`, if it has none.

    Raises:
        OSError: It cannot be written.
    """
    with suppress(FileExistsError), (folder / ID).open("x") as fresh:
        fresh.write(f"{os.urandom(16).hex()}\n")
        share(fresh.fileno(), folder)


def prepare_repository(common_dir: Path) -> Path:
    """Make what the git hooks expect to find in a clone and return `repository_dir`: without it they stay silent.

    Raises:
        OSError: The folders cannot be made.
    """
    place = make_place(repository_dir(common_dir))
    make_shared(place / "marks")
    make_id(place)
    drop = drop_dir(common_dir)
    if not drop.is_dir():
        with suppress(FileExistsError):
            drop.mkdir(mode=PRIVATE_DIRECTORY)
            drop.chmod(DROP_DIRECTORY)  # past the umask
    share(drop)  # one that an agent's hook made, too
    return place


def worktree_name(common_dir: str, git_dir: str) -> str:
    """Return what the clone with the shared folder `common_dir` calls the work tree with the git directory `git_dir`, wherever it is moved.

    >>> worktree_name("/repo/.git", "/repo/.git"), worktree_name("/repo/.git", "/repo/.git/worktrees/topic")
    ('.', 'worktrees/topic')
    """
    below = git_dir.removeprefix(common_dir)
    return "." if not below else below[1:] if below.startswith("/") and below != git_dir else git_dir


def worktree_dir(common_dir: str, name: str) -> str:
    """Return the git directory of the work tree that the clone with the shared folder `common_dir` calls `name`.

    >>> worktree_dir("/repo/.git", "worktrees/topic"), worktree_dir("/repo/.git", "/elsewhere/.git")
    ('/repo/.git/worktrees/topic', '/elsewhere/.git')
    """
    if not common_dir or name.startswith("/"):
        return name
    return common_dir if name == "." else f"{common_dir}/{name}"


def shared_dir(place: Path) -> str:
    """Return the shared git folder of the clone whose `repository_dir` is `place`, in the one spelling that names it."""
    return os.path.realpath(place.parent)


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    value = environ.get(variable, "")
    base = Path(value) if os.path.isabs(value) else Path(environ.get("HOME") or os.path.expanduser("~")) / default  # noqa: PTH117, PTH111 - text
    return base / "byline"
