# SPDX-License-Identifier: Apache-2.0
"""golang.org/x/mod's `note` and `tlog` judge our log: keys, signed checkpoints, roots, and every proof between some sizes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byline.core.canonical import format_base64
from byline_ledger.embedded import open_embedded
from serving import SIGNER, envelope
from tools import GO_QUICK

if TYPE_CHECKING:
    from byline.core.merkle import InclusionProof

ORACLE = Path(__file__).with_name("oracle")
HOME = os.environ.get("HOME", "/")
SIZE = 270
SIZES = (1, 2, 3, 7, 8, 255, 256, 257, SIZE)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in `oracle/`, built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    program = tmp_path_factory.mktemp("oracle") / "oracle"
    done = subprocess.run(
        [go, "build", *GO_QUICK, "-o", program, "."],
        cwd=ORACLE,
        env={**os.environ, "HOME": HOME},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip(f"the oracle cannot be built here: {done.stderr.strip()[-300:]}")
    return program


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What our log says about itself."""
    checkpoints, leaves = [], []
    with open_embedded(tmp_path_factory.mktemp("ledger")) as ledger:
        for number in range(SIZE):
            receipt = ledger.append(envelope(number), SIGNER.public)
            leaves.append(receipt.leaf)
            if number + 1 in SIZES:
                checkpoints.append(receipt.checkpoint)
        inclusion = [ledger.inclusion(index, size) for size in SIZES for index in {0, size // 2, size - 1}]
        consistency = [ledger.consistency(old, new) for old in SIZES for new in SIZES if old <= new]
        return {
            "vkey": ledger.vkey,
            "checkpoints": checkpoints,
            "leaves": [format_base64(leaf) for leaf in leaves],
            "inclusion": [tell(proof) for proof in inclusion],
            "consistency": [
                {"old": each.old, "new": each.new, "hashes": [format_base64(one) for one in each.hashes]} for each in consistency
            ],
        }


def tell(proof: InclusionProof) -> dict[str, Any]:
    return {"index": proof.index, "size": proof.size, "hashes": [format_base64(each) for each in proof.hashes]}


def judge(oracle: Path, case: dict[str, Any]) -> tuple[int, str]:
    done = subprocess.run([oracle], input=json.dumps(case), capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout.strip()


def test_go_agrees_with_our_log(oracle: Path, case: dict[str, Any]) -> None:
    assert judge(oracle, case) == (0, "")


def test_go_finds_what_is_changed(oracle: Path, case: dict[str, Any]) -> None:
    """The oracle is awake: a proof, a leaf or a checkpoint that is not ours is refused."""
    assert judge(oracle, {**case, "leaves": [case["leaves"][1], *case["leaves"][1:]]})[0] == 1
    assert judge(oracle, {**case, "checkpoints": [each.replace("\n7\n", "\n6\n") for each in case["checkpoints"]]})[0] == 1
    changed = [{**case["inclusion"][-1], "index": 5}]
    assert judge(oracle, {**case, "inclusion": changed})[0] == 1
