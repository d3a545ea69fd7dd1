# SPDX-License-Identifier: Apache-2.0
"""Settle against odd files, odd places and odd payloads: an edit is right, or it is a recorded loss."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.clock import now_ns
from byline.capture.clone import Settled, settle_repository
from byline.capture.contents import Contents
from byline.capture.inbox import STALE_NS, list_arrivals, put_payload
from byline.capture.journal import read_events
from byline.capture.losses import LossCode, read_losses
from byline.capture.places import inbox_dir, repository_dir
from byline.capture.settle import settle_inbox
from byline.core.attribution import Evidence
from byline.core.edit import UNSEEN, Edit
from byline.core.lines import blob_id
from claude_session import ClaudeSession, knocking, saved_events
from scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from byline.capture.losses import Loss


def inbox() -> Path:
    return inbox_dir(os.environ)


def place_of(scratch: Scratch) -> Path:
    return repository_dir(scratch.path / ".git")


def edits_of(scratch: Scratch, common: str = ".git") -> list[Edit]:
    return [event for event in read_events(repository_dir(scratch.path / common)).events if isinstance(event, Edit)]


def losses_of(scratch: Scratch | None = None) -> list[LossCode]:
    found: tuple[Loss, ...] = read_losses(inbox() if scratch is None else place_of(scratch))
    return [loss.code for loss in found]


def spool(payload: object, **environ: str) -> str:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return put_payload(inbox(), agent="claude-code", facts={"AI_AGENT": "", "COPILOT_CLI": "", **environ}, payload=data)


def written(path: Path | str, content: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = {"type": "create", "content": content, "originalFile": None, **members}
    asked = {"file_path": str(path), "content": content}
    common = {"session_id": "s", "cwd": "/", "hook_event_name": "PostToolUse", "tool_name": "Write", "tool_use_id": "c"}
    return {**common, "tool_input": asked, "tool_response": answer}


def edited(path: Path | str, original: str, old: str, new: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    asked = {"file_path": str(path), "old_string": old, "new_string": new}
    answer = {"oldString": old, "newString": new, "originalFile": original, "replaceAll": False, **members}
    return {**written(path, ""), "tool_name": "Edit", "tool_input": asked, "tool_response": answer}


NAMES = [b"with space.txt", b'"quoted\\".txt', b"new\nline.txt", b"tab\there", b"\xe9t\xe9.txt", "übung.py".encode(), b"-n", b"a" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_odd_paths_are_recorded_as_they_are(repository: Scratch, name: bytes) -> None:
    path = repository.path / os.fsdecode(name)
    path.write_bytes(b"x\n")
    spool(written(path, "x\n"))
    assert settle_inbox(inbox()).edits == 1
    assert [edit.path for edit in edits_of(repository)] == [name]


CONTENTS = [b"", b"no end", b"a\r\nb\r\n", b"\xef\xbb\xbfmark\r\n", b"mixed\r\nends\n", "ü€😀\n".encode()]


@pytest.mark.parametrize("content", CONTENTS)
def test_bytes_on_disk_name_the_edit_whatever_the_text_made_of_them(repository: Scratch, content: bytes) -> None:
    path = repository.write("file", content)
    spool(written(path, content.decode().removeprefix("\ufeff").replace("\r\n", "\n")))
    settle_inbox(inbox())
    assert [edit.after for edit in edits_of(repository)] == [blob_id(content)]
    assert losses_of() == losses_of(repository) == []


def test_text_is_believed_where_the_file_has_changed_since(repository: Scratch) -> None:
    path = repository.write("a.py", "agent\nperson\n")
    spool(written(path, "agent\n"))
    settle_inbox(inbox())
    (edit,) = edits_of(repository)
    assert Contents(place_of(repository)).get(str(edit.after)) == b"agent\n"


def test_a_file_with_crlf_that_changed_since_keeps_its_line_ends(repository: Scratch) -> None:
    path = repository.write("a.txt", b"one\r\nTWO\r\nthree\r\n")
    spool(edited(path, "one\ntwo\n", "two", "TWO"))
    settle_inbox(inbox())
    (edit,) = edits_of(repository)
    assert (edit.before, edit.after) == (blob_id(b"one\r\ntwo\r\n"), blob_id(b"one\r\nTWO\r\n"))


def test_latin_1_is_taken_from_the_disk_on_both_sides(repository: Scratch) -> None:
    path = repository.write("a.txt", b"caf\xe9\nnew\n")
    spool(edited(path, "caf\ufffd\nold\n", "old", "new"))
    settle_inbox(inbox())
    (edit,) = edits_of(repository)
    assert (edit.before, edit.after) == (blob_id(b"caf\xe9\nold\n"), blob_id(b"caf\xe9\nnew\n"))


def test_unreadable_text_of_a_file_that_changed_since_is_on_the_strict_side(repository: Scratch) -> None:
    path = repository.write("a.txt", b"caf\xe9\nnew\nperson\n")
    spool(edited(path, "caf\ufffd\nold\n", "old", "new"))
    settle_inbox(inbox())
    (edit,) = edits_of(repository)
    assert edit.by is not None
    assert (edit.evidence, edit.before, edit.after) == (Evidence.OBSERVED, UNSEEN, blob_id(b"caf\xe9\nnew\nperson\n"))
    assert losses_of(repository) == [LossCode.UNREADABLE]


def test_a_person_who_changed_the_proposal_is_not_the_agent(repository: Scratch) -> None:
    path = repository.write("a.py", "agent\nperson\n")
    spool({**written(path, "agent\nperson\n", userModified=True), "tool_input": {"file_path": str(path), "content": "agent\nwrong\n"}})
    settle_inbox(inbox())
    first, second = edits_of(repository)
    assert first.by is not None
    assert (second.by, second.before, second.after) == (None, first.after, blob_id(b"agent\nperson\n"))
    assert first.after == blob_id(b"agent\nwrong\n")


def test_multi_edit_and_replace_all(repository: Scratch) -> None:
    path = repository.write("a.py", "B\nB\nD\n")
    edits = [{"old_string": "a", "new_string": "B", "replace_all": True}, {"old_string": "c", "new_string": "D"}]
    payload = edited(path, "a\na\nc\n", "", "")
    spool(
        {
            **payload,
            "tool_name": "MultiEdit",
            "tool_input": {"file_path": str(path), "edits": edits},
            "tool_response": {"originalFileContents": "a\na\nc\n"},
        }
    )
    settle_inbox(inbox())
    assert [(edit.before, edit.after) for edit in edits_of(repository)] == [(blob_id(b"a\na\nc\n"), blob_id(b"B\nB\nD\n"))]


def test_notebook_without_a_window_is_read_from_the_disk(repository: Scratch) -> None:
    path = repository.write("nb.ipynb", "{}")
    spool({**written(path, ""), "tool_name": "NotebookEdit", "tool_input": {"notebook_path": str(path)}, "tool_response": {}})
    settle_inbox(inbox())
    assert [(edit.before, edit.after) for edit in edits_of(repository)] == [(UNSEEN, blob_id(b"{}"))]


def test_a_large_file_is_named_and_not_kept(repository: Scratch) -> None:
    text = "0123456789\n" * 4_600_000  # 50 MB
    path = repository.write("big.txt", text)
    spool(written(path, text))
    settle_inbox(inbox())
    (edit,) = edits_of(repository)
    assert edit.after == blob_id(text.encode())
    assert not Contents(place_of(repository)).has(str(edit.after))
    assert losses_of(repository) == [LossCode.OVERSIZED]


def test_the_edited_file_decides_the_repository_never_the_hooks_folder(repository: Scratch, tmp_path: Path) -> None:
    other = Scratch.create(tmp_path / "other")
    spool({**written(other.write("a.py", "x\n"), "x\n"), "cwd": str(repository.path)})
    settle_inbox(inbox())
    assert edits_of(repository) == []
    assert [edit.path for edit in edits_of(other)] == [b"a.py"]


def test_linked_work_tree_submodule_and_symlink_lead_home(repository: Scratch, tmp_path: Path) -> None:
    inner = Scratch.create(tmp_path / "inner")
    inner.write("a", "")
    inner.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "sub")
    repository.commit()
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (repository.path / "link").symlink_to("sub/b")
    for path in (repository.path / "link", tmp_path / "linked" / "c"):
        path.write_text("x\n")
        spool(written(path, "x\n"))
    settle_inbox(inbox())
    git = repository.path / ".git"
    assert [(edit.path, edit.worktree) for edit in edits_of(repository)] == [(b"c", str(git / "worktrees" / "linked"))]
    assert [(edit.path, edit.worktree) for edit in edits_of(repository, ".git/modules/sub")] == [(b"b", str(git / "modules" / "sub"))]


def test_outside_inside_git_and_ignored_leave_no_record(repository: Scratch, tmp_path: Path) -> None:
    repository.write(".gitignore", "*.log\n")
    for path in (tmp_path / "x", repository.path / ".git" / "hooks" / "x", repository.path / "a.log", repository.path / ".GIT" / "x"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x\n")
        spool(written(path, "x\n"))
    assert settle_inbox(inbox()) == Settled(losses=2)
    assert losses_of() == [LossCode.REFUSED] * 2
    assert not place_of(repository).exists()
    assert list_arrivals(inbox()) == ()


def test_a_named_pipe_does_not_make_settle_wait(repository: Scratch) -> None:
    os.mkfifo(repository.path / "pipe")
    spool({**written(repository.path / "pipe", "x\n"), "transcript_path": str(repository.path / "pipe")})
    assert settle_inbox(inbox()).edits == 1


def test_sha256_repositories_have_their_own_ids(tmp_path: Path) -> None:
    scratch = Scratch.create(tmp_path / "sha256", "--object-format=sha256")
    path = scratch.write("a", "x\n")
    scratch.commit()
    spool(written(path, "x\n"))
    settle_inbox(inbox())
    (edit,) = edits_of(scratch)
    assert (edit.after, edit.head) == (scratch.git("hash-object", "a"), scratch.git("rev-parse", "HEAD"))


def test_unborn_head_is_not_known_and_a_moved_one_is_not_guessed(repository: Scratch) -> None:
    path = repository.write("a", "x\n")
    spool(written(path, "x\n"))
    settle_inbox(inbox())
    spool({**written(path, "x\ny\n"), "tool_use_id": "d"})
    (arrival,) = list_arrivals(inbox())
    os.utime(arrival.path, ns=(arrival.time - 10**9, arrival.time - 10**9))
    repository.commit()
    settle_inbox(inbox())
    assert [edit.head for edit in edits_of(repository)] == [None, None]


MALFORMED = [
    b"",
    b"not json",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"hook_event_name": 1}',
    json.dumps({**written("relative", "x"), "cwd": "also/relative"}).encode(),
    json.dumps({**written("/x", "x"), "tool_input": None}).encode(),
    json.dumps(written("/x\0y", "x")).encode(),
    json.dumps(written("/x\ud800y", "x")).encode(),
    json.dumps({**written("/x", "x"), "session_id": 7}).encode(),
]


@pytest.mark.parametrize("payload", MALFORMED)
def test_a_malformed_payload_is_kept_aside_and_the_next_one_is_settled(repository: Scratch, payload: bytes) -> None:
    spool(payload)
    spool(written(repository.write("a", "x\n"), "x\n"))
    assert settle_inbox(inbox()).edits == 1
    assert losses_of() == [LossCode.MALFORMED]
    (kept,) = (inbox() / "aside").iterdir()
    assert kept.read_bytes().endswith(payload)


def test_an_unknown_agent_and_a_foreign_file_are_put_aside() -> None:
    put_payload(inbox(), agent="nobody", facts={}, payload=b"{}")
    (inbox() / "edit.x.1.0.spool").write_bytes(b"who wrote this?")
    settle_inbox(inbox())
    assert losses_of() == [LossCode.MALFORMED] * 2


def test_cut_off_files_are_reported_and_a_hook_at_work_is_left_alone() -> None:
    spool(b"x")
    inbox().joinpath("edit.x.1.0.tmp").write_bytes(b"half")
    inbox().joinpath("edit.x.2.0.torn").write_bytes(b"half")
    settle_inbox(inbox())
    assert losses_of() == [LossCode.TORN, LossCode.MALFORMED]
    settle_inbox(inbox(), now=now_ns() + 2 * STALE_NS)
    assert losses_of() == [LossCode.TORN, LossCode.MALFORMED, LossCode.TORN]


@pytest.mark.parametrize("event", saved_events("copilot_cli_claude_config"), ids=lambda event: event.name)
def test_copilot_through_claudes_hook_is_copilot(repository: Scratch, event: Any) -> None:  # noqa: ANN401 - typed by its maker
    saved = json.loads(event.text.replace("/repo", str(repository.path)))
    repository.write(saved["payload"]["tool_input"]["path"].rpartition("/")[2], "x\n")
    spool(saved["payload"])
    settle_inbox(inbox())
    assert [edit.by and edit.by.name for edit in edits_of(repository)] == ["copilot-cli"]
    assert losses_of(repository) == []


def test_the_same_change_through_two_hooks_is_one_edit(repository: Scratch) -> None:
    path = repository.write("a", "x\n")
    spool(written(path, "x\n"))
    spool(written(path, "x\n"))
    settle_inbox(inbox())
    spool(written(path, "x\n"))
    settle_inbox(inbox())
    assert len(edits_of(repository)) == 1


def test_the_same_bytes_by_another_call_are_another_edit(repository: Scratch) -> None:
    path = repository.path / "a"
    for call, (old, new) in enumerate([("", "x\n"), ("x\n", "y\n"), ("y\n", "x\n")]):
        path.write_text(new)
        spool({**written(path, new, type="update", originalFile=old), "tool_use_id": str(call)})
        settle_inbox(inbox())
    assert len(edits_of(repository)) == 3


def test_settle_repository_takes_marks_and_payloads(repository: Scratch) -> None:
    spool(written(repository.write("a", "x\n"), "x\n"))
    settle_inbox(inbox())
    place = place_of(repository)
    told = [os.fsencode(repository.path / ".git"), b"a" * 40, b"", b"CLAUDECODE ", b"", b"", b"/home/ana/key.pem"]
    fields = [b"byline.mark/1", b"post-commit", *told, b"end", b""]
    (place / "marks" / "mark.post-commit.1.0.mark").write_bytes(b"\0".join(fields))
    assert settle_repository(place, inbox()) == Settled(marks=1)
    assert len(read_events(place).events) == 2


def test_a_denied_or_failed_call_leaves_no_claim(repository: Scratch, home: Path) -> None:
    session = ClaudeSession.start(repository, home, knocking)
    path = repository.path / "denied.py"
    session.tell(hook_event_name="PreToolUse", tool_name="Write", tool_input={"file_path": str(path), "content": "x"}, tool_use_id="a")
    session.tell(tool_name="Write", tool_input={"file_path": str(path), "content": "x"}, tool_response="Error: no", tool_use_id="b")
    assert edits_of(repository) == []
    assert losses_of() == []
