# SPDX-License-Identifier: Apache-2.0
r"""What a program lists that another takes from a pipe: `find src | xargs rm` removes what is below `src`, and nothing else.

>>> from byline.core.shell_acts import read_acts
>>> [word.prefix for word in listed_words(read_acts("find src -name '*.pyc' | grep -v x")[1:])]
['src/']
"""

from __future__ import annotations

from byline.core.shell_words import Hole, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from byline.core.shell_act import Act

_FILTERS: Final = frozenset(("grep", "egrep", "rg", "sort", "uniq", "head", "tail", "tac", "shuf"))  # they pass on lines that they read
_GIT_LISTS: Final = frozenset(("ls-files", "diff", "status", "ls-tree", "show", "log"))
_LIST_VALUES: Final = frozenset(("-x", "-X", "--exclude", "--exclude-from", "--exclude-per-directory", "--with-tree"))
_BELOW: Final = Word(parts=("./", Hole.GLOB, Hole.ANY))


def found_words(act: Act) -> tuple[Word, ...]:
    """Return what `find` and `fd` find."""
    roots, args = [], act.args
    if act.program != "find":
        end = next((at for at, each in enumerate(args) if each.text in ("-x", "-X", "--exec", "--exec-batch")), len(args))
        operands = [each for each in args[:end] if not each.prefix.startswith("-")]
        roots = [*operands[1:], *act.values("--base-directory", "--search-path")]
    else:
        while args and (args[0].text in ("-H", "-L", "-P") or args[0].prefix.startswith("-O")):
            args = args[1:]
        for each in args:
            if each.prefix.startswith(("-", "(", "!")):
                break
            roots.append(each)
    names_some = act.program != "find" or len(args) > len(roots) + 1
    below = (Hole.GLOB, Hole.ANY) if names_some else (Hole.ANY,)  # it names what it looks for, or takes all
    return tuple(Word(parts=(*each.parts, "/", *below)) for each in roots or [Word.of(".")])


def listed_words(sources: Sequence[Act]) -> Iterator[Word]:
    """Yield what `sources` print where they list files and nothing else; nothing where that is not known."""
    found = [_listed(each, 0) for each in sources]
    if all(found):
        yield from (word for words in found for word in words)


def _listed_by_git(args: Sequence[Word]) -> tuple[Word, ...]:
    """Return what is below the folders that git is told to list: those behind `--`, and all words of `ls-files` that are no options."""
    texts = [each.text for each in args]
    at = texts.index("--") if "--" in texts else len(args)
    named = args[at + 1 :]
    if texts[:1] == ["ls-files"] and not named:
        named = [each for each in args[1:] if not each.prefix.startswith("-")]
    folders = [(each.text or "").partition("*")[0].rpartition("/")[0] if "*" in each.prefix else each.text for each in named]
    if not folders or not all(folders) or _LIST_VALUES.intersection(texts) or any(str(each)[0] in ":." for each in folders):
        return (_BELOW,)
    return tuple(word for each in folders for word in (Word.of(str(each)), Word(parts=(f"{each}/", Hole.GLOB, Hole.ANY))))


def _listed(act: Act, depth: int) -> tuple[Word, ...]:
    if act.program in ("find", "fd", "fdfind"):
        return found_words(act)
    if act.program == "git":
        return _listed_by_git(act.args) if act.operands and act.operands[0].text in _GIT_LISTS else ()
    if act.program in _FILTERS and act.sources and depth < len(_FILTERS):
        inner = [_listed(each, depth + 1) for each in act.sources]
        return tuple(word for words in inner for word in words) if all(inner) else ()
    if act.program in ("grep", "rg") and act.has_flag("l", "--files-with-matches"):
        return tuple(Word(parts=(*each.parts, "/", Hole.GLOB, Hole.ANY)) for each in act.operands[1:]) or (_BELOW,)
    return ()
