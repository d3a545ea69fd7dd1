# SPDX-License-Identifier: Apache-2.0
"""`byline.testing`: what the tests of those who build agents stand on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import byline
from byline.core.attribution import Evidence, Origin
from byline.testing import MemoryLedger, ScratchRepository, assert_byline, blame

SDK = Path(__file__).parents[2] / "docs/sdk.md"
A_TEST = """
import asyncio, os
import pytest
import byline
from byline.testing import assert_byline, blame

def test_a_tool(byline_repository, byline_ledger, byline_clock, byline_home):
    assert os.environ["HOME"] == str(byline_home)
    byline_repository.write("a.py", "typed = 1\\n")
    with byline.session(agent="coder", model="m-1") as session:
        session.edit("a.py", "typed = 1\\n", "typed = 1\\nwritten = 2\\n")
    assert_byline("a.py", {2: "coder"})
    byline_repository.commit()
    assert_byline("a.py", {2: "coder"}, rev="HEAD")
    assert byline_ledger.checkpoint().splitlines()[1] == "1"

def test_no_agent_is_named(byline_repository):
    with pytest.raises(ValueError):
        byline.session()
"""


@pytest.fixture
def scratch(home: Path, tmp_path: Path) -> ScratchRepository:
    assert home.is_dir()
    return ScratchRepository.create(tmp_path / "repository", ledger=MemoryLedger())


def test_each_line_has_its_writer_on_disk_and_committed(scratch: ScratchRepository) -> None:
    scratch.write("a.py", "typed = 1\n")
    scratch.commit()
    with byline.session(agent="coder", model="m-1", root=scratch.path) as session:
        session.write("a.py", "typed = 1\nwritten = 2\n")
    found = [(line.text, line.agent, line.model, line.session) for line in blame(scratch.path / "a.py")]
    assert found == [("typed = 1", None, None, None), ("written = 2", "coder", "m-1", session.id)]
    commit = scratch.commit("more")
    assert commit == scratch.git("rev-parse", "HEAD")
    scratch.write("a.py", "all = 'gone'\n")
    assert_byline(scratch.path / "a.py", {"2": "coder"}, rev=commit)
    assert_byline(scratch.path / "a.py", {})
    assert [(line.origin, line.evidence) for line in blame(scratch.path / "a.py", commit)] == [
        (Origin.UNKNOWN, Evidence.UNKNOWN),
        (Origin.AI, Evidence.ATTESTED),
    ]
    assert scratch.read("a.py") == "all = 'gone'\n"


def test_a_wrong_expectation_shows_the_lines(scratch: ScratchRepository) -> None:
    byline.session(agent="coder", root=scratch.path).write("a.py", "one\ntwo\n")
    for wrong in ({"1-2": "tester"}, {1: "coder"}, {"1-3": "coder"}, {}):
        with pytest.raises(AssertionError, match=r"a\.py has 2 lines:\n   1  coder  one"):
            assert_byline(scratch.path / "a.py", wrong)  # type: ignore[arg-type]  # a mapping's key is invariant
    with pytest.raises(AssertionError, match="two    <- expected no agent"):
        assert_byline(scratch.path / "a.py", {1: "coder"})


def test_the_plugin_serves_a_framework(tmp_path: Path) -> None:
    """The test of docs/sdk.md, and another one."""
    plugin, documented = re.findall(r"(?ms)^```python\n((?:# conftest|import byline\nfrom byline\.testing).*?)^```$", SDK.read_text())
    (tmp_path / "conftest.py").write_text(plugin)
    (tmp_path / "test_documented.py").write_text(documented)
    (tmp_path / "test_it.py").write_text(A_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
