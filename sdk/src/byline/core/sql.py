# SPDX-License-Identifier: Apache-2.0
r"""Which SQL statements destroy data, by their tokens.

`DROP TABLE | DATABASE | SCHEMA ...`, `ALTER ... DROP`, `TRUNCATE`, and `DELETE FROM` without `WHERE`. Comments, strings and quoted names
hide nothing and count for nothing; what MySQL runs of a comment, `/*! ... */`, is no comment.

>>> is_destructive("select 'drop table t'; DELETE /* all */ FROM users;")
True
>>> is_destructive("delete from users where id = 3")
False
"""

from __future__ import annotations

import re
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

_TOKEN: Final = re.compile(
    r"""--[^\n]*|/\*(?!!).*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)|(\$\w*\$).*?(?:\1|\Z)|(?P<word>[^\W\d]\w*)|(?P<end>;)|.""",
    re.DOTALL,
)
_DROPPED: Final = frozenset(
    (
        "TABLE",
        "DATABASE",
        "SCHEMA",
        "KEYSPACE",
        "TABLESPACE",
        "FOREIGN",
        "MATERIALIZED",
        "USER",
        "ROLE",
        "VIEW",
        "TEMPORARY",
        "OWNED",
        "SEQUENCE",
    )
)


def is_destructive(text: str) -> bool:
    """Whether a statement of `text` destroys data."""
    return any(_destroys(words) for words in _statements(text))


def _statements(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for each in _TOKEN.finditer(text):
        if each["word"]:
            words.append(each["word"].upper())
        elif each["end"]:
            yield words
            words = []
    yield words


def _destroys(words: list[str]) -> bool:
    verb = words[0] if words else ""
    if verb == "TRUNCATE" or (verb == "DROP" and len(words) > 1 and words[1] in _DROPPED):
        return True
    if verb == "ALTER" and "DROP" in words:
        return True
    return any(pair == ("DELETE", "FROM") and "WHERE" not in words[at:] for at, pair in enumerate(pairwise(words)))
