# SPDX-License-Identifier: Apache-2.0
"""pi: an extension in each project, or one for all; it is loaded as it is."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.plugin_files import PluginFile

BODY = """\
export default function (pi) {
  const payload = (event, context) => ({
    event,
    cwd: context?.cwd,
    model: context?.model && { id: context.model.id, provider: context.model.provider },
    sessionId: context?.sessionManager?.getSessionId?.(),
  })
  const about = (event) => ({ type: event.type, toolName: event.toolName, toolCallId: event.toolCallId, input: event.input })
  pi.on("tool_call", async (event, context) => {
    const reason = await tell(payload(about(event), context))
    if (reason) return { block: true, reason }
  })
  pi.on("tool_result", async (event, context) => { await tell(payload(about(event), context)) })
  pi.on("before_agent_start", async (event, context) => { await tell(payload({ type: "prompt", text: event.prompt }, context)) })
  pi.on("agent_end", async (_, context) => { await tell(payload({ type: "agent_end" }, context)) })
}
"""

SETUP = Setup(
    agent="pi",
    programs=("pi",),
    home=".pi/agent",
    project=".pi/extensions/byline.ts",
    user="extensions/byline.ts",
    format=PluginFile(body=BODY),
)
