# SPDX-License-Identifier: Apache-2.0
"""Git's configuration: read whole once, written one key at a time into the repository's own file.

Section and variable are case-insensitive, what stands between them is not: `remote.Origin.url`.

>>> normal_key("Remote.Origin.URL")
'remote.Origin.url'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.value import dataclass, field

if TYPE_CHECKING:
    from byline.git.process import Git

_TRUE = frozenset({"", "true", "yes", "on", "1"})
_NOT_THERE = 5


@dataclass(slots=True)
class Settings:
    """The configuration as it was when first asked for, or after the last change made here."""

    git: Git
    _values: dict[str, list[str]] = field(default_factory=dict)

    def values(self) -> dict[str, list[str]]:
        """Return every key with its values, the one that counts last.

        Raises:
            RepositoryError: Git cannot read its configuration.
        """
        if not self._values:
            for item in self.git.run("config", "--list", "-z", "--includes").decode("utf-8", "surrogateescape").split("\0"):
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

    def is_true(self, key: str) -> bool:
        """Whether `key` is set to a true value."""
        value = self.get(key)
        return value is not None and value.lower() in _TRUE

    def set(self, key: str, value: str) -> None:
        """Make `value` the only value of `key` in the repository's own file.

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
        """Take `value`, or every value, from `key` in the repository's own file.

        Raises:
            RepositoryError: Git cannot write it.
        """
        which = ("--unset-all", key) if value is None else ("--fixed-value", "--unset-all", key, value)
        self.git.run("config", "--local", *which, ok=(0, _NOT_THERE))
        self._values = {}

    def _write(self, *arguments: str) -> None:
        self.git.run("config", "--local", *arguments)
        self._values = {}


def normal_key(key: str) -> str:
    """Return `key` as git lists it."""
    section, dot, rest = key.partition(".")
    middle, inner, variable = rest.rpartition(".")
    return f"{section.lower()}{dot}{middle}{inner}{variable.lower()}"
