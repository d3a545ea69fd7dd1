# SPDX-License-Identifier: Apache-2.0
r"""The words of a shell line, and what of them is known before a shell runs it.

A `Word` is literal text with holes. `Hole.GLOB` is what a file name pattern stands for: some characters of one path component.
`Hole.HOME` is the home folder, `Hole.TOP` the top of the work tree. `Hole.ANY` is everything else that only a shell knows: a variable, the
output of a command, a brace expansion.

>>> Word(parts=("src/", Hole.GLOB, ".py")).text is None
True
>>> Word.of("a b").text
'a b'
"""

from __future__ import annotations

from byline.core.globs import Hole, Part
from byline.core.value import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Final

MAX_WORDS: Final = 64  # of one with brace expansions


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word. `runs` are the numbers of the commands whose output is a part of it, or which read or write it."""

    parts: tuple[Part, ...]
    runs: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> Word:
        """Return the word that is `text`."""
        return cls(parts=(text,))

    @property
    def text(self) -> str | None:
        """The word as the program gets it; None where a part is not known."""
        known = [each for each in self.parts if isinstance(each, str)]
        return "".join(known) if len(known) == len(self.parts) else None

    @property
    def prefix(self) -> str:
        """The known text before the first hole."""
        out = ""
        for each in self.parts:
            if not isinstance(each, str):
                break
            out += each
        return out


def in_top(name: str) -> Word:
    """Return the word for the file `name` of the work tree, whichever of its folders is the current one."""
    return Word(parts=(Hole.TOP, f"/{name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """A redirection; of `<<` and `<<<` the `target` is the text that is read."""

    operator: str
    target: Word

    @property
    def writes(self) -> bool:
        """Whether it may make or change the file that it names."""
        return ">" in self.operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One simple command. `reads` are the numbers of the commands from whose output it reads through a pipe.

    `known` are the variables that are known where it is a line that the same shell runs (`eval`, `trap`), `folder` is where it surely runs.
    """

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    reads: tuple[int, ...] = ()
    known: Mapping[str, tuple[Part, ...]] | None = None
    folder: Word | None = None


class WordDraft:
    """A word being read."""

    def __init__(self) -> None:
        self.parts: list[Part | tuple[str, ...]] = []  # a tuple is what a brace expansion makes words of, an empty one its comma
        self.runs: list[int] = []
        self._braces: list[tuple[int, bool]] = []  # where each open brace stands, and whether it is an expansion

    @property
    def is_in_braces(self) -> bool:
        """Whether a brace is open."""
        return bool(self._braces)

    def add(self, part: Part) -> None:
        """Append text or a hole."""
        if isinstance(part, str) and self.parts and isinstance(self.parts[-1], str) and not self._braces:
            self.parts[-1] += part
        else:
            self.parts.append(part)

    def open_brace(self) -> None:
        """Append `{`, which may begin an expansion."""
        self._braces.append((len(self.parts), False))
        self.parts.append("{")

    def widen_brace(self, mark: str) -> None:
        """Append what makes an expansion of the inmost open brace: `,` or the first dot of `..`."""
        if self._braces:
            self._braces[-1] = (self._braces[-1][0], True)
        if self._braces and mark == ",":
            self.parts.append(())
        else:
            self.add(mark)

    def close_brace(self) -> None:
        """Append `}`; what an expansion stands for is known where it names texts."""
        start, is_expansion = self._braces.pop()
        inner = self.parts[start + 1 :]
        if not is_expansion:
            self.parts.append("}")
        elif () in inner and all(isinstance(each, str) or each == () for each in inner):
            self.parts[start:] = [tuple("".join("\0" if each == () else str(each) for each in inner).split("\0"))]
        else:
            self.parts[start:] = [Hole.ANY]

    def word(self) -> Word:
        """Return what was read."""
        return self._word("," if each == () else Hole.ANY if isinstance(each, tuple) else each for each in self.parts)

    def words(self) -> tuple[Word, ...]:
        """Return what was read as the words that its brace expansions make of it; one word where they are too many."""
        made: list[tuple[Part, ...]] = [()]
        for each in self.parts:
            ends = (each or (",",)) if isinstance(each, tuple) else (each,)
            made = [(*start, end) for start in made for end in ends]
            if len(made) > MAX_WORDS:
                return (self.word(),)
        words = tuple(map(self._word, made))
        return words if len(words) == 1 else tuple(replace(each, parts=(Hole.ANY,)) if each.prefix[:1] == "~" else each for each in words)

    def _word(self, given: Iterable[Part]) -> Word:
        parts: list[Part] = []
        for each in given:
            if isinstance(each, str) and parts and isinstance(parts[-1], str):
                parts[-1] += each
            else:
                parts.append(each)
        return Word(parts=tuple(parts), runs=tuple(self.runs))


def without_options(args: Sequence[Word], values: frozenset[str]) -> tuple[Word, ...]:
    """Return `args` from the first operand on; the options in `values` take one."""
    at = 0
    while at < len(args):
        text = args[at].text
        if text == "--":
            return tuple(args[at + 1 :])
        if not args[at].prefix.startswith("-"):
            break
        at += 2 if text is not None and _takes_next(text, values) else 1
    return tuple(args[at:])


def _takes_next(text: str, values: frozenset[str]) -> bool:
    """Whether the option `text` takes the next word: as it stands, or as the last of short ones that are glued (`-itu root`)."""
    if text.startswith("--"):
        return text in values
    valued = next((at for at in range(1, len(text)) if "-" + text[at] in values), None)
    return text in values or valued == len(text) - 1


def option_values(args: Sequence[Word], *names: str) -> Iterator[Word]:
    """Yield the values of the options `names`, which follow them, or are glued to them; short ones may be glued to others."""
    for at, each in enumerate(args):
        for start in (_value_start(each.prefix, name) for name in names):
            if start == len(each.prefix) and each.text is not None:
                yield from args[at + 1 : at + 2]
            elif start:
                yield Word(parts=(each.prefix[start:], *each.parts[1:]))


def _value_start(text: str, name: str) -> int:
    """Return where in the argument `text` the value of the option `name` begins; 0 where it is no such option."""
    if name.startswith("--"):
        given, sign, _ = text.partition("=")
        return len(given + sign) if len(given) > 4 and name.startswith(given) else 0
    return text.find(name[1], 1) + 1 if text.startswith("-") and not text.startswith("--") else 0


__all__ = ["Command", "Hole", "Part", "Redirect", "Word", "WordDraft", "option_values", "without_options"]
