# SPDX-License-Identifier: Apache-2.0
r"""A git repository to play in, and who wrote each line of a file.

    repository = ScratchRepository.create(folder)
    repository.write("a.py", "typed = 1\n")            # a person's hand: nobody is told
    repository.commit()                                # signed with a key that everybody knows, logged in memory
    blame(repository.path / "a.py")                    # (Line(text="typed = 1", agent=None, origin="unknown", ...),)

`blame` answers as `byline blame` does: for the bytes on disk, or for a revision.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.places import inbox_dir, prepare_repository, repository_dir
from byline.core.value import dataclass
from byline.flow.attest import attest_pending
from byline.flow.deliver import deliver
from byline.flow.resolve import resolve
from byline.flow.workshop import Identity, Signatory, Workshop
from byline.git.process import Git, git_environment
from byline.git.repository import open_repository
from byline.testing.ledger import MemoryLedger, fixed_signer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from byline.core.attribution import Evidence, Origin, Owner
    from byline.core.ports import Signer
    from byline.git.repository import Repository

_IDENTITY: Final = Identity(repository="byl:" + "0" * 32, line_key=bytes(32))
_PERSON: Final = ("-c", "user.name=Test Person", "-c", "user.email=person@example.invalid", "-c", "commit.gpgSign=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, without its end, and whose it is: `agent`, `model` and `session` are None where no agent is known to have written it."""

    text: str
    agent: str | None
    model: str | None
    session: str | None
    origin: Origin
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchRepository:
    """A work tree at `path`, whose commits are signed by `signer` and logged in `ledger`."""

    path: Path
    ledger: MemoryLedger
    signer: Signer

    @classmethod
    def create(cls, path: Path, *, ledger: MemoryLedger | None = None, signer: Signer | None = None) -> ScratchRepository:
        """Make an empty repository at `path`.

        Raises:
            RepositoryError: Git cannot.
            OSError: The folder cannot be made.
        """
        path.mkdir(parents=True, exist_ok=True)
        made = cls(path=path, ledger=ledger or MemoryLedger(), signer=signer or fixed_signer())
        made.git("init", "--quiet", "--initial-branch=main")
        prepare_repository(path / ".git")
        return made

    def git(self, *arguments: str) -> str:
        """Return what git says, called in the work tree without anybody's hooks.

        Raises:
            RepositoryError: It fails.
        """
        return Git(git_environment(os.environ, keep_place=False), self.path).run(*arguments).decode("utf-8", "surrogateescape").strip()

    def write(self, name: str, text: str) -> Path:
        """Write a file as a person's editor does: nobody is told whose the lines are."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        return file

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.path / name).read_bytes().decode()

    def commit(self, message: str = "a change") -> str:
        """Commit everything, sign and log whose it is, and return the commit's id.

        Raises:
            RepositoryError: Git cannot.
            OSError: The disk is full or not writable.
        """
        self.git("add", "--all")
        self.git(*_PERSON, "commit", "--quiet", "--allow-empty", "--message", message)
        with open_repository(self.path) as repo:
            workshop = _workshop(repo, self.signer)
            attest_pending(workshop)
            deliver(workshop, self.ledger)
            return repo.head() or ""


def blame(path: str | os.PathLike[str], rev: str | None = None) -> tuple[Line, ...]:
    """Return the lines of the file at `path`, on disk or at the revision `rev`, and whose they are.

    Raises:
        RepositoryError: It is in no repository, or there is no such revision or file.
    """
    file = Path(os.path.realpath(path))
    with open_repository(file.parent) as repo:
        name = os.fsencode(file.relative_to(repo.top or file.parent).as_posix())
        found = resolve(_workshop(repo, None), rev, name)
    return tuple(_line(text, byline.owner) for text, byline in zip(found.lines, found.bylines, strict=True))


def assert_byline(path: str | os.PathLike[str], expected: Mapping[int | str, str | None], *, rev: str | None = None) -> None:
    """Assert which agents wrote the lines of the file at `path`; `expected` is by line, 1-based: `{1: "coder", "3-5": "tester"}`.

    A line that it does not name, or names with None, is no agent's.

    Raises:
        AssertionError: It is otherwise; the message shows each line with its agent.
    """
    lines = blame(path, rev)
    wanted = {number: agent for key, agent in expected.items() for number in _numbers(key)}
    if wanted.keys() - set(range(1, len(lines) + 1)) or any(each.agent != wanted.get(number) for number, each in enumerate(lines, 1)):
        width = max((len(each.agent or "-") for each in lines), default=1)
        shown = (
            f"{number:>4}  {each.agent or '-':<{width}}  {each.text}"
            + ("" if each.agent == wanted.get(number) else f"    <- expected {wanted.get(number) or 'no agent'}")
            for number, each in enumerate(lines, 1)
        )
        raise AssertionError("\n".join([f"{os.fspath(path)} has {len(lines)} lines:", *shown]))


def _numbers(key: int | str) -> Iterator[int]:
    first, _, last = str(key).partition("-")
    yield from range(int(first), int(last or first) + 1)


def _line(text: bytes, owner: Owner) -> Line:
    agent = owner.agent
    return Line(
        text=text.decode(errors="replace"),
        agent=agent.name if agent else None,
        model=agent.model if agent else None,
        session=owner.session if agent else None,
        origin=owner.origin,
        evidence=owner.evidence,
    )


def _workshop(repo: Repository, signer: Signer | None) -> Workshop:
    return Workshop(
        repo=repo,
        place=repository_dir(repo.common_dir),
        inbox=inbox_dir(os.environ),
        identity=_IDENTITY,
        now=lambda: 0,
        random=os.urandom,
        version="0.1.0",
        own=Signatory(signer=signer, principal="p-test") if signer else None,
    )
