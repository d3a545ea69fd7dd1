# SPDX-License-Identifier: Apache-2.0
"""A link that came with a clone, and a umask that keeps nothing from others: what `byline init` writes stays where it belongs."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from installed import PROGRAM, run

if TYPE_CHECKING:
    from scratch import Scratch

INIT = (*PROGRAM, "init", "--yes", "--agent", "claude-code")


@pytest.mark.parametrize("link", [".byline", ".byline/trust.toml", ".claude", ".claude/settings.local.json"])
@pytest.mark.parametrize("target", ["elsewhere", "repo/.git"])
def test_a_link_leads_init_nowhere(repository: Scratch, tmp_path: Path, link: str, target: str) -> None:
    """G3: not into another repository, whose trust it would replace, and not into git's own folder."""
    inside = tmp_path / target if target == "elsewhere" else repository.path / ".git"
    inside.mkdir(exist_ok=True)
    place = repository.path / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(inside / (place.name if "/" in link else ""))
    before = sorted(inside.iterdir())
    said = run(*INIT, cwd=repository.path)
    assert said.code in (2, 3)  # a trust file that is none cannot be read
    assert "Traceback" not in said.err
    assert sorted(inside.iterdir()) == before


def test_nobody_else_may_say_which_program_the_hooks_run(repository: Scratch) -> None:
    """A umask of 0, as in many containers."""
    said = run("sh", "-c", 'umask 0 && exec "$@"', "sh", *INIT, cwd=repository.path)
    assert said.code == 0, said.err
    launcher = Path.home() / ".local/share/byline/launcher"
    for file in (launcher, launcher.with_name("claude-code.sh"), repository.path / ".git/hooks/post-commit"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o022 == 0, file
    launcher.write_bytes(b"/gone\n/gone\n")
    assert run("sh", "-c", 'umask 0 && exec "$@"', "sh", *PROGRAM, "status", cwd=repository.path).code == 0
    assert launcher.read_bytes() != b"/gone\n/gone\n"
    assert stat.S_IMODE(launcher.stat().st_mode) & 0o022 == 0
    assert os.access(launcher, os.R_OK)
