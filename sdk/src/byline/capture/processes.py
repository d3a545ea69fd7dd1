# SPDX-License-Identifier: Apache-2.0
"""Whether a process that left its number somewhere is still there.

>>> is_alive(0x7FFFFFFF)
False
"""

from __future__ import annotations

import os


def is_alive(pid: int) -> bool:
    """Whether there is a process with the number `pid`, ours or another user's."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
