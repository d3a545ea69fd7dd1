# SPDX-License-Identifier: Apache-2.0
"""Evidence is a set that clones unite: in any order, against any server, at the same time, nothing is lost."""

from __future__ import annotations

import functools
import hashlib
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byline.core.bundle import format_bundle, join_receipt, parse_bundle
from byline.core.statement import PredicateType, Subject, format_statement
from byline.errors import RepositoryError
from byline.git.objects import TREE_MODE, TreeEntry, TreeItem, format_tree
from byline.git.pack import object_id
from byline.git.remotes import fetch_refspecs
from byline.git.repository import Repository, open_repository
from byline.log.evidence import BadFile, EvidenceRef, arrange, file_name
from byline.log.trees import REF
from byline.sign.file import sign_payload
from byline.testing import MemoryLedger, fixed_signer
from log.evidence_maker import bundle_of, claim, statement_bundle
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byline.core.bundle import Bundle


@pytest.fixture
def evidence(repository: Scratch) -> Iterator[EvidenceRef]:
    with open_repository(repository.path) as opened:
        yield EvidenceRef(opened)


def _names(evidence: EvidenceRef) -> set[str]:
    return {each.name for each in evidence.bundles()}


@functools.cache
def _spellings() -> tuple[tuple[str, bytes], ...]:
    """One statement by one key: logged twice, not logged with two signatures, and things that are none of these."""
    signer = fixed_signer()
    payload = format_statement((Subject(name="change", sha256="ab" * 32),), PredicateType.APPROVAL, {})
    envelope = sign_payload(payload, signer)
    bundles = [join_receipt(envelope, signer.public, None), join_receipt(replace(envelope, signature=b"another"), signer.public, None)]
    ledgers = (MemoryLedger("one.example"), MemoryLedger("two.example"))
    bundles += [join_receipt(envelope, signer.public, ledger.append(envelope, signer.public)) for ledger in ledgers]
    name = file_name(envelope.digest, bundles[0].key_hint)
    others = [statement_bundle(number, claim(b"a", number)) for number in range(2)]
    another = sign_payload(others[0].envelope.payload, signer)
    others.append(join_receipt(another, signer.public, ledgers[0].append(another, signer.public)))
    return (
        *((name, data) for data in [*map(format_bundle, bundles), b"{", b"", format_bundle(bundles[0]) + b" "]),
        *((file_name(other.envelope.digest, other.key_hint), format_bundle(other)) for other in others),
    )


def test_a_union_keeps_all_that_may_prove_a_fact() -> None:
    """The one of two signatures that a receipt covers, both receipts, the other signature; nothing that is no bundle."""
    name = _spellings()[0][0]
    covered, other, one, two, *bad = [data for where, data in _spellings() if where == name]
    assert arrange(name, [covered, other, one, two, *bad]).keys() - {name} == {_beside(name, each) for each in (other, max(one, two))}
    assert arrange(name, [covered, one]) == {name: one}
    assert arrange(name, [covered, bad[2]]) == {name: covered}
    assert arrange(name, [covered, *bad[:2]]) == {name: covered}
    assert arrange(name, bad[:2]) == {name: b""}


def test_a_receipt_that_contradicts_itself_or_the_envelope_is_none() -> None:
    name = _spellings()[0][0]
    plain, logged = (parse_bundle(_spellings()[number][1]) for number in (0, 2))
    assert logged.receipt
    path = replace(logged.receipt.proof, hashes=(bytes(32),))
    for receipt in (replace(logged.receipt, proof=path), parse_bundle(_spellings()[-1][1]).receipt):
        broken = format_bundle(replace(plain, receipt=receipt))
        assert arrange(name, [broken, format_bundle(plain)]) == {name: format_bundle(plain)}


