# SPDX-License-Identifier: Apache-2.0
"""What `forget` takes, what it leaves, and that a kill spoils neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import byline
from byline.capture.clone import settle_repository
from byline.capture.inbox import drop_aside
from byline.capture.journal import read_events
from byline.capture.loose import loose_edits, loose_folders
from byline.capture.places import inbox_dir, loose_dir, repository_dir
from byline.core.edit import Edit
from byline.core.lines import blob_id
from byline.flow.forget import choose, forget
from byline.flow.forget_loose import choose_loose, forget_loose
from byline.flow.forgotten import load_forgotten
from byline.flow.wishes import Wish
from byline.keys.p256 import load_key
from flow.test_killed import dies_at
from scratch import Scratch
from story import Story

SECRET, OTHER = "the_secret = 'of the first'\n", "another = 'of the second'\n"
FIRST, SECOND = "s-first-session", "s-second-session"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Two sessions that worked in one file and a committer who declares; nothing of the first text is left in git or in a file."""
    story = Story.begin(tmp_path, declares=True)
    story.person_types("a.py", "mine = 1\n")
    story.commit()
    story.agent_writes("a.py", "mine = 1\n" + SECRET, agent=FIRST)
    story.agent_writes("a.py", "mine = 1\nshort = 2\n", agent=FIRST)
    story.agent_writes("b.py", OTHER, agent=SECOND)
    aside = inbox_dir(os.environ) / "aside"
    aside.mkdir(parents=True, exist_ok=True)
    (aside / "1.edit.claude-code.1.0").write_text(f"not JSON {FIRST} {SECRET}")
    return story


def left(story: Story) -> list[Path]:
    """The files of the clone's folder and of the inbox that hold the secret or the session."""
    roots = (story.scratch.path / ".git/byline", inbox_dir(os.environ))
    files = [path for root in roots for path in root.rglob("*") if path.is_file() and "outbox" not in path.parts]
    return [path for path in files if any(word in path.read_bytes() for word in (SECRET.strip().encode(), FIRST.encode()))]


def take(story: Story, wish: Wish) -> bool:
    """Forget; return whether there was something."""
    with story.workshop() as workshop:
        chosen = choose(workshop, wish)
        if not chosen.is_empty:
            forget(workshop, chosen)
        return not chosen.is_empty


def sessions(story: Story) -> set[str | None]:
    return {each.session for each in read_events(story.scratch.path / ".git/byline").events if isinstance(each, Edit)}


def test_nothing_of_the_session_is_left_but_whose_the_line_is(story: Story) -> None:
    assert left(story)
    assert take(story, Wish(session="s-first"))
    assert left(story) == []
    assert story.blame(None, "a.py") == "human mine = 1 | ai short = 2"
    owner = story.resolve(None, "a.py").bylines[1].owner
    assert (owner.agent and owner.agent.name, owner.session) == ("claude-code", None)
    story.commit()
    assert story.blame("HEAD", "a.py") == "human mine = 1 | ai short = 2"
    assert story.blame("HEAD", "b.py") == "ai another = 'of the second'"
    assert FIRST not in str(story.resolve("HEAD", "a.py"))


def test_other_sessions_stay_as_they_were(story: Story) -> None:
    assert take(story, Wish(session=FIRST))
    assert sessions(story) == {None, SECOND}
    assert story.resolve(None, "b.py").bylines[0].owner.session == SECOND


def test_a_forgotten_line_that_comes_back_is_nobodys_own(story: Story) -> None:
    """Without the marker it would be new text of the committer, who declares that."""
    assert take(story, Wish(session=FIRST))
    assert load_forgotten(story.scratch.path / ".git/byline")
    story.person_types("c.py", SECRET + "typed = 'by hand'\n")
    story.commit()
    assert story.blame("HEAD", "c.py") == "unknown the_secret = 'of the first' | human typed = 'by hand'"


