# SPDX-License-Identifier: Apache-2.0
"""What commits added, and whose it is: each line once, in the commit that brought it, by whom the text itself says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import test_git_operations as ways

from byline.core.finding import FindingCode
from byline.flow.history import read_history
from byline.flow.resolve import open_resolver
from story import Story
from tale import AUTHOR, Tale

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from byline.core.attribution import Owner
    from byline.flow.history import Added


def _history(story: Story, place: Path | None = None, *, under: bytes = b"") -> list[Added]:
    with story.workshop(place, signs=False) as workshop, open_resolver(workshop) as resolver:
        return [*read_history(resolver.versions, workshop.repo.newest_commits(None, "HEAD"), wants=lambda path: path.startswith(under))]


def _told(history: list[Added]) -> dict[str, Counter[str]]:
    out: dict[str, Counter[str]] = {}
    for added in history:
        counts = out.setdefault(added.info.id, Counter())
        for share in added.shares:
            counts[share.owner.origin.value] += share.count
    return out


def _lines(story: Story, commit: str) -> set[str]:
    names = story.git("ls-tree", "-r", "--name-only", commit).splitlines()
    return {line.strip() for name in names for line in story.git("show", f"{commit}:{name}").splitlines() if AUTHOR.search(line)}


def _truth(story: Story) -> dict[str, Counter[str]]:
    """Return whose the lines of each commit are that no parent has."""
    return {commit: Counter(match[1] for line in lines if (match := AUTHOR.search(line))) for commit, lines in _fresh(story).items()}


def _fresh(story: Story) -> dict[str, set[str]]:
    """Return the lines of each commit that no parent has: no line of a tale stands twice."""
    rows = (row.split() for row in story.git("rev-list", "--parents", "HEAD").splitlines())
    return {commit: _lines(story, commit).difference(*(_lines(story, parent) for parent in parents)) for commit, *parents in rows}


def _plain(tale: Tale) -> None:
    tale.topic()


def _merged(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.git("merge", "-q", "--no-edit", "topic")


def _conflict(tale: Tale) -> None:
    """Both sides are kept, and the person who settles it adds lines of their own."""
    tale.collide(at=2)
    tale.git("merge", "-q", "topic", fails=True)
    tale.keep_both("a.py")
    tale.adds("human", "a.py", at=0)
    tale.git("add", "a.py")
    tale.lost.update(line.split(" ")[0] for line in tale.read("a.py")[:3])  # a merge declares nothing
    tale.git("commit", "-q", "--no-edit")


def _rebased(tale: Tale) -> None:
    tale.diverge()
    tale.git("rebase", "-q", "main")


def _squashed(tale: Tale) -> None:
    tale.diverge()
    tale.git("switch", "-q", "main")
    tale.git("merge", "-q", "--squash", "topic")
    tale.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "squashed")


def _reformatted(tale: Tale) -> None:
    tale.start()
    tale.story.person_types("a.py", "".join(f"    {line}\n" for line in tale.read("a.py")))
    tale.commit()


WAYS = (
    *(ways.split, ways.squash_in_a_rebase, ways.rebase_through_a_conflict, ways.pick_a_range, ways.merge_octopus, ways.squash_merge_here),
    *(ways.stash_on_another_base, ways.a_folder_renamed, ways.two_agents_and_a_person, ways.commit_tree, ways.revert_and_revert_that),
)
STORIES: list[Callable[[Tale], None]] = [_plain, _merged, _conflict, _rebased, _squashed, _reformatted]


@pytest.mark.parametrize("happens", STORIES, ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("eager", [True, False], ids=["eager", "lazy"])
def test_each_line_counts_once_for_whoever_wrote_it(tmp_path: Path, happens: Callable[[Tale], None], *, eager: bool) -> None:
    """Here, and in a fresh clone that has nothing but the claims, as if it had been signed at once."""
    story = Story.begin(tmp_path, declares=True, eager=eager)
    tale = Tale(story)
    happens(tale)
    truth = _truth(story)
    if happens is _conflict:
        truth[story.git("rev-parse", "HEAD")] = Counter(unknown=3)
    story.attest()
    assert _told(_history(story)) == truth
    assert _told(_history(story, story.copy())) == truth


@pytest.mark.parametrize("happens", WAYS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("eager", [True, False], ids=["eager", "lazy"])
def test_whose_they_are_is_what_blame_says_of_that_commit(tmp_path: Path, happens: Callable[[Tale], None], *, eager: bool) -> None:
    """Owner by owner and path by path, whichever way the answer was found."""
    story = Story.begin(tmp_path, declares=True, eager=eager)
    happens(Tale(story))
    fresh = _fresh(story)
    with story.workshop(signs=False) as workshop, open_resolver(workshop) as resolver:
        for added in read_history(resolver.versions, workshop.repo.newest_commits(None, "HEAD")):
            expected: Counter[tuple[bytes, Owner]] = Counter()
            for path in {share.path for share in added.shares}:
                blame = resolver.resolve(added.info.id, path)
                ours = zip(blame.lines, blame.bylines, strict=True)
                expected.update((path, byline.owner) for line, byline in ours if line.decode().strip() in fresh[added.info.id])
            assert Counter({(share.path, share.owner): share.count for share in added.shares}) == expected
            assert expected.total() == len(fresh[added.info.id])


def test_what_is_not_signed_yet_is_told_from_the_journal(tmp_path: Path) -> None:
    story = Story.begin(tmp_path, eager=False)
    story.agent_writes("a.py", "one = 1\ntwo = 2\n")
    commit = story.commit()
    (added,) = _history(story)
    assert (_told([added])[commit], added.statements) == (Counter(ai=2), frozenset())


def test_blank_lines_and_brackets_and_new_white_space_do_not_count(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    story.agent_writes("a.c", "int f(void)\n{\n\n    return 1;\n}\n")
    first = story.commit()
    story.agent_writes("a.c", "int f(void)\n{\n\n        return 1;\n}\n\n}\n")
    second = story.commit()
    assert _told(_history(story)) == {second: Counter(), first: Counter(ai=2)}


def test_paths_narrow_it(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    story.agent_writes("src/a.py", "one = 1\n")
    story.agent_writes("src2/b.py", "two = 2\nthree = 3\n")
    commit = story.commit()
    assert _told(_history(story, under=b"src/"))[commit] == Counter(ai=1)
    assert _told(_history(story, under=b"src2/b.py"))[commit] == Counter(ai=2)


def test_a_carried_line_is_told_as_carried(tmp_path: Path) -> None:
    """A rebase elsewhere: no statement names the new commit, those about the old ones explain it."""
    story = Story.begin(tmp_path, declares=True)
    tale = Tale(story)
    tale.diverge()
    story.remove_hooks()
    tale.git("-c", "core.hooksPath=/dev/null", "rebase", "-q", "main")
    history = _history(story)
    assert _told(history) == _truth(story)
    newest = history[0]
    assert [share.carried for share in newest.shares] == [share.count for share in newest.shares]
    assert newest.statements


def test_where_history_is_cut_nothing_is_said(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    for number in range(3):
        story.agent_writes("a.py", "".join(f"line{each} = {each}\n" for each in range(number + 1)))
        story.commit()
    shallow = story.scratch.clone(tmp_path / "shallow", "--depth", "2", "--no-local").path
    with story.workshop(shallow, signs=False) as workshop, open_resolver(workshop) as resolver:
        newest, last = read_history(resolver.versions, workshop.repo.newest_commits(None, "HEAD"))
    assert (newest.is_cut, sum(share.count for share in newest.shares)) == (False, 1)
    assert (last.is_cut, last.shares) == (True, ())


def test_a_claim_that_names_other_text_is_unknown_here_too(tmp_path: Path) -> None:
    """As blame says it: the text counts, not the claim."""
    story = Story.begin(tmp_path)
    story.agent_writes("a.py", "one = 1\n")
    commit = story.commit()
    with story.workshop(signs=False) as workshop:
        other = type(workshop.identity)(repository=workshop.identity.repository, line_key=b"x" * 32)
        changed = type(workshop)(**{name: getattr(workshop, name) for name in workshop.__slots__} | {"identity": other})
        with open_resolver(changed) as resolver:
            (added,) = read_history(resolver.versions, [commit])
            assert resolver.versions.findings == {FindingCode.HASH_MISMATCH}
    assert [(share.owner.origin.value, share.count) for share in added.shares] == [("unknown", 1)]
