# SPDX-License-Identifier: Apache-2.0
r"""The words of a shell line, and what of them is known before a shell runs it.

A `Word` is literal text with holes. `Hole.GLOB` is what a file name pattern stands for: some characters of one path component.
`Hole.HOME` is the home folder. `Hole.ANY` is everything else that only a shell knows: a variable, the output of a command, a brace
expansion.

>>> Word(parts=("src/", Hole.GLOB, ".py")).text is None
True
>>> Word.of("a b").text
'a b'
"""

from __future__ import annotations

from byline.core.globs import Hole, Part
from byline.core.value import dataclass


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
    """One simple command. `reads` are the numbers of the commands from whose output it reads through a pipe."""

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    reads: tuple[int, ...] = ()


class WordDraft:
    """A word being read."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
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

    def widen_brace(self) -> None:
        """Note that what stands in the inmost open brace is an expansion: `,` or `..`."""
        if self._braces:
            self._braces[-1] = (self._braces[-1][0], True)

    def close_brace(self) -> None:
        """Append `}`; what an expansion stands for is not known."""
        start, is_expansion = self._braces.pop()
        if is_expansion:
            self.parts[start:] = [Hole.ANY]
        else:
            self.parts.append("}")

    def word(self) -> Word:
        """Return what was read."""
        parts: list[Part] = []
        for each in self.parts:
            if isinstance(each, str) and parts and isinstance(parts[-1], str):
                parts[-1] += each
            else:
                parts.append(each)
        return Word(parts=tuple(parts), runs=tuple(self.runs))


__all__ = ["Command", "Hole", "Part", "Redirect", "Word", "WordDraft"]
