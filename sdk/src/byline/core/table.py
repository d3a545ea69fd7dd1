# SPDX-License-Identifier: Apache-2.0
"""Files that people write: TOML, read strictly.

Unknown keys are refused, because a misspelt key that is silently ignored is a rule that silently does not hold. Every `take_`
function names what it expects; the module of the file turns the error into its own.

>>> take_keys(parse_table(b"a = 1", max_bytes=100), required=("a",), what="the file")
{'a': 1}
"""

from __future__ import annotations

from byline.malformed import MalformedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Any, TypeVar

    Choice = TypeVar("Choice", bound="StrEnum")
    from enum import StrEnum

MAX_TEXT = 512


def parse_table(data: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Read a TOML file of at most `max_bytes`.

    Raises:
        MalformedError: Too long, not UTF-8, or not TOML.
    """
    import tomllib

    if len(data) > max_bytes:
        raise MalformedError(f"{len(data)} bytes, at most {max_bytes} are read")
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedError(f"not TOML: {error}") from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise MalformedError("not TOML: a number too long") from error


def take_keys(value: object, *, required: Iterable[str] = (), optional: Iterable[str] = (), what: str) -> dict[str, Any]:
    """Return `value` if it is a table with all of `required` and nothing but `required` and `optional`.

    Raises:
        MalformedError: It is not; the message names the key, the hint one that may have been meant.
    """
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is a table")
    needed, optional = tuple(required), tuple(optional)
    unknown = sorted(set(value) - set(needed) - set(optional))
    if unknown:
        raise MalformedError(f"{what} has no key {unknown[0][:64]!r}", hint=_nearest(unknown[0], (*needed, *optional)))
    missing = [name for name in needed if name not in value]
    if missing:
        raise MalformedError(f"{what} needs the key {missing[0]!r}")
    return value


def _nearest(word: str, words: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word[:64], words, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def take_string(value: object, *, what: str, most: int = MAX_TEXT) -> str:
    """Return `value` if it is a printable string of 1 to `most` characters.

    Raises:
        MalformedError: It is not.
    """
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise MalformedError(f"{what} is a printable string of 1 to {most} characters")
    return value


def take_number(value: object, *, what: str, least: int = 1, most: int = 1_000_000) -> int:
    """Return `value` if it is an integer from `least` to `most`.

    Raises:
        MalformedError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise MalformedError(f"{what} is an integer from {least} to {most}")
    return value


def take_flag(value: object, *, what: str) -> bool:
    """Return `value` if it is a boolean.

    Raises:
        MalformedError: It is not.
    """
    if not isinstance(value, bool):
        raise MalformedError(f"{what} is true or false")
    return value


def take_array(value: object, *, what: str, most: int = 10_000) -> list[Any]:
    """Return `value` if it is an array of at most `most` elements.

    Raises:
        MalformedError: It is not.
    """
    if not isinstance(value, list) or len(value) > most:
        raise MalformedError(f"{what} is an array")
    return value


def take_strings(value: object, *, what: str) -> tuple[str, ...]:
    """Return `value` if it is an array of different strings.

    Raises:
        MalformedError: It is not.
    """
    out = tuple(take_string(each, what=f"an element of {what}") for each in take_array(value, what=what))
    if len(set(out)) != len(out):
        raise MalformedError(f"{what} names something twice")
    return out


def take_choice(kind: type[Choice], value: object, *, what: str) -> Choice:
    """Return the member of `kind` that `value` names.

    Raises:
        MalformedError: It names none.
    """
    try:
        return kind(take_string(value, what=what))
    except ValueError as error:
        raise MalformedError(f"{what} is one of {', '.join(kind)}") from error


def take_time(value: object, *, what: str) -> datetime:
    """Return `value` if it is an offset date-time in UTC, to the second.

    Raises:
        MalformedError: It is not.
    """
    from datetime import UTC, datetime, timedelta

    if not isinstance(value, datetime) or value.utcoffset() != timedelta(0) or value.microsecond:
        raise MalformedError(f"{what} is a date and time in UTC, such as 2026-11-21T00:00:00Z")
    return value.astimezone(UTC)


def take_digest(value: object, *, what: str) -> str:
    """Return the hex digits of `"sha256:<64 hex digits>"`.

    Raises:
        MalformedError: It is not that.
    """
    scheme, _, digits = value.partition(":") if isinstance(value, str) else ("", "", "")
    if scheme != "sha256" or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise MalformedError(f'{what} is "sha256:" and 64 hex digits')
    return digits


def take_repository(value: object, *, what: str) -> str:
    """Return `value` if it is a repository id: `"byl:"` and 32 hex digits.

    Raises:
        MalformedError: It is not.
    """
    if not isinstance(value, str) or len(value) != 36 or not value.startswith("byl:") or not set(value[4:]) <= set("0123456789abcdef"):
        raise MalformedError(f'{what} is "byl:" and 32 hex digits')
    return value
