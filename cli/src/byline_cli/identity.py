# SPDX-License-Identifier: Apache-2.0
"""Which repository this is, and whom it trusts: as the files of the work tree say, and as this clone learned.

    read_file(repo, POLICY)              # of the work tree, else of HEAD
    find_trust(repo)                     # -> Trust(...), None without `.byline/trust.toml`
    find_identity(repo)                  # -> Identity(repository="byl:...", line_key=...), None where nobody chose Byline

An identity is learned by `byline init` (`identity.json` in Byline's folder of the clone): branches without a trust file have it, too. One
of a repository that nobody chose, in which an agent worked all the same, is this clone's own (`own-identity.json`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.capture.places import data_dir, prepare_repository, repository_dir
from byline.core.canonical import format_base64, parse_base64, parse_strict
from byline.errors import MalformedError, RepositoryError
from byline.flow.workshop import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline_cli.world import World

# As in `core.trust` and `core.policy`, whose parsers are loaded where there is something to parse.
TRUST, POLICY = b".byline/trust.toml", b".byline/policy.toml"
IDENTITY = "identity.json"  # as `init` learned it
OWN_IDENTITY = "own-identity.json"  # of a repository that nobody chose
NOBODY = Identity(repository="byl:" + "0" * 32, line_key=bytes(32))  # a clone that was never set up


def trust_file(repo: Repository) -> Path:
    """Return where the work tree's trust file is, or would be.

    Raises:
        RepositoryError: A bare repository has no work tree.
    """
    if repo.top is None:
        raise RepositoryError("this repository has no work tree", hint="run this in a clone")
    return repo.top / os.fsdecode(TRUST)


def read_file(repo: Repository, path: bytes) -> bytes | None:
    """Return `path` of the work tree, else of HEAD, None if neither has it."""
    data = repo.worktree_file(path) if repo.top else None
    head = repo.head() if data is None else None
    entry = repo.entry(head, path) if head else None
    return repo.read_blob(entry.oid) if entry and entry.mode.startswith("100") else data


def find_trust(repo: Repository) -> Trust | None:
    """Return the repository's trust, None if it has no trust file.

    Raises:
        TrustError: It has one that cannot be read.
    """
    data = read_file(repo, TRUST)
    if data is None:
        return None
    from byline.core.trust import parse_trust

    return parse_trust(data)


def find_identity(repo: Repository) -> Identity | None:
    """Return the identity of the repository: as this clone learned it, as its trust file says, or of this clone alone.

    Raises:
        MalformedError: One of them cannot be read.
    """
    return chosen_identity(repo) or load_identity(repo, OWN_IDENTITY)


def chosen_identity(repo: Repository) -> Identity | None:
    """Return the identity of a repository in which somebody chose Byline: `init` ran in this clone, or there is a trust file.

    Raises:
        MalformedError: One of them cannot be read.
    """
    saved = load_identity(repo)
    trust = None if saved else find_trust(repo)
    return Identity(repository=trust.repository, line_key=trust.line_key) if trust else saved


def give_identity(world: World, repo: Repository) -> Identity | None:
    """Return the identity of the repository; who ran `init --user` has one made for each in which an agent worked and nobody chose Byline.

    What is signed under it stays in this clone, until `init` takes it for the repository's.

    Raises:
        MalformedError: It cannot be read.
        OSError: It cannot be written.
    """
    from byline_cli.install.changes import is_recorded

    identity = find_identity(repo)
    if identity is None and is_recorded(data_dir(world.environ)):
        save_identity(repo, new_identity(), OWN_IDENTITY)
        identity = find_identity(repo)
    return identity


def new_identity() -> Identity:
    """Return the identity of a repository that has none."""
    import secrets

    return Identity(repository=f"byl:{secrets.token_hex(16)}", line_key=secrets.token_bytes(32))


def load_identity(repo: Repository, name: str = IDENTITY) -> Identity | None:
    """Return the identity that this clone learned, None if it learned none.

    Raises:
        MalformedError: It cannot be read.
    """
    path = repository_dir(repo.common_dir) / name
    try:
        record = parse_strict(path.read_bytes())
        if isinstance(record, dict) and isinstance(record.get("repository"), str):
            return Identity(repository=str(record["repository"]), line_key=parse_base64(record.get("line_key")))
    except FileNotFoundError:
        return None
    except MalformedError as error:
        raise MalformedError(f"{path} cannot be read: {error}", hint="byline init writes it again") from error
    raise MalformedError(f"{path} is not the identity of a repository", hint="byline init writes it again")


def save_identity(repo: Repository, identity: Identity, name: str = IDENTITY) -> None:
    """Keep the identity of the repository in this clone: branches without a trust file have it too."""
    import json

    from byline_cli.install.changes import write_file

    place = prepare_repository(repo.common_dir)
    record = {"repository": identity.repository, "line_key": format_base64(identity.line_key)}
    write_file(place / name, json.dumps(record).encode() + b"\n", mode=0o600)
