# SPDX-License-Identifier: Apache-2.0
"""RFC 6962 trees: the vectors, and properties over every small tree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.merkle import (
    EMPTY_ROOT,
    ConsistencyProof,
    InclusionProof,
    check_consistency,
    check_inclusion,
    hash_leaf,
    hash_node,
    prove_consistency,
    prove_inclusion,
    prove_inclusions,
    read_nodes,
    root_of,
)
from byline.errors import ProofError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())
LEAVES = [hash_leaf(bytes.fromhex(each)) for each in VECTORS["leaves_hex"]]
ROOTS = [bytes.fromhex(each) for each in VECTORS["roots_by_size"]]
MANY = [hash_leaf(n.to_bytes(2, "big")) for n in range(400)]


def unhex(hashes: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(each) for each in hashes)


def plain_root(leaves: list[bytes]) -> bytes:
    """Compute a root as the RFC defines it, with no index arithmetic."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hash_node(plain_root(leaves[:split]), plain_root(leaves[split:]))


def test_vectors_of_hashes_and_roots() -> None:
    assert VECTORS["leaf_hashes"] == [each.hex() for each in LEAVES]
    assert [root_of(size, read_nodes(LEAVES)) for size in range(9)] == ROOTS


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: f"{v['index']}-of-{v['size']}")
def test_vectors_of_inclusion(vector: dict[str, Any]) -> None:
    index, size, hashes = vector["index"], vector["size"], unhex(vector["proof"])
    assert prove_inclusion(index, size, read_nodes(LEAVES)).hashes == hashes
    check_inclusion(InclusionProof(index=index, size=size, hashes=hashes), leaf=LEAVES[index], root=ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: f"{v['first']}-{v['second']}")
def test_vectors_of_consistency(vector: dict[str, Any]) -> None:
    old, new, hashes = vector["first"], vector["second"], unhex(vector["proof"])
    assert prove_consistency(old, new, read_nodes(LEAVES)).hashes == hashes
    check_consistency(ConsistencyProof(old=old, new=new, hashes=hashes), old=ROOTS[old], new=ROOTS[new])


@pytest.mark.parametrize("vector", [each for each in VECTORS["negative"] if each["kind"] == "inclusion"], ids=lambda v: v["why"])
def test_vectors_of_inclusion_that_must_be_refused(vector: dict[str, Any]) -> None:
    proof = InclusionProof(index=vector["index"], size=vector["size"], hashes=unhex(vector["proof"]))
    with pytest.raises(ProofError):
        check_inclusion(proof, leaf=bytes.fromhex(vector["leaf_hash"]), root=bytes.fromhex(vector["root"]))


@pytest.mark.parametrize("vector", [each for each in VECTORS["negative"] if each["kind"] == "consistency"], ids=lambda v: v["why"])
def test_vectors_of_consistency_that_must_be_refused(vector: dict[str, Any]) -> None:
    proof = ConsistencyProof(old=vector["first"], new=vector["second"], hashes=unhex(vector["proof"]))
    with pytest.raises(ProofError):
        check_consistency(proof, old=bytes.fromhex(vector["root1"]), new=bytes.fromhex(vector["root2"]))


@given(st.integers(0, len(MANY)))
def test_a_root_is_the_root_of_the_definition(size: int) -> None:
    assert root_of(size, read_nodes(MANY)) == plain_root(MANY[:size])


@given(st.data())
def test_every_entry_is_proven_in_every_later_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(MANY)))
    index = data.draw(st.integers(0, size - 1))
    read = read_nodes(MANY)
    check_inclusion(prove_inclusion(index, size, read), leaf=MANY[index], root=root_of(size, read))


@given(st.data())
def test_proofs_made_together_are_those_made_alone(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(MANY)))
    indices = data.draw(st.lists(st.integers(0, size - 1), max_size=9))
    read = read_nodes(MANY)
    assert prove_inclusions(indices, size, read) == {index: prove_inclusion(index, size, read) for index in indices}


@given(st.data())
def test_every_tree_begins_with_every_earlier_one(data: st.DataObject) -> None:
    new = data.draw(st.integers(0, len(MANY)))
    old = data.draw(st.integers(0, new))
    read = read_nodes(MANY)
    check_consistency(prove_consistency(old, new, read), old=root_of(old, read), new=root_of(new, read))


@given(st.data())
def test_an_inclusion_proof_changed_in_any_part_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(MANY)))
    index = data.draw(st.integers(0, size - 1))
    read = read_nodes(MANY)
    proof, root = prove_inclusion(index, size, read), root_of(size, read)
    at = data.draw(st.integers(0, len(proof.hashes)))
    changed = data.draw(
        st.sampled_from(
            [
                replace(proof, hashes=(*proof.hashes[:at], bytes(32), *proof.hashes[at:])),
                replace(proof, hashes=(*proof.hashes[:at], bytes(32), *proof.hashes[at + 1 :])),
                replace(proof, hashes=proof.hashes[:at] + proof.hashes[at + 1 :]) if at < len(proof.hashes) else replace(proof, index=size),
                replace(proof, hashes=(*proof.hashes, b"")),
            ]
        )
    )
    with pytest.raises(ProofError):
        check_inclusion(changed, leaf=MANY[index], root=root)


@given(st.data())
def test_a_consistency_proof_for_another_history_is_refused(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, len(MANY)))
    old = data.draw(st.integers(1, new - 1))
    forged = [*MANY]
    forged[data.draw(st.integers(0, old - 1))] = hash_leaf(b"rewritten")
    proof = prove_consistency(old, new, read_nodes(forged))
    with pytest.raises(ProofError):
        check_consistency(proof, old=root_of(old, read_nodes(MANY)), new=root_of(new, read_nodes(forged)))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 2**63)])
def test_there_is_no_proof_for_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        prove_inclusion(index, size, read_nodes(LEAVES))
    with pytest.raises(ProofError):
        check_inclusion(InclusionProof(index=index, size=size, hashes=()), leaf=LEAVES[0], root=LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3), (0, 2**63)])
def test_no_tree_begins_with_a_later_one(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        prove_consistency(old, new, read_nodes(LEAVES))
    with pytest.raises(ProofError):
        check_consistency(ConsistencyProof(old=old, new=new, hashes=()), old=ROOTS[4], new=ROOTS[3])
