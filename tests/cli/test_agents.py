# SPDX-License-Identifier: Apache-2.0
"""`byline init` finds the agents that are here and sets them up, `--undo` puts every byte back, and `doctor` says whether they call."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.agents.catalogue import AGENTS, find_adapter
from byline_cli.install.agents import setups
from byline_cli.install.agents.codex import why_silent
from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

THEIRS = b'{"model": "mine",\n\t"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}\n'
TIMED = {"type": "command", "command": "sh /x/byline/codex.sh scan", "timeout": 20}
# What Codex 0.169.0 itself calls these entries, and what it says their hashes are.
CODEX_HOOKS = {
    "PreToolUse": [{"matcher": "apply_patch|Bash", "hooks": [TIMED]}],
    "Stop": [{"hooks": [TIMED]}],
    "PostToolUse": [{"matcher": "", "hooks": [{"type": "command", "command": "sh '/x ü/byline/codex.sh'"}]}],
}
CODEX_HASHES = {
    "pre_tool_use": "d6c10301cabe43fb711e763c2c68d6107eb74ae302212d34522615f960cae1fe",
    "post_tool_use": "e84c9af4deef8543ac32e4a5915979ae1919931fbe38ae1d54e3dd7f8b2121f0",
    "stop": "128969e26ecc41bf06e824874ae2dba9995dfe59551e7b54978f55f977aac6fd",
}


def findings(clone: Installed, what: str = "agents") -> list[tuple[str, str]]:
    found = json.loads(clone.byline("doctor", "--json").out)["findings"]
    return [(each["level"], each["detail"]) for each in found if each["what"] == what]


def project_files() -> dict[str, str]:
    return {name: setup.project for name, setup in setups().items() if setup.project}


def test_agents_are_found_by_their_folders_and_programs(repository: Scratch, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = home / "bin"
    programs.mkdir()
    (programs / "qwen").touch(mode=0o755)
    (home / ".claude").mkdir()
    repository.write(".factory/notes", "")
    monkeypatch.setenv("PATH", f"{programs}:/usr/local/bin:/usr/bin:/bin")
    clone = Installed(repository)
    said = clone.byline("init", "--yes")
    assert said.code == 0, said
    for name in ("claude-code", "qwen-code", "factory-droid"):
        assert (repository.path / project_files()[name]).exists()
    assert not (repository.path / ".codex").exists()
    assert repository.git("status", "--porcelain", "--", ".claude", ".qwen", ".factory/settings.json") == ""
    assert clone.byline("init", "--yes").out.startswith("everything is in place already")
    assert [level for level, _ in findings(clone)] == ["good"] * 3


def test_no_agents_are_set_up_where_none_are_wanted(repository: Scratch, home: Path) -> None:
    (home / ".claude").mkdir()
    clone = Installed(repository)
    assert clone.byline("init", "--yes", "--no-agents").code == 0
    assert not (repository.path / ".claude").exists()
    assert findings(clone) == [("note", "Claude Code does not report its edits here")]


@pytest.mark.parametrize("scope", ["project", "user"])
def test_undo_puts_every_byte_back_for_every_agent(repository: Scratch, home: Path, scope: str) -> None:
    where = {name: repository.path / file for name, file in project_files().items()}
    if scope == "user":
        where = {name: home / setup.home / setup.user for name, setup in setups().items() if setup.user}
    for number, path in enumerate(where.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 2 and path.suffix == ".json":
            path.write_bytes(THEIRS)
    before = {path: path.read_bytes() if path.exists() else None for path in where.values()}
    clone = Installed(repository)
    options = [*(word for name in where for word in ("--agent", name)), *(["--user"] if scope == "user" else [])]
    assert clone.byline("init", "--yes", *options).code == 0
    assert all(path.exists() for path in where.values())
    assert clone.byline("init", "--undo", *(["--user"] if scope == "user" else [])).code == 0
    assert {path: path.read_bytes() if path.exists() else None for path in where.values()} == before


@pytest.mark.parametrize("options", [(), ("--user",)])
def test_settings_that_cannot_be_read_are_said_to_be_whose(repository: Scratch, home: Path, options: tuple[str, ...]) -> None:
    settings = home / ".claude/settings.json" if options else repository.path / ".claude/settings.local.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("{} // mine\n")
    said = Installed(repository).byline("init", "--yes", *options)
    assert (said.code, "Claude Code: " in said.err, "--no-agents" in said.err) == (2, True, True)
    assert Installed(repository).byline("init", "--yes", "--no-agents", *options).code == 0


def test_a_committed_file_is_said_to_be_the_teams(repository: Scratch) -> None:
    repository.write(".qwen/settings.json", "{}\n")
    repository.commit()
    said = Installed(repository).byline("init", "--yes", "--agent", "qwen-code")
    assert ".qwen/settings.json is committed" in said.err
    assert "qwen" in repository.git("status", "--porcelain")


def test_an_agent_that_was_heard_is_told(repository: Scratch) -> None:
    clone = Installed.create(repository)
    assert findings(clone) == [("good", "Claude Code reports its edits; not heard yet")]
    clone.writes("a.py", b"x\n")
    ((_, waiting),) = findings(clone)
    clone.commit()
    ((level, heard),) = findings(clone)
    assert level == "good"
    assert waiting.partition("last heard ")[2] == heard.partition("last heard ")[2] != ""


def test_hooks_that_are_switched_off_are_told(repository: Scratch, home: Path) -> None:
    clone = Installed.create(repository)
    settings = repository.path / ".claude/settings.local.json"
    settings.write_text(settings.read_text().replace("{", '{"disableAllHooks": true,', 1))
    ((level, detail),) = findings(clone)
    assert level == "bad"
    assert "switched off" in detail
    assert clone.byline("doctor").code == 1
    assert home.exists()


def test_goose_is_found_by_its_settings_and_said_to_be_silent_where_they_say_so(repository: Scratch, home: Path) -> None:
    settings = home / ".config/goose/settings.json"
    settings.parent.mkdir(parents=True)
    clone = Installed(repository)
    assert clone.byline("init", "--yes").code == 0
    assert findings(clone) == [("good", "Goose reports its edits; not heard yet")]
    settings.write_text('{"disabledPlugins": ["byline"]}')
    ((level, detail),) = findings(clone)
    assert (level, "switched off" in detail) == ("bad", True)
    nearer = repository.path / ".config/goose/settings.local.json"
    nearer.parent.mkdir(parents=True)
    nearer.write_text('{"enabledPlugins": ["byline"]}')
    assert [level for level, _ in findings(clone)] == ["good"]
    nearer.write_text("[")
    assert [level for level, _ in findings(clone)] == ["bad"]


def _trust(home: Path, file: Path, hashes: dict[str, str], more: str = "") -> None:
    states = "".join(f'[hooks.state."{file}:{event}:0:0"]\ntrusted_hash = "sha256:{digest}"\n' for event, digest in hashes.items())
    (home / ".codex/config.toml").write_text(more + states)


def test_codex_is_silent_until_a_person_trusts_its_hooks(home: Path) -> None:
    file = home / ".codex/hooks.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"hooks": CODEX_HOOKS}))
    environ = {"HOME": str(home)}
    assert why_silent(file, environ).startswith("3 of its hooks wait")
    _trust(home, file, CODEX_HASHES)
    assert why_silent(file, environ) == ""
    _trust(home, file, CODEX_HASHES, "[features]\nhooks = false\n")
    assert "switched off" in why_silent(file, environ)
    file.write_text(file.read_text().replace('"timeout": 20', '"timeout": 21'))
    _trust(home, file, CODEX_HASHES)
    assert why_silent(file, environ).startswith("2 of its hooks wait")
    (home / ".codex/config.toml").write_text("[")
    assert why_silent(file, environ).endswith("cannot be read")


def test_codex_reads_no_hooks_of_a_project_that_it_does_not_trust(repository: Scratch, home: Path) -> None:
    file = repository.write(".codex/hooks.json", json.dumps({"hooks": CODEX_HOOKS}))
    (home / ".codex").mkdir()
    environ = {"HOME": str(home)}
    assert "does not trust this project" in why_silent(file, environ)
    _trust(home, file, CODEX_HASHES, f'[projects."{repository.path}"]\ntrust_level = "trusted"\n')
    assert why_silent(file, environ) == ""


def test_doctor_says_what_a_silent_agent_needs(repository: Scratch) -> None:
    clone = Installed(repository)
    said = clone.byline("init", "--yes", "--agent", "codex")
    assert "Codex: start codex here once" in said.err
    ((level, detail),) = findings(clone)
    assert (level, detail.partition(": ")[0]) == ("bad", "Codex does not call Byline")
    assert "/hooks" in clone.byline("doctor").out


def test_a_hook_of_clines_that_is_a_persons_is_kept_and_called(repository: Scratch) -> None:
    mine = b"#!/bin/sh\ncat > heard; echo mine\n"
    hook = repository.write(".clinerules/hooks/PostToolUse", mine.decode())
    hook.chmod(0o700)
    clone = Installed(repository)
    assert clone.byline("init", "--yes", "--agent", "cline").code == 0
    assert clone.byline("init", "--yes", "--agent", "cline").out.startswith("everything is in place already")
    payload = b'{"hookName": "tool_result"}'
    said = subprocess.run([hook], input=payload, cwd=repository.path, capture_output=True, check=True, timeout=60)
    assert (said.stdout, said.stderr, (repository.path / "heard").read_bytes()) == (b"mine\n", b"", payload)
    other = hook.with_name("PreToolUse")
    said = subprocess.run([other], input=payload, cwd=repository.path, capture_output=True, check=True, timeout=60)
    assert (json.loads(said.stdout), said.stderr) == ({"cancel": False}, b"")
    assert repository.git("status", "--porcelain", "--", ".clinerules/hooks/PreToolUse") == ""
    assert clone.byline("init", "--undo").code == 0
    assert [path.name for path in hook.parent.iterdir()] == ["PostToolUse"]
    assert (hook.read_bytes(), hook.stat().st_mode & 0o777) == (mine, 0o700)


PI = """
import extension from "./byline.mjs"
const events = {}
extension({ on: (name, call) => { events[name] = call } })
console.log((await events.tool_call({ type: "tool_call", toolName: "bash", input: {} }, {}))?.reason ?? "")
"""


@pytest.mark.skipif(not shutil.which("node"), reason="node, which runs pi's extension, is not here")
@pytest.mark.parametrize(("script", "refused"), [("", False), ("exit 2", True), ("echo odd", True), (None, False)])
def test_an_agent_whose_hook_heeds_no_status_is_stopped_by_a_guard_that_fails(script: str | None, *, refused: bool, tmp_path: Path) -> None:
    """The script answers nothing, or fails; where Byline was taken away there is none, and agents go on."""
    ours, hook = tmp_path / "pi.sh", tmp_path / "hooks/PreToolUse"
    (plugin,) = setups()["pi"].format.plan(tmp_path / "byline.mjs", find_adapter("pi"), ours)
    hooks = {each.path: each.after for each in setups()["cline"].format.plan(hook.parent, find_adapter("cline"), ours)}
    hook.parent.mkdir()
    hook.write_bytes(hooks[hook])
    plugin.path.write_bytes(plugin.after)
    (tmp_path / "pi.mjs").write_text(PI)
    if script is not None:
        ours.write_text(f'[ "$1" = guard ] || exit 0\n{script}\n')
    if script != "echo odd":  # Cline itself reads what it is told
        said = subprocess.run(["sh", hook], input=b"{}", capture_output=True, check=True, timeout=60)
        assert json.loads(said.stdout)["cancel"] is refused
    told = subprocess.run(["node", tmp_path / "pi.mjs"], capture_output=True, text=True, check=True, timeout=60)
    assert ("cannot be read" in told.stdout) is refused


def test_an_agent_whose_folder_is_a_file_is_not_set_up_unasked(repository: Scratch, home: Path) -> None:
    (home / ".cline").mkdir()
    repository.write(".clinerules", "be kind\n")
    clone = Installed(repository)
    assert clone.byline("init", "--yes").code == 0
    assert "is not a folder" in clone.byline("init", "--yes", "--agent", "cline").err


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_has_a_place_for_its_hooks(name: str) -> None:
    setup: Any = setups().get(name)
    assert setup is None or (setup.agent == name and (setup.project or setup.user))
    assert find_adapter(name).hooks == () or setup is not None


def test_an_agent_that_all_repositories_share_is_set_up_once(repository: Scratch, home: Path) -> None:
    (home / ".claude").mkdir()
    clone = Installed(repository)
    assert clone.byline("init", "--user", "--yes").code == 0
    assert clone.byline("init", "--yes").code == 0
    assert not (repository.path / ".claude").exists()
    assert [detail for _, detail in findings(clone)] == ["Claude Code reports its edits, in all repositories; not heard yet"]
    assert clone.byline("init", "--yes", "--agent", "claude-code").code == 0
    assert (repository.path / ".claude/settings.local.json").exists()


def test_doctor_says_whose_the_lines_are_that_no_record_covers(repository: Scratch) -> None:
    clone = Installed(repository)
    said = clone.byline("init", "--yes")
    assert "what you type yourself stays unknown" in said.out
    assert [level for level, _ in findings(clone, "own lines")] == ["note"]
    assert "stays unknown" not in clone.byline("init", "--yes", "--declare-own-lines").out
    assert [level for level, _ in findings(clone, "own lines")] == ["good"]
