# SPDX-License-Identifier: Apache-2.0
r"""A shell line, parsed: which simple commands it may run, with which words.

The grammar is that of POSIX `sh` with what `bash` adds and agents use: quoting (`$'..'` too), here-documents and here-strings,
pipelines, lists, groups, compound commands, functions, command and process substitutions, assignments, redirections. Nothing is
run, and only what the line itself tells is expanded (`shell_values`). A command counts wherever it stands: behind `&&`, in a loop, in a
branch, in a function that may never be called, in a substitution inside another's word.

>>> [[each.text for each in command.words] for command in parse_line("cd infra && terraform 'destroy' | tee log")]
[['cd', 'infra'], ['terraform', 'destroy'], ['tee', 'log']]

What no shell would run, and what is nested deeper or is longer than any honest line, is refused: `PayloadError`. Where `dash` and
`bash` differ the reading is bash's.
"""

from __future__ import annotations

from byline.core.shell_lexer import Lexer
from byline.core.shell_scan import OPERATORS
from byline.core.shell_values import UNKNOWN, Values, printed, value_of_each
from byline.core.shell_words import Command, Hole, Redirect, Word
from byline.core.value import replace
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Final

    from byline.core.globs import Part

MAX_LINE: Final = 64 * 1024
MAX_DEPTH: Final = 40
MAX_COMMANDS: Final = 2000

_OPENERS: Final = {"if": "fi", "while": "done", "until": "done", "{": "}"}
_JOINTS: Final = frozenset(("then", "elif", "else", "do"))
_CLOSERS: Final = frozenset(("fi", "done", "esac", "}"))
_ENDS: Final = frozenset((";", "&", "\n"))
_NO_STARTS: Final = frozenset((")", ";;", ";&", ";;&", "&&", "||", "|", "|&"))
_CASE_ENDS: Final = (";;", ";&", ";;&")
_DOCUMENTS: Final = ("<<", "<<-")
_SAME_SHELL: Final = frozenset(("eval", "trap"))
_READS_MORE: Final = frozenset(("eval", "source", "."))
_DECLARES: Final = frozenset(("export", "declare", "local", "readonly", "typeset"))


def parse_line(line: str, known: Mapping[str, tuple[Part, ...]] | None = None) -> tuple[Command, ...]:
    """Return every simple command of `line`, in the order in which they stand; numbers in words and pipes count them from 0.

    `known` are variables of the shell that runs it.

    Raises:
        PayloadError: A shell would not run it, or it is longer or deeper than what is read.
    """
    if len(line) > MAX_LINE or "\0" in line:
        raise PayloadError("a command line that is too long, or that holds NUL")
    commands: list[Command] = []
    documents: list[Word] = []
    _Parser(line, commands, documents, Values(line, known), 0).script()
    return tuple(_with_documents(each, documents) for each in commands)


def _with_documents(command: Command, documents: list[Word]) -> Command:
    if not any(each.operator in _DOCUMENTS for each in command.redirects):
        return command
    filled = (replace(each, target=documents[each.target.runs[0]]) if each.operator in _DOCUMENTS else each for each in command.redirects)
    return replace(command, redirects=tuple(filled))


