# SPDX-License-Identifier: Apache-2.0
r"""Globs over paths, as rules have them: `*` within a component, `**` across, `?` one character.

`dir/**` is everything below `dir`; `**/name` is `name` at any depth. Without a slash a glob is anchored at the top like every other.
The case and composition of letters do not count: globs stand in rules that tighten.

A path of which parts are not known is a `Pattern`: text and holes. `may_match` says whether some path that it may be fits.

>>> is_match(b"deploy/secrets/key.pem", "Deploy/**")
True
>>> may_match(("deploy/", Hole.ANY, ".pem"), "deploy/*/key.*")
True
"""

from __future__ import annotations

from byline.core.choice import Enum, auto

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence
    from typing import Final, TypeAlias

MAX_PAIRS: Final = 1_000_000


class Hole(Enum):
    """What is not known of a text."""

    GLOB = auto()  # characters of one path component, as a shell's `*` finds them: no dot in front
    HOME = auto()  # the home folder
    TOP = auto()  # the top of the work tree in which a command runs
    HERE = auto()  # the folder in which it runs
    ANY = auto()  # any characters, none included


Part: TypeAlias = str | Hole


class _Token(Enum):
    """What a glob has besides characters."""

    LEAD = auto()  # this and the token after it: nothing, or what does not begin with a dot
    STAR = auto()  # any characters of one component
    ALL = auto()  # any characters
    ONE = auto()  # one character of a component
    FOLDERS = auto()  # `**/`: this and the two tokens after it, or nothing


_LOOPS: Final = (_Token.STAR, _Token.ALL)


def fold(text: str) -> str:
    """Return `text` so that two spellings that some file system takes for one are one."""
    if text.isascii():
        return text.lower()
    import unicodedata

    return unicodedata.normalize("NFC", text.casefold())


def fits_word(text: str, glob: str) -> bool:
    """Whether one word fits `glob`, as `fnmatch.fnmatchcase` says.

    >>> fits_word("apply-destroy", "*-destroy"), fits_word("a", "b"), fits_word("ab", "?b"), fits_word("b", "[a-c]")
    (True, False, True, True)
    """
    if "[" in glob:
        from fnmatch import fnmatchcase

        return fnmatchcase(text, glob)
    if "*" not in glob:
        return len(text) == len(glob) and all(one in ("?", other) for one, other in zip(glob, text, strict=True))
    first, *middle, last = glob.split("*")
    at, end = len(first), len(text) - len(last)
    if end < at or not (fits_word(text[:at], first) and fits_word(text[end:], last)):
        return False
    for part in middle:  # where it fits first leaves most to the next
        found = next((start for start in range(at, end - len(part) + 1) if fits_word(text[start : start + len(part)], part)), None)
        if found is None:
            return False
        at = found + len(part)
    return True


def is_match(path: bytes, glob: str) -> bool:
    """Whether `path` fits `glob`."""
    return _pattern(fold(glob)).fullmatch(fold(path.decode("utf-8", "surrogateescape"))) is not None


def is_exact_match(path: bytes, glob: str) -> bool:
    """Whether `path` fits `glob` as it is spelled: what allows something allows no alias of it.

    >>> is_exact_match(b"src/app.py", "src/**"), is_exact_match(b"SRC/app.py", "src/**")
    (True, False)
    """
    return _pattern(glob).fullmatch(path.decode("utf-8", "surrogateescape")) is not None


def _pattern(text: str) -> re.Pattern[str]:
    import re  # only gates and policies need it; an agent waits for `may_match`

    out, at = [], 0
    while at < len(text):
        if text.startswith("**/", at):
            out.append("(?:.*/)?")
            at += 3
        elif text.startswith("**", at):
            out.append(".*")
            at += 2
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(text[at]) or re.escape(text[at]))
            at += 1
    return re.compile("".join(out), re.DOTALL)


def may_match(path: Sequence[Part], glob: str) -> bool:
    """Whether some path that `path` may stand for fits `glob`; yes, where that is too much to find out."""
    if _surely_differs(path, glob):
        return False
    have: list[str | _Token] = []
    for each in path:
        if isinstance(each, str):
            have += fold(each)
        else:
            is_lead = each is Hole.GLOB and (not have or have[-1] == "/")  # a shell's glob takes no dot there
            have += [_Token.LEAD] * is_lead + [_Token.STAR if each is Hole.GLOB else _Token.ALL]
    want = _tokens(fold(glob))
    if len(have) * len(want) > MAX_PAIRS:
        return True
    seen, waiting = {(0, 0)}, [(0, 0)]
    while waiting:
        here = waiting.pop()
        if here == (len(have), len(want)):
            return True
        for step in _steps(have, want, *here):
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return False


def may_hold(path: Sequence[Part], glob: str) -> bool:
    """Whether some path that `path` may stand for fits `glob`, or is a folder that the glob names on the way.

    `infra` is on the way to `infra/prod/**`, and `src/infra` to `**/infra/**`. What `**` goes through is named by nobody: else each file
    were on the way to `**/*.tf`.

    >>> may_hold(("infra",), "infra/prod/**"), may_hold(("src/a.py",), "**/*.tf"), may_hold(("src/a.tf",), "**/*.tf")
    (True, False, True)
    """
    names = glob.split("/")
    named = next((at for at, each in enumerate(names) if "**" in each), len(names))
    ways = ("/".join(names[:end]) for end in range(1, len(names)) if end <= named or "*" not in names[end - 1])
    return may_match(path, glob) or any(may_match(path, way) for way in ways)


def _surely_differs(path: Sequence[Part], glob: str) -> bool:
    """Whether a look tells that no path that `path` may stand for fits `glob`: a line may name a thousand files, and an agent waits."""
    known = ""
    for each in path:
        if not isinstance(each, str):
            break
        known += each
    if not (known.isascii() and glob.isascii()):
        return False
    known = known.lower()
    first, *others = glob.lower().replace("?", "*").split("*")
    if all(isinstance(each, str) for each in path):
        return not known.startswith(first) or any(each.strip("/") not in known for each in others)
    both = min(len(known), len(first))
    return known[:both] != first[:both]


def _tokens(glob: str) -> list[str | _Token]:
    out: list[str | _Token] = []
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out += (_Token.FOLDERS, _Token.ALL, "/")
            at += 3
        elif glob.startswith("**", at):
            out.append(_Token.ALL)
            at += 2
        else:
            out.append({"*": _Token.STAR, "?": _Token.ONE}.get(glob[at], glob[at]))
            at += 1
    return out


def _steps(have: Sequence[str | _Token], want: Sequence[str | _Token], i: int, j: int) -> Iterator[tuple[int, int]]:
    """Yield where two texts may stand after no character, or after one that both have."""
    one = have[i] if i < len(have) else None
    other = want[j] if j < len(want) else None
    if one in _LOOPS:
        yield i + 1, j
    if one is _Token.LEAD:
        yield i + 2, j
    if other in _LOOPS or other is _Token.FOLDERS:
        yield i, j + 1
    if other is _Token.FOLDERS:
        yield i, j + 3
    elif one is not None and other is not None and _can_share(one, other):
        yield i + (one not in _LOOPS), j + (other not in _LOOPS)


def _can_share(one: str | _Token, other: str | _Token) -> bool:
    """Whether one character fits both."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if _Token.LEAD in (one, other):
        return not {".", "/"} & {one, other}
    return "/" not in (one, other) or _Token.ALL in (one, other)
