# SPDX-License-Identifier: Apache-2.0
"""The trailers of a commit message, as git itself finds them (`git interpret-trailers`), and messages with other trailers.

Of git's configuration only the sign that begins a comment counts: `trailer.*` would run programs, and add trailers that nobody asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.core.assistance import Trailer
from byline.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.git.process import Git
    from byline.git.settings import Settings


def parse_trailers(git: Git, settings: Settings, message: bytes) -> tuple[Trailer, ...]:
    """Return the trailers at the end of `message`, each unfolded.

    Raises:
        RepositoryError: Git failed.
    """
    said = _alone(git, settings).run("interpret-trailers", "--parse", "--no-divider", data=message).decode("utf-8", "replace")
    pairs = (line.partition(":") for line in said.splitlines())
    return tuple(Trailer(key=key.strip(), value=value.strip()) for key, colon, value in pairs if colon)


def add_trailers(git: Git, settings: Settings, message: bytes, trailers: Iterable[Trailer]) -> bytes:
    """Return `message` with `trailers` after those that it has, where git puts them.

    Raises:
        RepositoryError: Git failed.
    """
    given = [part for each in trailers for part in ("--trailer", each.text)]
    if not given:
        return message
    rules = ("--where", "end", "--if-exists", "addIfDifferent", "--if-missing", "add")
    ended = message if message.endswith(b"\n") else message + b"\n"  # git joins them to a title that has no end
    return _alone(git, settings).run("interpret-trailers", "--no-divider", *rules, *given, data=ended)


def remove_trailers(message: bytes, trailers: Iterable[Trailer]) -> bytes:
    """Return `message` without `trailers`, each of which git found in it; of equal lines the last goes."""
    kept = [*_entries(message)]
    for each in trailers:
        at = next((at for at in reversed(range(len(kept))) if _read(kept[at]) == each), None)
        if at is not None:
            del kept[at]
    return b"".join(kept)


def _alone(git: Git, settings: Settings) -> Git:
    """Return `git` without a repository and its configuration, and without the user's."""
    sign = settings.get("core.commentChar")
    kept = {name: value for name, value in git.environment.items() if not name.startswith("GIT_CONFIG")}
    environment = kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    comment = ("-c", f"core.commentChar={sign}") if sign else ()
    return replace(git, environment=environment, arguments=("--git-dir=" + os.devnull, *comment))


def _entries(message: bytes) -> Iterator[bytes]:
    """Yield the lines of `message`, each with those that continue it."""
    entry = b""
    for line in message.splitlines(keepends=True):
        if entry and not line.startswith((b" ", b"\t")):
            yield entry
            entry = b""
        entry += line
    if entry:
        yield entry


def _read(lines: bytes) -> Trailer:
    key, _, value = b" ".join(line.strip() for line in lines.splitlines()).decode("utf-8", "replace").partition(":")
    return Trailer(key=key.strip(), value=value.strip())
