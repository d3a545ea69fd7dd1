# SPDX-License-Identifier: Apache-2.0
"""Documentation is code: every block is fenced and runs, every error code is listed, every link leads somewhere.

```python     runs on its own, in a scratch repository; with `>>>` it is a doctest
```console    `$ command` lines run in order in the document's scratch repository; the lines after each are what it says, `...` stands
for anything, no lines for anything at all; `# exit 4` at the end of a command is its exit status
```sh         is read by a shell, and not run; what it makes is a target of the Makefile
```json ```toml   parse
```text       is text
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byline.core.command_kinds import KINDS
from frameworks_here import ALONE, VERSIONS, framework_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scratch import Scratch

HOUSE = Path(__file__).parents[1]
DOCUMENTS = sorted([*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md"), *(HOUSE / "editors").rglob("*.md")])
SOURCES = [path for room in ("cli", "gate", "ledger", "lsp", "sdk") for path in (HOUSE / room / "src").rglob("*.py")]
CODE = re.compile(r"BL-[A-Z]+-[0-9]+")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a document."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(HOUSE)}:{self.line}"


def _blocks(document: Path) -> Iterator[Block]:
    fence, start, language, inside = "", 0, "", []
    for number, line in enumerate(document.read_text().splitlines(), 1):
        opened = re.match(r"\s*(`{3,})\s*(\w*)", line)
        if fence and line.strip() == fence:
            yield Block(document, start, language, "\n".join(inside) + "\n")
            fence = ""
        elif fence:
            inside.append(line)
        elif opened:
            fence, language, start, inside = opened[1], opened[2], number, []


def _outside_blocks(document: Path) -> str:
    return re.sub(r"(?ms)^(`{3,}).*?^\1$", "", document.read_text())


BLOCKS = [block for document in DOCUMENTS for block in _blocks(document)]


def _in(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "100"}


def test_every_block_says_what_it_is() -> None:
    known = {"console", "json", "mermaid", "proto", "python", "sh", "text", "toml"}
    assert [f"{block}: {block.language}" for block in BLOCKS if block.language not in known] == []


def test_every_block_is_fenced() -> None:
    """Nobody runs what is only indented."""
    assert [str(document) for document in DOCUMENTS if re.search(r"(?m)^\n {4}\S", _outside_blocks(document))] == []


@pytest.mark.parametrize("block", _in("json"), ids=str)
def test_json_parses(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", _in("toml"), ids=str)
def test_toml_parses(block: Block) -> None:
    tomllib.loads(block.text)


@pytest.mark.parametrize("block", _in("sh"), ids=str)
def test_a_shell_can_read(block: Block) -> None:
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True, timeout=60)
    targets = set(re.findall(r"(?m)^([a-z]+):", (HOUSE / "Makefile").read_text()))
    assert set(re.findall(r"(?m)^make ([a-z]+)", block.text)) <= targets


@pytest.mark.parametrize("block", _in("python"), ids=str)
def test_python_runs(block: Block, repository: Scratch) -> None:
    if ">>>" in block.text:
        test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.document), block.line)
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0
        return
    # Frameworks are kept apart from us, and warn as they like.
    adapters = re.findall(r"from byline\.frameworks\.(\w+)", block.text)
    python = [framework_python(*adapters)] if block.document.name == "frameworks.md" else [sys.executable, "-W", "error"]
    environ = {**_environment(), "PYTHONPATH": str(HOUSE / "sdk/src")}
    done = subprocess.run(
        [*python, "-"],
        input=block.text, text=True, cwd=repository.path, env=environ, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _steps(text: str) -> Iterator[tuple[str, int, str]]:
    """Each command of a transcript with its exit status and what it is expected to say."""
    for step in re.split(r"(?m)^\$ ", text)[1:]:
        command, _, said = step.partition("\n")
        status = re.search(r"\s+# exit (\d+)$", command)
        yield command.removesuffix(status[0]) if status else command, int(status[1]) if status else 0, said


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if any(block.document == each for block in _in("console"))], ids=str)
def test_transcripts_are_true(document: Path, repository: Scratch) -> None:
    checker = doctest.OutputChecker()
    for block in (each for each in _in("console") if each.document == document):
        for command, status, expected in _steps(block.text):
            done = subprocess.run(
                ["bash", "-c", command], cwd=repository.path, env=_environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
            )  # fmt: skip
            said = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
            assert done.returncode == status, f"{block}: $ {command}\n{said}"
            assert not expected.strip() or checker.check_output(expected, said, doctest.ELLIPSIS), f"{block}: $ {command}\n{said}"


def test_every_link_leads_somewhere() -> None:
    links = [(document, target) for document in DOCUMENTS for target in re.findall(r"\]\(([^)#\s]+)", document.read_text())]
    lost = [
        (document, target) for document, target in links if not re.match(r"[a-z]+:", target) and not (document.parent / target).exists()
    ]
    assert [f"{document.relative_to(HOUSE)}: {target}" for document, target in lost] == []


def test_every_linked_section_exists_once() -> None:
    """No section stands twice, so that a link to its heading (`#its-words`) leads to one place."""
    sections = {document: [_anchor(each) for each in re.findall(r"(?m)^#+ (.+)$", _outside_blocks(document))] for document in DOCUMENTS}
    assert [f"{document.name}: {each}" for document, found in sections.items() for each in found if found.count(each) > 1] == []
    links = [(document, link) for document in DOCUMENTS for link in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", document.read_text())]
    lost = [(at, name, anchor) for at, (name, anchor) in links if anchor not in sections[(at.parent / name).resolve() if name else at]]
    assert [f"{at.name}: {name}#{anchor}" for at, name, anchor in lost] == []


def _anchor(heading: str) -> str:
    """Return what a forge makes of a `heading`: its words in small letters, joined by hyphens."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_decision_has_a_number_of_its_own() -> None:
    """They are numbered one after the other, and each title has the number of its file."""
    decisions = sorted((HOUSE / "docs/decisions").glob("*.md"))
    assert [int(each.name[:4]) for each in decisions] == [*range(1, len(decisions) + 1)]
    titled = re.compile(r"# (\d+)\. \S")
    assert [each.name for each in decisions if not (title := titled.match(each.read_text())) or int(title[1]) != int(each.name[:4])] == []


