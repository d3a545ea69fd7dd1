# SPDX-License-Identifier: Apache-2.0
"""What this person shows to ledgers: `ledgers.toml` in the configuration folder, or the file that `BYLINE_LEDGERS` names.

    schema = 1

    [[ledger]]
    url = "grpcs://ledger.example:7420"  # or the https URL that is monitored or mirrored
    token = "ledger.token"               # a file with a bearer token, as `byline ledger token` prints it
    certificate = "me.pem"               # a certificate and its private key
    key = "me.key"
    roots = "ca.pem"                     # who vouches for the server, instead of the system's authorities

Paths are relative to the file's folder. A repository names a ledger; what is shown there is the person's own choice, so nothing is
shown to any other URL.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.core.table import parse_table, take_array, take_keys, take_number, take_string
from byline.core.value import dataclass
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

LEDGERS = "ledgers.toml"
_MAX_FILE = 64 * 1024
_HINT = "see docs/formats.md, ledgers.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is shown to one ledger; `identity` is a private key and a certificate chain, PEM, and `files` are those that hold them."""

    token: str | None = None
    identity: tuple[bytes, bytes] | None = None
    files: tuple[Path, Path] | None = None
    roots: bytes | None = None

    def tls(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken to the ledger, None where nothing is said about it.

        Raises:
            ConfigError: A file is not PEM, or certificate and key do not belong together.
        """
        if self.roots is None and self.files is None:
            return None
        import ssl

        try:
            context = ssl.create_default_context(cadata=None if self.roots is None else self.roots.decode("ascii", "replace"))
            if self.files is not None:
                key, certificate = self.files
                context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise ConfigError(f"the PEM files that ledgers.toml names cannot be used: {error.reason or error}", hint=_HINT) from error
        return context


def credentials_for(url: str, environ: Mapping[str, str]) -> Credentials:
    """Return what this person shows to the ledger at `url`, nothing where no file says so.

    Raises:
        ConfigError: A file is named and cannot be read, or is not what it should be.
    """
    from byline.capture.places import config_dir

    named = environ.get("BYLINE_LEDGERS")
    path = Path(named).expanduser() if named else config_dir(environ) / LEDGERS
    if not named and not path.exists():
        return Credentials()
    try:
        rows = parse_ledgers(path.read_bytes())
        return _load(rows.get(url.rstrip("/"), {}), path.parent)
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}", hint=_HINT) from error
    except MalformedError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint or _HINT) from error


def parse_ledgers(data: bytes) -> dict[str, dict[str, str]]:
    """Read a ledgers.toml: by URL, the names of files.

    Raises:
        MalformedError: It is not one.
    """
    top = take_keys(parse_table(data, max_bytes=_MAX_FILE), required=("schema",), optional=("ledger",), what="the file")
    if take_number(top["schema"], what="schema") != 1:
        raise MalformedError("schema is 1")
    rows = [_row(each) for each in take_array(top.get("ledger", []), what="ledger")]
    by_url = {row.pop("url").rstrip("/"): row for row in rows}
    if len(by_url) != len(rows):
        raise MalformedError("two ledgers have one URL")
    return by_url


def _row(value: object) -> dict[str, Any]:
    table = take_keys(value, required=("url",), optional=("token", "certificate", "key", "roots"), what="a ledger")
    if ("certificate" in table) != ("key" in table):
        raise MalformedError("a certificate and its key go together")
    return {key: take_string(each, what=f"{key} of a ledger") for key, each in table.items()}


def _load(row: dict[str, str], folder: Path) -> Credentials:
    def read(key: str) -> bytes | None:
        return (folder / row[key]).read_bytes() if key in row else None

    token, key, certificate = read("token"), read("key"), read("certificate")
    if token is not None and not (token.strip().isascii() and token.strip().decode("ascii", "replace").isprintable() and token.strip()):
        raise MalformedError(f"{row['token']} holds no token")
    has_identity = key is not None and certificate is not None
    return Credentials(
        token=token.strip().decode("ascii") if token else None,
        identity=(key, certificate) if key is not None and certificate is not None else None,
        files=(folder / row["key"], folder / row["certificate"]) if has_identity else None,
        roots=read("roots"),
    )
