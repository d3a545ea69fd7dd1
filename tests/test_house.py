# SPDX-License-Identifier: Apache-2.0
"""The house rules: limits, layers, purity, names, and that what is generated is what its source says."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUSE = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
ROOTS = {Path(each).name: HOUSE / each for each in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
GENERATED = HOUSE / "proto/src/byline_proto/v1"

JUNK_DRAWERS = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

# Which modules may import a package that the rest of the house stays away from.
KEEPERS = {
    "cryptography": r"byline\.keys\b",
    "grpc": r"byline\.log\.(answers|client)\b|byline_ledger\.server\b",
    "grpc_health": r"byline_ledger\.server\b|byline\.log\.client\b",
    "starlette": r"byline_ledger\.server\.http\b",
    "uvicorn": r"byline_ledger\.server\.http\b",
    "uvloop": r"byline_ledger\.server\.main\b",
    "google": r"byline\.frameworks\.google_adk\b|byline\.log\.answers\b|byline_ledger\.server\b",
    "byline_proto": r"byline\.log\.(answers|client)\b|byline_ledger\.server\b",
    "pygls": r"byline_lsp\b",
    "lsprotocol": r"byline_lsp\b",
    # Git is called by byline.git alone and ssh-keygen by byline.sign.ssh; the demonstration plays a person who types commands, a
    # pager is the person's own program, and so is what runs behind a proxy.
    "subprocess": r"byline\.git\b|byline\.sign\.ssh\b|byline_cli\.(child|demo|pager|relay)\b",
}

# Importing one of these, or calling one of those, would let the world into a pure room.
IMPURE_MODULES = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "random", "secrets", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {
    "breakpoint", "eval", "exec", "input", "open", "print", "datetime.now", "datetime.today", "datetime.utcnow", "date.today",
    "Path.cwd", "Path.home",
}  # fmt: skip
IMPURE_METHODS = {"read_bytes", "read_text", "write_bytes", "write_text", "mkdir", "unlink", "iterdir", "stat"}
PURE = re.compile(r"byline\.(core|attribute|decide|verify)\b")
WRITES_METHODS = ("byline.core.value", "exec")  # of the names in a class body, as the standard library's dataclasses do


def _modules() -> Iterator[tuple[str, Path]]:
    for name, root in ROOTS.items():
        for path in sorted(root.rglob("*.py")):
            if GENERATED in path.parents:
                continue
            dotted = ".".join((name, *path.relative_to(root).with_suffix("").parts))
            yield dotted.removesuffix(".__init__"), path


MODULES = dict(_modules())
TESTS = sorted((HOUSE / "tests").rglob("*.py"))
PROGRAMS = sorted((HOUSE / "bench").rglob("*.py"))


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def _imports(path: Path) -> set[str]:
    """Every module that the file names in an import, those for type checkers included."""
    found = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            yield node.lineno, _dotted(node.func)


def _is_under(name: str, packages: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in packages)


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_file_names_its_licence_first() -> None:
    first = "# SPDX-License-Identifier: Apache-2.0"
    files = [*MODULES.values(), *TESTS, *PROGRAMS]
    assert [str(path) for path in files if path.read_text().split("\n", 1)[0] != first] == []


def test_files_hold_one_concept() -> None:
    """At most 400 lines, a test file at most 800."""
    long = [path for path in [*MODULES.values(), *PROGRAMS] if path.read_text().count("\n") > 400]
    long += [path for path in TESTS if path.read_text().count("\n") > 800]
    assert [str(path.relative_to(HOUSE)) for path in long] == []


def test_functions_fit_a_screen() -> None:
    """A function's body has at most 60 lines without its docstring."""
    files = [*MODULES.values(), *PROGRAMS, *TESTS]
    long = [f"{path.relative_to(HOUSE)}: {each.name}" for path in files for each in _functions(path) if _body_lines(each) > 60]
    assert long == []


def test_no_module_is_a_junk_drawer() -> None:
    assert [name for name in MODULES if JUNK_DRAWERS & set(name.lower().split("."))] == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")  # spelt so that this file may be read, too
    files = [*MODULES.values(), *PROGRAMS, *TESTS]
    assert [str(path.relative_to(HOUSE)) for path in files if marks.search(path.read_text())] == []


