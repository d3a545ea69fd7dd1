# SPDX-License-Identifier: Apache-2.0
"""Talking to another repository: fetch and push of refs under `refs/byline/`, without prompts, hooks or tags.

The refs of a remote are kept apart from one's own by two refspecs:

    +refs/byline/*:refs/byline/remotes/<remote>/*       a refspec without wildcard would break every fetch from a remote without it
    ^refs/byline/remotes/*                              what the remote fetched from others is not fetched again

A push says what it saw at the remote (`--force-with-lease`); being refused is an answer, not an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import RepositoryError
from byline.git.process import git_error

if TYPE_CHECKING:
    from byline.git.process import Git
    from byline.git.settings import Settings

NETWORK_SECONDS = 60.0
REFS = "refs/byline/"
REMOTE_REFS = "refs/byline/remotes/"

# What a server says when somebody else was faster; everything else that it refuses, it will refuse again.
_RACES = (
    "stale info",
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "incorrect old value",
    "cannot lock ref",
    "failed to lock",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOutcome:
    """`accepted`, or refused: `stale` if the remote's ref was not what the lease said, else for the reason in `message`."""

    accepted: bool
    stale: bool = False
    message: str = ""


def fetch_refspecs(remote: str) -> tuple[str, ...]:
    """Return the refspecs that keep the evidence of `remote`."""
    return (f"+{REFS}*:{REMOTE_REFS}{remote}/*", f"^{REMOTE_REFS}*")


def fetched_remotes(settings: Settings) -> dict[str, bool]:
    """Return the remotes from which `git fetch` brings more than HEAD, and whether it brings their evidence.

    A remote without any refspec would fetch its HEAD no more if it had ours: it is left alone.
    """
    values = settings.values()
    found = {remote: values.get(f"remote.{remote}.fetch", []) for remote in remote_names(values)}
    return {remote: set(fetch_refspecs(remote)) <= set(refspecs) for remote, refspecs in found.items() if refspecs}


def fetch(git: Git, remote: str, *refspecs: str, seconds: float = NETWORK_SECONDS) -> None:
    """Fetch `refspecs` from `remote`.

    Raises:
        RepositoryError: The remote does not answer, or not in `seconds`.
    """
    options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance", "--no-filter")
    git.run("fetch", *options, "--end-of-options", remote, *refspecs, seconds=seconds, online=True)


def list_remote(git: Git, remote: str, ref: str, *, seconds: float = NETWORK_SECONDS) -> str | None:
    """Return what `ref` is at `remote` now, None if it is not there.

    Raises:
        RepositoryError: The remote does not answer, or not in `seconds`.
    """
    out = git.run("ls-remote", "--quiet", "--refs", "--end-of-options", remote, ref, seconds=seconds, online=True)
    for line in out.decode(errors="replace").splitlines():
        oid, _, name = line.partition("\t")
        if name == ref:
            return oid
    return None


def push(git: Git, remote: str, refspec: str, *, lease: tuple[str, str | None], seconds: float = NETWORK_SECONDS) -> PushOutcome:
    """Push `refspec` if the remote's ref `lease[0]` is still `lease[1]` (None: is not there).

    Raises:
        RepositoryError: The remote does not answer, or not in `seconds`.
    """
    ref, seen = lease
    code, out, err = git.outcome(
        *("-c", f"remote.{remote}.mirror=false", "-c", "push.pushOption=", "push", "--porcelain", "--no-verify", "--no-signed"),
        *("--no-follow-tags", "--recurse-submodules=no", f"--force-with-lease={ref}:{seen or ''}", "--end-of-options", remote, refspec),
        seconds=seconds,
        online=True,
    )
    if code == 0:
        return PushOutcome(accepted=True)
    refused = next((line for line in out.decode(errors="replace").splitlines() if line.startswith("!")), None)
    if refused is None:
        raise git_error("push", err)
    message = refused.split("\t")[-1]
    return PushOutcome(accepted=False, stale=any(race in message for race in _RACES), message=message)


def remote_names(config: dict[str, list[str]]) -> tuple[str, ...]:
    """Return the names of the remotes in `config`, in the order of the file."""
    names = [key.removeprefix("remote.").rpartition(".") for key in config if key.startswith("remote.")]
    return tuple(dict.fromkeys(name for name, _, last in names if name and last in ("url", "pushurl")))


def check_remote(name: str) -> None:
    """Check that `name` can be a remote's name inside a ref.

    Raises:
        RepositoryError: It cannot.
    """
    if (
        not name
        or name.startswith("-")
        or name.endswith((".", "/", ".lock"))
        or any(bad in name for bad in (" ", "..", "~", "^", ":", "?", "*", "[", "\\"))
    ):
        raise RepositoryError(f"{name!r} cannot be the name of a remote")
