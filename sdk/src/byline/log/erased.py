# SPDX-License-Identifier: Apache-2.0
"""What this clone knows to be erased: it wins over every union, whoever still has it.

    <git common dir>/byline/erased     a line for each fact: <SHA-256 of payload>.<first 16 of key id>

A fact stands here once enough people's tombstones were verified (`flow.erasing`), and for good. The file only ever grows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from byline.log.durable import write_durably

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from byline.git.repository import Repository

_FACT = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{16}")


def erased_facts(repository: Repository) -> frozenset[str]:
    """Return the facts that are erased, as the files of evidence are named without `.json`.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        text = _file(repository).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return frozenset()
    return frozenset(line for line in text.splitlines() if _FACT.fullmatch(line))


def add_erased(repository: Repository, facts: Iterable[str]) -> bool:
    """Keep that `facts` are erased, durably; return whether one of them was not known.

    Raises:
        OSError: The file cannot be written.
    """
    known = erased_facts(repository)
    fresh = known.union(facts)
    if fresh == known:
        return False
    path = _file(repository)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_durably(path, "".join(f"{each}\n" for each in sorted(fresh)).encode())
    return True


def _file(repository: Repository) -> Path:
    return repository.common_dir / "byline" / "erased"
