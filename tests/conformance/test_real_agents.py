# SPDX-License-Identifier: Apache-2.0
"""Real agents, their real hooks, a scripted model: what blame says is what the script says, line by line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from model_server import Call, Turn
from real_agents import CLAUDE, CLINE, CODEX, COPILOT, DROID, GEMINI, OPENCODE, PI, QWEN, RealAgent, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scratch import Scratch

PERSON = ("human", None)
NOBODY = ("unknown", None)
# What an agent must have done that is to edit a file.
READS = {
    CLAUDE: lambda path: Call("Read", {"file_path": str(path)}),
    QWEN: lambda path: Call("read_file", {"file_path": str(path)}),
    DROID: lambda path: Call("Read", {"file_path": str(path)}),
}
# How long a conversation is that an agent compacts of itself, and how that is told from others.
COMPACTS = {CODEX: (9_000, "CONTEXT CHECKPOINT"), PI: (95_000, "was compacted"), GEMINI: (100, "FINAL, improved <state_snapshot>")}
# How a conversation begins that starts again, and what the model has said in it by then.
ANEW: Mapping[RealAgent, tuple[str, tuple[Turn, ...]]] = {
    CODEX: ("Now more.py", ()),
    DROID: ("Now more.py", ()),
    GEMINI: ('{"text": "ok"}', (Turn(),)),
}
# It takes its time, says a lot, goes elsewhere, and fails.
GENERATES = """
(mkdir part && cd part && python3 -c 'print(sum(range(10**7)), "x" * 50_000)')
for n in 1 2 3; do echo "g$n = $n"; done > generated.py; false
"""


def compacting(agent: RealAgent) -> RealAgent:
    """Return Gemini CLI as one that compacts a session when it goes on with it: it goes by its own guess there, not by what it is told."""

    def settle(home: Path, top: Path, url: str) -> Mapping[str, str]:
        environ, place = agent.settle(home, top, url), home / ".gemini/settings.json"
        place.write_text(json.dumps({**json.loads(place.read_text()), "model": {"compressionThreshold": 0.0005}}))
        return environ

    return replace(agent, settle=settle) if agent is GEMINI else agent


@pytest.mark.parametrize("agent", [CLAUDE, CODEX, COPILOT, GEMINI, OPENCODE, PI, QWEN, DROID], ids=str)
def test_every_line_is_whose_the_script_says(repository: Scratch, agent: RealAgent, tmp_path: Path) -> None:
    work = Work.begin(repository, compacting(agent))
    patch = tmp_path / "applied.patch"
    patch.write_text("--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,3 @@\n def plus(a, b):\n     return a + b\n+# applied\n")
    first, second = (("ai", f"scripted/{each}" if agent in (OPENCODE, PI) else each) for each in agent.models)
    tokens, compacted = COMPACTS.get(agent, (100, ""))
    turns = (
        Turn(work.writes("app.py", "def add(a, b):\n    return a + b\n")),
        Turn(work.runs("sed -i s/add/plus/ app.py"), before=lambda: work.types("human.py", "typed = 'meanwhile'")),
        Turn(READS[agent](work.path / "human.py") if agent in READS else work.runs("cat human.py")),
        Turn(work.replaces("human.py", "x = 1", "x = 2")),
        Turn(work.writes("one.py", "one = 1\n"), work.writes("two.py", "two = 2\n")),
        Turn(work.replaces("human.py", "not there", "nothing")),
        Turn(work.runs(GENERATES), before=lambda: work.types("mine.py", "mine = 1")),
        Turn(work.runs(f"git apply {patch} && sleep 0.3")),  # as long as an agent takes to begin to watch its command
        Turn(tokens=tokens),
        Turn(work.runs("echo more = 1 > more.py")),
        Turn(),
    )
    begins, said = ANEW.get(agent, ("", ()))
    with work.model(*turns, **({begins: (*said, *turns[-2:])} if begins else {})) as model:
        work.asks(model, "Write app.py please")
        work.asks(model, "Now more.py", with_model=1, more=agent.goes_on)
        assert compacted in json.dumps(model.asked)
    work.clone.commit()

    assert work.lines("app.py") == [first, first, first]
    assert work.lines("human.py") == [first, NOBODY, PERSON]
    assert work.lines("one.py") == work.lines("two.py") == [first]
    assert work.lines("generated.py") == [first] * 3
    assert work.lines("mine.py") == [PERSON]
    assert work.lines("more.py") == [second]
    assert (work.sessions("app.py") == work.sessions("more.py")) is agent.goes_on, "a session that is resumed is the same"
    assert work.clone.losses() == []


def test_a_subagent_has_a_session_of_its_own_and_a_commit_by_the_agent_is_its_own(repository: Scratch) -> None:
    work = Work.begin(repository, CLAUDE)
    ai = ("ai", CLAUDE.models[0])
    main = (
        Turn(work.writes("main.py", "main = 1\n")),
        Turn(Call("Agent", {"description": "a part", "prompt": "SUBAGENT writes", "subagent_type": "general-purpose"})),
        Turn(work.runs("git add -A && git commit -qm agent"), before=lambda: work.types("human.py", "typed = 'before the commit'")),
        Turn(work.writes("later.py", "later = 1\n")),
        Turn(),
    )
    with work.model(*main, SUBAGENT=(Turn(work.writes("part.py", "part = 1\n")), Turn())) as model:
        work.asks(model, "Write main.py, let another write part.py, and commit")
    work.clone.commit()

    assert [work.lines(name) for name in ("main.py", "part.py", "later.py")] == [[ai]] * 3
    (whole,), (part,) = work.sessions("main.py"), work.sessions("part.py")
    assert part.startswith(f"{whole}/")
    assert work.lines("human.py")[:2] == [NOBODY, NOBODY]
    assert work.lines("human.py")[2] in {NOBODY, ("ai", CLAUDE.models[0])}, "the commit's window is the agent's: never a person's by guess"
    assert work.clone.losses() == []


def test_what_ends_after_the_agent_asked_for_it_is_still_the_agents(repository: Scratch) -> None:
    work = Work.begin(repository, CLAUDE)
    late = "until [ -e started ]; do :; done; echo late = 1 > late.py; rm started; touch ended"
    turns = (
        Turn(Call("Bash", {"command": late, "description": "takes its time", "run_in_background": True})),
        Turn(work.runs("touch started; until [ -e ended ]; do :; done; rm ended")),
        Turn(),
    )
    with work.model(*turns) as model:
        work.asks(model, "Run something long")
    work.clone.commit()
    assert work.lines("late.py") == [("ai", CLAUDE.models[0])]


@pytest.mark.parametrize("agent", [COPILOT, GEMINI], ids=str)
def test_what_decides_about_agents_is_written_by_none(repository: Scratch, agent: RealAgent) -> None:
    work = Work.begin(repository, agent)
    turns = (
        Turn(work.writes(".byline/mine.py", "mine = 1\n")),
        Turn(work.runs("echo mine = 1 > .byline/mine.py")),
        Turn(work.writes("app.py", "app = 1\n")),
        Turn(),
    )
    with work.model(*turns) as model:
        work.asks(model, "Take the rules away")
    assert not (work.path / ".byline/mine.py").exists()
    work.clone.commit()
    assert work.lines("app.py") == [("ai", agent.models[0])]


def test_cline_is_recorded_line_by_line_and_a_denied_call_ends_its_task(repository: Scratch) -> None:
    work = Work.begin(repository, CLINE)
    ai = ("ai", CLINE.models[0])
    turns = (
        Turn(work.writes("app.py", "def add(a, b):\n    return a + b\n")),
        Turn(work.runs("sed -i s/add/plus/ app.py"), before=lambda: work.types("human.py", "typed = 'meanwhile'")),
        Turn(work.replaces("human.py", "x = 1", "x = 2")),
        Turn(work.writes("one.py", "one = 1\n"), work.writes("two.py", "two = 2\n")),
        Turn(work.writes(".byline/mine.py", "mine = 1\n")),
        Turn(work.writes("never.py", "never = 1\n")),
        Turn(),
    )
    with work.model(*turns) as model:
        assert '"finishReason":"aborted"' in work.asks(model, "Write app.py, and take the rules away")
    work.clone.commit()
    assert work.lines("app.py") == [ai, ai]
    assert work.lines("human.py") == [ai, NOBODY, PERSON]
    assert work.lines("one.py") == work.lines("two.py") == [ai]
    assert not any((work.path / name).exists() for name in (".byline/mine.py", "never.py"))
    assert work.clone.losses() == []
