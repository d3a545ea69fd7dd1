# SPDX-License-Identifier: Apache-2.0
r"""Other spellings of a path, which some file system takes for the same file.

HFS+ leaves out characters that nobody sees. NTFS leaves out spaces and dots at the end of a name and takes what follows a colon for a
stream of the file, parts folders at `\`, too, and gives a file a short name besides: `GIT~1` may be `.git`. git keeps such paths out of
`.git` (`core.protectHFS`, `core.protectNTFS`); rules see them for every name that they have. Where they are other files a rule that
tightens holds for those as well. Case and composition of letters are for `globs.fold`.

>>> [*other_spellings((".byline /policy.toml::$DATA",))]
[('.byline/policy.toml',)]
>>> [*other_spellings(("git~1/config",))]
[('git', <Hole.GLOB: 1>, '/config'), ('.git', <Hole.GLOB: 1>, '/config')]
"""

from __future__ import annotations

from byline.core.globs import Hole, Part, may_hold, may_match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

MOST: Final = 64  # spellings of one path: each short name may be one of a hidden file
_UNSEEN: Final = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))
_LENGTH: Final = 8  # of a short name, without the ending
_ENDING: Final = 3


def other_spellings(path: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    """Yield what the relative `path` is spelled like, too; nothing where its spelling is the plain one."""
    if not any(isinstance(each, str) and _is_odd(each) for each in path):
        return
    parts = _joined(path)
    found: list[tuple[Part, ...]] = [()]
    for at, part in enumerate(parts):
        names = part.replace("\\", "/").split("/") if isinstance(part, str) else []
        pieces: list[tuple[tuple[Part, ...], ...]] = [] if names else [((part,),)]
        for number, name in enumerate(names):
            is_whole = (number > 0 or at == 0) and (number < len(names) - 1 or at == len(parts) - 1)
            pieces += [(("/",),)] * (number > 0)
            pieces.append(_spellings(name) if is_whole else ((name.translate(_UNSEEN),),))
        for each in pieces:
            found = [(*start, *end) for start in found for end in each][:MOST]
    yield from (spelled for each in found if (spelled := _joined(each)) != parts)


def is_alike(path: bytes, glob: str, *, is_link: bool = False) -> bool:
    """Whether `path`, in any spelling, fits `glob`; a link also where it is on the way to what does (`may_hold`).

    >>> is_alike(b"infra /db.tf", "infra/**"), is_alike(b"infra", "infra/**"), is_alike(b"infra", "infra/**", is_link=True)
    (True, False, True)
    """
    name = (path.decode("utf-8", "surrogateescape"),)
    fits = may_hold if is_link else may_match
    return any(fits(each, glob) for each in (name, *other_spellings(name)))


def _spellings(name: str) -> tuple[tuple[Part, ...], ...]:
    """Return what one component is spelled like: as it is seen, and, of a short name, what it may be short for."""
    plain = name.translate(_UNSEEN).partition(":")[0].rstrip(" .")
    start, tilde, rest = plain.partition("~")
    number, dot, ending = rest.partition(".")
    if not (tilde and start and number.isdigit() and len(start) + len(number) < _LENGTH and len(ending) <= _ENDING):
        return ((plain or name,),)
    end = (Hole.GLOB, *((f".{ending}", Hole.GLOB) if dot else ()))
    return (plain,), (start, *end), (f".{start}", *end)


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return `parts` with no two texts in a row."""
    out: list[Part] = []
    for each in parts:
        if isinstance(each, str) and out and isinstance(out[-1], str):
            out[-1] += each
        else:
            out.append(each)
    return tuple(out)


def _is_odd(text: str) -> bool:
    """Whether a look tells that `text` may have another spelling: a line may name a thousand files, and an agent waits."""
    signs = ("~", ":", "\\", " /", "./")
    return not text.isascii() or text[-1:] in (" ", ".") or any(sign in text for sign in signs)
