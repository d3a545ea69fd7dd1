# SPDX-License-Identifier: Apache-2.0
"""What one hook call costs the agent, as `byline init` installs it: on a file of 10,000 lines, in a repository of 50,000 files, guarded."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from figure import BARE_PYTHON, ratio, run, take_turns
from workshop import AGENT, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from figure import Figure

AGAINST = "python -I -S -c pass"
MANY = 50_000
RULES = """
[[agent]]
paths = ["infra/**"]
commands = ["destroy-infrastructure"]
effect = "deny"

[[agent]]
agents = ["codex"]
models = ["*mini*"]
paths = ["migrations/**"]
effect = "ask"
"""
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

    scans = (("PreToolUse", "Bash"), ("PostToolUse", "Bash"))
    hooks = {("PostToolUse", "Write"): shop.hook("PostToolUse", "Write"), **{key: shop.hook(*key, "scan") for key in scans}}
    bare, write, before, after = take_turns(
        lambda: run(BARE_PYTHON, cwd=shop.path, environ=environ),
        lambda: call("PostToolUse", "Write", written),
        lambda: call("PreToolUse", "Bash", about),
        lambda: call("PostToolUse", "Bash", ran),
    )
    yield ratio("hook: the payload holds the text (Write)", took=write, against=AGAINST, base=bare, budget=0.7)
    yield ratio("hook: before a shell command (Bash)", took=before, against=AGAINST, base=bare, budget=3)
    yield ratio("hook: after a shell command (Bash)", took=after, against=AGAINST, base=bare, budget=3)
    yield from _ask_guard(shop, environ)
    yield from _scan_many(shop, environ)


def _ask_guard(shop: Workshop, environ: dict[str, str]) -> Iterator[Figure]:
    """Ask whether calls may be made: under a policy with rules for agents, and where there is none."""
    policy = shop.path / ".byline/policy.toml"
    policy.write_text(policy.read_text() + RULES)
    shop.commit()
    asked: dict[str, tuple[str, dict[str, object]]] = {
        "an unrelated file": ("Write", {"file_path": str(shop.path / "long.py"), "content": "x = 1\n"}),
        "an unrelated command": ("Bash", {"command": "make -j4 test 2>&1 | tail -n 20 && git status"}),
        "a no, which is recorded": ("Write", {"file_path": str(shop.path / "infra/db.tf"), "content": "x = 1\n"}),
    }
    calls = {name: shop.payload("PreToolUse", tool, given, name=name) for name, (tool, given) in asked.items()}
    hook = shop.hook("PreToolUse", "Write", "guard")

    def ask(payload: Path) -> Callable[[], object]:
        return lambda: run(["sh", "-c", hook], cwd=shop.path, given=payload, environ=environ)

    bare, *took = take_turns(lambda: run(BARE_PYTHON, cwd=shop.path, environ=environ), *map(ask, calls.values()))
    for name, each in zip(calls, took, strict=True):
        yield ratio(f"guard: {name}", took=each, against=AGAINST, base=bare, budget=3)
    policy.unlink()
    (shop.path / ".git/byline/guarded").unlink()
    bare, none = take_turns(lambda: run(BARE_PYTHON, cwd=shop.path, environ=environ), ask(calls["an unrelated file"]))
    yield ratio("guard: no policy", took=none, against=AGAINST, base=bare, budget=0.7)
    shop.git("checkout", "--", ".byline/policy.toml")


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
    hook = shop.hook("PostToolUse", "Bash", "scan")
    index, made_of = shop.path / ".git/index", shop.path / ".git/byline/index.of"

    def look() -> object:
        return run(["git", "diff-files"], cwd=shop.path, environ=environ)

    def scan() -> object:
        return run(["sh", "-c", hook], cwd=shop.path, given=ran, environ=environ)

    def be_known() -> None:
        for _ in range(600):
            if made_of.exists() and made_of.samefile(index):
                return
            time.sleep(0.1)
        raise SystemExit("no scan made an index of its own")

    def be_new() -> None:
        be_known()
        copy = index.with_name("copy")
        shutil.copy2(index, copy)
        copy.replace(index)

    scan()
    for name, ready in (("", be_known), (", once after git add", be_new)):
        base, took = take_turns(look, scan, ready=ready)
        yield ratio(f"hook: after a shell command, {MANY:,} files{name}", took=took, against="git diff-files", base=base, budget=1.5)
