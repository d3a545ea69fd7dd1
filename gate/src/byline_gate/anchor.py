# SPDX-License-Identifier: Apache-2.0
"""What ties a gate to its repository, kept outside of it: `gate.toml`.

    schema = 1
    repository = "byl:<32 hex>"
    trust = "sha256:<hex>"                   # of the bytes of .byline/trust.toml in the target; a new trust version needs a new pin
    target = "main"                          # a branch, or a full ref name
    environment = "prod"                     # optional
    ledger = "grpc://127.0.0.1:7411"         # optional: where decisions are logged and evidence is asked for
    key = "gate.pem"                         # optional: with it decisions are signed; its use in trust is `decision`
    state = "gate-state.json"                # what the gate has seen; written by the gate

Paths are relative to the folder of gate.toml. Whoever can write this file decides what the gate believes: keep it where a change
cannot reach it. Unknown keys are refused.

>>> full_ref("main")
'refs/heads/main'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.table import parse_table, take_digest, take_keys, take_repository, take_string
from byline.core.value import dataclass
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

MAX_ANCHOR = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A gate's configuration. `key` and `state` are paths; `target` is a full ref name."""

    repository: str
    trust_sha256: str
    target: str
    state: Path
    environment: str | None = None
    ledger: str | None = None
    key: Path | None = None


def load_anchor(path: Path) -> Anchor:
    """Return the anchor in the file `path`.

    Raises:
        ConfigError: It cannot be read, or is not an anchor.
    """
    try:
        return parse_anchor(path.read_bytes(), folder=path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="see docs/formats.md, gate.toml") from error
    except MalformedError as error:
        raise ConfigError(f"{path}: {error}", hint="see docs/formats.md, gate.toml") from error


def parse_anchor(data: bytes, *, folder: Path) -> Anchor:
    """Read a gate.toml that stands in `folder`.

    Raises:
        MalformedError: It is not one.
    """
    table = take_keys(
        parse_table(data, max_bytes=MAX_ANCHOR),
        required=("schema", "repository", "trust", "target", "state"),
        optional=("environment", "ledger", "key"),
        what="the file",
    )
    if table["schema"] != 1 or isinstance(table["schema"], bool):
        raise MalformedError("schema is 1")
    return Anchor(
        repository=take_repository(table["repository"], what="repository"),
        trust_sha256=take_digest(table["trust"], what="trust"),
        target=full_ref(take_string(table["target"], what="target")),
        state=folder / take_string(table["state"], what="state"),
        environment=take_string(table["environment"], what="environment") if "environment" in table else None,
        ledger=take_string(table["ledger"], what="ledger") if "ledger" in table else None,
        key=folder / take_string(table["key"], what="key") if "key" in table else None,
    )


def full_ref(name: str) -> str:
    """Return the full name of the branch `name`; a full name stays as it is."""
    return name if name.startswith("refs/") else f"refs/heads/{name}"
