# SPDX-License-Identifier: Apache-2.0
"""A repository's first trust and policy: who begins it is principal 1, at the highest level, with every use that a person has.

`trust.toml` version 1 and `policy.toml` version 1 stand in `.byline/` and are committed like any other file. The SHA-256 of the
trust file is the anchor that a gate is given, outside the repository.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from byline.core.note import parse_vkey
from byline.core.presets import NEEDS_LOG, TEAM_LEVELS, format_preset
from byline.core.trust import Kind, LogClass, Principal, Trust, TrustedKey, TrustedLog, Use, parse_trust
from byline.core.trustfile import format_new_trust
from byline.core.value import dataclass
from byline.errors import ConfigError, MalformedError
from byline_cli.identity import new_identity
from byline_cli.keyfile import own_principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.flow.workshop import Identity

LEVELS: Mapping[str, tuple[str, ...]] = {"solo": ("owner",), "team": TEAM_LEVELS, "regulated": TEAM_LEVELS}
LIFETIME = timedelta(days=365)
OWNER_USES = (Use.AUTHORSHIP, Use.APPROVAL, Use.ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """The two files, and the trust that one of them is."""

    trust: Trust
    trust_file: bytes
    policy_file: bytes


def new_charter(
    *, preset: str, principal: str | None, public: bytes, ledger: str | None, log_key: str | None, identity: Identity | None = None
) -> Charter:
    """Return the charter of a repository that has none; `public` is the key of whoever begins it, `identity` the one it goes on with.

    Raises:
        ConfigError: The ledger's URL and key do not go together, the preset needs one, or the principal's id is none.
    """
    if (ledger is None) != (log_key is None):
        raise ConfigError("--ledger and --log-key go together", hint="byline ledger init prints the key of a ledger")
    if preset in NEEDS_LOG and log_key is None:
        raise ConfigError(f"the policy {preset} needs a log, which proves that nothing was withheld", hint="--ledger URL --log-key KEY")
    name = principal or own_principal(public)
    levels = LEVELS[preset]
    now = datetime.now(UTC).replace(microsecond=0)
    named = identity or new_identity()
    try:
        logs = (_log(log_key, url=ledger, is_indexed=preset in NEEDS_LOG),) if log_key else ()
        data = format_new_trust(
            repository=named.repository,
            line_key=named.line_key,
            issued=now,
            expires=now + LIFETIME,
            levels=levels,
            logs=logs,
            principals=(Principal(id=name, kind=Kind.HUMAN, level=levels[-1]),),
            keys=(TrustedKey(principal=name, public=public, uses=OWNER_USES),),
        )
    except MalformedError as error:
        raise ConfigError(str(error)) from error
    trust = parse_trust(data)
    return Charter(trust=trust, trust_file=data, policy_file=format_preset(preset, repository=trust.repository).encode())


def _log(vkey: str, *, url: str | None, is_indexed: bool) -> TrustedLog:
    return TrustedLog(origin=parse_vkey(vkey).name, vkey=vkey, kind=LogClass.INDEPENDENT, url=url, is_indexed=is_indexed)
