# SPDX-License-Identifier: Apache-2.0
"""What a line tells of its own variables is what bash finds in them, whatever way the line goes."""

from __future__ import annotations

import itertools
import posixpath
import subprocess
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byline.core.shell_acts import read_acts
from tools import need

if TYPE_CHECKING:
    from pathlib import Path

names = st.sampled_from("AB")
said = names.flatmap(
    lambda name: st.sampled_from((f'"${name}"', f"${name}", f"${{{name}}}", f'"${name}/x"', f"${name}/{{p,q}}", f"z${name}"))
)
steps = st.one_of(
    st.lists(said | st.sampled_from(("{a,b}", "$(echo v)", "'{a,b}'", "{a\\,b,'c,d'}")), min_size=1, max_size=2).map(
        lambda words: f"rec NUMBER {' '.join(words)}"
    ),
    st.builds(
        str.replace,
        st.sampled_from(
            ("N=v", "N='v w'", "N=$(echo v)", "N+=v", "export N=v", "N=v true", "unset N", "read -r N <<< w", "N=v | :", "N=v &")
        ),
        st.just("N"),
        names,
    ),
    st.builds("{}={}".format, names, said),
    st.sampled_from(("eval 'A=e'", ". ./more", "false && A=f", "true || B=f", "f() { A=g; }", "f", "rec NUMBER 'A=' B")),
)
scripts = st.recursive(
    steps,
    lambda inner: st.builds(
        lambda pair, parts: pair[0] + pair[1].join(parts) + pair[2],
        st.sampled_from(
            (
                *(("{ ", "; ", "; }"), ("( ", "\n", "\n)"), ("if false; then ", "; else ", "; fi"), ("if A=i; then ", "; else ", "; fi")),
                *(
                    ("for A in p q; do ", "; ", "; done"),
                    ("for B in r; do ", "; ", "; done"),
                    ("trap '", "; ", "' EXIT"),
                    ("x=$(", "; ", ")"),
                ),
                *(
                    ('eval "', "; ", '"'),
                    ("g() { ", "; ", "; }; g"),
                    ("", "; ", ""),
                    ("case x in y) ", ";; x) ", ";; esac"),
                    ("", " && ", ""),
                ),
            )
        ),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


folders = st.recursive(
    st.sampled_from(("rec NUMBER", "cd a", "cd b", "! cd a", "cd none", "false", "cd a | :", ". ./up", "(cd b)", "X=1 cd a", "cd ..")),
    lambda inner: st.builds(
        lambda pair, parts: pair[0] + pair[1].join(parts) + pair[2],
        st.sampled_from(
            (
                *(("", " && ", ""), ("", " && ", ""), ("", " || ", ""), ("", "; ", ""), ("( ", " && ", " )"), ("{ ", "; ", "; }")),
                *(("for i in 1 2; do ", " && ", "; done"), ("if ", " && ", "; then rec NUMBER; fi"), ("f() { ", " && ", "; }; f; f")),
                *(("x=$(", " && ", ")"), ("eval '", " && ", "'"), ("bash -c '", " && ", "'"), ("while ", " && ", "; do break; done")),
            )
        ),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=6,
)


def _number(text: str) -> str:
    first, *others = text.split("NUMBER")
    return first + "".join(f"{number}{rest}" for number, rest in zip(itertools.count(), others, strict=False))


def _run(folder: Path, text: str) -> list[tuple[str, ...]]:
    """Let bash run `text`, and return for each call of `rec` where it was made, and its words."""
    need("bash")
    recorder, log = folder / "bin/rec", folder / "log"
    if not recorder.exists():
        for each in ("bin", "work/a/a/a", "work/a/b", "work/b/a"):
            (folder / each).mkdir(parents=True)
        recorder.write_text('#!/bin/sh\nprintf \'%s\\0\' "$#" "$PWD" "$@" >>"$LOG"\n')
        recorder.chmod(0o755)
        (folder / "work/more").write_text("A=more; B=more\n")
        (folder / "work/up").write_text("cd ..\n")
    log.write_bytes(b"")
    environ = {"PATH": f"{recorder.parent}:/usr/bin:/bin", "LOG": str(log), "A": "env", "B": "env two"}
    if subprocess.run(["bash", "-n", "-c", text], env=environ, capture_output=True, check=False).returncode:
        return []
    subprocess.run(["bash", "-c", f"{text}\nwait"], env=environ, cwd=folder / "work", capture_output=True, check=False, timeout=60)
    fields, found = log.read_text().split("\0")[:-1], []
    while fields:
        count = int(fields[0]) + 2
        found.append(tuple(fields[1:count]))
        fields = fields[count:]
    return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(scripts, min_size=1, max_size=4).map("\n".join).map(_number))
def test_a_word_that_is_known_is_the_one_that_bash_gives(tmp_path: Path, text: str) -> None:
    """Wherever a command is told with known words, bash runs it with these or not at all."""
    runs = _run(tmp_path, text)
    acts = read_acts(text) if runs else ()
    told = {tuple(each.text for each in act.args) for act in acts if act.program == "rec"}
    is_unclear = any(act.program is None for act in acts)
    for _, *run in runs:
        assert tuple(run) in told or is_unclear or any(list(each[:1]) == run[:1] and None in each for each in told), (text, run)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(folders, min_size=1, max_size=3).map("\n".join).map(_number))
def test_what_surely_runs_in_a_folder_runs_there_in_bash(tmp_path: Path, text: str) -> None:
    """What is told to be done behind an only `cd` is done there or not at all; what a file that is read does nobody knows."""
    runs = _run(tmp_path, text)
    acts = read_acts(text) if runs and not ("./up" in text and "'" in text) else ()
    is_only = [act.program for act in acts].count("cd") == 1
    sure = {act.args[0].text: act.folder.text for act in acts if is_only and act.program == "rec" and act.folder}
    for place, *words in runs:
        number = words[0] if words else ""
        assert number not in sure or place == posixpath.normpath(f"{tmp_path}/work/{sure[number]}"), (text, place, sure)
