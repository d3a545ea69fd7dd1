# SPDX-License-Identifier: Apache-2.0
"""Trailers are what git says they are, and a message keeps all else that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from byline.core.assistance import Trailer
from byline.git.messages import remove_trailers
from byline.git.repository import Repository, open_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scratch import Scratch

ONE, TWO = Trailer(key="Assisted-by", value="a:m"), Trailer(key="Signed-off-by", value="Ana <ana@example.invalid>")


@pytest.fixture
def repo(repository: Scratch) -> Iterator[Repository]:
    with open_repository(repository.path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"subject\n", ()),
        (b"Assisted-by: a:m\n", ()),  # a title is no trailer
        (b"subject\n\nAssisted-by: a:m\n", (ONE,)),
        (b"subject\n\nAssisted-by: a:m\n\nthe end\n", ()),
        (
            b"subject\n\nbody\n\nassisted-by: a:m\nSigned-off-by: Ana\n <ana@example.invalid>\n",
            (Trailer(key="assisted-by", value="a:m"), TWO),
        ),
        (b"subject\n\n---\nAssisted-by: a:m\n", ()),
    ],
)
def test_trailers_are_gits(repo: Repository, message: bytes, expected: tuple[Trailer, ...]) -> None:
    assert repo.parse_trailers(message) == expected


@pytest.mark.parametrize(
    "message", [b"subject\n", b"subject", b"subject\n\nbody\n\nb: c\n", b"\xe9\n\nSigned-off-by: Ana\n", b"s\n\n---\nx\n", b""]
)
def test_what_is_added_is_found_and_goes_again(repo: Repository, message: bytes) -> None:
    before = repo.parse_trailers(message)
    added = repo.add_trailers(message, [ONE, TWO])
    assert repo.parse_trailers(added) == (*before, ONE, TWO)
    assert repo.add_trailers(added, [ONE]) == added
    assert repo.add_trailers(added, []) is added
    gone = remove_trailers(added, [ONE, TWO])
    assert repo.parse_trailers(gone) == before
    assert gone.strip() == message.strip()


def test_of_equal_lines_the_trailer_goes(repo: Repository) -> None:
    message = (
        b"subject\n\nAssisted-by: a:m\nis what it said\n\nAssisted-by:\n  a:m\nSigned-off-by: Ana <ana@example.invalid>\n\n# a comment\n"
    )
    assert repo.parse_trailers(message) == (ONE, TWO)
    assert remove_trailers(message, [ONE]) == message.replace(b"Assisted-by:\n  a:m\n", b"")


def test_configuration_adds_no_trailer_and_runs_no_program(repository: Scratch) -> None:
    """G1: `git interpret-trailers` runs such a command whatever it is asked."""
    for key, value in {"key": "Signed-off-by: Ana ", "command": "touch pwned", "cmd": "touch pwned", "ifexists": "replace"}.items():
        repository.git("config", f"trailer.assisted-by.{key}", value)
    repository.git("config", "trailer.separators", "=")
    repository.git("config", "core.commentChar", ";")
    with open_repository(repository.path) as repo:
        added = repo.add_trailers(b"subject\n\nAssisted-by: b\n; a comment\n", [ONE])
        assert added == f"subject\n\nAssisted-by: b\n{ONE.text}\n; a comment\n".encode()
        assert repo.parse_trailers(added) == (Trailer(key="Assisted-by", value="b"), ONE)
    assert not (repository.path / "pwned").exists()
