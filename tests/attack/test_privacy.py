# SPDX-License-Identifier: Apache-2.0
"""What leaves the machine says nothing about text or people that a reader of the repository does not know already."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.capture.agents import Attempt, Kind, Observed
from byline.capture.door import take_hook
from byline.capture.guard import record_refusal
from byline.capture.prompts import read_prompts
from byline.core.access import Effect, Ruling
from byline.core.attribution import Agent
from byline.core.bundle import format_bundle, join_receipt
from byline.core.entry import check_entry
from byline.core.refusal import attempt_digest
from byline.core.trustfile import local_trust
from byline.flow.exporting import tell_commits
from byline.keys.p256 import load_key
from byline.log.evidence import EvidenceRef
from byline_ledger.embedded import open_embedded
from story import IDENTITY, Story

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.bundle import Bundle

SECRET = "password = 'correct horse battery'"
TEXT = f"import vault\n{SECRET}\nprint(vault.open(password))\n"


def _bundles(story: Story, tmp_path: Path) -> list[Bundle]:
    """Log what the story's evidence holds in a real ledger."""
    public = load_key(tmp_path / "key.pem").public
    with story.workshop() as workshop:
        envelopes = [each.bundle.envelope for each in EvidenceRef(workshop.repo).bundles()]
    with open_embedded(tmp_path / "ledger") as ledger:
        return [join_receipt(each, public, ledger.append(each, public)) for each in envelopes]


def _story(tmp_path: Path) -> Story:
    story = Story.begin(tmp_path, declares=True)
    story.agent_writes("app.py", TEXT)
    story.commit("--author", "Wilhelmina Example <wilhelmina@example.invalid>")
    story.person_types("app.py", TEXT + "# " + SECRET.upper() + "\n")
    story.commit()
    return story


def test_statements_and_leaves_hold_no_text_and_no_name(tmp_path: Path) -> None:
    """P1: no line, no word of one, no prompt, no e-mail and no name, in whatever encoding a bundle has them."""
    bundles = _bundles(_story(tmp_path), tmp_path)
    assert len(bundles) == 2
    for bundle in bundles:
        said = format_bundle(bundle).lower() + bundle.envelope.payload.lower()
        said += b"".join(base64.b64decode(each) for each in _texts(json.loads(bundle.envelope.payload)) if len(each) % 4 == 0).lower()
        for word in ("password", "horse", "vault", "print(", "wilhelmina", "person@", "example.invalid", "test person"):
            assert word.encode() not in said.replace(b"p-person", b"").replace(b'"ai-author', b"").replace(b"byline.invalid", b""), word


