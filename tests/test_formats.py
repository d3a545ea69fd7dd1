# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/formats.md have the members that Byline really writes: no member more, none less, no other kind of value."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scratch import Scratch

FORMATS = (Path(__file__).parents[1] / "docs/formats.md").read_text()
# Objects whose members are names, and rows whose cells are told apart by their place: no two need to be alike.
FREE = {"came", "went", "origins", "lines", "logs", "segs", "transitions"}


def _example(heading: str, number: int = 0) -> dict[str, Any]:
    """Return the JSON block number `number` under `heading`."""
    section = re.split(r"(?m)^##+ ", FORMATS.split(f"\n### {heading}\n")[1])[0]
    value: dict[str, Any] = json.loads(re.findall(r"(?ms)^```json\n(.*?)^```$", section)[number])
    return value


def _misfits(real: object, example: object, where: str = "$") -> Iterator[str]:
    """Yield where `real` has not the shape of `example`; null fits everything, and so does what the example leaves out."""
    if real is None or example in (None, {}) or where.rpartition(".")[2] in FREE:
        return
    if type(real) is not type(example):
        yield f"{where}: {real!r} is not like {example!r}"
    elif isinstance(real, dict) and isinstance(example, dict):
        yield from (f"{where}.{name}: only in one" for name in sorted(real.keys() ^ example.keys()))
        for name in real.keys() & example.keys():
            yield from _misfits(real[name], example[name], f"{where}.{name}")
    elif isinstance(real, list) and isinstance(example, list) and example:
        for number, each in enumerate(real):
            yield from min((list(_misfits(each, one, f"{where}[{number}]")) for one in example), key=len)


def _run(repository: Scratch, command: str, *, expect: int = 0) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=repository.path, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == expect, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _predicate(bundle: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]
    return value


def _evidence(repository: Scratch) -> Iterator[dict[str, Any]]:
    for name in repository.git("ls-tree", "-r", "--name-only", "refs/byline/evidence").split():
        yield _predicate(json.loads(repository.git("show", f"refs/byline/evidence:{name}")))


def _forged(bundle: dict[str, Any]) -> str:
    envelope = bundle["dsseEnvelope"]
    text = base64.b64decode(envelope["payload"]).replace(b'"ai"', b'"human"')
    return json.dumps({**bundle, "dsseEnvelope": {**envelope, "payload": base64.b64encode(text).decode()}})


