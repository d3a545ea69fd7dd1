# SPDX-License-Identifier: Apache-2.0
# Paths are os.path here: pathlib takes as long to import as the interpreter takes to start.
# ruff: noqa: PTH103, PTH104, PTH108, PTH110, PTH115, PTH118, PTH123
"""The scan before and after a command that may change any file; also a program of its own.

    python -I -S snapshot.py AGENT INBOX TOP VARIABLE...  <status  3<payload  4<untracked

A shell command does not say which files it changes. So the hook before it secures what is dirty or untracked, the hook after it scans
again, and `capture.windows` compares. git finds the paths; this program reads each of them, keeps its bytes among the clone's
contents, and spools the payload with what it saw in front (the form is in `capture.inbox`). It is started for each command of an
agent, so that it imports nothing but `os` and `sys`: it must not import Byline, and says again the few lines it needs.

Input: what `git status --porcelain=v2 --branch -z --no-renames -uno` says of the work tree at TOP, the folder that holds `.git`; fd 4 is
`git ls-files -z -o --exclude-standard`. Where git says nothing, nothing is spooled. A file larger than 5 MB, and every file after the
first 2,000 or 64 MB, is not read: `~<size>.<mtime>` stands for its bytes. Exit status 0 always, nothing is printed.

Who called is said, too, as `<process>.<when it started>.<namespace of processes>`: an agent that was killed closes no window.
"""

from __future__ import annotations

import os
import sys

MAX_CONTENT = 5_000_000
MAX_FILES = 2_000
MAX_TOTAL = 64_000_000
SUBMODULE = b"160000"
SHELLS = (b"sh", b"ash", b"bash", b"busybox", b"dash", b"fish", b"ksh", b"mksh", b"zsh")
ABSENT = b"-"


