# SPDX-License-Identifier: Apache-2.0
r"""What a shell line does: the programs that it runs in the end, whatever stands in front of them.

An `Act` is one program with its arguments. `sudo`, `env`, `xargs`, `npx`, `docker exec` and their like run what follows them, what `sh -c`,
`eval`, `trap`, `ssh HOST`, `git -c alias.x=` and a here-document for a shell hold is a line of its own, `find` does what follows `-exec`,
and `-delete` is `rm`. All of them are told: the program that stands there, and those that it runs.

>>> [(act.program, [word.text for word in act.args][-1]) for act in read_acts("sudo -u ci env A=1 bash -lc 'terraform destroy'")]
[('sudo', 'terraform destroy'), ('env', 'terraform destroy'), ('bash', 'terraform destroy'), ('terraform', 'destroy')]

Case does not count in `program`, nor where it lies: some file systems find `/bin/RM`. It is None where it cannot be known: it is in a
variable, comes out of a pipe, or stands in a line that cannot be read. A script is a program of its own, whoever interprets it. What a
script, a Makefile or another language's `-c` does is not looked into.
"""

from __future__ import annotations

from byline.core.shell_act import Act, unread_act
from byline.core.shell_git import git_runs
from byline.core.shell_line import parse_line
from byline.core.shell_runners import assigned_line, assigned_lines, has_entry_point, image_words, line_options, run_words
from byline.core.shell_values import says_settings
from byline.core.shell_words import Command, Hole, Word, option_values, without_options
from byline.core.value import replace
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

    _ActsOf = Callable[[int], tuple[Act, ...]]

MAX_DEPTH: Final = 16  # commands inside commands

