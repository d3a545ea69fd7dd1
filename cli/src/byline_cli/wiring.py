# SPDX-License-Identifier: Apache-2.0
"""The one place that joins everything: a repository, its identity and trust, who signs, a ledger.

Which trust: `.byline/trust.toml` of the work tree, else of HEAD, else one made of the person's own key (`local_trust`): enough to
read what is here; a gate never uses it. Which ledger: the first log of that trust with a URL, else the one embedded in this
clone, which is opened here and nowhere else.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from byline import __version__
from byline.capture.astray import has_astray
from byline.capture.places import inbox_dir, prepare_repository, repository_dir
from byline.capture.sharing import give_back
from byline.core.edit import Committer
from byline.core.value import replace
from byline.errors import BylineError, ConfigError, TrustError
from byline.flow.pending import ARRIVED, was_loose
from byline.flow.workshop import Identity, Signatory, Workshop
from byline.git.repository import open_repository
from byline_cli.extras import needs_extra
from byline_cli.identity import NOBODY, TRUST, find_identity, find_trust, load_identity, read_file
from byline_cli.keyfile import DELEGATION, KEY, key_path, load_own_key, own_principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.ports import IndexedLedger, Ledger, Signer
    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline_cli.terminal import Terminal
    from byline_cli.world import World

EMBEDDED = "ledger"
DECLARES = "byline.declareOwnLines"  # `true`, or the work trees in which that was chosen (`capture.places.worktree_name`)


def open_here(world: World) -> Repository:
    """Return the repository that the command was called in; when the call ends it is closed, and whoever may use it may use what was made.

    Raises:
        NotARepositoryError: There is none.
    """
    repo = world.closing.enter_context(open_repository(world.cwd, environ=world.environ))
    world.closing.callback(give_back, repo.common_dir, repository_dir(repo.common_dir))
    return repo


def make_workshop(world: World, repo: Repository, *, signing: bool = False) -> Workshop:
    """Return everything that the flows need here; with `signing` the key that signs here is loaded.

    Raises:
        ConfigError: It wants a key and there is none.
    """
    identity = find_identity(repo)
    find = partial(_find_signatory, world, repo, identity or NOBODY)
    return Workshop(
        repo=repo,
        place=repository_dir(repo.common_dir),
        inbox=inbox_dir(world.environ),
        identity=identity or NOBODY,
        own=find(_committer(world.environ)) if signing else None,
        signatory_of=find if signing else None,
        declares=repo.settings.choices(DECLARES),
        now=time.time_ns,
        random=os.urandom,
        version=__version__,
        trust=trust_or_none(world, repo, identity) if identity else None,
    )


def make_attester(world: World, repo: Repository) -> Workshop:
    """Return what signs here what the hooks marked, for whomever it is that they name; trust is read where nobody remembers a key's person.

    `give_own` gives it the key of this environment, for what no hook marked.

    Raises:
        MalformedError: The identity of the repository cannot be read.
    """
    identity = find_identity(repo) or NOBODY
    return Workshop(
        repo=repo,
        place=repository_dir(repo.common_dir),
        inbox=inbox_dir(world.environ),
        identity=identity,
        signatory_of=partial(_find_signatory, world, repo, identity),
        declares=repo.settings.choices(DECLARES),
        now=time.time_ns,
        random=os.urandom,
        version=__version__,
    )


def give_own(world: World, workshop: Workshop) -> Workshop:
    """Return `workshop` with the key of this environment.

    Raises:
        ConfigError: There is none, or it cannot sign here and now.
    """
    return replace(workshop, own=_find_signatory(world, workshop.repo, workshop.identity, _committer(world.environ)))


def _committer(environ: Mapping[str, str]) -> Committer:
    """Return whom `environ` names, as git's hooks name them in a mark."""
    delegation = environ.get(DELEGATION) or None
    return Committer(delegation=delegation, key=None if delegation else environ.get(KEY) or None)


def _find_signatory(world: World, repo: Repository, identity: Identity, committer: Committer) -> Signatory:
    """Return who signs what `committer` made: the agent, the key that is named, or else the key of this account.

    Raises:
        ConfigError: They cannot, here and now.
    """
    try:
        if committer.delegation:
            from byline_cli.mandate import load_mandate

            return load_mandate(Path(committer.delegation), repository=identity.repository)
        environ = {name: value for name, value in world.environ.items() if name not in (DELEGATION, KEY)}
        environ |= {KEY: committer.key} if committer.key else {}
        signer = load_own_key(environ)
    except OSError as error:
        raise ConfigError(f"the key cannot be read: {(error.strerror or str(error)).lower()}") from error

    from byline_cli.principal import remember_principal

    def ask() -> str | None:
        try:
            trust = find_trust(repo)
        except TrustError:
            return None
        return principal_of(trust, signer) if trust else own_principal(signer.public)

    known = remember_principal(repository_dir(repo.common_dir), read_file(repo, TRUST) or b"", signer.public, ask)
    return Signatory(signer=signer, principal=known)


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
        if workshop.repo.top is None or not (has_arrivals(workshop) or was_loose(workshop) or has_astray(workshop.inbox)):
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
        own = {name: value for name, value in world.environ.items() if name != DELEGATION}  # an agent's key is nobody's own
        if trust is None and key_path(own).exists():
            from byline.core.trustfile import local_trust

            public = load_own_key(own).public
            name = own_principal(public)
            return local_trust(repository=identity.repository, line_key=identity.line_key, public=public, principal=name)
    except BylineError as error:
        world.terminal.warn(f"nothing can be verified: {error}")
        return None
    return trust


def principal_of(trust: Trust, signer: Signer) -> str | None:
    """Return the id of the person whose key `signer` is, None if trust does not know it."""
    key = trust.key(signer.public)
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

    return open_embedded(embedded_place(workshop.place))


def embedded_place(place: Path) -> Path:
    """Return the folder of this account's own log: where several share a clone, who made the first keeps its key."""
    key = place / EMBEDDED / "log.key"
    return key.parent if os.access(key, os.R_OK) or not key.exists() else place / f"{EMBEDDED}.{os.getuid()}"


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


def check_set_up(workshop: Workshop) -> None:
    """Check that `init` ran here.

    Raises:
        ConfigError: It did not.
    """
    if workshop.identity == NOBODY:
        raise ConfigError("byline is not set up in this repository", hint="byline init")
