# SPDX-License-Identifier: Apache-2.0
"""docs/threats.md claims a property exactly where the docstring of a test names it, as in `U1: a change that only deletes ...`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ROW = re.compile(r"(?m)^\| ([A-Z]+[0-9]+) \| .* \| ([^|]+) \|$")
LEAD = re.compile(r"(?:Threats? )?((?:[A-Z]{1,2}[0-9]+(?:, | and )?)+)[:.]")


def _tests() -> dict[str, set[str]]:
    """Which test files name a property at the start of the docstring of the file or of a test."""
    found: dict[str, set[str]] = {}
    for path in sorted((HOUSE / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_bytes())
        for node in [tree, *ast.walk(tree)]:
            if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) and (
                said := LEAD.match(ast.get_docstring(node) or "")
            ):
                for each in re.findall(r"[A-Z]{1,2}[0-9]+", said[1]):
                    found.setdefault(each, set()).add(str(path.relative_to(HOUSE)))
    return found


def test_the_sentence_about_the_shared_machine_is_there() -> None:
    """K1: the page says what Byline does not prove."""
    sentence = "On a machine where an agent runs as you, Byline records what honest tools did. It does not prove it against that agent."
    assert sentence in (HOUSE / "docs/threats.md").read_text()


def test_the_table_and_the_tests_agree() -> None:
    table = {name: set(re.findall(r"`([^`]+)`", place)) for name, place in ROW.findall((HOUSE / "docs/threats.md").read_text())}
    tests = {name: places for name, places in _tests().items() if name in table}
    assert {name: places for name, places in table.items() if places} == tests
