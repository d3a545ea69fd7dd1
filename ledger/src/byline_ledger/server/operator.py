# SPDX-License-Identifier: Apache-2.0
"""What an operator asks of a running server; `server.http.admin` and signals are the doors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from byline import __version__
from byline.errors import ConfigError
from byline_ledger.engine.identities import load_identities, open_identities
from byline_ledger.engine.stats import log_stats
from byline_ledger.events import tell

if TYPE_CHECKING:
    from byline_ledger.engine.access import Access
    from byline_ledger.engine.identities import Identity
    from byline_ledger.server.certificates import Certificates
    from byline_ledger.server.config import ServerConfig
    from byline_ledger.server.http.site import Site


def identities_of(config: ServerConfig) -> tuple[Identity, ...]:
    """Return who may do what at a server that is set up as `config` says.

    Raises:
        ConfigError: The admission file cannot be read, or asks for certificates that TLS does not ask for.
    """
    if config.admission is None:
        return open_identities(append=config.is_loopback, keys=config.allowed)
    identities = load_identities(config.admission)
    certified = [each.name for each in identities if each.certificate]
    if certified and (config.tls is None or config.tls.client_ca is None):
        raise ConfigError(f"{certified[0]} shows a certificate, and no authority vouches for any", hint="ledger.toml names one: client_ca")
    return identities


class Operator:
    """Looks after the server of `site`, set up as `config` says, whose doors `access` keeps."""

    def __init__(self, config: ServerConfig, site: Site, access: Access, certificates: Certificates | None) -> None:
        self._config = config
        self._site = site
        self._access = access
        self._certificates = certificates

    async def stats(self) -> dict[str, Any]:
        """Tell how the log and the server are."""
        appends, publisher = self._site.appends, self._site.publisher
        witnesses = publisher.states.values() if publisher else ()
        server = {
            "version": __version__,
            "appends": "fail" if appends.failing.is_set() else "taken",
            "waiting": appends.waiting,
            "witnesses": [{"name": each.name, "size": each.size, "failures": each.failures} for each in witnesses],
        }
        return await self._site.read(lambda: log_stats(self._site.log, self._config.directory)) | {"server": server}

    def metrics(self) -> bytes:
        """Tell what was counted."""
        return self._site.reception.metrics.text()

    def reload(self) -> int:
        """Read the admission file and the certificates again and go by them; return how many identities there are.

        Raises:
            ConfigError: One of them cannot be read; what was read before counts.
        """
        try:
            identities = identities_of(self._config)
            if self._certificates is not None:
                self._certificates.reload()
        except ConfigError as error:
            hint = "byline ledger serve --check says what is wrong with it"
            tell(logging.ERROR, "the admission file or a certificate is not read, the old ones count", reason=error.code, hint=hint)
            raise
        self._access.replace(identities)
        tell(logging.INFO, "the admission file and the certificates are read", identities=len(identities))
        return len(identities)

    async def freeze(self, *, frozen: bool) -> None:
        """Take no new entries from now on, or take them again."""
        # The reader's store: the writer's may be in the middle of a batch, which this would wait for in the thread that ends it.
        await self._site.read(lambda: self._site.log.freeze(frozen=frozen))
        tell(logging.WARNING, "frozen" if frozen else "no longer frozen")
