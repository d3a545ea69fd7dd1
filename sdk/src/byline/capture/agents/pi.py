# SPDX-License-Identifier: Apache-2.0
"""pi: an extension of ours says what its tools do (seen with 0.73.1); see `plugin_like`."""

from __future__ import annotations

from typing import Final

from byline.capture.agents.plugin_like import make_adapter

ADAPTER: Final = make_adapter(
    "pi",
    "pi",
    writes=("write", "edit"),
    runs=("bash",),
    tested="0.73.1",
    lost="what tools of other extensions write; what a command in the background writes after the agent rests",
)
