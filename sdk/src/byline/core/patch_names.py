# SPDX-License-Identifier: Apache-2.0
r"""Which files a patch of the form `*** Begin Patch` names: its headers and nothing else, as lenient as the agents that apply it.

>>> patched_paths("*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch\n")
('a.py',)
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_HEADER: Final = re.compile(r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$", re.MULTILINE)


def patched_paths(patch: str) -> tuple[str, ...]:
    """Return the paths that `patch` names, each once."""
    return tuple(dict.fromkeys(_HEADER.findall(patch)))
