# SPDX-License-Identifier: Apache-2.0
"""Patches: what git's own diffs make of a file is what git makes of it, and what does not fit is refused."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.patch import FilePatch, apply_hunks, parse_patch
from byline.errors import PatchError

if TYPE_CHECKING:
    from pathlib import Path

    from scratch import Scratch

OLD = b"import os\n\n\ndef f():\n    return 1\n\n\ndef g():\n    return 1\n"


def _begin(*body: str) -> str:
    return "\n".join(["*** Begin Patch", *body, "*** End Patch", ""])


def _apply(text: str, data: bytes | None = OLD) -> bytes | None:
    (patch,) = parse_patch(text)
    return apply_hunks(patch, data)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (["@@ def g():", "-    return 1", "+    return 2"], OLD[:-9] + b"return 2\n"),
        (["@@", " def g():", "-    return 1", "+    return 2"], OLD[:-9] + b"return 2\n"),
        ([" import os", "+import re"], OLD.replace(b"os\n", b"os\nimport re\n")),
        (["+# end"], OLD + b"# end\n"),
        (["@@ import os", "+import re"], OLD.replace(b"os\n", b"os\nimport re\n")),
        (["@@", "-    return 1", "+    return 9", "*** End of File"], OLD[:-9] + b"return 9\n"),
        (["@@", "-return 1", "+    return 0"], OLD.replace(b"return 1", b"return 0", 1)),
        (["@@ def f():", "-    return 1", "+    return 2", "@@ def g():", "-    return 1", "+    return 3"],
         OLD.replace(b"return 1", b"return 2", 1).replace(b"return 1", b"return 3")),
    ],
)  # fmt: skip
def test_a_hunk_goes_where_its_lines_stand(body: list[str], expected: bytes) -> None:
    assert _apply(_begin("*** Update File: a.py", *body)) == expected


def test_lines_that_stay_are_the_files_own() -> None:
    assert _apply(_begin("*** Update File: a", " one", "-two", "+2", " three"), b"one \t\r\ntwo\r\nthree") == b"one \t\r\n2\r\nthree"


def test_a_file_is_added_deleted_and_moved() -> None:
    text = _begin("*** Add File: new/a", "+x", "+", "*** Delete File: b", "*** Update File: c", "*** Move to: d", "-c", "+d")
    assert [(each.old, each.new) for each in parse_patch(text)] == [(None, "new/a"), ("b", None), ("c", "d")]
    assert [apply_hunks(patch, data) for patch, data in zip(parse_patch(text), (None, b"b", b"c\n"), strict=True)] == [
        b"x\n\n",
        None,
        b"d\n",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "no patch", _begin(), "*** Begin Patch\n*** Add File: a\n+x\n", _begin("*** Update File: a"),
        _begin("what"),
        _begin("*** Add File: a", "x"), _begin("*** Add File: ../a", "+x"), _begin("*** Add File: /a", "+x"),
        _begin("*** Add File: .git/a"),
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n", "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n", "--- a/x\n+++ b/x\n@@ what @@\n",
        "@@ -1 +1 @@\n-a\n+b\n", "diff --git a/x b/y\ncopy from x\ncopy to y\n", "diff --git a/x b/x\nBinary files a/x and b/x differ\n",
        "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n", _begin("*** Add File: a", "+\ud800"),
    ],
)  # fmt: skip
def test_what_is_no_patch_is_refused(text: str) -> None:
    with pytest.raises(PatchError):
        parse_patch(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (_begin("*** Update File: a.py", "-nothing like it", "+x"), OLD),
        (_begin("*** Update File: a.py", "@@ nothing", "-    return 1", "+x"), OLD),
        (_begin("*** Update File: a.py", "-import os", "+x", "*** End of File"), OLD),
        (_begin("*** Update File: a.py", "-import os", "+x"), None),
        (_begin("*** Add File: a.py", "+x"), OLD),
        ("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", b"a\nb\n"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, data: bytes | None) -> None:
    with pytest.raises(PatchError):
        _apply(text, data)


def test_line_numbers_are_a_hint() -> None:
    assert _apply("--- a.py\t2026-01-01\n+++ a.py\n@@ -5,1 +5,1 @@ def f():\n-    return 1\n+    return 2\n") == OLD.replace(b"1", b"2", 1)
    assert _apply("--- a/a.py\n+++ b/a.py\n@@ -90 +90 @@\n-    return 1\n+    return 2\n") == OLD[:-9] + b"return 2\n"


TEXTS = st.lists(st.sampled_from([b"a", b"b", b"c ", b"", b"--- d", b"+++ e", b"\xc3\xa9", b"x\r"]), max_size=12).map(b"\n".join)


@given(old=st.none() | TEXTS, new=st.none() | TEXTS, ends=st.sampled_from([b"", b"\n"]), context=st.integers(0, 3))
def test_gits_diffs_do_what_git_says(
    tmp_path_factory: pytest.TempPathFactory, old: bytes | None, new: bytes | None, ends: bytes, context: int
) -> None:
    """Whatever git prints of two versions of a file makes the second of the first."""
    before, after = (None if each is None else each + ends for each in (old, new))
    place = tmp_path_factory.mktemp("diff")
    for side, data in (("a", before), ("b", after)):
        (place / side).mkdir()
        if data is not None:
            (place / side / 'f\u00e9 "1"').write_bytes(data)
    text = _diff(place, context)
    if before == after:
        assert text == ""
        return
    (patch,) = parse_patch(text)
    assert (patch.old is None, patch.new is None) == (before is None, after is None)
    assert apply_hunks(patch, before) == after


def _diff(place: Path, context: int) -> str:
    command = ["git", "diff", "--no-index", "--no-prefix", f"-U{context}", "a", "b"]
    return subprocess.run(command, cwd=place, capture_output=True, check=False, timeout=60).stdout.decode("utf-8", "surrogateescape")


def test_renames_and_modes_are_read(repository: Scratch) -> None:
    repository.write("old name.py", OLD)
    repository.write("run.sh", "x\n")
    repository.commit()
    repository.git("mv", "old name.py", "new.py")
    (repository.path / "run.sh").chmod(0o755)
    repository.write("empty", "")
    repository.git("add", "-A")
    assert set(parse_patch(repository.git("diff", "--cached", "-M"))) == {
        FilePatch(old="old name.py", new="new.py"),
        FilePatch(old="run.sh", new="run.sh", mode="100755"),
        FilePatch(old=None, new="empty", mode="100644"),
    }


@given(st.text() | st.text(alphabet="*-+@ 1,\nadiff/Bb").map(lambda text: f"--- a/x\n+++ b/x\n@@ {text}") | st.text().map(_begin))
def test_any_text_is_a_patch_or_refused(text: str) -> None:
    try:
        patches = parse_patch(text)
    except PatchError:
        return
    for patch in patches:
        try:
            apply_hunks(patch, None if patch.old is None else OLD)
        except PatchError:
            continue
