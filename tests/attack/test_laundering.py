# SPDX-License-Identifier: Apache-2.0
"""Laundering: an agent's text made to look like a person's, in a real repository, asked through blame and through the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from byline.core.attribution import Origin
from byline.core.claim import New
from byline.core.finding import FindingCode
from byline.core.verdict import Outcome
from byline.flow.trace import Stop
from casework import human, sha
from scene import AGENTS, PEOPLES, Scene, forged, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GUARD = "    if user.is_guest:\n        return False\n"
COUNT = len(PEOPLES.splitlines())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.begin(tmp_path)


def test_what_the_attacks_imitate(scene: Scene) -> None:
    """A person's own lines pass, her agent's wait."""
    scene.person("a.py", PEOPLES + "\n\nMINE = 1\n")
    scene.commit()
    assert set(scene.owners("a.py")) == {"human"}
    assert scene.outcome() is Outcome.ALLOW
    scene.agent("b.py", AGENTS)
    scene.commit()
    assert scene.owners("b.py") == ["ai"] * 3
    assert scene.outcome() is Outcome.PENDING


@pytest.mark.parametrize("line", ["        return False\n", "\n", "    return door\n", '        lock.release("with care")\n'])
def test_a_trivial_line_of_an_agents_is_the_agents(scene: Scene, line: str) -> None:
    """U5, U6: however often people wrote the very same, here and elsewhere."""
    scene.agent("a.py", PEOPLES.replace("    return user", f"{line}    return user"))
    scene.commit()
    owners = scene.owners("a.py")
    assert (owners.count("ai"), owners[3]) == (1, "ai")
    assert scene.outcome() is Outcome.PENDING


def test_re_indenting_leaves_the_owner_and_has_a_hand(scene: Scene) -> None:
    """U2, U6: an agent moves a person's line out of its block; blame says whose words they are, the gate who moved them."""
    scene.agent("a.py", PEOPLES.replace("        return False", "    return False"))
    scene.commit()
    assert scene.owners("a.py") == ["human"] * COUNT
    assert scene.outcome() is Outcome.PENDING


def test_white_space_inside_a_string_has_a_hand(scene: Scene) -> None:
    """U7: two lines with one hash, for white space does not count in it, are told apart before anything is credited."""
    scene.agent("a.py", PEOPLES.replace("with care", "withcare"))
    scene.commit()
    assert scene.owners("a.py") == ["human"] * COUNT
    assert scene.outcome() is Outcome.PENDING


def test_a_person_who_re_indents_an_agents_text_does_not_own_it(scene: Scene) -> None:
    """U6: what landed before was judged before, so that a gate sees her change alone; blame sees the agent's words."""
    scene.agent("b.py", AGENTS)
    scene.commit()
    base = scene.git("rev-parse", "HEAD")
    scene.person("b.py", AGENTS.replace("    ", "\t"))
    scene.commit()
    assert scene.owners("b.py") == ["ai"] * 3
    assert (scene.outcome(base), scene.outcome()) == (Outcome.ALLOW, Outcome.PENDING)


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_way_through_another_file_makes_nobody_an_author(scene: Scene, *, is_committed: bool) -> None:
    """U5, U6: the agent writes it there, the person brings it here and takes that away."""
    scene.agent("scratch.py", AGENTS)
    if is_committed:
        scene.commit()
    (scene.story.scratch.path / "scratch.py").unlink()
    scene.person("a.py", PEOPLES + AGENTS)
    scene.commit()
    assert scene.owners("a.py") == ["human"] * COUNT + ["ai"] * 3
    assert scene.outcome() is Outcome.PENDING


def test_a_way_through_a_renamed_file_makes_nobody_an_author(scene: Scene) -> None:
    """U5, U6: a new name for each commit, and some text of the person's own each time."""
    scene.agent("b1.py", AGENTS)
    scene.commit()
    text = AGENTS
    for number in (2, 3, 4):
        scene.git("mv", f"b{number - 1}.py", f"b{number}.py")
        text += f"# a note of mine, number {number}\n"
        scene.person(f"b{number}.py", text)
        scene.commit()
    assert scene.owners("b4.py") == ["ai"] * 3 + ["human"] * 3
    assert scene.outcome() is Outcome.PENDING


