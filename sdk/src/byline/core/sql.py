# SPDX-License-Identifier: Apache-2.0
r"""Which SQL statements destroy data, by their tokens.

`DROP TABLE | DATABASE | SCHEMA ...`, `ALTER ... DROP`, `TRUNCATE`, and a `DELETE` or an `UPDATE` without `WHERE`, or with one that is true
of every row. Comments, strings and quoted names hide nothing and count for nothing, but for what is run of them: MySQL's `/*! ... */`,
the body of a `DO`, and the texts of an `EXECUTE` or a `PREPARE`. The body of a function that is only made is not run.

>>> is_destructive("select 'drop table t'; DELETE /* all */ FROM users;")
True
>>> is_destructive("delete from users where id = 3")
False
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

_TOKEN: Final = re.compile(
    r"""--[^\n]*|/\*(?!!).*?(?:\*/|\Z)|(?P<string>'(?:[^']|'')*(?:'|\Z)|(?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z))"""
    r"""|(?P<name>"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)|[^\W\d]\w*|\d+)|(?P<end>;)|\s+|(?P<sign>.)""",
    re.DOTALL,
)
_DROPPED: Final = frozenset(
    (
        *("TABLE", "DATABASE", "SCHEMA", "KEYSPACE", "TABLESPACE", "FOREIGN", "MATERIALIZED", "USER", "ROLE", "VIEW", "TEMPORARY"),
        *("OWNED", "SEQUENCE", "EXTENSION", "TYPE", "COLLECTION"),
    )
)
_BEGINS: Final = frozenset((";", "BEGIN", "THEN", "ELSE", "LOOP"))  # a statement begins behind them
_RUNS_TEXT: Final = frozenset(("EXECUTE", "EXEC", "PREPARE", "SP_EXECUTESQL"))
_ENDS_CONDITION: Final = frozenset(("RETURNING", "LIMIT", "ORDER"))
_NOT_A_VERB: Final = frozenset(("ON", "FOR", "DO", "KEY", "AFTER", "BEFORE", "OR", "OF", "GRANT", "REVOKE", ","))
_MAX_DEPTH: Final = 8


def is_destructive(text: str) -> bool:
    """Whether a statement of `text` destroys data."""
    return _is_destructive(text, 0)


def _is_destructive(text: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        return True
    return any(_destroys(words, depth) for words in _statements(text))


def _statements(text: str) -> Iterator[list[str]]:
    """Yield the tokens of each statement: words in capitals, signs, and texts with the quotes that they stand in."""
    words: list[str] = []
    for each in _TOKEN.finditer(text):
        token = each["string"] or (each["name"] or each["sign"] or each["end"] or "").upper()
        if token in _BEGINS:
            yield words
            words = []
        elif token and (words or token[0].isalpha()):
            words.append(token)
    yield words


def _destroys(words: Sequence[str], depth: int) -> bool:
    verb = words[0] if words else ""
    if verb == "TRUNCATE" or (verb == "DROP" and len(words) > 1 and words[1] in _DROPPED) or (verb == "ALTER" and "DROP" in words):
        return True
    if (verb == "DO" or _RUNS_TEXT & set(words)) and any(_is_destructive(_unquoted(each), depth + 1) for each in words if each[0] in "'$"):
        return True
    return any(
        _is_verb(words, at) and (each == "DELETE" or (each == "UPDATE" and "SET" in words[at:])) and _is_of_all(words[at:])
        for at, each in enumerate(words)
    )


def _is_verb(words: Sequence[str], at: int) -> bool:
    """Whether the word at `at` says what is done: it stands in front, in `WITH ... (DELETE ...)`, or behind it or an `EXPLAIN`."""
    if at and words[0] not in ("WITH", "EXPLAIN"):
        return False
    return not (at and words[at - 1] in _NOT_A_VERB)


def _is_of_all(words: Sequence[str]) -> bool:
    """Whether what follows a verb is about every row."""
    words = words[: _closing(words)]
    if "WHERE" not in words:
        return True
    condition = words[words.index("WHERE") + 1 :]
    end = next((at for at, each in enumerate(condition) if each in _ENDS_CONDITION), len(condition))
    return _holds_always([each for each in condition[:end] if each not in "()"])


def _closing(words: Sequence[str]) -> int:
    """Return where the parenthesis ends in which `words` stand."""
    depth = 0
    for at, each in enumerate(words):
        depth += (each == "(") - (each == ")")
        if depth < 0:
            return at
    return len(words)


def _holds_always(condition: Sequence[str]) -> bool:
    """Whether `condition` is `TRUE`, `1`, `1 = 1`, some of them joined, or one of them `OR` something."""
    return any(all(map(_is_true, _split(each, "AND"))) for each in _split(condition, "OR"))


def _split(words: Sequence[str], by: str) -> Iterator[list[str]]:
    part: list[str] = []
    for each in words:
        if each == by:
            yield part
            part = []
        else:
            part.append(each)
    yield part


def _is_true(words: Sequence[str]) -> bool:
    if len(words) == 1:
        return words[0] == "TRUE" or (words[0].isdigit() and words[0] != "0")
    return len(words) == 3 and words[1] == "=" and words[0] == words[2]


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text[0] == "'" else text.split("$", 2)[2].rpartition("$")[0].rpartition("$")[0]