class _Parser:
    """One text: the line itself, or one that stands inside it. All write into the same lists."""

    def __init__(self, text: str, commands: list[Command], documents: list[Word], values: Values, depth: int) -> None:
        self._commands = commands
        self._documents = documents
        self._values = values
        self._depth = depth
        self._lexer = Lexer(text, documents, self)

    def script(self) -> None:
        """Parse the whole text as a list of commands.

        Raises:
            PayloadError: It is none.
        """
        self._list(())
        if self._lexer.peek() != "":
            raise self._unexpected()

    def substitute(self) -> tuple[int, ...]:
        """Parse in place up to the `)` that ends a substitution."""
        first = len(self._commands)
        self._deepen()
        self._list((")",))
        self._depth -= 1
        return tuple(range(first, len(self._commands)))

    def run(self, text: str) -> tuple[int, ...]:
        """Parse `text` as a script of its own."""
        first = len(self._commands)
        self._deepen()
        saved = self._values.save()
        _Parser(text, self._commands, self._documents, self._values, self._depth).script()
        self._values.restore(saved)
        self._depth -= 1
        return tuple(range(first, len(self._commands)))

    def expand(self, text: str) -> Word:
        """Read `text` as what stands in double quotes."""
        self._deepen()
        found = _Parser(text, self._commands, self._documents, self._values, self._depth).quoted()
        self._depth -= 1
        return found

    def value(self, name: str) -> tuple[Part, ...]:
        """Return what is known of a variable."""
        return self._values.get(name)

    def printed(self, runs: Sequence[int]) -> tuple[Part, ...]:
        """Return what is known of what commands print."""
        return printed([self._commands[number] for number in runs]) if self._values.inner.isdisjoint(runs) else UNKNOWN

    def quoted(self) -> Word:
        """Read the whole text as what stands in double quotes."""
        return self._lexer.quoted()

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH or len(self._commands) > MAX_COMMANDS:
            raise PayloadError("a command line that is nested too deep, or holds too many commands")

    def _unexpected(self) -> PayloadError:
        return PayloadError(f"a command line with an unexpected {self._lexer.peek()!a}")

    def _list(self, stop: Collection[str], reads: tuple[int, ...] = ()) -> str:
        """Parse commands up to a word or operator in `stop`, take it and return it; the end of the text where `stop` is empty."""
        saved = self._values.save()
        while True:
            while self._lexer.peek() in _ENDS:
                self._lexer.take()
            found = self._lexer.peek()
            if found in stop:
                self._lexer.take()
                self._values.restore(saved)
                return found
            if found == "" and not stop:
                return found
            if found == "" or found in _NO_STARTS or found in _JOINTS or found in _CLOSERS:
                raise self._unexpected()
            self._and_or(reads)
            if (found := self._lexer.peek()) not in _ENDS and found not in stop and found != "":
                raise self._unexpected()

    def _and_or(self, reads: tuple[int, ...]) -> None:
        first, folder, is_cd = len(self._commands), self._values.folder, self._lexer.peek() == "cd"
        self._pipeline(reads)
        saved = self._values.save()
        while self._lexer.peek() in ("&&", "||"):
            if self._lexer.take() == "||":
                self._values.restore(saved)
                self._values.folder = folder
            elif is_cd:
                self._values.enter(self._commands[first:])
            self._skip_newlines()
            first, is_cd = len(self._commands), self._lexer.peek() == "cd"
            self._pipeline(reads)
        self._values.restore(saved)
        self._values.folder = folder

    def _pipeline(self, reads: tuple[int, ...]) -> None:
        while True:
            while self._lexer.peek() in ("!", "time"):
                self._lexer.take()
                if self._lexer.peek() == "-p":
                    self._lexer.take()
            first = len(self._commands)
            self._command(reads)
            if self._lexer.peek() not in ("|", "|&"):
                return
            self._lexer.take()
            self._skip_newlines()
            reads = tuple(range(first, len(self._commands)))

    def _command(self, reads: tuple[int, ...]) -> None:
        found = self._lexer.peek()
        compound: dict[str, Callable[[tuple[int, ...]], None]] = {
            "(": self._group,
            "((": self._arithmetic,
            "[[": self._condition,
            "for": self._loop,
            "select": self._loop,
            "case": self._case,
            "function": self._function,
            "coproc": self._coprocess,
        }
        if found in _OPENERS:
            self._nested(self._block, reads)
        elif found in compound:
            self._nested(compound[found], reads)
        else:
            self._simple(reads)

    def _nested(self, parse: Callable[[tuple[int, ...]], None], reads: tuple[int, ...]) -> None:
        first, saved = len(self._commands), self._values.save()
        self._deepen()
        parse(reads)
        self._depth -= 1
        self._values.restore(saved)
        self._values.inner.update(range(first, len(self._commands)))
        redirects = self._redirects()
        if redirects:  # a command without words stands for the compound one
            inner = tuple(range(first, len(self._commands)))
            self._commands.append(Command(words=(), redirects=redirects, reads=inner, folder=self._values.folder))

    def _block(self, reads: tuple[int, ...]) -> None:
        closer = _OPENERS[self._lexer.take()]
        inner = {"fi": ("then", "elif", "else", "fi"), "done": ("do", "done"), "}": ("}",)}[closer]
        while self._list(inner, reads) != closer:
            pass

    def _group(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        self._list((")",), reads)

    def _arithmetic(self, _reads: tuple[int, ...]) -> None:
        self._lexer.take_arithmetic()

    def _condition(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        words = []
        while (found := self._lexer.peek()) != "]]":
            if found == "":
                raise PayloadError("a command line that ends too early")
            if found in OPERATORS or found == "\n":
                self._lexer.take()
            else:
                words.append(self._lexer.word())
        self._lexer.take()
        runs = tuple(number for each in words for number in each.runs)
        self._commands.append(Command(words=(Word.of("[["), Word(parts=(Hole.ANY,), runs=runs)), reads=reads))

    def _loop(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        if self._lexer.peek() == "((":
            self._lexer.take_arithmetic()
        else:
            name, words = self._lexer.word().text or "", list[Word]()
            self._skip_newlines()
            if self._lexer.peek() == "in":
                self._lexer.take()
                while self._lexer.peek() not in _ENDS and self._lexer.peek() != "":
                    words += self._lexer.words()
            self._values.set(name, value_of_each(words))
        while self._lexer.peek() in _ENDS:
            self._lexer.take()
        opener = self._lexer.take()
        if opener not in ("do", "{"):
            raise PayloadError("a loop without do")
        self._list(("done" if opener == "do" else "}",), reads)

    def _case(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        self._lexer.word()
        self._skip_newlines()
        if self._lexer.take() != "in":
            raise PayloadError("a case without in")
        while True:
            self._skip_newlines()
            if self._lexer.peek() == "esac":
                self._lexer.take()
                return
            if self._lexer.peek() == "(":
                self._lexer.take()
            self._lexer.word()
            while self._lexer.peek() == "|":
                self._lexer.take()
                self._lexer.word()
            if self._lexer.take() != ")":
                raise PayloadError("a case whose pattern has no end")
            if self._list((*_CASE_ENDS, "esac"), reads) == "esac":
                return

    def _function(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        self._lexer.word()
        if self._lexer.peek() == "(":
            self._lexer.take()
            if self._lexer.take() != ")":
                raise PayloadError("a function without a body")
        self._skip_newlines()
        self._command(reads)

    def _coprocess(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        self._command(reads)

    def _simple(self, reads: tuple[int, ...]) -> None:
        words: list[Word] = []
        assignments: list[tuple[str, Word]] = []
        redirects: list[Redirect] = []
        while True:
            redirects += self._redirects()
            found = self._lexer.peek()
            if found == "(" and len(words) == 1 and not assignments and not redirects:
                self._body(reads)
                return
            if found in ("", "\n") or found in OPERATORS:
                break
            if not words and (assigned := self._lexer.assignment()) is not None:
                assignments.append(assigned)
            else:
                words += self._lexer.words(takes_array=bool(words) and words[0].text in _DECLARES)
        if not (words or assignments or redirects):
            raise self._unexpected()
        name = words[0].text if words else None
        known = self._values.save() if name in _SAME_SHELL else None
        self._commands.append(
            Command(
                words=tuple(words),
                assignments=tuple(assignments),
                redirects=tuple(redirects),
                reads=reads,
                known=known,
                folder=self._values.folder,
            )
        )
        if name in _READS_MORE or (name in ("command", "builtin") and words[1:] and words[1].text in _READS_MORE):
            self._values.forget()
        elif not reads and found not in ("|", "|&", "&"):
            for each in words[1:] if name in _DECLARES else ():
                key, _, start = each.prefix.partition("=")
                assignments.append((key, Word(parts=(start, *each.parts[1:]))))
            for key, value in assignments if not words or name in _DECLARES else ():
                self._values.set(key, value.parts)

    def _body(self, reads: tuple[int, ...]) -> None:
        self._lexer.take()
        if self._lexer.take() != ")":
            raise PayloadError("a function without a body")
        self._skip_newlines()
        self._nested(self._command, reads)

    def _redirects(self) -> tuple[Redirect, ...]:
        redirects = []
        while (operator := self._lexer.redirection()) is not None:
            target = self._lexer.target(operator)
            if operator not in (">&", "<&") or not _is_descriptor(target):
                redirects.append(Redirect(operator=operator, target=target))
        return tuple(redirects)

    def _skip_newlines(self) -> None:
        while self._lexer.peek() == "\n":
            self._lexer.take()


def _is_descriptor(target: Word) -> bool:
    return (target.text or "").rstrip("-").isdigit() or target.text == "-"