@pytest.mark.parametrize("attributes", [".gitattributes", "pkg/.gitattributes"])
@pytest.mark.parametrize("changed", ["attributes", "driver", "failing"])
def test_a_filter_makes_nobody_an_author(scene: Scene, attributes: str, changed: str) -> None:
    """U6, G1: what git commits is other text than the agent wrote, and nobody can repeat that when the statement is made."""
    scene.git("config", "filter.rot.clean", "tr a-z n-za-m")
    scene.person(attributes, "b.py filter=rot\n")
    scene.commit()
    scene.story.attest()
    scene.agent("pkg/b.py", AGENTS)
    scene.commit()
    if changed == "attributes":
        (scene.story.scratch.path / attributes).unlink()
    elif changed == "driver":
        scene.git("config", "--unset", "filter.rot.clean")
    else:
        scene.git("config", "filter.rot.clean", "exit 1")
        scene.git("config", "filter.rot.required", "true")
    assert scene.owners("pkg/b.py") == ["unknown"] * 3
    assert scene.outcome() is Outcome.PENDING


def test_a_persons_lines_copied_by_an_agent_are_not_credited(scene: Scene) -> None:
    """U5, U6: the same function once more, without its guard."""
    scene.agent("a.py", PEOPLES + "\n\n" + PEOPLES.replace(GUARD, ""))
    scene.commit()
    assert scene.outcome() is Outcome.PENDING


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_mosaic_of_peoples_lines_is_nobodys_own(scene: Scene, *, is_seen: bool) -> None:
    """U5, U6: each line is a person's somewhere; together they are whoever's put them together, or nobody knows whose."""
    lines = PEOPLES.splitlines(keepends=True)
    mosaic = "".join([lines[6], lines[7], lines[2], lines[0], lines[3], lines[8]])
    if is_seen:
        scene.agent("b.py", mosaic)
        scene.commit()
    else:
        scene.person("b.py", mosaic)
        scene.commit_elsewhere()
    assert scene.owners("b.py") == ["ai" if is_seen else "unknown"] * 6
    assert scene.outcome() is Outcome.PENDING


def test_what_an_agent_deletes_and_types_again_has_its_hand(scene: Scene) -> None:
    """U2, U6: first the guard goes, then it comes back where it does not help."""
    scene.agent("a.py", PEOPLES.replace(GUARD, ""))
    scene.commit()
    scene.agent("a.py", PEOPLES.replace(GUARD, "") + GUARD)
    scene.commit()
    assert scene.outcome() is Outcome.PENDING


@pytest.mark.parametrize("is_committed", [True, False])
def test_an_agents_text_that_a_person_deletes_and_types_again_stays_the_agents(scene: Scene, *, is_committed: bool) -> None:
    """U6."""
    scene.agent("a.py", PEOPLES + AGENTS)
    scene.commit()
    scene.person("a.py", PEOPLES)
    if is_committed:
        scene.commit()
    scene.person("a.py", PEOPLES + AGENTS)
    scene.commit()
    assert scene.owners("a.py") == ["human"] * COUNT + ["ai"] * 3
    assert scene.outcome() is Outcome.PENDING


def test_an_older_claim_about_the_same_bytes_is_not_replayed(scene: Scene) -> None:
    """I9: a person typed it once and threw it away; now the agent writes the same, at the same place."""
    text = PEOPLES + "\n\nopen_to_everybody = True\n"
    scene.person("a.py", text)
    scene.commit()
    assert scene.outcome() is Outcome.ALLOW
    scene.git("reset", "--quiet", "--hard", "main")
    scene.agent("a.py", text)
    scene.commit("--date=2026-11-22T00:00:00Z")
    assert scene.owners("a.py")[-1] == "ai"
    assert scene.outcome() is Outcome.PENDING


