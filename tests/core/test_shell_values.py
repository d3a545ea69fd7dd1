# SPDX-License-Identifier: Apache-2.0
"""What a line tells of its own variables is what bash finds in them, whatever way the line goes."""

from __future__ import annotations

import itertools
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


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(scripts, min_size=1, max_size=4).map("\n".join))
def test_a_word_that_is_known_is_the_one_that_bash_gives(tmp_path: Path, text: str) -> None:
    """Wherever a command is told with known words, bash runs it with these or not at all."""
    need("bash")
    first, *others = text.split("NUMBER")
    text = first + "".join(f"{number}{rest}" for number, rest in zip(itertools.count(), others, strict=False))
    recorder, log = tmp_path / "rec", tmp_path / "log"
    if not recorder.exists():
        recorder.write_text('#!/bin/sh\nprintf \'%s\\0\' "$#" "$@" >>"$LOG"\n')
        recorder.chmod(0o755)
        (tmp_path / "more").write_text("A=more; B=more\n")
    log.write_bytes(b"")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "A": "env", "B": "env two"}
    if subprocess.run(["bash", "-n", "-c", text], env=environ, capture_output=True, check=False).returncode:
        return
    subprocess.run(["bash", "-c", f"{text}\nwait"], env=environ, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    acts = read_acts(text)
    told = {tuple(each.text for each in act.args) for act in acts if act.program == "rec"}
    is_unclear = any(act.program is None for act in acts)
    fields = log.read_text().split("\0")[:-1]
    while fields:
        run, fields = tuple(fields[1 : int(fields[0]) + 1]), fields[int(fields[0]) + 1 :]
        assert run in told or is_unclear or any(each[:1] == run[:1] and None in each for each in told), (text, run)
