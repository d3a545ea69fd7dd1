# SPDX-License-Identifier: Apache-2.0
"""The trailers of a commit message, as git itself finds them (`git interpret-trailers`), and messages with other trailers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.assistance import Trailer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from byline.git.process import Git


def parse_trailers(git: Git, message: bytes) -> tuple[Trailer, ...]:
    """Return the trailers at the end of `message`, each unfolded.

    Raises:
        RepositoryError: Git failed.
    """
    said = git.run("interpret-trailers", "--parse", "--no-divider", data=message).decode("utf-8", "replace")
    pairs = (line.partition(":") for line in said.splitlines())
    return tuple(Trailer(key=key.strip(), value=value.strip()) for key, colon, value in pairs if colon)


def add_trailers(git: Git, message: bytes, trailers: Iterable[Trailer]) -> bytes:
    """Return `message` with `trailers` after those that it has, where git puts them.

    Raises:
        RepositoryError: Git failed.
    """
    given = [part for each in trailers for part in ("--trailer", each.text)]
    if not given:
        return message
    rules = ("--where", "end", "--if-exists", "addIfDifferent", "--if-missing", "add")
    ended = message if message.endswith(b"\n") else message + b"\n"  # git joins them to a title that has no end
    return git.run("interpret-trailers", "--no-divider", *rules, *given, data=ended)


def remove_trailers(message: bytes, trailers: Iterable[Trailer]) -> bytes:
    """Return `message` without `trailers`, each of which git found in it; of equal lines the last goes."""
    kept = [*_entries(message)]
    for each in trailers:
        at = next((at for at in reversed(range(len(kept))) if _read(kept[at]) == each), None)
        if at is not None:
            del kept[at]
    return b"".join(kept)


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
