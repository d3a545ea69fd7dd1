# SPDX-License-Identifier: Apache-2.0
"""What is shared with whoever may use a clone is what is in the clone: never what a link of theirs leads to, and never a secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from byline.capture.guard import GUARDED
from byline.capture.losses import Loss, LossCode, record_loss
from byline.capture.rules import load_rules
from byline.capture.sharing import give_back, share, share_all
from byline.capture.snapshot import scan_files
from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

ANA = 12345


def looks(*paths: Path) -> list[tuple[int, int, int]]:
    """Return owner, group and mode of each."""
    return [(each.st_uid, each.st_gid, each.st_mode & 0o7777) for each in map(os.lstat, paths)]


@pytest.fixture
def victim(tmp_path: Path) -> list[Path]:
    """A folder that everybody may enter, with a secret and a folder in it."""
    folder = tmp_path / "victim"
    (folder / "below").mkdir(parents=True)
    (folder / "secret").touch(mode=0o600)
    (folder / "below/secret").touch(mode=0o600)
    folder.chmod(0o755)
    return [folder, folder / "secret", folder / "below", folder / "below/secret"]


@pytest.fixture
def common(tmp_path: Path, victim: list[Path]) -> Path:
    """The git folder of a clone that a group shares, in which somebody of the group planted links."""
    place = tmp_path / "clone/.git"
    (place / "byline/contents").mkdir(parents=True)
    for folder in (place, place / "byline", place / "byline/contents"):
        folder.chmod(0o2770)
    for name in ("objects", "refs", "byline/secret", "byline/below", "byline/contents/ab"):
        (place / name).symlink_to(victim[0])
    (place / "byline/file").symlink_to(victim[1])
    return place


def spoils(common: Path) -> None:
    """Share all that can be shared, in every way."""
    share_all(common / "byline")
    give_back(common, common / "byline")


def test_no_link_in_a_clone_leads_what_is_shared_to_somebodys_files(common: Path, victim: list[Path]) -> None:
    before = looks(*victim)
    spoils(common)
    for name in ("file", "secret", "below"):
        share(common / "byline" / name)
    assert looks(*victim) == before
    (common / "byline").rename(common / "former")
    (common / "byline").symlink_to(victim[0])  # of a folder that all may read all would become readable
    spoils(common)
    assert looks(*victim) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another account")
def test_no_link_in_a_clone_makes_root_give_its_files_away(common: Path, victim: list[Path], tmp_path: Path) -> None:
    for path in (common.parent, common, common / "byline", common / "byline/contents"):
        os.chown(path, ANA, ANA)
    (common / "byline/made").touch(mode=0o600)
    before = looks(*victim)
    spoils(common)
    assert looks(*victim) == before
    assert looks(common / "byline/made") == [(ANA, ANA, 0o660)]
    (common / "byline/contents").rename(common / "former")
    (common / "byline/contents").symlink_to(victim[0])
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    scan_files(os.fsencode(tmp_path), os.fsencode(common / "byline/contents"), b"sha1", [(b"-", b"a.py")])  # an agent of root's at work
    assert looks(*victim) == before


def test_a_secret_is_never_shared_not_even_while_it_is_made(common: Path) -> None:
    """Another process may share what is there in just that moment."""
    (common / "byline/ledger").mkdir()
    names = ("ledger/log.key", "ledger/.log.key.5f0c", ".prompts.12", "state.json")
    for name in names:
        (common / "byline" / name).touch(mode=0o600)
    share_all(common / "byline")
    assert [mode for *_, mode in looks(*(common / "byline" / name for name in names))] == [0o600, 0o600, 0o600, 0o660]


@pytest.mark.parametrize("leads_to", ["secret", "nothing"])
def test_no_link_in_a_clone_leads_what_is_written_to_somebodys_files(repository: Scratch, victim: list[Path], leads_to: str) -> None:
    """Neither is what is there changed, nor a file made where none is."""
    repository.write("a.py", "x = 1\n")
    clone = Installed.create(repository, "--policy", "team")
    clone.commit()
    place, target = repository.path / ".git/byline", victim[0] / leads_to
    victim[1].write_bytes(b"secret\n")
    before, there = looks(*victim), sorted(victim[0].iterdir())
    names = {each.name for each in place.iterdir() if each.is_file()}
    for name in names | {"attester.pid", "journal", "losses", "prompts", "refusals", "refusals.signed", GUARDED}:
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to(target)
        clone.writes("a.py", f"{name} = 1\n".encode())
        clone.byline("attest", "--background")
        clone.byline("blame", "a.py")
        record_loss(place, Loss(code=LossCode.FAILED, message="lost", source="test", time=1))
        assert (victim[1].read_bytes(), looks(*victim), sorted(victim[0].iterdir())) == (b"secret\n", before, there), name
        (place / name).unlink(missing_ok=True)
    (place / f"rules.{os.getpid()}.tmp").symlink_to(target)
    load_rules(str(place.parent), [(repository.path / ".byline/policy.toml").read_bytes()])
    assert (victim[1].read_bytes(), sorted(victim[0].iterdir())) == (b"secret\n", there)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another account")
def test_what_could_not_be_recorded_gives_no_file_of_roots_away(common: Path, victim: list[Path]) -> None:
    for path in (common.parent, common, common / "byline"):
        os.chown(path, ANA, ANA)
    (common / "byline/losses").symlink_to(victim[1])
    before = looks(*victim)
    record_loss(common / "byline", Loss(code=LossCode.FAILED, message="lost", source="test", time=1))
    assert (looks(*victim), victim[1].read_bytes()) == (before, b"")