def _texts(value: object) -> list[str]:
    """Every string in a statement that may be base64."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) and value.isascii() and value.replace("+", "").replace("/", "").rstrip("=").isalnum() else []


def test_secrets_in_names_leave_no_machine(tmp_path: Path) -> None:
    """P6: whatever an agent calls itself, its model and its session, none of it is in a statement, a log, an export or the evidence."""
    key = "ghp_" + "aB3" * 12
    by = {"kind": "ai", "agent": f"mine {key}", "model": "https://ana:hunter2@proxy.invalid/home/wilhelmina/m", "session": key}
    story = Story.begin(tmp_path)
    story.scratch.write("a.py", "x = 1\n")
    story.tells("after", "a.py", by)
    story.commit()
    owner = story.resolve("HEAD", "a.py").bylines[0].owner
    assert (owner.agent, owner.session) == (Agent(name="mine ***", model="https://***@proxy.invalid/home/***/m"), "***")
    trees = story.git("for-each-ref", "--format=%(objectname)", "refs/byline")
    objects = [line.split()[0] for line in story.git("rev-list", "--objects", "--all", trees).splitlines()]
    shared = [story.scratch.git("cat-file", "-p", each).encode() for each in objects]
    shared += [format_bundle(each) + each.envelope.payload for each in _bundles(story, tmp_path)]
    with story.workshop() as workshop:
        trust = local_trust(repository=IDENTITY.repository, line_key=IDENTITY.line_key, public=story.signer.public, principal="p-person")
        (told,) = tell_commits(workshop, [story.git("rev-parse", "HEAD")], trust=trust, at=datetime(2026, 11, 21, tzinfo=UTC))
    assert told.hearsay[0].agent == owner.agent
    shared += [repr(told).encode()]
    for word in (key, "hunter2", "wilhelmina"):
        assert [each for each in shared if word.encode() in each] == [], word


def test_nothing_that_is_shared_tells_of_a_prompt(tmp_path: Path) -> None:
    """P7: no byte of it, and nothing by which a guess could be confirmed without its key."""
    prompt = "rotate the tangerine lantern"
    story = _story(tmp_path)
    story.git("config", "byline.commitPrompts", "true")
    payload = {"session_id": "s1", "hook_event_name": "UserPromptSubmit", "prompt": prompt}
    take_hook("claude-code", json.dumps(payload).encode(), environ=os.environ, cwd=story.scratch.path)
    story.commit()
    (kept,) = read_prompts(story.scratch.path / ".git/byline")
    assert (kept.prompt.text, bool(kept.signed)) == (prompt, True)
    trees = story.git("for-each-ref", "--format=%(objectname)", "refs/byline")
    objects = [line.split()[0] for line in story.git("rev-list", "--objects", "--all", trees).splitlines()]
    shared = [story.scratch.git("cat-file", "-p", each).encode() for each in objects]
    shared += [format_bundle(each) + each.envelope.payload for each in _bundles(story, tmp_path)]
    told = [each for each in shared if b'"prompts":' in each]
    assert told
    keys = [kept.key.hex().encode(), base64.b64encode(kept.key)]
    guesses = [hashlib.sha256(prompt.encode()), hmac.new(IDENTITY.line_key, prompt.encode(), hashlib.sha256)]
    guesses += [hashlib.blake2b(prompt.encode(), key=IDENTITY.line_key, digest_size=32)]
    for word in (b"rotate", b"tangerine", *keys, *(each.hexdigest().encode() for each in guesses)):
        assert [each for each in shared if word in each] == [], word


def test_prompts_refused_commands_and_paths_elsewhere_leave_no_machine(tmp_path: Path) -> None:
    """P1: what an agent was told, what it was not let do and what it touched outside are in no statement, no leaf and no ref."""
    story = _story(tmp_path)
    outside, prompt, command = "/home/wilhelmina/clients/acme.txt", "Tell nobody that Acme is bought", "deploy --token=wolpertinger"
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text(json.dumps({"message": {"role": "user", "content": prompt}}) + "\n")
    told = {"session_id": "s-9", "cwd": str(story.scratch.path), "transcript_path": str(transcript), "prompt": prompt}
    for event in ("UserPromptSubmit", "Stop"):
        take_hook("claude-code", json.dumps({**told, "hook_event_name": event}).encode(), environ=os.environ, cwd=story.scratch.path)
    write = {
        "hook_event_name": "PostToolUse",
        "tool_name": "Write",
        "tool_use_id": "t",
        "tool_input": {"file_path": outside, "content": TEXT},
    }
    take_hook("claude-code", json.dumps({**told, **write}).encode(), environ=os.environ, cwd=story.scratch.path)
    observed = Observed(kind=Kind.NOTHING, agent=Agent(name="claude-code"), session="s-9", call="t")
    attempt = Attempt(observed=observed, cwd="/", paths=(outside,), command=command)
    record_refusal(str(story.scratch.path / ".git"), attempt, Ruling(rule="agent:1", effect=Effect.DENY, what=outside), None)
    story.person_types("b.py", "b = 1\n")
    story.commit()
    bundles = _bundles(story, tmp_path)
    assert sum(b'"refusals"' in each.envelope.payload for each in bundles) == 1
    trees = story.git("for-each-ref", "--format=%(objectname)", "refs/byline")
    objects = [line.split()[0] for line in story.git("rev-list", "--objects", trees).splitlines()]
    shared = [story.scratch.git("cat-file", "-p", each).encode() for each in objects]
    shared += [format_bundle(each) + each.envelope.payload for each in bundles]
    digest = hashlib.sha256(f"{outside}\0{command}".encode()).hexdigest()
    for word in ("wilhelmina", "acme", "nobody that", "wolpertinger", "deploy", digest, attempt_digest(attempt.paths, command)):
        assert [each for each in shared if word.encode() in each.lower()] == [], word


def test_a_leaf_can_be_made_again_from_envelope_and_key(tmp_path: Path) -> None:
    """FM6: so nothing is ever read from a leaf that the envelope does not say."""
    bundles = _bundles(_story(tmp_path), tmp_path)
    public = load_key(tmp_path / "key.pem").public
    for bundle in bundles:
        assert bundle.receipt
        check_entry(bundle.receipt.leaf, bundle.envelope, public)


def test_snapshots_hold_no_ignored_file(tmp_path: Path) -> None:
    """P4: what git ignores, and what lies outside, is never copied, whoever edits it."""
    story = Story.begin(tmp_path)
    story.scratch.write(".gitignore", "*.env\n")
    for name in ("secret.env", "../outside.py"):
        story.agent_writes(name, TEXT)
    story.agent_writes("inside.py", "fine = True\n")
    story.commit()
    kept = [path for path in (story.scratch.path / ".git/byline").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    assert not (tmp_path / ".git").exists()
