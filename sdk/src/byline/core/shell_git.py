# SPDX-License-Identifier: Apache-2.0
r"""What a git command leads to: the lines that git hands to a shell, the files it writes, and work that it throws away.

>>> from byline.core.shell_words import Word
>>> words = lambda line: tuple(map(Word.of, line.split()))
>>> [[word.text for word in each] for each in git_runs(words("-c core.pager=less rebase --exec make HEAD~2"))]
[['less'], ['make']]
>>> [word.text for word in git_writes(words("-C lib checkout main -- a.py"))]
['lib/a.py', 'a.py']

`git -c alias.x=... x` is read as what the alias says. Of a patch that is a file, and of what a merge, a rebase or a stash brings back, the
paths are not in the line: the first may be any, the others are those of commits, whose lines have their writers.
"""

from __future__ import annotations

from byline.core.git_refs import written_refs
from byline.core.shell_words import Hole, Word, in_top, option_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

_ANYTHING: Final = Word(parts=(Hole.ANY,))
_VALUES: Final = frozenset(("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"))
# The ends of the keys whose value git runs.
_RUN_KEYS: Final = (
    *(
        "pager",
        "editor",
        "difffilter",
        "sshcommand",
        "fsmonitor",
        "askpass",
        "helper",
        "external",
        "program",
        "cmd",
        "command",
        "driver",
        "textconv",
    ),
    *("clean", "smudge", "process", "uploadpack", "receivepack", "hookspath"),
)
_NONE: Final = frozenset(
    ("", "true", "false", "0", "1", "cache", "store", "osxkeychain", "manager", "/dev/null")
)  # no program, or git's own
# Per subcommand: the options whose value is a line.
_RUN_OPTIONS: Final = {
    "rebase": ("-x", "--exec"),
    "difftool": ("-x", "--extcmd"),
    "grep": ("-O", "--open-files-in-pager"),
    **dict.fromkeys(("clone", "fetch", "pull", "ls-remote", "fetch-pack"), ("--upload-pack",)),
    **dict.fromkeys(("push", "send-pack"), ("--receive-pack", "--exec")),
    "filter-branch": (
        *("--tree-filter", "--index-filter", "--env-filter", "--msg-filter", "--commit-filter", "--tag-name-filter", "--parent-filter"),
    ),
}
_OUTPUTS: Final = {
    **dict.fromkeys(("diff", "show", "log", "diff-tree", "diff-index"), ("--output",)),
    **dict.fromkeys(("archive", "format-patch"), ("-o", "--output", "--output-directory")),
    "checkout-index": ("--prefix",),
}
_OPERANDS: Final = frozenset(("rm", "mv", "restore", "clean", "checkout-index"))
_PATCH_READS: Final = frozenset(("--check", "--stat", "--numstat", "--summary"))
_CONFIG_READS: Final = frozenset(
    ("get", "list", "get-all", "get-regexp", "--get", "--get-all", "--get-regexp", "--list", "-l", "--get-urlmatch")
)
_CONFIG_WRITES: Final = frozenset(("--unset", "--unset-all", "--edit", "-e", "--remove-section", "unset", "edit", "remove-section"))
_WHOLE: Final = frozenset((".", "./", ":/", ":/.", ":", ":(top)", ":!", "..", "../"))


