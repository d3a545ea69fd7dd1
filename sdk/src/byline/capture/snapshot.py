# SPDX-License-Identifier: Apache-2.0
# Paths are os.path here: pathlib takes as long to import as the interpreter takes to start.
# ruff: noqa: PTH103, PTH104, PTH108, PTH110, PTH112, PTH115, PTH116, PTH118, PTH119, PTH120, PTH123, PTH208
"""The scan before and after a command that may change any file: what an agent's hook runs.

    run AGENT INBOX TOP INDEX VARIABLE...  <status  3<payload  4<untracked

A shell command does not say which files it changes. So the hook before it secures what is dirty or untracked, the hook after it scans
again, and `capture.windows` compares. git finds the paths; this program reads each of them, keeps its bytes among the clone's
contents, and spools the payload with what it saw in front (the form is in `capture.inbox`). It is started for each command of an
agent, so that it imports nothing but `os` and `sys`: it must not import Byline, and says again the few lines it needs.

Input: what `git status --porcelain=v2 --branch -z --no-renames` says of the work tree at TOP, the folder that holds `.git`. What it does
not say of untracked files (`-uno`) fd 4 does: `git ls-files -z -o --exclude-standard`, or the status in the file INDEX (else empty), an
index of an earlier time (`capture.second_index`). A file larger than 5 MB, and every file after the first 2,000 or 64 MB, is not read:
`~<size>.<mtime>` stands for its bytes. Nothing is printed; the exit status is `AGAIN` where git or that index cannot say: the payload was
not read yet; `FAILED` where nothing was spooled, `LARGE` where the index is that large that a second one saves time, else 0.

Who called is said, too, as `<process>.<when it started>.<namespace of processes>`: an agent that was killed closes no window. So are the
*orphans*, what works in the tree and outlived who started it, as `cmd &` leaves it: no command has ended while one of its own runs.
"""

from __future__ import annotations

import os
import sys

FAILED = 1
LARGE = 4
AGAIN = 5
LARGE_INDEX = 1_000_000  # ten thousand files
MAX_CONTENT = 5_000_000
MAX_FILES = 2_000
MAX_TOTAL = 64_000_000
SUBMODULE = b"160000"
SHELLS = (b"sh", b"ash", b"bash", b"busybox", b"dash", b"fish", b"ksh", b"ksh93", b"mksh", b"nu", b"tcsh", b"yash", b"zsh", b"timeout")
ABSENT = b"-"
WRITES_NOTHING = (b"git", b"ps", b"sleep")
HELPERS = (b"byline_cli.attester", b"/post-commit\0", b"/post-merge\0", b"/post-rewrite\0", b"/pre-push\0", b"factory-execute-supervisor")
ENDED = (b"Z", b"X")  # states of a process that has ended and that its parent has not asked after


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
        elif kind == b"? ":
            if not record.endswith(b"/"):  # a repository of its own
                found.append((ABSENT, record[2:]))
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
    """Return the first program, from the process `pid` on upwards, that is neither a shell nor named `script`; empty where none is told.

    What is no agent ends before the call does, and would make its agent one that was killed: so the user's own shell counts, too.
    """
    own = os.path.basename(os.environb.get(b"SHELL", b""))[:15]  # as the system cuts names
    for _ in range(8):
        name, parent, started = _process(pid)
        if name not in (*SHELLS, script, own):
            return b"%d.%s.%s" % (pid, started, _namespace()) if name else b""
        pid = parent
    return b""


def find_orphans(top: bytes, caller: bytes) -> list[bytes]:
    """Return what works in `top` and was taken over by a process above `caller`, for who started it ended; named as `find_caller` does."""
    if not caller:
        return []
    pid = int(caller.split(b".")[0])
    above, parent = {1, pid}, _process(pid)[1]
    while parent:
        above.add(parent)
        parent = _process(parent)[1]
    others = (int(each) for each in os.listdir(b"/proc") if each.isdigit())
    here = {each: _process(each) for each in others if each not in above and _works_in(top, b"/proc/%d" % each)}
    namespace = _namespace()
    left = [(each, name, started) for each, (name, parent, started) in here.items() if parent in above - {pid}]
    return [b"%d.%s.%s" % (each, started, namespace) for each, name, started in left if not _is_helper(each, name)]


def is_gone(process: bytes) -> bool:
    """Whether what `find_caller` or `find_orphans` named has ended; one that cannot be seen from here has not."""
    pid, started, namespace = process.split(b".")
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


