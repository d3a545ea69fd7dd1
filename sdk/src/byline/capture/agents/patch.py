# SPDX-License-Identifier: Apache-2.0
r"""The patches that agents write instead of editing a file: which files one of them names.

    *** Begin Patch
    *** Add File: app.py
    +def add(a, b):
    *** Update File: old.py
    *** Move to: new.py
    @@
    -x = 1
    +x = 2
    *** Delete File: gone.py
    *** End Patch

Models write it, and the agent is lenient with it; so is this reader: it takes the names from the headers and nothing else. Hunks carry
no line numbers and the payload no text, so that what was before and after is for scans to tell.

Which files it names `core.patch_names` says; here is where a shell line applies it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_HEREDOC: Final = re.compile(r"\s*(?:cd\s+(?P<folder>[^\s;&|]+)\s*&&\s*)?apply_?patch\s*<<", re.ASCII)


def heredoc_folder(command: str) -> str | None:
    """Return the folder in which the shell line `command` does nothing but apply a patch, "" for the current one; else None.

    >>> heredoc_folder("cd src && apply_patch <<'EOF'"), heredoc_folder("apply_patch <<EOF"), heredoc_folder("make")
    ('src', '', None)
    """
    found = _HEREDOC.match(command)
    return None if found is None else (found["folder"] or "").strip("\"'")
