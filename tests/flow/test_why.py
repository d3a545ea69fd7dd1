# SPDX-License-Identifier: Apache-2.0
"""Why a line is whose it is: the way leads to what blame says, and each step of it is true."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import test_git_operations as ways
import test_text_moves as moves

from byline.core.attribution import Agent, Byline, Origin
from byline.core.hearsay import Hearsay
from byline.core.lines import LineRange, squeeze
from byline.flow.importing import import_hearsay
from byline.flow.resolve import open_resolver
from byline.flow.subject import find_subject
from byline.flow.trace import How, Stop, Tracer
from byline.flow.why import Account, Why, explain
from byline.log.trees import REF
from story import Story
from tale import Tale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FETCHED = "refs/byline/remotes/origin/evidence"
TALES = (
    *(ways.split, ways.squash_in_a_rebase, ways.rebase_through_a_conflict, ways.pick_a_range, ways.merge_octopus, ways.squash_merge_here),
    *(ways.stash_on_another_base, ways.a_folder_renamed, ways.a_function_moved_down, ways.two_agents_and_a_person, ways.commit_tree),
    *(moves.a_formatter_over_an_agents_code, moves.line_ends_by_a_setting, moves.another_encoding, moves.a_filter_of_an_attribute),
)


def ask(story: Story, rev: str | None, name: str, line: int | None = None, *, at: Path | None = None) -> Why:
    with story.workshop(at) as workshop, open_resolver(workshop) as resolver:
        subject = find_subject(workshop.repo, rev, name.encode())
        lines = LineRange(0, len(subject.lines or ())) if line is None else LineRange(line - 1, line)
        return explain(workshop, resolver, subject, lines)


def one(story: Story, rev: str | None, name: str, line: int, *, at: Path | None = None) -> Account:
    (account,) = ask(story, rev, name, line, at=at).accounts
    return account


def way(account: Account) -> str:
    """Return the steps of `account` in words: how, line and path."""
    return " < ".join(f"{step.how} {'?' if step.line is None else step.line + 1} {step.path.decode()}" for step in account.steps)


def ends(story: Story, name: str, *, at: Path | None) -> list[Byline]:
    """Return where the ways of the lines of HEAD lead, one for each account."""
    with story.workshop(at) as workshop, open_resolver(workshop) as resolver:
        subject = find_subject(workshop.repo, "HEAD", name.encode())
        accounts = explain(workshop, resolver, subject, LineRange(0, len(subject.lines or ()))).accounts
        key, tracer = (str(subject.commit), subject.path, subject.blob), Tracer(resolver.versions)
        return [tracer.trace(key, account.lines.start).byline for account in accounts]


def untrue_steps(tale: Tale, why: Why) -> Iterator[str]:
    """Yield the steps that name a place in a commit where the line does not stand."""
    for account in why.accounts:
        line = squeeze((why.subject.lines or ())[account.lines.start])
        for step in account.steps:
            if step.commit is None or step.line is None:
                continue
            spec = f"{step.commit}:{step.path.decode()}"
            told = subprocess.run(["git", "show", spec], cwd=tale.story.scratch.path, capture_output=True, check=True).stdout
            if squeeze(told.split(b"\n")[step.line]) != line:
                yield f"{spec} line {step.line + 1} is not {line!r}: {way(account)}"


@pytest.mark.parametrize("operation", TALES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("eager", [True, False], ids=["eager", "lazy"])
def test_the_way_of_every_line_leads_to_what_blame_says(operation: Callable[[Tale], None], *, eager: bool, tmp_path: Path) -> None:
    """Here before and after everything is attested, and in a fresh clone: one byline, no writer without a way, no way without truth."""
    tale = Tale(Story.begin(tmp_path, declares=True, eager=eager))
    operation(tale)
    for name in tale.git("ls-files").splitlines():
        for rev in ("HEAD", None):
            resolved, why = tale.story.resolve(rev, name), ask(tale.story, rev, name)
            shown = [account.byline for account in why.accounts for _ in range(len(account.lines))]
            assert shown == [*resolved.bylines]
            assert [each for each in why.accounts if each.byline.owner.is_known == bool(each.stop)] == []
            known = [each for each in why.accounts if not each.stop]
            assert [each for each in known if each.steps[-1].how is not How.NEW] == []
            assert [*untrue_steps(tale, why)] == []
    tale.story.attest()
    copy = tale.story.copy()
    for at in (None, copy):
        for name in tale.git("ls-files").splitlines():
            assert ends(tale.story, name, at=at) == [account.byline for account in ask(tale.story, "HEAD", name, at=at).accounts]


@pytest.fixture
def tale(tmp_path: Path) -> Tale:
    return Tale(Story.begin(tmp_path, declares=True))


def test_a_line_is_followed_over_a_rename_to_the_edit_that_wrote_it(tale: Tale) -> None:
    (line, *_) = tale.adds("ai", "old.py")
    brought = tale.commit()
    tale.adds("human", "old.py", at=0)
    tale.commit()
    tale.git("mv", "old.py", "new.py")
    tale.commit()
    tale.adds("human", "new.py", at=0)
    account = one(tale.story, None, "new.py", 7)
    assert way(account) == "copied 7 new.py < copied 4 new.py < copied 4 old.py < new 1 old.py"
    assert account.steps[0].commit is None
    assert (account.steps[-1].commit, account.steps[-1].statement) == (brought, account.byline.statement)
    assert account.edit is not None
    assert (account.edit.path, account.edit.session, bool(account.edit.call)) == (b"old.py", "s1", True)
    assert line.encode() in (ask(tale.story, "HEAD", "new.py").subject.lines or ())


def test_of_two_edits_the_one_that_put_the_line_there_is_named(tale: Tale) -> None:
    first, second = tale.lines("ai", 1), tale.lines("ai", 1)
    tale.put("ai", "a.py", first)
    tale.story.agent_writes("a.py", "\n".join([*first, *second]) + "\n", agent="s2")
    tale.commit()
    edits = [one(tale.story, "HEAD", "a.py", line).edit for line in (1, 2)]
    assert [each.session if each else None for each in edits] == ["s1", "s2"]


def test_an_edit_after_the_commit_did_not_write_the_line(tale: Tale) -> None:
    """What the agent took away and typed again later is another writing."""
    text = "\n".join(tale.lines("ai", 2)) + "\n"
    tale.story.agent_writes("a.py", text)
    tale.commit()
    before = one(tale.story, "HEAD", "a.py", 1).edit
    tale.story.agent_writes("a.py", "nothing = 0\n")
    tale.story.agent_writes("a.py", text)
    assert before is not None
    assert one(tale.story, "HEAD", "a.py", 1).edit == before


def test_a_line_that_is_not_committed_comes_from_the_journal(tale: Tale) -> None:
    tale.start()
    tale.adds("ai", "a.py", at=0)
    account = one(tale.story, None, "a.py", 1)
    assert (way(account), account.steps[0].commit, account.stop) == ("new 1 a.py", None, None)
    assert account.edit is not None


def test_without_the_journal_the_way_is_the_same_and_no_edit_is_guessed(tale: Tale) -> None:
    tale.start()
    tale.story.attest()
    here = one(tale.story, "HEAD", "a.py", 5)
    there = one(tale.story, "HEAD", "a.py", 5, at=tale.story.copy())
    assert (here.byline, here.steps) == (there.byline, there.steps)
    assert here.edit is not None
    assert there.edit is None


def test_a_signed_line_that_was_carried_names_the_statement_before(tale: Tale) -> None:
    """A squash on a server: its statement names the branch's."""
    tale.diverge()
    tale.squash()
    carried = [each for each in ask(tale.story, "HEAD", "a.py").accounts if any(step.how is How.HASH for step in each.steps)]
    assert {each.byline.owner.origin for each in carried} == {Origin.HUMAN}
    assert [way(each) for each in carried] == ["hash 6 a.py < new 3 a.py"]
    (account,) = carried
    assert None not in {step.statement for step in account.steps}


