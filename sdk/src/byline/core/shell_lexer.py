# SPDX-License-Identifier: Apache-2.0
r"""The tokens of a shell line: operators, plain words, words with quotes and holes, here-documents.

Which characters are an operator or a reserved word depends on where they stand, so the parser asks for what it may find next:
`peek` tells what is there, `take`, `word`, `assignment` and `redirection` consume it. What stands in `$(...)` is parsed in place by
the parser (`Nest.substitute`), for only a parser finds its end; backquotes and here-documents are texts of their own.
"""

from __future__ import annotations

from byline.core.shell_quotes import find_quote, read_ansi
from byline.core.shell_scan import (
    REDIRECTIONS,
    find_assignment,
    find_operator,
    number_end,
    parameter_end,
    plain_end,
    without_backslashes,
)
from byline.core.shell_values import UNKNOWN, fits_unquoted, is_of_place
from byline.core.shell_words import Hole, Word, WordDraft
from byline.core.value import dataclass
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, Protocol

    from byline.core.globs import Part

    class Nest(Protocol):
        """The parser, which reads what stands inside a word. Numbers are those of the commands found there."""

        def substitute(self) -> tuple[int, ...]:
            """Parse in place up to the `)` that ends a substitution."""

        def run(self, text: str) -> tuple[int, ...]:
            """Parse `text` as a script of its own."""

        def expand(self, text: str) -> Word:
            """Read `text` as what stands in double quotes."""

        def value(self, name: str) -> tuple[Part, ...]:
            """Return what is known of a variable."""

        def printed(self, runs: Sequence[int]) -> tuple[Part, ...]:
            """Return what is known of what commands print."""


WORD: Final = "\0"  # what `peek` tells of a word that is not plain: no shell line holds it
_BREAKS: Final = frozenset(" \t\n;&|<>()")
_QUOTABLE: Final = '$`"\\\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A here-document whose body comes after the line."""

    number: int
    delimiter: str
    is_quoted: bool
    strips: bool


