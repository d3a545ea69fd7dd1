# SPDX-License-Identifier: Apache-2.0
"""Every finding, as `byline status`, `verify`, `gate` and `blame` tell it: in real repositories, with statements signed by a real key."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from byline.core.attribution import Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Link, format_authorship, parse_authorship
from byline.core.bundle import join_receipt, parse_bundle
from byline.core.claim import Carried, Carry, New
from byline.core.finding import FindingCode
from byline.core.statement import parse_statement
from byline.flow.sessions import session
from byline.git.repository import open_repository
from byline.keys.p256 import load_key
from byline.log.evidence import EvidenceRef
from byline.sign.file import sign_payload
from byline_cli.keyfile import key_path
from installed import Installed, run

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

AGENT = b"def total(prices):\n    amount = sum(each.price for each in prices)\n    return amount * (1 + TAX)\n"
HUMAN = b"TAX = 0.19\nCURRENCY = 'EUR'\n"


@pytest.fixture
def clone(repository: Scratch) -> Installed:
    """Give a repository that its first commit sets up, with a person's file."""
    found = Installed.create(repository)
    repository.write("a.py", HUMAN)
    found.commit()
    return found


def told(clone: Installed, rev: str = "HEAD") -> tuple[str, Authorship]:
    """Return the digest of the statement about `rev`, and what it says."""
    shown = json.loads(clone.byline("show", "--json", rev).out)["statements"][0]
    statement = parse_statement(parse_bundle(json.dumps(shown["bundle"]).encode()).envelope.payload)
    return statement.digest, parse_authorship(statement)


def forge(clone: Installed, said: Authorship, *, chain: str = "c-forged") -> str:
    """Sign what nobody observed, as the first statement of a clone named `chain`, with the person's own key."""
    key = load_key(key_path(os.environ))
    envelope = sign_payload(format_authorship(replace(said, chain=Link(id=chain, seq=1, prev=None))), key)
    with open_repository(clone.path) as repo:
        EvidenceRef(repo).add([join_receipt(envelope, key.public, None)])
    return envelope.digest


def found(clone: Installed, *words: str) -> list[tuple[str, Any, Any, Any]]:
    """Return the findings of a command: code, path, first and last line."""
    said = clone.byline(*words, "--json")
    assert "Traceback" not in said.err
    return [(each["code"], each["path"], each["start"], each["end"]) for each in json.loads(said.out)["findings"]]


def person(clone: Installed) -> Owner:
    return Owner(
        origin=Origin.HUMAN,
        evidence=Evidence.DECLARED,
        channel=Channel.DECLARATION,
        principal=json.loads(clone.byline("status", "--json").out)["you"]["principal"],
    )


def with_owner(said: Authorship, owner: Owner, carried: Carried | None = None) -> Authorship:
    """Return `said` with every new line and every hand given to `owner`."""
    (made,) = said.claims
    segments = tuple(replace(each, owner=owner, carried=carried) if isinstance(each, New) else each for each in made.segments)
    removed = tuple(replace(each, hand=owner) for each in made.removed)
    return replace(said, claims=(replace(made, segments=segments, removed=removed, hand=replace(owner, earlier=None)),))


