# SPDX-License-Identifier: Apache-2.0
r"""Which files a patch of the form `*** Begin Patch` names: its headers and nothing else, as lenient as the agents that apply it.

Its hunks have no line numbers; what they make of a file's text says `byline.core.patch`.

>>> patched_paths("*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch\n")
('a.py',)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_HEADERS: Final = ("*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: ")


def patched_paths(patch: str) -> tuple[str, ...]:
    """Return the paths that `patch` names, each once."""
    named = (line.removeprefix(header) for line in patch.split("\n") for header in _HEADERS if line.startswith(header))
    return tuple(dict.fromkeys(rest.rstrip() or rest[0] for rest in named if rest))