@given(st.data())
def test_what_a_union_keeps_does_not_depend_on_order(data: st.DataObject) -> None:
    """Commutative, associative, idempotent: the heart of a union."""
    name = _spellings()[0][0]
    one, two = (data.draw(st.lists(st.sampled_from(_spellings()).map(lambda each: each[1]), min_size=1)) for _ in range(2))
    both = arrange(name, [*one, *two])
    assert both == arrange(name, [*two, *one]) == arrange(name, [*arrange(name, one).values(), *two])
    assert both == arrange(name, both.values())


def _beside(name: str, data: bytes) -> str:
    return f"{name.removesuffix('.json')}.{hashlib.sha256(data).hexdigest()[:16]}.json"


def test_a_tree_without_commit_holds_the_bundles(repository: Scratch, evidence: EvidenceRef) -> None:
    assert (list(evidence.bundles()), evidence.union_from_remotes()) == ([], None)
    bundles = [statement_bundle(number, claim(b"a", number)) for number in range(30)]
    names = evidence.add(bundles)
    assert names == tuple(file_name(bundle.envelope.digest, bundle.key_hint) for bundle in bundles)
    assert {each.name: each.bundle for each in evidence.bundles()} == dict(zip(names, bundles, strict=True))
    assert set(repository.git("ls-tree", "-r", "--name-only", REF).split()) == {f"{name[:2]}/{name}" for name in names}
    assert repository.git("cat-file", "-t", REF) == "tree"
    assert repository.git("log", "--all", "--oneline") == ""
    repository.git("fsck", "--strict")


def test_adding_again_changes_nothing(evidence: EvidenceRef) -> None:
    bundle = statement_bundle(1, claim(b"a", 1))
    evidence.add([bundle, bundle])
    tree = evidence.repository.ref(REF)
    evidence.add([bundle])
    evidence.add([])
    assert (evidence.repository.ref(REF), evidence.union_from_remotes()) == (tree, tree)


def test_a_receipt_that_comes_later_takes_the_place_and_stays(evidence: EvidenceRef) -> None:
    signer = fixed_signer()
    envelope = sign_payload(statement_bundle(1, claim(b"a", 1)).envelope.payload, signer)
    plain = join_receipt(envelope, signer.public, None)
    logged = join_receipt(envelope, signer.public, MemoryLedger().append(envelope, signer.public))
    for added in (plain, logged, plain):
        evidence.add([added])
    assert [each.bundle for each in evidence.bundles()] == [logged]


@settings(max_examples=15)
@given(parts=st.lists(st.lists(st.integers(0, 8), max_size=5), min_size=3, max_size=3), order=st.permutations([0, 1, 2]))
def test_union_does_not_depend_on_who_merges_what_first(parts: list[list[int]], order: list[int]) -> None:
    """Random sets of files in three trees, malformed ones among them: one tree comes out, whatever the order."""
    with tempfile.TemporaryDirectory() as folder, open_repository(Scratch.create(Path(folder)).path) as opened:
        trees = [_tree_of(opened, part) for part in parts]
        orders = ([0, 1, 2], order, [*order, order[0]])
        assert len({_unite(EvidenceRef(opened), [trees[number] for number in numbers]) for numbers in orders}) == 1


def _tree_of(repository: Repository, picks: list[int]) -> str:
    blob = object_id("blob", b"x", "sha1")
    items = [TreeItem(name=b"not evidence", entry=TreeEntry(mode="100644", oid=blob))]
    objects = [("blob", b"x")]
    for name, data in dict(_spellings()[pick] for pick in picks).items():
        shard = format_tree([TreeItem(name=name.encode(), entry=TreeEntry(mode="100644", oid=object_id("blob", data, "sha1")))])
        objects += [("blob", data), ("tree", shard)]
        items.append(TreeItem(name=name[:2].encode(), entry=TreeEntry(mode=TREE_MODE, oid=object_id("tree", shard, "sha1"))))
    return repository.write_objects([*objects, ("tree", format_tree(items))])[-1]


def _unite(evidence: EvidenceRef, trees: list[str]) -> str | None:
    """Unite one tree after the other, as fetches in this order would."""
    united = None
    for tree in trees:
        united = evidence._unite(united, [tree], {}, {})
    return united


