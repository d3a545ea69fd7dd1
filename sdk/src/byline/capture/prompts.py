# SPDX-License-Identifier: Apache-2.0
"""What agents were asked for in one clone, where the person wants that to be committed to: lines of `prompts`, 0600, which stay here.

    {"schema": "byline.prompt/1", "agent": "claude-code", "session": "6e46...", "number": 1, "time": "1700000000000000000",
     "text": "Write app.py please", "key": "<base64, 32 bytes>", "name": "edit.claude-code.812.0", "signed": null}

`byline init --commit-prompts` turns it on (`byline.commitPrompts` in git's configuration: `true`, or the work trees in which it was
chosen); without it no hook for prompts is installed, and what comes all the same is dropped. The next statement has the commitment
(`core.prompt`), and `signed` then says which one that is: `{"statement", "signer"}`. A line is written in one go under a lock, so that
numbers are given once. `name` is that of the spooled payload, by which a prompt is known that comes again after a crash; hooks of a
project and of the user, or of two agents, that hear of one prompt hear it at once, and a proxy (`byline wrap acp`) not long before them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from byline.capture.ask_git import open_worktree
from byline.capture.cut import locked
from byline.capture.places import prepare_repository, worktree_name
from byline.core.canonical import format_base64, format_canonical, parse_strict
from byline.core.effect import parse_sha256
from byline.core.prompt import KEY_BYTES, MAX_TEXT, SCHEMA, Prompt, parse_key, prompt_from_json, prompt_to_json
from byline.core.value import dataclass
from byline.errors import MalformedError, PromptError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from byline.capture.worktree import WorkTree

FILE: Final = "prompts"
SETTING: Final = "byline.commitPrompts"
MAX_FILE: Final = 16 * 1024 * 1024  # what is signed gives way to what is new (`flow.prompts`); beyond twice this nothing is kept
NEAR_NS: Final = 2 * 10**9  # hooks that are called for one prompt are this near to each other; nobody asks the same so soon again
_BY_HOOK: Final = "edit."
_BY_PROXY: Final = "prompt.proxy."
_NEAR: Final = {frozenset((_BY_HOOK,)): NEAR_NS, frozenset((_BY_HOOK, _BY_PROXY)): 60 * 10**9}
NO_ROOM: Final = "a prompt was not kept: it is too long, too many wait for a statement, or another account keeps its own in this clone"
UNSIGNED: Final = b'"signed":null'  # in a string each quote would have a backslash before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A prompt with its key, the `name` of what told of it, and the statement that has the commitment: its digest, and the signer's id."""

    prompt: Prompt
    key: bytes
    name: str
    signed: tuple[str, str] | None = None


def commits_prompts(worktree: WorkTree) -> bool:
    """Whether the person wants what agents are asked for in `worktree` to be committed to; not where git cannot say."""
    try:
        with open_worktree(worktree) as repository:
            chosen = repository.settings.choices(SETTING)
    except RepositoryError:
        return False
    return "true" in chosen or worktree_name(os.path.realpath(worktree.common_dir), os.path.realpath(worktree.git_dir)) in chosen


def keep_prompt(worktree: WorkTree, text: str, *, agent: str, session: str, time: int, name: str) -> bool:
    """Keep what `agent` was asked for, if it is not there yet; return whether there was room for it.

    Raises:
        OSError: It could not be written whole.
    """
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate is no text that can be shown
    if len(text.encode()) > MAX_TEXT:
        return False
    file = prepare_repository(worktree.common_dir) / FILE
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return False
    with locked(file, alone=True) as handle:
        size = os.fstat(handle).st_size
        data = os.pread(handle, size, 0)
        mine = [each for each in parse_lines(data, session) if each.prompt.session == session]
        if any(_is_same(each, text, time, name) for each in mine):
            return True
        if size > 2 * MAX_FILE:
            return False
        number = max((each.prompt.number for each in mine), default=0) + 1
        prompt = Prompt(agent=agent, session=session, number=number, time=time, text=text)
        fresh = b"" if not data or data.endswith(b"\n") else b"\n"
        line = fresh + format_line(Kept(prompt=prompt, key=os.urandom(KEY_BYTES), name=name)) + b"\n"
        if os.write(handle, line) != len(line):
            raise OSError(f"{FILE}: the disk took a part of a record only")
    return True


def read_prompts(place: Path, session: str | None = None) -> tuple[Kept, ...]:
    """Return the prompts that are kept in `place`, or those of a session, in the order in which they came; torn lines are left out.

    Raises:
        OSError: They are there and cannot be read.
    """
    return tuple(each for each in parse_lines(read_all(place), session) if session is None or each.prompt.session == session)


def read_all(place: Path) -> bytes:
    """Return the lines that are kept in `place`; none of those that another account keeps in a shared clone.

    Raises:
        OSError: They are there and cannot be read.
    """
    try:
        return (place / FILE).read_bytes()
    except (FileNotFoundError, PermissionError):
        return b""


def parse_lines(data: bytes, session: str | None = None) -> Iterator[Kept]:
    """Yield what the lines of `data` tell, of a session only where one is named (and perhaps of others that name it)."""
    named = b"" if session is None else format_canonical(session)
    for line in data.split(b"\n"):
        if named in line and (kept := read_line(line)):
            yield kept


def read_line(line: bytes) -> Kept | None:
    """Return what `line` tells; None where it is empty, or was cut off."""
    try:
        return parse_line(line) if line else None
    except MalformedError:
        return None


def format_line(kept: Kept) -> bytes:
    """Return the line of `kept`, without its end."""
    signed = {"statement": kept.signed[0], "signer": kept.signed[1]} if kept.signed else None
    members = {"key": format_base64(kept.key), "name": kept.name, "signed": signed}
    return format_canonical({"schema": SCHEMA, **prompt_to_json(kept.prompt), **members})


def parse_line(line: bytes) -> Kept:
    """Read what `format_line` made.

    Raises:
        MalformedError: It is something else.
    """
    record = parse_strict(line)
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or not isinstance(name := record.get("name"), str):
        raise PromptError(f"not a record of {SCHEMA}")
    signed = record.get("signed")
    if signed is not None and (not isinstance(signed, dict) or set(signed) != {"statement", "signer"}):
        raise PromptError("a prompt is signed by a key, in a statement")
    return Kept(
        prompt=prompt_from_json(record),
        key=parse_key(record.get("key")),
        name=name,
        signed=(parse_sha256(signed["statement"]), parse_sha256(signed["signer"])) if signed else None,
    )


def join_lines(kept: Iterable[Kept]) -> bytes:
    """Return the file that holds `kept`."""
    return b"".join(format_line(each) + b"\n" for each in kept)


def _is_same(kept: Kept, text: str, time: int, name: str) -> bool:
    """Whether `kept` is what came again: the same payload, or what another hook heard, too."""
    doors = frozenset(next((door for door in (_BY_HOOK, _BY_PROXY) if each.startswith(door)), "") for each in (kept.name, name))
    is_heard = abs(kept.prompt.time - time) < _NEAR.get(doors, 0)
    return (kept.prompt.time, kept.name) == (time, name) or (is_heard and kept.prompt.text == text)
