# SPDX-License-Identifier: Apache-2.0
"""Amp: a plugin in each project, or one for all; versions of early 2026 load plugins with `PLUGINS=all` and that first line only."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.plugin_files import PluginFile

HEAD = "// @i-know-the-amp-plugin-api-is-wip-and-very-experimental-right-now\n"

BODY = """\
export default function (amp) {
  const payload = (event, sessionId) => ({ event, cwd: process.cwd(), sessionId })
  const about = (type, event) => payload({
    type, toolName: event.tool, toolCallId: event.toolUseID, input: { ...event.input, command: event.input?.cmd ?? event.input?.command },
  }, event.thread?.id)
  amp.on("tool.call", async (event) => {
    const reason = await tell(about("tool_call", event))
    return reason ? { action: "reject-and-continue", message: reason } : { action: "allow" }
  })
  amp.on("tool.result", async (event) => { await tell(about("tool_result", event)) })
  amp.on("agent.start", async (event) => { await tell(payload({ type: "prompt", text: event.message }, event.thread?.id)) })
  amp.on("agent.end", async (event) => { await tell(payload({ type: "agent_end" }, event?.thread?.id)) })
}
"""

SETUP = Setup(
    agent="amp",
    programs=("amp",),
    home=".config/amp",
    project=".amp/plugins/byline.ts",
    user="plugins/byline.ts",
    format=PluginFile(head=HEAD, body=BODY),
)