def test_what_is_no_evidence_is_reported_and_skipped(evidence: EvidenceRef) -> None:
    """A foreign name, a folder of another name, a symlink, another payload: found, never fatal."""
    repository = evidence.repository
    good = statement_bundle(1, claim(b"a", 1))
    (name,) = evidence.add([good])
    data = repository.write_blob(format_bundle(good))
    wrong = "00" * 32 + ".0000000000000000.json"
    shard = repository.write_tree(
        [
            TreeItem(name=wrong.encode(), entry=TreeEntry(mode="100644", oid=data)),
            TreeItem(name=b"README", entry=TreeEntry(mode="100644", oid=data)),
            TreeItem(name=wrong.replace(".00", ".11").encode(), entry=TreeEntry(mode="120000", oid=data)),
            TreeItem(name=name.encode(), entry=TreeEntry(mode="100644", oid=data)),
        ]
    )
    root = repository.write_tree([TreeItem(name=name_, entry=TreeEntry(mode=TREE_MODE, oid=shard)) for name_ in (b"00", b"zz", b"000")])
    repository.update_ref("refs/byline/remotes/evil/evidence", root, None)
    found = list(evidence.scan())
    assert [each.name for each in found if isinstance(each, BadFile)] == [wrong]
    assert _names(evidence) == {name}


