# SPDX-License-Identifier: Apache-2.0
"""What each framework's fake model asks for, and the tools that do it: the same for all of them. Runs where the framework is installed.

Turn by turn: an edit, a shell command, two edits at once, an edit whose tool fails after it wrote, another agent that writes a file of
its own; before the second turn a person types. A driver makes the framework's own calls of `TURNS`, and of `INNER` for the other agent.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

MODEL, INNER_MODEL = "fake-1", "fake-2"
PATHS = {"write_file": "path", "fails": lambda path: [path]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of a tool that the model asks for."""

    id: str
    tool: str
    arguments: dict[str, str] = field(default_factory=dict)


def _writes(call: str, path: str, tool: str = "write_file") -> Asked:
    return Asked(id=call, tool=tool, arguments={"path": path, "content": f"{path} = 1\n"})


TURNS: tuple[tuple[Asked, ...], ...] = (
    (_writes("c1", "a.py"),),
    (Asked(id="c2", tool="shell", arguments={"command": "echo b = 2 >> a.py; echo made = 1 > made.py"}),),
    (_writes("c3", "one.py"), _writes("c4", "two.py")),
    (Asked(id="c5", tool="fails", arguments={"path": "broken.py"}),),
    (Asked(id="c6", tool="delegate", arguments={"task": "write inner.py"}),),
)
INNER: tuple[tuple[Asked, ...], ...] = ((_writes("i1", "inner.py"),),)


def turn(turns: tuple[tuple[Asked, ...], ...], number: int) -> tuple[Asked, ...]:
    """Return what the model asks for in a turn, nothing after the last; a person types while it thinks about the second."""
    if turns is TURNS and number == 1 and "typed" not in (text := Path("human.py").read_text()):
        Path("human.py").write_text(f"{text}typed = 1\n")
    return turns[number] if number < len(turns) else ()


def write_file(path: str, content: str) -> str:
    """Write a file.

    Args:
        path: Where.
        content: What.
    """
    Path(path).write_text(content)
    return f"wrote {path}"


def shell(command: str) -> str:
    """Run a command.

    Args:
        command: What to run.
    """
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - an agent's shell
    return "ran"


def fails(path: str) -> str:
    """Write a file, and fail.

    Args:
        path: Where.
    """
    Path(path).write_text("broken = 1\n")
    raise ValueError("the disk is on fire")
