# SPDX-License-Identifier: Apache-2.0
"""`byline wrap` keeps the rules for agents: what they do not allow the other side never hears of, and who asked is told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from byline.capture.refusals import read_refusals
from byline.core.access import Effect
from byline.flow.overhearing import overhear
from casework import SOLO
from wrapping import Wrapped, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.rpc import Message
    from scratch import Scratch

RULES = """
[[agent]]
paths = ["infra/**"]
commands = ["ring"]
effect = "deny"
why = "people do that"

[[agent]]
paths = ["docs/**"]
commands = ["knock"]
effect = "ask"

[[agent]]
commands = ["delete-data"]
effect = "deny"

[[command]]
kind = "ring"
program = "ringer"

[[command]]
kind = "knock"
program = "knocker"
"""
# A tool server: it keeps what it hears, and answers each request with that.
SERVER = """
import json, sys
heard = []
for line in sys.stdin:
    for message in (value if isinstance(value := json.loads(line), list) else [value]):
        result = {"heard": heard}
        if message["method"] == "tools/list":
            result = {"tools": message["params"]["tools"]}
        elif message["method"] == "tools/call":
            heard.append(message["params"]["name"])
        if "id" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""
# An agent: a prompt is what it asks the editor for; it ends with the answers.
AGENT = """
import json, sys
def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "session/prompt":
        answers = []
        for step in message["params"]["prompt"]:
            say(step)
            if "id" in step:
                answers.append(json.loads(sys.stdin.readline()))
        say({"id": message["id"], "result": {"stopReason": "end_turn", "answers": answers}})
    else:
        say({"id": message["id"], "result": {"sessionId": "s-1", "agentInfo": {"name": "some-agent"}}})
"""
OPTIONS = [{"optionId": "y", "kind": "allow_once"}, {"optionId": "n!", "kind": "reject_always"}, {"optionId": "n", "kind": "reject_once"}]


@pytest.fixture
def guarded(repository: Scratch) -> Scratch:
    """A repository whose branch says what agents may not do."""
    repository.write(".byline/policy.toml", SOLO + RULES)
    repository.write("a.py", "typed = 1\n")
    repository.commit()
    return repository


# Tool servers


