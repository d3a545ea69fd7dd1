# SPDX-License-Identifier: Apache-2.0
r"""Which of git's own files a git command writes that decide from where rules for agents come: remotes, and what is known of them.

The rules that hold are those of the branches of remotes, as they were last fetched. Who makes such a branch say something else, or a
remote lead elsewhere, or takes it away, changes the rules. What adds a remote, fetches or pushes a branch as it is changes none.

>>> [word.parts[1] for word in written_refs([Word.of(each) for each in "fetch ../mine +main:refs/remotes/origin/main".split()])]
['/.git/refs/remotes/origin/main']
>>> [word.parts[1] for word in written_refs([Word.of("remote"), Word.of("remove"), Word.of("origin")])]
['/.git/config']
"""

from __future__ import annotations

from byline.core.shell_words import Word, in_top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

_WRITERS: Final = frozenset(("update-ref", "symbolic-ref", "fetch", "pull", "push", "branch", "replace", "fast-import"))
_REMOTE_WRITES: Final = frozenset(("remove", "rm", "rename", "set-url", "set-branches", "set-head"))
_KNOWN: Final = ".git/refs/remotes/"


def written_refs(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the files below `.git` for what the git command `words`, from its subcommand on, changes of remotes."""
    verb, rest = (words[0].text if words else None), words[1:]
    texts = [each.prefix for each in rest]
    if verb == "remote":
        if _REMOTE_WRITES.intersection(texts) and not {"-a", "--auto"}.intersection(texts):
            yield in_top(".git/config")
    elif verb == "update-ref" and "--stdin" in texts:
        yield in_top(_KNOWN)
    elif verb == "branch" and _has_letters(texts, "r", "--remotes") and _has_letters(texts, "dD", "--delete"):
        yield from (in_top(_KNOWN + text) for text in texts if not text.startswith("-"))
    elif verb in _WRITERS:
        for text in texts:
            name = text.removeprefix("+").rpartition(":")[2].removeprefix("refs/")
            if name.startswith("remotes/"):
                yield in_top(".git/refs/" + name)


def _has_letters(texts: Sequence[str], letters: str, long: str) -> bool:
    return any(
        text == long or (text.startswith("-") and not text.startswith("--") and any(letter in text for letter in letters)) for text in texts
    )
