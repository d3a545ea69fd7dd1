# SPDX-License-Identifier: Apache-2.0
"""`byline trust`: who counts in this repository, and how a key gets in."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.publickey import Presence, key_type
from byline.core.trust import Kind, Principal, Trust, TrustedKey, Use, Witness, least_presence, parse_trust
from byline.core.trustfile import add_to_trust
from byline.errors import ConfigError, TrustError
from byline.flow.delegate import State
from byline_cli.commands.delegate import delegations_here
from byline_cli.identity import TRUST, read_file, trust_file
from byline_cli.install.changes import write_file
from byline_cli.keyfile import format_public, make_own_key, read_public
from byline_cli.statements import describe_scope
from byline_cli.terminal import count, show_table
from byline_cli.wiring import open_here
from byline_cli.world import NO, YES

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from byline.flow.delegate import Standing
    from byline.git.repository import Repository
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
The trust file `.byline/trust.toml` names people, agents and services, their keys and what each key may sign. It is part of the
repository: a change of it is a change like any other, and a gate wants a root key holder's approval for it.

  key    print your public key (it is made when there is none), to hand to somebody who may change the trust file
  add    add a principal or a key to the trust file in the work tree; you review and commit it
  list   who is in it, with which keys
  lint   is it a trust file, and is anything in it, or among the delegations, likely to be a mistake

  witness      add a witness of logs; what is logged is `witnessed` once as many operators as the log's quorum asks for cosigned it
  tlog-policy  print what it asks of a log's checkpoints as a C2SP tlog-policy, for the log itself and for other verifiers"""
EXAMPLE = "byline trust add p-rob --level junior --key rob.pub"

SOON = timedelta(days=30)
TOKENS = [str(each) for each in (Presence.PRESENT, Presence.VERIFIED)]
DEFAULT_USES = {Kind.HUMAN: (Use.AUTHORSHIP, Use.APPROVAL), Kind.AGENT: (Use.AUTHORSHIP,), Kind.SERVICE: (Use.DECISION,)}