def git_words(args: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words of a git command from its subcommand on; an alias that the command itself sets is read as what it stands for."""
    at = 0
    aliases: dict[str, str] = {}
    while at < len(args) and args[at].prefix.startswith("-"):
        if args[at].text == "-c" and args[at + 1 : at + 2]:
            key, _, value = args[at + 1].prefix.partition("=")
            if key.casefold().startswith("alias."):
                aliases[key[6:]] = value
        at += 2 if args[at].text in _VALUES else 1
    words = tuple(args[at:])
    alias = aliases.get(words[0].text or "", "") if words else ""
    return (*map(Word.of, alias.split()), *words[1:]) if alias and not alias.startswith("!") else words


def git_runs(args: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Yield the words of each command that git starts."""
    for key, value in _settings(args):
        if key.startswith("alias."):
            text = value.prefix
            yield from [(Word(parts=(text[1:], *value.parts[1:])),)] if text.startswith("!") else []
        elif key.endswith(_RUN_KEYS) and value.text not in _NONE:
            yield (_ANYTHING if key.endswith("hookspath") else Word(parts=(value.prefix.removeprefix("!"), *value.parts[1:])),)
    words = git_words(args)
    verb, rest = (words[0].text, words[1:]) if words else (None, ())
    texts = [each.text for each in rest]
    if verb == "submodule" and "foreach" in texts:
        yield tuple(
            each for at, each in enumerate(rest) if at > texts.index("foreach") and each.text not in ("--recursive", "--quiet", "-q")
        )
    elif verb == "bisect" and texts[:1] == ["run"]:
        yield rest[1:]
    for value in option_values(rest, *_RUN_OPTIONS.get(verb or "", ())):
        yield (value,)


def _settings(args: Sequence[Word]) -> Iterator[tuple[str, Word]]:
    for at, each in enumerate(args[: len(args) - 1]):
        if not each.prefix.startswith("-") and not (at and args[at - 1].text in _VALUES):
            return
        if each.text == "-c":
            key, sign, value = args[at + 1].prefix.partition("=")
            if sign:
                yield key.casefold(), Word(parts=(value, *args[at + 1].parts[1:]))


def git_writes(args: Sequence[Word], patch: Word | None = None) -> Iterator[Word]:
    """Yield the words that name what git writes, moves or removes; `patch` is what it reads."""
    words = git_words(args)
    folders = [part for each in option_values(args[: len(args) - len(words)], "-C", "--work-tree") for part in (*each.parts, "/")]
    yield from written_refs(words)
    for each in _writes(words, patch):
        if folders and isinstance(each.parts[0], str) and not each.prefix.startswith(("/", "~")):
            yield Word(parts=(*folders, *each.parts))
        yield each


def _writes(words: Sequence[Word], patch: Word | None) -> Iterator[Word]:
    verb, rest = (words[0].text, words[1:]) if words else (None, ())
    texts = [each.text for each in rest]
    operands = [each for each in rest if not each.prefix.startswith("-")]
    if verb in _OPERANDS or verb == "checkout":
        if "--" in texts:
            operands = list(rest[texts.index("--") + 1 :])
        is_new = verb == "checkout" and {"-b", "-B", "--orphan", "-t", "--track", "--detach", "-d"} & set(texts)
        is_index = verb == "restore" and {"--staged", "-S"} & set(texts) and not {"--worktree", "-W"} & set(texts)
        yield from () if is_new or is_index else operands
        yield from [_ANYTHING] if any(each.prefix.startswith("--pathspec-from-file") for each in rest) else []
    elif verb == "config" and not _CONFIG_READS & set(texts) and (len(operands) > 1 or _CONFIG_WRITES & set(texts)):
        yield Word(parts=(Hole.HOME, "/.gitconfig")) if "--global" in texts else in_top(".git/config")
    elif verb in ("apply", "am") and not _PATCH_READS & set(texts) and (operands or patch is not None or verb == "apply"):
        yield from patch_targets(patch if not operands else None)
    elif verb == "worktree" and texts[:1] in (["add"], ["move"]):
        yield from operands[1:]
    elif verb == "bundle" and texts[:1] == ["create"]:
        yield from operands[1:2]
    elif verb in ("clone", "init"):
        yield from operands[1:2] if verb == "clone" else operands[:1]
    elif verb == "submodule" and texts[:1] == ["add"]:
        yield from operands[2:3]
    yield from option_values(rest, *_OUTPUTS.get(verb or "", ()))


def patch_targets(patch: Word | None) -> Iterator[Word]:
    """Yield what a unified diff changes; anything, where it is not known."""
    if patch is None or patch.text is None:
        yield _ANYTHING
        return
    for line in patch.text.splitlines():
        lead, _, name = line.partition(" ")
        name = name.partition("\t")[0].strip('"')
        if lead in ("+++", "---") and name != "/dev/null":
            yield Word.of(name.partition("/")[2] if name.startswith(("a/", "b/")) else name)
        elif lead == "rename":
            yield Word.of(name.partition(" ")[2])


def discards_work(words: Sequence[Word]) -> bool:
    """Whether a git command takes back the whole work tree, or removes files that were changed."""
    verb, rest = (words[0].text, words[1:]) if words else (None, ())
    texts = {each.text for each in rest}
    short = {letter for each in rest if each.prefix[:1] == "-" and each.prefix[:2] != "--" for letter in each.prefix[1:]}
    if verb == "rm":
        return ("f" in short or "--force" in texts) and "--cached" not in texts
    if verb not in ("checkout", "restore") or not any(each.text in _WHOLE or each.parts[:1] == (Hole.GLOB,) for each in rest):
        return False
    is_staged = "S" in short or "--staged" in texts
    return verb == "checkout" or not is_staged or "W" in short or "--worktree" in texts
