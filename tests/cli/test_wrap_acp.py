# SPDX-License-Identifier: Apache-2.0
"""`byline wrap acp`: what an agent writes through its editor, by its tools and in terminals is its own, and nothing else is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import Agent, Channel, Evidence
from byline.flow.acp_tool_call import Diff, undo
from wrapping import Wrapped, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scratch import Scratch

# An agent: a prompt is what it does, line by line: JSON that it says, `sh` that it runs, `wait` for an answer.
AGENT = """
import json, subprocess, sys
def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()
for line in sys.stdin:
    message = json.loads(line)
    method, given = message.get("method"), message.get("params", {})
    if method == "initialize":
        say({"id": message["id"], "result": {"protocolVersion": 1, "agentInfo": {"name": "Some Agent", "version": "1.2"}}})
    elif method == "session/new":
        options = [{"id": "model", "category": "model", "type": "select", "currentValue": "some/model"}]
        say({"id": message["id"], "result": {"sessionId": "s-1", "configOptions": options}})
    elif method == "session/set_config_option":
        options = [{"id": "model", "category": "model", "type": "select", "currentValue": given["value"]}]
        say({"id": message["id"], "result": {"configOptions": options}})
    elif method == "session/load":
        update = {"sessionUpdate": "tool_call", "toolCallId": "old", "status": "completed", "kind": "edit",
                  "content": [{"type": "diff", "path": given["cwd"] + "/a.py", "oldText": "", "newText": "typed = 1\\n"}]}
        say({"method": "session/update", "params": {"sessionId": given["sessionId"], "update": update}})
        say({"id": message["id"], "result": {}})
    elif method == "session/prompt":
        for step in given["prompt"]:
            if "sh" in step:
                subprocess.run(["sh", "-c", step["sh"]], check=True)
            else:
                say(step)
                if "id" in step:
                    json.loads(sys.stdin.readline())
        say({"id": message["id"], "result": {"stopReason": "end_turn"}})
