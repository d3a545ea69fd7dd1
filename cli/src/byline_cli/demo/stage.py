# SPDX-License-Identifier: Apache-2.0
"""The stage: people with homes of their own, who type real commands, and the list of what was claimed and checked.

Every actor has a home and a configuration that nobody else sees; nothing of the person who runs the demonstration is read or
written. A command is shown as it is typed, run as a process, and what it said is shown, trimmed. `claim` ends the play when a
claim does not hold. Whatever happens, `close` stops every process that the stage started.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from byline.core.value import dataclass, field
from byline_cli.terminal import Paint, shorten

if TYPE_CHECKING:
    from pathlib import Path

    from byline_cli.terminal import Terminal

TIMEOUT = 60
SHOWN_LINES = 14
MARGIN = " " * 5

# What stays together on a line of the shell: an option with its value, a word with its quotes.
_PART = re.compile(r"(?:--[\w-]+ (?!-))?(?:'[^']*'|[^\s'])+")


class ClaimError(Exception):
    """A claim of the demonstration does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One row of the table at the end."""

    scene: int
    claim: str
    how: str
    seconds: float


@dataclass(slots=True, kw_only=True)
class Stage:
    """Where the story is played: `root` holds everybody's home and work."""

    root: Path
    terminal: Terminal
    columns: int = 100
    checked: list[Checked] = field(default_factory=list)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    number: int = 0
    _since: float = 0.0

    def scene(self, title: str) -> None:
        """Begin the next scene."""
        self.number += 1
        self._since = time.monotonic()
        self.terminal.line()
        self.terminal.line(Paint(f"{self.number}. {title}", "bold"))

    def say(self, text: str) -> None:
        """Tell the audience something."""
        for line in wrap(text, self.columns - 3, break_on_hyphens=False):
            self.terminal.line(Paint(f"   {line}", "grey"))

    def claim(self, claim: str, how: str, *, holds: bool) -> None:
        """Check one claim.

        Raises:
            ClaimError: It does not hold.
        """
        now = time.monotonic()
        if not holds:
            raise ClaimError(f"scene {self.number}: this does not hold: {claim} ({how})")
        self.checked.append(Checked(scene=self.number, claim=claim, how=how, seconds=now - self._since))
        self._since = now
        self.terminal.line(Paint(f"   ✓ {claim}", "green"))

    def actor(self, name: str, *, cwd: Path | None = None) -> Actor:
        """Return a person with a home of their own."""
        home = self.root / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitconfig").write_text(
            f"[user]\n\tname = {name.capitalize()}\n\temail = {name}@example.invalid\n"
            "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n[commit]\n\tgpgSign = false\n"
        )
        return Actor(stage=self, name=name, home=home, cwd=cwd or home)

    def close(self) -> None:
        """Stop every server."""
        for server in self.servers:
            if server.poll() is None:
                server.terminate()
        for server in self.servers:
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(timeout=10)
        self.servers.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody at a keyboard."""

    stage: Stage
    name: str
    home: Path
    cwd: Path

    def at(self, cwd: Path) -> Actor:
        """Return the same person in another folder."""
        return Actor(stage=self.stage, name=self.name, home=self.home, cwd=cwd)

    def environ(self) -> dict[str, str]:
        """Return the person's environment, with nothing of whoever runs the demonstration."""
        keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR", "BYLINE_DEBUG") if name in os.environ}
        home = str(self.home)
        return {
            **keep,
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "GIT_CONFIG_GLOBAL": f"{home}/.gitconfig",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": str(self.stage.columns - len(MARGIN)),
        }

    def types(self, command: str, *, expect: int = 0, show: int = SHOWN_LINES, last: int = 0, save: str = "") -> Said:
        """Run `command` as the person types it, show it and of its answer the first `show` and `last` lines, or `save` it in a file.

        Raises:
            ClaimError: It did not exit with `expect`.
        """
        terminal, columns = self.stage.terminal, self.stage.columns - len(MARGIN)
        self._prompts(command + (f" > {save}" if save else ""))
        said = self.quietly(command)
        if save:
            (self.cwd / save).write_text(said.out)
            said = Said(code=said.code, out="", err=said.err)
        lines = [line for line in (said.out + said.err).splitlines() if line.strip()]
        left_out = len(lines) - show - last if show else 0
        if left_out > 0:
            lines[show : len(lines) - last] = [f"… {left_out} more"]
        for line in lines if show else ():
            for row in _rows(line, columns):
                terminal.line(MARGIN, row)
        if said.code != expect:
            terminal.text(said.out + said.err)
            raise ClaimError(f"scene {self.stage.number}: `{command}` exits {expect}; it exited {said.code}")
        if expect:
            terminal.line(MARGIN, Paint(f"(exit {said.code})", "yellow"))
        return said

    def quietly(self, command: str, *, expect: int | None = None) -> Said:
        """Run `command` behind the scene.

        Raises:
            ClaimError: It did not exit with `expect`.
        """
        done = subprocess.run(
            _words(command), cwd=self.cwd, env=self.environ(), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=TIMEOUT
        )
        said = Said(code=done.returncode, out=done.stdout.decode("utf-8", "replace"), err=done.stderr.decode("utf-8", "replace"))
        if expect is not None and said.code != expect:
            raise ClaimError(f"scene {self.stage.number}: `{command}` exits {expect}; it exited {said.code}: {said.err.strip()}")
        return said

    def json(self, command: str, *, expect: int | None = None) -> dict[str, Any]:
        """Run `command` behind the scene and read the JSON that it answers."""
        from byline.core.canonical import parse_strict

        value = parse_strict(self.quietly(command, expect=expect).out.encode())
        return value if isinstance(value, dict) else {}

    def starts(self, command: str) -> str:
        """Start a server, shown as typed; return the first line that it says.

        Raises:
            ClaimError: It said nothing.
        """
        self._prompts(f"{command} &")
        log = (self.home / "server.log").open("w")
        with log:
            server = subprocess.Popen(  # the stage stops it
                _words(command),
                cwd=self.cwd,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.stage.servers.append(server)
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        line = server.stdout.readline().strip()
        if not line:
            raise ClaimError(f"`{command}` starts; it said {(self.home / 'server.log').read_text()[-400:]!r}")
        self.stage.terminal.line(MARGIN, line)
        return line

    def _prompts(self, command: str) -> None:
        prompt = f"   {self.name} $ "
        first, *more = _continued(command, self.stage.columns - len(prompt))
        self.stage.terminal.line(Paint(prompt, "cyan"), Paint(first, "bold"))
        for line in more:
            self.stage.terminal.line(" " * len(prompt), Paint(line, "bold"))

    def writes(self, path: str, text: str) -> None:
        """Type a file by hand."""
        place = self.cwd / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def reads(self, path: str) -> str:
        """Return the text of a file."""
        return (self.cwd / path).read_text()


def remove(root: Path) -> None:
    """Remove the stage's folder, with read-only git objects in it."""
    shutil.rmtree(root, ignore_errors=True)


def _rows(line: str, columns: int) -> list[str]:
    """Return `line` in at most `columns`: prose is wrapped under its indent, a line of source beside its author is cut."""
    if "│" in line:
        return [shorten(line, columns)]
    indent = " " * (len(line) - len(line.lstrip()))
    return wrap(line, columns, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)


def _continued(command: str, columns: int) -> list[str]:
    """Return `command` on lines of at most `columns`, if its parts allow, continued as a shell wants it."""
    lines = [""]
    for part in _PART.findall(command):
        if lines[-1] and len(lines[-1]) + len(part) + 3 > columns:
            lines[-1] += " \\"
            lines.append(f"  {part}")
        else:
            lines[-1] += f" {part}" if lines[-1] else part
    return lines


def _words(command: str) -> list[str]:
    words = shlex.split(command)
    return [sys.executable, "-I", "-m", "byline_cli", *words[1:]] if words[0] == "byline" else words
