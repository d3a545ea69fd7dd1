# SPDX-License-Identifier: Apache-2.0
"""The transcripts of tests/scripts are true: what is typed there says what is written there.

$ command          run by bash in a scratch repository with a home of its own; `# exit 3` is the exit status
lines after it     what it says, both channels; `...` stands for anything; no lines for anything at all
; text             a remark
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scratch import Scratch

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("*.txt"))


def _steps(text: str) -> Iterator[tuple[str, int, str]]:
    plain = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("; "))
    for step in re.split(r"(?m)^\$ ", plain)[1:]:
        command, _, said = step.partition("\n")
        status = re.search(r"\s+# exit (\d+)$", command)
        yield command.removesuffix(status[0]) if status else command, int(status[1]) if status else 0, said.strip("\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_transcript_is_true(script: Path, repository: Scratch) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    checker = doctest.OutputChecker()
    for command, status, expected in _steps(script.read_text()):
        done = subprocess.run(
            ["bash", "-c", command], cwd=repository.path, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
        )  # fmt: skip
        said = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        assert done.returncode == status, f"$ {command}\n{said}"
        assert "Traceback" not in said, f"$ {command}\n{said}"
        assert not expected or checker.check_output(f"{expected}\n", said, doctest.ELLIPSIS), f"$ {command}\n{said}"