def test_many_may_add_at_once(evidence: EvidenceRef) -> None:
    bundles = [statement_bundle(number, claim(b"a", number)) for number in range(24)]

    def add(part: list[Bundle]) -> None:
        with open_repository(evidence.repository.git_dir.parent) as opened:
            for bundle in part:
                EvidenceRef(opened).add([bundle])

    threads = [threading.Thread(target=add, args=(bundles[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(_names(evidence)) == 24


@pytest.fixture(params=["path", "file", "strict"])
def clones(request: pytest.FixtureRequest, repository: Scratch, tmp_path: Path) -> list[Scratch]:
    """Three clones of one bare server, reached by path or URL; one server checks every object."""
    repository.write("a", "x\n")
    repository.commit()
    bare = repository.clone(tmp_path / "bare", "--bare")
    if request.param == "strict":
        for key in ("receive.fsckObjects", "receive.denyNonFastForwards", "receive.denyDeletes"):
            bare.git("config", key, "true")
    url = f"file://{bare.path}" if request.param == "file" else str(bare.path)
    clones = []
    for number in range(3):
        clone = bare.clone(tmp_path / f"clone{number}")
        clone.git("remote", "set-url", "origin", url)
        clones.append(clone)
    return clones


def test_three_clones_that_send_at_once_lose_nothing(clones: list[Scratch], tmp_path: Path) -> None:
    failures: list[object] = []

    def work(number: int) -> None:
        with open_repository(clones[number].path) as opened:
            evidence = EvidenceRef(opened)
            for turn in range(4):
                evidence.add([statement_bundle(number * 100 + turn, claim(b"a", f"{number} {turn}"))])
                report = evidence.push("origin", tries=30)
                if not report.sent:
                    failures.append(report)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert failures == []
    with open_repository(tmp_path / "bare") as server:
        assert len(_names(EvidenceRef(server))) == 12
    for clone in clones:
        with open_repository(clone.path) as opened:
            EvidenceRef(opened).fetch("origin")
            assert len(_names(EvidenceRef(opened))) == 12


def test_a_normal_fetch_brings_evidence_and_a_normal_push_leaves_it(clones: list[Scratch], tmp_path: Path) -> None:
    one, two, _ = clones
    with open_repository(one.path) as first, open_repository(two.path) as second:
        for refspec in fetch_refspecs("origin"):
            second.settings.add("remote.origin.fetch", refspec)
        two.git("fetch", "--quiet")  # a remote without evidence is fetched as before
        two.git("pull", "--quiet")
        names = EvidenceRef(first).add([statement_bundle(1, claim(b"a", 1))])
        assert EvidenceRef(first).push("origin").sent
        two.git("fetch", "--quiet", "--prune")
        assert _names(EvidenceRef(second)) == set(names)
        two.git("push", "--quiet")
        for refspec in fetch_refspecs("origin"):
            second.settings.remove("remote.origin.fetch", refspec)
        assert two.git("config", "--get-all", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert "refs/byline/remotes" not in Scratch(tmp_path / "bare").git("for-each-ref")


def test_what_the_server_lost_is_sent_again(clones: list[Scratch], tmp_path: Path) -> None:
    with open_repository(clones[0].path) as opened:
        evidence = EvidenceRef(opened)
        evidence.add([statement_bundle(1, claim(b"a", 1))])
        tree = evidence.push("origin").tree
        assert evidence.push("origin").sent
        bare = Scratch(tmp_path / "bare")
        bare.git("update-ref", "-d", REF)
        assert evidence.push("origin").tree == tree == bare.git("rev-parse", REF)


def test_sending_runs_no_hook_of_the_user(clones: list[Scratch], tmp_path: Path) -> None:
    clone, mark = clones[0], tmp_path / "mark"
    for hook in ("pre-push", "reference-transaction", "post-checkout"):
        script = clone.write(f".git/hooks/{hook}", f"#!/bin/sh\necho {hook} >> {mark}\nexit 1\n")
        script.chmod(0o755)
    clone.git("config", "push.followTags", "true")
    clone.git("config", "push.pushOption", "ci.skip")
    with open_repository(clone.path) as opened:
        EvidenceRef(opened).add([statement_bundle(1, claim(b"a", 1))])
        assert EvidenceRef(opened).push("origin").sent
        EvidenceRef(opened).fetch("origin")
    assert not mark.exists()


def test_a_server_that_refuses_says_why(clones: list[Scratch], tmp_path: Path) -> None:
    hook = tmp_path / "bare/hooks/update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with open_repository(clones[0].path) as opened:
        EvidenceRef(opened).add([statement_bundle(1, claim(b"a", 1))])
        report = EvidenceRef(opened).push("origin")
    assert (report.sent, report.tree, report.message) == (False, None, "[remote rejected] (hook declined)")


@pytest.mark.parametrize("remote", ["absent", "", "-x", "a..b", "../up"])
def test_a_remote_that_is_none_is_an_error(evidence: EvidenceRef, remote: str) -> None:
    evidence.add([bundle_of(b"{}")])
    with pytest.raises(RepositoryError):
        evidence.push(remote)


@pytest.mark.parametrize("what", ["HEAD", "HEAD:a"])
def test_what_is_no_tree_at_a_remote_is_no_evidence_and_gives_way(clones: list[Scratch], what: str) -> None:
    """Whoever may push can put a commit or a file there: everybody else reads and records on, and their next push mends it."""
    one, two, _ = clones
    bad = one.git("rev-parse", what)
    one.git("push", "--quiet", "origin", f"{bad}:{REF}")
    with open_repository(two.path) as repo:
        evidence = EvidenceRef(repo)
        repo.fetch("origin", *fetch_refspecs("origin"))
        assert repo.ref("refs/byline/remotes/origin/evidence") == bad
        evidence.add([bundle_of(b"{}")])
        assert len(_names(evidence)) == 1
        report = evidence.push("origin")
        assert (report.sent, repo.list_remote("origin", REF)) == (True, report.tree)


def test_a_ref_of_ones_own_that_leads_elsewhere_says_how_to_mend_it(evidence: EvidenceRef, repository: Scratch) -> None:
    repository.write("a", "x\n")
    repository.git("update-ref", REF, repository.commit())
    with pytest.raises(RepositoryError) as raised:
        _names(evidence)
    repository.git(*raised.value.hint.partition(";")[0].split()[1:])
    assert _names(evidence) == set()
