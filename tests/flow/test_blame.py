# SPDX-License-Identifier: Apache-2.0
"""What is kept of an answer is what asking again would say, and it is kept no longer than that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from byline.capture import journal
from byline.core.finding import FindingCode
from byline.core.trustfile import local_trust
from byline.flow import pending
from byline.flow.blame import Blame, TrustHere, find_blame
from byline.log.database import Database
from byline.log.trees import REF
from story import IDENTITY, Story

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.trust import Trust

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AGENT = "def g():\n    answer = compute(2)\n    return answer\n"


def trust_in(story: Story) -> Trust:
    return local_trust(repository=IDENTITY.repository, line_key=IDENTITY.line_key, public=story.signer.public, principal="p-person")


class Reader:
    """Somebody who asks in `path`, under a trust that may change; `asked` counts how often trust had to be read."""

    def __init__(self, story: Story, path: Path | None = None) -> None:
        self.story, self.path, self.at, self.asked = story, path or story.scratch.path, NOW, 0
        self.trust: Trust | None = trust_in(story)

    def load(self) -> Trust | None:
        self.asked += 1
        return self.trust

    def ask(self, rev: str | None = "HEAD", name: str = "a.py") -> Blame:
        here = TrustHere(mark=lambda: self.trust and self.trust.sha256, load=self.load)
        with self.story.workshop(self.path, signs=False) as workshop:
            return find_blame(workshop, rev, name.encode(), trust=here, at=self.at)

    def is_kept(self, rev: str | None = "HEAD") -> bool:
        """Whether the answer to the same question needs no asking."""
        before = self.asked
        self.ask(rev)
        return self.asked == before


def origins(blame: Blame) -> list[object]:
    return [each["origin"] for each in blame.ranges]


def proven(blame: Blame) -> set[object]:
    return {each["verified"] for each in blame.ranges}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A person's line, an agent's under it, and an edit that nobody recorded between."""
    made = Story.begin(tmp_path, declares=True)
    made.person_types("a.py", "value = fetch(1)\n")
    made.commit()
    made.agent_writes("a.py", "value = fetch(1)\n" + AGENT)
    made.commit()
    return made


@pytest.fixture
def reader(story: Story) -> Reader:
    return Reader(story)


@pytest.mark.parametrize("rev", ["HEAD", "HEAD~1", None])
def test_what_is_kept_is_what_was_asked(story: Story, reader: Reader, rev: str | None) -> None:
    story.person_types("a.py", "# mine\nvalue = fetch(1)\n" + AGENT)
    cold = reader.ask(rev)
    assert reader.ask(rev) == cold
    assert reader.is_kept(rev)
    (story.scratch.path / ".git/byline/cache.db").unlink()
    assert reader.ask(rev) == cold


def test_new_evidence_is_a_new_answer(story: Story, reader: Reader) -> None:
    story.eager = False
    story.person_types("a.py", "value = fetch(1)\n" + AGENT + "done = True\n")
    story.commit()
    assert (origins(reader.ask()), proven(reader.ask())) == (["human", "ai", "unknown"], {True, False})
    story.attest()
    assert (origins(reader.ask()), proven(reader.ask())) == (["human", "ai", "human"], {True})


def test_what_an_agent_writes_is_seen_at_once(story: Story, reader: Reader) -> None:
    reader.ask(None)
    assert reader.is_kept(None)
    story.agent_writes("a.py", "value = fetch(1)\n" + AGENT + "more = 1\n")
    assert origins(reader.ask(None)) == ["human", "ai", "ai"]


def test_the_same_bytes_recorded_later_are_another_answer(story: Story, reader: Reader) -> None:
    """The text is as it was; what the journal says of it is not."""
    text = "value = fetch(1)\n" + AGENT + "more = 1\n"
    story.person_types("a.py", text)
    assert origins(reader.ask(None))[-1] == "unknown"
    story.person_types("a.py", "value = fetch(1)\n" + AGENT)
    story.agent_writes("a.py", text)
    assert origins(reader.ask(None))[-1] == "ai"


def test_another_trust_is_another_answer(reader: Reader, tmp_path: Path) -> None:
    mine = reader.trust
    assert proven(reader.ask()) == {True}
    reader.trust = trust_in(Story.begin(tmp_path / "elsewhere"))
    assert proven(reader.ask()) == {False}
    reader.trust = None
    assert proven(reader.ask()) == {False}
    reader.trust = mine
    assert proven(reader.ask()) == {True}


def test_a_trust_that_expired_proves_nothing_whatever_was_kept(reader: Reader) -> None:
    assert proven(reader.ask()) == {True}
    assert reader.trust is not None
    reader.at = reader.trust.expires + timedelta(seconds=1)
    assert proven(reader.ask()) == {False}
    reader.at = NOW
    assert proven(reader.ask()) == {True}


def test_a_trust_that_cannot_be_read_is_read_again(story: Story) -> None:
    reader = Reader(story)
    reader.load = lambda: None  # type: ignore[method-assign]  # there is a file, and it is not a trust file
    assert proven(reader.ask()) == {False}
    assert proven(Reader(story).ask()) == {True}


def test_an_answer_over_missing_history_is_not_kept(story: Story, tmp_path: Path) -> None:
    """When the rest is fetched, the same commit and the same evidence say more."""
    story.remove_hooks()
    story.eager = False
    for number in range(3):
        story.agent_writes("b.py", AGENT + f"more = {number}\n")
        story.commit()
    cut = story.scratch.clone(tmp_path / "cut", "--no-local", "--depth=1")
    cut.git("fetch", "--quiet", "origin", f"+{REF}:{REF}")
    reader = Reader(story, cut.path)
    assert FindingCode.HISTORY_CUT in reader.ask(name="b.py").findings
    cut.git("fetch", "--quiet", "--unshallow")
    assert FindingCode.HISTORY_CUT not in reader.ask(name="b.py").findings


def test_a_kept_value_that_was_changed_is_none(tmp_path: Path) -> None:
    with Database(tmp_path / "cache.db") as database:
        database.keep({b"k": b"value"})
        assert database.kept(b"k") == b"value"
        database.do(lambda connection: connection.execute("UPDATE answer SET value = substr(value, 1, 20) || 'x'"))
        assert database.kept(b"k") is None


def test_a_symlink_has_no_lines(story: Story, reader: Reader) -> None:
    """It has none in a commit, and none on disk either."""
    (story.scratch.path / "link").symlink_to("a.py")
    story.commit()
    for rev in ("HEAD", None):
        said = reader.ask(rev, "link")
        assert (said.subject.lines, list(said.ranges)) == (None, [])


def test_the_journal_is_looked_for_where_capture_writes_it() -> None:
    assert journal.FILE == pending.JOURNAL