def main(agent: bytes, inbox: bytes, top: bytes, index: bytes, *names: bytes) -> int:
    """Do what the module says for one call of the hook, and return the exit status; the variables `names` are spooled, too."""
    git_dir, common = find_places(top)
    variables = [b"%s=%s" % (name, os.environb.get(name, b"")) for name in names]
    hook = os.getppid()
    caller, top = find_caller(hook, script=_process(hook)[0]), os.path.realpath(top)
    orphans = find_orphans(top, caller)  # while git looks at the files
    status, others = _read(0), _read(4)
    head, listed = parse_status(status)
    untracked: set[bytes] | None = set(others.split(b"\0")) - {b""}
    if index:  # by its bare name, where this program runs
        second_index = __import__(__name__.removesuffix("snapshot") + "second_index", fromlist=["run"])
        untracked = second_index.correct_untracked(top, os.path.join(git_dir, b"index"), status, others)
    if head is None or untracked is None:
        return AGAIN
    listed += [(ABSENT, path) for path in sorted(untracked) if not path.endswith(b"/")]
    seen: dict[bytes, bytes] = {}
    for committed, path in listed:  # what left the index and is still there was said twice
        seen.setdefault(path, committed)
    payload = _read(3)
    algorithm = b"sha256" if len(head) == 64 or (not head and _is_sha256(common)) else b"sha1"
    fields = [b"byline.spool/1", agent, *variables, b"process=" + caller, b"orphans=" + b" ".join(orphans)]
    fields += [b"top=" + top, b"gitdir=" + git_dir, b"common=" + common, b"format=" + algorithm, b"head=" + head]
    fields += [b"clone=" + _line(os.path.join(common, b"byline", b"id"))]
    fields += scan_files(top, os.path.join(common, b"byline", b"contents"), algorithm, [(seen[path], path) for path in seen])
    spool(inbox, b"scan." + agent, fields, payload)
    return LARGE if _size(os.path.join(git_dir, b"index")) > LARGE_INDEX else 0


def _is_sha256(common: bytes) -> bool:
    with open(os.path.join(common, b"config"), "rb", buffering=0) as file:
        lines = [line.partition(b"=") for line in file.read().lower().split(b"\n")]
    return any(name.strip() == b"objectformat" and value.strip() == b"sha256" for name, _, value in lines)


def _process(pid: int) -> tuple[bytes, int, bytes]:
    """Return the name of the process `pid`, its parent, and when it started; nothing of one that is not there, or has ended."""
    told = _line(b"/proc/%d/stat" % pid)
    name, _, rest = told[told.find(b"(") + 1 :].rpartition(b") ")  # a name may hold anything
    fields = rest.split(b" ")
    return (name, int(fields[1]), fields[19]) if len(fields) > 19 and fields[0] not in ENDED else (b"", 0, b"")


def _works_in(top: bytes, process: bytes) -> bool:
    try:
        return (os.readlink(process + b"/cwd") + b"/").startswith(top + b"/")
    except OSError:  # it has ended, or is another user's
        return False


def _is_helper(pid: int, name: bytes) -> bool:
    """Whether a process writes no files of the work tree: what a commit leaves running, and what an agent watches its commands with."""
    words = b"" if name in WRITES_NOTHING else _whole(b"/proc/%d/cmdline" % pid)  # empty: it has ended
    return not words or any(each in words for each in HELPERS)


def _namespace() -> bytes:
    try:
        return os.readlink(b"/proc/self/ns/pid").strip(b"pid:[]")
    except OSError:
        return b""


def _line(path: bytes) -> bytes:
    """Return the first line of the file at `path`, empty where there is none."""
    return _whole(path).partition(b"\n")[0]


def _whole(path: bytes) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def _size(path: bytes) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # nothing was ever added
        return 0


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
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _share(contents, os.path.dirname(contents))
        _share(folder, contents)
    temp = os.path.join(folder, b".%d.%s" % (os.getpid(), os.urandom(6).hex().encode()))
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write(handle, data)
    except OSError:
        os.unlink(temp)
        raise
    finally:
        os.close(handle)
    _share(temp, folder)
    os.rename(temp, final)


def _share(path: bytes, folder: bytes) -> None:
    """Do what `capture.sharing` does."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        around, found = os.stat(folder), os.fstat(handle)
        if os.geteuid() == 0 and found.st_uid == 0 and around.st_uid != 0:
            os.fchown(handle, around.st_uid, around.st_gid)
        bits = around.st_mode & (0o2077 if found.st_mode & 0o040000 else 0o066)
        if bits & 0o066 and found.st_uid in (os.geteuid(), around.st_uid) and found.st_mode & bits != bits:
            os.fchmod(handle, found.st_mode & 0o7777 | bits)
    finally:
        os.close(handle)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _read(handle: int) -> bytes:
    parts = []
    while part := os.read(handle, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def run() -> None:
    """Scan as a program; it ends at once, for to tidy up takes a fifth of the interpreter's start."""
    status = FAILED
    try:
        status = main(*map(os.fsencode, sys.argv[1:]))
    finally:  # a hook never breaks the agent; what is missing is seen when the window is settled
        os._exit(status)
