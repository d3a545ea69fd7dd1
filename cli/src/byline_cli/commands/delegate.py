# SPDX-License-Identifier: Apache-2.0
"""`byline delegate`: an agent's own key, for a while and within a scope, by a person's or a service's signature."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from byline.capture.places import agents_dir, make_private
from byline.core.bundle import format_bundle, join_receipt
from byline.core.value import replace
from byline.errors import BylineError, ConfigError
from byline.flow.delegate import Scope, current_delegations, delegation_payload, revocation_payload
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload
from byline_cli.child import run_child
from byline_cli.keyfile import load_own_key
from byline_cli.mandate import GIVEN, KEY, load_delegation, sweep_keys
from byline_cli.statements import describe_scope
from byline_cli.terminal import Paint
from byline_cli.wiring import DELEGATION, cache_file, check_set_up, make_workshop, open_here
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from byline.core.envelope import Envelope
    from byline.core.trust import Trust
    from byline.core.verified import VerifiedDelegation
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Makes a key for an agent, lets it sign for you within a scope and until a time (12 hours at most), and runs CMD with it: what CMD commits
is signed as the agent's, for you. Without CMD it prints the environment to set: eval "$(byline delegate --agent A)". The key's claims say
who wrote what and can only make a gate stricter: it cannot speak for a person, approve, delegate, erase, or relax anything, so
whoever steals it gains nothing. Your own key needs the use authorship. --revoke ends one before its time, for all that it signed.
`byline trust list` and `byline doctor` show those in force."""
EXAMPLE = "byline delegate --agent claude-code --paths 'src/**' --for 2h -- claude -p 'fix the build'"

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
ID_DIGITS = 8  # of a delegation, at least, that name it


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.takes_paths = True  # what stands after `--` is the command
    parser.add_argument("--agent", metavar="NAME", help="whose text the key may sign, as blame names the agent")
    parser.add_argument("--model", action="append", metavar="NAME", help="only what this model wrote; may be repeated (default: any)")
    parser.add_argument("--paths", dest="globs", action="append", metavar="GLOB", help="only files that fit it; may be repeated")
    parser.add_argument("--for", dest="lasts", metavar="TIME", default="8h", help="how long, as 30m or 8h (default 8h, at most 12h)")
    parser.add_argument("--revoke", metavar="ID", help="end the delegation with this id")
    parser.usage = "byline delegate --agent NAME [--model NAME] [--paths GLOB] [--for TIME] [-- CMD ...] | --revoke ID"


def run(options: Namespace, world: World) -> int:
    """Delegate, or take it back."""
    if bool(options.revoke) == bool(options.agent):
        raise UsageError("name the agent, or a delegation to revoke", EXAMPLE)
    command = options.paths
    if options.revoke and command:
        raise UsageError("a delegation is revoked, or a command is run")
    repo = open_here(world)
    workshop = make_workshop(world, repo, signing=True)
    check_set_up(workshop)
    if workshop.trust is None:
        raise ConfigError("there is no trust to delegate under", hint="byline init")
    if workshop.delegation:
        raise ConfigError("this is an agent's key, and agents do not delegate", hint=f"unset BYLINE_KEY {DELEGATION}")
    if options.revoke:
        return _revoke(options.revoke, workshop, workshop.trust, world)
    scope = Scope(agent=options.agent, models=_words(options.model), paths=_words(options.globs))
    place = _delegate(scope, _duration(options.lasts), workshop, workshop.trust, world)
    environ = {"BYLINE_KEY": str(place / KEY), DELEGATION: str(place / GIVEN), "BYLINE_ON_BEHALF_OF": workshop.principal or ""}
    if command:
        return _run(command, {**world.environ, **environ, "BYLINE_SESSION": os.urandom(8).hex()}, place, world)
    for name, value in environ.items():
        world.terminal.line(f"export {name}={shlex.quote(value)}")
    return YES


