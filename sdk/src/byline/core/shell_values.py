# SPDX-License-Identifier: Apache-2.0
r"""What a shell line itself tells of its variables, and of what a few programs print.

A variable is known where the line names it once to set it and then only reads it (`$NAME`), as far as it is surely set before: not behind
one side of an `||`, in a loop, a function or a subshell that has ended, and not once the line reads another file (`source`, `eval`). What a
loop goes through is known as one word, or as something below the current folder. Where a line changes its folder once, what follows by `&&`
is done there.

>>> values = Values("OUT=build; rm -rf $OUT")
>>> values.set("OUT", ("build",))
>>> values.get("OUT"), values.get("PWD"), values.get("DIR")
(('build',), (<Hole.HERE: 4>,), (<Hole.ANY: 5>,))

Of programs it is known what `pwd`, `git rev-parse --show-toplevel`, `mktemp`, `which` and a plain `echo` print. A folder that is told from
where the line runs is known where a word begins with it, and nowhere else.
"""

from __future__ import annotations

from byline.core.globs import Hole
from byline.core.shell_scan import name_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from byline.core.globs import Part
    from byline.core.shell_words import Command, Word

    Parts = tuple[Part, ...]

_MOVES: Final = ("pushd", "popd", "eval", "source", "alias ", "trap ", "for ", "while ", "until ", "select ", "function ", "()", "( )")
MAX_SET: Final = 64  # variables of a line: to look for the names of each takes time
UNKNOWN: Final[Parts] = (Hole.ANY,)
FRESH: Final = "/tmp/made.by.mktemp.in.this.line"  # noqa: S108 - named, not used: nobody has it
_MKTEMP: Final = frozenset(("-d", "-q", "--directory", "--quiet"))
_AGENTS: Final = frozenset(("ssh-agent", "gpg-agent", "keychain", "dircolors", "lesspipe", "thefuck"))
_TOOLS: Final = frozenset(
    (
        *("brew", "direnv", "pyenv", "rbenv", "nodenv", "goenv", "jenv", "fnm", "mise", "asdf", "conda", "mamba", "micromamba", "opam"),
        *("starship", "zoxide", "atuin", "fzf", "kubectl", "helm", "minikube", "docker", "docker-machine", "podman", "gh", "glab", "npm"),
        *("pip", "poetry", "pdm", "uv", "uvx", "rustup", "deno", "just", "jj", "op", "luarocks", "kind", "k3d", "flux", "argocd", "oc"),
    )
)
_SETTINGS: Final = frozenset(
    (
        *("completion", "completions", "generate-shell-completion", "shell-completion", "shellenv", "hook", "export", "init", "activate"),
        *("env", "docker-env", "shell.bash", "shell.zsh", "virtualenv-init", "path"),
    )
)
_SPLITS: Final = frozenset(" \t\n*?[\\")  # what a value that is not quoted is split at, or taken for a pattern by


