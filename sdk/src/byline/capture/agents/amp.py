# SPDX-License-Identifier: Apache-2.0
"""Amp: a plugin of ours says what its tools do; see `plugin_like`. Payloads built from the documented schema of its plugin API.

That API is called experimental by its makers. It names the tool, its input, the call and the thread, and not the model.
"""

from __future__ import annotations

from typing import Final

from byline.capture.agents.plugin_like import make_adapter

ADAPTER: Final = make_adapter(
    "amp",
    "Amp",
    writes=("create_file", "edit_file", "undo_edit"),
    runs=("Bash", "shell_command", "apply_patch", "format_file"),
    tested=None,
    lost="the model; what tools of other plugins and of MCP servers write; what a command in the background writes after the agent rests",
)
