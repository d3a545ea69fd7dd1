# SPDX-License-Identifier: Apache-2.0
"""What `init` changes can be undone byte for byte, and only what is ours is ever taken out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from byline.capture.agents.claude_code import ADAPTER
from byline.errors import ConfigError
from byline.git.repository import open_repository
from byline_cli.install.changes import Setting, apply, apply_settings, is_recorded, plan_file, undo
from byline_cli.install.json_hooks import KIND, JsonHooks, without_hooks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scratch import Scratch

SETTINGS = b'{"permissions": {"allow": ["Bash(ls)"]},\n "hooks": {"PostToolUse": [{"matcher": "Write", "hooks": []}]}}'


def with_hooks(settings: bytes | None, script: Path) -> bytes:
    return JsonHooks(timeout=20).with_hooks(settings, ADAPTER.hooks, script, name="settings.json")


def _never(_: Path) -> bool:
    return False


def _nothing(_key: str, _value: str, _former: Sequence[str]) -> None:
    raise AssertionError


def test_undo_restores_every_byte_and_mode(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "deep/er/new"
    old.write_bytes(b"\x00mine")
    old.chmod(0o640)
    apply([plan_file(old, b"ours", mode=0o755), plan_file(new, b"ours too")], tmp_path / "place")
    assert old.read_bytes() == b"ours"
    assert old.stat().st_mode & 0o777 == 0o755
    undo(tmp_path / "place", {}, is_committed=_never, give_back=_nothing)
    assert old.read_bytes() == b"\x00mine"
    assert old.stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "deep").exists()
    assert not is_recorded(tmp_path / "place")


def test_a_second_install_keeps_the_first_original(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    apply([plan_file(file, b"ours 1")], tmp_path / "place")
    apply([plan_file(file, b"ours 2")], tmp_path / "place")
    undo(tmp_path / "place", {}, is_committed=_never, give_back=_nothing)
    assert file.read_bytes() == b"mine"


def test_what_a_person_changed_between_two_installs_is_not_lost(tmp_path: Path) -> None:
    hook, settings, script = tmp_path / "hook", tmp_path / "settings.json", tmp_path / "byline/claude-code.sh"
    for each in ("ours 1", "ours 2"):
        merged = with_hooks(settings.read_bytes() if settings.exists() else None, script)
        apply([plan_file(hook, each.encode()), plan_file(settings, merged, mode=0o600, kind=KIND)], tmp_path / "place")
        if each == "ours 1":
            hook.write_text("another tool's")
            settings.write_text(json.dumps({"model": "x"}))
    undo(tmp_path / "place", {KIND: without_hooks}, is_committed=_never, give_back=_nothing)
    assert hook.read_text() == "another tool's"
    assert json.loads(settings.read_text()) == {"model": "x"}


def test_a_setting_that_a_person_made_between_two_installs_stays(repository: Scratch) -> None:
    config, place = repository.path / ".git/config", repository.path / ".git/byline"
    for number, name in enumerate(("one", "two")):
        with open_repository(repository.path) as repo:
            apply_settings([Setting(key="byline.declareOwnLines", value=str(number))], repo.settings, config, place)
        repository.git("config", f"remote.{name}.url", "/somewhere")
    with open_repository(repository.path) as repo:
        undo(place, {}, is_committed=_never, give_back=repo.settings.give_back)
        assert repo.remotes() == ("one", "two")
        assert repo.config_get("byline.declareOwnLines") is None


def test_a_file_that_changed_since_is_left_and_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    apply([plan_file(file, b"ours")], tmp_path / "place")
    file.write_bytes(b"ours, and the person's")
    (undone,) = undo(tmp_path / "place", {}, is_committed=_never, give_back=_nothing)
    assert (undone.what, file.read_bytes()) == ("kept", b"ours, and the person's")


def test_what_the_repository_committed_is_left(tmp_path: Path) -> None:
    file = tmp_path / "trust.toml"
    apply([plan_file(file, b"ours", kind="shared")], tmp_path / "place")
    undo(tmp_path / "place", {}, is_committed=lambda _: True, give_back=_nothing)
    assert file.read_bytes() == b"ours"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    apply([plan_file(link, b"ours")], tmp_path / "place")
    assert link.is_symlink()
    assert target.read_bytes() == b"ours"


def test_claude_settings_are_merged_and_taken_out_again(tmp_path: Path) -> None:
    script = tmp_path / "with space/byline/claude-code.sh"
    merged = with_hooks(SETTINGS, script)
    assert json.loads(merged)["permissions"] == {"allow": ["Bash(ls)"]}
    assert len(json.loads(merged)["hooks"]["PostToolUse"]) == 3
    assert with_hooks(merged, script) == merged
    assert without_hooks(merged, SETTINGS) == SETTINGS


def test_a_moved_script_replaces_the_old_entry(tmp_path: Path) -> None:
    merged = with_hooks(with_hooks(None, tmp_path / "a/byline/claude-code.sh"), tmp_path / "b/byline/claude-code.sh")
    assert len(json.loads(merged)["hooks"]["PostToolUse"]) == 2


@pytest.mark.parametrize("settings", [b"{", b"[]", b'{"hooks": []}', b'{"hooks": {"PreToolUse": {}}}', b"\xff"])
def test_malformed_settings_are_refused_with_a_hint(settings: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        with_hooks(settings, tmp_path / "byline/claude-code.sh")
    assert caught.value.hint


def test_git_settings_are_taken_out_again(repository: Scratch) -> None:
    config = repository.path / ".git/config"
    before = config.read_bytes()
    place = repository.path / ".git/byline"
    changes = [Setting(key="byline.python", value="/p"), Setting(key="remote.a.fetch", value="+refs/x/*:refs/y/*", one_more=True)]
    with open_repository(repository.path) as repo:
        apply_settings(changes, repo.settings, config, place)
        assert repository.git("config", "byline.python") == "/p"
        undo(place, {}, is_committed=_never, give_back=_nothing)
        assert config.read_bytes() == before
    with open_repository(repository.path) as repo:
        apply_settings(changes, repo.settings, config, place)
        repository.git("config", "user.signingKey", "mine")
        undo(place, {}, is_committed=_never, give_back=repo.settings.give_back)
    assert "/p" not in config.read_text()
    assert repository.git("config", "user.signingKey") == "mine"