def test_every_silenced_rule_has_its_reason() -> None:
    """A `noqa` names its rules and says why; so does a `type: ignore`, and every ignored rule in pyproject.toml."""
    silent = [
        f"{path.relative_to(HOUSE)}:{number}"
        for path in [*MODULES.values(), *PROGRAMS, *(path for path in TESTS if path != Path(__file__))]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ("# noqa" in line and not re.search(r"# noqa: [A-Z0-9, ]+ - \S", line))
        or ("type: ignore" in line and not re.search(r"type: ignore\[[a-z, -]+\]  # \S", line))
    ]
    lint = (HOUSE / "pyproject.toml").read_text().split("[tool.ruff.lint]", 1)[1].split("[tool.ruff.lint.flake8", 1)[0]
    silent += [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+[0-9]+",', line) and not re.search(r",\s+# \S", line)]
    assert silent == []


def test_layers_hold() -> None:
    """The contracts of pyproject.toml: packages in one direction, stages that never import each other, pure rooms."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", "pyproject.toml"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("package", "keepers"), KEEPERS.items(), ids=KEEPERS)
def test_only_its_keepers_import(package: str, keepers: str) -> None:
    users = [name for name, path in MODULES.items() if any(_is_under(each, {package}) for each in _imports(path))]
    assert [name for name in users if not re.match(keepers, name)] == []


def test_capture_of_agents_needs_nothing_but_the_standard_library() -> None:
    """A hook starts in milliseconds and cannot fail for want of a package."""
    light = re.compile(r"byline\.capture\.(agents|journal|contents|cut|places|processes|sharing)\b")
    allowed = set(sys.stdlib_module_names) | {"byline.core", "byline.errors", "byline.malformed", "byline.capture.agents"}
    found = [
        f"{name}: {each}"
        for name, path in MODULES.items()
        if light.match(name)
        for each in _imports(path)
        if not _is_under(each, allowed) and not light.match(each)
    ]
    assert [each for each in found if not each.endswith((": byline", ": byline.capture"))] == []


def test_pure_rooms_cannot_see_the_world() -> None:
    """No file, clock, randomness, environment, process or log in core, attribute, decide and verify: time and bytes are arguments."""
    found = []
    for name, path in MODULES.items():
        if not PURE.match(name):
            continue
        found += [f"{name}: import {each}" for each in _imports(path) if _is_under(each, IMPURE_MODULES)]
        found += [
            f"{name}:{line}: {call}"
            for line, call in _calls(path)
            if (name, call) != WRITES_METHODS
            if call in IMPURE_CALLS or call.endswith((".datetime.now", ".date.today")) or call.rpartition(".")[2] in IMPURE_METHODS
        ]
    assert found == []


def test_only_verify_makes_verified_facts() -> None:
    """A value of a class of core.verified is a proof that every check was made."""
    home = MODULES["byline.core.verified"]
    kinds = {node.name for node in _tree(home).body if isinstance(node, ast.ClassDef) and node.name.startswith("Verified")}
    assert kinds
    makers = [
        f"{name}:{line}: {call}"
        for name, path in MODULES.items()
        for line, call in _calls(path)
        if call.rpartition(".")[2] in kinds and not re.match(r"byline\.verify\b", name)
    ]
    assert makers == []


def test_importing_byline_is_cheap() -> None:
    heavy = ["byline_proto", "cryptography", "grpc", "lsprotocol", "pygls", "sqlite3", "subprocess"]
    code = f"import sys, byline; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_every_public_name_of_byline_can_be_loaded() -> None:
    byline = importlib.import_module("byline")
    assert [name for name in byline.__all__ if not hasattr(byline, name)] == []


def test_no_public_name_hides_a_submodule() -> None:
    """`byline.verify` is a room for ever, whatever was imported before."""
    clashes = []
    for name, path in MODULES.items():
        if path.name != "__init__.py":
            continue
        rooms = {each.stem for each in path.parent.iterdir() if each.suffix == ".py" or each.is_dir()}
        names = {alias.asname or alias.name for node in _tree(path).body if isinstance(node, ast.ImportFrom) for alias in node.names}
        names |= {node.name for node in _tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        names |= set(getattr(importlib.import_module(name), "__all__", ()))
        clashes += [f"{name}.{each}" for each in sorted(rooms & names)]
    assert clashes == []


def test_values_are_frozen() -> None:
    """A dataclass of the nouns is frozen and slotted, and built by keywords where it has more than two fields."""
    loose = []
    for name, path in MODULES.items():
        if not re.match(r"byline\.(core|attribute|decide|verify)\b", name):
            continue
        for node in ast.walk(_tree(path)):
            for each in node.decorator_list if isinstance(node, ast.ClassDef) else ():
                if _dotted(each.func if isinstance(each, ast.Call) else each).endswith("dataclass"):
                    on = {keyword.arg for keyword in each.keywords} if isinstance(each, ast.Call) else set()
                    fields = sum(isinstance(field, ast.AnnAssign) for field in node.body)
                    needed = {"frozen", "slots"} | ({"kw_only"} if fields > 2 else set())
                    loose += [] if needed <= on else [f"{name}.{node.name}"]
    assert loose == []


def test_verbs_mean_what_they_say() -> None:
    """`check_` returns None or raises, `is_` returns bool; `fsck` alone answers with its findings."""
    promised = {"check_": "None", "is_": "bool"}
    answers = {"byline_ledger.engine.fsck.check_ledger"}
    broken = [
        f"{name}.{each.name}"
        for name, path in MODULES.items()
        for each in _functions(path)
        for verb, kind in promised.items()
        if each.name.startswith(verb) and (each.returns is None or ast.unparse(each.returns) != kind)
    ]
    assert [each for each in broken if each not in answers] == []


def test_public_functions_say_what_they_raise() -> None:
    """A public function of the library that raises in its own body has a `Raises:` section."""
    silent = [
        f"{name}.{each.name}"
        for name, path in MODULES.items()
        if name.startswith("byline.")
        for each in _functions(path)
        if not each.name.startswith("_") and any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(each))
        if "Raises:" not in (ast.get_docstring(each) or "")
    ]
    assert silent == []


def test_no_module_keeps_state() -> None:
    """No `global`, and no empty container at module level that waits to be filled."""
    found = []
    for name, path in MODULES.items():
        found += [f"{name}: global" for node in ast.walk(_tree(path)) if isinstance(node, ast.Global)]
        for node in _tree(path).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            empty = (isinstance(value, ast.List | ast.Set) and not value.elts) or (isinstance(value, ast.Dict) and not value.keys)
            made = isinstance(value, ast.Call) and _dotted(value.func) in {"dict", "list", "set", "defaultdict", "deque"}
            found += [f"{name}:{node.lineno}"] if empty or made else []
    assert found == []


def test_modules_say_what_they_are() -> None:
    """A module's docstring is the specification of its concept; every module that is a concept has one of two lines or more."""
    assert [name for name, path in MODULES.items() if not ast.get_docstring(_tree(path))] == []


def test_generated_code_is_what_its_source_says(tmp_path: Path) -> None:
    source = HOUSE / "proto"
    files = [str(path.relative_to(source)) for path in sorted((source / "byline_proto").rglob("*.proto"))]
    plugin = f"protoc-gen-mypy_grpc={Path(sys.executable).with_name('protoc-gen-mypy_grpc')}"
    outs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python", "mypy_grpc")]
    (rpc,) = importlib.import_module("google.rpc").__path__
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"-I{Path(rpc).parents[1]}", f"--plugin={plugin}", *outs, *files]
    subprocess.run(command, cwd=source, check=True, timeout=120)
    made = {path.name: path.read_text() for path in (tmp_path / "byline_proto/v1").iterdir()}
    kept = {path.name: path.read_text() for path in GENERATED.iterdir() if path.is_file() and path.name not in {"__init__.py", "py.typed"}}
    assert made == kept


