# SPDX-License-Identifier: Apache-2.0
"""Amp: a plugin of ours says what its tools do; see `plugin_like`. Payloads built from the documented schema of its plugin API.

That API is called experimental by its makers. It names the tool, its input, the call and the thread, and not the model.
"""

from __future__ import annotations

from byline.capture.agents.plugin_like import Tools, make_adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ADAPTER: Final = make_adapter(
    "amp",
    "Amp",
    tools=Tools(
        writes=("create_file", "edit_file", "undo_edit"),
        patches=("apply_patch",),
        runs=("Bash", "shell_command"),
        quiet=(
            *("Read", "Grep", "glob", "list_directory", "finder", "codebase_search_agent", "get_diagnostics", "look_at", "mermaid"),
            *("web_search", "read_web_page", "read_mcp_resource", "oracle", "librarian", "Task", "skill", "todo_read", "todo_write"),
            *("read_thread", "find_thread", "handoff"),
        ),
    ),
    tested=None,
    lost="the model; what a command in the background writes after the agent rests",
)
