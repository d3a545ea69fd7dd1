# SPDX-License-Identifier: Apache-2.0
"""`byline delegate`: an agent's own key, for a while and within a scope, by a person's or a service's signature."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from byline.capture.places import agents_dir, make_private
from byline.core.bundle import format_bundle, join_receipt
from byline.core.moment import format_moment
from byline.core.value import dataclass, replace
from byline.errors import ConfigError
from byline.flow.attest import attest_pending
from byline.flow.delegate import Scope, Standing, State, delegation_payload, list_delegations, revocation_payload
from byline.flow.workshop import hold
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox
from byline.sign.file import sign_payload
from byline_cli.child import relayed, run_child
from byline_cli.delivery import FAILURES, PATIENCE, deliver_and_send
from byline_cli.keyfile import DELEGATION
from byline_cli.mandate import GIVEN, HELD, KEY, load_delegation, sweep_keys
from byline_cli.statements import describe_scope
from byline_cli.terminal import Paint
from byline_cli.wiring import cache_file, check_set_up, make_workshop, open_here
from byline_cli.world import NO, YES, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.delegation import Delegation
    from byline.core.envelope import Envelope
    from byline.core.ports import Signer
    from byline.core.trust import Trust
    from byline.flow.workshop import Workshop
    from byline.git.repository import Repository
    from byline_cli.child import Relay
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Makes a key for an agent, lets it sign for you within a scope and until a time (12 hours at most), and runs CMD with it: what CMD commits
is signed as the agent's, for you. When CMD ends, the delegation does, and the key is gone. Without CMD it prints the environment to set:
eval "$(byline delegate --agent A)". The key's claims say who wrote what and can only make a gate stricter: it cannot speak for a person,
approve, delegate, erase, or relax anything, so whoever steals it gains nothing. Your own key needs the use authorship. --end ends one
before its time; what was signed by then holds. --revoke takes one back, with all that was signed under it. Both are sent to the ledger
and the remote. --list tells those that the evidence has; `byline trust list` and `byline doctor` show those in force, and `trust lint`
what is odd."""
EXAMPLE = "byline delegate --agent claude-code --paths 'src/**' --for 2h -- claude -p 'fix the build'"

SCHEMA = "byline.delegations/1"
COLOURS = {State.CURRENT: "green", State.REVOKED: "grey", State.OVER: "grey", State.UNPROVEN: "red"}
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}
GLANCE = 0.5  # seconds, for the lock of an attester that is at work
ID_DIGITS = 8  # of a delegation, at least, that name it


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.takes_paths = True  # what stands after `--` is the command
    parser.add_argument("--agent", metavar="NAME", help="whose text the key may sign, as blame names the agent")
    parser.add_argument("--model", action="append", metavar="NAME", help="only what this model wrote; may be repeated (default: any)")
    parser.add_argument("--paths", dest="globs", action="append", metavar="GLOB", help="only files that fit it; may be repeated")
    parser.add_argument("--for", dest="lasts", metavar="TIME", default="8h", help="how long, as 30m or 8h (default 8h, at most 12h)")
    parser.add_argument("--end", metavar="ID", help="end the delegation with this id: what was signed under it until now holds")
    parser.add_argument("--revoke", metavar="ID", help="take the delegation with this id back, and what was signed under it")
    parser.add_argument("--list", dest="lists", action="store_true", help="the delegations here, newest first, and how they stand")
    parser.add_argument("--json", action="store_true", help="the list as JSON (byline.delegations/1)")
    granting = "--agent NAME [--model NAME] [--paths GLOB] [--for TIME] [-- CMD ...]"
    parser.usage = f"byline delegate {granting} | --end ID | --revoke ID | --list [--json]"


