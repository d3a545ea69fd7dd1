# SPDX-License-Identifier: Apache-2.0
"""One clone under two names, as a container or a link has it: what was recorded under one is found under the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from shutil import which
from typing import TYPE_CHECKING

import pytest

from byline.capture.places import inbox_dir
from installed import Installed
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone with a line that is committed."""
    repository.write("a.py", "x = 1\n")
    clone = Installed.create(repository)
    clone.commit()
    return clone


@pytest.fixture
def elsewhere(clone: Installed) -> Path:
    """A folder at which the clone can be mounted for one program alone."""
    place = clone.path.parent / "elsewhere"
    place.mkdir()
    if which("unshare") is None or subprocess.run(mounted(clone, place, "true"), capture_output=True, check=False).returncode:
        pytest.skip("a mount namespace cannot be made here")
    return place


def mounted(clone: Installed, place: Path, script: str) -> list[str]:
    """Return the words that run `script` in `place`, at which the clone is mounted."""
    return ["unshare", "--mount", "sh", "-ec", 'mount --bind "$1" "$2"; cd "$2"; ' + script, "sh", str(clone.path), str(place)]


def works(clone: Installed, place: Path, command: str) -> str:
    """Return the script in which an agent runs `command` between its hooks, in `place`."""
    said = {"tool_name": "Bash", "session_id": "s-1", "tool_use_id": command, "tool_input": {"command": command}, "cwd": str(place)}
    lines = []
    for event in ("PreToolUse", "PostToolUse"):
        payload = json.dumps({"hook_event_name": event, **said, "tool_response": {}})
        lines += [f"printf %s '{payload}' | {each}" for each in clone.commands(event, "Bash")]
        lines += [command] if event == "PreToolUse" else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("ends", ["status", "attest --wait"])
def test_what_an_agent_does_where_a_clone_is_mounted_is_known_outside(clone: Installed, elsewhere: Path, ends: str) -> None:
    commit = "git commit -qam inside\n" if ends != "status" else ""
    script = works(clone, elsewhere, "echo inside >> a.py") + commit + f"{sys.executable} -m byline_cli {ends}"
    subprocess.run(mounted(clone, elsewhere, script), check=True, timeout=120, capture_output=True)
    assert clone.owners("a.py")[1:] == ["ai"]
    clone.commit()
    assert clone.owners("a.py", rev="HEAD")[1:] == ["ai"]
    inside = f"{sys.executable} -m byline_cli blame --json a.py"
    said = subprocess.run(mounted(clone, elsewhere, inside), check=True, timeout=120, capture_output=True)
    assert [each["origin"] for each in json.loads(said.stdout)["ranges"]][1:] == ["ai"]


def test_what_waits_of_a_mounted_clone_is_its_own_outside(clone: Installed, elsewhere: Path) -> None:
    """One home folder inside and outside, nothing settled inside; and another repository's settler does not know the path."""
    home = inbox_dir(os.environ)
    other = Installed(Scratch.create(clone.path.parent / "other"))
    Scratch.create(elsewhere)  # what stands at that path outside is another one
    for number in range(2):
        subprocess.run(mounted(clone, elsewhere, works(clone, elsewhere, f"echo inside{number} >> a.py")), check=True, timeout=120)
        assert other.losses() == []
        waits = list(home.glob("astray/*/*.spool"))
        assert len(waits) == 2
        if number == 0:
            clone.scratch.write("b.py", "mine = 1\n")
            clone.commit()
            assert (clone.owners("a.py", rev="HEAD")[1:], clone.owners("b.py", rev="HEAD")) == (["ai"], ["human"])
    for path in waits:
        os.utime(path, (0, 0))
    told = json.loads(other.byline("status", "--json").out)["losses"]
    assert [(each["code"], each["count"]) for each in told] == [("BL-LOSS-11", 2)]
    assert not (home / "astray").exists()


def test_a_clone_behind_a_link_is_the_same(clone: Installed) -> None:
    link = clone.path.parent / "link"
    link.symlink_to(clone.path)
    behind = replace(clone, scratch=replace(clone.scratch, path=link))
    behind.runs("echo inside >> a.py")
    behind.commit()
    assert clone.owners("a.py")[1:] == behind.owners("a.py")[1:] == ["ai"]
    assert clone.losses() == []