def test_requirements_are_the_lock(tmp_path: Path) -> None:
    """`make .venv` installs what the lock says, and the lock answers what pyproject.toml asks."""
    out = tmp_path / "requirements.txt"
    options = ["--frozen", "--quiet", "--offline", "--extra", "dev", "--no-emit-project", "--no-header", "--no-annotate"]
    command = [Path(sys.executable).with_name("uv"), "export", *options, "--output-file", out]
    subprocess.run(command, cwd=HOUSE, check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert out.read_text() == (HOUSE / "requirements.txt").read_text()
    lock = tomllib.loads((HOUSE / "uv.lock").read_text())
    locked = next(each for each in lock["package"] if each["name"] == "byline")["metadata"]["requires-dist"]
    asked = PROJECT["project"]["dependencies"] + [each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra]
    own = re.compile(r"byline(\[.*\])?$")
    named = {"".join((each["name"], *(f"[{extra}]" for extra in each.get("extras", ())), each.get("specifier", ""))) for each in locked}
    assert {each for each in named if not own.match(each)} == {each.partition(";")[0] for each in asked if not own.match(each)}


def test_the_base_install_needs_cryptography_alone() -> None:
    assert [re.split(r"[<>=!~\[]", each)[0] for each in PROJECT["project"]["dependencies"]] == ["cryptography"]


def test_parsers_are_documented_functions() -> None:
    """Every `parse_*` of core says which MalformedError it raises; tests/core/test_parsers.py feeds them all."""
    silent = []
    for name in (each for each in MODULES if each.startswith("byline.core.")):
        module = importlib.import_module(name)
        for verb, function in inspect.getmembers(module, inspect.isfunction):
            if verb.startswith("parse_") and function.__module__ == name and "Raises:" not in (inspect.getdoc(function) or ""):
                silent.append(f"{name}.{verb}")
    assert silent == []


def test_the_base_install_runs_everything_but_its_extras() -> None:
    """Without gRPC and pygls every module can be imported, but for the client, the server, the language server and adapters themselves."""
    extras = r"byline\.log\.(answers|client)\b|byline\.frameworks\.(?!extras)|byline_ledger\.server\b|byline_lsp\b|byline_proto\b"
    names = [name for name in MODULES if not re.match(extras, name) and not name.endswith("__main__")]
    code = (
        "import importlib, sys\n"
        "for name in ('byline_proto', 'google', 'grpc', 'grpc_health', 'grpc_reflection', 'lsprotocol', 'pygls',\n"
        "             'starlette', 'uvicorn', 'uvloop'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
