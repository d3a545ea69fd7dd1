# SPDX-License-Identifier: Apache-2.0
r"""One program that a shell line runs, with what is known of its arguments, input and output.

>>> rm = Act(program="rm", args=(Word.of("-fr"), Word.of("--"), Word.of("-x")))
>>> rm.has_flag("R"), rm.has_flag("rR"), [word.text for word in rm.operands]
(False, True, ['-x'])
"""

from __future__ import annotations

from byline.core.shell_words import Hole, Word, option_values
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

    from byline.core.globs import Part

_LOOSE: Final = r"""[^\s'"\\`<>|;&(){}=,]+"""  # what may be a word, in a line that cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One program that a line runs.

    `input` is the text of its here-document or here-string. `sources` are the acts whose output it reads through a pipe or in its
    words. `writes` is what its redirections write, `known` the variables of the shell of an `eval` or a `trap`.
    `folder` is where it surely runs.
    """

    program: str | None
    args: tuple[Word, ...] = ()
    input: Word | None = None
    sources: tuple[Act, ...] = ()
    writes: tuple[Word, ...] = ()
    known: Mapping[str, tuple[Part, ...]] | None = None
    folder: Word | None = None

    @property
    def operands(self) -> tuple[Word, ...]:
        """The arguments that are no options, as far as that can be known."""
        out, is_over = [], False
        for each in self.args:
            if each.text == "--" and not is_over:
                is_over = True
            elif is_over or not each.prefix.startswith("-") or each.text == "-":
                out.append(each)
        return tuple(out)

    def has_flag(self, letters: str, *names: str) -> bool:
        """Whether one of `letters` stands among its short options, or one of the long `names`, which may be shortened."""
        for each in self.args:
            text = each.prefix
            if text == "--" and each.text is not None:
                return False
            if len(text) > 3 and text.startswith("--") and any(name.startswith(text.partition("=")[0]) for name in names):
                return True
            if text.startswith("-") and not text.startswith("--") and set(letters) & set(text[1:]):
                return True
        return False

    def values(self, *names: str) -> Iterator[Word]:
        """Yield the values of the options `names`."""
        yield from option_values(self.args, *names)


def unread_act(line: str) -> Act:
    """Return what is known of a `line` that cannot be read: a shell may run all that stands before the place where it cannot go on.

    So it may write any file, and each of its words may be one.
    """
    import re  # an agent waits, and most lines can be read

    found = dict.fromkeys(re.findall(_LOOSE, line))
    words = (Word(parts=(Hole.HOME, each[1:])) if each.startswith("~/") else Word.of(each) for each in found)
    return Act(program=None, writes=(Word(parts=(Hole.ANY,)), *words))
