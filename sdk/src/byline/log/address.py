# SPDX-License-Identifier: Apache-2.0
"""How a log is reached: in plain text on this machine alone, else in TLS; and what helps who is not let in."""

from __future__ import annotations

import ipaddress
import urllib.parse

from byline.errors import ConfigError

# For who asks a server whose certificate nobody known vouches for, and for whom a server does not know.
UNTRUSTED = "who vouches for this server is named by `roots` in ledgers.toml (docs/formats.md)"
KEPT_OUT = "what is shown to it is named by `token`, or `certificate` and `key`, in ledgers.toml (docs/formats.md)"


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_url(url: str, *, what: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL that is asked over HTTP; `what` says in errors whose it is.

    Raises:
        ConfigError: Not such a URL, or plain text beyond loopback.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(what, hint="write https://HOST/PATH") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username or parts.password:
        raise ConfigError(what, hint="write https://HOST/PATH")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(f"{what}: plain text is for loopback only", hint=f"write https://{parts.netloc}{parts.path}")
    return parts
