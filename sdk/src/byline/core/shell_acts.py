# SPDX-License-Identifier: Apache-2.0
r"""What a shell line does: the programs that it runs in the end, whatever stands in front of them.

An `Act` is one program with its arguments. `sudo`, `env`, `timeout`, `xargs`, `npx` and their like are taken away, what `sh -c`, `eval`,
`trap`, `ssh HOST` and a here-document for a shell hold is a line of its own, `find` does what follows `-exec`, and `-delete` is `rm`.

>>> [(act.program, [word.text for word in act.args]) for act in read_acts("sudo -u ci env A=1 bash -lc 'terraform destroy'")]
[('terraform', ['destroy'])]

`program` is None where it cannot be known: it is in a variable, comes out of a pipe, or stands in a line that cannot be read. What a
script, a Makefile or another language's `-c` does is not looked into: that program is all that is told of it.
"""

from __future__ import annotations

import re

from byline.core.shell_line import parse_line
from byline.core.shell_words import Command, Hole, Word
from byline.core.value import dataclass, replace
from byline.errors import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

    _ActsOf = Callable[[int], tuple["Act", ...]]

MAX_LINES: Final = 8  # lines inside lines

SHELLS: Final = frozenset(("sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "csh", "tcsh", "fish"))
# Programs that run what follows them: the options that take a value, and how many operands come first.
_WRAPPERS: Final = {
    "sudo": ("-u -g -h -p -C -T -r -t -D -R -U --user --group --chdir", 0),
    "doas": ("-u -C", 0),
    "env": ("-u -C --unset --chdir", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "nice": ("-n --adjustment", 0),
    "ionice": ("-c -n -p --class --classdata", 0),
    "chrt": ("", 1),
    "taskset": ("", 1),
    "timeout": ("-s -k --signal --kill-after", 1),
    "gtimeout": ("-s -k --signal --kill-after", 1),
    "time": ("-f -o --format --output", 0),
    "stdbuf": ("-i -o -e --input --output --error", 0),
    "unbuffer": ("", 0),
    "caffeinate": ("-t -w", 0),
    "strace": ("-o -e -p -s -u", 0),
    "chroot": ("", 1),
    "flock": ("-w -E --wait --timeout", 1),
    "command": ("", 0),
    "builtin": ("", 0),
    "pkexec": ("--user", 0),
    "unshare": ("-S -G -R -w --root --wd", 0),
    "nsenter": ("-t -S -G --target", 0),
    "systemd-run": ("-p -u -M -H -E --unit --property --uid --gid --setenv --slice", 0),
    "parallel": ("-j -I -a -S --jobs --arg-file --delay --timeout", 0),
    "exec": ("-a", 0),
    "busybox": ("", 0),
    "toybox": ("", 0),
    "xargs": ("-I -n -P -L -d -E -s -a --max-args --max-procs --delimiter --arg-file --replace", 0),
    "npx": ("-p --package", 0),
    "bunx": ("", 0),
    "uvx": ("--from --with -p --python", 0),
}
_RUNNERS: Final = frozenset(
    (
        *(("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"), ("bundle", "exec"), ("npm", "exec")),
        *(("pnpm", "exec"), ("pnpm", "dlx"), ("yarn", "dlx"), ("yarn", "exec"), ("mise", "exec"), ("direnv", "exec"), ("rtk", "proxy")),
    )
)
_SHELL_VALUES: Final = frozenset(("-o", "+o", "-O", "+O", "--rcfile", "--init-file"))
_SSH_VALUES: Final = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWw")
_EXECS: Final = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
_INPUTS: Final = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_SPLITS: Final = re.compile(r"-[iv0]*S|--s[a-z-]*=?")
_ANYTHING: Final = Word(parts=(Hole.ANY,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One program that a line runs.

    `input` is the text of its here-document or here-string. `sources` are the acts whose output it reads through a pipe or in its
    words. `writes` is what its redirections write.
    """

    program: str | None
    args: tuple[Word, ...] = ()
    input: Word | None = None
    sources: tuple[Act, ...] = ()
    writes: tuple[Word, ...] = ()

    @property
    def operands(self) -> tuple[Word, ...]:
        """The arguments that are no options, as far as that can be known."""
        out, is_over = [], False
        for each in self.args:
            if each.text == "--" and not is_over:
                is_over = True
            elif is_over or not each.prefix.startswith("-") or each.text == "-":
                out.append(each)
        return tuple(out)

    def has_flag(self, letters: str, *names: str) -> bool:
        """Whether one of `letters` stands among its short options, or one of the long `names`, which may be shortened."""
        for each in self.args:
            text = each.prefix
            if text == "--" and each.text is not None:
                return False
            if len(text) > 3 and text.startswith("--") and any(name.startswith(text.partition("=")[0]) for name in names):
                return True
            if text.startswith("-") and not text.startswith("--") and set(letters) & set(text[1:]):
                return True
        return False

    def values(self, *names: str) -> Iterator[Word]:
        """Yield the values of the options `names`, which follow them, or are glued to them; short ones may be glued to others."""
        for at, each in enumerate(self.args):
            for start in (_value_start(each.prefix, name) for name in names):
                if start == len(each.prefix) and each.text is not None:
                    yield from self.args[at + 1 : at + 2]
                elif start:
                    yield Word(parts=(each.prefix[start:], *each.parts[1:]))


def _value_start(text: str, name: str) -> int:
    """Return where in the argument `text` the value of the option `name` begins; 0 where it is no such option."""
    if name.startswith("--"):
        given, sign, _ = text.partition("=")
        return len(given + sign) if len(given) > 4 and name.startswith(given) else 0
    return text.find(name[1], 1) + 1 if text.startswith("-") and not text.startswith("--") else 0


def read_acts(line: str) -> tuple[Act, ...]:
    """Return what `line` does.

    Raises:
        PayloadError: A shell would not run it.
    """
    return _read(line, 0)


def _read(line: str, depth: int) -> tuple[Act, ...]:
    if depth > MAX_LINES:
        raise PayloadError("too many command lines inside one another")
    done: dict[int, tuple[Act, ...]] = {}
    commands = parse_line(line)

    def acts_of(number: int) -> tuple[Act, ...]:
        if number not in done:
            done[number] = ()  # a command is never its own source
            done[number] = tuple(_acts(commands[number], acts_of, depth))
        return done[number]

    return tuple(act for number in range(len(commands)) for act in acts_of(number))


def _acts(command: Command, acts_of: _ActsOf, depth: int) -> Iterator[Act]:
    numbers = (*command.reads, *(number for word in command.words for number in word.runs))
    documents = [each.target for each in command.redirects if each.operator in ("<<", "<<-", "<<<")]
    numbers = (*numbers, *(number for each in command.redirects for number in each.target.runs if not each.writes))
    context = Act(
        program=None,
        input=documents[-1] if documents else None,
        sources=tuple(act for number in numbers for act in acts_of(number)),
        writes=tuple(each.target for each in command.redirects if each.writes),
    )
    if command.words:
        yield from _unwrap(command.words, context, depth)
    elif context.writes:
        yield replace(context, program="")


def _unwrap(words: Sequence[Word], context: Act, depth: int) -> Iterator[Act]:
    """Yield what the program `words[0]` does in the end."""
    if not words:
        yield replace(context, program="")
        return
    program, args = _base_name(words[0]), tuple(words[1:])
    act = replace(context, program=program, args=args)
    lead = args[0].text if args else None
    if program is None or (program == "command" and lead in ("-v", "-V")):
        yield act
    elif program in _WRAPPERS:
        yield from _unwrap_wrapper(program, args, context, depth)
    elif lead is not None and (program, lead) in _RUNNERS:
        yield from _unwrap(_without_options(args[1:], frozenset()), context, depth)
    elif program in SHELLS:
        yield from _shell(act, depth)
    elif program in ("eval", "trap", "ssh", "su", "runuser", "watch", "script", "source", "."):
        yield from _line_of(act, depth)
    elif program == "find":
        yield act
        yield from _find(act, depth)
    else:
        yield act


def _base_name(word: Word) -> str | None:
    return None if word.text is None else word.text.rpartition("/")[2].removesuffix(".exe") or "/"


def _unwrap_wrapper(program: str, args: tuple[Word, ...], context: Act, depth: int) -> Iterator[Act]:
    values, skipped = _WRAPPERS[program]
    if program == "env":
        for at, each in enumerate(args):
            if found := _SPLITS.match(each.prefix):
                parts = [each.prefix[found.end() :], *each.parts[1:], *(part for word in args[at + 1 :] for part in (" ", *word.parts))]
                yield from _nested(Word(parts=tuple(parts)), context, depth)
                return
    rest = _without_options(args, frozenset(values.split()))[skipped:]
    while program in ("env", "sudo", "doas") and rest and "=" in rest[0].prefix:
        rest = rest[1:]
    if program == "xargs":
        rest = (*(rest or (Word.of("echo"),)), _ANYTHING)
    yield from _unwrap(rest, context, depth)


def _without_options(args: tuple[Word, ...], values: frozenset[str]) -> tuple[Word, ...]:
    at = 0
    while at < len(args):
        text = args[at].text
        if text == "--":
            return args[at + 1 :]
        if not args[at].prefix.startswith("-"):
            break
        at += 2 if text in values else 1
    return args[at:]


def _nested(line: Word, context: Act, depth: int) -> Iterator[Act]:
    """Yield what `line` does, which another program hands to a shell."""
    if line.text is None:
        yield replace(context, program=None)
        return
    try:
        acts = _read(line.text, depth + 1)
    except PayloadError:
        acts = (Act(program=None),)
    for each in acts:
        # What the outer program reads the inner ones may read as well.
        yield replace(each, sources=(*each.sources, *context.sources), input=each.input or context.input)
    if context.writes:
        yield replace(context, program="")


def _shell(act: Act, depth: int) -> Iterator[Act]:
    at, is_line, reads_input = 0, False, False
    while at < len(act.args) and act.args[at].prefix[:1] in ("-", "+") and act.args[at].text != "-":
        text = act.args[at].text or ""
        if text == "--":
            at += 1
            break
        if not text.startswith("--"):
            is_line, reads_input = is_line or "c" in text[1:], reads_input or "s" in text[1:]
        at += 2 if text in _SHELL_VALUES else 1
    rest = act.args[at:]
    if is_line:
        yield from _nested(rest[0] if rest else Word.of(""), act, depth)
    elif rest and not reads_input and rest[0].text not in _INPUTS:
        yield replace(act, program=None) if rest[0].runs else act
    elif act.input is not None:
        yield from _nested(act.input, replace(act, input=None), depth)
    else:
        yield replace(act, program=None) if act.sources else act


def _line_of(act: Act, depth: int) -> Iterator[Act]:
    """Yield what a program does that is given a line, or the words of one."""
    program, args = act.program, act.args
    if program in ("source", "."):
        if args and args[0].text in _INPUTS:
            yield from _shell(act, depth)
        else:
            yield replace(act, program=None) if any(each.runs for each in args) else act
        return
    if program == "trap":
        args = _without_options(args, frozenset())[:1]
    elif program == "ssh":
        args = _without_options(_without_options(args, _SSH_VALUES)[1:], frozenset())
        yield act
    elif program in ("su", "runuser", "script"):
        args = tuple(act.values("-c", "--command"))[:1]
        yield act
    elif program == "watch":
        args = _without_options(args, frozenset(("-n", "--interval")))
    if program in ("ssh", "su", "runuser") and not args and (act.input or act.sources):
        yield from _shell(replace(act, args=()), depth)
        return
    parts = [part for each in args for part in (*each.parts, " ")]
    yield from _nested(Word(parts=tuple(parts)), act, depth)


def _find(act: Act, depth: int) -> Iterator[Act]:
    roots, args = [], act.args
    while args and (args[0].text in ("-H", "-L", "-P") or args[0].prefix.startswith("-O")):
        args = args[1:]
    for each in args:
        if each.prefix.startswith(("-", "(", "!")):
            break
        roots.append(each)
    below = (Hole.GLOB, Hole.ANY) if len(args) > len(roots) + 1 else (Hole.ANY,)  # it names what it looks for, or takes all
    found = tuple(Word(parts=(*each.parts, "/", *below)) for each in roots or [Word.of(".")])
    at = 0
    while at < len(act.args):
        text = act.args[at].text
        if text == "-delete":
            yield replace(act, program="rm", args=(Word.of("-r"), *found))
        elif text in _EXECS:
            end = next((i for i in range(at + 1, len(act.args)) if act.args[i].text in (";", "+")), len(act.args))
            words = [word for each in act.args[at + 1 : end] for word in (found if each.text == "{}" else (each,))]
            yield from _unwrap(words, replace(act, writes=()), depth)
            at = end
        at += 1