def run(options: Namespace, world: World) -> int:
    """Delegate, or take it back."""
    ending = options.end or options.revoke
    if [bool(options.end), bool(options.revoke), bool(options.agent), options.lists].count(True) != 1 or options.json > options.lists:
        raise UsageError("name the agent, or a delegation to end or to revoke, or ask for the list", EXAMPLE)
    command = options.paths
    if options.lists:
        return _list(world, is_json=options.json)
    if ending and command:
        raise UsageError("a delegation is ended, or a command is run")
    repo = open_here(world)
    workshop = make_workshop(world, repo, signing=True)
    check_set_up(workshop)
    if workshop.trust is None:
        raise ConfigError("there is no trust to delegate under", hint="byline init")
    if workshop.own is None or workshop.own.mandate:
        raise ConfigError("this is an agent's key, and agents do not delegate", hint=f"unset {DELEGATION}")
    by = _Delegator(workshop=workshop, trust=workshop.trust, signer=workshop.own.signer)
    if ending:
        return _end_named(ending, by, world, keeps=bool(options.end))
    scope = Scope(agent=options.agent, models=_words(options.model), paths=_words(options.globs))
    lasts = _duration(options.lasts)
    with relayed() as relay:  # what was given is not left behind by who interrupts
        given = _delegate(scope, lasts, by, world)
        code = _run(command, given, by, world, relay) if command or relay.early else None
    if code is None:
        for name, value in given.environ.items():
            world.terminal.line(f"export {name}={shlex.quote(value)}")
        return YES
    try:
        deliver_and_send(by.workshop, world.terminal, is_aside=True)
    except FAILURES as error:
        world.terminal.note(f"note: not sent yet ({error}); byline push --evidence-only sends it")
    return code


def delegations_here(world: World, repo: Repository) -> tuple[Standing, ...]:
    """Return the delegations that the evidence of `repo` has, the newest first.

    Raises:
        RepositoryError: Git cannot read the evidence.
    """
    trust = make_workshop(world, repo).trust
    if trust is None:
        return ()
    with EvidenceIndex(cache_file(repo)) as index:
        index.refresh(EvidenceRef(repo))
        return list_delegations(index, trust, at=datetime.now(UTC))


def _list(world: World, *, is_json: bool) -> int:
    found = delegations_here(world, open_here(world))
    if is_json:
        world.terminal.json({"schema": SCHEMA, "delegations": [_to_json(each) for each in found]})
        return YES
    for each in found:
        world.terminal.line(Paint(f"{each.state:<10}", COLOURS[each.state]), f"  {each.digest[:12]}  {describe_scope(each.delegation)}")
    if not found:
        world.terminal.line("nobody delegated anything here")
    return YES


def _to_json(each: Standing) -> dict[str, Any]:
    said = each.delegation
    return {
        "delegation": each.digest,
        "state": str(each.state),
        "agent": said.agent,
        "models": list(said.models) if said.models else None,
        "paths": list(said.paths) if said.paths else None,
        "delegator": said.delegator,
        "key": said.key,
        "issued": format_moment(said.issued_at),
        "expires": format_moment(said.expires_at),
    }


