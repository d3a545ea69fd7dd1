# SPDX-License-Identifier: Apache-2.0
"""Three people, one remote, and whoever comes first: the union of what their clones claim, by the commands that they type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

NAMES = ("ana", "ben", "mia")


def test_no_statement_is_lost_whoever_pushes_first(tmp_path: Path, repository: Scratch) -> None:
    """Nobody fetches before pushing; a plain `git push` sends evidence beside it, `byline push` before it."""
    first = Installed.create(repository)
    first.commit()
    hub = repository.clone(tmp_path / "hub", "--bare")
    people = {name: Installed.create(hub.clone(tmp_path / name)) for name in NAMES}
    for name, clone in people.items():
        clone.scratch.git("checkout", "--quiet", "-b", name)
        clone.writes(f"{name}.py", f"an agent of {name}\n".encode())
        clone.commit()
    for name in ("mia", "ana", "ben", "ana"):
        said = people[name].byline("push", "origin", name)
        assert said.code == 0, said
    people["ben"].scratch.git("push", "--quiet", "origin", "ben:again")  # evidence goes beside it, and nobody waits
    fresh = Installed(hub.clone(tmp_path / "fresh"))
    fresh.scratch.git("fetch", "--quiet", "origin", "+refs/byline/*:refs/byline/remotes/origin/*")
    for name in NAMES:
        assert fresh.owners(f"{name}.py", rev=f"origin/{name}") == ["ai"]
        people[name].scratch.git("fetch", "--quiet")
    refs = {clone.scratch.git("rev-parse", "refs/byline/remotes/origin/evidence") for clone in people.values()}
    assert len(refs) == 1
