# SPDX-License-Identifier: Apache-2.0
"""What a gate has seen: the file that `state` in gate.toml names.

    {"schema": "byline.gate-state/1", "repository": "byl:...", "policy": {"version": 3, "sha256": "<hex>"}}

The gate refuses a policy older than the one seen, and other bytes under the version seen; so a target that was forced back to an
older policy is denied. The file is replaced in one step, so that a crash leaves the old state or the new one. No file is no
memory: the first judgement makes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byline.core.canonical import parse_strict
from byline.core.effect import parse_sha256
from byline.core.table import take_keys, take_number, take_repository
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "byline.gate-state/1"
MAX_STATE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest policy (version, SHA-256) of a repository that a gate has judged by."""

    repository: str
    policy: tuple[int, str]


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
        value = take_keys(parse_strict(data, max_bytes=MAX_STATE), required=("schema", "repository", "policy"), what="the state")
        policy = take_keys(value["policy"], required=("version", "sha256"), what="policy")
        seen = Seen(
            repository=take_repository(value["repository"], what="repository"),
            policy=(take_number(policy["version"], what="policy.version"), parse_sha256(policy["sha256"])),
        )
    except MalformedError as error:
        raise ConfigError(f"the gate's state {path} is damaged: {error}", hint="an administrator looks at it, then removes it") from error
    if value["schema"] != SCHEMA or seen.repository != repository:
        raise ConfigError(f"the gate's state {path} is about another repository", hint="name another state in gate.toml")
    return seen


def save_seen(path: Path, seen: Seen) -> None:
    """Replace the state.

    Raises:
        ConfigError: It cannot be written.
    """
    version, sha256 = seen.policy
    value = {"schema": SCHEMA, "repository": seen.repository, "policy": {"version": version, "sha256": sha256}}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value, indent=2) + "\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"the gate's state {path} cannot be written: {error.strerror}") from error
