# SPDX-License-Identifier: Apache-2.0
r"""Kinds of commands that destroy, publish or deploy: what a rule's `commands` names. docs/kinds.md has them all.

A kind has *patterns*: a program and words that have to stand among its arguments. Words without a dash stand in this order, others may
stand between them; those with a dash may stand anywhere, short ones glued to others, long ones shortened. `*` and `?` are globs over one
word. A repository adds its own with `[[command]]`.

>>> here = Places(top="/repo", cwd=("/repo",), home=None)
>>> sorted(find_kinds("cd infra && env AWS_PROFILE=p terraform -chdir=x destroy -auto-approve", here))
['destroy-infrastructure']
>>> sorted(find_kinds("rm -rf build; rm -rf ../other", here))
['delete-files']

`unclear` is the kind of what cannot be known: a program in a variable, a script out of a pipe, a line that no shell would run. It
matches every rule that names a kind.
"""

from __future__ import annotations

from byline.core.command_patterns import PATTERNS, TRIES, find_patterns
from byline.core.command_writes import written_words
from byline.core.globs import fits_word, may_match
from byline.core.shell_act import unread_act
from byline.core.shell_acts import read_acts, usual_name
from byline.core.shell_git import discards_work, git_words
from byline.core.targets import Places, Target, enter, locate
from byline.core.value import dataclass
from byline.malformed import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from byline.core.command_patterns import CommandPattern
    from byline.core.shell_act import Act
    from byline.core.shell_words import Word

UNCLEAR: Final = "unclear"
SPECIAL: Final = {
    "delete-files": "`rm -r` (also by `find -exec` or `-delete`), `rimraf` and `rsync --delete` of something outside the work tree, its "
    "top, or what cannot be known; not of what the line has `mktemp` make",
    "delete-data": "`DROP`, `TRUNCATE`, `ALTER ... DROP`, `DELETE` and `UPDATE` of every row, through `psql`, `mysql`, `sqlite3` and their "
    "like",
    "discard-work": "`git checkout` and `git restore` of the whole folder, `git rm -f`",
    "open-permissions": "`chmod -R`, `chown -R` or `chgrp -R` outside the work tree",
    "run-downloaded": '`curl ... | sh`, `bash <(curl ...)`, `sh -c "$(curl ...)"`, `curl -o x ...; sh x`',
    "erase-disk": "a redirection, `dd`, `cp`, `tee` and their like to a device",
    UNCLEAR: "what cannot be known; it matches every rule that names a kind, and needs none of its own",
}
KINDS: Final = frozenset((*PATTERNS, *SPECIAL))

