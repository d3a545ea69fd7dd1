# SPDX-License-Identifier: Apache-2.0
"""What is signed: claims, hands, the effect, the chain; and that nothing is signed twice, or lost, whenever a run is killed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from byline.core.claim import Carry, Claim, Copied, New, Op, Removed
from byline.core.effect import FileState, Transition, effect_digest
from byline.core.lines import LineRange, hash_lines
from byline.core.statement import PredicateType
from byline.flow.attest import attest_pending
from byline.flow.chain import split
from byline.flow.workshop import hold
from byline.log.evidence import EvidenceRef
from byline.log.index import EvidenceIndex
from byline.log.outbox import Outbox
from story import IDENTITY, Story

if TYPE_CHECKING:
    from pathlib import Path

    from byline.core.authorship import Authorship

PERSON = "def f():\n    check(user)\n    return 1\n"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Begin a story whose person declares their own lines."""
    return Story.begin(tmp_path, declares=True)


def statements(story: Story, commit: str = "HEAD") -> list[Authorship]:
    """The authorship statements about `commit`, in the order of their chain."""
    with story.workshop() as workshop, EvidenceIndex(workshop.place / "cache.db") as index:
        index.refresh(EvidenceRef(workshop.repo))
        facts = index.facts(kind=PredicateType.AUTHORSHIP, commit=story.git("rev-parse", commit))
        found = [index.statement(fact.statement) for fact in facts]
    return sorted((each for each in found if each), key=lambda each: each.chain.seq)


