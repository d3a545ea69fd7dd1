# SPDX-License-Identifier: Apache-2.0
"""Kiro: a file of hooks of its own in a project and for all projects, which the editor and the command line read.

{"version": "v1", "hooks": [{"name": "byline-1", "trigger": "PreToolUse", "matcher": "...",
                             "action": {"type": "command", "command": "sh .../kiro.sh scan"}, "timeout": 20}]}
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline_cli.install.agents import Setup
from byline_cli.install.changes import FileChange, plan_file

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.agents import Adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class KiroHooks:
    """A whole file that is ours."""

    def plan(self, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:  # noqa: ARG002 - no file to read
        """Return the change that makes `target` call `script`."""
        hooks = [
            {
                "name": f"byline-{number}",
                "trigger": call.event,
                **({"matcher": call.matcher} if call.matcher else {}),
                "action": {"type": "command", "command": f"sh {shlex.quote(str(script))} {call.mode}".rstrip()},
                "timeout": 20,
            }
            for number, call in enumerate(adapter.hooks, start=1)
        ]
        text = json.dumps({"version": "v1", "hooks": hooks}, indent=2) + "\n"
        return (plan_file(target, text.encode(), why=f"{adapter.title} calls it before and after each edit"),)


SETUP = Setup(
    agent="kiro",
    programs=("kiro", "kiro-cli"),
    home=".kiro",
    project=".kiro/hooks/byline.json",
    user="hooks/byline.json",
    format=KiroHooks(),
)