SHELLS: Final = frozenset(
    ("sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "csh", "tcsh", "fish", "nu", "elvish", "xonsh", "osh")
)
_INTERPRETERS: Final = ("python", "node", "ruby", "perl", "php", "deno", "tsx")
_ASSIGNS: Final = frozenset(("env", "sudo", "doas", "export", "declare", "local", "readonly", "typeset"))
_SHELL_WITHOUT: Final = frozenset(("sudo", "doas", "chroot", "unshare", "nsenter", "pkexec"))  # with nothing to run they run a shell
_FOLDERS: Final = {"env": ("-C", "--chdir"), "sudo": ("-D", "--chdir"), "systemd-run": ("--working-directory",), "uv": ("--directory",)}
# Other names of a program: that of GNU's where there is another one, and those of packages.
_NAMED: Final = {
    **{"g" + each: each for each in ("awk", "chmod", "cp", "dd", "find", "ln", "mv", "rm", "sed", "tar", "tee", "timeout", "xargs")},
    **dict.fromkeys(("valkey-cli", "keydb-cli"), "redis-cli"),
    "aws-cdk": "cdk",
    "awscli": "aws",
    "cdktf-cli": "cdktf",
    "del-cli": "rimraf",
    "firebase-tools": "firebase",
    "netlify-cli": "netlify",
    "opentofu": "tofu",
}
_NOT_NAMES: Final = frozenset(" \t\n\r\f\v;&|<>()$`'\"\\")  # no program is called so
_SHELL_VALUES: Final = frozenset(("--rcfile", "--init-file"))
_SSH_VALUES: Final = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWw")
_WATCH_VALUES: Final = frozenset(("-n", "--interval", "-w", "--watch", "-e", "--exts", "-i", "--ignore", "-d", "--debounce"))
_PARALLEL_VALUES: Final = frozenset(("-j", "-I", "-a", "-S", "-N", "-n", "-P", "--jobs", "--arg-file", "--delay", "--timeout", "--colsep"))
_TMUX_VALUES: Final = frozenset(("-s", "-n", "-c", "-t", "-x", "-y", "-F", "-e", "-l", "-X", "-S"))
_TMUX_RUNS: Final = frozenset(
    (
        *(
            "new-session",
            "new",
            "new-window",
            "neww",
            "split-window",
            "splitw",
            "respawn-pane",
            "respawnp",
            "run-shell",
            "run",
            "send-keys",
        ),
        *("send", "popup", "display-popup", "-dm", "stuff"),
    )
)
_EXECS: Final = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
_FD_EXECS: Final = frozenset(("-x", "-X", "--exec", "--exec-batch"))
_INPUTS: Final = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_SPLITS: Final = r"-[iv0]*S|--s[a-z-]*=?"
_ANYTHING: Final = Word(parts=(Hole.ANY,))


def read_acts(line: str) -> tuple[Act, ...]:
    """Return what `line` does.

    Raises:
        PayloadError: A shell would not run it.
    """
    return _read(line, 0, Act(program=None))


def _read(line: str, depth: int, outer: Act) -> tuple[Act, ...]:
    """Return what `line` does; its commands may read what `outer` reads, which hands it to a shell."""
    if depth > MAX_DEPTH:
        raise PayloadError("too many command lines inside one another")
    done: dict[int, tuple[Act, ...]] = {}
    commands = parse_line(line, outer.known)

    def acts_of(number: int) -> tuple[Act, ...]:
        if number not in done:
            done[number] = ()  # a command is never its own source
            done[number] = tuple(_acts(commands[number], acts_of, depth, outer))
        return done[number]

    return tuple(act for number in range(len(commands)) for act in acts_of(number))


def _acts(command: Command, acts_of: _ActsOf, depth: int, outer: Act) -> Iterator[Act]:
    numbers = (*command.reads, *(number for word in command.words for number in word.runs))
    documents = [each.target for each in command.redirects if each.operator in ("<<", "<<-", "<<<")]
    numbers = (*numbers, *(number for each in command.redirects for number in each.target.runs if not each.writes))
    context = Act(
        program=None,
        input=documents[-1] if documents else outer.input,
        sources=(*(act for number in numbers for act in acts_of(number)), *outer.sources),
        writes=tuple(each.target for each in command.redirects if each.writes),
        known=command.known,
        folder=command.folder or outer.folder,
    )
    for name, value in command.assignments:
        yield from _nested(assigned_line(name, value), context, depth)
    if command.words:
        yield from _unwrap(command.words, context, depth)
    elif context.writes:
        yield replace(context, program="")


def _started(words: Sequence[Word], context: Act, depth: int) -> Iterator[Act]:
    """Yield what another program starts: a program with its arguments, or a line."""
    if not _NOT_NAMES.isdisjoint("".join(each.text or "" for each in words[:1])):
        yield from _nested(_joined(words), context, depth)
    elif words:
        yield from _unwrap(words, context, depth + 1)


def _unwrap(words: Sequence[Word], context: Act, depth: int) -> Iterator[Act]:
    """Yield the program `words[0]`, and what it runs in the end."""
    if depth > MAX_DEPTH:
        raise PayloadError("too many commands inside one another")
    program, args = _base_name(words[0]), tuple(words[1:])
    yield (act := replace(context, program=program, args=args))
    if program is None or (program == "command" and args and args[0].text in ("-v", "-V")):
        return
    inner = replace(act, writes=())
    for line in (*act.values(*line_options(program)), *(assigned_lines(args) if program in _ASSIGNS else ())):
        yield from _nested(line, inner, depth)
    reader = _shell if program in SHELLS else _interpreter if program.startswith(_INTERPRETERS) else _READERS.get(program, _run)
    yield from reader(inner, depth)


def _base_name(word: Word) -> str | None:
    """Return the name of a program, which is known also where its folder is not: `$VENV/bin/python`."""
    last = word.parts[-1]
    path = word.text if word.text is not None else last if isinstance(last, str) and "/" in last else None
    if path is None or path == "{}":  # what `xargs` or `find` put in its place
        return None
    name = path.rpartition("/")[2].casefold().removesuffix(".exe").removesuffix(".cmd")
    name = name.partition("@")[0] or name  # of a package: `aws-cdk@2`
    return usual_name(name) or "/"


def usual_name(name: str) -> str:
    """Return the name by which the program `name` is known here."""
    return _NAMED.get(name, name)


def _joined(words: Sequence[Word]) -> Word:
    return Word(parts=tuple(part for at, each in enumerate(words) for part in ((" ", *each.parts) if at else each.parts)))


def _nested(line: Word | None, context: Act, depth: int) -> Iterator[Act]:
    """Yield what `line` does, which another program hands to a shell."""
    if line is None or line.text is None:
        yield from [replace(context, program=None, args=(), writes=())] if line else []
        return
    try:
        yield from _read(line.text, depth + 1, context)
    except PayloadError:
        yield replace(unread_act(line.text), sources=context.sources)


def _run(act: Act, depth: int) -> Iterator[Act]:
    """Yield what a program runs that is no shell: the words behind it."""
    program = act.program or ""
    words = run_words(program, act.args)
    if words is None:
        return
    if entry := image_words(program, act.args):
        yield replace(act, program=_base_name(entry[0]), args=entry[1:])
        words = entry if has_entry_point(act.args) else words
    for folder in act.values(*_FOLDERS.get(program, ())):
        yield replace(act, program="cd", args=(folder,))
    while program in _ASSIGNS and words and "=" in words[0].prefix:
        words = words[1:]
    if words:
        yield from _started(words, act, depth)
    elif program in _SHELL_WITHOUT and (act.input or act.sources):
        yield from _shell(replace(act, args=()), depth)


def _env(act: Act, depth: int) -> Iterator[Act]:
    import re  # an agent waits, and few lines have this program

    for at, each in enumerate(act.args):
        if found := re.match(_SPLITS, each.prefix):
            first = Word(parts=(each.prefix[found.end() :], *each.parts[1:]))
            yield from _nested(_joined([first, *act.args[at + 1 :]]), act, depth)
            return
    yield from _run(act, depth)


def _xargs(act: Act, depth: int) -> Iterator[Act]:
    from byline.core.shell_lists import listed_words  # an agent waits, and few lines have this program

    listed = tuple(listed_words(act.sources)) or (_ANYTHING,)
    words = run_words("xargs", act.args) or (Word.of("echo"),)
    lead = act.args[: len(act.args) - len(words)]
    marks = {each.text for each in option_values(lead, "-I", "--replace")} | {"{}" for each in lead if each.text == "-i"}
    words = tuple(word for each in words for word in (listed if each.text in marks else (each,))) + (() if marks else listed)
    for each in _started(words, act, depth):
        yield _recursive(each) if listed != (_ANYTHING,) else each


def _parallel(act: Act, depth: int) -> Iterator[Act]:
    at = next((at for at, each in enumerate(act.args) if each.prefix.startswith(":::")), len(act.args))
    words = without_options(act.args[:at], _PARALLEL_VALUES)
    if not _NOT_NAMES.isdisjoint("".join(each.text or "" for each in words)):
        yield from _nested(_joined(words), act, depth)
    elif words:
        yield from _started((*words, _ANYTHING), act, depth)
    else:
        for each in act.args[at + 1 :] or (act.input or _ANYTHING,):
            yield from _nested(each, act, depth)


def _git(act: Act, depth: int) -> Iterator[Act]:
    for words in git_runs(act.args):
        yield from _started(words, act, depth)


def _shell(act: Act, depth: int) -> Iterator[Act]:
    at, is_line, reads_input = 0, False, False
    while at < len(act.args) and act.args[at].prefix[:1] in ("-", "+") and act.args[at].text != "-":
        text = act.args[at].text or ""
        if text == "--":
            at += 1
            break
        if not text.startswith("--"):
            is_line, reads_input = is_line or "c" in text[1:], reads_input or "s" in text[1:]
            if act.program not in ("pwsh", "powershell", "cmd"):
                at += sum(letter in "oO" for letter in text)  # each takes a value: `-euo pipefail -c`
        at += 2 if text in _SHELL_VALUES else 1
        is_line = is_line or text in ("--command", "--commands")
    rest = act.args[at:]
    if is_line:
        yield from _nested(rest[0] if rest else Word.of(""), act, depth)
    elif rest and not reads_input and rest[0].text not in _INPUTS:
        yield replace(act, program=None if rest[0].runs else _base_name(rest[0]) or "", args=rest[1:])
    elif act.input is not None:
        yield from _nested(act.input, replace(act, input=None), depth)
    elif act.sources:
        yield replace(act, program=None)


def _powershell(act: Act, depth: int) -> Iterator[Act]:
    for at, each in enumerate(act.args):
        name = each.prefix.lstrip("-/").casefold()
        if name and each.prefix[0] in "-/" and ("command".startswith(name) or name == "k"):
            yield from _nested(_joined(act.args[at + 1 :]), act, depth)
            return
        if name.startswith(("e", "ec")) and each.prefix[0] in "-/" and "encodedcommand".startswith(name):
            yield replace(act, program=None)
            return
    yield from _shell(act, depth)


def _interpreter(act: Act, depth: int) -> Iterator[Act]:
    """Yield the script, or the module, that an interpreter runs, as a program of its own; nothing of a text that it is given."""
    for at, each in enumerate(act.args):
        if act.program == "python" and each.text == "-m":
            yield from _started(act.args[at + 1 :] or [Word.of("")], act, depth)
            return
        if not each.prefix.startswith("-"):
            name = _base_name(each)
            if name is not None:
                yield replace(act, program=name, args=act.args[at + 1 :])
            return
        if each.text == "-" or set("ceE") & set(each.prefix[1:]):
            return


def _eval(act: Act, depth: int) -> Iterator[Act]:
    if not (len(act.args) == 1 and [*filter(None, act.args[0].parts)] == [Hole.ANY] and _are_settings(act)):
        yield from _nested(_joined(act.args), act, depth)


def _are_settings(act: Act) -> bool:
    """Whether all that it reads are settings for a shell."""
    return bool(act.sources) and all(says_settings(each.program, each.operands) for each in act.sources)


def _alias(act: Act, depth: int) -> Iterator[Act]:
    for each in act.operands:
        name, sign, start = each.prefix.partition("=")
        yield from _nested(Word(parts=(start, *each.parts[1:])), act, depth) if name and sign else ()


def _trap(act: Act, depth: int) -> Iterator[Act]:
    yield from _nested(next(iter(act.operands), None), act, depth)


def _watch(act: Act, depth: int) -> Iterator[Act]:
    yield from _nested(_joined(without_options(act.args, _WATCH_VALUES)), act, depth)


def _each_line(act: Act, depth: int) -> Iterator[Act]:
    for each in act.operands:
        yield from _nested(each, act, depth)


def _ssh(act: Act, depth: int) -> Iterator[Act]:
    args = without_options(without_options(act.args, _SSH_VALUES)[1:], frozenset())
    yield from _nested(_joined(args), act, depth) if args else _input(act, depth)


def _su(act: Act, depth: int) -> Iterator[Act]:
    if act.program == "runuser" and act.has_flag("u", "--user"):
        yield from _started(without_options(act.args, frozenset(("-u", "--user"))), act, depth)
    elif not any(act.values("-c", "--command")):
        yield from _input(act, depth)


def _input(act: Act, depth: int) -> Iterator[Act]:
    """Yield what a shell does with the input."""
    yield from _shell(replace(act, args=()), depth)


def _tmux(act: Act, depth: int) -> Iterator[Act]:
    for at, each in enumerate(act.args):
        if each.text in _TMUX_RUNS:
            yield from _nested(_joined(without_options(act.args[at + 1 :], _TMUX_VALUES)), act, depth)
            return


def _source(act: Act, depth: int) -> Iterator[Act]:
    if act.args and act.args[0].text in _INPUTS:
        yield from _shell(act, depth)
    elif any(each.runs for each in act.args) and not _are_settings(act):
        yield replace(act, program=None)


def _find(act: Act, depth: int) -> Iterator[Act]:
    from byline.core.shell_lists import found_words  # as above

    found, at = found_words(act), 0
    while at < len(act.args):
        text = act.args[at].text or ""
        if text == "-delete":
            yield replace(act, program="rm", args=(Word.of("-r"), *found))
        elif text in (_EXECS if act.program == "find" else _FD_EXECS):
            end = next((i for i in range(at + 1, len(act.args)) if act.args[i].text in (";", "+")), len(act.args))
            words = [word for each in act.args[at + 1 : end] for word in (found if each.text == "{}" else (each,))]
            if act.program != "find" and all(each.text != "{}" for each in act.args[at + 1 : end]):
                words += found
            yield from map(_recursive, _started(words or [_ANYTHING], act, depth))
            at = end
        at += 1


def _recursive(act: Act) -> Act:
    """Return the act, of which much is found: an `rm` of each is one of all."""
    option = {"rm": "-r", "chmod": "-R", "chown": "-R"}.get(act.program or "")
    return replace(act, args=(Word.of(option), *act.args)) if option else act


_READERS: Final[dict[str, Callable[[Act, int], Iterator[Act]]]] = {
    "env": _env,
    "xargs": _xargs,
    **dict.fromkeys(("parallel", "sem"), _parallel),
    "git": _git,
    **dict.fromkeys(("pwsh", "powershell", "cmd"), _powershell),
    "eval": _eval,
    "alias": _alias,
    "trap": _trap,
    **dict.fromkeys(("watch", "watchexec", "viddy"), _watch),
    **dict.fromkeys(("concurrently", "hyperfine"), _each_line),
    **dict.fromkeys(("ssh", "mosh"), _ssh),
    **dict.fromkeys(("su", "runuser"), _su),
    **dict.fromkeys(("at", "batch"), _input),
    **dict.fromkeys(("tmux", "screen"), _tmux),
    **dict.fromkeys(("source", "."), _source),
    **dict.fromkeys(("find", "fd", "fdfind"), _find),
}
