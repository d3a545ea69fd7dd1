# SPDX-License-Identifier: Apache-2.0
"""OpenCode: a plugin of ours says what its tools do (seen with 1.18.33); see `plugin_like`."""

from __future__ import annotations

from byline.capture.agents.plugin_like import Tools, make_adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ADAPTER: Final = make_adapter(
    "opencode",
    "OpenCode",
    tools=Tools(
        writes=("write", "edit", "multiedit"),
        patches=("patch", "apply_patch"),
        runs=("bash",),
        quiet=(
            *("read", "glob", "grep", "list", "lsp", "webfetch", "websearch", "codesearch", "todoread", "todowrite"),
            *("task", "skill", "question", "plan_enter", "plan_exit", "invalid"),
        ),
    ),
    tested="1.18.33",
    lost="what a command in the background writes after the agent rests",
)
