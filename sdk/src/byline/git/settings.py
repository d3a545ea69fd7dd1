# SPDX-License-Identifier: Apache-2.0
"""Git's configuration: read whole once, written one key at a time into the repository's own file or, at `scope` global, the user's.

Section and variable are case-insensitive, what stands between them is not: `remote.Origin.url`.

>>> normal_key("Remote.Origin.URL")
'remote.Origin.url'
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.value import dataclass, field
from byline.git.process import Git, git_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TRUE = frozenset({"", "true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NOT_THERE = 5
_NO_FILE = 128


@dataclass(slots=True)
class Settings:
    """The configuration as it was when first asked for, or after the last change made here.

    A repository's is read as git reads it, from every scope; the user's is that of all their repositories alone.
    """

    git: Git
    scope: str = "--local"
    _values: dict[str, list[str]] = field(default_factory=dict)

    def values(self) -> dict[str, list[str]]:
        """Return every key with its values, the one that counts last.

        Raises:
            RepositoryError: Git cannot read its configuration.
        """
        if not self._values:
            where = () if self.scope == "--local" else (self.scope,)
            said = self.git.run("config", *where, "--list", "-z", "--includes", ok=(0, _NO_FILE) if where else (0,))
            for item in said.decode("utf-8", "surrogateescape").split("\0"):
                key, line, value = item.partition("\n")
                if key:
                    # A key without "=" is a true boolean.
                    self._values.setdefault(key, []).append(value if line else "true")
        return self._values

    def get(self, key: str) -> str | None:
        """Return the value of `key` that counts, None if it has none.

        Raises:
            RepositoryError: Git cannot read its configuration.
        """
        return self.values().get(normal_key(key), [None])[-1]

    def scoped_values(self, key: str) -> list[tuple[str, str]]:
        """Return the values of `key` as git reads them here, each with its scope, the one that counts last, without Byline's own.

        Raises:
            RepositoryError: Git cannot read its configuration.
        """
        said = self.git.run("config", "-z", "--show-scope", "--includes", "--get-all", key, ok=(0, 1)).split(b"\0")
        # Byline's own git runs without hooks, by a setting of the scope `command`.
        return [(scope.decode(), os.fsdecode(value)) for scope, value in zip(said[::2], said[1::2], strict=False) if scope != b"command"]

    def written_values(self, key: str) -> list[str]:
        """Return the values of `key` in the file that is written.

        Raises:
            RepositoryError: Git cannot read it.
        """
        said = self.git.run("config", self.scope, "-z", "--get-all", key, ok=(0, 1)).split(b"\0")
        return [os.fsdecode(value) for value in said[:-1]]

    def choices(self, key: str) -> tuple[str, ...]:
        """Return the values of `key`, every true one as `true`; none where the one that counts is false."""
        values = ["true" if value.lower() in _TRUE else value for value in self.values().get(normal_key(key), ())]
        return () if values and values[-1].lower() in _FALSE else tuple(values)

    def set(self, key: str, value: str) -> None:
        """Make `value` the only value of `key` in the file that is written.

        Raises:
            RepositoryError: Git cannot write it.
        """
        self._write("--replace-all", key, value)

    def add(self, key: str, value: str) -> None:
        """Give `key` one more value, unless it has it.

        Raises:
            RepositoryError: Git cannot write it.
        """
        if value not in self.values().get(normal_key(key), []):
            self._write("--add", key, value)

    def remove(self, key: str, value: str | None = None) -> None:
        """Take `value`, or every value, from `key` in the file that is written.

        Raises:
            RepositoryError: Git cannot write it.
        """
        which = ("--unset-all", key) if value is None else ("--fixed-value", "--unset-all", key, value)
        self.git.run("config", self.scope, *which, ok=(0, _NOT_THERE))
        self._values = {}

    def give_back(self, key: str, value: str, former: Iterable[str]) -> None:
        """Take `value` from `key`, if it still has it, and give it the values back that it had before.

        Raises:
            RepositoryError: Git cannot write it.
        """
        if value in self.written_values(key):
            self.remove(key, value)
            for each in former:
                self.add(key, each)

    def _write(self, *arguments: str) -> None:
        self.git.run("config", self.scope, *arguments)
        self._values = {}


def user_settings(environ: Mapping[str, str]) -> Settings:
    """Return the configuration that all repositories of the user share, which is written, too."""
    return Settings(Git(git_environment(environ, keep_place=False), Path("/")), "--global")


def global_file(environ: Mapping[str, str]) -> Path:
    """Return the file that `git config --global` writes."""
    named, home = environ.get("GIT_CONFIG_GLOBAL"), Path(environ.get("HOME") or "~").expanduser()
    own, other = home / ".gitconfig", Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "git/config"
    return Path(named) if named else other if other.is_file() and not own.exists() else own


def normal_key(key: str) -> str:
    """Return `key` as git lists it."""
    section, dot, rest = key.partition(".")
    middle, inner, variable = rest.rpartition(".")
    return f"{section.lower()}{dot}{middle}{inner}{variable.lower()}"
