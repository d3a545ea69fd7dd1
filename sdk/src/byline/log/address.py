# SPDX-License-Identifier: Apache-2.0
"""How a log is reached: in plain text on this machine alone, else in TLS; and what helps who is not let in."""

from __future__ import annotations

import ipaddress

# For who asks a server whose certificate nobody known vouches for, and for whom a server does not know.
UNTRUSTED = "who vouches for this server is named by `roots` in ledgers.toml (docs/formats.md)"
KEPT_OUT = "what is shown to it is named by `token`, or `certificate` and `key`, in ledgers.toml (docs/formats.md)"


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
