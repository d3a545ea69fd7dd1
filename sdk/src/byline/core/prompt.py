# SPDX-License-Identifier: Apache-2.0
r"""A prompt that a person gave to an agent, and the commitment to it that a statement carries.

    commitment = HMAC-SHA-256(key, {"agent":"claude-code","number":3,"schema":"byline.prompt/1","session":"6e46...",
                                    "signer":"<key id>","text":"Write app.py please","time":"1700000000000000000"})

`key` is 32 random bytes of this prompt alone, and the message is canonical JSON, so that two prompts never read alike. Of what is hidden
under such a key the commitment tells nothing, however easily the prompt could be guessed; whoever has lost the key cannot show it any
more. And it binds: who finds another key or another message for it has found a collision of SHA-256, for a key has one length. `signer` is
the key that signs the statement: copied into somebody else's statement a commitment is to nothing.

`number` counts the prompts of one session in one clone from 1, `time` is in nanoseconds since 1970. An *opening* is what shows the prompt
to others, a file of schema `byline.prompt-opening/1`: the message, the key, and the statement that has the commitment.

>>> prompt = Prompt(agent="codex", session="s", number=1, time=1, text="Write app.py please")
>>> opening = Opening(prompt=prompt, key=bytes(32), signer="0" * 64, statement="1" * 64)
>>> parse_opening(format_opening(opening)) == opening
True
>>> opening.commitment[:16]
'2977b8215d06da6b'
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from byline.core.canonical import format_base64, format_canonical, parse_base64, parse_strict
from byline.core.effect import parse_sha256
from byline.core.value import dataclass
from byline.errors import CommitmentError, PromptError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.core.canonical import Json

SCHEMA: Final = "byline.prompt/1"
OPENING: Final = "byline.prompt-opening/1"
KEY_BYTES: Final = 32
MAX_TEXT: Final = 1024 * 1024  # bytes of UTF-8
MAX_OPENING: Final = 8 * MAX_TEXT  # each character escaped
_MEMBERS: Final = ("agent", "session", "number", "time", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a person asked an agent for in a session."""

    agent: str
    session: str
    number: int
    time: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A prompt with the key of its commitment, whose key signed the statement (its id), and which statement that is (SHA-256)."""

    prompt: Prompt
    key: bytes
    signer: str
    statement: str

    @property
    def commitment(self) -> str:
        """The commitment that this opens, in hex."""
        return commit_prompt(self.prompt, key=self.key, signer=self.signer)


def commit_prompt(prompt: Prompt, *, key: bytes, signer: str) -> str:
    """Return the commitment to `prompt` under `key` in a statement that the key with the id `signer` signs, in hex."""
    message = format_canonical({"schema": SCHEMA, "signer": signer, **prompt_to_json(prompt)})
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def check_opening(opening: Opening, commitments: Iterable[str], *, signer: str) -> None:
    """Check that one of the `commitments` of a statement that the key with the id `signer` signed is opened by `opening`.

    Raises:
        CommitmentError: None is: another prompt, key, session, number, time or agent, or somebody else's statement.
    """
    if opening.signer != signer:
        raise CommitmentError("the statement is signed by another key than the one that the prompt was committed under")
    if opening.commitment not in commitments:
        raise CommitmentError("the statement holds no commitment to this prompt as it is told here")


def format_opening(opening: Opening) -> bytes:
    """Return the file that shows the prompt to others."""
    key = {"key": format_base64(opening.key), "signer": opening.signer, "statement": opening.statement}
    return format_canonical({"schema": OPENING, **prompt_to_json(opening.prompt), **key})


def parse_opening(data: bytes) -> Opening:
    """Read what `format_opening` made, however it is laid out by now.

    Raises:
        MalformedError: It is no opening.
    """
    value = parse_strict(data, max_bytes=MAX_OPENING)
    if not isinstance(value, dict) or set(value) != {"schema", "key", "signer", "statement", *_MEMBERS} or value["schema"] != OPENING:
        raise PromptError(f"not an object of schema {OPENING}")
    signer, statement = (parse_sha256(value[name]) for name in ("signer", "statement"))
    return Opening(prompt=prompt_from_json(value), key=parse_key(value["key"]), signer=signer, statement=statement)


def parse_key(value: Json) -> bytes:
    """Return the key that `value` is in base64.

    Raises:
        MalformedError: It is none.
    """
    key = parse_base64(value)
    if len(key) != KEY_BYTES:
        raise PromptError(f"the key of a prompt is {KEY_BYTES} bytes")
    return key


def prompt_to_json(prompt: Prompt) -> dict[str, Json]:
    """Return the members that tell of `prompt`."""
    who: dict[str, Json] = {"agent": prompt.agent, "session": prompt.session, "number": prompt.number}
    return {**who, "time": str(prompt.time), "text": prompt.text}


def prompt_from_json(value: dict[str, Json]) -> Prompt:
    """Read what `prompt_to_json` made; other members of `value` are the caller's.

    Raises:
        PromptError: It is something else.
    """
    agent, session, number, time, text = (value.get(name) for name in _MEMBERS)
    if not (isinstance(agent, str) and isinstance(session, str) and isinstance(text, str) and isinstance(time, str)):
        raise PromptError("a prompt's agent, session, time and text are strings")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise PromptError("a prompt's number counts from 1")
    if not (time.isascii() and time.isdigit() and len(time) <= 20 and str(int(time)) == time):
        raise PromptError("a prompt's time is a number of nanoseconds")
    return Prompt(agent=agent, session=session, number=number, time=int(time), text=text)