@pytest.fixture
def answers(repository: Scratch) -> dict[str, Any]:
    """Let an agent edit, a person commit where no hook runs, and a senior approve; return what the commands answer."""

    def ask(command: str, *, expect: int = 0) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(_run(repository, command, expect=expect))
        return value

    _run(repository, "byline init --policy team --principal p-ana --agent claude-code --declare-own-lines --commit-prompts --yes")
    repository.write("a.py", "one\ntwo\nthree\n")
    repository.commit("trust")
    repository.git("switch", "--quiet", "-c", "feature")
    edit = {"schema": "byline.edit/1", "cwd": str(repository.path), "paths": ["a.py"], "by": {"kind": "ai", "agent": "scribe"}}
    repository.write("before.json", json.dumps({**edit, "when": "before"}))
    repository.write("after.json", json.dumps({**edit, "when": "after"}))
    _run(repository, "byline hook generic < before.json")
    repository.write("a.py", "one\nthree\nfour\n")
    _run(repository, "byline hook generic < after.json")
    _run(repository, "git commit --quiet -m agent a.py && byline attest --wait")
    said: dict[str, Any] = {"show": ask("byline show --json"), "verify": ask("byline verify --json")}
    repository.write("trace.json", "{}")
    said |= {
        "trailers": ask("byline trailers --json", expect=1),
        "import": ask("byline import agent-trace --json trace.json", expect=1),
    }
    repository.write("forged.json", _forged(said["show"]["statements"][0]["bundle"]))
    said["forged"] = ask("byline verify --json forged.json", expect=1)
    asked = {"session_id": "s-11", "hook_event_name": "UserPromptSubmit", "prompt": "Write four"}
    repository.write("asked.json", json.dumps(asked))
    _run(repository, "byline hook claude-code < asked.json")
    repository.write("a.py", "one\nthree\nfour\nfive\n")
    _run(repository, "git -c core.hooksPath=/dev/null commit --quiet -m 'no hook' a.py")
    said["gate"] = ask("byline gate --base main --json", expect=4)
    _run(repository, "byline approve --target main --yes")
    said["approvals"] = [each for each in _evidence(repository) if "approver" in each]
    trust = _run(repository, "byline trust list")
    anchor = f'repository = "{re.findall(r"byl:[0-9a-f]+", trust)[0]}"\ntrust = "{re.findall(r"sha256:[0-9a-f]+", trust)[0]}"\n'
    (repository.path.parent / "gate.toml").write_text(f'schema = 1\n{anchor}target = "main"\nstate = "state.json"\n')
    _run(repository, "byline gate --anchor ../gate.toml")
    said["state"] = json.loads((repository.path.parent / "state.json").read_text())
    repository.write("a.py", "one\nthree\nfour\nfive\nsix\n")
    said["why"] = ask("byline why --json HEAD a.py:2-4")
    said |= {"blame": ask("byline blame --json a.py"), "status": ask("byline status --json"), "doctor": ask("byline doctor --json")}
    _run(repository, "byline delegate --agent mine --paths 'src/**'")
    said["delegations"] = ask("byline delegate --list --json")
    said["policy-test"] = ask("byline policy test --agent codex --path .git/config --json", expect=1)
    said |= {"diff": ask("byline diff --json HEAD~2"), "log": ask("byline log --json"), "stats": ask("byline stats --json --by agent")}
    _run(repository, "git commit --quiet -m asked a.py && byline attest --wait")
    said["prompts"] = ask("byline prompt list --json")
    _run(repository, "byline prompt reveal s-11:1 --to ../opening.json")
    said["opening"] = json.loads((repository.path.parent / "opening.json").read_text())
    said["check"] = ask("byline prompt verify --json ../opening.json")
    said["kept"] = [json.loads(line) for line in (repository.path / ".git/byline/prompts").read_text().splitlines()]
    said["journal"] = [json.loads(line) for line in (repository.path / ".git/byline/journal").read_text().splitlines()]
    return said


def test_the_examples_are_like_the_answers(answers: dict[str, Any]) -> None:
    (made,) = answers["show"]["statements"]
    (approval,) = answers["approvals"]
    edits, marks = ([each for each in answers["journal"] if each["type"] == kind] for kind in ("edit", "mark"))
    pairs = [
        ("ai-authorship", 0, _predicate(made["bundle"])),
        ("byline.status/1", 0, answers["status"]),
        ("byline.doctor/1", 0, answers["doctor"]),
        ("byline.delegations/1", 0, answers["delegations"]),
        ("byline.policy-test/1", 0, answers["policy-test"]),
        ("Bundle", 0, made["bundle"]),
        ("gate.toml", 0, answers["state"]),
        ("change-approval", 0, approval),
        ("byline.gate/1", 0, answers["gate"]),
        ("byline.verify/1", 0, answers["verify"]),
        ("byline.verify/1", 0, answers["forged"]),
        ("byline.blame/1", 0, answers["blame"]),
        ("byline.diff/1", 0, answers["diff"]),
        ("byline.log/1", 0, answers["log"]),
        ("byline.stats/1", 0, answers["stats"]),
        ("byline.why/1", 0, answers["why"]),
        ("byline.show/1", 0, answers["show"]),
        ("byline.trailers/1", 0, answers["trailers"]),
        ("byline.import/1", 0, answers["import"]),
        ("byline.prompts/1", 0, answers["prompts"]),
        ("byline.prompt-opening/1", 0, answers["opening"]),
        ("byline.prompt-check/1", 0, answers["check"]),
        *(("byline.prompt/1", 0, each) for each in answers["kept"]),
        *(("byline.journal/1", 0, each) for each in edits),
        *(("byline.journal/1", 1, each) for each in marks),
    ]
    # An empty list would fit every example.
    assert all(
        (
            edits,
            marks,
            answers["prompts"]["prompts"],
            answers["kept"],
            answers["why"]["approvals"],
            answers["why"]["lines"][1]["edit"],
            answers["gate"]["reasons"],
            answers["forged"]["failures"],
            made["claims"][0]["removed"],
        )
    )
    assert {each["origin"] for each in answers["blame"]["ranges"]} == {"ai", "human", "unknown"}
    assert [f"{heading}: {each}" for heading, number, real in pairs for each in _misfits(real, _example(heading, number))] == []
