# SPDX-License-Identifier: Apache-2.0
"""The key that signs here, the person's or an agent's, and public keys that people hand to each other.

A public key travels as PEM (`-----BEGIN PUBLIC KEY-----`), the form that every other tool reads; OpenSSH's line (`ssh-ed25519 ...`)
and the bare base64 that stands in trust.toml are read too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64, parse_base64
from byline.core.publickey import parse_public_key
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from byline.core.ports import Signer
    from byline.keys.p256 import PrivateKey
    from byline_cli.world import World

BEGIN, END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
SSH_LINES = ("ssh-", "ecdsa-", "sk-")
KEY_FILE = "key.pem"
DELEGATION = "BYLINE_DELEGATION"  # the file by which an agent's key, which is beside it, signs for somebody
KEY = "BYLINE_KEY"
FILES = (KEY, DELEGATION, "BYLINE_LEDGERS")  # variables that name a file
PEM_COLUMNS = 64


def key_path(environ: Mapping[str, str]) -> Path:
    """Return where the key is: beside `BYLINE_DELEGATION`, else `BYLINE_KEY`, else `key.pem` in the configuration folder."""
    from byline.capture.places import config_dir

    delegation = environ.get(DELEGATION)
    if delegation:
        return Path(delegation).with_name(KEY_FILE)
    named = environ.get(KEY)
    return Path(named).expanduser() if named else config_dir(environ) / KEY_FILE


def names_key(environ: Mapping[str, str]) -> str:
    """Return the variable of `environ` that says which key signs, empty where that is the account's own."""
    return next((name for name in (DELEGATION, KEY) if environ.get(name)), "")


def explain_no_key(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return what to say where no key is at `key_path`, and what to do about it."""
    path, named = key_path(environ), names_key(environ)
    if named:
        return f"there is no key at {path}, which {named} names", f"unset {named}, and your own key signs"
    return f"there is no key at {path}", "byline init makes one; so does byline trust key"


def with_absolute_files(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """Return `environ` with the files that its variables name as they are meant in `cwd`, for whatever is started elsewhere."""
    named = {name: environ[name] for name in FILES if environ.get(name)}
    meant = {name: cwd / os.path.expanduser(value) for name, value in named.items()}  # noqa: PTH111 - `~nobody/a` is a name, no error
    return {**environ, **{name: str(path) for name, path in meant.items()}}


def load_own_key(environ: Mapping[str, str]) -> PrivateKey:
    """Return this person's key.

    Raises:
        ConfigError: There is none, or it cannot be used.
    """
    from byline.keys.p256 import load_key

    path = key_path(environ)
    if not path.exists():
        told, hint = explain_no_key(environ)
        raise ConfigError(told, hint=hint)
    try:
        return load_key(path)
    except ConfigError as error:
        hint = error.hint or "move it away, and `byline init` makes a new one: somebody has to add that to the trust file"
        raise ConfigError(f"your key {path}: {error}", hint=hint) from error


def approving_key(world: World, named: Path | None) -> Signer:
    """Return the key that signs a person's yes: the one in the file `named`, a PEM or an SSH key, else their own.

    Raises:
        ConfigError: It cannot be used.
    """
    if named is None:
        return load_own_key(world.environ)
    from byline.core.sshsig import APPROVAL
    from byline.keys.signers import load_signer
    from byline.sign.ssh import SshSigner, is_ssh_key

    path = world.cwd / named
    return SshSigner(path, namespace=APPROVAL) if is_ssh_key(path) else load_signer(path)


def make_own_key(environ: Mapping[str, str]) -> PrivateKey:
    """Return this person's key, made now if there is none.

    Raises:
        ConfigError: It cannot be made or used.
    """
    from byline.keys.p256 import make_key

    path = key_path(environ)
    if path.exists():
        return load_own_key(environ)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return make_key(path)


def own_principal(public: bytes) -> str:
    """Return the id of the person with the key `public` (SPKI in DER) where no trust file gives them one, and in one that they begin."""
    from byline.keys.ids import key_id

    return f"p-{key_id(public)[:8]}"


def format_public(spki: bytes) -> str:
    """Return a public key (SPKI in DER) as PEM."""
    text = format_base64(spki)
    rows = [text[at : at + PEM_COLUMNS] for at in range(0, len(text), PEM_COLUMNS)]
    return "\n".join([BEGIN, *rows, END])


def read_public(path: Path) -> bytes:
    """Return the public key in the file `path`, in its form of `core.publickey`.

    Raises:
        ConfigError: It is no public key, or it is a private one.
    """
    try:
        text = path.read_bytes()[:4096].decode("ascii")
        if "PRIVATE KEY" in text:
            hint = "never hand that one over: `byline trust key` prints the public key"
            raise ConfigError(f"{os.fspath(path)} is a private key", hint=hint)
        words = text.replace(BEGIN, "").replace(END, "").split()
        public = parse_base64(words[1] if text.startswith(SSH_LINES) else "".join(words))
        parse_public_key(public)
    except (UnicodeDecodeError, IndexError, MalformedError) as error:
        hint = "`byline trust key` prints one; so does ssh-keygen for ed25519, ecdsa, ed25519-sk and ecdsa-sk keys"
        raise ConfigError(f"{os.fspath(path)} is not a public key that Byline knows", hint=hint) from error
    except OSError as error:
        raise ConfigError(f"cannot read {os.fspath(path)}: {(error.strerror or '').lower()}") from error
    return public
