# SPDX-License-Identifier: Apache-2.0
"""Cline: programs in a folder, named after the events; of a project, and of all projects of its command line.

    .clinerules/hooks/PreToolUse                     ours: calls the script, then yours
    .clinerules/hooks/PreToolUse.byline-chained      yours, byte for byte

Cline expects an answer from each: what yours said, or else that it may go on. Where the rule book `.clinerules` is a file there is no
place for hooks.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Final

from byline.capture.agents.cline import deny
from byline.capture.guard import CANNOT_TELL
from byline.capture.spool import SIGNATURE
from byline.core.access import Effect
from byline.core.value import dataclass
from byline_cli.install.agents import Setup
from byline_cli.install.changes import FileChange, plan_file, read_or_none
from byline_cli.install.hooks import CHAINED, EXECUTABLE, is_ours

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.agents import Adapter, Call

_HOOK: Final = """\
#!/bin/sh
{signature}
# Tells Byline what Cline does, then calls the hook that was here before.
payload=$(cat)
say() {{ printf '%s' "$payload"; }}
{calls}
if [ -x "$0{chained}" ]; then
  say | "$0{chained}"
  exit
fi
echo '{{"cancel": false}}'
"""
_GUARD: Final = """\
no=$(say | sh {script} guard) || [ ! -f {script} ] || no={failed}
if [ -n "$no" ]; then
  printf '%s\\n' "$no"
  exit 0
fi"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFiles:
    """A folder of programs, one for each event."""

    def plan(self, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:  # noqa: ARG002 - no file to read
        """Return the changes that put our hooks into the folder `target`, and keep those that are there.

        Raises:
            ConfigError: A file stands where the folder has to be.
        """
        changes: list[FileChange] = []
        for event in dict.fromkeys(call.event for call in adapter.hooks):
            path = target / event
            current = read_or_none(path)
            if current is not None and not is_ours(current):
                mode = path.stat().st_mode & 0o777
                changes.append(plan_file(target / f"{event}{CHAINED}", current, mode=mode, why=f"your {event}, kept and called"))
            text = _format_hook([call for call in adapter.hooks if call.event == event], shlex.quote(str(script)))
            changes.append(plan_file(path, text.encode(), mode=EXECUTABLE, why=f"{adapter.title} calls it"))
        return tuple(changes)


def _format_hook(calls: list[Call], script: str) -> str:
    failed = shlex.quote(os.fsdecode(deny(Effect.DENY, CANNOT_TELL).output))
    lines = [_GUARD.format(script=script, failed=failed) if call.guard else f"say | sh {script} {call.mode}" for call in calls]
    return _HOOK.format(signature=SIGNATURE, calls="\n".join(lines), chained=CHAINED)


SETUP = Setup(
    agent="cline",
    programs=("cline",),
    home=".cline",
    project=".clinerules/hooks",
    user="hooks",
    format=HookFiles(),
)