def test_twice_is_once(story: Story) -> None:
    assert take(story, Wish(session=FIRST))
    assert not take(story, Wish(session=FIRST))


@pytest.mark.parametrize(
    ("wish", "stays"),
    [
        (Wish(agent="claude-code"), set()),
        (Wish(agent="codex"), {FIRST, SECOND}),
        (Wish(everything=True), set()),
        (Wish(before=1), {FIRST, SECOND}),
        (Wish(before=2**62), set()),
    ],
    ids=["agent", "other agent", "all", "long ago", "before tomorrow"],
)
def test_what_is_wished(story: Story, wish: Wish, stays: set[str]) -> None:
    assert take(story, wish) == (not stays)
    assert sessions(story) - {None} == stays
    assert bool(left(story)) == bool(stays)


def test_what_hooks_had_begun_that_were_killed_goes_too(story: Story) -> None:
    inbox, contents = inbox_dir(os.environ), story.scratch.path / ".git/byline/contents"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    drafts = [inbox / "edit.claude-code.9.0.tmp", next(contents.iterdir()) / f".{gone.pid}.00", contents / f"aa/.{os.getpid()}.00"]
    drafts[2].parent.mkdir(exist_ok=True)
    for draft in drafts:
        draft.write_text(f"{FIRST} {SECRET}")
    assert take(story, Wish(session=FIRST))
    assert left(story) == [drafts[2]], "one whose process lives is not taken from it"


def test_a_folder_without_git_forgets_the_session_as_well(story: Story, tmp_path: Path) -> None:
    """Wherever it is; another session's records and texts stay, and what a file holds stays the agent's when it becomes a repository."""
    plain, loose = tmp_path / "plain", loose_dir(os.environ)
    plain.mkdir()
    for name, line in (("mine", SECRET), ("theirs", OTHER)):
        with byline.session(agent=name, root=plain, session_id=FIRST if name == "mine" else SECOND) as session:
            session.write(f"{name}.py", line)
            session.write(f"{name}.py", "now = 1\n" + ("" if name == "mine" else line))

    def found(text: str) -> list[Path]:
        return [path for path in loose.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]

    assert found(FIRST)
    assert found(SECRET)
    assert take(story, Wish(session=FIRST))
    assert (found(FIRST), found(SECRET), len(found(SECOND)), len(found(OTHER))) == ([], [], 1, 2)
    assert not take(story, Wish(session=FIRST))
    adopted = Scratch.create(plain)
    place = repository_dir(adopted.path / ".git")
    settle_repository(place, inbox_dir(os.environ))
    edits = [each for each in read_events(place).events if isinstance(each, Edit)]
    assert {(each.path, getattr(each.by, "name", None), each.session) for each in edits} == {
        (b"mine.py", "mine", None),
        (b"theirs.py", "theirs", SECOND),
    }


def test_all_is_also_what_names_no_session(story: Story) -> None:
    """A script's text goes; what a person typed beside it stays theirs to declare."""
    story.person_types("d.py", "typed = 1\n")
    story.tells("before", "d.py", {"kind": "human"})
    story.person_types("d.py", "typed = 1\nscript = 2\n")
    story.tells("after", "d.py", {"kind": "ai", "agent": "mine"})
    story.person_types("d.py", "nothing = 0\n")
    assert take(story, Wish(everything=True))
    assert not take(story, Wish(everything=True)) or sessions(story) == {None}
    contents = story.scratch.path / ".git/byline/contents"
    assert [path for path in contents.rglob("*") if path.is_file() and b"script = 2" in path.read_bytes()] == []
    story.person_types("d.py", "typed = 1\nscript = 2\n")
    story.commit()
    assert story.blame("HEAD", "d.py") == "human typed = 1 | unknown script = 2"


