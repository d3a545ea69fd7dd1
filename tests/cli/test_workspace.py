# SPDX-License-Identifier: Apache-2.0
"""A workspace that is thrown away, as docs/agents.md has it: what was recorded in it gets out by the evidence ref."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from installed import Installed
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_a_workspace_pushed_outlives_it(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home folder with the key and the inbox, and the clone with its journal, are gone; the branch and the evidence are not."""
    origin = Scratch.create(tmp_path / "origin.git", "--bare")
    person = Installed.create(origin.clone(tmp_path / "person"))
    person.scratch.write("a.py", "mine = 1\n")
    person.commit()
    assert person.byline("push", "origin", "HEAD:main").code == 0

    container = tmp_path / "container"
    with monkeypatch.context() as inside:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            inside.setenv(name, str(container / name))
        work = origin.clone(container / "work")
        work.git("checkout", "-q", "-B", "main", "origin/main")
        clone = Installed(work)
        assert clone.byline("init", "--yes").code == 0
        script = "echo 'made = 2' >> a.py; git commit -qam 'agent: more'"
        assert clone.byline("record", "--agent", "robot", "--model", "m-1", "--", "sh", "-c", script).code == 0
        assert clone.byline("attest", "--wait").code == 0
        said = clone.byline("push", "origin", "main")
        assert said.code == 0, said
    shutil.rmtree(container)

    person.scratch.git("fetch", "-q", "origin")
    person.scratch.git("checkout", "-q", "-B", "main", "origin/main")
    assert person.owners("a.py", rev="HEAD") == ["human", "ai"]
    assert home.is_dir()
