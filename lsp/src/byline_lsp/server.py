# SPDX-License-Identifier: Apache-2.0
"""Start the language server on standard input and output.

Standard output belongs to the protocol: what anything else prints goes to standard error. Messages of the libraries underneath go
there without their arguments, in which a failing request would carry the text that somebody is editing.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

from byline_lsp.features import create_server
from byline_lsp.preview import Preview
from byline_lsp.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.flow.workshop import Workshop


class Discreet(logging.Formatter):
    """Says what went wrong, and nothing of what it went wrong with."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message without its arguments, and the kind of exception."""
        kind = record.exc_info[0] if record.exc_info else None
        message = re.sub(r"\s*%\w", " ...", str(record.msg))
        return f"byline lsp: {record.levelname.lower()}: {message}{f' ({kind.__name__})' if kind else ''}"


def serve(open_workshop: Callable[[Path], Workshop]) -> int:
    """Talk to the editor until it leaves; return the exit code. `open_workshop` opens the repository that holds a folder."""
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet())
    log = logging.getLogger("pygls")
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    log.propagate = False
    with open(os.dup(1), "wb") as out:  # noqa: PTH123 - a descriptor
        os.dup2(2, 1)
        create_server(Reader(open_workshop), Preview(open_workshop)).start_io(stdout=out)
    return 0
