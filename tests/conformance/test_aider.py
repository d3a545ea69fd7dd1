# SPDX-License-Identifier: Apache-2.0
"""aider itself, which has no hooks, driven by a scripted model: its commits say who wrote them, and `byline record` sees it exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from installed import PROGRAM, Installed, run
from model_server import ModelServer, Turn
from tools import python_program

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

MODEL = "openai/gpt-4o"
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


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone whose person declares their own lines, and has typed one that is not committed."""
    repository.write("human.py", "one = 1\ntwo = 2\n")
    repository.commit()
    clone = Installed.create(repository)
    repository.write("human.py", "one = 1\ntwo = 2\ntyped = 3\n")
    return clone


def asks_aider(clone: Installed, home: Path, *around: str, options: tuple[str, ...] = ()) -> None:
    """Let aider make what the model says."""
    aider = python_program("aider-chat", "0.86.2", "aider")
    prices = home / ".aider/caches/model_prices_and_context_window.json"
    prices.parent.mkdir(parents=True, exist_ok=True)
    prices.write_text("{}")  # it would look for newer ones
    words = ["--model", MODEL, "--edit-format", "diff", "--no-show-model-warnings", "--yes-always", "--no-stream", "--no-pretty", *options]
    words += ["--map-tokens", "0", "--no-gitignore", "--message", "Write app.py please", "app.py", "human.py"]
    with ModelServer({"": (Turn(text="made it"), Turn(text=REPLY))}, has_tools=False) as model:  # its prompt holds an example of a reply
        environ = {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": f"{model.url}/v1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        environ |= {"AIDER_ANALYTICS": "false", "AIDER_CHECK_UPDATE": "false"}
        said = run(*around, aider, *words, cwd=clone.path, environ=environ)
    assert said.code == 0, said
    assert (clone.path / "app.py").read_text() == "made = 1\n", said


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
