# SPDX-License-Identifier: Apache-2.0
# Bare Python runs this, as it does `capture.snapshot`.
# ruff: noqa: PTH118, PTH123
r"""A second index, of a large repository: which of its folders hold nothing new, so that a scan need not read them all.

git can note in an index which folders it read, and what it found there that is not tracked (its untracked cache). Byline keeps copies
of the repository's index for that, in `<git dir>/byline`, which the first scan of a large repository starts to make (`SHELL`):

    index        the copy. As long as the repository's index is the file that it was made of, one `git status` of it says all.
    index.of     a hard link to that file. git replaces its index and never writes into it, so that `-ef` compares the two.
    index.still  the copy, in which all tracked files but `.gitignore` are taken as unchanged (git's assume-unchanged): its status looks
                 at no other file, and costs a sixth. It says what was untracked for an index that is another one by now, and
                 `correct_untracked` corrects that by what the two indexes have and HEAD has not.

The last there is only of an index of version 2 that is whole and has no conflict: only there nothing but HEAD decides what a status says
of the index. Each of its entries is

    times, ids of owner and file, mode, size (40 bytes)   id of the blob (20 or 32)   flags (2)   path   NUL, to a multiple of 8

and the highest bit of the flags is the one to set.

>>> still = take_as_unchanged(b"DIRC\0\0\0\2\0\0\0\1" + bytes(60) + b"\0\1a" + bytes(9) + bytes(20))
>>> still[72:75]
b'\x80\x01a'
"""

from __future__ import annotations

import os
import sys

PLAIN = b"DIRC\0\0\0\2"
UNUSUAL = 0x70  # flags: in conflict, or with more flags
UNCHANGED = 0x80
LONG = 0xFFF
RULES = b".gitignore"  # of one that is taken as unchanged git believes the index, and of its folder what it found by the older rules
DIGESTS = (20, 32)
SUBMODULE = b"160000"
MAX_ASKED = 500

SHELL = r"""
own=$_g/byline/index
known() {
  changes "$d" -c core.untrackedCache=true -c status.showUntrackedFiles=all -c core.splitIndex=false -c core.hooksPath=/dev/null \
    "$@" status -uall
}
scan_known() {
  exec 3<&0
  { export GIT_INDEX_FILE="$own"; known; } </dev/null | ( tell "$d" 4</dev/null )
}
is_split() { set -- "$_g"/sharedindex.*; [ -e "$1" ]; }
make_known() {
  case $(git version) in *' 2.'[0-9].*|*' 2.'[12][0-9].*|*' 2.3'[0-5].*) return ;; esac # older ones would not use it
  new=$own.$$
  rm -f "$own".[0-9]* # of one that was killed
  mkdir -p "${own%/*}" && ln "$_g/index" "$new.of" && cp -p "$new.of" "$new" && : >"$new.since" &&
    (export GIT_INDEX_FILE="$new" GIT_OPTIONAL_LOCKS=1; known) &&
    # A folder that has changed since is as young as the index, and is read again each time.
    touch -r "$new.since" "$new" && {
      cp -p "$new" "$new.still" && "$python" -I -S -c "$start" "${snapshot%/*}" second_index "$new.still" && ! is_split &&
        touch -r "$new.since" "$new.still" && mv -f "$new.still" "$own.still"
      [ "$new.of" -ef "$_g/index" ] && mv -f "$new" "$own" && mv -f "$new.of" "$own.of"
    }
  rm -f "$new" "$new".*
}
"""


def take_as_unchanged(index: bytes) -> bytes | None:
    """Return `index` with all its files but `RULES` taken as unchanged, and no checksum (zeros, as git's `index.skipHash` writes them).

    None where it is not of version 2, in conflict, or not an index at all.
    """
    for digest in DIGESTS:
        still = bytearray(index)
        end = _set_flags(still, digest) if index.startswith(PLAIN) else None
        while end is not None and end + digest < len(index):
            end += 8 + int.from_bytes(index[end + 4 : end + 8], "big")  # an extension
        if end is not None and end + digest == len(index):
            still[end:] = bytes(digest)
            return bytes(still)
    return None