_SQL_OPTIONS: Final = {
    **dict.fromkeys(("psql", "pgcli", "wrangler"), ("-c", "--command")),
    **dict.fromkeys(("mysql", "mariadb", "cockroach", "usql", "litecli", "cqlsh", "mysqlsh", "trino"), ("-e", "-c", "--execute", "--sql")),
    **dict.fromkeys(("clickhouse-client", "clickhouse", "snowsql", "dolt"), ("-q", "--query", "--queries-file")),
    **dict.fromkeys(("sqlite3", "duckdb"), ("-c", "-cmd")),
    **dict.fromkeys(("heroku", "manage.py", "django-admin"), ("-c", "--command")),
    **dict.fromkeys(("bq", "turso", "prisma", "fly", "flyctl", "rails"), ()),
    "sqlcmd": ("-Q", "-q"),
}
_SQL_ARGUMENT: Final = frozenset(("sqlite3", "duckdb", "bq", "turso"))
_READS_COMMANDS: Final = frozenset(("redis-cli", "mongosh", "mongo"))  # lines of their own, not of SQL
_DOWNLOADERS: Final = frozenset(("curl", "wget", "aria2c", "fetch", "http", "https", "xh"))
_DEVICE_WRITERS: Final = frozenset(("tee", "cp", "mv", "install", "dd", "sponge", "truncate"))
_HARMLESS_DEVICES: Final = (
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/tty",
    "/dev/fd/",
    "/dev/zero",
    "/dev/shm/",  # noqa: S108 - named, not used
    "/dev/tcp/",
    "/dev/udp/",
)
_NO_VALUES: Final = frozenset("dfnqvxX")
_RSYNC_VALUES: Final = frozenset("efBMT")
_INTERPRETERS: Final = ("python", "node", "perl", "php", "ruby")
_PRINTERS: Final = frozenset(("echo", "printf", "cat"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a line does that rules ask about: the kinds of its commands, and what they write."""

    kinds: frozenset[str]
    writes: tuple[Target, ...]


def find_kinds(line: str, places: Places, more: Sequence[CommandPattern] = ()) -> frozenset[str]:
    """Return the kinds of the commands of `line`."""
    return find_effects(line, places, more).kinds


def find_effects(line: str, places: Places, more: Sequence[CommandPattern] = ()) -> Effects:
    """Return what `line` does, run in `places`; `more` are the repository's own patterns."""
    done = _read(line, places)
    acts = [act for act, _ in done]
    kinds = {kind for act, where in done for kind in _kinds(act, where, more)}
    if not _fetched(acts).isdisjoint(each.program for each in acts):
        kinds.add("run-downloaded")
    return Effects(kinds=frozenset(kinds), writes=_writes(done))


def find_writes(line: str, places: Places) -> tuple[Target, ...]:
    """Return what the commands of `line` write, run in `places`."""
    return _writes(_read(line, places))


def _read(line: str, places: Places) -> list[tuple[Act, Places]]:
    """Return the acts of `line`, each with where it may be done."""
    try:
        acts = read_acts(line)
    except PayloadError:
        acts = (unread_act(line),)
    entered = [next(iter(act.operands), None) for act in acts if act.program in ("cd", "pushd")]
    anywhere = places
    for each in entered:
        anywhere = enter(each, anywhere)
    if len(entered) != 1:
        return [(act, anywhere) for act in acts]
    inside = enter(entered[0], places, is_sure=True)
    return [(act, inside if act.folder else anywhere) for act in acts]


def _fetched(acts: Sequence[Act]) -> frozenset[str | None]:
    """Return the names of the files that are downloaded."""
    words = (word for act in acts if act.program in _DOWNLOADERS for word in written_words(act))
    return frozenset(word.text.rpartition("/")[2] or None for word in words if word.text) - {None}


def _writes(done: Sequence[tuple[Act, Places]]) -> tuple[Target, ...]:
    return tuple(each for act, places in done for word in written_words(act) for each in locate(word, places))


def _kinds(act: Act, places: Places, more: Sequence[CommandPattern]) -> Iterator[str]:
    if act.program is None:
        yield UNCLEAR
        if _is_fed_by_download(act):
            yield "run-downloaded"
        return
    words = git_words(act.args) if act.program == "git" else act.args
    if act.program in _READS_COMMANDS:
        words = (*words, *_read_texts(act))
    texts = [each.text for each in words]
    said = None if None in texts else frozenset(each.casefold() for each in texts if each)
    own = (each for each in more if _fits(act.program, usual_name(each.program)))
    yield from (each.kind for each in (*find_patterns(act.program, said), *own) if _is_of(words, each))
    if _removes_outside(act, places):
        yield "delete-files"
    elif act.program in ("chmod", "chown", "chgrp") and act.has_flag("R", "--recursive"):
        yield from ["open-permissions"] if _reaches_outside(act.operands[1:], places, or_top=False) else []
    elif act.program == "git" and discards_work(words):
        yield "discard-work"
    elif act.program.startswith(_INTERPRETERS) and not _has_script(act) and _is_fed_by_download(act):
        yield "run-downloaded"
    elif act.program in _SQL_OPTIONS and any(map(_is_destructive, _queries(act))):
        yield "delete-data"
    written = written_words(act) if act.program in _DEVICE_WRITERS else act.writes
    if any(_is_device(target) for word in written for target in locate(word, places)):
        yield "erase-disk"


def _is_device(target: Target) -> bool:
    path = "".join(each for each in target.parts[:1] if isinstance(each, str))
    return path.startswith("/dev/") and not path.startswith(_HARMLESS_DEVICES)


def _removes_outside(act: Act, places: Places) -> bool:
    if act.program == "rsync" and any(each.prefix.startswith("--del") for each in act.args) and not any(map(_is_rsync_try, act.args)):
        goal = act.operands[-1:]
        return any(":" in each.prefix for each in goal) or _reaches_outside(goal, places)
    is_rm = act.program == "rimraf" or (act.program == "rm" and act.has_flag("rR", "--recursive"))
    return is_rm and _reaches_outside(act.operands, places)


def _is_rsync_try(word: Word) -> bool:
    """Whether rsync is told only to try; what follows a letter that takes a value is that value (`-f'- node_modules'`)."""
    text = word.prefix
    return text == "--dry-run" or (text[:1] == "-" and "n" in text and text[1:].isalpha() and _RSYNC_VALUES.isdisjoint(text))


def _reaches_outside(words: Sequence[Word], places: Places, *, or_top: bool = True) -> bool:
    located = [locate(word, places) for word in words]
    if any(target.is_outside(places.top, or_top=or_top) for targets in located for target in targets):
        return True
    # What a folder holds may be another one's where a `cd` stands in front: `cd build && rm -rf *` is no accident.
    return or_top and any(targets and all(each.is_all_of(places.top) for each in targets) for targets in located)


def _is_of(words: Sequence[Word], pattern: CommandPattern) -> bool:
    flags = [each for each in pattern.arguments if each.startswith("-")]
    if not all(any(_is_flag(word.prefix, flag) for word in words) for flag in flags):
        return False
    if pattern.kind in PATTERNS and _is_dry(words, TRIES.get(pattern.program, ())):
        return False
    if words and words[0].text is None and not words[0].prefix:
        return True  # a first word that is not known is taken for whatever is asked
    rest = [each for each in pattern.arguments if not each.startswith("-")]
    return not rest or _have_in_order(words, rest, is_first=pattern.is_first)


def _have_in_order(words: Sequence[Word], rest: Sequence[str], *, is_first: bool) -> bool:
    """Whether `rest` stand among `words`; with `is_first` no other command stands before the first of them, or behind a star."""
    states, has_other = {(0, is_first)}, False  # how many were found, and whether the next one has to come at once
    for at, word in enumerate(words):
        is_option = word.prefix.startswith(("-", "+"))
        # What follows an option may be its value, and what is not known an option, or nothing.
        is_other = bool(word.prefix) and not is_option and not (at and words[at - 1].prefix.startswith("-"))
        found = {
            (number + 1, is_next and rest[number] == "*")
            for number, is_next in states
            if word.prefix and not (word.prefix.startswith("-") and rest[number] in ("*", "**"))
            if _fits(word.prefix, rest[number]) or _may_fit(word, rest[number], is_verb=not has_other)
        }
        if any(number == len(rest) for number, _ in found):
            return True
        states = found | {each for each in states if not (is_other and each[1])}
        has_other = has_other or is_other
    return False


def _is_dry(words: Sequence[Word], tries: Sequence[str]) -> bool:
    texts = [each.text for each in words]
    texts = texts[: texts.index("--")] if "--" in texts else texts
    given = [each.partition("=")[2] for each in texts if each and any(_is_try(each.partition("=")[0], flag) for flag in tries)]
    return "--help" in texts or (bool(given) and not {"none", "false"} & set(given))


def _is_try(text: str, flag: str) -> bool:
    """Whether an option is `flag`, a short one also among others that take no value (`git clean -fdn`)."""
    return text == flag or (len(flag) == 2 and text[:1] == "-" and flag[1] in text and _NO_VALUES.issuperset(text[1:]))


def _fits(text: str, wanted: str) -> bool:
    return fits_word(text.casefold(), wanted.casefold())


def _may_fit(word: Word, wanted: str, *, is_verb: bool) -> bool:
    """Whether a word of which the beginning is known may be one that is asked for; a plain one only where it says what is done."""
    is_glob = "*" in wanted or "?" in wanted
    return word.text is None and wanted[0] not in "*?[" and (is_verb or is_glob) and may_match(word.parts, wanted)


def _is_flag(text: str, flag: str) -> bool:
    name = text if "=" in flag else text.partition("=")[0]
    if name == flag or name == "-" + flag:
        return True
    if flag.startswith("--"):
        return len(name) > 4 and flag.startswith(name) and ("=" not in flag or "=" in name)
    return len(flag) == 2 and text.startswith("-") and not text.startswith("--") and flag[1] in text


def _queries(act: Act) -> Iterator[Word]:
    """Yield the texts that may be SQL."""
    yield from act.values(*_SQL_OPTIONS[act.program or ""])
    if act.program in _SQL_ARGUMENT:
        yield from act.operands[1:]
    yield from _read_texts(act)


def _read_texts(act: Act) -> Iterator[Word]:
    """Yield the texts that `act` reads, as far as the line tells them."""
    yield from ([act.input] if act.input else [])
    for source in _upstream(act):
        if source.program in _PRINTERS:
            yield from ([source.input] if source.input else [])
            yield from source.args


def _is_destructive(query: Word) -> bool:
    """Whether a query destroys; one of which nothing is known does."""
    from byline.core.sql import is_destructive

    known = "".join(each if isinstance(each, str) else " x " for each in query.parts)
    return is_destructive(known) or (query.text is None and not query.prefix.strip())


def _has_script(act: Act) -> bool:
    return any(each.text != "-" and not each.runs for each in act.operands)


def _is_fed_by_download(act: Act) -> bool:
    return any(each.program in _DOWNLOADERS for each in _upstream(act))


def _upstream(act: Act) -> Iterator[Act]:
    """Yield every act whose output may reach `act`."""
    seen, waiting = set[int](), [*act.sources]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += each.sources