class Values:
    """The variables of one `line`, while it is read from left to right."""

    def __init__(self, line: str, known: Mapping[str, Parts] | None = None) -> None:
        self._line = line
        self._known = dict(known or {})
        self._left = MAX_SET
        self.folder: Word | None = None  # of an only `cd` that was surely made
        self.inner = set[int]()  # the commands of compound ones, which may not be run, or more than once
        self._is_here = self._is_named("PWD", times=0)

    def enter(self, commands: Sequence[Command]) -> None:
        """Note that a `cd` was made without a failure: where it is the only one of the line what follows is done there."""
        words = commands[0].words if len(commands) == 1 and not commands[0].reads else ()
        if (
            len(words) == 2
            and not words[1].prefix.startswith("-")
            and self._is_named("cd", times=1)
            and not any(each in self._line for each in _MOVES)
        ):
            self.folder = words[1]

    def set(self, name: str, parts: Parts) -> None:
        """Note that `name` is set."""
        self._known.pop(name, None)
        self._left -= 1
        if self._left > 0 and any(parts) and parts != UNKNOWN and self._is_named(name, times=1):
            self._known[name] = parts

    def get(self, name: str) -> Parts:
        """Return what is known of the value of `name`."""
        if name == "PWD":
            return (Hole.HERE,) if self._is_here and self._line else UNKNOWN
        if name == "TMPDIR" and self._is_named(name, times=0):
            return (FRESH.rpartition("/")[0],)
        if name == "HOME":
            return (Hole.HOME,)
        found = self._known.get(name, UNKNOWN)
        return UNKNOWN if self.folder and found[0] in (Hole.TOP, Hole.HERE) else found  # it may be told from another folder

    def forget(self) -> None:
        """Note that anything may be set."""
        self._line = ""
        self.folder = None
        self._known.clear()

    def save(self) -> dict[str, Parts]:
        """Return what is known here."""
        return dict(self._known)

    def restore(self, saved: Mapping[str, Parts]) -> None:
        """Take back what was set since `saved`, unless anything may have been."""
        if self._line:
            self._known = dict(saved)

    def _is_named(self, name: str, *, times: int) -> bool:
        """Whether the line names the variable so often, not counting where it only reads it."""
        at = 0
        while times >= 0 and (at := self._line.find(name, at)) >= 0:
            end = at + len(name)
            is_whole = name_end(self._line, at) == end and not (at and name_end(self._line, at - 1) > at)
            is_set = is_whole and not self._line.endswith(("$", "${", "/", "."), 0, at)
            if is_set and self._line[end : end + 1] in ("+", "["):
                return False  # only a part of it is set
            times -= is_set
            at = end
        return bool(self._line) and times == 0


def fits_unquoted(parts: Parts) -> bool:
    """Whether a value stays one word where it is not quoted."""
    return not any(isinstance(each, str) and _SPLITS.intersection(each) for each in parts)


def is_of_place(parts: Parts) -> bool:
    """Whether a value is told from where the line runs, so that it means the same in front of a word alone."""
    return parts[0] in (Hole.TOP, Hole.HERE, "./")


def value_of_each(words: Sequence[Word]) -> Parts:
    """Return what a variable may be that is one of `words` after another."""
    if len(words) == 1:
        return words[0].parts
    plain = [each.text for each in words]
    if not plain or any(text is None or not text[:1].isalnum() or ".." in text.split("/") for text in plain):
        return UNKNOWN
    return ("./", Hole.GLOB, Hole.ANY)


def printed(commands: Sequence[Command]) -> Parts:
    """Return what a substitution that runs `commands` stands for."""
    texts = [each.text for each in commands[0].words] if len(commands) == 1 else []
    if not texts or None in texts or commands[0].assignments or commands[0].reads:
        return UNKNOWN
    match [each or "" for each in texts]:
        case ["pwd"]:
            found: Parts = (Hole.HERE,)
        case ["git", "rev-parse", "--show-toplevel"]:
            found = (Hole.TOP,)
        case ["mktemp", *words]:
            found = _made(words)
        case ["which", name] | ["command", "-v", name] | ["type", "-P", name]:
            found = (Hole.ANY, f"/{name}")
        case ["echo", *words] if words and not words[0].startswith("-"):
            found = (" ".join(words),)
        case _:
            found = UNKNOWN
    return found


def _made(words: Sequence[str]) -> Parts:
    """Return what `mktemp` prints: a name in a folder for temporary files that nothing had before."""
    match [each for each in words if each not in _MKTEMP]:
        case []:
            return (FRESH,)
        case ["-t", name] if "/" not in name:
            return (FRESH,)
        case [path] if path.startswith("/tmp/") and ".." not in path:  # noqa: S108 - named, not used
            return (FRESH,)
    return UNKNOWN


def says_settings(program: str | None, words: Sequence[Word]) -> bool:
    """Whether a program prints settings for a shell, which has to run them: `eval "$(ssh-agent -s)"`."""
    return program in _AGENTS or (program in _TOOLS and bool(words) and words[0].text in _SETTINGS)
