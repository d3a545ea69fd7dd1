# SPDX-License-Identifier: Apache-2.0
r"""What stands between quotes in which a shell expands nothing: `'...'` and `$'...'`.

>>> read_ansi(r"a\tb\x21' rest", 0)
('a\tb!', 9)
"""

from __future__ import annotations

from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Final

_ESCAPE: Final = r"(?s)\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|c(.)|(.))"
_LETTERS: Final = {"a": 7, "b": 8, "e": 27, "E": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def find_quote(text: str, start: int) -> int:
    """Return where the quote stands that ends the single quoted text from `start` on.

    Raises:
        PayloadError: There is none.
    """
    end = text.find("'", start)
    if end < 0:
        raise PayloadError("a quote without an end")
    return end


def read_ansi(text: str, start: int) -> tuple[str, int]:
    r"""Return the text that `$'...'` stands for, whose inside begins at `start`, and where the text goes on after it.

    Bytes that are no UTF-8 are lone surrogates, as in file names. NUL ends the text, as it does in bash.

    Raises:
        PayloadError: No quote ends it, or it names no character.
    """
    import re  # an agent waits, and few lines have such a quote

    out, at = b"", start
    while at < len(text) and text[at] != "'":
        escape = re.compile(_ESCAPE).match(text, at) if text[at] == "\\" else None
        if escape is None:
            out += text[at].encode("utf-8", "surrogatepass")
            at += 1
        else:
            out += _value(escape)
            at = escape.end()
    if at >= len(text):
        raise PayloadError("a quote without an end")
    return out.partition(b"\0")[0].decode("utf-8", "surrogateescape"), at + 1


def _value(escape: re.Match[str]) -> bytes:
    octal, two, four, eight, control, letter = escape.groups()
    if octal or two:
        return bytes([int(octal, 8) & 0xFF if octal else int(two, 16)])
    if four or eight:
        number = int(four or eight, 16)
        if number > 0x10FFFF:
            raise PayloadError("an escape that is no character")
        return chr(number).encode("utf-8", "surrogatepass")
    if control:
        return bytes([ord(control.upper()) & 0x1F])
    if letter in _LETTERS:
        return bytes([_LETTERS[letter]])
    return (letter if letter in "\\'\"?" else "\\" + letter).encode("utf-8", "surrogatepass")
