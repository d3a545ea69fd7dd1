# SPDX-License-Identifier: Apache-2.0
"""OpenCode: a plugin of ours says what its tools do (seen with 1.18.33); see `plugin_like`."""

from __future__ import annotations

from typing import Final

from byline.capture.agents.plugin_like import make_adapter

ADAPTER: Final = make_adapter(
    "opencode",
    "OpenCode",
    writes=("write", "edit"),
    runs=("bash", "patch", "apply_patch", "multiedit"),
    tested="1.18.33",
    lost="what tools of other plugins and of MCP servers write; what a command in the background writes after the agent rests",
)