class Lexer:
    """Reads one text from left to right. `documents` are the here-documents of the whole line, by number."""

    def __init__(self, text: str, documents: list[Word], nest: Nest) -> None:
        self._text = text
        self._at = 0
        self._documents = documents
        self._awaited: list[_Document] = []
        self._nest = nest

    def peek(self) -> str:
        """Return the operator, newline or plain word that comes next, `WORD` for another word, "" at the end."""
        self._skip_blanks()
        if self._at == len(self._text):
            return ""
        if self._text[self._at] == "\n":
            return "\n"
        if found := find_operator(self._text, self._at):
            if found in "<>" and self._text.startswith("(", self._at + 1):
                return WORD
            return "(" if found == "((" and self._arithmetic_end(self._at + 2) is None else found
        end = plain_end(self._text, self._at)
        is_whole = end == len(self._text) or self._text[end] in _BREAKS
        return self._text[self._at : end] if end > self._at and is_whole else "[[" if self._starts("[[") else WORD

    def take(self) -> str:
        """Consume what `peek` tells of and return it.

        Raises:
            PayloadError: It is no operator, newline or plain word.
        """
        found = self.peek()
        if found == WORD:
            raise PayloadError("a command line with a word where none can stand")
        self._at += len(found)
        if found == "\n":
            self._read_documents()
        return found

    def word(self) -> Word:
        """Consume a word.

        Raises:
            PayloadError: There is none, or it has no end.
        """
        return self._draft(takes_array=False).word()

    def words(self, *, takes_array: bool = False) -> tuple[Word, ...]:
        """Consume a word and return those that its brace expansions make of it.

        Raises:
            PayloadError: There is none, or it has no end.
        """
        return self._draft(takes_array=takes_array).words()

    def _draft(self, *, takes_array: bool) -> WordDraft:
        self._skip_blanks()
        start, text = self._at, WordDraft()
        self._read_tilde(text)
        self._read_word(text, takes_array=takes_array)
        if self._at == start:
            raise PayloadError(f"a command line without a word before {self.peek()!a}")
        return text

    def assignment(self) -> tuple[str, Word] | None:
        """Consume an assignment, if one comes next, and return the variable and its value."""
        self._skip_blanks()
        found = find_assignment(self._text, self._at)
        if found is None:
            return None
        name, self._at = found
        text = WordDraft()
        if self._starts("("):
            self._read_array(text)
        else:
            self._read_tilde(text)
            self._read_word(text)
        return name, text.word()

    def redirection(self) -> str | None:
        """Consume the operator of a redirection, if one comes next, and return it."""
        self._skip_blanks()
        start = number_end(self._text, self._at)
        operator = find_operator(self._text, start)
        end = start + len(operator)
        if operator not in REDIRECTIONS or (operator in "<>" and self._text.startswith("(", end)):
            return None
        self._at = end
        return operator

    def target(self, operator: str) -> Word:
        """Consume what a redirection names; of a here-document the word holds its number in `runs`, until it is read."""
        if operator not in ("<<", "<<-"):
            return self.word()
        self._skip_blanks()
        start = self._at
        delimiter = self.word().text
        raw = self._text[start : self._at]
        is_quoted = any(mark in raw for mark in "'\"\\")
        number = len(self._documents)
        self._documents.append(Word(parts=()))
        word = raw if delimiter is None else delimiter
        self._awaited.append(_Document(number=number, delimiter=word, is_quoted=is_quoted, strips=operator == "<<-"))
        return Word(parts=(), runs=(number,))

    def take_arithmetic(self) -> None:
        """Consume `((...))`.

        Raises:
            PayloadError: It has no end.
        """
        end = self._arithmetic_end(self._at + 2)
        if end is None:
            raise PayloadError("an arithmetic expression without an end")
        self._nest.expand(self._text[self._at + 2 : end])
        self._at = end + 2

    def quoted(self, text: WordDraft | None = None, *, until: str = "") -> Word:
        """Consume what stands in double quotes up to `until`, or the rest of the text.

        Raises:
            PayloadError: `until` never comes.
        """
        text = text or WordDraft()
        while not (until and self._starts(until)):
            if self._at >= len(self._text):
                if until:
                    raise PayloadError("a quote without an end")
                break
            here = self._text[self._at]
            if here == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                if following and following in _QUOTABLE:
                    text.add("" if following == "\n" else following)
                else:
                    text.add("\\" + following)
                self._at += 1 + len(following)
            elif here == "$":
                self._read_dollar(text, is_quoted=True)
            elif here == "`":
                self._read_backquotes(text, is_quoted=True)
            else:
                text.add(here)
                self._at += 1
        self._at += len(until)
        return text.word()

    def _starts(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _skip_blanks(self) -> None:
        while self._at < len(self._text):
            if self._text[self._at] in " \t":
                self._at += 1
            elif self._starts("\\\n"):
                self._at += 2
            elif self._starts("#"):
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                return

    def _read_tilde(self, text: WordDraft) -> None:
        if not self._starts("~"):
            return
        end = self._at + 1
        while end < len(self._text) and self._text[end] not in "/'\"\\$`" and self._text[end] not in _BREAKS:
            end += 1
        text.add(Hole.HOME if end == self._at + 1 else Hole.ANY)
        self._at = end

    def _read_word(self, text: WordDraft, *, takes_array: bool = False) -> None:
        while self._at < len(self._text):
            here = self._text[self._at]
            if here in "<>" and self._text[self._at + 1 : self._at + 2] == "(":
                self._at += 2
                text.runs += self._nest.substitute()
                text.add(Hole.ANY)
            elif here == "(" and takes_array and text.parts and str(text.parts[-1]).endswith("="):
                self._read_array(text)
            elif here == "~" and takes_array and text.parts and str(text.parts[-1]).endswith("="):
                self._read_tilde(text)
            elif here in _BREAKS:
                break
            else:
                self._read_piece(here, text)

    def _read_piece(self, here: str, text: WordDraft) -> None:
        self._at += 1
        if here == "\\":
            following = self._text[self._at : self._at + 1]
            text.add("" if following == "\n" else following or "\\")
            self._at += len(following)
        elif here == "'":
            end = find_quote(self._text, self._at)
            text.add(self._text[self._at : end])
            self._at = end + 1
        elif here == '"':
            text.add("")
            self.quoted(text, until='"')
        elif here in "$`":
            self._at -= 1
            (self._read_dollar if here == "$" else self._read_backquotes)(text)
        elif here in "*?":
            text.add(Hole.GLOB)
        elif here == "[":
            self._read_class(text)
        elif here == "{":
            text.open_brace()
        elif here == "}" and text.is_in_braces:
            text.close_brace()
        elif here == "," or (here == "." and self._starts(".")):
            text.widen_brace(here)
        else:
            text.add(here)

    def _read_class(self, text: WordDraft) -> None:
        end = self._at
        while end < len(self._text) and self._text[end] not in _BREAKS and (self._text[end] != "]" or end == self._at):
            end += 1
        if self._text[end : end + 1] == "]" and not any(mark in self._text[self._at : end] for mark in "'\"\\$`"):
            text.add(Hole.GLOB)
            self._at = end + 1
        else:
            text.add("[")

    def _read_array(self, text: WordDraft) -> None:
        self._at += 1
        while (found := self.peek()) != ")":
            if not found:
                raise PayloadError("an array without an end")
            if found == "\n":
                self.take()
            else:
                text.runs += self.word().runs
        self._at += 1
        text.add(Hole.ANY)

    def _read_dollar(self, text: WordDraft, *, is_quoted: bool = False) -> None:
        self._at += 1
        following = self._text[self._at : self._at + 1]
        if following == "'" and not is_quoted:
            found, self._at = read_ansi(self._text, self._at + 1)
            text.add(found)
        elif following == '"' and not is_quoted:
            self._at += 1
            self.quoted(text, until='"')
        elif self._starts("((") and (end := self._arithmetic_end(self._at + 2)) is not None:
            text.runs += self._nest.expand(self._text[self._at + 2 : end]).runs
            text.add(Hole.ANY)
            self._at = end + 2
        elif following == "(":
            self._at += 1
            self._add_printed(self._nest.substitute(), text, is_quoted=is_quoted)
        elif following == "{":
            self._read_braced(text, is_quoted=is_quoted)
        elif (end := parameter_end(self._text, self._at)) > self._at:
            self._add_value(self._nest.value(self._text[self._at : end]), text, is_quoted=is_quoted)
            self._at = end
        else:
            text.add("$")

    def _add_printed(self, runs: tuple[int, ...], text: WordDraft, *, is_quoted: bool) -> None:
        text.runs += runs
        self._add_value(self._nest.printed(runs), text, is_quoted=is_quoted)

    def _add_value(self, parts: tuple[Part, ...], text: WordDraft, *, is_quoted: bool) -> None:
        is_known = (is_quoted or ("IFS" not in self._text and fits_unquoted(parts))) and not (is_of_place(parts) and any(text.parts))
        for each in parts if is_known else UNKNOWN:
            text.add(each)

    def _read_braced(self, text: WordDraft, *, is_quoted: bool) -> None:
        start = self._at + 1
        inner, self._at = WordDraft(), start
        while not self._starts("}"):
            if self._at >= len(self._text):
                raise PayloadError("a parameter expansion without an end")
            here = self._text[self._at]
            if here in "$`'\"\\":
                self._read_piece(here, inner)
            else:
                self._at += 1
        self._add_value(self._nest.value(self._text[start : self._at]), text, is_quoted=is_quoted)
        text.runs += inner.runs
        self._at += 1

    def _read_backquotes(self, text: WordDraft, *, is_quoted: bool = False) -> None:
        end = self._at + 1
        while end < len(self._text) and self._text[end] != "`":
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text):
            raise PayloadError("a backquote without an end")
        inner = without_backslashes(self._text[self._at + 1 : end])
        self._at = end + 1
        self._add_printed(self._nest.run(inner), text, is_quoted=is_quoted)

    def _arithmetic_end(self, start: int) -> int | None:
        """Return where the `))` stands that ends the expression from `start` on; None where it is none."""
        depth, at = 1, start
        while at < len(self._text):
            here = self._text[at]
            if here == "\\":
                at += 1
            elif here in "'\"":
                at = self._text.find(here, at + 1)
                if at < 0:
                    return None
            elif here == "(":
                depth += 1
            elif here == ")":
                depth -= 1
                if not depth:
                    return at if self._text[at + 1 : at + 2] == ")" else None
            at += 1
        return None

    def _read_documents(self) -> None:
        awaited, self._awaited = self._awaited, []
        for each in awaited:
            body = ""
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                end = len(self._text) if end < 0 else end
                line = self._text[self._at : end]
                line = line.lstrip("\t") if each.strips else line
                self._at = min(end + 1, len(self._text))
                if line == each.delimiter:
                    break
                body += line + "\n"
            self._documents[each.number] = Word.of(body) if each.is_quoted else self._nest.expand(body)
