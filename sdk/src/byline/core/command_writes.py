# SPDX-License-Identifier: Apache-2.0
r"""Which files a program that a shell line runs writes, moves or removes, by its words.

Redirections count, and the operands of programs that are known to change files. What is unpacked may be anything below its folder, what a
patch in a file changes anything at all. What a program does of its own accord is not known here: a formatter, a build, a script. `byline`
itself and `git config` count as writing what they change.

>>> from byline.core.shell_acts import read_acts
>>> [word.text for act in read_acts("sed -i s/a/b/ x.py > log; cp a b dir") for word in written_words(act)]
['log', 'x.py', 'dir', 'dir/a', 'dir/b']
"""

from __future__ import annotations

from byline.core.patch_names import patched_paths
from byline.core.shell_git import git_writes, patch_targets
from byline.core.shell_words import Hole, Word, in_top, without_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    from byline.core.shell_act import Act

_ALL_OPERANDS: Final = frozenset(
    (
        *("tee", "touch", "truncate", "rm", "unlink", "rmdir", "shred", "srm", "sponge", "mkdir", "mkfifo", "mknod", "rename", "sudoedit"),
        *("ed", "ex", "vi", "vim", "nvim", "nano", "emacs", "emacsclient", "script"),
    )
)
_PACKERS: Final = frozenset(("gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "lzma", "unlzma", "zstd", "unzstd", "lz4", "compress"))
_AFTER_FIRST: Final = frozenset(("chmod", "chown", "chgrp", "setfacl", "chattr"))
_INTO_LAST: Final = frozenset(("cp", "install", "rsync", "scp", "ditto", "ffmpeg", "convert", "magick"))
_OUTPUT: Final = frozenset(
    (
        *("gcc", "cc", "clang", "g++", "c++", "clang++", "ld", "as", "rustc", "go", "zig", "swiftc", "objcopy", "yacc", "bison", "flex"),
        *(
            "pandoc",
            "dot",
            "sort",
            "shuf",
            "iconv",
            "base64",
            "kustomize",
            "inkscape",
            "esbuild",
            "terraform",
            "tofu",
            "helm",
            "xmllint",
            "protoc",
            "age",
            "gpg",
            "pg_dump",
        ),
    )
)
_DECIDES: Final = frozenset(("init", "trust", "approve", "config", "forget", "delegate"))
_PATCH_VALUES: Final = frozenset(("-i", "-p", "-d", "-o", "-r", "-F", "-B", "-z", "-D", "--input", "--strip", "--directory", "--output"))
_COPIES: Final = frozenset(("cp", "copy", "copyto", "mv", "move", "sync", "rsync"))
_HERE: Final = Word.of(".")
_AWK_OUTPUT: Final = r'>>?\s*"([^"]+)"'
_SED_OUTPUT: Final = r"(?:^|[;{}\n/|,0-9$gpiI])\s*w\s+([^\s;}][^\n;}]*)"


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


def _into_last(act: Act) -> Iterator[Word]:
    named = [*act.values("-t", "--target-directory")]
    sources, goals = (act.operands, named) if named else (act.operands[:-1], act.operands[-1:])
    for goal in goals:
        yield goal
        for each in sources:
            yield Word(parts=(*goal.parts, "/", _last_component(each)) if each.text else goal.parts)


def _ln(act: Act) -> Iterator[Word]:
    """Yield the links and what they lead to: who writes to a link, in this line or later, writes there."""
    goals = (*act.values("-t", "--target-directory"), *act.operands[-1:])
    yield from _into_last(act)
    for each in act.operands:
        yield each
        if each.prefix and not each.prefix.startswith(("/", "~")):
            for goal in goals:  # a symbolic link leads from where it is
                yield Word(parts=(*goal.parts, "/", *each.parts))
                yield Word(parts=(*goal.parts, "/../", *each.parts))


def _last_component(word: Word) -> str:
    return (word.text or "").rstrip("/").rpartition("/")[2]


def _sed(act: Act) -> Iterator[Word]:
    scripts = [*act.values("-e", "-f", "--expression", "--file")]
    if act.has_flag("i", "--in-place"):
        files = act.operands if scripts else act.operands[1:]
        yield from (each for each in files if each not in scripts)
    for script in scripts or act.operands[:1]:
        yield from map(Word.of, _outputs(_SED_OUTPUT, "w", script))


def _awk(act: Act) -> Iterator[Word]:
    if any(each.text == "inplace" for each in act.values("-i", "--include")):
        yield from act.operands[1:]
    for each in act.operands:
        yield from map(Word.of, _outputs(_AWK_OUTPUT, ">", each))


def _outputs(pattern: str, mark: str, script: Word) -> list[str]:
    """Return what `pattern`, which has a `mark`, finds in `script`: an agent waits, and few scripts have one."""
    text = _known(script)
    if mark not in text:
        return []
    import re

    return re.findall(pattern, text)


def _known(word: Word) -> str:
    return "".join(each for each in word.parts if isinstance(each, str))


def _perl(act: Act) -> Iterator[Word]:
    if act.has_flag("i"):
        yield from act.operands


def _dd(act: Act) -> Iterator[Word]:
    for each in act.args:
        if each.prefix.startswith("of="):
            yield Word(parts=(each.prefix[3:], *each.parts[1:]))


def _byline(act: Act) -> Iterator[Word]:
    named = [each.text for each in act.operands[:2]]
    if ((named[:1] and named[0] in _DECIDES) or named == ["ledger", "erase"]) and not act.has_flag("h", "--help"):
        yield in_top(".byline/policy.toml")


def _apply_patch(act: Act) -> Iterator[Word]:
    for each in (*act.args, *([act.input] if act.input else [])):
        yield from map(Word.of, patched_paths(_known(each)))


def _patch(act: Act) -> Iterator[Word]:
    yield from act.values("-o", "--output")
    if not act.has_flag("", "--dry-run"):
        named = without_options(act.args, _PATCH_VALUES)[:1]
        yield from named or patch_targets(None if any(act.values("-i", "--input")) else act.input)


def _pack(act: Act) -> Iterator[Word]:
    yield from act.values("-o")
    if not act.has_flag("ctl", "--stdout", "--to-stdout", "--test", "--list"):
        for each in act.operands:
            text = each.text or ""
            yield from (each, *([Word.of(text.rpartition(".")[0])] if "." in text else []))


def _find(act: Act) -> Iterator[Word]:
    for at, each in enumerate(act.args):
        if each.text in ("-fprint", "-fprint0", "-fprintf", "-fls"):
            yield from act.args[at + 1 : at + 2]


def _tar(act: Act) -> Iterator[Word]:
    mode = (act.args[0].prefix if act.args else "").lstrip("-")
    if act.has_flag("x", "--extract", "--get") or (act.args and not act.args[0].prefix.startswith("-") and "x" in mode):
        yield from [*act.values("-C", "--directory")] or [_HERE]
    elif act.args and not act.args[0].prefix.startswith("-"):
        yield from act.args[1:2] if mode.startswith(("c", "r", "u", "A")) else ()
    elif act.has_flag("cruA", "--create", "--append", "--update"):
        yield from act.values("-f", "--file")


def _fetched(act: Act, *folders: str) -> Iterator[Word]:
    """Yield the files that are named after the addresses."""
    for each in act.operands:
        name = (each.text or "").partition("?")[0].rpartition("/")[2]
        if "/" in each.prefix:
            yield Word.of(name) if name else _HERE
            for folder in act.values(*folders):
                yield Word(parts=(*folder.parts, "/", name))


def _curl(act: Act) -> Iterator[Word]:
    yield from act.values("-o", "--output", "--output-dir", "-D", "--dump-header", "-c", "--cookie-jar")
    if act.has_flag("O", "--remote-name", "--remote-name-all"):
        yield from _fetched(act, "--output-dir")


def _wget(act: Act) -> Iterator[Word]:
    yield from act.values("-O", "-P", "-o", "-a", "--output-document", "--directory-prefix", "--output-file", "--append-output")
    if not any(act.values("-O", "--output-document")) and not act.has_flag("", "--spider"):
        yield from _fetched(act, "-P", "--directory-prefix")


def _split(act: Act) -> Iterator[Word]:
    prefix = act.operands[-1] if len(act.operands) > 1 else Word.of("x")
    yield Word(parts=(*prefix.parts, Hole.GLOB))
    for each in act.values("-f", "--prefix"):
        yield Word(parts=(*each.parts, Hole.GLOB))


def _zip(act: Act) -> Iterator[Word]:
    yield from act.operands if act.has_flag("m", "--move") else act.operands[:1]


def _copies(act: Act) -> Iterator[Word]:
    """Yield where a program copies to whose first words say that it copies: `docker cp`, `aws s3 sync`."""
    named = [each.text for each in act.operands[:2]]
    if _COPIES.intersection(named):
        yield from act.operands[-1:]
    yield from act.values("-D", "--dir") if named[1:] == ["download"] else ()


def _seven(act: Act) -> Iterator[Word]:
    verb = act.operands[0].text if act.operands else None
    if verb in ("x", "e"):
        yield from [*act.values("-o")] or [_HERE]
    elif verb in ("a", "d", "u", "rn"):
        yield from act.operands[1:2]


_PROGRAMS: Final[dict[str, Callable[[Act], Iterator[Word]]]] = {
    "sed": _sed,
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    **dict.fromkeys(("perl", "ruby"), _perl),
    "dd": _dd,
    "git": lambda act: git_writes(act.args, act.input),
    "ln": _ln,
    "byline": _byline,
    **dict.fromkeys(("apply_patch", "applypatch"), _apply_patch),
    "patch": _patch,
    "find": _find,
    **dict.fromkeys(("tar", "bsdtar"), _tar),
    "unzip": lambda act: iter(() if act.has_flag("lptvZ") else [*act.values("-d")] or [_HERE]),
    **dict.fromkeys(("7z", "7za", "7zz", "7zr"), _seven),
    "curl": _curl,
    "wget": _wget,
    "aria2c": lambda act: act.values("-o", "-d", "--out", "--dir"),
    "zip": _zip,
    "cpio": lambda act: iter([_HERE] if act.has_flag("i", "--extract") else ()),
    **dict.fromkeys(("docker", "podman", "kubectl", "oc", "aws", "gsutil", "gcloud", "rclone", "s3cmd", "mc", "gh"), _copies),
    **dict.fromkeys(("uniq", "xxd"), lambda act: iter(act.operands[1:2])),
    **dict.fromkeys(("split", "csplit"), _split),
    **dict.fromkeys(_PACKERS, _pack),
    **dict.fromkeys(_OUTPUT, lambda act: act.values("-o", "-out", "--output", "--out", "--outfile", "--output-dir", "--outdir", "--file")),
    "openssl": lambda act: iter(act.args[at + 1] for at, each in enumerate(act.args[:-1]) if each.text == "-out"),
    "ssh-keygen": lambda act: act.values("-f"),
    "yq": lambda act: iter(act.operands[1:] if act.has_flag("i", "--inplace") else ()),
}
