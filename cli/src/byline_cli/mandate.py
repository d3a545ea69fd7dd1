# SPDX-License-Identifier: Apache-2.0
"""The agent's key that signs where somebody delegated: where it is, and what `BYLINE_DELEGATION` names.

    $XDG_STATE_HOME/byline/agents/<16 digits of the key's id>/key.pem, delegation.json, held    0700, 0600

`byline delegate` makes both, and an environment that names the delegation: what is committed in it is signed with the agent's key beside
it, for the person who delegated. A key whose time is over goes when the next one is made. `held` is locked while the command runs that the
delegation was made for: the kernel lets go of it when `byline delegate` is killed.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.disk import read_file
from byline.core.authorship import Mandate
from byline.core.bundle import parse_bundle
from byline.core.delegation import LONGEST, Delegation, parse_delegation
from byline.core.statement import parse_statement
from byline.errors import ConfigError, MalformedError
from byline.flow.workshop import Signatory, hold
from byline_cli.keyfile import DELEGATION, KEY_FILE, load_own_key

if TYPE_CHECKING:
    from pathlib import Path

KEY, GIVEN, HELD = KEY_FILE, "delegation.json", "held"


def load_mandate(path: Path, *, repository: str) -> Signatory:
    """Return the agent's key by the delegation in `path`, which is in force: who delegated answers for what it signs.

    Whoever ends one removes the key first and then asks for the time, so the time is asked for before the key is looked for here.

    Raises:
        ConfigError: That is no delegation of the key beside it for `repository`, or it is over.
    """
    at = datetime.now(UTC)
    digest, given = load_delegation(path)
    if given.repository != repository:
        raise ConfigError("the delegation is about another repository", hint="run byline delegate in this one")
    if not given.is_current(at):
        told = f"the delegation holds from {given.issued_at:%H:%M} to {given.expires_at:%H:%M} UTC, and here it is {at:%H:%M}"
        raise ConfigError(told, hint="somebody runs byline delegate again; or the clock here is wrong")
    signer = load_own_key({DELEGATION: str(path)})
    if given.public != signer.public:
        raise ConfigError(f"beside {path} is another key than it delegates to", hint="byline delegate makes both")
    return Signatory(signer=signer, principal=given.delegator, mandate=Mandate(delegation=digest, signed_at=at))


def load_delegation(path: Path) -> tuple[str, Delegation]:
    """Return the delegation in the file `path`, and the digest of its statement.

    Raises:
        ConfigError: There is none.
    """
    try:
        statement = parse_statement(parse_bundle(read_file(path) or b"").envelope.payload)
        return statement.digest, parse_delegation(statement)
    except MalformedError as error:
        raise ConfigError(f"{path} holds no delegation", hint="byline delegate writes one") from error


def is_forsaken(place: Path) -> bool:
    """Whether the key in `place` was made for a command, and `byline delegate` was killed before it could end the delegation."""
    if not (place / HELD).exists():
        return False
    with hold(place, seconds=0, lock=HELD) as is_held:
        return is_held


def sweep_keys(folder: Path, *, at: datetime) -> None:
    """Remove from `folder` the agents' keys whose time is over at the moment `at`, and what is no key's.

    Raises:
        OSError: One cannot be removed.
    """
    for place in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another delegation has ended meanwhile, or its sweep was faster
            if _is_over(place, at=at):
                shutil.rmtree(place)


def _is_over(place: Path, *, at: datetime) -> bool:
    try:
        return load_delegation(place / GIVEN)[1].expires_at <= at
    except ConfigError:  # killed in between; or just being made
        return datetime.fromtimestamp(place.stat().st_mtime, UTC) + LONGEST < at
