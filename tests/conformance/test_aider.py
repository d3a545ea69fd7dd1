# SPDX-License-Identifier: Apache-2.0
"""aider itself, which has no hooks, driven by a scripted model: its commits say who wrote them, and `byline record` sees it exactly."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from installed import PROGRAM, Installed, run
from model_server import ModelServer, Turn
from tools import python_program

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

MODEL = "openai/gpt-4o"
STARTS = "one = 1\ntwo = 2\n"
REPLY = """\
app.py
```python
<<<<<<< SEARCH
=======
made = 1
>>>>>>> REPLACE
```

human.py
```python
<<<<<<< SEARCH
one = 1
=======
one = 100 + 1
>>>>>>> REPLACE
```
"""

ASKED = "one = 1\ntwo = 2\ntyped = 3\n# raise one, AI!\n"
RAISED = """\
human.py
```python
<<<<<<< SEARCH
one = 1
=======
one = 100 + 1
>>>>>>> REPLACE
```

human.py
```python
<<<<<<< SEARCH
# raise one, AI!
=======
>>>>>>> REPLACE
```
"""
SECONDS = 300


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone whose person declares their own lines, and has typed one that is not committed."""
    repository.write("human.py", STARTS)
    repository.commit()
    clone = Installed.create(repository)
    repository.write("human.py", "one = 1\ntwo = 2\ntyped = 3\n")
    return clone


def aider_words(home: Path, *options: str) -> list[str | Path]:
    """Return aider's command, set up as far as it need not ask."""
    aider = python_program("aider-chat", "0.86.2", "aider")
    prices = home / ".aider/caches/model_prices_and_context_window.json"
    prices.parent.mkdir(parents=True, exist_ok=True)
    prices.write_text("{}")  # it would look for newer ones
    quiet = ("--no-show-model-warnings", "--yes-always", "--no-stream", "--no-gitignore", "--map-tokens", "0")
    return [aider, "--model", MODEL, "--edit-format", "diff", *quiet, *options]


def aider_environ(model: ModelServer) -> dict[str, str]:
    """Return where aider's model is, and what keeps it from looking elsewhere."""
    environ = {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": f"{model.url}/v1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return environ | {"AIDER_ANALYTICS": "false", "AIDER_CHECK_UPDATE": "false"}


def says(reply: str) -> ModelServer:
    """Return the model: what it says of a commit, and, as aider's prompt holds an example of a reply, what it replies then."""
    return ModelServer({"": (Turn(text="made it"), Turn(text=reply))}, has_tools=False)


def asks_aider(clone: Installed, home: Path, *around: str, options: tuple[str, ...] = ()) -> None:
    """Let aider make what the model says."""
    words = aider_words(home, "--no-pretty", *options, "--message", "Write app.py please", "app.py", "human.py")
    with says(REPLY) as model:
        said = run(*around, *words, cwd=clone.path, environ=aider_environ(model))
    assert said.code == 0, said
    assert (clone.path / "app.py").read_text() == "made = 1\n", said


def types_beside_aider(clone: Installed, home: Path, *around: str) -> None:
    """Let aider watch the files, at a terminal as it wants one, while a person types a comment for it."""
    file, terminal = clone.path / "human.py", {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    ours, its = pty.openpty()
    with says(RAISED) as model, os.fdopen(ours, "r+b", buffering=0) as screen:
        environ = {**os.environ, **aider_environ(model), **terminal}
        command = [*around, *aider_words(home, "--watch-files")]
        with subprocess.Popen(command, cwd=clone.path, env=environ, stdin=its, stdout=its, stderr=its, start_new_session=True) as aider:
            try:
                os.close(its)
                said, ends = b"", time.monotonic() + SECONDS
                while b"Commit" not in said.partition(b"Applied edit")[2]:
                    assert time.monotonic() < ends, said
                    if select.select([screen], [], [], 1)[0]:
                        said += screen.read(4096) or b""
                    elif b"> " in said and file.read_text() in (STARTS, ASKED):
                        file.write_text(ASKED)  # again, where the first time came before it watched
                screen.write(b"/exit\r")
                while select.select([screen], [], [], 1)[0] or aider.poll() is None:
                    assert time.monotonic() < ends, said
                    try:
                        said += screen.read(4096) or b""
                    except OSError:  # nobody is at the other end any more
                        break
            finally:
                aider.kill()
        assert aider.returncode == 0, said


def wrote(clone: Installed, name: str) -> list[tuple[str, str, str | None]]:
    """Return the origin, the evidence and the agent's model of each line at HEAD."""
    clone.attest()
    said = json.loads(clone.byline("blame", "--json", "HEAD", name).out)
    return [(each["origin"], each["evidence"], each.get("model")) for each in said["ranges"] for _ in range(each["start"], each["end"] + 1)]


def test_what_aider_commits_is_aiders_by_its_trailer(clone: Installed, home: Path) -> None:
    """What a person typed before is committed first, without the trailer, by a committer `(aider)`: nobody declares it."""
    asks_aider(clone, home)
    assert wrote(clone, "app.py") == [("ai", "declared", MODEL)]
    changed, old, typed = wrote(clone, "human.py")
    assert (changed[0], changed[2], old[0], typed[0]) == ("ai", MODEL, "unknown", "unknown")


@pytest.mark.parametrize(
    ("options", "typed"),
    [((), ("unknown", "unknown")), (("--no-auto-commits", "--no-dirty-commits"), ("human", "declared"))],
)
def test_what_aider_writes_is_recorded_around_it(clone: Installed, home: Path, options: tuple[str, ...], typed: tuple[str, str]) -> None:
    asks_aider(clone, home, *PROGRAM, "record", "--agent", "aider", "--model", MODEL, "--", options=options)
    clone.commit()
    assert wrote(clone, "app.py") == [("ai", "observed", MODEL)]
    assert [each[:2] for each in wrote(clone, "human.py")] == [("ai", "observed"), ("unknown", "unknown"), typed]


def test_what_aider_writes_for_a_comment_is_aiders_and_what_was_typed_is_not(clone: Installed, home: Path) -> None:
    """Watching, aider waits for a comment that ends with `AI!`; what was typed it commits by itself, without the trailer."""
    clone.path.joinpath("human.py").write_text(STARTS)
    types_beside_aider(clone, home)
    changed, old, typed = wrote(clone, "human.py")
    assert (changed, old[0], typed[0]) == (("ai", "declared", MODEL), "unknown", "unknown")


def test_what_is_typed_for_an_aider_that_is_recorded_is_aiders_too(clone: Installed, home: Path) -> None:
    """No look at the work tree tells hands apart: the strict side."""
    clone.path.joinpath("human.py").write_text(STARTS)
    types_beside_aider(clone, home, *PROGRAM, "record", "--agent", "aider", "--model", MODEL, "--")
    assert [each[0] for each in wrote(clone, "human.py")] == ["ai", "unknown", "ai"]
