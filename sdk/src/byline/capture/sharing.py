# SPDX-License-Identifier: Apache-2.0
r"""Who may use what Byline keeps in a clone: whoever may use the clone.

1. Its folder is shared as git shares its own (`core.sharedRepository`, or `git init --shared`), when it is made: 2770 for a group. What is
   made below has the bits of the folder that it is made in: 0660.
2. What root makes in somebody's clone, as an agent in a container does, belongs to who owns the folder that it is made in.

What nobody but its owner may read stays 0600 (`is_secret`): prompts and their keys, and the key of the clone's own log. People's keys are
not in a clone at all.

Whoever may write here may put a link in the place of anything, to a file that only another account can reach, or root. So nothing is given
away but what was opened without following one.

>>> oct(parse_mode("[core]\n\tsharedRepository = group\n")), oct(parse_mode("sharedrepository = 0640")), oct(parse_mode(""))
('0o660', '0o640', '0o600')
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

PRIVATE: Final = 0o600
_OPENS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_NAMED: Final = {"true": 0o660, "yes": 0o660, "on": 0o660, "group": 0o660, "1": 0o660, "all": 0o664, "world": 0o664, "everybody": 0o664}


def parse_mode(config: str) -> int:
    """Return the mode of a file that the text of git's `config` of a repository asks for."""
    mode = PRIVATE
    for line in config.splitlines():
        name, is_given, value = (part.strip().lower() for part in line.partition("="))
        if name == "sharedrepository":
            said = value if is_given else "true"
            is_octal = len(said) > 1 and not said.strip("01234567")
            mode = PRIVATE | int(said, 8) & 0o066 if is_octal else {**_NAMED, "2": 0o664}.get(said, PRIVATE)
    return mode


def is_secret(name: str) -> bool:
    """Whether what has the `name` in a clone is for nobody but its owner, be it still a draft.

    >>> [is_secret(name) for name in ("prompts", ".prompts.12", "log.key", ".log.key.5f0c", "journal")]
    [True, True, True, True, False]
    """
    return name.lstrip(".").partition(".")[0] == "prompts" or ".key" in name


def make_shared(folder: Path) -> Path:
    """Make `folder` of a clone, shared as the one that it is in, if it is not there; return it.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.is_dir():
        folder.parent.is_dir() or make_shared(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        share(folder)
    return folder


def make_place(place: Path) -> Path:
    """Make Byline's folder of a clone, `place`, shared as git's folder around it, if it is not there; return it.

    Raises:
        OSError: It cannot be made.
    """
    if not place.is_dir():
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            mode = parse_mode((place.parent / "config").read_text("utf-8", "replace"))
        except OSError:
            mode = PRIVATE
        handle = os.open(place, _OPENS)
        try:
            _hand(handle, place.parent.stat(), is_shared=False)
            if mode & 0o066:
                os.fchmod(handle, stat.S_ISGID | 0o700 | mode | (mode & 0o444) >> 2)
        finally:
            os.close(handle)
    return place


def share(path: Path | str | int, folder: Path | str | None = None) -> None:
    """Let whoever may use `folder`, in which it is, use `path` (or what a handle is of), if it is the caller's to give; never raises."""
    try:
        around = os.stat(folder if folder is not None else os.path.dirname(os.fspath(path)))  # type: ignore[arg-type]  # noqa: PTH116, PTH120 - a hook may wait
        if isinstance(path, int):
            _hand(path, around)
        else:
            _hand_at(path, None, around)
    except OSError:
        return  # who owns it made it so


def share_all(place: Path) -> None:
    """Share what was made below `place` by others than capture; never raises. Nothing is looked at in a clone that nobody shares."""
    try:
        around = place.lstat()
    except OSError:
        return
    if around.st_mode & 0o066 or _is_anothers(around):
        _hand_below(place)


def give_back(common_dir: Path, place: Path) -> None:
    """Share what is below `place`, and give what git made for Byline in root's name to who owns the clone: it is in nobody's way then."""
    share_all(place)
    try:
        around = common_dir.stat()
    except OSError:
        return
    if _is_anothers(around):
        for folder in (common_dir / "objects", common_dir / "refs"):
            _hand_below(folder, around, is_deep=False)
        _hand_below(common_dir / "refs/byline", around)


def _is_anothers(around: os.stat_result) -> bool:
    return os.geteuid() == 0 and around.st_uid != 0


def _hand_below(folder: Path, owner: os.stat_result | None = None, *, is_deep: bool = True) -> None:
    """Share all that is below `folder`, or in it, as what it is in; or only give it to who owns what `owner` is of."""
    try:
        for _, folders, names, at in os.fwalk(folder):
            around = owner or os.fstat(at)
            for name in folders + names:
                _try_at(name, at, around, is_shared=owner is None and not is_secret(name))
            if not is_deep:
                return
    except OSError:  # it is not there
        return


def _try_at(name: str, at: int, around: os.stat_result, *, is_shared: bool) -> None:
    try:
        _hand_at(name, at, around, is_shared=is_shared)
    except OSError:  # who owns it made it so
        return


def _hand_at(path: Path | str, at: int | None, around: os.stat_result, *, is_shared: bool = True) -> None:
    """Do what `_hand` does where there is something to do: whoever closes a file lets go of SQLite's locks on it."""
    found = os.stat(path, dir_fd=at, follow_symlinks=False)
    is_open = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if is_open and (_is_given(found, around) or (is_shared and _lacks(found, around))):
        handle = os.open(path, _OPENS, dir_fd=at)
        try:
            _hand(handle, around, is_shared=is_shared)
        finally:
            os.close(handle)


def _hand(handle: int, around: os.stat_result, *, is_shared: bool = True) -> None:
    """Give what `handle` is of to who owns the folder `around`, where root made it, and share it as that is."""
    found = os.fstat(handle)
    if _is_given(found, around):
        os.fchown(handle, around.st_uid, around.st_gid)
    if is_shared and (bits := _lacks(found, around)):
        os.fchmod(handle, stat.S_IMODE(found.st_mode) | bits)


def _is_given(found: os.stat_result, around: os.stat_result) -> bool:
    is_linked = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)  # perhaps a file of root's that somebody brought here
    return found.st_uid == 0 and not is_linked and _is_anothers(around)


def _lacks(found: os.stat_result, around: os.stat_result) -> int:
    """Return the bits by which what is `found` is less open than the folder `around`, if it is the caller's to share."""
    bits = around.st_mode & (0o2077 if stat.S_ISDIR(found.st_mode) else 0o066)
    return bits & ~found.st_mode if bits & 0o066 and found.st_uid in (os.geteuid(), around.st_uid) else 0
