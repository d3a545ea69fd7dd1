# SPDX-License-Identifier: Apache-2.0
"""The one place that joins everything: a repository, its identity and trust, the person's key, a ledger.

Which trust: `.byline/trust.toml` of the work tree, else of HEAD, else one made of the person's own key (`local_trust`): enough to
read what is here; a gate never uses it. Which ledger: the first log of that trust with a URL, else the one embedded in this
clone, which is opened here and nowhere else.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from byline import __version__
from byline.capture.places import data_dir, inbox_dir, prepare_repository, repository_dir
from byline.core.canonical import format_base64, parse_base64, parse_strict
from byline.errors import BylineError, ConfigError, MalformedError, RepositoryError
from byline.flow.pending import ARRIVED, was_loose
from byline.flow.workshop import Identity, Workshop
from byline.git.repository import open_repository
from byline_cli.extras import needs_extra
from byline_cli.keyfile import key_path, load_own_key, own_principal

if TYPE_CHECKING:
    from byline.core.ports import IndexedLedger, Ledger, Signer
    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

TRUST, POLICY = b".byline/trust.toml", b".byline/policy.toml"
IDENTITY = "identity.json"  # as `init` learned it
OWN_IDENTITY = "own-identity.json"  # of a repository that nobody chose
EMBEDDED = "ledger"
DECLARES = "byline.declareOwnLines"  # `true`, or the work trees in which that was chosen (`capture.places.worktree_name`)
DELEGATION = "BYLINE_DELEGATION"  # the file by which an agent's key signs for somebody
NOBODY = Identity(repository="byl:" + "0" * 32, line_key=bytes(32))  # a clone that was never set up


def open_here(world: World) -> Repository:
    """Return the repository that the command was called in; it is closed when the call ends.

    Raises:
        NotARepositoryError: There is none.
    """
    return world.closing.enter_context(open_repository(world.cwd, environ=world.environ))


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


def make_workshop(world: World, repo: Repository, *, signing: bool = False) -> Workshop:
    """Return everything that the flows need here; with `signing` the person's key is loaded.

    Raises:
        ConfigError: It wants a key and there is none.
    """
    identity = find_identity(repo)
    signer = _signer(world) if signing else None
    trust = trust_or_none(world, repo, identity) if identity else None
    workshop = Workshop(
        repo=repo,
        place=repository_dir(repo.common_dir),
        inbox=inbox_dir(world.environ),
        identity=identity or NOBODY,
        signer=signer,
        principal=principal_of(trust, signer),
        declares=repo.settings.choices(DECLARES),
        now=time.time_ns,
        random=os.urandom,
        version=__version__,
        trust=trust,
    )
    return _as_agent(world, workshop)


def make_attester(world: World, repo: Repository) -> Workshop:
    """Return what signing needs here: who the signer is called is remembered, and trust is not read for it.

    Raises:
        ConfigError: There is no key.
    """
    from byline_cli.principal import remember_principal

    identity, signer = find_identity(repo) or NOBODY, _signer(world)
    place = repository_dir(repo.common_dir)

    def ask() -> str | None:
        return principal_of(trust_or_none(world, repo, identity), signer)

    workshop = Workshop(
        repo=repo,
        place=place,
        inbox=inbox_dir(world.environ),
        identity=identity,
        signer=signer,
        principal=remember_principal(place, read_file(repo, TRUST) or b"", signer.public, ask),
        declares=repo.settings.choices(DECLARES),
        now=time.time_ns,
        random=os.urandom,
        version=__version__,
    )
    return _as_agent(world, workshop)


def _as_agent(world: World, workshop: Workshop) -> Workshop:
    """Return `workshop`, or that of the agent's key that somebody lets sign in this environment."""
    named = world.environ.get(DELEGATION)
    if not named or workshop.signer is None:
        return workshop
    from byline_cli.mandate import under_mandate

    return under_mandate(workshop, Path(named))


def make_reader(world: World, repo: Repository) -> Workshop:
    """Return what reading needs here, and no more: neither key nor trust is loaded."""
    identity = find_identity(repo)
    if identity is None:
        world.terminal.note("note: byline is not set up here (byline init); only what agents reported is known")
    else:
        note_evidence(world, repo)
    return Workshop(
        repo=repo,
        place=repository_dir(repo.common_dir),
        inbox=inbox_dir(world.environ),
        identity=identity or NOBODY,
        now=time.time_ns,
        random=os.urandom,
        version=__version__,
    )


