# SPDX-License-Identifier: Apache-2.0
"""What a gate has seen: the file that `state` in gate.toml names.

    {"schema": "byline.gate-state/1", "repository": "byl:...", "policy": {"version": 3, "sha256": "<hex>"},
     "spent": [{"approval": "<statement>", "until": "2026-11-24T12:00:00Z", "paths": [path or {"pathBytes"}, ...]}, ...],
     "logs": {"<origin>": "<signed note>", ...}}

The gate refuses a policy older than the one seen, and other bytes under the version seen; so a target that was forced back to an
older policy is denied. `spent` are approvals of which the target was seen to hold what they let in: after a revert they do not let
it in again. They are forgotten when they expire. `logs` are the newest checkpoints of the logs that the gate asked. The file is
replaced in one step, so that a crash leaves the old state or the new one. No file is no memory: the first judgement makes it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from byline.core.canonical import parse_strict
from byline.core.checkpoint import parse_checkpoint
from byline.core.effect import parse_path, parse_sha256, path_members
from byline.core.moment import format_moment, parse_moment
from byline.core.note import parse_note
from byline.core.table import take_array, take_keys, take_number, take_repository
from byline.core.value import dataclass
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from byline.core.canonical import Json

SCHEMA = "byline.gate-state/1"
MAX_STATE = 64 * 1024 * 1024
MAX_SPENT = 1_000_000
_MEMBERS = ("schema", "repository", "policy", "spent", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """An approval (its statement's digest) that let `paths` in; it expires at `until`."""

    approval: str
    until: datetime
    paths: tuple[bytes, ...]

    @property
    def steps(self) -> tuple[tuple[str, bytes], ...]:
        """What of it is spent, as `Change.spent` has it."""
        return tuple((self.approval, path) for path in self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest policy (version, SHA-256) of a repository that a gate has judged by, and the approvals that were used up.

    `logs` are the newest checkpoints (origin, signed note) that it was shown.
    """

    repository: str
    policy: tuple[int, str]
    spent: tuple[Spent, ...] = ()
    logs: tuple[tuple[str, str], ...] = ()


def load_seen(path: Path, *, repository: str) -> Seen | None:
    """Return what was seen, None before the first judgement.

    Raises:
        ConfigError: The file cannot be read, is damaged, or is about another repository.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"the gate's state {path} cannot be read: {error.strerror}") from error
    try:
        value = take_keys(parse_strict(data, max_bytes=MAX_STATE), required=_MEMBERS, what="the state")
        policy = take_keys(value["policy"], required=("version", "sha256"), what="policy")
        seen = Seen(
            repository=take_repository(value["repository"], what="repository"),
            policy=(take_number(policy["version"], what="policy.version"), parse_sha256(policy["sha256"])),
            spent=tuple(map(_spent, take_array(value["spent"], what="spent", most=MAX_SPENT))),
            logs=tuple(sorted(_logs(value["logs"]))),
        )
    except MalformedError as error:
        raise ConfigError(f"the gate's state {path} is damaged: {error}", hint="an administrator looks at it, then removes it") from error
    if value["schema"] != SCHEMA or seen.repository != repository:
        raise ConfigError(f"the gate's state {path} is about another repository", hint="name another state in gate.toml")
    return seen


def _logs(value: object) -> Iterator[tuple[str, str]]:
    for origin, note in take_keys(value, required=value if isinstance(value, dict) else (), what="logs").items():
        if not isinstance(note, str) or parse_checkpoint(parse_note(note).text).origin != origin:
            raise MalformedError("what was seen of a log is its checkpoint")
        yield origin, note


def _spent(value: object) -> Spent:
    row = take_keys(value, required=("approval", "until", "paths"), what="an approval that is spent")
    paths = take_array(row["paths"], what="paths", most=MAX_SPENT)
    return Spent(
        approval=parse_sha256(row["approval"]),
        until=parse_moment(row["until"]),
        paths=tuple(parse_path(None, each["pathBytes"]) if isinstance(each, dict) else parse_path(each, None) for each in paths),
    )


def save_seen(path: Path, seen: Seen) -> None:
    """Replace the state.

    Raises:
        ConfigError: It cannot be written.
    """
    version, sha256 = seen.policy
    spent = [
        {"approval": each.approval, "until": format_moment(each.until), "paths": [_path(path) for path in each.paths]}
        for each in seen.spent
    ]
    value = {"schema": SCHEMA, "repository": seen.repository, "policy": {"version": version, "sha256": sha256}, "spent": spent}
    value["logs"] = dict(seen.logs)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value, indent=2) + "\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"the gate's state {path} cannot be written: {error.strerror}") from error


def _path(path: bytes) -> Json:
    members = path_members(path)
    return members.get("path", members)
