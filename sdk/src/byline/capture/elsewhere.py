# SPDX-License-Identifier: Apache-2.0
"""What agents did here and other inboxes hold: those of another account, of a container, of another home folder.

    <git common dir>/byline.elsewhere/<id>.<agent>.<last part of the work tree's git folder>    empty; the folder is 1733, as /var/mail
    <git common dir>/byline.elsewhere/+<the same>.<any>    empty: a call goes on
    <state folder>/told/<name of the machine>/<id of the clone>/<as either>    a note: this inbox has left it in a clone

A note is the number of its own file (`ls -i`), and the clone's git folder, a line each.

Who commits settles the inbox of their own home folder and cannot see into another. So each hook leaves a mark beside what it spools,
unless one of its inbox stands: its owner is the account, its time that of the first call since that inbox was settled. Whoever settles the
inbox puts its marks aside (a `.` before the name; such a one counts, too), and back while something is left. A mark of another inbox says
that there are changes here of which this one does not know: as long as it stands nobody declares their own lines (`flow.attest`), and
`byline status` tells of it. It goes, too, once nothing in the work tree is uncommitted, or was stashed since, by who owns the clone; not
while a call that its inbox told of has no end, for at most a day: what that writes next nobody here would know.

Each mark has an id of its own, which only the inbox that left it keeps. So a home folder that was copied (`cp -a`, an image of a machine,
a snapshot of a container) has none of the marks that the other leaves from then on, and one that several machines share has all of them.
Of a mark that stood when the copy was made the copy's note is another file than it says, or younger than its time (`COPIED_NS`): then it
is the other's. A clone that was copied has the same id, so that a note stays while its mark stands in the other.

Anybody may put a mark there who may enter the clone: it makes stricter, and nothing else. So does a folder that cannot be looked
through, for it is another account's or too full (`HIDES`). Where an account can write to the work tree and does not get into the git
folder, who owns a file is all that there is: `owned_by_others`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from glob import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from byline.capture.clock import now_ns
from byline.capture.places import PRIVATE_FILE, drop_dir, make_private
from byline.capture.worktree import clone_id
from byline.core.value import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from byline.capture.worktree import WorkTree

MOST: Final = 1000  # marks that are looked at
HIDDEN, CALLS = ".", "+"
TOLD: Final = "told"
BEGAN, ENDED = "o", "c"
COPIED_NS: Final = 10 * 10**9  # a note is made in an instant; a copy of it keeps its time and not when it was made
DAY_NS: Final = 24 * 3600 * 10**9
HIDES: Final = "?"  # the agent of which nobody can say whether there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A mark of another inbox: the `agent`, the `account` (a user id) that it runs as, the `worktree` (see the module), since when."""

    path: Path
    agent: str
    worktree: str
    account: int
    time: int


def note_elsewhere(worktree: WorkTree, inbox: Path, agent: str, *, call: str = "") -> None:
    """Leave a mark of `inbox` in the clone of `worktree`, in which `agent` works, and tell there of a `call`'s ends; never raises."""
    drop, of = drop_dir(worktree.common_dir), f"{agent}.{worktree.git_dir.name}"
    with suppress(OSError):
        notes = _left(worktree.common_dir, inbox)
        standing = (name for name in notes if name.partition(".")[2] == of and (drop / name).exists())
        if (name := next(standing, None)) is None:
            name = f"{os.urandom(16).hex()}.{of}"
            notes[name] = inbox.parent / TOLD / (os.uname().nodename or "-") / _clone(worktree.common_dir) / name
            make_private(notes[name].parent)
            _make(notes[name], drop / name)
        if call == BEGAN:
            beside = f"{CALLS}{name}.{os.urandom(8).hex()}"
            _make(notes[name].with_name(beside), drop / beside)
        elif call == ENDED and (going := next(_calls(notes[name]), None)):
            (drop / going.name).unlink(missing_ok=True)
            going.unlink()


def take_back(common_dir: Path, inbox: Path) -> tuple[tuple[Path, Path], ...]:
    """Put the marks of `inbox` aside and return them with their notes: before it is settled, so that none that comes meanwhile is lost."""
    taken = {}
    for name, note in _left(common_dir, inbox).items():
        mark = drop_dir(common_dir) / name
        with suppress(OSError):
            if aside := _aside(mark) or _aside(mark.with_name(HIDDEN + name)):
                taken[aside] = note
            elif now_ns() - note.stat().st_mtime_ns > COPIED_NS and not _stands(note):  # whoever owns the clone has taken it away
                _remove(note)
    return tuple(taken.items())


def put_back(marks: Iterable[tuple[Path, Path | None]], *, is_over: bool) -> None:
    """Remove `marks`, which were put aside, with their notes if what they speak of `is_over`; else leave them where they were."""
    for aside, note in marks:
        with suppress(OSError):
            if not is_over:
                aside.rename(_plain(aside))
                continue
            for call in [*_calls(note or _plain(aside))]:
                aside.with_name(call.name).unlink(missing_ok=True)
            aside.unlink()
            if note and not _stands(note):
                _remove(note)


def list_elsewhere(common_dir: Path, inbox: Path, worktree: str | None = None) -> tuple[Elsewhere, ...]:
    """Return what other inboxes than `inbox` hold of the clone, or of one work tree (its git folder), the oldest first."""
    mine, (paths, is_all) = _left(common_dir, inbox), _marks(common_dir)
    found = [mark for path in paths if _plain(path).name not in mine and (mark := _read(path))]
    of_it = [each for each in found if worktree is None or _is_of(each.worktree, Path(worktree), common_dir)]
    hides = None if is_all else _read(drop_dir(common_dir))
    return (*sorted(of_it, key=lambda each: (each.time, each.path.name)), *([replace(hides, agent=HIDES)] if hides else ()))


