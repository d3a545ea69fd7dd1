# SPDX-License-Identifier: Apache-2.0
"""Sign with a key of OpenSSH's: in a file, in an agent, or on a token that wants to be touched.

`ssh-keygen -Y sign` does it, so that passphrases, agents and PINs are asked for as the person is used to. A key is named by its
private file, or by its public one (`.pub`), whose private half an agent or a token holds then. It signs for one purpose, its
namespace (`core.sshsig`); RSA and other kinds that Byline does not know are refused before anybody touches anything.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from byline.core.canonical import parse_base64
from byline.core.publickey import KeyType, key_type
from byline.core.sshsig import parse_ssh_armor
from byline.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

TOUCH_SECONDS = 120
_MAX_LINE = 16 * 1024


class SshSigner:
    """A `core.ports.Signer` over the key that `path` names, for the purpose `namespace`."""

    __slots__ = ("_namespace", "_path", "_public")

    def __init__(self, path: Path, *, namespace: str) -> None:
        """Read the public key.

        Raises:
            ConfigError: It cannot be read, or is none that Byline knows.
        """
        self._path = path
        self._namespace = namespace
        self._public = load_ssh_public(path)

    @property
    def public(self) -> bytes:
        """The public key in SSH's wire form."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the SSHSIG blob over `message`.

        Raises:
            ConfigError: There is no ssh-keygen, or it did not sign: no passphrase, no touch, no such key in the agent.
        """
        command = ["ssh-keygen", "-Y", "sign", "-q", "-n", self._namespace, "-f", str(self._path)]
        try:
            done = subprocess.run(command, input=message, capture_output=True, timeout=TOUCH_SECONDS, check=False)
        except FileNotFoundError as error:
            raise ConfigError("there is no ssh-keygen to sign with", hint="install OpenSSH 8.2 or later") from error
        except subprocess.TimeoutExpired as error:
            raise ConfigError(f"nobody touched {self._path.name} or named its PIN within {TOUCH_SECONDS} seconds") from error
        try:
            return parse_ssh_armor(done.stdout.decode("ascii", "replace"))
        except MalformedError as error:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise ConfigError(f"ssh-keygen did not sign with {self._path.name}: {said[-1] if said else 'it says nothing'}") from error


def is_ssh_key(path: Path) -> bool:
    """Whether `path` is a file of OpenSSH's, with a private or a public key."""
    try:
        with path.open("rb") as file:
            start = file.read(_MAX_LINE)
    except OSError:
        return False
    return start.startswith((b"-----BEGIN OPENSSH PRIVATE KEY-----", b"ssh-", b"ecdsa-sha2-", b"sk-"))


def load_ssh_public(path: Path) -> bytes:
    """Return the public key that `path` (a public file, or a private one with a public one beside it) names, in SSH's wire form.

    Raises:
        ConfigError: It cannot be read, or is none that Byline knows.
    """
    file = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        with file.open("rb") as opened:
            parts = opened.read(_MAX_LINE).decode("utf-8", "replace").split()
        public = parse_base64(parts[1] if len(parts) > 1 else "")
        if key_type(public) in {KeyType.SSH, KeyType.SK_SSH}:
            return public
    except OSError as error:
        raise ConfigError(f"cannot read the public key {file.name}: {error.strerror}", hint=f"ssh-keygen -y -f {path} prints it") from error
    except MalformedError:
        pass
    hint = "Byline knows ssh-ed25519, ecdsa-sha2-nistp256, and both on a token (-t ed25519-sk, -t ecdsa-sk)"
    raise ConfigError(f"{file.name} is not a public key of OpenSSH's that Byline knows", hint=hint)
