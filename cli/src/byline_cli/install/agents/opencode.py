# SPDX-License-Identifier: Apache-2.0
"""OpenCode: a plugin in each project, or one for all; a session's model is in its messages, its parent where it began."""

from __future__ import annotations

from byline_cli.install.agents import Setup
from byline_cli.install.plugin_files import PluginFile

BODY = """\
export const Byline = async ({ directory }) => {
  const models = new Map(), parents = new Map()
  const payload = (event, sessionId) => ({
    event, cwd: directory, model: models.get(sessionId), sessionId, parentId: parents.get(sessionId),
  })
  const about = (type, input, args) => ({ type, toolName: input.tool, toolCallId: input.callID, input: args })
  return {
    "chat.message": async (input, output) => {
      const model = output?.message?.model
      if (model) models.set(input.sessionID, { id: model.modelID, provider: model.providerID })
      const text = (output?.parts ?? []).filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text).join("\\n")
      if (!parents.has(input.sessionID)) await tell(payload({ type: "prompt", text }, input.sessionID))  // a sub-agent's is an agent's
    },
    event: async ({ event }) => {
      const about = event.properties ?? {}
      if (event.type === "session.created" && about.info?.parentID) parents.set(about.info.id, about.info.parentID)
      if (event.type === "session.idle") await tell(payload({ type: "agent_end" }, about.sessionID))
    },
    "tool.execute.before": async (input, output) => {
      const reason = await tell(payload(about("tool_call", input, output.args), input.sessionID))
      if (reason) throw new Error(reason)
    },
    "tool.execute.after": async (input) => { await tell(payload(about("tool_result", input, input.args), input.sessionID)) },
  }
}
"""

SETUP = Setup(
    agent="opencode",
    programs=("opencode",),
    home=".config/opencode",
    project=".opencode/plugin/byline.js",
    user="plugin/byline.js",
    format=PluginFile(body=BODY),
)
