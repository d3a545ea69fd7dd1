# SPDX-License-Identifier: Apache-2.0
"""`byline lsp`: the language server, on standard input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.git.repository import open_repository
from byline_cli.extras import needs_extra
from byline_cli.wiring import make_workshop

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from byline.flow.workshop import Workshop
    from byline_cli.parser import Parser
    from byline_cli.world import World

ABOUT = """\
Editors start it; it speaks the Language Server Protocol on standard input and output: who wrote the line under the cursor,
and which lines a gate would want approved. It records nothing. `editors/` holds settings for Neovim, Helix, Emacs and VS Code."""
EXAMPLE = "byline lsp        # in your editor's settings, as the command of a language server"


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that say it; there is no other way")


def run(options: Namespace, world: World) -> int:  # noqa: ARG001 - every command has these two
    """Serve until the editor leaves."""
    with needs_extra("lsp"):
        from byline_lsp.server import serve

    def open_workshop(folder: Path) -> Workshop:
        return make_workshop(world, open_repository(folder))

    return serve(open_workshop)