def correct_untracked(top: bytes, index: bytes, status: bytes, older: bytes) -> set[bytes] | None:
    """Return what is untracked for `index`, of the `status` in it and of the one in an `older` index, which alone lists what is untracked.

    Each says where its index differs from HEAD, and so both where the one differs from the other. What left the index and is still there
    may be untracked or ignored now: git is asked. None where nothing can be said: HEAD is another one by now, repositories inside
    differ, or files may have flags (`_is_plain`).
    """
    head, new, gone, links = _differences(status)
    older_head, older_new, older_gone, older_links = _differences(older)
    if head is None or (head, links) != (older_head, older_links) or not _is_plain(index):
        return None
    come, left = new | (older_gone - gone), (older_new - new) | (gone - older_gone)
    untracked = {record[2:] for record in older.split(b"\0") if record.startswith(b"? ")}
    folded = {path.lower() for path in come - untracked}  # where case makes no difference they may be the same
    repositories = tuple(path.lower() for path in untracked if path.endswith(b"/"))
    if any(path.lower() in folded for path in untracked) or any(path.startswith(repositories) for path in folded):
        return None
    if any(_is_there(top, folder + b"/.git") for folder in {folder for path in left for folder in _folders(path)}):
        return None
    stayed = _ask_git(top, [path for path in left if _is_there(top, path)])
    if stayed is None:
        return None
    return (untracked - come) | (left & stayed)


def run() -> None:
    """Change the file that is named; exits 1 where that cannot be done."""
    with open(sys.argv[1], "r+b", buffering=0) as file:
        still = take_as_unchanged(file.read())
        if still is not None:
            file.seek(0)
            file.write(still)
    os._exit(still is None)


def _differences(status: bytes) -> tuple[bytes | None, set[bytes], set[bytes], set[tuple[bytes, bytes]]]:
    """Return HEAD, what the index has and HEAD has not, what HEAD has and the index has not, and how they differ in repositories inside."""
    head = None
    sides: dict[bytes, set[bytes]] = {b"A": set(), b"D": set()}
    links = set()
    for record in status.split(b"\0"):
        if record.startswith(b"# branch.oid "):
            head = record[13:]
        elif record.startswith(b"u "):
            sides[b"A"].add(record.split(b" ", 10)[10])
        elif record.startswith(b"1 ") and record[2:3] not in b".M":
            fields = record.split(b" ", 8)
            sides.get(record[2:3], set()).add(fields[8])
            if SUBMODULE in fields[3:5]:
                links.add((fields[4], fields[8]))
    return head, sides[b"A"], sides[b"D"], links


def _folders(path: bytes) -> list[bytes]:
    """Return the folders that hold `path`, each below the top."""
    parts = path.split(b"/")
    return [b"/".join(parts[:length]) for length in range(1, len(parts))]


def _is_there(top: bytes, path: bytes) -> bool:
    return os.path.lexists(os.path.join(top, path))


def _ask_git(top: bytes, paths: list[bytes]) -> set[bytes] | None:
    """Return what is untracked at `paths`; None where git does not say, or they are too many to name."""
    if not paths:
        return set()
    if len(paths) > MAX_ASKED:
        return None
    git = (b"git", b"-C", top, b"-c", b"core.fsmonitor=false", b"--literal-pathspecs", b"ls-files", b"-z", b"-o", b"--exclude-standard")
    reading, writing = os.pipe()
    process = os.posix_spawnp(b"git", (*git, b"--", *paths), os.environ, file_actions=((os.POSIX_SPAWN_DUP2, writing, 1),))
    os.close(writing)
    with open(reading, "rb") as file:
        said = set(file.read().split(b"\0"))
    return None if os.waitpid(process, 0)[1] else said


def _is_plain(index: bytes) -> bool:
    """Whether `index` is of version 2: later ones have flags by which git says less, or reads ignore files that are not there."""
    try:
        with open(index, "rb", buffering=0) as file:
            return file.read(len(PLAIN)) == PLAIN
    except OSError:
        return False


def _set_flags(index: bytearray, digest: int) -> int | None:
    """Set the flag of each entry but `RULES`, and return where the last one ends; None where one is unusual or is not there."""
    at, last = 12, len(index) - 2
    for _ in range(int.from_bytes(index[8:12], "big")):
        flags = at + 40 + digest
        if flags > last or index[flags] & UNUSUAL:
            return None
        length = (index[flags] & 0xF) << 8 | index[flags + 1]
        if length == LONG:
            length = index.find(0, flags + 2) - flags - 2
            if length < LONG:
                return None
        if not index.endswith(RULES, flags + 2, flags + 2 + length):
            index[flags] |= UNCHANGED
        at += (42 + digest + length + 8) & ~7
    return at
