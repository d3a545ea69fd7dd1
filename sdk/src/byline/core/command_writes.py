# SPDX-License-Identifier: Apache-2.0
r"""Which files a program that a shell line runs writes, moves or removes, by its words.

Redirections count, and the operands of programs that are known to change files. What a program does of its own accord is not known here:
a formatter, a build, a script. `byline` itself and `git config` count as writing what they change.

>>> from byline.core.shell_acts import read_acts
>>> [word.text for act in read_acts("sed -i s/a/b/ x.py > log; cp a b dir") for word in written_words(act)]
['log', 'x.py', 'dir', 'dir/a', 'dir/b']
"""

from __future__ import annotations

from byline.core.patch_names import patched_paths
from byline.core.shell_words import Word
from byline.core.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

    from byline.core.shell_acts import Act

_ALL_OPERANDS: Final = frozenset(
    (
        "tee",
        "touch",
        "truncate",
        "rm",
        "unlink",
        "rmdir",
        "shred",
        "srm",
        "sponge",
        "ed",
        "ex",
        "mkdir",
        "mkfifo",
        "mknod",
        "gzip",
        "gunzip",
    )
)
_AFTER_FIRST: Final = frozenset(("chmod", "chown", "chgrp", "setfacl", "chattr"))
_INTO_LAST: Final = frozenset(("cp", "install", "ln", "rsync", "scp", "gcp"))
_GIT_OPERANDS: Final = frozenset(("rm", "mv", "restore", "clean"))
_GIT_VALUES: Final = frozenset(("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"))
_CONFIG_READS: Final = frozenset(
    ("get", "list", "get-all", "get-regexp", "--get", "--get-all", "--get-regexp", "--list", "-l", "--get-urlmatch")
)
_DECIDES: Final = frozenset(("init", "trust", "approve", "config", "forget"))


def written_words(act: Act) -> Iterator[Word]:
    """Yield the words that name what `act` writes, moves or removes."""
    yield from act.writes
    program = act.program or ""
    if program in _ALL_OPERANDS:
        yield from act.operands
    elif program in _AFTER_FIRST:
        yield from act.operands[1:]
    elif program in _INTO_LAST:
        yield from _into_last(act)
    elif program == "mv":
        yield from act.operands
        yield from _into_last(act)
    elif program in _PROGRAMS:
        yield from _PROGRAMS[program](act)


def git_words(act: Act) -> tuple[Word, ...]:
    """Return the words of a git command from its subcommand on."""
    at = 0
    while at < len(act.args) and act.args[at].prefix.startswith("-"):
        at += 2 if act.args[at].text in _GIT_VALUES else 1
    return act.args[at:]


def _into_last(act: Act) -> Iterator[Word]:
    named = [*act.values("-t", "--target-directory")]
    sources, goals = (act.operands, named) if named else (act.operands[:-1], act.operands[-1:])
    for goal in goals:
        yield goal
        for each in sources:
            yield Word(parts=(*goal.parts, "/", _last_component(each)) if each.text else goal.parts)


def _last_component(word: Word) -> str:
    return (word.text or "").rstrip("/").rpartition("/")[2]


def _sed(act: Act) -> Iterator[Word]:
    if act.has_flag("i", "--in-place"):
        scripts = [*act.values("-e", "-f", "--expression", "--file")]
        files = act.operands if scripts else act.operands[1:]
        yield from (each for each in files if each not in scripts)


def _perl(act: Act) -> Iterator[Word]:
    if act.has_flag("i"):
        yield from act.operands


def _dd(act: Act) -> Iterator[Word]:
    for each in act.args:
        if each.prefix.startswith("of="):
            yield Word(parts=(each.prefix[3:], *each.parts[1:]))


def _git(act: Act) -> Iterator[Word]:
    words = git_words(act)
    lead = replace(act, args=act.args[: len(act.args) - len(words)])
    folders = [part for each in lead.values("-C", "--work-tree") for part in (*each.parts, "/")]
    for each in _git_operands(words):
        yield each
        if folders and not each.prefix.startswith(("/", "~")):
            yield Word(parts=(*folders, *each.parts))


def _git_operands(words: Sequence[Word]) -> Iterator[Word]:
    verb = words[0].text if words else None
    rest = words[1:]
    texts = [each.text for each in rest]
    if verb in _GIT_OPERANDS or (verb == "checkout" and "--" in texts):
        rest = rest[texts.index("--") + 1 :] if "--" in texts else rest
        yield from (each for each in rest if not each.prefix.startswith("-"))
    elif verb == "checkout":
        yield from (each for each in rest[1:] if not each.prefix.startswith("-") and texts[0] not in ("-b", "-B"))
    elif verb == "config" and not _CONFIG_READS & set(texts):
        operands = [each for each in rest if not each.prefix.startswith("-")]
        if len(operands) > 1 or {"--unset", "--unset-all", "--edit", "-e", "--remove-section"} & set(texts):
            yield Word.of("~/.gitconfig" if "--global" in texts else ".git/config")


def _byline(act: Act) -> Iterator[Word]:
    if act.operands and act.operands[0].text in _DECIDES and not act.has_flag("h", "--help"):
        yield Word.of(".byline/policy.toml")


def _patch(act: Act) -> Iterator[Word]:
    for each in (*act.args, *([act.input] if act.input else [])):
        yield from map(Word.of, patched_paths("".join(part for part in each.parts if isinstance(part, str))))


_PROGRAMS: Final[dict[str, Callable[[Act], Iterator[Word]]]] = {
    "sed": _sed,
    "gsed": _sed,
    "perl": _perl,
    "ruby": _perl,
    "dd": _dd,
    "git": _git,
    "byline": _byline,
    "apply_patch": _patch,
    "applypatch": _patch,
    "curl": lambda act: act.values("-o", "--output", "--output-dir"),
    "wget": lambda act: act.values("-O", "-P", "--output-document", "--directory-prefix"),
    "sort": lambda act: act.values("-o", "--output"),
    "tar": lambda act: act.values("-C", "--directory"),
    "unzip": lambda act: act.values("-d"),
    "patch": lambda act: iter((*act.operands[:1], *act.values("-o", "--output"))),
}