def claim(story: Story, name: bytes, commit: str = "HEAD") -> Claim:
    return next(each for statement in statements(story, commit) for each in statement.claims if each.path == name)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_claim_covers_the_new_version_and_names_who_took_the_old_lines_away(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    story.agent_writes("a.py", "def f():\n    return 1\n\n\ndef g():\n    return 2\n")
    story.commit()
    made = claim(story, b"a.py")
    assert made.op is Op.MODIFY
    assert [type(each).__name__ for each in made.segments] == ["Copied", "Copied", "New"]
    copied, _, new = made.segments
    assert copied == Copied(base=0, start=0, count=1)
    assert isinstance(new, New)
    assert (new.owner.origin, new.owner.evidence, new.owner.principal) == ("ai", "observed", "p-person")
    assert new.hashes == b"".join(hash_lines([b"", b"", b"def g():", b"    return 2"], IDENTITY.line_key))
    (removed,) = made.removed
    assert (removed.base, removed.lines, removed.hand.origin, removed.hand.principal) == (0, LineRange(1, 2), "ai", "p-person")
    assert made.hand.origin == "ai"


def test_a_statement_says_for_whom_an_agent_acted(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.agent_writes("own.py", "x = 1\n")
    monkeypatch.setenv("BYLINE_ON_BEHALF_OF", "p-ana")
    story.agent_writes("for.py", "y = 2\n")
    assert story.resolve(None, "for.py").bylines[0].owner.principal == "p-ana"
    story.commit()
    assert [claim(story, name).hand.principal for name in (b"own.py", b"for.py")] == ["p-person", "p-ana"]
    assert story.resolve("HEAD", "for.py").bylines[0].owner.principal == "p-ana"


def test_the_effect_is_that_of_the_whole_commit(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.person_types("b.py", "x\n")
    story.commit()
    story.person_types("a.py", "y\n")
    story.git("mv", "b.py", "c.py")
    story.commit()
    old, new = (FileState(mode="100644", sha256=sha256(each)) for each in (PERSON.encode(), b"y\n"))
    moved = FileState(mode="100644", sha256=sha256(b"x\n"))
    expected = effect_digest(
        [
            Transition(path=b"a.py", old=old, new=new),
            Transition(path=b"b.py", old=moved, new=None),
            Transition(path=b"c.py", old=None, new=moved),
        ]
    )
    (statement,) = statements(story)
    assert statement.change == expected
    assert effect_digest(each for made in statement.claims for each in made.transitions()) == expected


def test_statements_form_a_chain(story: Story) -> None:
    commits = []
    for number in range(3):
        story.person_types("a.py", f"{number}\n")
        commits.append(story.commit())
    chains = [statement.chain for commit in commits for statement in statements(story, commit)]
    assert [chain.seq for chain in chains] == [1, 2, 3]
    assert len({chain.id for chain in chains}) == 1
    digests = [report.statements[0] for report in story.reports]
    assert [chain.prev for chain in chains] == [None, *digests[:2]]


def test_attesting_again_signs_nothing(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    (story.scratch.path / ".git/byline/state.json").unlink()
    (story.scratch.path / ".git/byline/cache.db").unlink()
    assert story.attest().statements == ()


def test_an_empty_commit_has_a_statement_without_claims(story: Story) -> None:
    story.commit()
    (statement,) = statements(story)
    assert (statement.claims, statement.change) == ((), effect_digest([]))


def test_a_declaration_is_not_made_for_an_agents_commit(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.commit()
    story.person_types("a.py", PERSON)
    monkeypatch.setenv("CLAUDECODE", "1")
    story.commit()
    assert story.blame("HEAD", "a.py").count("unknown") == 3
    monkeypatch.delenv("CLAUDECODE")
    story.person_types("a.py", f"{PERSON}typed = 4\n")
    story.commit("--amend")
    assert [story.blame("HEAD", "a.py").count(each) for each in ("unknown", "human")] == [3, 1]


def test_a_declaration_is_not_made_for_somebody_elses_text(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit("--author", "Other <other@example.invalid>")
    assert story.blame("HEAD", "a.py").count("unknown") == 3


def test_without_a_signer_nothing_is_signed_and_all_is_known_later(story: Story) -> None:
    story.agent_writes("a.py", PERSON)
    signer, story.signer = story.signer, None  # type: ignore[assignment]  # the wrong type, on purpose
    story.commit()
    assert story.attest().statements == ()
    assert show_origins(story, None) == ["ai"] * 3
    assert show_origins(story, "HEAD") == ["ai"] * 3
    story.signer = signer
    assert len(story.attest().statements) == 1


def show_origins(story: Story, rev: str | None) -> list[str]:
    return [byline.owner.origin.value for byline in story.resolve(rev, "a.py").bylines]


def test_a_sweep_that_came_before_the_mark_gives_way_to_it(story: Story) -> None:
    """The commit is there a moment before its hook runs; what the mark tells must not be lost."""
    story.person_types("z.py", "z\n")
    story.commit()
    mark = (story.scratch.path / ".git/hooks/post-commit").read_text()
    story.remove_hooks()
    story.person_types("a.py", PERSON)
    story.commit()
    assert claim(story, b"a.py").hand.origin == "unknown"
    hook = story.scratch.path / ".git/hooks/post-commit"
    hook.write_text(mark)
    hook.chmod(0o755)
    subprocess.run([str(hook)], cwd=story.scratch.path, check=True)
    assert len(story.attest().statements) == 1
    assert story.blame("HEAD", "a.py").count("human") == 3


def test_a_rewrite_names_the_statement_that_its_lines_come_from(story: Story) -> None:
    story.agent_writes("a.py", PERSON)
    story.commit()
    (first,) = story.reports[-1].statements
    story.person_types("base.txt", "x\n")
    (story.scratch.path / ".git/byline/journal").unlink()
    (story.scratch.path / ".git/byline/state.json").unlink()
    story.commit("--amend", "--no-edit")
    (new,) = claim(story, b"a.py").segments
    assert isinstance(new, New)
    assert new.carried is not None
    assert (new.carried.statement, new.carried.how, new.owner.origin) == (first, Carry.EXACT, "ai")


ODD = {
    b"binary.bin": b"\0\1\2" * 50,
    b"latin.txt": "caf\xe9\n".encode("latin-1"),
    b"crlf.txt": b"one\r\ntwo\r\n",
    b"open.txt": b"no end",
    b"empty.txt": b"",
    b"with space 'and' \"quote\".txt": b"x\n",
    b"new\nline.txt": b"x\n",
    b"raw\xff.txt": b"x\n",
    b"large.txt": b"0123456789abcdef\n" * 400_000,
    b"many.txt": b"".join(b"%d\n" % number for number in range(40_000)),
}


@pytest.mark.parametrize("name", ODD, ids=[ascii(name) for name in ODD])
def test_odd_files_have_exact_or_file_level_claims(story: Story, name: bytes) -> None:
    path = story.scratch.path / os.fsdecode(name)
    path.write_bytes(ODD[name])
    story.commit()
    made = claim(story, name)
    assert (made.op, made.sha256, made.hand.origin) == (Op.ADD, sha256(ODD[name]), "human")
    resolved = story.resolve("HEAD", name)
    assert len(resolved.bylines) == len(resolved.lines)
    assert resolved.is_text == (name not in (b"binary.bin", b"large.txt"))
    path.write_bytes(ODD[name] + b"more\n")
    story.commit()
    assert claim(story, name).op is Op.MODIFY


def test_changes_without_lines_have_a_hand(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.person_types("b.py", "x = 1\n")
    story.commit()
    (story.scratch.path / "a.py").chmod(0o755)
    (story.scratch.path / "b.py").unlink()
    (story.scratch.path / "b.py").symlink_to("a.py")
    story.commit()
    assert (claim(story, b"a.py").op, claim(story, b"b.py").op) == (Op.MODE, Op.TYPE)
    assert claim(story, b"b.py").hand.origin == "human"
    story.git("rm", "-q", "a.py")
    story.commit()
    gone = claim(story, b"a.py")
    assert (gone.op, gone.blob, gone.hand.origin) == (Op.DELETE, None, "human")
    assert gone.removed == (Removed(base=0, lines=LineRange(0, 3), hand=gone.hand),)


def test_a_submodule_is_claimed_as_a_whole(story: Story, tmp_path: Path) -> None:
    inner = type(story.scratch).create(tmp_path / "inner")
    inner.write("x", "x\n")
    inner.commit()
    story.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "sub")
    story.commit()
    made = claim(story, b"sub")
    assert (made.mode, made.segments) == ("160000", ())


def test_a_large_commit_is_split_into_parts_that_each_fit(story: Story) -> None:
    """FM7: its parts are about one change, and blame in a fresh clone reads all of them."""
    for number in range(3):
        story.person_types(f"f{number}.txt", "".join(f"{number} {line}\n" for line in range(25_000)))
    story.commit()
    parts = statements(story)
    assert [(each.part, each.parts) for each in parts] == [(1, len(parts)), (2, len(parts)), (3, len(parts))][: len(parts)]
    assert len(parts) > 1
    assert len({each.change for each in parts}) == 1
    assert story.attest().statements == ()
    assert story.elsewhere("HEAD", "f2.txt").count("human") == 25_000


def test_no_claims_are_one_part() -> None:
    assert list(split(())) == [()]


def test_a_busy_attester_is_left_to_its_work(story: Story) -> None:
    with hold(story.scratch.path / ".git/byline", seconds=1) as is_held:
        assert is_held
        with story.workshop() as workshop:
            assert attest_pending(workshop, seconds=0.05).busy


def test_what_is_signed_waits_in_the_outbox(story: Story) -> None:
    story.person_types("a.py", PERSON)
    story.commit()
    waiting = Outbox(story.scratch.path / ".git/byline").pending()
    assert [each.envelope.digest for each in waiting] == list(story.reports[-1].statements)
