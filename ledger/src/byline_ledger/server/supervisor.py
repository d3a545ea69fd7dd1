# SPDX-License-Identifier: Apache-2.0
"""Tell whoever started the server how it is, as systemd's services do (sd_notify(3)): one datagram to the socket `NOTIFY_SOCKET`."""

from __future__ import annotations

import contextlib
import os
import socket

READY, STOPPING = "READY=1", "STOPPING=1"


def notify(state: str) -> None:
    """Tell `state` to the supervisor, if there is one; one that does not listen is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
