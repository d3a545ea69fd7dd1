# SPDX-License-Identifier: Apache-2.0
"""Real agents whose sessions are compacted, forked, or shut into a sandbox of the agent's own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from installed import PROGRAM
from model_server import Turn
from real_agents import CLAUDE, CODEX, Work

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

PERSON = ("human", None)
NOBODY = ("unknown", None)


def test_a_session_that_is_compacted_is_the_same_and_one_that_is_forked_is_another(repository: Scratch) -> None:
    work, ai = Work.begin(repository, CLAUDE), ("ai", CLAUDE.models[0])
    writes = [Turn(work.writes(f"{name}.py", f"{name} = 1\n")) for name in ("first", "forked", "compacted")]

    def asks(what: str, *more: str) -> str:
        def command(what: str, name: str, **_: bool) -> list[str]:
            return [*CLAUDE.command(what, name, more=False), *more]

        said: str = json.loads(replace(work, agent=replace(CLAUDE, command=command)).asks(model, what))["session_id"]
        return said

    with work.model(writes[0], Turn(), writes[1], Turn(), **{"being continued": (Turn(), writes[2], Turn())}) as model:
        session = asks("Write first.py")
        fork = asks("Write forked.py", "--resume", session, "--fork-session")
        work.types("human.py", "typed = 'meanwhile'")
        assert asks("/compact", "--resume", session) == session
        assert asks("Write compacted.py", "--resume", session) == session
    work.clone.commit()
    assert [work.lines(f"{name}.py") for name in ("first", "forked", "compacted")] == [[ai]] * 3
    assert [work.sessions(f"{name}.py") for name in ("first", "forked", "compacted")] == [{session}, {fork}, {session}]
    assert fork != session
    assert work.lines("human.py")[2] == PERSON
    assert work.clone.losses() == []


def test_codex_in_its_sandbox_is_recorded_as_without(repository: Scratch) -> None:
    """Its hooks are called outside. Inside, git's folder cannot be written: it commits nothing, and a `record` there records nothing."""
    work = Work.begin(repository, CODEX)
    if subprocess.run([work.program, "sandbox", "--", "true"], cwd=work.path, capture_output=True, check=False, timeout=60).returncode:
        pytest.skip("Codex can make no sandbox here")

    def settle(home: Path, top: Path, url: str) -> dict[str, str]:
        environ = dict(CODEX.settle(home, top, url))
        place = home / ".codex/config.toml"
        inside = "[sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n"
        place.write_text(place.read_text().replace("danger-full-access", "workspace-write") + inside)
        return environ

    head = work.clone.git("rev-parse", "HEAD").out
    record = " ".join([*PROGRAM, "record --agent another -- sh -c 'echo inner = 1 > inner.py'"])
    turns = (
        Turn(work.writes("app.py", "app = 1\n")),
        Turn(work.runs("echo shell = 1 > shell.py; echo out > ../out.py"), before=lambda: work.types("human.py", "typed = 'meanwhile'")),
        Turn(work.runs("git add -A && git commit -qm agent")),
        Turn(work.runs(record)),
        Turn(),
    )
    with work.model(*turns) as model:
        replace(work, agent=replace(CODEX, settle=settle)).asks(model, "Write app.py")
    assert not (work.path.parent / "out.py").exists()
    assert work.clone.git("rev-parse", "HEAD").out == head
    work.clone.commit()
    assert [work.lines(f"{name}.py") for name in ("app", "shell", "inner")] == [[("ai", CODEX.models[0])]] * 3
    assert work.lines("human.py") == [NOBODY, NOBODY, PERSON]
    assert len(work.sessions("inner.py") | work.sessions("app.py")) == 1
    assert work.clone.losses() == []