def test_a_claim_does_not_speak_for_another_path(scene: Scene) -> None:
    """I9: the bytes of a person's file, brought to another place by nobody knows whom."""
    scene.person("b.py", PEOPLES)
    scene.commit_elsewhere()
    assert scene.owners("b.py") == ["unknown"] * COUNT
    assert scene.outcome() is Outcome.PENDING


def test_a_claim_of_another_repository_is_not_replayed(scene: Scene, tmp_path: Path) -> None:
    """I8: the same person's key, the same path, the same bytes."""
    (tmp_path / "other").mkdir()
    other = Scene.begin(tmp_path / "other", repository="byl:" + "1" * 32)
    text = PEOPLES + "\n\nopen_to_everybody = True\n"
    other.person("a.py", text)
    other.commit()
    scene.person("a.py", text)
    scene.commit_elsewhere()
    scene.plant(*other.bundles())
    assert scene.owners("a.py")[-3:] == ["unknown"] * 3
    assert scene.outcome() is Outcome.PENDING


@pytest.mark.parametrize("by", [{"kind": "human", "person": "p-mia"}, None, {"kind": "tool", "name": "black", "version": "26"}])
def test_an_edited_journal_makes_no_person(scene: Scene, by: dict[str, str] | None) -> None:
    """I4, M6: only an editor and a declaration say `human`; a hook's record that was made to say so is nobody's."""
    scene.story.declares = False
    scene.agent("b.py", AGENTS)
    journal = scene.story.scratch.path / ".git/byline/journal"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({**each, "by": by} if "by" in each else each) + "\n" for each in records))
    scene.commit()
    assert not {"human", "mixed"} & set(scene.owners("b.py"))
    assert scene.outcome() is Outcome.PENDING


def test_a_journal_edited_after_the_commit_changes_nothing(scene: Scene) -> None:
    """M6: what is signed stands."""
    scene.agent("b.py", AGENTS)
    scene.commit()
    scene.story.attest()
    for name in ("journal", "state.json", "cache.db"):
        (scene.story.scratch.path / ".git/byline" / name).unlink()
    assert scene.owners("b.py") == ["ai"] * 3
    assert scene.outcome() is Outcome.PENDING


FORGERS = (("p-eve", "p-mia"), ("p-eve", "p-eve"), ("p-rob", "p-mia"), ("p-rob", "p-rob"), ("a-bot", "p-mia"))


def test_a_forged_claim_under_another_key_relaxes_nothing(scene: Scene) -> None:
    """I3, I6: beside the true claim, in its own chain or as a newer word of it, and alone."""
    scene.agent("b.py", AGENTS)
    commit = scene.commit()
    (true,) = [each for each in scene.bundles() if said(each).commit.id == commit]
    forgeries = [forged(said(true), signer, principal) for signer, principal in FORGERS]
    scene.plant(*forgeries)
    assert scene.owners("b.py") == ["ai"] * 3
    assert [step.statement for step in scene.account("b.py").steps] == [true.envelope.digest]
    assert scene.outcome() is Outcome.PENDING
    for left in forgeries:
        others = {each.envelope.digest for each in (true, *forgeries)} - {left.envelope.digest}
        scene.plant(left)
        scene.withhold(lambda bundle, others=others: bundle.envelope.digest in others)
        assert scene.outcome() is Outcome.PENDING


def test_a_forged_claim_for_a_commit_that_nobody_claimed_is_not_preferred(scene: Scene) -> None:
    """I9: a server made the same content into a commit of its own."""
    scene.agent("b.py", AGENTS)
    made = scene.commit()
    (authorship,) = [said(each) for each in scene.bundles() if said(each).commit.id == made]
    scene.git("reset", "--quiet", "--hard", "HEAD~1")
    scene.person("b.py", AGENTS)
    scene.commit_elsewhere()
    commit = replace(authorship.commit, id=scene.git("rev-parse", "HEAD"))
    scene.plant(forged(replace(authorship, commit=commit), "p-rob", "p-rob"))
    assert scene.owners("b.py") == ["ai"] * 3
    assert FindingCode.CLAIMS_DISAGREE in scene.findings("b.py")
    assert scene.outcome() is Outcome.PENDING