def test_every_named_file_exists() -> None:
    """A path of the house in back quotes is a file or a folder of the house."""
    path = re.compile(r"`((?:docs|sdk|cli|gate|ledger|lsp|proto|tests|bench|editors)/[\w./-]+)`")
    named = [(document, each) for document in DOCUMENTS for each in path.findall(document.read_text())]
    assert [f"{document.name}: {each}" for document, each in named if not (HOUSE / each).exists()] == []


def test_every_error_code_is_listed_and_every_listed_code_is_raised() -> None:
    raised = {code for path in SOURCES for code in CODE.findall(path.read_text())}
    rows = re.findall(r"(?m)^\| `(BL-[A-Z]+-[0-9]+)` \| `(\w+)` \|", (HOUSE / "docs/errors.md").read_text())
    assert {code for code, _ in rows} == raised
    assert len(rows) == len({code for code, _ in rows})


def test_every_command_is_documented() -> None:
    """docs/commands.md is what the commands say about themselves, but for where lines are broken; `make docs` writes it."""
    made = subprocess.run([sys.executable, HOUSE / "docs/commands.py"], capture_output=True, text=True, check=True, timeout=120).stdout
    assert (HOUSE / "docs/commands.md").read_text().split() == made.split()


def test_every_agent_is_documented() -> None:
    """docs/agents.md is what the adapters say of their agents; `make docs` writes it."""
    made = subprocess.run([sys.executable, HOUSE / "docs/agents.py"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert (HOUSE / "docs/agents.md").read_text() == made


def test_every_kind_of_command_is_documented() -> None:
    """docs/kinds.md has all that Byline knows, `make docs` writes it; docs/policy.md has each kind."""
    made = subprocess.run([sys.executable, HOUSE / "docs/kinds.py"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert (HOUSE / "docs/kinds.md").read_text() == made
    rows = [line for line in (HOUSE / "docs/policy.md").read_text().splitlines() if line.startswith("| `")]
    assert [kind for kind in sorted(KINDS) if not any(row.startswith(f"| `{kind}` |") for row in rows)] == []


def test_every_framework_is_documented_with_the_version_it_is_tested_with() -> None:
    text = (HOUSE / "docs/frameworks.md").read_text()
    tested = [*(f"{name} {version}" for name, version in VERSIONS.items()), *(each.replace("==", " ") for each in ALONE.values())]
    assert [each for each in tested if each not in text] == []


def test_every_command_that_is_named_exists() -> None:
    named = {name for document in DOCUMENTS for name in re.findall(r"`byline ([a-z]+)", document.read_text())}
    assert named - set(importlib.import_module("byline_cli.catalogue").COMMANDS) == set()
