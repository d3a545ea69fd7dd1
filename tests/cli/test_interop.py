# SPDX-License-Identifier: Apache-2.0
"""Export, then import into a clone that has none of our evidence: the same lines are an agent's there, by declaration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from installed import Installed

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

AGENTS = b"def greet(name):\n    return f'hello {name}'\n"
REF = "refs/notes/ai"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Begin with two commits: the agent's two lines, then the person's line above and a mixed one."""
    clone = Installed.create(repository, "--principal", "p-ana")
    clone.writes("app.py", AGENTS)
    clone.commit()
    (clone.path / "app.py").write_bytes(b"import names\n" + AGENTS)
    clone.commit()
    clone.writes("odd name.py", b"odd = 1\n")
    clone.commit()
    return clone


def elsewhere(clone: Installed, folder: Path) -> Installed:
    """Clone, and let go of the evidence that `init` fetched."""
    other = Installed.create(clone.scratch.clone(folder / "other", "--no-local"))
    for ref in other.git("for-each-ref", "--format=%(refname)", "refs/byline").out.split():
        other.scratch.git("update-ref", "-d", ref)
    assert other.owners("app.py", rev="HEAD") == ["unknown"] * 3
    return other


def told(clone: Installed) -> tuple[list[str], list[str]]:
    return clone.owners("app.py", rev="HEAD"), clone.owners("odd name.py", rev="HEAD")


def evidence(clone: Installed) -> set[tuple[str, str, str]]:
    said = json.loads(clone.byline("blame", "--json", "HEAD", "app.py").out)
    return {(each["origin"], each["evidence"], each["agent"]) for each in said["ranges"]}


def test_agent_trace_there_and_back(clone: Installed, tmp_path: Path) -> None:
    assert told(clone) == (["human", "ai", "ai"], ["ai"])
    first = clone.git("rev-list", "--max-parents=0", "HEAD").out.strip()
    assert clone.byline("export", "agent-trace", f"{first}..", "--output", str(tmp_path / "traces.jsonl")).code == 0
    whole = clone.byline("export", "agent-trace", first).out.encode() + (tmp_path / "traces.jsonl").read_bytes()
    other = elsewhere(clone, tmp_path)
    (tmp_path / "all.jsonl").write_bytes(whole)
    said = other.byline("import", "agent-trace", str(tmp_path / "traces.jsonl"), str(tmp_path / "all.jsonl"))
    assert (said.code, said.err) == (0, "")
    assert told(other) == (["unknown", "ai", "ai"], ["ai"])
    assert evidence(other) == {("unknown", "unknown", None), ("ai", "declared", "claude-code")}
    assert other.byline("import", "agent-trace", str(tmp_path / "all.jsonl")).out == "nothing new to import\n"
    assert other.byline("verify", "HEAD").code == 0


def test_git_ai_there_and_back(clone: Installed, tmp_path: Path) -> None:
    for rev in clone.git("rev-list", "HEAD").out.split():
        assert clone.byline("export", "git-ai", rev).code == 0
    other = elsewhere(clone, tmp_path)
    other.scratch.git("fetch", "--quiet", "origin", f"+{REF}:{REF}")
    said = other.byline("import", "git-ai")
    assert (said.code, said.err) == (0, "")
    assert told(other) == (["unknown", "ai", "ai"], ["ai"])
    assert other.byline("import", "git-ai", "--json", "HEAD").out.count('"lines": 0') == 1


def test_a_note_that_is_not_ours_is_kept(clone: Installed) -> None:
    head = clone.git("rev-parse", "HEAD").out.strip()
    clone.scratch.git("notes", "--ref=ai", "add", "-m", "a person's", head)
    said = clone.byline("export", "git-ai")
    assert (said.code, said.out.splitlines()) == (
        1,
        [f"wrote 0 notes to {REF}, of 1 commit", f"kept the note on {head[:12]}, which Byline did not write"],
    )
    assert clone.scratch.git("notes", "--ref=ai", "show", head) == "a person's"
    assert clone.byline("export", "git-ai", "--force").code == 0
    assert '"odd name.py"\n' in clone.scratch.git("notes", "--ref=ai", "show", head)
    assert clone.byline("export", "git-ai").out == f"wrote 0 notes to {REF}, of 1 commit\n"


def test_a_bad_note_is_told_and_the_others_are_taken(clone: Installed, tmp_path: Path) -> None:
    other = elsewhere(clone, tmp_path)
    first, second, head = other.git("rev-list", "--reverse", "HEAD").out.split()
    session = {"s_a": {"agent_id": {"tool": "codex", "id": "c-1", "model": "gpt-x"}}}
    record = {"schema_version": "authorship/3.0.0", "base_commit_sha": head, "prompts": {}, "sessions": session}
    other.scratch.git("notes", "--ref=ai", "add", "-m", f'"odd name.py"\n  s_a 1\n---\n{json.dumps(record)}', head)
    other.scratch.git("notes", "--ref=ai", "add", "-m", f"app.py\n  s_a 1\n---\n{json.dumps(record)}", second)
    other.scratch.git("notes", "--ref=ai", "add", "-m", "hello", first)
    said = other.byline("import", "git-ai")
    assert said.code == 1
    assert said.out.splitlines()[0] == "imported 1 line of 1 commit as an agent's: 1 statement signed"
    assert sorted(said.out.splitlines()[1:]) == sorted(
        [
            f"not taken: note on {first[:12]}: not JSON",
            f"not taken: note on {second[:12]}: it was written for another commit than the one that it is on",
        ]
    )
    assert other.owners("odd name.py", rev="HEAD") == ["ai"]


def test_what_is_not_proven_is_unknown_in_what_leaves(clone: Installed) -> None:
    """A key that trust does not know, or no longer: its word is nobody's."""
    trust = clone.path / ".byline/trust.toml"
    text = trust.read_text()
    trust.write_text(text[: text.index("[[key]]")])
    said = clone.byline("export", "agent-trace")
    assert '"contributor":{"type":"unknown"}' in said.out
    assert "note: 1 line without proof here" in said.err
