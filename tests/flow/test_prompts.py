# SPDX-License-Identifier: Apache-2.0
"""Prompts and statements: each is committed to once, by the first commit after it, and what is too much gives way."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import byline
from byline.capture import prompts as kept_prompts
from byline.capture.door import take_hook
from byline.capture.losses import read_losses
from byline.capture.places import repository_dir
from byline.capture.prompts import keep_prompt, read_prompts
from byline.capture.worktree import find_worktree
from byline.core.authorship import Authorship, parse_authorship
from byline.core.prompt import Opening
from byline.core.statement import parse_statement
from byline.flow import attest, prompts
from byline.flow.prompts import mark_signed, prompt_before, waiting_prompts
from byline.log.evidence import EvidenceRef
from story import Story

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from byline.capture.prompts import Kept
    from scratch import Scratch


def begin(folder: Path) -> Story:
    story = Story.begin(folder)
    story.git("config", "byline.commitPrompts", "true")
    return story


def asks(story: Story, text: str, *, session: str = "s1") -> None:
    payload = {"session_id": session, "hook_event_name": "UserPromptSubmit", "prompt": text}
    take_hook("claude-code", json.dumps(payload).encode(), environ=os.environ, cwd=story.scratch.path)


def place(story: Story) -> Path:
    return repository_dir(story.scratch.path / ".git")


def statements(story: Story) -> dict[str, Authorship]:
    with story.workshop() as workshop:
        envelopes = [each.bundle.envelope for each in EvidenceRef(workshop.repo).bundles()]
    found = {each.digest: parse_authorship(parse_statement(each.payload)) for each in envelopes}
    return dict(sorted(found.items(), key=lambda item: item[1].chain.seq))


def commitment(kept: Kept) -> str:
    assert kept.signed
    return Opening(prompt=kept.prompt, key=kept.key, statement=kept.signed[0], signer=kept.signed[1]).commitment


def test_a_statement_commits_to_what_was_asked_since_the_one_before(tmp_path: Path) -> None:
    story = begin(tmp_path)
    asks(story, "one")
    asks(story, "two")
    first = story.commit()
    asks(story, "three", session="s2")
    second = story.commit()
    third = story.commit()
    told = {each.commit.id: (digest, each.prompts) for digest, each in statements(story).items()}
    one, two, three = read_prompts(place(story))
    assert [told[commit][1] for commit in (first, second, third)] == [(commitment(one), commitment(two)), (commitment(three),), ()]
    assert [each.signed and each.signed[0] for each in (one, two, three)] == [told[first][0], told[first][0], told[second][0]]


def test_a_prompt_after_a_commit_waits_for_the_next_also_where_both_are_signed_at_once(tmp_path: Path) -> None:
    story = begin(tmp_path)
    story.eager = False
    first = story.commit()
    asks(story, "after the first")
    second = story.commit()
    story.attest()
    told = {each.commit.id: len(each.prompts) for each in statements(story).values()}
    assert (told[first], told[second]) == (0, 1)


def test_a_run_that_is_killed_before_it_is_written_down_tells_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin(tmp_path)
    asks(story, "one")
    with monkeypatch.context() as killed:
        killed.setattr(attest, "mark_signed", lambda *_args, **_more: None)
        story.commit()
    story.commit()
    first, second = statements(story).values()
    assert first.prompts == second.prompts
    assert len(first.prompts) == 1
    assert waiting_prompts(place(story)) == ()


def test_what_is_too_much_for_one_statement_is_told_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MOST", 2)
    story = begin(tmp_path)
    for number in range(5):
        asks(story, f"prompt {number}")
    for _ in range(4):
        story.commit()
    assert [len(each.prompts) for each in statements(story).values()] == [2, 2, 1, 0]


def test_a_statement_with_as_many_as_fit_is_small(tmp_path: Path) -> None:
    story = begin(tmp_path)
    worktree = find_worktree(story.scratch.path)
    assert worktree
    for number in range(prompts.MOST + 1):
        keep_prompt(worktree, f"prompt {number}", agent="a", session="s", time=number, name=f"prompt.sdk.{number}")
    story.commit()
    (told,) = statements(story).values()
    assert len(told.prompts) == prompts.MOST
    with story.workshop() as workshop:
        (stored,) = EvidenceRef(workshop.repo).bundles()
    assert len(stored.bundle.envelope.payload) < 10_000


def test_the_oldest_that_is_signed_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin(tmp_path)
    for number in range(4):
        asks(story, f"prompt {number}")
    kept = read_prompts(place(story))
    monkeypatch.setattr(prompts, "MAX_FILE", 900)
    mark_signed(place(story), kept[:3], statement="a" * 64, signer="b" * 64)
    left = [each.prompt.text for each in read_prompts(place(story))]
    assert left[-1] == "prompt 3", "what waits for its statement stays"
    assert left[0] != "prompt 0"


def test_the_last_prompt_before_a_moment_is_found_from_a_sub_agent_too(tmp_path: Path) -> None:
    story = begin(tmp_path)
    worktree = find_worktree(story.scratch.path)
    assert worktree
    for time in (10, 20):
        keep_prompt(worktree, f"at {time}", agent="a", session="s", time=time, name=f"prompt.sdk.{time}")
    found = [prompt_before(place(story), session, time) for session, time in (("s", 9), ("s", 10), ("s/a/b", 25), ("t", 25), (None, 25))]
    assert [each and each.text for each in found] == [None, "at 10", "at 20", None, None]


def test_a_program_tells_what_it_was_asked_for(repository: Scratch) -> None:
    with byline.session(agent="mine", root=repository.path) as session:
        session.prompt("not wanted")
    repository.git("config", "byline.commitPrompts", "true")
    with byline.session(agent="mine", root=repository.path) as session:
        session.prompt("one")
        session.prompt("one")
        with byline.session(agent="other") as child:
            child.prompt("its part")
    kept = [(each.prompt.agent, each.prompt.session, each.prompt.number, each.prompt.text) for each in _here(repository)]
    assert kept == [("mine", session.id, 1, "one"), ("mine", session.id, 2, "one"), ("other", child.id, 1, "its part")]
    assert not session.incomplete


def test_a_program_is_never_hurt_by_a_prompt(repository: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.git("config", "byline.commitPrompts", "true")
    monkeypatch.setattr(kept_prompts, "MAX_TEXT", 3)
    session = byline.session(agent="mine", root=repository.path)
    session.prompt("too long")
    assert session.incomplete
    (repository.path / ".git/byline/prompts").mkdir()
    other = byline.session(agent="mine", root=repository.path)
    other.prompt("abc")
    other.prompt("\ud800")
    assert other.incomplete
    assert read_losses(repository_dir(repository.path / ".git"))


def _here(repository: Scratch) -> tuple[Kept, ...]:
    return read_prompts(repository_dir(repository.path / ".git"))
