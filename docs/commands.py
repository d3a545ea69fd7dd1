# SPDX-License-Identifier: Apache-2.0
"""Print docs/commands.md: what every command says about itself. `make docs` writes it, and a test holds it equal."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

from byline_cli.catalogue import COMMANDS


def ask(*words: str) -> str:
    """Take the help of a command, as wide as a page."""
    command = [sys.executable, "-m", "byline_cli", *words, "--help"]
    environ = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def page() -> str:
    """Make the page."""
    parts = ["# Commands", "What `byline --help` and `byline COMMAND --help` say; written by `make docs`.", f"```text\n{ask()}\n```"]
    for name in COMMANDS:
        parts += [f"## byline {name}", f"```text\n{ask(name)}\n```"]
        verbs = getattr(import_module(f"byline_cli.commands.{name}"), "VERBS", {})
        parts += [f"```text\n{ask(name, verb)}\n```" for verb in verbs]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
