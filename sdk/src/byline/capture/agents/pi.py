# SPDX-License-Identifier: Apache-2.0
"""pi: an extension of ours says what its tools do (seen with 0.73.1); see `plugin_like`."""

from __future__ import annotations

from byline.capture.agents.plugin_like import Tools, make_adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ADAPTER: Final = make_adapter(
    "pi",
    "pi",
    tools=Tools(writes=("write", "edit"), runs=("bash",), quiet=("read", "grep", "find", "ls", "subagent")),
    tested="0.73.1",
    lost="what a command in the background writes after the agent rests",
)
