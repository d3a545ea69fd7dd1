# SPDX-License-Identifier: Apache-2.0
r"""What an agent was not let do: the record of one decision of the guard before a call.

    {"time": "1700000000000000000", "session": "6e46...", "agent": {"name": "codex", "version": null, "model": "gpt-5"}, "call": "call_1",
     "rule": "agent:1", "policy": "<sha256 of the policy file>" | null, "effect": "deny" | "ask", "kinds": ["write"], "digest": "<sha256>"}

In the clone each is a line of `<git common dir>/byline/refusals`, with `schema` and `what`: the path, or the kinds of the commands. In an
authorship statement it stands under `extensions.refusals`, without `what`, and its digest is keyed: BLAKE2b-128 of the local one
under the repository's `line_key`. So neither holds the text of a command, which may hold secrets, and who knows the command can show
that it was the one. `policy` is null for what no policy has to say (`built-in:agents`).
"""

from __future__ import annotations

from byline.core.access import Effect
from byline.core.authors import Agent
from byline.core.plain_json import json_text
from byline.core.value import dataclass, replace
from byline.malformed import MalformedError, StatementError

# An agent waits while its refusal is written down: what only reading takes is imported where it is read.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from byline.core.canonical import Json

SCHEMA: Final = "byline.refusal/1"
DIGEST_BYTES: Final = 16
_MEMBERS: Final = ("time", "session", "agent", "call", "rule", "policy", "effect", "kinds", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One call that was not made, or about which a person was asked first."""

    time: int
    session: str | None
    agent: Agent
    call: str | None
    rule: str
    policy: str | None
    effect: Effect
    kinds: tuple[str, ...]
    digest: str
    what: str | None = None


def refusal_to_json(refusal: Refusal) -> dict[str, Json]:
    """Return the members of `refusal`; `what` only where it has one."""
    agent = refusal.agent
    members: dict[str, Json] = {
        "time": str(refusal.time),
        "session": refusal.session,
        "agent": {"name": agent.name, "version": agent.version, "model": agent.model},
        "call": refusal.call,
        "rule": refusal.rule,
        "policy": refusal.policy,
        "effect": refusal.effect.value,
        "kinds": list(refusal.kinds),
        "digest": refusal.digest,
    }
    return members if refusal.what is None else {**members, "what": refusal.what}


def refusal_from_json(value: Json) -> Refusal:
    """Read what `refusal_to_json` made.

    Raises:
        StatementError: It is something else.
    """
    from byline.core.effect import parse_sha256
    from byline.core.statement import take_list, take_optional_text, take_text

    if not isinstance(value, dict) or set(value) - {"what"} != set(_MEMBERS):
        raise StatementError(f"a refusal has the members {', '.join(_MEMBERS)}")
    agent, time, digest = value["agent"], take_text(value["time"], what="time"), take_text(value["digest"], what="digest")
    if not isinstance(agent, dict) or set(agent) != {"name", "version", "model"}:
        raise StatementError("an agent has the members name, version, model")
    if not (time.isascii() and time.isdigit() and len(time) <= 20) or set(digest) - set("0123456789abcdef") or len(digest) not in (32, 64):
        raise StatementError("a refusal's time is a number, and its digest hex")
    try:
        effect, policy = Effect(take_text(value["effect"], what="effect")), value["policy"]
        return Refusal(
            time=int(time),
            session=take_optional_text(value["session"], what="session"),
            agent=Agent(
                name=take_text(agent["name"], what="agent.name"),
                version=take_optional_text(agent["version"], what="agent.version"),
                model=take_optional_text(agent["model"], what="agent.model"),
            ),
            call=take_optional_text(value["call"], what="call"),
            rule=take_text(value["rule"], what="rule"),
            policy=None if policy is None else parse_sha256(policy),
            effect=effect,
            kinds=tuple(take_text(each, what="a kind") for each in take_list(value["kinds"], what="kinds")),
            digest=digest,
            what=take_optional_text(value.get("what"), what="what"),
        )
    except (ValueError, MalformedError) as error:
        raise StatementError(f"not a refusal: {error}") from error


def format_refusal(refusal: Refusal) -> bytes:
    """Return the line of `refusal`, without its end."""
    return json_text({"schema": SCHEMA, **refusal_to_json(refusal)}).encode()


def parse_refusal(line: bytes) -> Refusal:
    """Read a line.

    Raises:
        MalformedError: It is none.
    """
    from byline.core.canonical import parse_strict

    record = parse_strict(line)
    if not isinstance(record, dict) or record.pop("schema", None) != SCHEMA:
        raise StatementError(f"not a record of {SCHEMA}")
    return refusal_from_json(record)


def attempt_digest(paths: Iterable[str], command: str | None) -> str:
    """Return the digest of what was to be done."""
    text = "\0".join((*paths, "" if command is None else command))
    return _sha256(text.encode("utf-8", "surrogatepass"))


def with_key(refusal: Refusal, line_key: bytes) -> Refusal:
    """Return `refusal` as it may be signed and shown to others: no `what`, and a digest that only readers of the repository can try."""
    from hashlib import blake2b

    keyed = blake2b(refusal.digest.encode(), key=line_key, digest_size=DIGEST_BYTES).hexdigest()
    return replace(refusal, what=None, digest=keyed)


def _sha256(data: bytes) -> str:
    for name in ("_sha2", "_sha256", "hashlib"):  # built in, from Python 3.12 on and before: OpenSSL's takes longer than the rest
        try:
            return str(__import__(name).sha256(data).hexdigest())
        except ImportError:
            continue
    raise AssertionError("Python has hashlib")