def note_evidence(world: World, repo: Repository) -> None:
    """Say so where `unknown` may only mean that nobody fetched who wrote what: in a clone of a repository with Byline, before `init`."""
    if repo.top is None or load_identity(repo) is not None or not repo.remotes():
        return
    from byline.git.remotes import REMOTE_REFS
    from byline.log.trees import evidence_trees

    if not any(name.startswith(REMOTE_REFS) for name in evidence_trees(repo)):
        world.terminal.note("note: the remote's evidence is not here (byline init fetches it); until then its lines are unknown")


def settle(workshop: Workshop, terminal: Terminal) -> None:
    """Put what hooks spooled into the journal, so that the next answer has it; what hinders that is said and stops nobody from reading."""
    try:
        if workshop.repo.top is None or not (has_arrivals(workshop) or was_loose(workshop)):
            return
        from byline.capture.clone import settle_repository

        settle_repository(workshop.place, workshop.inbox)
    except OSError as error:
        terminal.warn(f"the newest edits are not in this answer: {(error.strerror or str(error)).lower()}")


def has_arrivals(workshop: Workshop) -> bool:
    """Whether a hook left something that is not in the journal yet."""
    for folder in (workshop.inbox, workshop.place / "marks"):
        try:
            with os.scandir(folder) as entries:
                if any(entry.name.endswith(ARRIVED) for entry in entries):
                    return True
        except FileNotFoundError:
            continue
    return False


def trust_or_none(world: World, repo: Repository, identity: Identity) -> Trust | None:
    """Return the trust to read with: the repository's, else the person's own key's; None if there is neither.

    A trust file that cannot be read must not keep anybody from looking at their lines: it is said, and nothing is verified.
    """
    try:
        trust = find_trust(repo)
        # An agent's key is nobody's own, whatever the environment says that a person delegated it in.
        own = {name: value for name, value in world.environ.items() if name != "BYLINE_KEY" or not world.environ.get(DELEGATION)}
        if trust is None and key_path(own).exists():
            from byline.core.trustfile import local_trust

            public = load_own_key(own).public
            name = own_principal(public)
            return local_trust(repository=identity.repository, line_key=identity.line_key, public=public, principal=name)
    except BylineError as error:
        world.terminal.warn(f"nothing can be verified: {error}")
        return None
    return trust


def principal_of(trust: Trust | None, signer: Signer | None) -> str | None:
    """Return the id of the person whose key signs here, None if trust does not know it."""
    key = trust.key(signer.public) if trust and signer else None
    return key.principal if key else None


def open_ledger(workshop: Workshop) -> Ledger:
    """Return the ledger that takes what this clone signs.

    Raises:
        ConfigError: One is named that cannot be talked to from here.
        TrustError: The trust file cannot be read: nobody knows which one it names.
    """
    trust = workshop.trust or find_trust(workshop.repo)
    named = trust.ledger if trust else None
    if named and named.url:
        return connect(named.url)
    from byline_ledger.embedded import open_embedded

    return open_embedded(workshop.place / EMBEDDED)


def connect(url: str) -> IndexedLedger:
    """Return the ledger at `url`, which is shown what ledgers.toml says; it is not asked anything yet.

    Raises:
        ConfigError: gRPC is not installed, this is no URL of a ledger, or what is to be shown cannot be read.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what fails is an error of ours; gRPC would write its own lines to the terminal
    with needs_extra("grpc"):
        from byline.log.client import Identity, LedgerClient
    from byline_cli.credentials import credentials_for

    shown = credentials_for(url, os.environ)
    return LedgerClient(url, token=shown.token, identity=Identity(*shown.identity) if shown.identity else None, roots=shown.roots)


def cache_file(repo: Repository) -> Path:
    """Return where the index of this clone is kept; its folder is made."""
    return prepare_repository(repo.common_dir) / "cache.db"


def _signer(world: World) -> Signer:
    return load_own_key(world.environ)


def check_set_up(workshop: Workshop) -> None:
    """Check that `init` ran here.

    Raises:
        ConfigError: It did not.
    """
    if workshop.identity == NOBODY:
        raise ConfigError("byline is not set up in this repository", hint="byline init")
