# SPDX-License-Identifier: Apache-2.0
r"""What the operator chose for a server: `ledger.toml`.

    schema = 1
    folder = "."                       # where the log is
    [listen]
    grpc = "127.0.0.1:7420"

Every key but `schema` may be absent; `byline ledger init` writes a file that names them all, with what they are by default. Paths
are relative to the file's folder, an unknown key is refused. Without TLS a server listens on loopback only. An address is
`HOST:PORT` or `[HOST]:PORT`; port 0 lets the system choose one.

>>> from pathlib import Path
>>> parse_config(b"schema = 1\nlimits.waiting = 5", folder=Path("/srv")).capacity
5
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from byline.core.table import parse_table, take_choice, take_flag, take_keys, take_number, take_string
from byline.errors import ConfigError, MalformedError
from byline.keys.ids import check_key_id
from byline.log.address import is_loopback
from byline_ledger.administration import ADMIN
from byline_ledger.engine.records import RekorDoor
from byline_ledger.server.appends import CAPACITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    # What a key's value is, what it is called in an error, the file's folder.
    _Reader: TypeAlias = Callable[[object, str, Path], object]

CONFIG = "ledger.toml"
MAX_CONFIG = 64 * 1024
DEFAULT_LISTEN = "127.0.0.1:7420"
_MAX_PORT = 65_535
_COLLECTOR = r"https?://[0-9A-Za-z.\[\]:-]+:[0-9]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Paths of the server's certificate chain and private key, and of the authorities that vouch for callers; all PEM."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The log's `directory` and `origin` (None: whatever it is), where to listen and how, who may do what, and how much at once.

    `listen` is gRPC's address, `http` that of HTTP, None for none, and `admin` the operator's socket; `rekor` says what Rekor's door
    takes. `admission` names the file that says who may do what; without one `allowed` are the ids of the keys (hex) that may append,
    None for every key. `witnesses` is a tlog-policy (None: nobody is asked to cosign), without whose quorum no checkpoint is published
    where `quorum_required`; `capacity` entries may wait and `calls` be answered at once, and calls have `grace` seconds to end.
    `traces` is a collector's address.
    """

    directory: Path
    origin: str | None = None
    listen: str = DEFAULT_LISTEN
    http: str | None = None
    rekor: RekorDoor = RekorDoor.CLOSED
    tls: Tls | None = None
    admission: Path | None = None
    witnesses: Path | None = None
    quorum_required: bool = False
    allowed: frozenset[str] | None = None
    admin: Path | None = None
    traces: str | None = None
    capacity: int = CAPACITY
    calls: int = 4096
    grace: int = 30

    def check(self) -> None:
        """Check that this can be served.

        Raises:
            ConfigError: Not an address with a port, plain text beyond loopback, what is no key id, or two answers to one question.
        """
        self._check_keys()
        if self.traces is not None and not re.fullmatch(_COLLECTOR, self.traces):
            raise ConfigError(f"not a collector of traces: {self.traces}", hint="write http://HOST:PORT or https://HOST:PORT")
        if self.rekor is not RekorDoor.CLOSED and self.http is None:
            raise ConfigError("Sigstore's clients come over HTTP, and this ledger does not listen for that", hint="give --http HOST:PORT")
        if self.http == self.listen and not self.listen.endswith(":0"):
            raise ConfigError(f"gRPC and HTTP cannot both listen on {self.listen}", hint="each has a port of its own")
        for address in (self.listen, self.http):
            if address is not None:
                check_address(address, has_tls=self.tls is not None)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return all(is_loopback(_host(each)) for each in (self.listen, self.http) if each is not None)

    @property
    def admin_socket(self) -> Path:
        """Where the operator's door is."""
        return self.admin or self.directory / ADMIN

    def _check_keys(self) -> None:
        try:
            for each in self.allowed or ():
                check_key_id(each)
        except MalformedError as error:
            raise ConfigError(str(error), hint=error.hint) from error
        if self.admission is not None and self.allowed is not None:
            raise ConfigError("keys that may append are named twice", hint="name them in the admission file, without --allow")


