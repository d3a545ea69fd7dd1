# SPDX-License-Identifier: Apache-2.0
r"""Accounts: other users of this machine, each with a home folder and an agent in it. Only root can play them.

ana = account(place, "daemon")              # `place` is a folder that everybody may enter
ana.byline("status", cwd=clone)             # as that user, in that home
ana.agent_wrote(file, old="", new="x\n")    # the hooks that `byline init --user` gave to their Claude Code

Where this Python lies in a folder of root alone, the account runs in a mount namespace of its own, in which one can get there.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

import pytest

from installed import PROGRAM, Said

WHO = ("-c", "user.name=Ana", "-c", "user.email=ana@example.invalid")


@dataclass(frozen=True, slots=True)
class Account:
    """A real account of this machine with a home folder of its own."""

    uid: int
    gid: int
    home: Path

    def runs(self, *words: str, cwd: Path, data: bytes = b"", umask: int = 0o022) -> Said:
        """Run a program as this account."""
        environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
        become = ("setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", *words)
        call = [*_way_in(), *become]
        done = subprocess.run(call, cwd=cwd, env=environ, input=data, capture_output=True, check=False, timeout=120, umask=umask)
        return Said(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def byline(self, *words: str, cwd: Path) -> Said:
        """Run a command of Byline, which does what it is told."""
        said = self.runs(*PROGRAM, *words, cwd=cwd)
        assert said.code == 0, said
        return said

    def git(self, *words: str, cwd: Path) -> None:
        """Run git, which does what it is told."""
        said = self.runs("git", *WHO, *words, cwd=cwd, umask=0o002)
        assert said.code == 0, said

    def commits(self, cwd: Path) -> None:
        """Commit all there is, and wait for the statement."""
        self.git("add", "--all", cwd=cwd)
        self.git("commit", "--quiet", "--message", "a change", cwd=cwd)
        self.byline("attest", "--wait", cwd=cwd)

    def owners(self, name: str, cwd: Path) -> list[str]:
        """Return the origin of each line that is committed."""
        said = json.loads(self.byline("blame", "--json", "HEAD", name, cwd=cwd).out)
        return [each["origin"] for each in said["ranges"] for _ in range(each["start"], each["end"] + 1)]

    def agent_wrote(self, file: Path, *, old: str, new: str) -> None:
        """Call the hooks of this account's agent, which says that it wrote `new` where `old` stood."""
        told = {"tool_name": "Write", "tool_use_id": f"w-{file.name}", "tool_input": {"file_path": str(file), "content": new}}
        self.hook("PostToolUse", file.parent, **told, tool_response={"type": "update", "content": new, "originalFile": old})

    def agent_runs(self, command: str, cwd: Path) -> None:
        """Let this account's agent run `command` between its hooks."""
        told = {"tool_name": "Bash", "tool_use_id": command, "tool_input": {"command": command}}
        self.hook("PreToolUse", cwd, **told)
        assert self.runs("sh", "-c", command, cwd=cwd).code == 0
        self.hook("PostToolUse", cwd, **told, tool_response={"stdout": "", "stderr": "", "interrupted": False})

    def hook(self, event: str, cwd: Path, **members: object) -> None:
        """Call what the settings of this account's agent name for `event`."""
        settings = json.loads((self.home / ".claude/settings.json").read_text())
        told = {"cwd": str(cwd), "hook_event_name": event, "session_id": f"s-{self.uid}", **members}
        for entry in settings["hooks"][event]:
            if re.fullmatch(entry["matcher"], str(members["tool_name"])):
                for hook in entry["hooks"]:
                    assert self.runs("sh", "-c", hook["command"], cwd=cwd, data=json.dumps(told).encode()) == Said(0, "", "")


def account(place: Path, name: str, *, gid: int | None = None) -> Account:
    """Return the account `name` with a home folder in `place`, and an agent in it that calls Byline in all repositories."""
    if os.geteuid() != 0 or which("setpriv") is None:
        pytest.skip("another account can be played by root only, with setpriv")
    found = pwd.getpwnam(name)
    home = place / name
    home.mkdir()
    os.chown(home, found.pw_uid, found.pw_gid)
    made = Account(found.pw_uid, found.pw_gid if gid is None else gid, home)
    said = made.runs(sys.executable, "-c", "import byline_cli", cwd=place)
    if said.code:
        pytest.skip(f"the account {name} cannot run this Python: {said.err}")
    return made


@cache
def _way_in() -> tuple[str, ...]:
    """Return the words before those that an account runs: none where this Python and these sources are open to all."""
    places = map(Path, (sys.base_prefix, sys.prefix, *sys.path, Path(__file__).parents[1]))
    needed = {Path(os.path.realpath(each)) for each in places if each.is_dir()}
    shut = {closed: [each for each in needed if closed in (each, *each.parents)] for each in needed if (closed := _closed(each))}
    if not shut:
        return ()
    script = "set -e\n"
    for closed, inside in shut.items():
        kept = [each for each in inside if not any(other in each.parents for other in inside)]
        script += "t=$(mktemp -d)\nmount -t tmpfs tmpfs $t\n"
        script += "".join(f"mkdir $t/{n}\nmount --bind '{each}' $t/{n}\n" for n, each in enumerate(kept))
        script += f"mount -t tmpfs -o mode=755 tmpfs '{closed}'\n"
        script += "".join(f"mkdir -p '{each}'\nmount --bind $t/{n} '{each}'\n" for n, each in enumerate(kept))
        script += "umount -l $t\nrmdir $t\n"
    words = ("unshare", "--mount", "sh", "-c", script + 'exec "$@"', "sh")
    if which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"other accounts cannot reach this Python, and a mount namespace cannot be made here: {', '.join(map(str, shut))}")
    return words


def _closed(path: Path) -> Path | None:
    """Return the topmost folder on the way to `path` that others may not enter."""
    return next((each for each in reversed((path, *path.parents)) if not each.stat().st_mode & 0o001), None)
