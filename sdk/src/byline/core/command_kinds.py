# SPDX-License-Identifier: Apache-2.0
r"""Kinds of commands that destroy: what a rule's `commands` names. docs/policy.md has the table.

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

from fnmatch import fnmatchcase

from byline.core.command_writes import git_words, written_words
from byline.core.shell_acts import read_acts
from byline.core.targets import Places, Target, enter, locate
from byline.core.value import dataclass
from byline.errors import PayloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from byline.core.shell_acts import Act
    from byline.core.shell_words import Word

UNCLEAR: Final = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPattern:
    """A command of the kind `kind`."""

    kind: str
    program: str
    arguments: tuple[str, ...] = ()


def _patterns(kind: str, *lines: str) -> tuple[CommandPattern, ...]:
    out = []
    for line in lines:
        programs, *arguments = line.split()
        out += [CommandPattern(kind=kind, program=each, arguments=tuple(arguments)) for each in programs.split("|")]
    return tuple(out)


PATTERNS: Final = (
    *_patterns(
        "destroy-infrastructure",
        *("terraform|tofu|terragrunt destroy", "terraform|tofu|terragrunt apply -destroy", "terraform|tofu|terragrunt workspace delete"),
        *("terraform|tofu|terragrunt state rm", "pulumi destroy", "pulumi down", "pulumi stack rm", "cdk|cdktf destroy"),
        *("kubectl|oc delete", "helm uninstall", "helm delete", "helm del", "helm un", "helmfile destroy", "eksctl|kops|sam|doctl delete"),
        *("aws delete-*", "aws terminate-*", "aws s3 rb", "aws s3 rm --recursive", "gcloud * delete", "gsutil rb", "gsutil rm -r"),
        *("az delete", "az delete-*", "az purge", "eb terminate", "copilot * delete", "serverless|sls|sst remove", "fly|flyctl destroy"),
        *("heroku apps:destroy", "heroku pg:reset", "vagrant destroy", "nomad job stop -purge", "gh repo delete", "ibmcloud * delete"),
    ),
    *_patterns(
        "delete-data",
        *("docker|podman volume rm", "docker|podman volume prune", "docker|podman system prune", "docker|podman compose down -v"),
        *("docker|podman compose down --volumes", "docker-compose down -v", "docker-compose down --volumes", "dropdb", "redis-cli flush*"),
        *("redis-cli FLUSH*", "rails|rake db:drop", "rails|rake db:reset", "prisma migrate reset", "prisma db push --force-reset"),
        *("python|python3 *manage.py flush", "rabbitmqctl reset", "etcdctl del"),
    ),
    *_patterns(
        "rewrite-history",
        *("git push --force", "git push --force-with-lease", "git push -f", "git push +*", "git push --delete", "git push -d"),
        *("git push :?*", "git push --mirror", "git push --prune", "git filter-branch", "git filter-repo", "git update-ref -d"),
        "git reflog expire",
    ),
    *_patterns(
        "discard-work",
        *(
            "git reset --hard",
            "git clean -f",
            "git clean --force",
            "git checkout -f",
            "git checkout --force",
            "git switch --discard-changes",
        ),
        *("git stash drop", "git stash clear", "git branch -D", "git worktree remove -f", "git worktree remove --force"),
    ),
    *_patterns("erase-disk", "mkfs*", "wipefs", "blkdiscard", "shred", "srm", "mkswap", "dd of=/dev/*"),
)
SPECIAL: Final = {
    "delete-files": "`rm -r` (also by `find -exec` or `-delete`) of something outside the work tree, its top, or what cannot be known",
    "delete-data": "`DROP`, `TRUNCATE`, `ALTER ... DROP`, `DELETE` without `WHERE`, through `psql`, `mysql`, `sqlite3` and their like",
    "open-permissions": "`chmod -R` or `chown -R` outside the work tree",
    "run-downloaded": '`curl ... | sh`, `bash <(curl ...)`, `sh -c "$(curl ...)"`',
    "erase-disk": "a redirection to a device",
    UNCLEAR: "what cannot be known; it matches every rule that names a kind, and needs none of its own",
}
KINDS: Final = frozenset((*(each.kind for each in PATTERNS), *SPECIAL))

_SQL: Final = frozenset(
    ("psql", "mysql", "mariadb", "sqlite3", "sqlcmd", "duckdb", "clickhouse-client", "cockroach", "bq", "usql", "litecli", "pgcli")
)
_SQL_ARGUMENT: Final = frozenset(("sqlite3", "duckdb", "bq"))
_SQL_OPTIONS: Final = ("-c", "--command", "-e", "--execute", "-Q", "-q", "--query", "--sql")
_DOWNLOADERS: Final = frozenset(("curl", "wget", "aria2c", "fetch", "http", "https", "xh"))
_HARMLESS_DEVICES: Final = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/", "/dev/zero", "/dev/shm/")  # noqa: S108 - named, not used
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
    try:
        acts = read_acts(line)
    except PayloadError:
        return Effects(kinds=frozenset((UNCLEAR,)), writes=())
    for act in acts:
        if act.program in ("cd", "pushd"):
            places = enter(next(iter(act.operands), None), places)
    kinds = frozenset(kind for act in acts for kind in _kinds(act, places, (*PATTERNS, *more)))
    return Effects(kinds=kinds, writes=tuple(each for act in acts for word in written_words(act) for each in locate(word, places)))


def _kinds(act: Act, places: Places, patterns: Sequence[CommandPattern]) -> Iterator[str]:
    if act.program is None:
        yield UNCLEAR
        if _is_fed_by_download(act):
            yield "run-downloaded"
        return
    words = git_words(act) if act.program == "git" else act.args
    yield from (each.kind for each in patterns if fnmatchcase(act.program, each.program) and _has_arguments(words, each.arguments))
    if act.program == "rm" and act.has_flag("rR", "--recursive") and _reaches_outside(act.operands, places):
        yield "delete-files"
    elif (
        act.program in ("chmod", "chown") and act.has_flag("R", "--recursive") and _reaches_outside(act.operands[1:], places, or_top=False)
    ):
        yield "open-permissions"
    elif act.program.startswith(_INTERPRETERS) and not _has_script(act) and _is_fed_by_download(act):
        yield "run-downloaded"
    elif act.program in _SQL and any(map(_is_destructive, _queries(act))):
        yield "delete-data"
    if any(each.prefix.startswith("/dev/") and not each.prefix.startswith(_HARMLESS_DEVICES) for each in act.writes):
        yield "erase-disk"


def _reaches_outside(words: Sequence[Word], places: Places, *, or_top: bool = True) -> bool:
    return any(target.is_outside(places.top, or_top=or_top) for word in words for target in locate(word, places))


def _has_arguments(words: Sequence[Word], wanted: Sequence[str]) -> bool:
    flags = [each for each in wanted if each.startswith("-")]
    if not all(any(_is_flag(word.prefix, flag) for word in words) for flag in flags):
        return False
    if words and words[0].text is None and not words[0].prefix:
        return True  # a first word that is not known is taken for whatever is asked
    rest = [each for each in wanted if not each.startswith("-")]
    for word in words:
        if rest and word.prefix and fnmatchcase(word.prefix, rest[0]):
            del rest[0]
    return not rest


def _is_flag(text: str, flag: str) -> bool:
    name = text.partition("=")[0]
    if name == flag or (flag.startswith("-") and name == "-" + flag):
        return True
    if flag.startswith("--"):
        return len(name) > 4 and flag.startswith(name)
    return len(flag) == 2 and text.startswith("-") and not text.startswith("--") and flag[1] in text


def _queries(act: Act) -> Iterator[Word]:
    """Yield the texts that may be SQL."""
    yield from ([act.input] if act.input else [])
    yield from act.values(*_SQL_OPTIONS)
    if act.program in _SQL_ARGUMENT:
        yield from act.operands[1:]
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
    return any(each.text != "-" for each in act.operands)


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