def check_address(address: str, *, has_tls: bool) -> None:
    """Check that a server can listen on `address`.

    Raises:
        ConfigError: Not an address with a port, or plain text beyond loopback.
    """
    _, colon, port = address.rpartition(":")
    host = _host(address)
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
        raise ConfigError(f"not an address to listen on: {address}", hint="write HOST:PORT, for example 127.0.0.1:7420")
    if not has_tls and not is_loopback(host):
        raise ConfigError(f"without TLS a ledger listens on loopback only, not on {host}", hint="give a certificate and a key")


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def load_config(path: Path) -> ServerConfig:
    """Return what the file `path` says.

    Raises:
        ConfigError: It cannot be read, or is not a configuration.
    """
    try:
        return parse_config(path.read_bytes(), folder=path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="see docs/formats.md, ledger.toml") from error
    except MalformedError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint or "see docs/formats.md, ledger.toml") from error


def parse_config(data: bytes, *, folder: Path) -> ServerConfig:
    """Read a ledger.toml that stands in `folder`.

    Raises:
        MalformedError: It is not one.
    """
    top = take_keys(parse_table(data, max_bytes=MAX_CONFIG), required=("schema",), optional=(*_TOP, *_SECTIONS, "tls"), what="the file")
    if take_number(top["schema"], what="schema") != 1:
        raise MalformedError("schema is 1")
    chosen = _read({key: value for key, value in top.items() if key in _TOP}, _TOP, folder)
    for name, settings in _SECTIONS.items():
        chosen |= _read(take_keys(top.get(name, {}), optional=settings, what=f"[{name}]"), settings, folder, where=f" of [{name}]")
    if top.get("tls"):
        tls = take_keys(top["tls"], required=("certificate", "key"), optional=("client_ca",), what="[tls]")
        chosen["tls"] = Tls(**_read(tls, _TLS, folder, where=" of [tls]"))
    return ServerConfig(**{"directory": folder, **chosen})


def _read(table: Mapping[str, object], settings: Mapping[str, tuple[str, _Reader]], folder: Path, *, where: str = "") -> dict[str, Any]:
    """Return what `table` sets, by the name of the field."""
    fields: dict[str, Any] = {}
    for key, value in table.items():
        field, read = settings[key]
        fields[field] = read(value, f"{key}{where}", folder)
    return fields


def _path(value: object, what: str, folder: Path) -> Path:
    return folder / take_string(value, what=what)


def _text(value: object, what: str, _folder: Path) -> str:
    return take_string(value, what=what)


def _rekor(value: object, what: str, _folder: Path) -> RekorDoor:
    return take_choice(RekorDoor, value, what=what)


def _count(value: object, what: str, _folder: Path) -> int:
    return take_number(value, what=what)


def _flag(value: object, what: str, _folder: Path) -> bool:
    return take_flag(value, what=what)


# Each key of the file: the field that it sets, and how it is read.
_TOP: Mapping[str, tuple[str, _Reader]] = {"folder": ("directory", _path), "origin": ("origin", _text), "admission": ("admission", _path)}
_SECTIONS: Mapping[str, Mapping[str, tuple[str, _Reader]]] = {
    "listen": {"grpc": ("listen", _text), "http": ("http", _text), "admin": ("admin", _path)},
    "rekor": {"accept": ("rekor", _rekor)},
    "witnesses": {"policy": ("witnesses", _path), "required": ("quorum_required", _flag)},
    "telemetry": {"traces": ("traces", _text)},
    "limits": {"waiting": ("capacity", _count), "calls": ("calls", _count), "grace": ("grace", _count)},
}
_TLS: Mapping[str, tuple[str, _Reader]] = {"certificate": ("certificate", _path), "key": ("key", _path), "client_ca": ("client_ca", _path)}