def scan_files(top: bytes, contents: bytes, algorithm: bytes, paths: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Return one field `file=<state> <committed> <path>` for each (committed, path); keep the bytes that are there in `contents`.

    `state` is a blob id, `-` (no file) or `~...` (not read); `committed` the id in HEAD or `-`.
    """
    fields = []
    total = 0
    for number, (committed, path) in enumerate(paths):
        state, size = _look(os.path.join(top, path), contents, algorithm, may_read=number < MAX_FILES and total < MAX_TOTAL)
        total += size
        fields.append(b"file=%s %s %s" % (state, committed, path))
    return fields


def parse_status(raw: bytes) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
    """Return HEAD (empty before the first commit; None where git said nothing) and (committed id or `-`, path) of each file that differs.

    Submodules are left out: each is a work tree of its own.
    """
    head = None
    found = []
    for record in raw.split(b"\0"):
        kind = record[:2]
        if record.startswith(b"# branch.oid "):
            head = record[13:].replace(b"(initial)", b"")
        elif kind in (b"1 ", b"u "):  # changed; or in conflict, where the second of three ids is HEAD's
            fields = record.split(b" ", 8 if kind == b"1 " else 10)
            committed = fields[6] if kind == b"1 " else fields[8]
            if SUBMODULE not in fields[3:6]:
                found.append((committed if committed.strip(b"0") else ABSENT, fields[-1]))
    return head, found


def find_places(top: bytes) -> tuple[bytes, bytes]:
    """Return the git folder of the work tree at `top`, and the one that it shares with others."""
    git_dir = os.path.join(top, b".git")
    elsewhere = _line(git_dir)  # of a linked work tree, and of a submodule
    if elsewhere:
        git_dir = os.path.join(top, elsewhere.removeprefix(b"gitdir: "))
    shared = _line(os.path.join(git_dir, b"commondir"))
    return os.path.realpath(git_dir), os.path.realpath(os.path.join(git_dir, shared))


def find_caller(pid: int, script: bytes = b"") -> bytes:
    """Return the first program, from the process `pid` on upwards, that is neither a shell nor named `script`; empty where none is told."""
    for _ in range(8):
        name, parent, started = _process(pid)
        if name not in (*SHELLS, script):
            return b"%d.%s.%s" % (pid, started, _namespace()) if name else b""
        pid = parent
    return b""


def is_gone(caller: bytes) -> bool:
    """Whether the program that `find_caller` named has ended; one that cannot be seen from here has not."""
    pid, started, namespace = caller.split(b".")
    return namespace == _namespace() and _process(int(pid))[2] != started


def blob_of(data: bytes, algorithm: bytes) -> bytes:
    """Return git's id of the blob `data`."""
    whole = b"blob %d\0" % len(data) + data
    if algorithm == b"sha1":
        try:
            from _sha1 import sha1  # type: ignore[import-not-found]  # built in: OpenSSL would take longer than all the rest
        except ImportError:
            from hashlib import sha1
        digest: str = sha1(whole, usedforsecurity=False).hexdigest()
        return digest.encode()
    import hashlib

    return hashlib.new(algorithm.decode(), whole, usedforsecurity=False).hexdigest().encode()


def spool(inbox: bytes, stem: bytes, head: list[bytes], payload: bytes) -> bytes:
    """Write `head` and `payload` as one file of the inbox, whole or not at all, under a name that nobody else has; return the name."""
    os.makedirs(inbox, mode=0o700, exist_ok=True)
    number = -1
    while True:
        number += 1
        name = b"%s.%d.%d" % (stem, os.getpid(), number)
        base = os.path.join(inbox, name)
        if os.path.exists(base + b".spool"):
            continue
        try:
            handle = os.open(base + b".tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        # Who holds the .tmp may make the .spool: looked at again while held, so that no other file of this name is overwritten.
        if not os.path.exists(base + b".spool"):
            break
        os.close(handle)
        os.unlink(base + b".tmp")
    try:
        _write(handle, b"".join(field + b"\0" for field in [*head, b""]) + payload)
    finally:
        os.close(handle)
    os.rename(base + b".tmp", base + b".spool")
    return name


def main(agent: bytes, inbox: bytes, top: bytes, *names: bytes) -> None:
    """Do what the module says for one call of the hook; the variables `names` are spooled, too."""
    payload = _read(3)
    head, listed = parse_status(_read(0))
    if head is None:
        return
    listed += [(ABSENT, path) for path in _read(4).split(b"\0") if path and not path.endswith(b"/")]
    git_dir, common = find_places(top)
    algorithm = b"sha256" if len(head) == 64 or (not head and _is_sha256(common)) else b"sha1"
    variables = [b"%s=%s" % (name, os.environb.get(name, b"")) for name in names]
    fields = [b"byline.spool/1", agent, *variables]
    hook = os.getppid()
    fields += [b"process=" + find_caller(hook, script=_process(hook)[0])]
    fields += [b"top=" + os.path.realpath(top), b"gitdir=" + git_dir, b"common=" + common, b"format=" + algorithm, b"head=" + head]
    fields += scan_files(top, os.path.join(common, b"byline", b"contents"), algorithm, listed)
    spool(inbox, b"scan." + agent, fields, payload)


def _is_sha256(common: bytes) -> bool:
    with open(os.path.join(common, b"config"), "rb", buffering=0) as file:
        lines = [line.partition(b"=") for line in file.read().lower().split(b"\n")]
    return any(name.strip() == b"objectformat" and value.strip() == b"sha256" for name, _, value in lines)


def _process(pid: int) -> tuple[bytes, int, bytes]:
    """Return the name of the process `pid`, its parent, and when it started; nothing of one that is not there."""
    told = _line(b"/proc/%d/stat" % pid)
    name, _, rest = told[told.find(b"(") + 1 :].rpartition(b") ")  # a name may hold anything
    fields = rest.split(b" ")
    return (name, int(fields[1]), fields[19]) if len(fields) > 19 else (b"", 0, b"")


def _namespace() -> bytes:
    try:
        return os.readlink(b"/proc/self/ns/pid").strip(b"pid:[]")
    except OSError:
        return b""


def _line(path: bytes) -> bytes:
    """Return the first line of the file at `path`, empty where there is none."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read().partition(b"\n")[0]
    except OSError:
        return b""


def _look(path: bytes, contents: bytes, algorithm: bytes, *, may_read: bool) -> tuple[bytes, int]:
    try:
        status = os.lstat(path)
        link = status.st_mode & 0o170000 == 0o120000
        regular = status.st_mode & 0o170000 == 0o100000
        if link:
            data = os.readlink(path)
        elif not regular or not may_read or status.st_size > MAX_CONTENT:
            return b"~%d.%d" % (status.st_size, status.st_mtime_ns), 0
        else:
            with open(path, "rb", buffering=0) as file:
                data = file.read() or b""
    except OSError:
        return ABSENT, 0
    blob = blob_of(data, algorithm)
    try:
        _keep(contents, blob, data)
    except OSError:
        return b"~full.%s" % blob, 0
    return blob, len(data)


def _keep(contents: bytes, blob: bytes, data: bytes) -> None:
    folder = os.path.join(contents, blob[:2])
    final = os.path.join(folder, blob[2:])
    if os.path.exists(final):
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temp = os.path.join(folder, b".%d.%s" % (os.getpid(), os.urandom(6).hex().encode()))
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(handle, data)
    except OSError:
        os.unlink(temp)
        raise
    finally:
        os.close(handle)
    os.rename(temp, final)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _read(handle: int) -> bytes:
    parts = []
    while part := os.read(handle, 1 << 16):
        parts.append(part)
    return b"".join(parts)


if __name__ == "__main__":
    try:
        main(*map(os.fsencode, sys.argv[1:]))
    except Exception:  # noqa: BLE001 - a hook never breaks the agent; what is missing is seen when the window is settled
        os._exit(0)