def test_an_honest_history_has_no_findings(clone: Installed) -> None:
    clone.writes("b.py", AGENT)
    clone.commit()
    clone.scratch.git("commit", "--quiet", "--amend", "--message", "Add totals\n\nAssisted-by: claude-code")
    clone.attest()
    for words in (("status",), ("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        assert found(clone, *words) == []
    assert clone.byline("verify").code == 0
    assert "found" not in clone.byline("verify").out + clone.byline("status").out + clone.byline("gate", "--base", "HEAD~1").out


def test_a_trailer_that_names_an_agent_wants_a_record(clone: Installed) -> None:
    clone.scratch.write("b.py", AGENT)
    clone.scratch.git("add", "b.py")
    clone.commit("--trailer", "Co-authored-by: Claude <noreply@anthropic.invalid>")
    for words in (("status",), ("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        assert [each[0] for each in found(clone, *words)] == [FindingCode.NO_RECORD], words
    assert clone.byline("verify").code == 1
    assert "a commit names an agent or a bot, and no statement about it does (BL-FINDING-8)" in clone.byline("verify").out


def test_a_bot_is_named_by_the_author_too(clone: Installed) -> None:
    clone.scratch.write("b.py", AGENT)
    clone.commit("--author", "renovate[bot] <bot@example.invalid>")
    assert [each[0] for each in found(clone, "status")] == [FindingCode.NO_RECORD]


def test_a_claim_of_content_that_the_commit_does_not_have(clone: Installed) -> None:
    """NOT_IN_TREE: a statement of one commit, said to be about another; its lines are credited to nobody."""
    clone.scratch.write("b.py", HUMAN)
    clone.commit()
    _, said = told(clone)
    clone.scratch.write("b.py", AGENT)
    other = clone.commit()
    forge(clone, replace(said, commit=replace(said.commit, id=other)))
    assert (FindingCode.NOT_IN_TREE, "b.py", None, None) in found(clone, "verify", "HEAD")
    assert clone.byline("verify").code == 1


def test_a_base_that_the_parent_does_not_have(clone: Installed) -> None:
    """NOT_IN_TREE: replaying a claim on another base."""
    clone.scratch.write("a.py", HUMAN + b"MORE = 1\n")
    clone.commit()
    _, said = told(clone)
    (made,) = said.claims
    forge(clone, replace(said, claims=(replace(made, bases=(replace(made.bases[0], blob="0" * 40),)),)))
    for words in (("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        assert (FindingCode.NOT_IN_TREE, "a.py", None, None) in found(clone, *words), words


def test_two_clones_that_claim_one_line_differently(clone: Installed) -> None:
    clone.writes("b.py", AGENT)
    clone.commit()
    _, said = told(clone)
    forge(clone, with_owner(said, person(clone)))
    for words in (("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        assert (FindingCode.CLAIMS_DISAGREE, "b.py", 1, 3) in found(clone, *words), words
    assert clone.owners("b.py", rev="HEAD") == ["ai"] * 3
    assert "BL-FINDING-2" in clone.byline("blame", "HEAD", "b.py").err


def test_lines_that_an_earlier_claim_gave_to_an_agent(clone: Installed) -> None:
    """HUMAN_OVER_AI: written by an agent, deleted, and said to be a person's when they come again."""
    clone.writes("b.py", AGENT)
    clone.commit()
    clone.scratch.write("b.py", "rest = 1\n")
    clone.commit()
    clone.scratch.write("b.py", b"rest = 1\n" + AGENT)
    clone.commit()
    assert clone.owners("b.py", rev="HEAD")[1:] == ["ai"] * 3
    assert found(clone, "verify", "HEAD") == []
    _, said = told(clone)
    own, chain = person(clone), said.chain
    forge(clone, with_owner(said, own), chain="c-later")
    for words in (("verify", "HEAD"), ("gate", "--base", "HEAD~3")):
        assert (FindingCode.HUMAN_OVER_AI, "b.py", 2, 4) in found(clone, *words), words
    assert chain.id != "c-later"


def test_a_carried_line_of_which_its_statement_does_not_say_so(clone: Installed) -> None:
    """CARRY_FAILS: an agent's lines do not become a person's by being carried: unknown in blame, a finding everywhere."""
    clone.writes("b.py", AGENT)
    clone.commit()
    source, said = told(clone)
    clone.scratch.git("mv", "b.py", "c.py")
    clone.scratch.write("c.py", AGENT + b"# all\n")
    clone.commit("--quiet")
    _, said = told(clone)
    new = New(owner=person(clone), hashes=b"".join(each.hashes for each in said.claims[0].segments if isinstance(each, New)))
    assert new.count
    everything = b"".join(each.hashes for each in told(clone, "HEAD~1")[1].claims[0].segments if isinstance(each, New))
    made = next(each for each in said.claims if each.path == b"c.py")
    carried = New(owner=person(clone), hashes=everything, carried=Carried(statement=source, how=Carry.EXACT))
    forge(clone, replace(said, claims=(replace(made, bases=(), segments=(carried, new), removed=(), hand=person(clone)),)))
    for words in (("verify", "HEAD"), ("gate", "--base", "HEAD~2")):
        assert (FindingCode.CARRY_FAILS, "c.py", 1, 3) in found(clone, *words), words
    assert clone.byline("verify").code == 1
    assert "human" not in clone.owners("c.py", rev="HEAD")[:3]


def test_a_line_carried_from_a_statement_that_is_not_here_is_nobodys(clone: Installed) -> None:
    """U8: nobody can say, and nobody fails for it; a person's line is not believed."""
    clone.scratch.write("b.py", HUMAN)
    clone.commit()
    _, said = told(clone)
    clone.scratch.git("update-ref", "-d", "refs/byline/evidence")
    forge(clone, with_owner(said, replace(person(clone), principal="p-somebody"), Carried(statement="0" * 64, how=Carry.EXACT)))
    shown = json.loads(clone.byline("verify", "--json").out)
    assert [(each["start"], each["end"], each["outcome"]) for each in shown["statements"][0]["carried"]] == [(1, 2, "unsure")]
    assert clone.byline("verify").code == 0
    assert "b.py:1-2 carried from 000000000000: cannot say" in clone.byline("verify").out
    assert clone.owners("b.py", rev="HEAD") == ["unknown", "unknown"]


def test_a_recipe_that_makes_another_text(clone: Installed) -> None:
    clone.scratch.write("b.py", HUMAN)
    clone.commit()
    _, said = told(clone)
    (made,) = said.claims
    (new,) = made.segments
    assert isinstance(new, New)
    clone.scratch.git("update-ref", "-d", "refs/byline/evidence")
    forge(clone, replace(said, claims=(replace(made, segments=(replace(new, hashes=b"\1" * 16 + new.hashes[16:]),)),)))
    assert (FindingCode.HASH_MISMATCH, "b.py", None, None) in found(clone, "verify", "HEAD")
    assert clone.owners("b.py", rev="HEAD") == ["unknown", "human"]
    assert "BL-FINDING-1" in clone.byline("blame", "HEAD", "b.py").err


def test_a_statement_that_is_missing_from_its_chain(clone: Installed) -> None:
    """CHAIN_GAP: the evidence comes without the statement about the commit between."""
    for number in range(2):
        clone.scratch.write("b.py", f"number = {number}\n")
        clone.commit()
    gone, _ = told(clone, "HEAD~1")
    tree = clone.scratch.git("ls-tree", "-r", "refs/byline/evidence").splitlines()
    kept = "".join(f"{line}\n" for line in tree if gone not in line).encode()
    index = {"GIT_INDEX_FILE": str(clone.path / ".git/evidence-index")}
    assert run("git", "update-index", "--index-info", cwd=clone.path, data=kept, environ=index).code == 0
    clone.scratch.git("update-ref", "refs/byline/evidence", clone.git("write-tree", **index).out.strip())
    for words in (("status",), ("verify", "HEAD"), ("gate", "--base", "HEAD~1")):
        assert [each[0] for each in found(clone, *words)] == [FindingCode.CHAIN_GAP], words
    assert clone.byline("verify").code == 0


def test_two_statements_of_one_number(clone: Installed) -> None:
    """CHAIN_GAP: somebody who has the key signs the chain's past anew."""
    digest, said = told(clone)
    forge(clone, replace(said, salt=bytes(16)), chain=said.chain.id)
    assert digest
    assert FindingCode.CHAIN_GAP in [each[0] for each in found(clone, "verify", "HEAD")]


def test_a_statement_of_another_repository(clone: Installed) -> None:
    _, said = told(clone)
    forge(clone, replace(said, repository="byl:" + "0" * 32))
    assert [each[0] for each in found(clone, "status")] == [FindingCode.OTHER_REPOSITORY]
    assert "BL-SUBJECT-1" in clone.byline("verify").out


@pytest.fixture
def counted(clone: Installed, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let an agent of the SDK edit three times, and give the journal."""
    monkeypatch.chdir(clone.path)
    with session(agent="scribe", session_id="s-sdk") as agent:
        for number in range(3):
            agent.write("b.py", f"number = {number}\n")
    return clone.path / ".git/byline/journal"


def test_an_edit_that_is_missing_from_its_session(clone: Installed, counted: Path) -> None:
    assert found(clone, "status") == []
    lines = counted.read_bytes().splitlines(keepends=True)
    counted.write_bytes(b"".join(line for line in lines if b'"seq":2' not in line))
    assert [each[0] for each in found(clone, "status")] == [FindingCode.SESSION_GAP]
    assert "session s-sdk: no edit between number 1 and number 3 is in the journal (BL-FINDING-10)" in clone.byline("status").out


def test_a_session_in_two_repositories_is_counted_in_each(clone: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Installed.create(clone.scratch.create(tmp_path / "other"))
    monkeypatch.chdir(tmp_path)
    with session(agent="scribe", session_id="s-two") as agent:
        for place in (clone, other, clone, other):
            agent.write(place.path / f"{place.path.name}.py", f"call = {next(place.calls)}\n")
    assert found(clone, "status") == found(other, "status") == []


def test_a_journal_that_another_clone_wrote(clone: Installed, counted: Path) -> None:
    lines = counted.read_bytes().splitlines(keepends=True)
    head = json.loads(lines[-1])["head"].encode()
    counted.write_bytes(b"".join(line.replace(head, b"f" * 40) for line in lines))
    assert [each[0] for each in found(clone, "status")] == [FindingCode.OTHER_REPOSITORY]
    assert "session s-sdk: its edits were made at commits that are not here" in clone.byline("status").out


def test_a_cut_history_is_said_with_its_code(clone: Installed, tmp_path: Path) -> None:
    for number in range(3):
        clone.scratch.write("b.py", f"first = {number}\nsecond = 2\n")
        clone.scratch.git("add", ".")
        clone.scratch.git("-c", "core.hooksPath=/nowhere", "commit", "--quiet", "--message", "b")
    cut = clone.scratch.clone(tmp_path / "cut", "--no-local", "--depth=1")
    cut.git("fetch", "--quiet", "origin", "+refs/byline/evidence:refs/byline/evidence")
    said = clone.byline("blame", "HEAD", "b.py", cwd=cut.path)
    assert said.code == 0
    assert "BL-FINDING-3" in said.err