def forget_elsewhere(marks: Iterable[Elsewhere], is_over: Callable[[], bool], *, now: int) -> None:
    """Remove `marks` if `is_over` says that nothing is left of what they speak of: those that are the caller's to remove, the rest stay.

    It is asked while they are out of the way: what an agent does from then on leaves new ones. Killed meanwhile, they still count. Those
    of which a call goes on at the time `now` stay, too.
    """
    if hidden := tuple(aside for each in marks if each.agent != HIDES and (aside := _aside(each.path))):
        is_all = is_over()
        for aside in hidden:
            put_back([(aside, None)], is_over=is_all and not _goes_on(_plain(aside), now))


def owned_by_others(top: Path, paths: Iterable[bytes], place: Path) -> frozenset[bytes]:
    """Return those of `paths` below `top` that belong to another account, as far as the file system of `place` keeps accounts.

    To root the clone's owner is no other.
    """
    mine = {os.geteuid()} if os.geteuid() else {0, place.stat().st_uid}
    owners = {path: uid for path in paths if (uid := _uid(os.path.join(os.fsencode(top), path))) is not None and uid not in mine}  # noqa: PTH118 - bytes
    return frozenset(path for path, uid in owners.items() if uid != _fresh_uid(place)) if owners else frozenset()


def _uid(path: bytes) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _fresh_uid(place: Path) -> int | None:
    """Return who owns a file that is made in `place` now: who makes it, where accounts are kept."""
    draft = place / f".owner.{os.getpid()}"
    try:
        draft.touch(mode=0o600)
        uid = draft.stat().st_uid
        draft.unlink()
    except OSError:
        return None
    return uid


def _left(common_dir: Path, inbox: Path) -> dict[str, Path]:
    """Return the marks that `inbox` itself has left in the clone, by name, each with the note of it; not those of what it is a copy of."""
    found = {}
    for note in (inbox.parent / TOLD).glob(f"*/{_clone(common_dir)}/[!{CALLS}]*"):
        with suppress(OSError):
            status = note.stat()
            if abs(status.st_ctime_ns - status.st_mtime_ns) < COPIED_NS and note.read_bytes().split()[:1] == [b"%d" % status.st_ino]:
                found[note.name] = note
    return found


def _clone(common_dir: Path) -> str:
    return clone_id(common_dir).replace("/", "") or "-"


def _goes_on(mark: Path, now: int) -> bool:
    """Whether a call of which `mark` tells has not ended, for all that is known: a day ends any."""
    try:
        return any(now - each.lstat().st_mtime_ns < DAY_NS for each in _calls(mark))
    except OSError:  # one has just ended
        return True


def _calls(path: Path) -> Iterator[Path]:
    """Return what tells of calls that go on, of the mark at `path` or beside the note of one."""
    return path.parent.glob(f"{CALLS}{escape(path.name)}.*")


def _stands(note: Path) -> bool:
    """Whether the mark that `note` is of stands in the clone that it was left in."""
    mark = drop_dir(Path(os.fsdecode(note.read_bytes().partition(b"\n")[2].removesuffix(b"\n")))) / note.name
    return mark.exists() or mark.with_name(HIDDEN + mark.name).exists()


def _make(note: Path, mark: Path) -> None:
    """Make the `note` and the `mark`, or neither; both are new: whoever may write into a clone may have put a link there."""
    for path in (note, mark):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError:
            note.unlink(missing_ok=True)
            raise
        with suppress(OSError):  # on a disk that is full it is empty
            os.write(handle, b"%d\n%s\n" % (os.fstat(handle).st_ino, os.fsencode(mark.parent.parent)) if path is note else b"")
        os.close(handle)


def _remove(path: Path) -> None:
    for each in (*_calls(path), path):
        each.unlink(missing_ok=True)


def _marks(common_dir: Path) -> tuple[tuple[Path, ...], bool]:
    """Return the marks in the clone, and whether these are all."""
    folder = drop_dir(common_dir)
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, 2 * MOST + 1)]
    except FileNotFoundError:  # none was ever made
        return (), True
    except OSError:  # it is not for us to list
        return (), False
    found = tuple(folder / name for name in names if not name.startswith(CALLS))
    return found[: MOST + 1], len(found) <= MOST and len(names) <= 2 * MOST


def _aside(path: Path) -> Path | None:
    """Put the mark at `path` aside, and return where it is then; None where it is gone, or not for us to move."""
    try:
        return path.rename(path.with_name(HIDDEN + path.name.removeprefix(HIDDEN)))
    except OSError:
        return None


def _plain(aside: Path) -> Path:
    return aside.with_name(aside.name.removeprefix(HIDDEN))


def _is_of(name: str, worktree: Path, common_dir: Path) -> bool:
    """Whether a mark with `name` speaks of `worktree` (its git folder): of the clone's first one all do that name no linked one.

    Its git folder may have another name for whoever left the mark: it may be a link, or mounted.
    """
    if worktree.parent.name == "worktrees":
        return name == worktree.name
    return not (name and (common_dir / "worktrees" / name).is_dir())


def _read(path: Path) -> Elsewhere | None:
    _, agent, worktree = (*path.name.removeprefix(HIDDEN).split(".", 2), "", "")[:3]
    try:
        status = path.lstat()
    except OSError:  # its own settler was faster
        return None
    return Elsewhere(path=path, agent=agent, worktree=worktree, account=status.st_uid, time=status.st_mtime_ns)
