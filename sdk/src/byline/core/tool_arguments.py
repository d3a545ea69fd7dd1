# SPDX-License-Identifier: Apache-2.0
r"""What a call of a tool would write or run, as far as the names of its arguments tell: for tools of which nothing else is known.

>>> read_arguments("move_file", {"source": "infra/db.tf", "destination": "old.tf"}, folder="/repo").paths
('/repo/infra/db.tf', '/repo/old.tf')
>>> read_arguments("run", {"command": "make", "args": ["all"], "cwd": "src"}, folder="/repo").command
'make all'
>>> read_arguments("execute", {"sql": "drop table users"}, folder="/repo").command
"psql --command 'drop table users'"

| Argument, by the last word of its name | What it is |
|---|---|
| `path`, `file`, `directory`, `uri`, `source`, ... | a file or folder that is written; several in a list, in objects, as keys of one |
| `patch`, `diff` | the files that it changes |
| `command`, `cmd`, ... | a shell line, and `args` beside it; a list is one program with its arguments, of `commands` several lines |
| `script`, `code`, `input`, ... of a tool that is called `shell`, `bash`, ... | a shell line |
| `sql`, `query`, `statement`, ... whose SQL destroys data | what `psql --command` would run |
| `cwd`, `workdir`, `working_directory` | where all of these are |

A tool that only reads names files as well: `reads_only` goes by the first word of its name, unless it has a word that changes things; what
agents put before that is its server's (`tool_of_server`). The folder in which the agent works, or one above, is where a tool works and not
what it writes, but for tools that remove or move.
"""

from __future__ import annotations

import posixpath
import re
import shlex

from byline.core.patch_names import patched_paths
from byline.core.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_READS: Final = _words(
    """read get list search find view show stat describe fetch glob grep tree count head tail cat info status lookup analyze analyse
    validate check lint explain inspect preview parse summarize summarise open load browse navigate compare diff blame log ls"""
)
_CHANGES: Final = _words(
    """write edit create make mkdir delete remove rm unlink move mv rename copy cp replace update insert append patch apply set put save
    add touch truncate modify change fix format upload import export store restore sync generate run execute exec commit"""
)
_MOVES: Final = _words("delete remove rm unlink move mv rename rmdir trash purge clean wipe")
_COPIES: Final = _words("copy cp duplicate clone")
_FILES: Final = _words(
    """path paths file files filename filenames filepath filepaths uri uris source sources src destination destinations dest dst target
    targets directory directories dir dirs folder folders notebook output outfile"""
)
_SOURCES: Final = _words("source sources src from")
_VERBS: Final = _READS | _CHANGES | _MOVES | _COPIES
_SERVER: Final = re.compile(r"__+|[/:]")
_COMMANDS: Final = _words("command commands cmd cmds cmdline commandline argv")
_LINES: Final = _words("commands cmds")
_ARGUMENTS: Final = ("args", "arguments", "argv")
_SHELLS: Final = _words("bash sh shell zsh terminal console command cmd")
_SCRIPTS: Final = _words("script code input text line snippet")
_QUERIES: Final = _words("sql query queries statement statements")
_PATCHES: Final = _words("patch diff")
_FOLDERS: Final = _words("cwd workdir workingdir workingdirectory")
_HEADER: Final = re.compile(r"^(?:---|\+\+\+) (?:[ab]/)?([^\t\n]+)", re.MULTILINE)
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
LONGEST: Final = 4096  # bytes of a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a call would do: write `paths` (absolute), and run the shell lines `command` in `folder`."""

    paths: tuple[str, ...]
    command: str | None
    folder: str


def read_arguments(tool: str, arguments: object, *, folder: str, is_read_only: bool | None = None) -> Asked:
    """Return what a call of `tool` with `arguments` would do, made in `folder`; `is_read_only` is what is known of the tool itself."""
    given = [*named_texts(arguments)]
    folder = next((posixpath.join(folder, text) for name, text in given if _joined(name) in _FOLDERS and text), folder)
    lines = [*_commands(arguments)]
    if _SHELLS.intersection(words_of(tool)):
        lines += [text for name, text in given if _last(name) in _SCRIPTS]
    lines += [f"psql --command {shlex.quote(text)}" for name, text in given if _last(name) in _QUERIES and _destroys(text)]
    paths = [] if (reads_only(tool) if is_read_only is None else is_read_only) else [*_written(tool, given, folder)]
    return Asked(paths=tuple(dict.fromkeys(paths)), command="\n".join(dict.fromkeys(lines)) if lines else None, folder=folder)


