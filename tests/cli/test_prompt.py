# SPDX-License-Identifier: Apache-2.0
"""`byline prompt`: from what the agent was asked for to the proof of it in a stranger's clone, and what spoils it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from byline.core.prompt import parse_opening
from installed import Installed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scratch import Scratch

ASKED = "Write app.py please, with the pass phrase of grandmother's vault"
SESSION = "6e46bda4-a449-4fe6"


def asks(clone: Installed, text: str, *, session: str = SESSION) -> None:
    clone.hook("UserPromptSubmit", session_id=session, prompt=text)


def settings(clone: Installed) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((clone.path / ".claude/settings.local.json").read_text())
    return value


def opening(clone: Installed, place: Path, named: str = f"{SESSION}:1") -> Path:
    said = clone.byline("prompt", "reveal", named, "--to", str(place))
    assert said.code == 0, said
    return place


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """A clone in which a prompt led to an edit and was committed to, and another waits."""
    clone = Installed.create(repository, "--commit-prompts")
    asks(clone, ASKED)
    clone.writes("app.py", b"x = 1\ny = 2\n", session=SESSION)
    clone.commit()
    asks(clone, "And now?")
    return clone


@pytest.fixture
def stranger(clone: Installed, tmp_path: Path) -> Installed:
    """A fresh clone with the evidence and nothing else."""
    path = tmp_path / "stranger"
    clone.scratch.clone(path, "--no-local").git("fetch", "--quiet", "origin", "+refs/byline/evidence:refs/byline/remotes/origin/evidence")
    return Installed(type(clone.scratch)(path))


def test_a_prompt_is_listed_shown_revealed_and_verified_elsewhere(clone: Installed, stranger: Installed, tmp_path: Path) -> None:
    listed = json.loads(clone.byline("prompt", "list", "--json").out)["prompts"]
    assert [(each["session"], each["number"], each["bytes"]) for each in listed] == [(SESSION, 1, len(ASKED)), (SESSION, 2, 8)]
    assert listed[1]["statement"] is None
    shown = clone.byline("prompt", "show", "6e46:1")
    assert shown.code == 0
    assert ASKED in shown.out
    file = opening(clone, tmp_path / "opening.json", "6e46:1")
    assert file.stat().st_mode & 0o777 == 0o600
    said = stranger.byline("prompt", "verify", str(file))
    assert said.code == 0, said
    assert said.out.startswith("verified: prompt 1 of session 6e46")
    assert "of which the session has 2 new lines" in said.out
    assert ASKED in said.out
    assert stranger.byline("prompt", "verify", "-", data=clone.byline("prompt", "reveal", f"{SESSION}:1").out.encode()).code == 0
    answer = json.loads(stranger.byline("prompt", "verify", "--json", str(file)).out)
    commit = clone.scratch.git("rev-parse", "HEAD")
    assert (answer["verified"], answer["commit"], answer["lines"], answer["failure"]) == (True, commit, 2, None)
    assert answer["statement"] == listed[0]["statement"]
    assert stranger.byline("prompt", "list").out == "no prompt is here\n"


def test_without_the_choice_no_hook_hears_a_prompt(repository: Scratch) -> None:
    clone = Installed.create(repository)
    assert "UserPromptSubmit" not in settings(clone)["hooks"]
    clone.byline("init", "--agent", "claude-code", "--yes", "--commit-prompts")
    assert len(settings(clone)["hooks"]["UserPromptSubmit"]) == 1
    before = settings(clone)
    assert clone.byline("init", "--agent", "claude-code", "--yes").out.startswith("everything is in place already"), "it stays chosen"
    assert settings(clone) == before
    assert "Claude Code reports its edits" in clone.byline("doctor").out
    clone.scratch.git("config", "--unset-all", "byline.commitPrompts")
    asks(clone, ASKED)
    assert clone.byline("prompt", "list").out == "no prompt is here\n"
    clone.byline("init", "--agent", "claude-code", "--yes")
    assert "UserPromptSubmit" not in settings(clone)["hooks"]
    assert "Claude Code reports its edits" in clone.byline("doctor").out
    assert clone.byline("init", "--undo").code == 0
    assert clone.git("config", "--get", "byline.commitPrompts").code == 1


def test_a_persons_own_hooks_for_prompts_are_left_alone(repository: Scratch) -> None:
    mine = {"hooks": {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": "mine"}]}]}}
    repository.write(".claude/settings.local.json", json.dumps(mine))
    clone = Installed.create(repository, "--commit-prompts")
    assert len(settings(clone)["hooks"]["UserPromptSubmit"]) == 2
    clone.scratch.git("config", "byline.commitPrompts", "false")
    clone.byline("init", "--agent", "claude-code", "--yes")
    assert settings(clone)["hooks"]["UserPromptSubmit"] == mine["hooks"]["UserPromptSubmit"]


def test_chosen_for_all_repositories(repository: Scratch, home: Path) -> None:
    clone = Installed(repository)
    said = clone.byline("init", "--user", "--agent", "claude-code", "--commit-prompts", "--yes")
    assert said.code == 0, said
    assert "UserPromptSubmit" in json.loads((home / ".claude/settings.json").read_text())["hooks"]
    assert clone.git("config", "--global", "byline.commitPrompts").out == "true\n"


def test_why_tells_what_was_asked_before_a_line_was_written(clone: Installed) -> None:
    clone.writes("later.py", b"z = 3\n", session=f"{SESSION}/sub")
    clone.commit()
    (one,) = json.loads(clone.byline("why", "--json", "app.py:1-2").out)["lines"]
    (other,) = json.loads(clone.byline("why", "--json", "later.py:1").out)["lines"]
    assert [each["prompt"]["number"] for each in (one, other)] == [1, 2], "a sub-agent works for the prompt of its parent"
    assert f"byline prompt show {SESSION}:2" in clone.byline("why", "later.py:1").out.replace("\n          ", " ")


def bent(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield openings that differ in one member from the one in `file`."""
    value = json.loads(file.read_text())
    changes = {
        "text": ASKED + "!",
        "session": "6e46bda4-a449-4fe7",
        "number": 2,
        "time": str(int(value["time"]) + 1),
        "agent": "codex",
        "key": "iomlw7yK+5sJY0urR9IKf5U/p54jKEgP2KxPnwP5/Is=",
        "signer": "0" * 64,
    }
    yield from ((name, json.dumps({**value, name: changed}).encode()) for name, changed in changes.items())