def configure(parser: Parser) -> None:
    """Add the arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="key|add|list|lint|witness|tlog-policy")
    verbs.add_parser("key", help="print your public key")
    add = verbs.add_parser("add", help="add a principal or a key", epilog=f"example: {EXAMPLE}")
    add.add_argument("principal", help="p-... for a person, s-... for a service, a-... for an agent")
    add.add_argument("--key", type=Path, metavar="FILE", help="the public key, as `byline trust key` or ssh-keygen writes it")
    add.add_argument("--level", help="one of the file's levels (people only)")
    add.add_argument("--kind", choices=[str(kind) for kind in Kind], help="default: what the id begins with")
    add.add_argument("--use", action="append", choices=[str(use) for use in Use], help="what the key may sign; may be repeated")
    add.add_argument("--presence", choices=TOKENS, help="what a token has to show each time: a touch (default), or a PIN or finger")
    verbs.add_parser("list", help="who is in it")
    verbs.add_parser("lint", help="is it right")
    witness = verbs.add_parser("witness", help="add a witness of logs")
    witness.add_argument("name", help="what this file and its tlog-policy call it")
    witness.add_argument("--vkey", required=True, help="its public key, as `byline ledger witness --new` prints it")
    witness.add_argument("--operator", required=True, help="who runs it: one vote, however many witnesses")
    witness.add_argument("--url", help="where a log asks it")
    policy = verbs.add_parser("tlog-policy", help="print a C2SP tlog-policy")
    policy.add_argument("origin", nargs="?", help="of which log, where there are several")


def run(options: Namespace, world: World) -> int:
    """Run one of the verbs."""
    if options.verb == "key":
        world.terminal.text(format_public(make_own_key(world.environ).public))
        return YES
    repo = open_here(world)
    data = read_file(repo, TRUST)
    if data is None:
        raise ConfigError("this repository has no .byline/trust.toml", hint="byline init writes one")
    if options.verb == "add":
        return _add(options, world, trust_file(repo), data)
    if options.verb == "witness":
        return _add_witness(options, world, trust_file(repo), data)
    if options.verb == "tlog-policy":
        return _tlog_policy(options, world, data)
    return _list(world, repo, data) if options.verb == "list" else _lint(world, repo, data)


def _add(options: Namespace, world: World, path: Path, data: bytes) -> int:
    trust = parse_trust(data)
    kind = Kind(options.kind) if options.kind else {"s": Kind.SERVICE, "a": Kind.AGENT}.get(options.principal[:1], Kind.HUMAN)
    known = trust.principal(options.principal)
    if known and options.level not in (None, known.level):
        raise ConfigError(f"{known.id} is there already, with level {known.level}", hint="edit .byline/trust.toml to change a level")
    if known and not options.key:
        raise ConfigError(f"{known.id} is there already", hint="name a --key to add to it")
    principals = () if known else (Principal(id=options.principal, kind=kind, level=options.level),)
    keys: tuple[TrustedKey, ...] = ()
    if options.key:
        public = read_public(options.key if options.key.is_absolute() else world.cwd / options.key)
        if trust.key(public):
            raise ConfigError("this key is in the trust file already", hint="byline trust list shows whose it is")
        uses = tuple(Use(each) for each in options.use or DEFAULT_USES[known.kind if known else kind])
        kind_of_key = key_type(public)
        if options.presence and not kind_of_key.is_token:
            raise ConfigError("only a token shows who is there", hint=f"this key has the type {kind_of_key}: leave out --presence")
        presence = Presence(options.presence) if options.presence else least_presence(kind_of_key)
        keys = (TrustedKey(principal=options.principal, public=public, uses=uses, presence=presence),)
    try:
        text = add_to_trust(data, issued=datetime.now(UTC).replace(microsecond=0), principals=principals, keys=keys)
    except TrustError as error:  # the file was read, so it is what was asked for
        raise ConfigError(str(error), hint=f"levels, lowest first: {', '.join(trust.levels)}; byline trust add --help") from error
    for each in keys:
        level = f" ({options.level})" if options.level else ""
        world.terminal.line(f"added {each.principal}{level}, key {each.id[:16]}, for: {', '.join(each.uses)}")
    if not keys:
        world.terminal.line(f"added {options.principal}")
    return _write(world, path, text)


def _write(world: World, path: Path, text: bytes) -> int:
    write_file(path, text)
    after = parse_trust(text)
    world.terminal.line(f"trust.toml is now version {after.version}, sha256:{after.sha256}")
    world.terminal.note("review and commit .byline/trust.toml; a gate asks a root key holder to approve the change")
    return YES


def _add_witness(options: Namespace, world: World, path: Path, data: bytes) -> int:
    witness = Witness(name=options.name, vkey=options.vkey, operator=options.operator, url=options.url)
    try:
        text = add_to_trust(data, issued=datetime.now(UTC).replace(microsecond=0), witnesses=(witness,))
    except TrustError as error:  # the file was read, so it is what was asked for
        raise ConfigError(str(error), hint="byline trust list shows who is there; byline trust witness --help") from error
    world.terminal.line(f"added the witness {witness.name} of {witness.operator}")
    if not any(log.quorum for log in parse_trust(text).logs):
        world.terminal.note("no log asks for witnesses yet: a line quorum = N in its [[log]] does")
    return _write(world, path, text)


def _tlog_policy(options: Namespace, world: World, data: bytes) -> int:
    from byline.core.tlog_policy import format_tlog_policy, policy_for

    trust = parse_trust(data)
    logs = [log for log in trust.logs if options.origin in (None, log.origin)]
    if len(logs) != 1:
        names = ", ".join(log.origin for log in trust.logs) or "none"
        raise ConfigError("of which log?" if logs else "there is no such log in .byline/trust.toml", hint=f"the logs in it: {names}")
    world.terminal.text(format_tlog_policy(policy_for(logs[0], trust.witnesses)).decode().rstrip("\n"))
    return YES


def _list(world: World, repo: Repository, data: bytes) -> int:
    trust = parse_trust(data)
    world.terminal.line(f"repository {trust.repository}, trust version {trust.version}, until {trust.expires:%Y-%m-%d}")
    world.terminal.line(f"sha256:{trust.sha256}")
    world.terminal.line(f"levels, lowest first: {', '.join(trust.levels)}")
    rows = [[each.id, str(each.kind), each.level or "-", *_key_cells(key)] for each in trust.principals for key in _keys(trust, each)]
    rows += [[log.origin[:40], "log", str(log.kind), log.operator or "-", log.url or "no url"] for log in trust.logs]
    rows += [[each.name, "witness", "-", each.operator, each.url or "no url"] for each in trust.witnesses]
    for line in show_table(rows, columns=world.terminal.columns):
        world.terminal.line(line)
    for each in delegations_here(world, repo):
        if each.state is State.CURRENT:
            world.terminal.line(f"delegated {each.digest[:12]}: {describe_scope(each.delegation)}")
    return YES


def _keys(trust: Trust, principal: Principal) -> list[TrustedKey | None]:
    return [key for key in trust.keys if key.principal == principal.id] or [None]


def _key_cells(key: TrustedKey | None) -> tuple[str, str]:
    if key is None:
        return ("no key", "")
    shows = f" ({key.type}, {key.presence})" if key.type.is_token else ""
    return (key.id[:16], (", ".join(key.uses) or "nothing (revoked)") + shows)


def _lint(world: World, repo: Repository, data: bytes) -> int:
    try:
        trust = parse_trust(data)
    except TrustError as error:
        world.terminal.line(f"error: {error}")
        return NO
    found = _findings(trust, datetime.now(UTC))
    for each in found:
        world.terminal.line(f"warning: {each}")
    if not found:
        size = f"{count(len(trust.principals), 'principal')}, {count(len(trust.keys), 'key')}"
        world.terminal.line(f"trust.toml version {trust.version}: {size}, nothing to say")
    for each in _odd_delegations(delegations_here(world, repo)):
        world.terminal.line(f"note: {each}")
    return NO if found else YES


def _odd_delegations(found: Sequence[Standing]) -> Iterator[str]:
    """Yield what a person should know of delegations; these are evidence, which others write, so that none makes the file wrong."""
    current = [each for each in found if each.state is State.CURRENT]
    for each in found:
        if each.state is State.UNPROVEN:
            yield f"delegation {each.digest[:12]} is not proven: trust does not know who signed it, or they may not; it lets nobody sign"
    for each in current:
        if each.delegation.paths is None:
            yield f"delegation {each.digest[:12]} lets {each.delegation.agent} sign for every path: --paths narrows the next one"
    pairs = Counter((each.delegation.delegator, each.delegation.agent) for each in current)
    for (who, agent), number in pairs.items():
        if number > 1:
            yield f"{number} delegations of {agent} for {who} are in force: byline delegate --end ID ends those that are not needed"


def _findings(trust: Trust, at: datetime) -> list[str]:
    """Return what is allowed and likely a mistake."""
    out = []
    if trust.expires <= at:
        out.append(f"it expired on {trust.expires:%Y-%m-%d}: every gate denies")
    elif trust.expires - at < SOON:
        out.append(f"it expires on {trust.expires:%Y-%m-%d}: issue the next version before")
    if not any(Use.ROOT in key.uses for key in trust.keys):
        out.append("no key has the use root: nobody can approve a change of .byline/")
    if not any(Use.APPROVAL in key.uses for key in trust.keys):
        out.append("no key has the use approval: nobody can approve anything")
    keyless = [each.id for each in trust.principals if not any(key.principal == each.id for key in trust.keys)]
    out += [f"{each} has no key" for each in keyless]
    out += [
        f"{each.id} has no level: it counts as below {trust.levels[0]}"
        for each in trust.principals
        if each.kind is Kind.HUMAN and not each.level
    ]
    return out