@pytest.fixture
def client(guarded: Scratch, tmp_path: Path) -> Iterator[Wrapped]:
    """A client of a server behind the proxy."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    with Wrapped.start("mcp", [sys.executable, str(script)], cwd=guarded.path) as wrapped:
        wrapped.asks(0, "initialize", clientInfo={"name": "some-client", "version": "2"})
        yield wrapped


def _call(client: Wrapped, tool: str, **arguments: object) -> str:
    """Call a tool, and return why not; empty where the server was called."""
    result = client.asks(7, "tools/call", name=tool, arguments=arguments)["result"]
    return result["content"][0]["text"] if result.get("isError") else ""


def _heard(client: Wrapped) -> list[str]:
    heard: list[str] = client.asks(8, "ping")["result"]["heard"]
    return heard


REFUSED_CALLS: dict[str, dict[str, Any]] = {
    "write_file": {"path": "infra/db.tf", "content": "x"},
    "move_file": {"source": "infra/db.tf", "destination": "db.tf"},
    "edit_files": {"edits": [{"path": "a.py"}, {"path": "./src/../Infra/db.tf"}]},
    "write_files": {"files": {"infra/db.tf": "x"}},
    "write_resource": {"uri": "file:///REPO/infra/db%2Etf"},
    "apply_patch": {"patch": "--- a/infra/db.tf\n+++ b/infra/db.tf\n@@ -1 +1 @@\n-a\n+b\n"},
    "write_doc": {"filePath": "docs/a.md"},
    "run_command": {"command": "echo; (ringer --now)"},
    "run_list": {"command": ["sh", "-c", "ringer"]},
    "run_program": {"command": "ringer", "args": ["x"]},
    "run_below": {"command": "echo x > db.tf", "cwd": "infra"},
    "bash": {"script": "ringer"},
    "read_shell": {"command": "ringer"},
    "query": {"sql": "alter table users drop column name"},
    "ask_first": {"cmd": "knocker"},
}


@pytest.mark.parametrize("tool", REFUSED_CALLS)
def test_a_call_that_the_rules_do_not_allow_never_reaches_the_server(guarded: Scratch, client: Wrapped, tool: str) -> None:
    arguments = json.loads(json.dumps(REFUSED_CALLS[tool]).replace("/REPO", str(guarded.path)))
    assert "the person you work for" in _call(client, tool, **arguments)
    assert _heard(client) == []
    (refusal,) = read_refusals(guarded.path / ".git/byline")
    assert (refusal.agent.name, refusal.agent.version, refusal.call) == ("some-client", "2", "7")
    assert recorded(guarded) == []


ALLOWED_CALLS: dict[str, dict[str, Any]] = {
    "write_file": {"path": "infrastructure.md", "content": "infra/db.tf ringer"},
    "read_file": {"path": "infra/db.tf"},
    "getFileInfo": {"path": "infra/db.tf"},
    "copy_file": {"source": "infra/db.tf", "destination": "a.tf"},
    "git_commit": {"repo_path": ".", "message": "ringer"},
    "search": {"query": "how to drop a table"},
    "run_command": {"command": "echo ringer", "cwd": "infra"},
    "nothing": {},
}


@pytest.mark.parametrize("tool", ALLOWED_CALLS)
def test_a_call_that_no_rule_is_about_is_made(guarded: Scratch, client: Wrapped, tool: str) -> None:
    assert _call(client, tool, **ALLOWED_CALLS[tool]) == ""
    assert _heard(client) == [tool]
    assert read_refusals(guarded.path / ".git/byline") == ()


def test_a_server_says_itself_which_of_its_tools_only_read(client: Wrapped) -> None:
    """What it says counts more than the name; of a tool that it says nothing of the name tells."""
    tools = [{"name": "probe", "annotations": {"readOnlyHint": True}}, {"name": "get", "annotations": {"readOnlyHint": False}}]
    client.asks(3, "tools/list", tools=[*tools, {"name": "put"}, {"name": 4, "annotations": []}])
    assert _call(client, "probe", path="infra/db.tf") == ""
    assert _call(client, "get", path="infra/db.tf") != ""
    assert _call(client, "put", path="infra/db.tf") != ""
    assert _call(client, "read", path="infra/db.tf") == ""


def test_one_refused_message_takes_those_beside_it_along(guarded: Scratch, client: Wrapped) -> None:
    """A line of several is refused as a whole, so that nothing passes among others; nothing stays open for what was not called."""
    calls = [{"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": {"name": "write", "arguments": {"path": path}}} for at, path in
             enumerate(("a.py", "infra/db.tf", "b.py"), 20)]  # fmt: skip
    client.says(calls)
    answers = {message["id"]: message for message in (client.hears() for _ in calls)}
    assert ["error" in answers[20], answers[21]["result"]["isError"], "error" in answers[22]] == [True, True, True]
    client.says({"jsonrpc": "2.0", "method": "tools/call", "params": calls[1]["params"]})
    assert _heard(client) == []
    guarded.write("b.py", "typed\n")
    client.leaves()
    assert recorded(guarded) == []


class Broken:
    """A conversation that fails at whatever it is told."""

    def refuse(self, message: Message, *, from_client: bool) -> bytes | None:
        raise RecursionError(message, from_client)

    def take(self, message: Message, *, from_client: bool) -> None:
        raise AssertionError(message, from_client)

    def end(self) -> None:
        pass


def test_what_cannot_be_judged_is_refused() -> None:
    """A request is answered with an error, and nothing is passed on."""
    answer = overhear(Broken(), b'{"id": 5, "method": "x"}', from_client=True)
    assert "cannot be read" in json.loads(answer or b"")["error"]["message"]
    assert overhear(Broken(), b'{"method": "x"}', from_client=True) == b""


# Agents in editors


@dataclass
class Editor:
    """Plays the editor; `asked` is what it was asked for."""

    wrapped: Wrapped
    asked: list[Any]

    def prompts(self, *steps: dict[str, Any], says: str = "y") -> list[Any]:
        """Let the agent ask for `steps`, answer what comes through, and return the answers that the agent had."""
        params = {"sessionId": "s-1", "prompt": [{**each, "params": {"sessionId": "s-1", **each["params"]}} for each in steps]}
        self.wrapped.says({"jsonrpc": "2.0", "id": 2, "method": "session/prompt", "params": params})
        while (message := self.wrapped.hears()).get("method"):
            if "id" in message:
                self.asked.append(message["method"])
                self.wrapped.says({"jsonrpc": "2.0", "id": message["id"], "result": {"outcome": {"outcome": "selected", "optionId": says}}})
        return message["result"]["answers"]  # type: ignore[no-any-return]  # as the agent above answers


@pytest.fixture
def editor(guarded: Scratch, tmp_path: Path) -> Iterator[Editor]:
    """An editor that has begun a session with the agent."""
    script = tmp_path / "agent.py"
    script.write_text(AGENT)
    with Wrapped.start("acp", [sys.executable, str(script)], cwd=guarded.path) as wrapped:
        wrapped.asks(0, "initialize", protocolVersion=1)
        wrapped.asks(1, "session/new", cwd=str(guarded.path), mcpServers=[])
        yield Editor(wrapped, [])


def _write(path: str) -> dict[str, Any]:
    return {"id": 5, "method": "fs/write_text_file", "params": {"path": path, "content": "x\n"}}


def _terminal(command: str, *args: str, **more: object) -> dict[str, Any]:
    return {"id": 6, "method": "terminal/create", "params": {"command": command, "args": args, **more}}


def _permission(kind: str, options: object = OPTIONS, **members: object) -> dict[str, Any]:
    params = {"options": options, "toolCall": {"toolCallId": "c1", "kind": kind, **members}}
    return {"id": 7, "method": "session/request_permission", "params": params}


def test_the_editor_is_not_asked_to_do_what_is_denied(guarded: Scratch, editor: Editor) -> None:
    deeds = [
        _write(f"{guarded.path}/infra/db.tf"),
        _write(f"{guarded.path}/.byline/policy.toml"),
        _terminal("ringer"),
        _terminal("sh", "-c", "cd x && ringer"),
        _terminal("cd x && ringer"),
        _terminal("tee", "db.tf", cwd=f"{guarded.path}/infra"),
    ]
    answers = editor.prompts(*deeds)
    assert all("the person you work for" in each["error"]["message"] for each in answers)
    assert (len(answers), editor.asked) == (6, [])
    refusals = read_refusals(guarded.path / ".git/byline")
    assert [each.agent.name for each in refusals] == ["some-agent"] * 6
    assert {each.session for each in refusals} == {"s-1"}
    guarded.write("b.py", "typed\n")
    assert recorded(guarded) == []


def test_the_editor_is_asked_for_what_no_rule_is_about(guarded: Scratch, editor: Editor) -> None:
    read = _permission("read", locations=[{"path": f"{guarded.path}/infra/db.tf"}], rawInput={"path": "infra/db.tf"})
    answers = editor.prompts(_write(f"{guarded.path}/b.py"), _terminal("echo", "ringer"), read)
    assert [each["result"]["outcome"]["optionId"] for each in answers] == ["y", "y", "y"]
    assert len(editor.asked) == 3


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("edit", {"content": [{"type": "diff", "path": "REPO/infra/db.tf", "oldText": "", "newText": "x"}]}),
        ("delete", {"locations": [{"path": "REPO/infra/db.tf"}]}),
        ("other", {"rawInput": {"file_path": "infra/db.tf"}}),
        ("execute", {"rawInput": {"command": ["bash", "-lc", "ringer"]}}),
        ("execute", {"rawInput": {"command": "echo x > infra/db.tf"}}),
        ("execute", {"title": "echo x > infra/db.tf"}),
        ("read", {"rawInput": {"command": "ringer"}}),
    ],
)
def test_nobody_is_asked_to_permit_what_is_denied(guarded: Scratch, editor: Editor, kind: str, members: dict[str, Any]) -> None:
    members = json.loads(json.dumps(members).replace("REPO", str(guarded.path)))
    told = {"method": "session/update", "params": {"update": {"sessionUpdate": "tool_call", "toolCallId": "c1", "kind": kind, **members}}}
    failed = {
        "method": "session/update",
        "params": {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "c1", "status": "failed"}},
    }
    (answer,) = editor.prompts(told, _permission(kind), failed)
    assert answer["result"] == {"outcome": {"outcome": "selected", "optionId": "n"}}
    (other,) = editor.prompts(_permission(kind, OPTIONS[:2], **members))
    assert other["result"]["outcome"]["optionId"] == "n!"
    (none,) = editor.prompts(_permission(kind, [], **members))
    assert none["result"] == {"outcome": {"outcome": "cancelled"}}
    assert editor.asked == []
    assert {each.call for each in read_refusals(guarded.path / ".git/byline")} == {"c1"}


@pytest.mark.parametrize("says", ["y", "n"])
def test_what_is_to_be_asked_is_done_after_the_persons_yes_and_for_that_only(guarded: Scratch, editor: Editor, says: str) -> None:
    path = f"{guarded.path}/docs/a.md"
    edit = _permission("edit", content=[{"type": "diff", "path": path, "newText": "x"}])
    run = _permission("execute", rawInput={"command": "knocker now"})
    answers = editor.prompts(edit, _write(path), _write(path + "x"), says=says)
    answers += editor.prompts(run, _terminal("knocker now"), _terminal("knocker"), says=says)
    answers += editor.prompts(_write(path), _terminal("knocker now"))  # another prompt: the yes is over
    passed = ["result" in each for each in answers]
    assert passed == [True, says == "y", False, True, says == "y", False, False, False]
    assert {each.effect for each in read_refusals(guarded.path / ".git/byline")} == {Effect.ASK}


def test_a_session_that_nobody_began_is_judged_as_well(guarded: Scratch, editor: Editor) -> None:
    (answer,) = editor.prompts({**_write(f"{guarded.path}/infra/a"), "params": {"sessionId": "?", "path": f"{guarded.path}/infra/a"}})
    assert "error" in answer
