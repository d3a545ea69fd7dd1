# SPDX-License-Identifier: Apache-2.0
"""Shell lines: every command that a shell may run is seen, with the words that the shell would give it."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byline.core.shell_acts import read_acts
from byline.core.shell_line import parse_line
from byline.errors import PayloadError
from tools import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Fragments that mean something to a shell: text made of them reaches deeper than random text does.
FRAGMENTS = (
    *("a", "b=c", " ", "\t", "\n", ";", "&", "|", "&&", "||", "(", ")", "{", "}", "((", "))", "$(", "${x", "${x}", "`", "'", '"', "$'"),
    *("\\", "\\\n", "#", "<", ">", ">>", "<<E\n", "<<-'E'\n", "E\n", "<<<", ">&1", "2>", "&>", "<(", "!", "if", "then", "fi", "for", "in"),
    *(
        "do",
        "done",
        "case",
        "esac",
        ";;",
        "while",
        "function",
        "f()",
        "[[",
        "]]",
        "[",
        "]",
        "*",
        "?",
        "~",
        "$HOME",
        "$x",
        "\u00e9",
        "\udc80",
    ),
    *(
        "docker run ",
        "npx -c ",
        "git -c ",
        "alias.x=",
        "parallel ",
        ":::",
        "fd ",
        "-x ",
        "su -c ",
        "PAGER=",
        "python -m ",
        "kubectl exec ",
        "-- ",
    ),
    *("eval", "sh -c", "sudo", "env", "xargs", "find", "-exec", "trap", "{a,b}", "x=(", "time", "coproc", "select", "$((1", "ssh h"),
)
lines = st.text(max_size=80) | st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join)


@given(lines)
def test_whatever_the_line_it_is_read_or_refused(line: str) -> None:
    for read in (parse_line, read_acts):
        with contextlib.suppress(PayloadError):
            read(line)


def test_what_is_too_long_or_too_deep_is_refused() -> None:
    for line in ("a " * 40_000, "( " * 60 + "a" + ")" * 60, "$(" * 60 + "a" + ")" * 60, "`" * 3, "a\0b", "a;" * 5000 + "$(b)"):
        with pytest.raises(PayloadError):
            parse_line(line)


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _double(text: str) -> str:
    return '"' + "".join("\\" + each if each in '$`"\\' else each for each in text) + '"'


def _escaped(text: str) -> str:
    return "".join(each if each.isalnum() else "\\" + each for each in text) or "''"


def _ansi(text: str) -> str:
    return "$'" + "".join(each if each.isalnum() else "".join(f"\\x{byte:02x}" for byte in each.encode()) for each in text) + "'"


characters = st.sampled_from("abZ09 \t$`'\"\\*?[]{}~#&|;<>()=!%^,.-_/\u00e9")
spelled = st.tuples(st.text(characters, max_size=8), st.sampled_from((_single, _double, _escaped, _ansi)))
arguments = st.lists(spelled, max_size=3)


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, tuple[tuple[str, ...], ...]]:
    words = draw(arguments)
    redirect = draw(st.sampled_from(("", " >/dev/null", " 2>&1", " </dev/null", " <<'E'\nnot me | rec\nE\n", " <<<word")))
    text = " ".join(("rec", *(quote(word) for word, quote in words))) + redirect
    return text, ((*(word for word, _ in words),),)


def _join(glue: str) -> Callable[[list[tuple[str, tuple[tuple[str, ...], ...]]]], tuple[str, tuple[tuple[str, ...], ...]]]:
    def join(parts: list[tuple[str, tuple[tuple[str, ...], ...]]]) -> tuple[str, tuple[tuple[str, ...], ...]]:
        # A here-document ends with its own line, so what follows it begins on the next one.
        texts = [text for text, _ in parts]
        clean = [text if "\n" not in text else "{\n" + text + "\n}" for text in texts]
        return glue.join(clean), tuple(each for _, found in parts for each in found)

    return join


def _around(before: str, after: str, part: tuple[str, tuple[tuple[str, ...], ...]]) -> tuple[str, tuple[tuple[str, ...], ...]]:
    if "$(" in before and "<<" in part[0]:  # bash 5.2 prints such a substitution anew and loses a `;` behind a group
        before, after = "{ ", "\n}"
    return before + part[0] + after, part[1]


scripts = st.recursive(
    commands(),
    lambda inner: (
        st.builds(
            lambda glue, parts: _join(glue)(parts), st.sampled_from((" && ", " ; ", " | ", "\n")), st.lists(inner, min_size=2, max_size=3)
        )
        | st.builds(
            lambda pair, part: _around(*pair, part),
            st.sampled_from(
                (
                    *(("( ", "\n)"), ("{ ", "\n}"), ("if true; then ", "\nfi"), ("for i in 1; do ", "\ndone"), ("x=$( ", "\n)")),
                    *(
                        ("case a in b) ;; a) ", "\n;; esac"),
                        ("f() { ", "\n}; f"),
                        ("! false && { ", "\n}"),
                        ("while :; do ", "\nbreak; done"),
                    ),
                    *(
                        ('x="$( ', '\n)"'),
                        ("cat <<D >/dev/null\n$( ", "\n)\nD\n"),
                        (": <( ", "\n) ; wait"),
                        ("time ", ""),
                        ("until false; do ", "\nbreak\ndone"),
                    ),
                )
            ),
            inner,
        )
    ),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(scripts)
def test_the_words_are_those_that_bash_gives(tmp_path: Path, script: tuple[str, tuple[tuple[str, ...], ...]]) -> None:
    """For a script of known commands: bash runs them with these words, and so does the parser say."""
    need("bash")
    text, expected = script
    recorder, log = tmp_path / "rec", tmp_path / "log"
    if not recorder.exists():
        recorder.write_text('#!/bin/sh\nprintf \'%s\\0\' "$#" "$@" >>"$LOG"\n')
        recorder.chmod(0o755)
    log.write_bytes(b"")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "HOME": "/home/nobody", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", text + "\nwait"], env=environ, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    ours = [tuple(word.text for word in each.words[1:]) for each in parse_line(text) if each.words and each.words[0].text == "rec"]
    assert sorted(ours) == sorted(_recorded(log.read_bytes())) == sorted(expected)


def _recorded(data: bytes) -> list[tuple[str, ...]]:
    fields, found = data.decode().split("\0")[:-1], []
    while fields:
        count = int(fields[0])
        found.append(tuple(fields[1 : count + 1]))
        fields = fields[count + 1 :]
    return found


ACCEPTED = (
    "ls -la", "a && b || c; d & e", "! a | b |& c", "(a; b) > out 2>&1", "{ a; b; } | c", "if a; then b; elif c; then d; else e; fi",
    'for f in *.py; do wc -l "$f"; done', "for ((i=0; i<3; i++)); do echo $i; done", "while read -r x; do echo $x; done < file",
    "until a; do b; done", "case $x in a|b) c ;; (d) e ;; *) f; esac", "f() { a; }; f", "function g { a; }", "function h() ( a )",
    "cat <<EOF\nhi $(date)\nEOF\n", "cat <<-'EOF' | sort\n\thi\n\tEOF\n", "cat <<A <<B\na\nA\nb\nB\n", "x=1 y=$(a) b", "a=(1 2 $(b))",
    "export A=(1 2)", "[[ -f a && $b =~ ^(x|y)+$ ]] || c", "(( i > 3 )) && a", "echo $((1 + (2 * 3)))", "echo ${x:-$(a)} ${y//a/b} ${#z}",
    "diff <(a) <(b)", "a > >(tee log)", "echo `a \\`b\\``", "time -p a", "coproc a", "select x in 1 2; do break; done", "a \\\n  b",
    "# only a comment", "", "echo a#b # c", 'a <<< "$x"', "{fd}> f a", 'echo "a $(b "c") d"', "echo $'a\\'b'", "[ -f x ] && y",
    "echo {a,b}{1..3}", "(((1)))", "((a); (b))", "$(a) b", "a; # c\nb", "a &> f", "a >| f", "select x; do a; done", "for x do a; done",
    "if (a) then b; fi", "while { a; } do b; done", "a | while read x; do b; done", 'eval "$(a)"', "git log --format='%h %s' | head -3",
)  # fmt: skip
REFUSED = (
    "a &&",
    "| a",
    "(a",
    "a)",
    "if a; then b",
    "for x in; do",
    "echo 'a",
    'echo "a',
    "$(a",
    "`a",
    "case x in a) b",
    "{ a;",
    "a;; b",
    "fi",
    "&& a",
    "x=(a",
    "f( a",
)


@pytest.mark.parametrize("shell", ["bash"])
def test_what_bash_takes_for_a_line_is_one(shell: str) -> None:
    need(shell)
    for line, is_line in [*((each, True) for each in ACCEPTED), *((each, False) for each in REFUSED)]:
        done = subprocess.run([shell, "-n"], input=line.encode(), capture_output=True, check=False)
        assert (done.returncode == 0, line) == (is_line, line)
        if is_line:
            parse_line(line)
        else:
            with pytest.raises(PayloadError):
                parse_line(line)


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("sudo -u root env -u X A=1 nice -n 5 timeout -k 3 10 terraform destroy", ["sudo", "env", "nice", "timeout", "terraform"]),
        ("bash -lc 'a; b' && sh -c \"c\"", ["bash", "a", "b", "sh", "c"]),
        ("sh -c \"sh -c 'sh -c a'\"", ["sh", "sh", "sh", "a"]),
        ("eval 'a |' b", ["eval", "a", "b"]),
        ("trap 'rm x' EXIT", ["trap", "rm"]),
        ("ssh -p 22 host 'cd /x && a'", ["ssh", "cd", "a"]),
        ("find . -name x -exec a {} \\; -exec b {} + -delete", ["find", "a", "b", "rm"]),
        ("a | xargs -0 -n1 b c", ["a", "xargs", "b"]),
        ("npx -y cdk destroy; uv run pulumi up; bundle exec rake x", ["npx", "cdk", "uv", "pulumi", "bundle", "rake"]),
        ("/usr/bin/env /opt/bin/a", ["env", "a"]),
        ("command -v a; command b; exec -a x c; builtin cd y", ["command", "command", "b", "exec", "c", "builtin", "cd"]),
        ("sh <<'E'\na\nE\n", ["sh", "a"]),
        ("bash -s <<< a", ["bash", "a"]),
        ("sh script.sh; bash ./x; python3 x.py; node -e y", ["sh", "script.sh", "bash", "x", "python3", "x.py", "node"]),
        (
            '$X a; a | sh; . <(b); eval $Y; "$(c)"; ter$Z',
            [None, "a", "sh", None, "b", ".", None, "eval", None, "c", None, None],
        ),
        ("sh -c 'a && '; env -S 'a b'", ["sh", None, "env", "a"]),
        ("docker compose -f x run -e A=b s a; kubectl exec p -n x -- b", ["docker", "a", "kubectl", "b"]),
        ("docker run --rm -v $PWD:/x y/a:1 b; docker run --entrypoint c y d", ["docker", "a", "b", "docker", "c", "c"]),
        ("git -c alias.x='!a' x; git bisect run b; git submodule foreach 'c; d'", ["git", "a", "git", "b", "git", "c", "d"]),
        ("/bin/RM x; C:/git/bin/git.exe y; grm z", ["rm", "git", "rm"]),
        ("'/opt/my (own) tool/a' b; sudo 'c d'", ["a", "sudo", "c"]),
        ("echo $(a $(b)) `c`", ["b", "a", "c", "echo"]),
        ("cat <<E\n$(a)\nE\n", ["cat", "a"]),
        ("A=$(a) B=1; > f", ["a", ""]),
    ],
)
def test_what_a_line_runs_in_the_end_is_told(line: str, programs: list[str | None]) -> None:
    assert [act.program for act in read_acts(line)] == programs
