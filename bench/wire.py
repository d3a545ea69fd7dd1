# SPDX-License-Identifier: Apache-2.0
"""A bare HTTP/2 client for unary gRPC calls on loopback: enough of RFC 9113 to load a server and to take little of its machine.

Python's gRPC client costs as much as the server that a bench asks about. This one has one connection, one header block and no
compression; whoever measures reads the answers afterwards. A call that failed has no message, so its answer is empty.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_FRAME_HEAD, _MESSAGE_HEAD = 9, 5
_WINDOW_SIZE, _MAX_WINDOW = 65_535, 2**31 - 1


class Wire:
    """A connection to `address` on which `method` is called; a context manager that closes it."""

    def __init__(self, address: str, method: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fields = {":path": method, ":authority": address, "content-type": "application/grpc", "te": "trailers"}
        # POST and http from the static table, the others in full (RFC 7541).
        self._head = b"\x83\x86" + b"".join(_field(name.encode(), value.encode()) for name, value in fields.items())
        window = struct.pack(">HI", 4, _MAX_WINDOW)
        grow = (_MAX_WINDOW - _WINDOW_SIZE).to_bytes(4, "big")
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, window) + _frame(_WINDOW, 0, 0, grow))
        self._room = _WINDOW_SIZE
        self._next = 1
        self._unsent: deque[bytes] = deque()
        self._read = bytearray()
        self._parts: dict[int, bytes] = {}

    def send(self, requests: Sequence[bytes]) -> None:
        """Start a call for each of `requests`, as far as the server's window has room; the rest starts as it gets some."""
        self._unsent.extend(requests)
        out = []
        while self._unsent and len(self._unsent[0]) + _MESSAGE_HEAD <= self._room:
            message = self._unsent.popleft()
            body = b"\0" + len(message).to_bytes(4, "big") + message
            out.append(_frame(_HEADERS, _END_HEADERS, self._next, self._head) + _frame(_DATA, _END_STREAM, self._next, body))
            self._room -= len(body)
            self._next += 2
        self._socket.sendall(b"".join(out))

    def receive(self, timeout: float | None = None) -> list[tuple[int, bytes]]:
        """Wait for the server and return the calls that it ended: their number, counted from 0, and the answer."""
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(1 << 20)
        except TimeoutError:
            return []
        if not data:
            raise SystemExit("the server closed the connection")
        self._read += data
        return [ended for frame in self._frames() if (ended := self._take(*frame)) is not None]

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        at = 0
        while len(self._read) >= (start := at + _FRAME_HEAD):
            end = start + int.from_bytes(self._read[at : at + 3], "big")
            if len(self._read) < end:
                break
            yield self._read[at + 3], self._read[at + 4], int.from_bytes(self._read[at + 5 : start], "big"), bytes(self._read[start:end])
            at = end
        del self._read[:at]

    def _take(self, kind: int, flags: int, stream: int, body: bytes) -> tuple[int, bytes] | None:
        if kind == _DATA:
            self._parts[stream] = self._parts.get(stream, b"") + body
        elif kind == _HEADERS and flags & _END_STREAM:
            return stream // 2, self._parts.pop(stream, b"")[_MESSAGE_HEAD:]
        elif kind in {_SETTINGS, _PING} and not flags & _ACK:
            self._socket.sendall(_frame(kind, _ACK, 0, body if kind == _PING else b""))
        elif kind == _WINDOW and stream == 0:
            self._room += int.from_bytes(body, "big")
            self.send(())
        elif kind in {_RESET, _GOAWAY}:
            raise SystemExit(f"the server refuses: {body!r}")
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def _field(name: bytes, value: bytes) -> bytes:
    """Write a header without index and without Huffman coding; both are shorter than 127 bytes."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value