def test_a_carried_line_whose_source_is_withheld_is_not_credited(scene: Scene) -> None:
    """U8, U9: a squash carries what its branch's statement says, for as long as that is there."""
    scene.person("a.py", PEOPLES + "\n\nMINE = 1\n")
    first = scene.commit()
    scene.person("a.py", PEOPLES + "\n\nMINE = 1\n# and a word about it\n")
    second = scene.commit()
    scene.git("reset", "--quiet", "--soft", "main")
    scene.commit("--date=2026-11-22T00:00:00Z")
    assert scene.outcome() is Outcome.ALLOW
    scene.withhold(lambda bundle: said(bundle).commit.id in (first, second))
    assert scene.outcome() is Outcome.PENDING


def _mailmap(scene: Scene) -> None:
    scene.story.scratch.write(".mailmap", "Ana <ana@example.invalid> <person@example.invalid>\n")
    scene.git("config", "mailmap.file", ".mailmap")
    scene.git("config", "log.mailmap", "true")


def _ignored_revision(scene: Scene) -> None:
    scene.story.scratch.write(".git-blame-ignore-revs", scene.git("rev-parse", "HEAD") + "\n")
    scene.git("config", "blame.ignoreRevsFile", ".git-blame-ignore-revs")


def _replaced_blob(scene: Scene) -> None:
    scene.git("replace", "HEAD:a.py", "main:a.py")


def _replaced_commit(scene: Scene) -> None:
    scene.git("replace", "HEAD", "main")


def _graft(scene: Scene) -> None:
    scene.git("replace", "--graft", "HEAD")
    scene.story.scratch.write(".git/info/grafts", scene.git("rev-parse", "HEAD") + "\n")


@pytest.mark.parametrize("steer", [_mailmap, _ignored_revision, _replaced_blob, _replaced_commit, _graft], ids=lambda each: each.__name__)
def test_what_steers_git_steers_no_answer(scene: Scene, steer: Callable[[Scene], None]) -> None:
    """G1, I2: names, ignored revisions, replaced objects, grafts; each shows something else in git's own log or blame."""
    scene.agent("a.py", PEOPLES.replace(GUARD, "") + AGENTS)
    scene.commit("--author=Ana <ana@example.invalid>")
    before = (scene.owners("a.py"), scene.outcome())
    assert before == (["human"] * (COUNT - 2) + ["ai"] * 3, Outcome.PENDING)
    steer(scene)
    (scene.story.scratch.path / ".git/byline/cache.db").unlink()
    (scene.story.scratch.path / ".git/byline/gate.db").unlink()
    assert (scene.owners("a.py"), scene.outcome()) == before


def test_a_claim_that_names_another_text_is_nobodys(scene: Scene) -> None:
    """U7: hashes of a person's lines, signed by that person, over an agent's text."""
    scene.agent("b.py", AGENTS)
    scene.commit_elsewhere()
    authorship = said(scene.bundles()[0])
    old = next(each for each in authorship.claims if each.path == b"a.py")
    blob = scene.git("rev-parse", "HEAD:b.py")
    hashes = b"".join(each.hashes for each in old.segments if isinstance(each, New))[: 16 * 3]
    made = replace(old, path=b"b.py", blob=blob, sha256=sha(AGENTS.encode()), segments=(New(owner=human("p-mia"), hashes=hashes),))
    commit = replace(authorship.commit, id=scene.git("rev-parse", "HEAD"), parents=(scene.git("rev-parse", "HEAD~1"),))
    scene.plant(forged(replace(authorship, claims=(made,), commit=commit), "p-mia", "p-mia"))
    assert scene.owners("b.py") == [Origin.UNKNOWN] * 3
    assert scene.findings("b.py") == (FindingCode.HASH_MISMATCH,)
    assert scene.account("b.py").stop is Stop.MISMATCH
