# SPDX-License-Identifier: Apache-2.0
"""How git is called: one environment, decided here, in which nothing of the repository changes an answer or runs a program.

| What could steer git | What Byline does |
|---|---|
| variables of a hook (`GIT_DIR`, `GIT_INDEX_FILE`, `GIT_PREFIX`, ...) | dropped; those that say where the repository is on demand kept |
| variables of the operator (`GIT_CONFIG_*`, `GIT_SSH*`, certificates) | kept |
| replace refs, grafts, commit-graph | off |
| hooks, fsmonitor, external diff, text conversion | off |
| lazy fetch of a partial clone | off, and no transport is allowed outside `remotes` |
| aliases | cannot apply: every command is git's own |
| language of messages | `C` |

One command runs what the user's configuration names, and says so: `worktree.unsafe_clean`, for the attester.

Every process has a time limit and a session of its own, so that it cannot ask a terminal anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from byline.core.value import dataclass
from byline.errors import NotARepositoryError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 120.0

# Where the repository is. Only a hook that speaks of its own repository wants these.
_PLACE = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
    }
)
_OBJECTS = _PLACE - {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"}

# What the operator set for every repository; none of it can come from a repository.
_KEPT = ("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_PROXY", "GIT_HTTP", "GIT_EXEC_PATH", "GIT_CEILING", "GIT_DISCOVERY", "GIT_ALLOW_PROTOCOL")

_SETTINGS = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "LC_ALL": "C",
    "SSH_ASKPASS_REQUIRE": "never",
}
_PROMPTS = frozenset({"GIT_ASKPASS", "SSH_ASKPASS", "LANGUAGE"})

_CONFIG = (
    *("-c", "core.hooksPath=" + os.devnull),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.commitGraph=false"),
    *("-c", "core.askPass="),
    *("-c", "core.fsync=committed,loose-object,reference"),
    *("-c", "core.fsyncMethod=batch"),
    *("-c", "advice.graftFileDeprecated=false"),
)


def git_environment(environ: Mapping[str, str], *, keep_place: bool) -> dict[str, str]:
    """Return the environment in which git runs; `keep_place` keeps what says where the repository is."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _PROMPTS and (not name.startswith("GIT_") or name.startswith(_KEPT) or (keep_place and name in _PLACE))
    }
    return kept | _SETTINGS


@dataclass(frozen=True, slots=True)
class Git:
    """Git at one place: `arguments` stand before every command, `folder` is where it runs. Thread-safe."""

    environment: Mapping[str, str]
    folder: Path
    arguments: tuple[str, ...] = ()

    def at(self, git_dir: Path, top: Path | None) -> Git:
        """Return the git of a repository that was found: from here on its place is said, not looked for."""
        environment = {name: value for name, value in self.environment.items() if name not in _PLACE}
        for name in _OBJECTS & self.environment.keys():  # said relative to where the hook runs, which is not where git will run
            paths = self.environment[name].split(os.pathsep)
            environment[name] = os.pathsep.join(str(self.folder / path) for path in paths if path)
        where = (f"--git-dir={git_dir}",) if top is None else (f"--git-dir={git_dir}", f"--work-tree={top}")
        return Git(environment, top or git_dir, where)

    def command(self, *arguments: str | bytes) -> list[str | bytes]:
        """Return the whole command line."""
        return ["git", "--no-pager", *self.arguments, *_CONFIG, *arguments]

    @property
    def offline(self) -> Mapping[str, str]:
        """The environment of a command that has no business with a network, whatever a partial clone asks for."""
        return {**self.environment, "GIT_ALLOW_PROTOCOL": ""}

    def run(
        self, *arguments: str | bytes, data: bytes = b"", ok: Sequence[int] = (0,), seconds: float = SECONDS, online: bool = False
    ) -> bytes:
        """Return what `git ARGUMENTS` prints, given `data` on its standard input.

        Raises:
            RepositoryError: Its exit code is not in `ok`, it took longer than `seconds`, or there is no git.
        """
        code, out, err = self.outcome(*arguments, data=data, seconds=seconds, online=online)
        if code not in ok:
            raise git_error(arguments[0], err)
        return out

    def outcome(self, *arguments: str | bytes, data: bytes = b"", seconds: float = SECONDS, online: bool = False) -> tuple[int, bytes, str]:
        """Return exit code, standard output and standard error of `git ARGUMENTS`.

        Raises:
            RepositoryError: It took longer than `seconds`, or there is no git.
        """
        environment = self.environment if online else self.offline
        try:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise no_git(self.folder, error) from error
        with process:
            try:
                out, err = process.communicate(data, timeout=seconds)
            except subprocess.TimeoutExpired as error:
                raise RepositoryError(f"git {_text(arguments[0])} took longer than {seconds:.0f} seconds") from error
            finally:
                end_group(process)
        return process.returncode, out, err.decode(errors="replace").strip()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End `process` and what it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def git_error(command: str | bytes, message: str) -> RepositoryError:
    """Return the error that git's `message` stands for."""
    if "dubious ownership" in message:
        return RepositoryError(
            "git does not read this repository, because another user owns it",
            hint="if you trust it: git config --global --add safe.directory <its folder>",
        )
    if "not a git repository" in message.lower():
        return NotARepositoryError("not inside a git repository", hint="run this in a work tree, or make one with: git init")
    lines = message.splitlines()
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "no message")
    return RepositoryError(f"git {_text(command)}: {first.removeprefix('fatal: ').removeprefix('error: ')}")


def no_git(folder: Path, error: OSError) -> RepositoryError:
    """Return the error for a git that could not be started in `folder`."""
    if not folder.is_dir():
        return NotARepositoryError(f"there is no folder {folder}")
    return RepositoryError(f"git could not be started: {error.strerror}", hint="install git 2.31 or later, and have it on PATH")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
