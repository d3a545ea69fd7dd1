# SPDX-License-Identifier: Apache-2.0
"""The certificates of a server at all of its doors, read again without a restart: they are renewed every few weeks.

    certificates = Certificates(config.tls)
    server.add_secure_port(address, certificates.for_grpc())
    context = certificates.for_http()
    certificates.reload()               # connections from now on see the new ones, those that are there stay as they are

Files that cannot be used change nothing. Callers come in by the authorities (`client_ca`) of now: no session begun under others is
taken up again.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import grpc

from byline.errors import ConfigError

if TYPE_CHECKING:
    from byline_ledger.server.config import Tls


class Certificates:
    """What stands in the files of `tls`, as they were read last."""

    def __init__(self, tls: Tls) -> None:
        """Read them.

        Raises:
            ConfigError: They cannot be read, or not be used.
        """
        self._tls = tls
        self.reload()

    def reload(self) -> None:
        """Read the files again.

        Raises:
            ConfigError: They cannot be read, or not be used; nothing changed.
        """
        context, chain = self._load_context(), self._load_chain()
        self._context, self._chain = context, chain

    def for_grpc(self) -> grpc.ServerCredentials:
        """Return credentials that are always the newest."""
        told = self._chain

        def newer() -> grpc.ServerCertificateConfiguration:
            nonlocal told
            chain = self._chain
            if chain is told:
                return None  # type: ignore[return-value]  # as before: else every connection would pay for reading them
            told = chain
            return chain

        return grpc.dynamic_ssl_server_credentials(told, newer, require_client_authentication=self._tls.client_ca is not None)

    def for_http(self) -> ssl.SSLContext:
        """Return a context whose connections have the newest certificate, and ask for one of the newest authorities."""

        def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._context

        context = self._load_context()
        context.sni_callback = choose  # called for those who name no server, too
        return context

    def _load_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        tls = self._tls
        try:
            context.load_cert_chain(tls.certificate, tls.key)
            if tls.client_ca:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(tls.client_ca)
        except ssl.SSLError as error:
            what = f"{tls.certificate}, {tls.key}" + (f" or {tls.client_ca}" if tls.client_ca else "")
            raise ConfigError(
                f"cannot be used for TLS: {what}", hint=f"PEM files that belong together ({error.reason or error})"
            ) from error
        except OSError as error:
            raise ConfigError(f"cannot read {tls.certificate}, {tls.key} or {tls.client_ca}: {error.strerror}") from error
        return context

    def _load_chain(self) -> grpc.ServerCertificateConfiguration:
        try:
            pair = (self._tls.key.read_bytes(), self._tls.certificate.read_bytes())
            authorities = self._tls.client_ca.read_bytes() if self._tls.client_ca else None
        except OSError as error:
            raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
        return grpc.ssl_server_certificate_configuration([pair], authorities)
