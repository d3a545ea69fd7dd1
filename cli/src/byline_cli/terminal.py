# SPDX-License-Identifier: Apache-2.0
r"""What a person sees: three voices (answers, notes, errors), and nothing from a repository that a terminal could obey.

Answers go to standard output; notes, questions and errors to standard error. A line is made of pieces, each a string or a
`Paint`; every piece is made harmless on its own before colour is put around it, so no control, bidirectional or invisible
character of a file, a path or an agent reaches a terminal: it is shown as its escape. Colour only ever repeats what a letter or
a word says; it is off when `NO_COLOR` is set, when `TERM` is `dumb` and when the output is not a terminal.

>>> harmless("a\x1b[31m\u202eb")
'a\\x1b[31m\\u202eb'
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from byline.core.value import dataclass, field
from byline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from byline.core.canonical import Json

COLUMNS = 100
COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36", "grey": "90", "bold": "1"}
PLAIN_MARKS = {"✓": "+", "✗": "x", "·": ".", "│": "|", "┃": "|", "→": ">", "…": "~", "─": "-", "╷": "|", "╵": "|", "—": "-", "█": "#"}

_ODD = re.compile(r"[^ -~]")
_ASCII = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Paint:
    """`text` in a colour of `COLOURS`."""

    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a command speaks to a person; `columns` is how wide the screen is, None where the answer goes elsewhere and is not cut."""

    out: TextIO
    err: TextIO
    colour: bool = False
    unicode: bool = True
    columns: int | None = None
    warned: set[str] = field(default_factory=set)

    @property
    def width(self) -> int:
        """How wide a table may be."""
        return self.columns or COLUMNS

    def line(self, *pieces: str | Paint) -> None:
        """Write one line of the answer."""
        self.out.write(self._join(pieces, colour=self.colour) + "\n")

    def lines(self, rows: Iterable[Sequence[str | Paint]]) -> None:
        """Write many lines at once."""
        kept = list(rows)
        if self.unicode and not self.colour:
            plain = ["".join([each if isinstance(each, str) else each.text for each in row]).rstrip(" ") for row in kept]
            block = "\n".join(plain)
            # Where nothing has to be escaped, which one look at the whole tells, no piece needs one of its own.
            if block.count("\n") == len(plain) - 1 and block.replace("\n", "").isprintable():
                self.out.write(block + "\n")
                return
        self.out.write("".join([self._join(row, colour=self.colour) + "\n" for row in kept]))

    def text(self, block: str) -> None:
        """Write the lines of `block`, text of our own."""
        for each in block.splitlines():
            self.line(each)

    def json(self, value: Json | Mapping[str, object]) -> None:
        """Write `value` as JSON in ASCII, for programs."""
        import json

        self.out.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")

    def note(self, *pieces: str | Paint) -> None:
        """Say something beside the answer, after what was answered before."""
        with suppress(OSError):  # what cannot be written is told at the end
            self.out.flush()
        self.err.write(self._join(pieces, colour=False) + "\n")

    def error(self, message: str, hint: str = "") -> None:
        """Say what went wrong, and what to do about it."""
        for number, each in enumerate(message.splitlines() or [""]):
            self.note("byline: error: " if number == 0 else "  ", each)
        self.hint(hint)

    def hint(self, hint: str) -> None:
        """Say what to do about it, if anything."""
        if hint:
            self.note("byline: hint: ", " ".join(hint.split()))

    def warn(self, message: str) -> None:
        """Say once what the person should know and nothing is wrong without."""
        if message not in self.warned:
            self.warned.add(message)
            self.note("byline: warning: ", message)

    def is_confirmed(self, question: str, *, yes: bool) -> bool:
        """Ask; only `y` or `yes` is a yes, and `yes` answers for the person.

        Raises:
            ConfigError: There is nobody to ask.
        """
        if yes:
            return True
        if not sys.stdin.isatty():
            raise ConfigError(f"cannot ask “{question}” without a terminal", hint="add --yes to agree in advance")
        self.out.flush()
        self.err.write(self._join([question, " [y/N]"], colour=False) + " ")
        self.err.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _join(self, pieces: Iterable[str | Paint], *, colour: bool) -> str:
        out: list[str] = []
        for each in pieces:
            text = each if isinstance(each, str) else each.text
            if not (text.isascii() and text.isprintable()):
                text = harmless(text)
                if not self.unicode:
                    text = "".join(PLAIN_MARKS.get(sign, sign) for sign in text)
            if colour and not isinstance(each, str) and text.strip():
                text = f"\x1b[{COLOURS[each.colour]}m{text}\x1b[0m"
            out.append(text)
        return "".join(out).rstrip(" ")


def open_terminal(environ: Mapping[str, str], *, out: TextIO | None = None, err: TextIO | None = None) -> Terminal:
    """Return the terminal of this process, as the environment wants it."""
    out, err = out or sys.stdout, err or sys.stderr
    for each in (out, err):
        reconfigure = getattr(each, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") in (None, "dumb")
    encoding = (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "")
    columns = None
    if out.isatty():
        from shutil import get_terminal_size

        columns = get_terminal_size((COLUMNS, 24)).columns
    return Terminal(out=out, err=err, colour=columns is not None and not plain, unicode=encoding.startswith("utf"), columns=columns)


def harmless(text: str) -> str:
    """Return `text` with every character that is not printable (control, bidirectional, invisible) as its escape."""
    if text.isprintable():
        return text
    return _ODD.sub(_escape, text)


def show_path(path: bytes) -> str:
    """Return a path as people see it: bytes that are not UTF-8 as their escapes."""
    return harmless(path.decode("utf-8", "backslashreplace"))


def show_line(line: bytes) -> str:
    """Return a line of a file as people see it, tabs as four blanks."""
    return line.decode("utf-8", "replace").rstrip("\r").replace("\t", "    ")


def show_lines(lines: Sequence[bytes]) -> list[str]:
    """Return `show_line` of each of `lines`."""
    text = b"\n".join(lines).decode("utf-8", "replace").replace("\t", "    ")
    return [line.rstrip("\r") for line in text.split("\n")] if lines else []


def width(text: str) -> int:
    """Return how many columns `text` takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def fit(text: str, columns: int) -> str:
    """Return `text` made harmless, cut or filled to exactly `columns`."""
    text = text if _ASCII.fullmatch(text) else harmless(text)
    size = width(text)
    if size > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
        size = width(text)
    return text + " " * (columns - size)


def shorten(text: str, columns: int) -> str:
    """Return `text` made harmless, cut to at most `columns`."""
    return fit(text, columns).rstrip(" ")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `number` and its noun."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def show_age(seconds: float) -> str:
    """Return how long ago something was, in the largest unit of which there are two; a clock that was set back is no news."""
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{count(int(seconds // size), noun)} ago"
    return f"{count(max(0, int(seconds)), 'second')} ago"


def show_table(rows: Sequence[Sequence[str]], *, indent: int = 2, columns: int | None = None) -> list[str]:
    """Return `rows` as aligned lines; the last cell takes what is left, and is cut where there are `columns`."""
    if not rows:
        return []
    sizes = [max(width(harmless(row[at])) for row in rows) for at in range(len(rows[0]) - 1)]
    out = []
    for row in rows:
        head = " " * indent + "".join(fit(cell, size) + "  " for cell, size in zip(row[:-1], sizes, strict=True))
        last = harmless(row[-1]) if columns is None else shorten(row[-1], max(10, columns - len(head)))
        out.append((head + last).rstrip(" "))
    return out


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
