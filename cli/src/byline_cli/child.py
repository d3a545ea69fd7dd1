# SPDX-License-Identifier: Apache-2.0
"""A command that somebody gave after `--`, run as their shell would: on their terminal, in their folder, to its end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from byline_cli.world import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run_child(command: Sequence[str], *, environ: Mapping[str, str], cwd: Path) -> int:
    """Run `command` and return its exit code, 128 and the signal where one ended it. Ctrl-C is for the command, which is waited for.

    Raises:
        UsageError: It cannot be started.
    """
    try:
        process = subprocess.Popen(command, env=environ, cwd=cwd)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {(error.strerror or '').lower()}") from error
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code
