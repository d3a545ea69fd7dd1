# SPDX-License-Identifier: Apache-2.0
"""What an agent was refused: shown, signed with the next commit, never with the text of a command, and forgotten with its session."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from byline.capture.refusals import FILE, MOST, read_refusals, unsigned_refusals
from byline.core.access import Effect
from byline.core.attribution import Agent
from byline.core.refusal import Refusal, attempt_digest, format_refusal, with_key
from installed import Installed, run

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

LINE = "MY_TOKEN=hunter2 terraform destroy"


def _is_asked(clone: Installed, **asked: object) -> None:
    payload = {
        "cwd": str(clone.path),
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "session_id": "session-1",
        "tool_use_id": "t-1",
    }
    for command in clone.commands("PreToolUse", "Bash"):
        if command.endswith(" guard"):
            said = run("sh", "-c", command, cwd=clone.path, data=json.dumps({**payload, "tool_input": asked}).encode())
            assert "permissionDecision" in said.out


def _signed(clone: Installed) -> list[dict[str, Any]]:
    said = clone.byline("show", "--json", "HEAD")
    assert said.code == 0, said
    payloads = [json.loads(b64decode(each["bundle"]["dsseEnvelope"]["payload"])) for each in json.loads(said.out)["statements"]]
    return [refusal for each in payloads for refusal in each["predicate"].get("extensions", {}).get("refusals", ())]


def test_what_an_agent_was_refused_is_shown_signed_once_and_forgotten(repository: Scratch) -> None:
    clone = Installed.create(repository, "--policy", "team")
    clone.commit()
    _is_asked(clone, command=LINE)
    place = clone.path / ".git/byline"

    (shown,) = json.loads(clone.byline("status", "--json").out)["refusals"]
    assert (shown["rule"], shown["effect"], shown["what"]) == ("agent:1", "ask", "destroy-infrastructure")
    assert "agent:1" in clone.byline("status").out

    clone.commit()
    (signed,) = _signed(clone)
    assert "claude-code was to ask first: destroy-infrastructure, rule agent:1" in clone.byline("show", "HEAD").out
    assert "were to ask first: 1 call\n" in clone.byline("log", "-n", "1").out
    (logged,) = json.loads(clone.byline("log", "--json", "-n", "1").out)["commits"]
    assert [each["refused"] for each in logged["statements"]] == [1]
    doctor = clone.byline("doctor").out
    assert "1 rule for agents, read from" in doctor
    assert "1 call of agents. The last: claude-code, destroy-infrastructure (ask, agent:1)" in " ".join(doctor.split())
    (kept,) = read_refusals(place)
    line_key = json.loads((place / "identity.json").read_text())["line_key"]
    assert signed == {**{name: value for name, value in shown.items() if name != "what"}, "digest": signed["digest"]}
    assert kept.digest == attempt_digest((), LINE)
    assert len(signed["digest"]) == 32 != len(line_key)
    assert "hunter2" not in json.dumps(signed) + (place / FILE).read_text()

    clone.commit()
    assert _signed(clone) == [], "one statement tells of it"
    assert clone.byline("verify", "HEAD").code == 0

    clone.writes("a.py", b"a = 1\n", session="session-1")
    assert clone.byline("forget", "session-1", "--yes").code == 0
    assert read_refusals(place) == ()


def test_doctor_says_where_rules_come_from_and_that_a_guard_cannot_read_them(repository: Scratch) -> None:
    clone = Installed.create(repository, "--policy", "team")

    def rules() -> tuple[str, str]:
        found = json.loads(clone.byline("doctor", "--json").out)["findings"]
        return next((each["level"], each["detail"]) for each in found if each["what"] == "rules")

    assert rules() == ("note", "no branch that counts has the work tree's policy: it holds for no agent yet")
    clone.commit()
    assert rules() == ("good", "1 rule for agents, read from main, HEAD")
    clone.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert rules() == ("good", "1 rule for agents, read from origin/main")
    (clone.path / ".byline/policy.toml").write_text("schema = 99\n")
    assert rules()[0] == "note", "the work tree's own is not asked, and that is said"
    clone.commit()
    clone.git("update-ref", "refs/remotes/origin/main", "HEAD")
    level, detail = rules()
    assert (level, detail.startswith("cannot be read, so agents may write and run nothing here")) == ("bad", True)


def test_a_refusal_in_a_statement_says_less(tmp_path: Path) -> None:
    made = Refusal(
        time=1,
        session=None,
        agent=Agent(name="a"),
        call=None,
        rule="r",
        policy=None,
        effect=Effect.DENY,
        kinds=(),
        digest="0" * 64,
        what="x",
    )
    keyed = with_key(made, b"k" * 32)
    assert (keyed.what, len(keyed.digest), with_key(made, b"l" * 32) == keyed) == (None, 32, False)
    (tmp_path / FILE).write_bytes(b"torn\n" + b"".join(format_refusal(made) + b"\n" for _ in range(MOST + 1)) + b"cut")
    first = unsigned_refusals(tmp_path)
    assert (len(first.refusals), first.end < (tmp_path / FILE).stat().st_size) == (MOST, True)
