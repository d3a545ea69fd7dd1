# SPDX-License-Identifier: Apache-2.0
"""What one hook call costs the agent, as `byline init` installs it: on a file of 10,000 lines, and in a repository of 50,000 files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figure import BARE_PYTHON, ratio, run, take_turns
from workshop import AGENT, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from figure import Figure

MANY = 50_000
LINES = "".join(f"line {number} = compute({number}, other={number * 7})\n" for number in range(10_000))


def measure(place: Path) -> Iterator[Figure]:
    """Call the installed hooks in turns with a bare Python start, and with git's own look at the work tree."""
    shop = Workshop.create(place)
    target = shop.path / "long.py"
    shop.agent_writes("long.py", LINES)
    shop.git("add", "--all")
    shop.commit()
    text = LINES.replace("line 77 ", "line 78 ")
    target.write_text(text)
    answer: dict[str, object] = {"type": "update", "filePath": str(target), "content": text, "originalFile": LINES}
    written = shop.payload("PostToolUse", "Write", {"file_path": str(target), "content": text}, answer)
    about = shop.payload("PreToolUse", "Bash", {"command": "make"})
    ran = shop.payload("PostToolUse", "Bash", {"command": "make"}, {"stdout": "", "stderr": "", "interrupted": False})
    environ = {**shop.environ, **AGENT}

    def call(event: str, tool: str, payload: Path) -> bytes:
        return run(["sh", "-c", hooks[event, tool]], cwd=shop.path, given=payload, environ=environ)

    hooks = {key: shop.hook(*key) for key in (("PostToolUse", "Write"), ("PreToolUse", "Bash"), ("PostToolUse", "Bash"))}
    bare, write, before, after = take_turns(
        lambda: run(BARE_PYTHON, cwd=shop.path, environ=environ),
        lambda: call("PostToolUse", "Write", written),
        lambda: call("PreToolUse", "Bash", about),
        lambda: call("PostToolUse", "Bash", ran),
    )
    against = "python -I -S -c pass"
    yield ratio("hook: the payload holds the text (Write)", took=write, against=against, base=bare, budget=0.7)
    yield ratio("hook: before a shell command (Bash)", took=before, against=against, base=bare, budget=3)
    yield ratio("hook: after a shell command (Bash)", took=after, against=against, base=bare, budget=3)
    yield from _scan_many(shop, environ)


def _scan_many(shop: Workshop, environ: dict[str, str]) -> Iterator[Figure]:
    """Scan a repository of many files, in turns with git's own look at each of them."""
    for number in range(MANY):
        file = shop.path / f"d{number // 5000}/e{number // 100}/f{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"value = {number}\n")
    shop.git("add", "--all")
    shop.commit()
    (shop.path / "new.py").write_text("one\n")
    (shop.path / "d0/e0/f0.py").write_text("another\n")
    shop.git("status")
    ran = shop.payload("PostToolUse", "Bash", {"command": "make"}, {"stdout": "", "stderr": "", "interrupted": False})
    hook = shop.hook("PostToolUse", "Bash")
    base, scan = take_turns(
        lambda: run(["git", "diff-files"], cwd=shop.path, environ=environ),
        lambda: run(["sh", "-c", hook], cwd=shop.path, given=ran, environ=environ),
    )
    yield ratio(f"hook: after a shell command, {MANY:,} files", took=scan, against="git diff-files", base=base, budget=1.5)