def test_a_line_from_before_byline_stood_there(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    story.remove_hooks()
    story.person_types("a.py", "one\n")
    first = story.commit()
    story.install_hooks()
    story.agent_writes("a.py", "one\ntwo\n")
    story.commit()
    account = one(story, "HEAD", "a.py", 1)
    assert (way(account), account.stop) == ("copied 1 a.py < stood 1 a.py", Stop.BEFORE)
    assert account.steps[-1].commit == first


def test_an_unknown_line_of_a_signed_commit_says_that_the_statement_does_not_know(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    story.person_types("a.py", "one\n")
    story.commit()
    account = one(story, "HEAD", "a.py", 1)
    assert (way(account), account.stop, account.byline.statement is None) == ("new 1 a.py", Stop.UNSAID, False)


def test_what_nobody_recorded_is_told_from_what_is_cut_off(tale: Tale) -> None:
    tale.start()
    tale.story.person_types("a.py", "by nobody\n" + "\n".join(tale.read("a.py")) + "\n")
    assert one(tale.story, None, "a.py", 1).stop is Stop.UNRECORDED
    tale.story.remove_hooks()
    tale.git("commit", "-qam", "no hook")
    tale.git("clone", "-q", "--depth", "1", "--no-local", ".", "../shallow")
    shallow = tale.story.scratch.path.with_name("shallow")
    assert one(tale.story, "HEAD", "a.py", 1, at=shallow).stop is Stop.UNRECORDED
    tale.git("push", "-q", "../shallow", f"{REF}:{FETCHED}")
    assert one(tale.story, "HEAD", "a.py", 1, at=shallow).stop is Stop.CUT


def test_a_carried_statement_that_is_not_here_ends_the_way(tale: Tale) -> None:
    """A person's line is nobody's then: what was found by its text alone relaxes nothing."""
    tale.diverge()
    tale.squash()
    line = next(each.lines.first for each in ask(tale.story, "HEAD", "a.py").accounts if each.steps[0].how is How.HASH)
    copy = tale.story.copy()
    carried = one(tale.story, "HEAD", "a.py", line).steps[1].statement
    forget(copy, str(carried))
    account = one(tale.story, "HEAD", "a.py", line, at=copy)
    assert (way(account), account.stop) == (f"hash {line} a.py", Stop.ABSENT)
    assert not account.byline.owner.is_known


def forget(clone: Path, statement: str) -> None:
    """Take a statement out of the evidence that the clone fetched."""

    def git(*words: str, given: str = "") -> str:
        return subprocess.run(["git", *words], cwd=clone, input=given, capture_output=True, text=True, check=True).stdout

    shard = statement[:2]
    rows = [row for row in git("ls-tree", f"{FETCHED}:{shard}").splitlines(keepends=True) if f"\t{statement}" not in row]
    left = [row for row in git("ls-tree", FETCHED).splitlines(keepends=True) if not row.endswith(f"\t{shard}\n")]
    folder = [f"040000 tree {git('mktree', given=''.join(rows)).strip()}\t{shard}\n"] if rows else []
    git("update-ref", FETCHED, git("mktree", given="".join(sorted([*left, *folder]))).strip())


def test_lines_of_one_way_are_told_together(tale: Tale) -> None:
    tale.start()
    assert [(each.lines.first, each.lines.last) for each in ask(tale.story, "HEAD", "a.py").accounts] == [(1, 4), (5, 8)]


def test_the_record_of_another_tool_has_the_last_word_where_it_is_the_stricter(tale: Tale) -> None:
    tale.adds("human", "a.py")
    heard = tale.commit()
    tale.adds("human", "a.py", at=0)
    tale.commit()
    said = Hearsay(commit=heard, path=b"a.py", lines=LineRange(0, 1), origin=Origin.AI, agent=Agent(name="codex", model="example/model-1"))
    with tale.story.workshop() as workshop:
        import_hearsay(workshop, [said])
    accounts = [one(tale.story, "HEAD", "a.py", line) for line in (4, 5)]
    assert [way(each) for each in accounts] == ["copied 4 a.py < imported 1 a.py", "copied 5 a.py < new 2 a.py"]
    assert [each.byline.owner.origin for each in accounts] == [Origin.AI, Origin.HUMAN]
    assert accounts[0].steps[-1].statement == accounts[0].byline.statement