def test_no_opening_that_was_changed_is_the_prompt(clone: Installed, stranger: Installed, tmp_path: Path) -> None:
    file = opening(clone, tmp_path / "opening.json")
    for name, data in bent(file):
        said = stranger.byline("prompt", "verify", "-", data=data)
        assert (said.code, said.out.startswith("NOT verified")) == (1, True), name
        assert ASKED not in said.out, "what is not proven is not shown as if it were"


def test_a_statement_of_a_stranger_proves_nothing(clone: Installed, stranger: Installed, tmp_path: Path) -> None:
    file = opening(clone, tmp_path / "opening.json")
    trust = stranger.path / ".byline/trust.toml"
    mine = parse_opening(file.read_bytes()).signer
    assert clone.byline("trust", "list").code == 0
    trust.unlink()
    stranger.scratch.git("rm", "--quiet", "--cached", ".byline/trust.toml")
    stranger.scratch.git("commit", "--quiet", "--message", "no trust")
    said = stranger.byline("prompt", "verify", str(file), XDG_CONFIG_HOME=str(tmp_path / "nobodys"))
    assert said.code == 1, said
    assert "there is no trust to verify with" in said.out
    assert mine


def test_where_the_statement_is_not_here_nobody_can_look(clone: Installed, tmp_path: Path) -> None:
    file = opening(clone, tmp_path / "opening.json")
    path = tmp_path / "bare-of-evidence"
    clone.scratch.clone(path, "--no-local")
    said = clone.byline("prompt", "verify", str(file), cwd=path)
    assert said.code == 3
    assert "is not here" in said.err
    assert clone.byline("prompt", "verify", "nothing.json").code == 3
    assert clone.byline("prompt", "verify", "-", data=b"{}").code == 3


def test_what_is_forgotten_is_nobodys_to_open(clone: Installed, stranger: Installed, tmp_path: Path) -> None:
    """P9: neither text nor key is left anywhere below the clone or the home, and the statement stays what it was."""
    file = opening(clone, tmp_path / "opening.json")
    key = json.loads(file.read_text())["key"]
    asks(clone, "somebody else's", session="other-session")
    said = clone.byline("forget", SESSION, "--yes")
    assert said.code == 0, said
    assert said.out.splitlines()[-1].startswith("forgotten: 2 prompts")
    assert [each["session"] for each in json.loads(clone.byline("prompt", "list", "--json").out)["prompts"]] == ["other-session"]
    places = [*(clone.path / ".git/byline").rglob("*"), *(tmp_path / "home").rglob("*")]
    left = [each for each in places if each.is_file() and {True} & {word in each.read_bytes() for word in (ASKED.encode(), key.encode())}]
    assert left == []
    assert clone.byline("prompt", "reveal", f"{SESSION}:1").code == 3
    assert stranger.byline("prompt", "verify", str(file)).code == 0, "who was shown it before keeps the proof"
    assert clone.byline("forget", SESSION, "--yes").code == 1


def test_a_session_that_only_asked_is_forgotten_by_agent_and_time(repository: Scratch) -> None:
    clone = Installed.create(repository, "--commit-prompts")
    asks(clone, ASKED)
    assert clone.byline("forget", "--before", "2020-01-01", "--yes").code == 1
    assert clone.byline("forget", "--agent", "codex", "--yes").code == 1
    assert "1 prompt" in clone.byline("forget", "--agent", "claude-code", "--yes").out
    asks(clone, ASKED)
    assert "1 prompt" in clone.byline("forget", "--all", "--yes").out
    assert clone.byline("prompt", "list").out == "no prompt is here\n"


def test_what_names_no_prompt_is_said(clone: Installed, tmp_path: Path) -> None:
    for named, code in (("6e46", 2), (":1", 2), ("6e4:1", 2), ("6e46:x", 2), ("6e46:9", 3), ("abcd:1", 3)):
        assert clone.byline("prompt", "show", named).code == code, named
    assert clone.byline("prompt", "reveal", f"{SESSION}:2").code == 1, "no statement commits to it"
    file = opening(clone, tmp_path / "opening.json")
    before = file.read_bytes()
    assert clone.byline("prompt", "reveal", f"{SESSION}:1", "--to", str(file)).code == 2
    assert file.read_bytes() == before
    asks(clone, "x", session="6e46-another")
    assert "may be of several" in clone.byline("prompt", "show", "6e46:1").err


def test_no_control_character_of_a_prompt_reaches_the_terminal(clone: Installed) -> None:
    asks(clone, "evil \x1b[2J \u202e prompt", session="evil-session")
    for words in (("list",), ("show", "evil-session:1")):
        said = clone.byline("prompt", *words)
        assert "\x1b" not in said.out
        assert "\u202e" not in said.out
