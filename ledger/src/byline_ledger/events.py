# SPDX-License-Identifier: Apache-2.0
"""What happens in a ledger, for its operator: a fixed word or sentence, and facts beside it.

    tell(logging.WARNING, "a witness does not cosign", witness="w1", why="it answers 500")

Nobody listens until somebody does (`server.diary` writes lines of JSON). What a caller sent is never told.
"""

from __future__ import annotations

import logging

LOGGER = "byline_ledger"


def tell(level: int, event: str, **facts: str | float | None) -> None:
    """Tell that `event` happened."""
    logging.getLogger(LOGGER).log(level, event, extra={"facts": facts})
