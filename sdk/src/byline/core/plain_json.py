# SPDX-License-Identifier: Apache-2.0
r"""JSON as the standard library's `json` reads and writes it, mostly without its import, which takes as long as a bare start.

The reader and the writer of `json` are built into Python; what its module adds are defaults, error messages and what else there may be
than UTF-8. So what the built-in reader takes at once is taken, and everything else, also what is wrong, is left to `json` itself: the same
values, the same exceptions. For what an agent waits for (`capture.guard`).

>>> json_value(b' {"a": [1, 2.5, null]} ')
{'a': [1, 2.5, None]}
>>> json_text({"a": ["\u00e9", True]})
'{"a": ["\\u00e9", true]}'
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\n\r"


class _Lenient:
    """How the built-in reader is to read: as `json.loads(strict=False)`, control characters in strings and all."""

    strict = False
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


def json_value(data: bytes) -> Any:  # noqa: ANN401 - whatever it says
    """Return what `json.loads(data, strict=False)` returns.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deep.
    """
    try:
        from _json import make_scanner

        reader: Any = make_scanner
        text = data.decode().strip(_SPACE)
        value, end = reader(_Lenient)(text, 0)
        if end == len(text) and data[1:2] != b"\0":  # `json` takes that for UTF-16
            return value
    except (ImportError, AttributeError, TypeError, ValueError, StopIteration, SystemError):
        pass  # SystemError: where `json` was not imported yet the reader finds no exception to raise
    import json

    return json.loads(data, strict=False)


def json_text(value: object) -> str:
    """Return what `json.dumps(value)` returns, for None, bool, int, str, and lists, tuples and dicts of them.

    Raises:
        TypeError: It holds something else.
    """
    try:
        from _json import encode_basestring_ascii, make_encoder

        flags = (False, False, True)  # members as they stand, only names that are texts, floats that JSON has not
        return "".join(make_encoder(None, _refuse, encode_basestring_ascii, None, ": ", ", ", *flags)(value, 0))
    except (ImportError, TypeError):
        import json

        return json.dumps(value)


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no place in JSON")