def delegations_here(world: World, repo: Repository) -> tuple[VerifiedDelegation, ...]:
    """Return the delegations in force that the evidence of `repo` has.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    trust = make_workshop(world, repo).trust
    if trust is None:
        return ()
    with EvidenceIndex(cache_file(repo)) as index:
        index.refresh(EvidenceRef(repo))
        return current_delegations(index, trust, at=datetime.now(UTC))


def _words(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(given)) if given else None


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,3})([mh])", text, re.ASCII)
    if found is None:
        raise UsageError(f"{text} is no time", "--for 30m, --for 8h")
    return int(found[1]) * UNITS[found[2]]


def _delegate(scope: Scope, lasts: timedelta, workshop: Workshop, trust: Trust, world: World) -> Path:
    """Make the key, sign and keep the delegation; return the folder of both."""
    from byline.keys.ids import key_id
    from byline.keys.p256 import PrivateKey
    from byline_cli.install.changes import write_file

    signer, at = load_own_key(world.environ), datetime.now(UTC)
    agents = PrivateKey.generate()
    payload = delegation_payload(scope, trust=trust, signer=signer, public=agents.public, lasts=lasts, at=at)
    folder = make_private(agents_dir(world.environ))
    sweep_keys(folder, at=at)
    place = folder / key_id(agents.public)[:16]
    make_private(place)
    envelope = sign_payload(payload, signer)
    write_file(place / GIVEN, format_bundle(join_receipt(envelope, signer.public, None)), mode=0o600)
    write_file(place / KEY, agents.to_pem(), mode=0o600)
    _keep(envelope, signer.public, workshop)
    digest, given = load_delegation(place / GIVEN)
    world.terminal.note(f"delegated {digest[:12]}: {describe_scope(given)}")
    return place


def _run(command: list[str], environ: dict[str, str], place: Path, world: World) -> int:
    """Run `command` with the agent's key, sign what is left, and let the key go; return the command's exit code."""
    try:
        code = run_child(command, environ=environ, cwd=world.cwd).code
    finally:
        _finish(environ, place, world)
    return code


def _finish(environ: dict[str, str], place: Path, world: World) -> None:
    from byline_cli.delivery import sign_and_deliver

    try:
        done = sign_and_deliver(make_workshop(replace(world, environ=environ), open_here(world), signing=True), sweeps=False)
    except BylineError as error:
        world.terminal.note(f"note: what is not signed yet is left to your own key: {error}")
    else:
        if done.attested.busy:
            world.terminal.note("note: another attester is at work; the agent's key stays until its time is over")
            return
    shutil.rmtree(place, ignore_errors=True)


def _revoke(named: str, workshop: Workshop, trust: Trust, world: World) -> int:
    with EvidenceIndex(cache_file(workshop.repo)) as index:
        index.refresh(EvidenceRef(workshop.repo))
        current = current_delegations(index, trust, at=datetime.now(UTC))
    found = [each for each in current if len(named) >= ID_DIGITS and each.digest.startswith(named)]
    if len(found) != 1:
        world.terminal.line(f"no delegation {named} is in force")
        world.terminal.note("byline trust list shows those that are")
        return NO
    signer = load_own_key(world.environ)
    payload = revocation_payload(found[0], trust=trust, signer=signer, at=datetime.now(UTC))
    _keep(sign_payload(payload, signer), signer.public, workshop)
    shutil.rmtree(agents_dir(world.environ) / found[0].delegation.key[:16], ignore_errors=True)
    world.terminal.line(Paint("revoked", "green"), f" {found[0].digest[:12]}: {describe_scope(found[0].delegation)}")
    return YES


def _keep(envelope: Envelope, public: bytes, workshop: Workshop) -> None:
    """Keep what was signed among the evidence, and on its way to the ledger."""
    Outbox(workshop.place).put(envelope, public)
    EvidenceRef(workshop.repo).add([join_receipt(envelope, public, None)])