def _words(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(given)) if given else None


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,3})([mh])", text, re.ASCII)
    if found is None:
        raise UsageError(f"{text} is no time", "--for 30m, --for 8h")
    return int(found[1]) * UNITS[found[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delegator:
    """Who delegates: the workshop, the trust under which they do, and their key."""

    workshop: Workshop
    trust: Trust
    signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A delegation: the folder of its key on this machine, the digest of its statement, and what it says."""

    place: Path
    digest: str
    said: Delegation

    @property
    def environ(self) -> dict[str, str]:
        """What an agent needs in its environment."""
        return {DELEGATION: str(self.place / GIVEN), "BYLINE_ON_BEHALF_OF": self.said.delegator}


def _delegate(scope: Scope, lasts: timedelta, by: _Delegator, world: World) -> _Given:
    """Make the key, sign and keep the delegation."""
    from byline.keys.ids import key_id
    from byline.keys.p256 import PrivateKey
    from byline_cli.install.changes import write_file

    at, agents = datetime.now(UTC), PrivateKey.generate()
    payload = delegation_payload(scope, trust=by.trust, signer=by.signer, public=agents.public, lasts=lasts, at=at)
    folder = make_private(agents_dir(world.environ))
    sweep_keys(folder, at=at)
    place = folder / key_id(agents.public)[:16]
    make_private(place)
    envelope = sign_payload(payload, by.signer)
    write_file(place / GIVEN, format_bundle(join_receipt(envelope, by.signer.public, None)), mode=0o600)
    _keep(envelope, by)
    write_file(place / KEY, agents.to_pem(), mode=0o600)  # last: what fails before leaves a delegation that nobody has
    digest, said = load_delegation(place / GIVEN)
    world.terminal.note(f"delegated {digest[:12]}: {describe_scope(said)}")
    return _Given(place=place, digest=digest, said=said)


def _run(command: list[str], given: _Given, by: _Delegator, world: World, relay: Relay) -> int:
    """Run `command` with the agent's key, and end the delegation when it ends; return the command's exit code."""
    environ = {**world.environ, **given.environ, "BYLINE_SESSION": os.urandom(8).hex()}
    try:
        with hold(given.place, seconds=0, lock=HELD):
            code = run_child(command, environ=environ, cwd=world.cwd, taken=relay).code
    finally:
        notes = [*_sign_left(given, world, relay), *_end_or_tell(given, by)]
    for each in notes:
        world.terminal.note(f"note: {each}")
    return code


def _sign_left(given: _Given, world: World, relay: Relay | None = None) -> Iterator[str]:
    """Sign with the agent's key what hooks marked; yield why that may not be done. A signal to the `relay` hurries it."""
    agents = replace(world, environ={**world.environ, **given.environ})
    ends = time.monotonic() + PATIENCE
    try:
        workshop = make_workshop(agents, open_here(agents), signing=True)
        while attest_pending(workshop, seconds=GLANCE, sweeps=False).busy:
            if (relay and relay.is_hurried) or time.monotonic() > ends:
                yield "another attester is at work: what it leaves of the agent's commits is not signed (byline status)"
                break
    except FAILURES as error:
        yield f"what the agent committed may not be signed yet (byline status): {error}"


def _end_or_tell(given: _Given, by: _Delegator) -> Iterator[str]:
    """End what is `given`; yield why that cannot be done."""
    try:
        _end(given, by, keeps=True)
    except FAILURES as error:
        yield f"the delegation ends when its time is over: {error}"


def _end(given: _Given, by: _Delegator, *, keeps: bool) -> None:
    """End what is `given`, if it `keeps` what was signed or not: the key goes first."""
    shutil.rmtree(given.place, ignore_errors=True)
    at = datetime.now(UTC)
    payload = revocation_payload(given.digest, key=given.said.key, trust=by.trust, signer=by.signer, at=at, keeps=keeps)
    _keep(sign_payload(payload, by.signer), by)


def _end_named(named: str, by: _Delegator, world: World, *, keeps: bool) -> int:
    with EvidenceIndex(cache_file(by.workshop.repo)) as index:
        index.refresh(EvidenceRef(by.workshop.repo))
        known = list_delegations(index, by.trust, at=datetime.now(UTC))
    # What is over can still be taken back, with what was signed under it.
    states = (State.CURRENT,) if keeps else (State.CURRENT, State.OVER)
    found = [each for each in known if each.state in states and len(named) >= ID_DIGITS and each.digest.startswith(named)]
    if len(found) != 1:
        world.terminal.line(f"no delegation {named} is {'in force' if keeps else 'there to be revoked'}")
        world.terminal.hint("byline delegate --list shows how each stands")
        return NO
    said = found[0].delegation
    given = _Given(place=agents_dir(world.environ) / said.key[:16], digest=found[0].digest, said=said)
    for note in _sign_left(given, world) if keeps and given.place.is_dir() else ():
        world.terminal.note(f"note: {note}")
    _end(given, by, keeps=keeps)
    world.terminal.line(Paint("ended" if keeps else "revoked", "green"), f" {given.digest[:12]}: {describe_scope(said)}")
    deliver_and_send(by.workshop, world.terminal)
    return YES


def _keep(envelope: Envelope, by: _Delegator) -> None:
    """Keep what was signed among the evidence, and on its way to the ledger."""
    Outbox(by.workshop.place).put(envelope, by.signer.public)
    EvidenceRef(by.workshop.repo).add([join_receipt(envelope, by.signer.public, None)])