@pytest.mark.usefixtures("story")
def test_what_was_put_aside_goes_when_it_is_old() -> None:
    """Compaction takes it with what else is as old."""
    aside = inbox_dir(os.environ) / "aside"
    (old,) = aside.iterdir()
    os.utime(old, ns=(10**18, 10**18))
    (aside / "2.young").write_text("young")
    drop_aside(inbox_dir(os.environ), before=10**18 + 1)
    assert [each.name for each in aside.iterdir()] == ["2.young"]


def test_what_is_signed_stays(story: Story) -> None:
    story.commit()
    assert take(story, Wish(session=FIRST))
    assert story.resolve("HEAD", "a.py").bylines[1].owner.session == FIRST
    assert [path.name for path in left(story) if path.name != "cache.db" and "cache.db" not in path.name] == []


def campaign(repo: str, key: str) -> None:
    """Kill the forgetting at every point; after each, do it again."""
    story = Story(scratch=Scratch(Path(repo)), signer=load_key(Path(key)), declares=True, eager=False)
    number, died = 0, True
    while died:
        number += 1
        story.agent_writes("a.py", f"mine = 1\n{SECRET}", agent=FIRST)
        story.agent_writes("a.py", f"mine = 1\nshort = {number}\n", agent=FIRST)
        died = dies_at(number, lambda: take(story, Wish(session=FIRST)))
        assert story.blame(None, "a.py") == f"human mine = 1 | ai short = {number}", number
        take(story, Wish(session=FIRST))
        assert left(story) == [], number
        assert story.blame(None, "a.py") == f"human mine = 1 | ai short = {number}", number
        story.person_types("c.py", SECRET)
        story.commit()
        assert story.blame("HEAD", "c.py") == "unknown the_secret = 'of the first'", number
        story.git("rm", "--quiet", "c.py")
        story.commit()
    assert number > 20


def campaign_without_git(folder: str) -> None:
    """The same in a folder without git, where another session wrote, too."""
    inbox, plain, loose = inbox_dir(os.environ), Path(folder), loose_dir(os.environ)
    with byline.session(agent="theirs", root=plain, session_id=SECOND) as session:
        session.write("b.py", OTHER)

    def forget_first() -> bool:
        chosen = choose_loose(inbox, plain, Wish(session=FIRST))
        if not chosen.is_empty:
            forget_loose(inbox, chosen)
        return not chosen.is_empty

    number, died = 0, True
    while died:
        number += 1
        with byline.session(agent="mine", root=plain, session_id=FIRST) as session:
            session.write("a.py", SECRET)
            session.write("a.py", f"short = {number}\n")
        died = dies_at(number, forget_first)
        assert forget_first() == died, number
        files = [path.read_bytes() for path in loose.rglob("*") if path.is_file()]
        assert not any(word.strip().encode() in data for data in files for word in (FIRST, SECRET)), number
        (kept,) = loose_folders(loose)
        here = [each for each in loose_edits(kept) if each.after in (blob_id(OTHER.encode()), blob_id((plain / "a.py").read_bytes()))]
        assert {(each.path, getattr(each.by, "name", None), each.session) for each in here} == {
            (b"a.py", "mine", None),
            (b"b.py", "theirs", SECOND),
        }, number
    assert number > 3


def run_campaign(name: str, *words: str) -> None:
    """Run a campaign of this module in a process of its own, which is forked again and again."""
    code = f"import sys; sys.path[:0] = [sys.argv[1]]; from flow.test_forget import {name}; {name}(*sys.argv[2:])"
    subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[1]), *words], check=True, timeout=1800)


@pytest.mark.slow
def test_killed_between_any_two_calls_the_next_one_does_the_rest(tmp_path: Path) -> None:
    story = Story.begin(tmp_path, declares=True)
    story.person_types("a.py", "mine = 1\n")
    story.commit()
    run_campaign("campaign", str(story.scratch.path), str(tmp_path / "key.pem"))


def test_killed_without_git_the_next_one_does_the_rest(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    run_campaign("campaign_without_git", str(tmp_path / "plain"))
