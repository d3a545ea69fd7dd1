# SPDX-License-Identifier: Apache-2.0
"""Plugins in the language of an agent that calls no program itself: a file that is ours as a whole.

The plugin gives our script what it is told, as JSON (`byline.capture.agents.plugin_like`), and waits for it: what stood in a file has to be
seen before the agent writes. Whatever goes wrong in it is the plugin's, and the agent goes on; only a call that the policy denies ends,
and one about which the script fails to answer, as long as the script is there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from byline.capture.guard import CANNOT_TELL
from byline.capture.spool import SIGNED
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline_cli.install.changes import FileChange, plan_file, read_or_none

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.agents import Adapter

TIMEOUT_MS: Final = 20_000

# Node and Bun both have child_process. The shell script prints nothing but for a `guard` that denies.
_SHARED: Final = """\
// @signed@ `byline init --undo` takes it away.
// Tells Byline what this agent's tools do, and asks it whether they may.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"

const SCRIPT = @script@
const CALLS = @calls@
const FAILED = @failed@

const run = (mode, payload) => new Promise((resolve) => {
  let said = ""
  const end = (code) => resolve([said, code])
  try {
    const child = spawn("sh", [SCRIPT, ...mode], { cwd: payload.cwd, stdio: ["pipe", "pipe", "ignore"], timeout: @timeout@ })
    child.stdout.on("data", (data) => { said += data })
    child.stdin.on("error", () => {})
    child.on("error", () => end(0))
    child.on("close", end) // null where it took too long
    child.stdin.end(JSON.stringify(payload))
  } catch { end(0) }
})

// Resolves to why the call may not be made, or to undefined.
const tell = async (payload) => {
  for (const call of CALLS) {
    if (call.event !== payload.event.type || !new RegExp(`^(${call.tools})$`).test(payload.event.toolName ?? "")) continue
    const [said, code] = await run(call.mode, payload)
    if (call.mode[0] !== "guard" || (code === 0 && !said) || !existsSync(SCRIPT)) continue
    try { return JSON.parse(said).reason } catch { return FAILED }
  }
}

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFile:
    """A plugin whose own part, after `tell` is there, is `body`; `head` is what the agent wants to read first."""

    body: str
    head: str = ""

    def plan(self, target: Path, adapter: Adapter, script: Path, *, name: str = "") -> tuple[FileChange, ...]:
        """Return the change that makes `target` our plugin.

        Raises:
            ConfigError: There is a file of that name that is not ours.
        """
        there = read_or_none(target)
        if there is not None and SIGNED.encode() not in there:
            raise ConfigError(f"{name or target} is there and not Byline's", hint="give it another name, then run `byline init` again")
        calls = [{"event": call.event, "tools": call.matcher, "mode": call.mode.split()} for call in adapter.hooks]
        text = self.head + _SHARED + self.body
        values = {"signed": SIGNED, "calls": json.dumps(calls), "failed": json.dumps(CANNOT_TELL), "timeout": str(TIMEOUT_MS)}
        values["script"] = json.dumps(str(script))
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        return (plan_file(target, text.encode(), why=f"{adapter.title} loads it, and it reports each edit"),)
