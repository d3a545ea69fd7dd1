# SPDX-License-Identifier: Apache-2.0
r"""A real run of an agent, again: its saved payloads, given to its hooks around real writes in a real repository.

RUN = SavedRun(
    agent="codex",
    payloads="codex",                                        # tests/vectors/payloads/codex/NN-Event-Tool.json
    starts={"human.py": "x = 1\n"},                           # what is committed before
    writes={4: {"app.py": "y = 2\n"}, 8: {"human.py": None}},  # what the agent did before it sent payload NN; None: it is gone
    edits=(("app.py", None, "y = 2\n"), ...),                 # what the journal has to say: path, before, after
)
RUN.live(scratch, home, knocking)        # through the reference door; `spooling(folder)`: through the shell that is installed
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byline.capture.agents import AGENT_VARIABLES
from byline.capture.agents.catalogue import find_adapter
from byline.capture.door import take_hook
from byline.capture.launcher import format_launcher
from byline.capture.spool import agent_stub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from byline.capture.agents import Call
    from scratch import Scratch

    Hook = Callable[[str, Call, bytes, Mapping[str, str], Path], None]

PAYLOADS = Path(__file__).parent / "vectors" / "payloads"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """One saved run; see the module."""

    agent: str
    payloads: str
    starts: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[int, Mapping[str, str | None]]
    edits: tuple[tuple[str, str | None, str | None], ...]
    names_model: bool = True
    author: str = ""
    transcript: str = ""

    @property
    def by(self) -> str:
        """The agent that made the edits; it may have called another one's hooks."""
        return self.author or self.agent

    def __str__(self) -> str:
        return self.payloads

    def live(self, scratch: Scratch, home: Path, hook: Hook) -> None:
        """Do what the agent did, and call its hooks as its settings would."""
        for name, text in self.starts.items():
            scratch.write(name, text)
        scratch.commit("what was there")
        if self.transcript:  # no payload says where it is
            self._put_transcript({"transcript_path": home / self.transcript})
        for path in sorted((PAYLOADS / self.payloads).glob("[0-9]*.json")):
            number, event, *tool = path.stem.split("-")
            for name, after in self.writes.get(int(number), {}).items():
                (scratch.path / name).unlink() if after is None else scratch.write(name, after)
            saved = json.loads(path.read_text().replace("/home/user", str(home)).replace('"/repo', f'"{scratch.path}'))
            self._put_transcript(saved["payload"])
            for call in find_adapter(self.agent).hooks:
                if call.event == event and re.fullmatch(call.matcher or ".*", "-".join(tool)):
                    hook(self.agent, call, json.dumps(saved["payload"]).encode(), saved["env"], scratch.path)

    def _put_transcript(self, payload: dict[str, Any]) -> None:
        place = payload.get("transcript_path")
        for saved in (PAYLOADS / self.payloads).glob("transcript.*") if place else ():
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(saved, Path(place).with_suffix(saved.name.removeprefix("transcript")))


def knocking(agent: str, call: Call, payload: bytes, environ: Mapping[str, str], cwd: Path) -> None:
    """Give a payload to the reference door, which is no guard."""
    if not call.guard:
        take_hook(agent, payload, environ={**os.environ, **environ}, cwd=cwd)


def spooling(folder: Path) -> Hook:
    """Return what gives a payload to the shell that `init` installs, made in `folder`."""
    launcher = folder / "launcher"
    launcher.write_bytes(format_launcher(sys.executable))

    def hook(agent: str, call: Call, payload: bytes, environ: Mapping[str, str], cwd: Path) -> None:
        stub = folder / f"{agent}.sh"
        stub.write_text(agent_stub(agent, launcher=launcher))
        clean = {name: value for name, value in os.environ.items() if name not in AGENT_VARIABLES}
        command = ["sh", str(stub), *call.mode.split()]
        done = subprocess.run(command, input=payload, env={**clean, **environ}, cwd=cwd, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    return hook
