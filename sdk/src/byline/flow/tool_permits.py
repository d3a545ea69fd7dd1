# SPDX-License-Identifier: Apache-2.0
"""May a tool be called so? By the rules for agents, for every tool that is called for an agent: of frameworks and of servers.

    check_call(session, "write_file", {"path": "infra/db.tf"}, call_id="c1")       # raises RefusedError

What the call would write is what is known of the tool (`paths`), else what the names of its arguments tell, and so is what it would run
(`byline.core.tool_arguments`). The top of a repository is where a tool works, not what it writes,
but for tools that remove or move.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from byline.core.tool_arguments import moves_files, read_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from byline.flow.sessions import Session
    from byline.flow.tools import StrPath


def check_call(
    session: Session,
    tool: str,
    arguments: object,
    *,
    call_id: str | None = None,
    model: str | None = None,
    paths: Iterable[StrPath] | None = None,
    is_read_only: bool | None = None,
) -> None:
    """Check that the agent of `session` may call `tool` with `arguments`; a "no" is recorded.

    `paths` are the files that the call may change, where that is known; `is_read_only` is what the tool says of itself.

    Raises:
        RefusedError: It may not, or only where a person says yes.
    """
    asked = read_arguments(tool, arguments, folder=str(session.root), is_read_only=is_read_only)
    named = asked.paths if paths is None else paths
    written = [path for path in named if moves_files(tool) or not os.path.lexists(session.root / path / ".git")]
    if written or asked.command is not None:
        session.check(paths=written, command=asked.command, cwd=asked.folder, call_id=call_id, tool=tool, model=model)
