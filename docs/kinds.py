# SPDX-License-Identifier: Apache-2.0
"""Write docs/kinds.md: which commands Byline knows of each kind, by program. `make docs` calls it.

python docs/kinds.py > docs/kinds.md
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from byline.core.command_kinds import SPECIAL
from byline.core.command_patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = """\
# The commands of each kind

What a rule's `commands` names. [Policy](policy.md#kinds-of-commands) says how words are compared, and how a line is parsed; a repository
adds commands of its own with `[[command]]`."""
MANY = 8  # arguments of one program, from which on each of its subcommands has a row


def page() -> str:
    """Make the page."""
    sections = ["\n".join(_section(kind)) for kind in (*PATTERNS, *(kind for kind in SPECIAL if kind not in PATTERNS))]
    return "\n\n".join((HEAD, *sections)) + "\n"


def _section(kind: str) -> Iterator[str]:
    yield f"## {kind}\n"
    if kind in PATTERNS:
        yield "| Program | With |"
        yield "|---|---|"
        yield from _rows(PATTERNS[kind])
    if kind in PATTERNS and kind in SPECIAL:
        yield ""
    if kind in SPECIAL:
        text = SPECIAL[kind]
        yield f"And {text}." if kind in PATTERNS else f"{text[0].upper()}{text[1:]}."


def _rows(lines: Iterable[str]) -> Iterator[str]:
    """Yield a row for each program, or several that are told the same, in the order in which they are met."""
    for programs, several in _grouped(tuple(line.partition(" ")[::2]) for line in lines).items():
        names = ", ".join(f"`{name}`" for name in programs.split("|"))
        if len(several) <= MANY:
            yield f"| {names} | {_listed(several)} |"
        else:
            for verb, rest in _grouped(tuple(each.partition(" ")[::2]) for each in several).items():
                yield f"| `{programs} {verb}` | {_listed(rest)} |"


def _grouped(pairs: Iterable[tuple[str, ...]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, rest in pairs:
        found.setdefault(name, []).append(rest)
    return found


def _listed(several: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in several if each) or "whatever it is told"


if __name__ == "__main__":
    sys.stdout.write(page())
