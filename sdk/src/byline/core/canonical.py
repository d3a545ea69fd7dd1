# SPDX-License-Identifier: Apache-2.0
r"""JSON that has one spelling: RFC 8785 out, strictly read in.

Byline signs and hashes JSON, so that what was signed must be what is read. `format_canonical` writes RFC 8785 (JCS): no white
space, members sorted by UTF-16 code units, shortest escapes. Numbers are integers within +-(2^53 - 1); floats do not exist
here. `parse_strict` refuses what two readers could read differently: duplicate members, floats, NaN, deep nesting, lone
surrogates, too many bytes. It accepts white space and any order, because other people's bundles have them. `parse_loose` reads what
other tools wrote and nobody signed: floats and members named twice too, for whoever takes only what has the type that it looks for.

>>> format_canonical({"b": [1, None], "a": "\u00e9"})
b'{"a":"\xc3\xa9","b":[1,null]}'
"""

from __future__ import annotations

import binascii
import json
from typing import NoReturn, TypeAlias

from byline.errors import MalformedError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1


def format_canonical(value: object) -> bytes:
    """Return the RFC 8785 bytes of `value`: None, bool, int, str, and lists, tuples and dicts of them.

    Raises:
        MalformedError: A float, an integer beyond 2^53 - 1, a lone surrogate, a member name that is no string, or another type.
    """
    _check_value(value, 0)
    try:
        if _members_sort_alike(value):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise MalformedError("a string holds a lone surrogate") from error


def parse_strict(data: bytes, *, max_bytes: int = MAX_BYTES) -> Json:
    """Return the one value that `data` (UTF-8 JSON, at most `max_bytes`) can mean.

    Raises:
        MalformedError: `data` is not JSON, or two readers could disagree about it.
    """
    if len(data) > max_bytes:
        raise MalformedError(f"{len(data)} bytes of JSON, at most {max_bytes} are read")
    try:
        value: Json = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise MalformedError(f"not JSON: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise MalformedError(f"not JSON at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise MalformedError("not JSON: nested too deep") from error
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:  # with fewer brackets nothing is nested deeper
        _check_depth(value)
    if b"\\u" in data:  # bytes that decode hold no lone surrogate; an escape can
        _check_value(value, 0)
    return value


def parse_loose(data: bytes, *, max_bytes: int = MAX_BYTES) -> object:
    """Return what `data` (UTF-8 JSON, at most `max_bytes`) says to Python's own reader.

    Raises:
        MalformedError: `data` is not JSON, or too long.
    """
    if len(data) > max_bytes:
        raise MalformedError(f"{len(data)} bytes of JSON, at most {max_bytes} are read")
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number without end, nested too deep
        raise MalformedError("not JSON") from error


def parse_base64(text: object) -> bytes:
    """Return the bytes of canonical, padded, standard base64 (RFC 4648, section 4).

    Raises:
        MalformedError: Not a string, another alphabet, missing padding, or bits after the last byte.
    """
    if not isinstance(text, str):
        raise MalformedError("base64 must be a string")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error
    if format_base64(data) != text:
        raise MalformedError("base64 that is not canonical")
    return data


def format_base64(data: bytes) -> str:
    """Return `data` as padded, standard base64."""
    return binascii.b2a_base64(data, newline=False).decode()


def _members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedError("an object names a member twice")
    return value


def _refuse_float(_text: str) -> NoReturn:
    raise MalformedError("a number that is not an integer")


def _integer(text: str) -> int:
    # -0 is an integer to Python and a negative zero to JavaScript.
    if len(text) > 17 or text == "-0":
        raise MalformedError("an integer that readers disagree about")
    if abs(number := int(text)) > MAX_INTEGER:
        raise MalformedError("an integer beyond 2^53 - 1")
    return number


# Made once: `json.loads` makes one for each call.
_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=_refuse_float, parse_constant=_refuse_float, parse_int=_integer)


def _check_depth(value: Json) -> None:
    """Refuse what is nested too deep, level by level: every statement is read through here, and most of it is leaves."""
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise MalformedError(f"nested deeper than {MAX_DEPTH}")
        level = [item for each in level if isinstance(each, list | dict) for item in (each.values() if isinstance(each, dict) else each)]
        depth += 1


def _check_value(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedError(f"nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise MalformedError("an integer beyond 2^53 - 1")
    elif isinstance(value, str):
        if not value.isascii():
            _check_text(value)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise MalformedError("a member name that is no string")
            _check_value(name, depth)
            _check_value(item, depth + 1)
    else:
        raise MalformedError(f"{type(value).__name__} has no place in canonical JSON")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("a string holds a lone surrogate") from error


def _members_sort_alike(value: object) -> bool:
    """Whether sorting by code points is sorting by UTF-16 code units: true unless a member name leaves the BMP."""
    if isinstance(value, dict):
        return all(not name or max(name) < "\ud800" for name in value) and all(map(_members_sort_alike, value.values()))
    return all(map(_members_sort_alike, value)) if isinstance(value, list | tuple) else True


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [_ordered(item) for item in value] if isinstance(value, list | tuple) else value
