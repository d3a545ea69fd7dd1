# SPDX-License-Identifier: Apache-2.0
"""The agent's key that this process signs with, if somebody delegated: where it is, and what `BYLINE_DELEGATION` names.

    $XDG_STATE_HOME/byline/agents/<16 digits of the key's id>/key.pem, delegation.json          0700, 0600

`byline delegate` makes both, and an environment that names them: in it everything that attests signs with the agent's key, for the
person who delegated. A key whose time is over goes when the next one is made.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.bundle import parse_bundle
from byline.core.delegation import LONGEST, Delegation, parse_delegation
from byline.core.statement import parse_statement
from byline.core.value import replace
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

    from byline.flow.workshop import Workshop

KEY, GIVEN = "key.pem", "delegation.json"


def under_mandate(workshop: Workshop, path: Path) -> Workshop:
    """Return `workshop` as that of an agent's key, by the delegation in `path`: its person is who delegated, and declares nothing by it.

    Raises:
        ConfigError: That is no delegation of this key for this repository, or it is over.
    """
    digest, given = load_delegation(path)
    if workshop.signer is None or given.public != workshop.signer.public:
        raise ConfigError("BYLINE_DELEGATION names the delegation of another key than BYLINE_KEY", hint="byline delegate prints both")
    if given.repository != workshop.identity.repository:
        raise ConfigError("BYLINE_DELEGATION is about another repository", hint="run byline delegate in this one")
    if not given.is_current(datetime.now(UTC)):
        raise ConfigError(f"the delegation ended at {given.expires_at:%H:%M} UTC", hint="somebody runs byline delegate again")
    return replace(workshop, principal=given.delegator, declares=(), delegation=digest)


def load_delegation(path: Path) -> tuple[str, Delegation]:
    """Return the delegation in the file `path`, and the digest of its statement.

    Raises:
        ConfigError: There is none.
    """
    try:
        statement = parse_statement(parse_bundle(path.read_bytes()).envelope.payload)
        return statement.digest, parse_delegation(statement)
    except (OSError, MalformedError) as error:
        raise ConfigError(f"{path} holds no delegation", hint="byline delegate writes one") from error


def sweep_keys(folder: Path, *, at: datetime) -> None:
    """Remove from `folder` the agents' keys whose time is over at the moment `at`, and what is no key's.

    Raises:
        OSError: One cannot be removed.
    """
    for place in folder.iterdir() if folder.is_dir() else ():
        try:
            is_over = load_delegation(place / GIVEN)[1].expires_at <= at
        except ConfigError:  # killed in between; or just being made
            is_over = datetime.fromtimestamp(place.stat().st_mtime, UTC) + LONGEST < at
        if is_over:
            shutil.rmtree(place)