"""
YES, NO = ({"outcome": {"outcome": "selected", "optionId": each}} for each in ("yes", "no"))
OPTIONS = [{"optionId": "yes", "kind": "allow_once", "name": "Yes"}, {"optionId": "no", "kind": "reject_once", "name": "No"}]


class Editor:
    """Plays the editor: sends a prompt, and answers what the agent asks."""

    def __init__(self, wrapped: Wrapped, repository: Scratch) -> None:
        self.wrapped = wrapped
        self.repository = repository
        self.asked = 10
        wrapped.asks(0, "initialize", protocolVersion=1)
        wrapped.asks(1, "session/new", cwd=str(repository.path), mcpServers=[])

    def prompts(self, *steps: object, answer: object = None, typed: str | None = None) -> None:
        """Let the agent do `steps`; each of its requests is answered with `answer`, after a person has `typed` a file."""
        self.asked += 1
        self.wrapped.says(
            {"jsonrpc": "2.0", "id": self.asked, "method": "session/prompt", "params": {"sessionId": "s-1", "prompt": list(steps)}}
        )
        while (message := self.wrapped.hears()).get("id") != self.asked:
            if "id" in message:
                if typed:
                    self.repository.write(typed, "typed\n")
                if message["method"] == "fs/write_text_file":
                    self.repository.write("b.py", message["params"]["content"])
                self.wrapped.says({"jsonrpc": "2.0", "id": message["id"], "result": answer})

    def path(self, name: str) -> str:
        return str(self.repository.path / name)


def update(told: str, status: str, **members: object) -> dict[str, object]:
    """Return the notice of a tool call."""
    said = {"sessionUpdate": "tool_call_update", "toolCallId": told, "status": status, **members}
    return {"method": "session/update", "params": {"sessionId": "s-1", "update": said}}


def permission(told: str, **members: object) -> dict[str, object]:
    """Return the request to be let make a tool call."""
    params = {"sessionId": "s-1", "options": OPTIONS, "toolCall": {"toolCallId": told, **members}}
    return {"id": 5, "method": "session/request_permission", "params": params}


@pytest.fixture
def editor(repository: Scratch, tmp_path: Path) -> Iterator[Editor]:
    """An editor that has begun a session with the agent."""
    repository.write("a.py", "typed = 1\n")
    repository.commit()
    script = tmp_path / "agent.py"
    script.write_text(AGENT)
    with Wrapped.start("acp", [sys.executable, str(script)], cwd=tmp_path) as wrapped:
        yield Editor(wrapped, repository)


def test_what_is_written_through_the_editor_is_the_agents(editor: Editor, repository: Scratch) -> None:
    write = {"sessionId": "s-1", "path": editor.path("b.py"), "content": "x = 1\n"}
    diff = {"type": "diff", "path": editor.path("b.py"), "oldText": "", "newText": "x = 1\n"}
    editor.prompts(
        update("c1", "in_progress", kind="edit", locations=[{"path": editor.path("b.py")}]),
        {"id": 4, "method": "fs/write_text_file", "params": write},
        update("c1", "completed", content=[diff]),
    )
    (edit,) = recorded(repository)
    assert (edit.path, edit.call, edit.session, edit.tool) == (b"b.py", "c1", "s-1", "fs/write_text_file")
    assert edit.by == Agent(name="some-agent", version="1.2", model="some/model")
    assert (edit.before, edit.evidence, edit.channel) == (None, Evidence.ATTESTED, Channel.PROXY)


def test_what_a_person_had_not_saved_is_not_the_agents(editor: Editor, repository: Scratch) -> None:
    """The editor gives the agent its own text, and the agent writes that with its line added."""
    path = editor.path("b.py")
    repository.write("b.py", "saved\n")
    read = {"id": 3, "method": "fs/read_text_file", "params": {"sessionId": "s-1", "path": path}}
    write = {"id": 4, "method": "fs/write_text_file", "params": {"sessionId": "s-1", "path": path, "content": "saved\nnot yet\nagent\n"}}
    editor.prompts(read, write, answer={"content": "saved\nnot yet\n"})
    (edit,) = recorded(repository)
    assert edit.before == repository.git("hash-object", str(repository.write("was.txt", "saved\nnot yet\n")))


def test_what_the_agent_wrote_by_itself_before_the_editor_did_is_its_own(editor: Editor, repository: Scratch) -> None:
    """OpenCode writes a file, and lets the editor write the same, at once: either may be first."""
    path = str(repository.write("b.py", "typed = 1\nx = 1\n"))
    named = {"kind": "edit", "locations": [{"path": path}]}
    write = {"id": 4, "method": "fs/write_text_file", "params": {"sessionId": "s-1", "path": path, "content": "typed = 1\nx = 2\n"}}
    steps = (permission("c1", **named), {"sh": f"sed -i 's/x = 1/x = 2/' {path}"}, write, write)
    editor.prompts(*steps, update("c1", "completed", **named), answer=YES)
    (edit,) = recorded(repository)
    before = repository.git("hash-object", str(repository.write("was.txt", "typed = 1\nx = 1\n")))
    assert (edit.path, edit.call, edit.before, edit.tool) == (b"b.py", "c1", before, "fs/write_text_file")


def test_an_edit_is_exact_however_late_it_is_heard_of(editor: Editor, repository: Scratch) -> None:
    """The agent writes first and tells later, of the part that it replaced; a person typed elsewhere in the file."""
    path = editor.path("a.py")
    diff = {"type": "diff", "path": path, "oldText": "typed = 1", "newText": "agent = 2"}
    editor.prompts(
        {"sh": f"echo also typed >> {path}; sed -i 's/typed = 1/agent = 2/' {path}"},
        update("c1", "pending", kind="edit"),
        update("c1", "completed", content=[diff]),
    )
    (edit,) = recorded(repository)
    before = repository.git("hash-object", str(repository.write("was.txt", "typed = 1\nalso typed\n")))
    assert (edit.path, edit.call, edit.before) == (b"a.py", "c1", before)


def test_what_a_command_changes_is_seen_and_what_a_person_does_before_the_yes_is_not(editor: Editor, repository: Scratch) -> None:
    command = f"echo z > {editor.path('z.py')}"
    editor.prompts(permission("c2", kind="execute"), {"sh": command}, update("c2", "completed"), answer=YES, typed="typed.py")
    assert [(each.path, each.call, each.tool) for each in recorded(repository)] == [(b"z.py", "c2", "execute")]


def test_a_command_is_seen_that_names_the_folder_in_which_it_runs(editor: Editor, repository: Scratch) -> None:
    folder = [{"path": str(repository.path)}]
    asked = permission("c2", kind="execute", locations=folder)
    editor.prompts(asked, {"sh": f"echo z > {editor.path('z.py')}"}, update("c2", "completed", locations=folder), answer=YES)
    assert [(each.path, each.call) for each in recorded(repository)] == [(b"z.py", "c2")]


def test_a_call_that_was_refused_leaves_nothing(editor: Editor, repository: Scratch) -> None:
    diff = {"type": "diff", "path": editor.path("b.py"), "oldText": "", "newText": "x\n"}
    editor.prompts(permission("c3", kind="edit", content=[diff]), update("c3", "failed"), answer=NO, typed="b.py")
    editor.prompts(permission("c4", kind="execute"), update("c4", "failed"), answer=NO, typed="c.py")
    assert recorded(repository) == []


def test_a_terminal_is_watched_from_before_it_starts(editor: Editor, repository: Scratch) -> None:
    create = {"id": 6, "method": "terminal/create", "params": {"sessionId": "s-1", "command": "make"}}
    waits = {"id": 7, "method": "terminal/wait_for_exit", "params": {"sessionId": "s-1", "terminalId": "t1"}}
    editor.prompts(create, waits, answer={"terminalId": "t1", "exitCode": 0}, typed="made.py")
    repository.write("later.py", "typed\n")
    assert [(each.path, each.tool) for each in recorded(repository)] == [(b"made.py", "terminal")]


def test_an_old_session_tells_nothing_new_and_a_new_model_is_named(editor: Editor, repository: Scratch) -> None:
    editor.wrapped.says(
        {"jsonrpc": "2.0", "id": 2, "method": "session/load", "params": {"sessionId": "s-1", "cwd": str(repository.path), "mcpServers": []}}
    )
    while editor.wrapped.hears().get("id") != 2:
        pass
    editor.wrapped.asks(3, "session/set_config_option", sessionId="s-1", configId="model", value="other/model")
    editor.prompts({"id": 4, "method": "fs/write_text_file", "params": {"sessionId": "s-1", "path": editor.path("b.py"), "content": "x\n"}})
    assert [(each.path, each.by.model) for each in recorded(repository)] == [(b"b.py", "other/model")]


@given(st.lists(st.sampled_from("abcdef"), min_size=3, max_size=12, unique=True), st.data())
def test_diffs_are_taken_back_exactly(lines: list[str], data: st.DataObject) -> None:
    """Parts that were replaced one after the other, each by text that stands once in the file."""
    text = "".join(f"{line}\n" for line in lines)
    before, diffs = text, []
    for number in range(data.draw(st.integers(1, 3))):
        old = data.draw(st.sampled_from(text.splitlines()))
        diffs.append(Diff(path="/a", old=old, new=f"new {number}"))
        text = text.replace(old + "\n", f"new {number}\n", 1)
    assert undo(text.encode(), diffs) == before.encode()