def reads_only(tool: str) -> bool:
    """Whether a tool only reads, by its name."""
    words = words_of(tool)
    return bool(words) and words[0] in _READS and not (_CHANGES | _MOVES).intersection(words)


def tool_of_server(name: str) -> str:
    """Return the name of a tool without that of its server, which agents put before it.

    >>> [tool_of_server(name) for name in ("mcp__files__read_file", "files___read_file", "@files/read_file", "mcp_my_files_read_file")]
    ['read_file', 'read_file', 'read_file', 'read_file']
    """
    server, *tool = _SERVER.split(name)
    if tool:
        return tool[-1]
    words = words_of(server)
    return "_".join(words[next((at for at, word in enumerate(words) if word in _VERBS), 0) :])


def moves_files(tool: str) -> bool:
    """Whether a tool removes or moves what it names, by its name."""
    return bool(_MOVES.intersection(words_of(tool)))


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case, however they are joined."""
    return [each.lower() for each in _WORD.findall(name)]


def named_texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in `value`, with the name of the argument that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if _last(name) in _FILES and isinstance(inner, str) and set(str(key)) & set("/."):
                yield name, str(key)
            yield from named_texts(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from named_texts(inner, name)


def local_path(text: str) -> str | None:
    """Return the path that `text` is, also as a `file://` URL; None where no file of this machine can have it."""
    try:
        encoded = text.encode("utf-8", "surrogateescape")
        if text.startswith("file://"):
            encoded = _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), b"/" + encoded[7:].partition(b"/")[2])
    except UnicodeEncodeError:
        return None
    path = encoded.decode("utf-8", "surrogateescape")
    if not path or len(encoded) > LONGEST or "\0" in path or "\n" in path or "://" in path:
        return None
    return path


def _written(tool: str, given: list[tuple[str, str]], folder: str) -> Iterator[str]:
    words = set(words_of(tool))
    skipped = _SOURCES if words & _COPIES and not words & _MOVES else frozenset[str]()
    for name, text in given:
        last = _last(name)
        found = [text] if last in _FILES - skipped and _joined(name) not in _FOLDERS else []
        if last in _PATCHES:
            found = [*patched_paths(text), *(each for each in _HEADER.findall(text) if each != "/dev/null")]
        for path in map(local_path, found):
            if path is not None:
                place = posixpath.join(folder, path)
                if words & _MOVES or not _holds(place, folder):
                    yield place


def _holds(place: str, folder: str) -> bool:
    """Whether `place` is `folder`, or above it."""
    top = posixpath.normpath(place).rstrip("/")
    return posixpath.normpath(folder) == top or posixpath.normpath(folder).startswith(top + "/")


def _commands(value: object) -> Iterator[str]:
    """Yield the shell lines that arguments hold which are called so, at any depth."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _commands(each)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if _last(str(name)) not in _COMMANDS and _joined(str(name)) not in _COMMANDS:
            yield from _commands(inner)
        elif isinstance(inner, str):
            yield from _with_arguments(inner, value)
        elif isinstance(inner, list | tuple) and all(isinstance(each, str) for each in inner):
            yield from inner if _last(str(name)) in _LINES else [shlex.join(inner)]
        else:
            yield from _commands(inner)


def _with_arguments(command: str, beside: dict[str, object]) -> Iterator[str]:
    """Yield `command` with the arguments that stand beside it: as a line, and as the path of a program."""
    more = [each for name in _ARGUMENTS if isinstance(each := beside.get(name), list | tuple)]
    rest = "".join(f" {shlex.quote(str(each))}" for given in more for each in given)
    if rest and shlex.quote(command) != command:
        yield shlex.quote(command) + rest
    yield command + rest


def _destroys(text: str) -> bool:
    from byline.core.sql import is_destructive

    return is_destructive(text)


def _last(name: str) -> str:
    return next(reversed(words_of(name)), "")


def _joined(name: str) -> str:
    return "".join(words_of(name))
