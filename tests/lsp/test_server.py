# SPDX-License-Identifier: Apache-2.0
"""The language server, as a process, driven by a client: literal requests in, literal JSON out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lsp.editor import Desk, Editor, with_editor
from scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# pygls asks asyncio what Python 3.14 wants to be asked of inspect.
pytestmark = pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning")

LONG = "".join(f"line {number}\n" for number in range(50_000))
LINES = "one\ntwo\nthree\nfour\n"
SAVED = [(1, 1, "unknown"), (2, 3, "ai"), (4, 4, "unknown")]
NOBODY = {
    "origin": "unknown", "evidence": "unknown", "agent": None, "model": None, "session": None, "person": None,
    "earlier": None, "commit": None, "statement": None, "verified": False,
}  # fmt: skip


def byline(repository: Scratch, *words: str, data: str = "") -> str:
    command = [sys.executable, "-m", "byline_cli", *words]
    done = subprocess.run(command, cwd=repository.path, input=data, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blame(repository: Scratch, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(byline(repository, "blame", "--json", name))


def agent_writes(repository: Scratch, name: str, text: str) -> Path:
    """Let an agent write a file, and report it through the generic intake."""
    edit = {
        "schema": "byline.edit/1", "cwd": str(repository.path), "paths": [name], "call": "1",
        "by": {"kind": "ai", "agent": "scribe", "model": "example/model-1", "session": "s-1"},
    }  # fmt: skip
    byline(repository, "hook", "generic", data=json.dumps(edit | {"when": "before"}))
    path = repository.write(name, text)
    byline(repository, "hook", "generic", data=json.dumps(edit | {"when": "after"}))
    return path


def set_up(repository: Scratch) -> Path:
    """Let Byline know a repository, in which an agent then wrote lines 2 and 3 of a file that was there before."""
    byline(repository, "init", "--policy", "team", "--yes")
    repository.write("a.py", "one\nfour\n")
    repository.commit("before")
    return agent_writes(repository, "a.py", LINES)


@pytest.fixture
def written(repository: Scratch) -> Path:
    """Set up a repository that the test may change."""
    return set_up(repository)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scratch, Desk]]:
    """Set up a repository and a server for all tests that change nothing on disk."""
    place = tmp_path_factory.mktemp("desk")
    (place / ".gitconfig").write_text("[user]\n\tname = Test Person\n\temail = person@example.invalid\n[init]\n\tdefaultBranch = main\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("BYLINE_", "CLAUDE", "GIT_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(place))
        patch.setenv("GIT_CONFIG_GLOBAL", str(place / ".gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        repository = Scratch.create(place / "repository")
        set_up(repository)
        agent_writes(repository, "long.py", LONG)
        repository.write("image.bin", b"\0\1\n\2\n")
        desk = Desk()
    yield repository, desk
    desk.stop()


@pytest.fixture
def desk(shared: tuple[Scratch, Desk]) -> Desk:
    """Sit down at the editor."""
    return shared[1]


@pytest.fixture
def path(shared: tuple[Scratch, Desk]) -> Path:
    """Name the file that the agent changed."""
    return shared[0].path / "a.py"


def runs(spans: Any) -> list[tuple[int, int, str]]:  # noqa: ANN401 - JSON
    return [(each["start"], each["end"], each["origin"]) for each in spans["ranges"]]


def at(line: int, character: int, end: tuple[int, int] | None = None) -> dict[str, Any]:
    last = end or (line, character)
    return {"start": {"line": line, "character": character}, "end": {"line": last[0], "character": last[1]}}


def wide(characters: int) -> list[dict[str, Any]]:
    """Type wide characters before a copy of line 2, take them away again, and then what stood before."""
    return [
        {"range": at(0, 0), "text": "é𝄞two\n"},
        {"range": at(0, 0, (0, characters)), "text": ""},
        {"range": at(1, 0, (3, 0)), "text": ""},
    ]


def test_the_server_says_what_it_can_do(desk: Desk) -> None:
    async def story(editor: Editor) -> None:
        able = editor.hello["capabilities"]
        assert able["experimental"] == {"byline": {"version": 1}}
        assert able["hoverProvider"] is True
        assert able["textDocumentSync"] == {"openClose": True, "change": 2, "save": {"includeText": True}}

    desk(story)


def test_spans_are_what_blame_says(shared: tuple[Scratch, Desk], path: Path) -> None:
    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(path, LINES)
        return await editor.spans(path)

    repository, desk = shared
    spans = desk(story)
    assert spans == blame(repository, "a.py") | {"schema": "byline.spans/1", "version": 1, "unsaved": []}
    assert runs(spans) == SAVED


def test_spans_of_a_committed_file_are_what_blame_says(repository: Scratch, written: Path) -> None:
    repository.commit("the agent's work")
    byline(repository, "attest", "--wait")

    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(written, LINES)
        return await editor.spans(written), await editor.hover(written, 1)

    spans, hover = with_editor(story)
    assert spans["ranges"] == blame(repository, "a.py")["ranges"]
    assert [each["verified"] for each in spans["ranges"] if each["origin"] == "ai"] == [True]
    assert "signature: verified, by `p-" in hover["contents"]["value"]


def test_a_hover_says_who_and_how_we_know(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(path, LINES)
        return await editor.hover(path, 1)

    said = "**AI** `scribe` (`example/model-1`)\n\n- evidence: observed: a hook or the editor saw it\n- session: `s-1`\n"
    said += "- signature: none yet\n- approval: none of this version of the file"
    assert desk(story) == {"contents": {"kind": "markdown", "value": said}}


def test_a_client_says_what_it_counts_in_and_what_it_shows(path: Path) -> None:
    """Without Markdown and in UTF-8: what stands after wide characters is saved text again only if they were counted right."""

    async def story(editor: Editor) -> list[Any]:
        editor.open(path, LINES)
        editor.change(path, *wide(6))
        spans = await editor.spans(path)
        hover = await editor.hover(path, 0)
        return [editor.hello["capabilities"]["positionEncoding"], runs(spans), hover["contents"]]

    encoding, said, contents = with_editor(story, {"general": {"positionEncodings": ["utf-8"]}})
    assert (encoding, said) == ("utf-8", [(1, 2, "ai"), (3, 3, "unknown")])
    assert contents["kind"] == "plaintext"
    assert contents["value"].startswith("AI scribe (example/model-1)\n")


def test_a_client_that_says_nothing_counts_in_utf_16(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> list[Any]:
        editor.open(path, LINES)
        editor.change(path, *wide(3))
        return [editor.hello["capabilities"]["positionEncoding"], runs(await editor.spans(path))]

    assert desk(story) == ["utf-16", [(1, 2, "ai"), (3, 3, "unknown")]]


# The same edit (a line after the first, "two" to "too", the last line gone) as different clients tell it.
EDITED = "one\nnew\ntoo\nthree\n"
STYLES = {
    "a change for each key": [
        *([{"range": at(0, 3 + n), "text": key}] for n, key in enumerate("\n")),
        *([{"range": at(1, n), "text": key}] for n, key in enumerate("new")),
        [{"range": at(2, 1, (2, 3)), "text": ""}],
        [{"range": at(2, 1), "text": "o"}],
        [{"range": at(2, 2), "text": "o"}],
        [{"range": at(4, 0, (5, 0)), "text": ""}],
    ],
    "merged, as Neovim and Emacs do": [
        [
            {"range": at(1, 0), "rangeLength": 0, "text": "new\n"},
            {"range": at(2, 1, (2, 2)), "rangeLength": 1, "text": "o"},
            {"range": at(4, 0, (5, 0)), "rangeLength": 5, "text": ""},
        ]
    ],
    "the whole text, as ALE and JupyterLab do": [[{"text": EDITED}]],
    "one range for all, as a formatter does": [[{"range": at(0, 0, (4, 0)), "text": EDITED}]],
}


@pytest.mark.parametrize("style", STYLES)
def test_unsaved_text_is_followed_however_a_client_tells_it(desk: Desk, path: Path, style: str) -> None:
    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(path, LINES)
        await editor.spans(path)
        for changes in STYLES[style]:
            editor.change(path, *changes)
        return await editor.spans(path)

    spans = desk(story)
    assert runs(spans) == [(1, 1, "unknown"), (2, 3, "unknown"), (4, 4, "ai")]
    assert spans["unsaved"] == [{"start": 2, "end": 3}]


def test_unsaved_text_is_not_yet_recorded_and_undo_brings_the_owner_back(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> list[Any]:
        editor.open(path, LINES)
        editor.change(path, {"range": at(1, 0, (2, 0)), "text": "mine\n"})
        typed = await editor.hover(path, 1)
        editor.change(path, {"range": at(1, 0, (2, 0)), "text": "two\n"})
        return [typed["contents"]["value"], runs(await editor.spans(path))]

    assert desk(story) == ["Not yet recorded: unsaved text.", SAVED]


def test_a_lost_document_is_found_again_when_it_is_saved(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> list[Any]:
        editor.open(path, LINES)
        editor.change(path, {"range": at(70, 0), "text": "?"})
        lost = await editor.spans(path)
        editor.save(path, LINES)
        return [lost["unsaved"], runs(await editor.spans(path))]

    assert desk(story) == [[{"start": 1, "end": 5}], SAVED]


def test_what_an_agent_writes_and_what_is_committed_is_seen_without_a_word_from_the_editor(repository: Scratch, written: Path) -> None:
    async def story(editor: Editor) -> list[Any]:
        editor.open(written, LINES)
        before = runs(await editor.spans(written))
        agent_writes(repository, "a.py", LINES + "five\n")
        stale = await editor.spans(written)
        editor.change(written, {"range": at(4, 0), "text": "five\n"})
        written_too = runs(await editor.spans(written))
        commit = repository.commit("more")
        byline(repository, "attest", "--wait")
        ranges = (await editor.spans(written))["ranges"]
        return [before, runs(stale), written_too, {each["commit"] for each in ranges if each["origin"] == "ai"} == {commit}]

    assert with_editor(story) == [SAVED, SAVED, [*SAVED, (5, 5, "ai")], True]


def test_the_server_records_nothing(repository: Scratch, written: Path) -> None:
    before = blame(repository, "a.py")
    journal = repository.path / ".git/byline/journal"
    records = journal.read_bytes()

    async def story(editor: Editor) -> None:
        editor.open(written, LINES)
        editor.change(written, {"range": at(0, 0), "text": "typed\n"})
        await editor.spans(written)
        editor.save(written, "typed\n" + LINES)
        await editor.spans(written)

    with_editor(story)
    assert (journal.read_bytes(), blame(repository, "a.py")) == (records, before)


def test_lines_that_a_gate_would_want_approved_are_marked_until_they_are(repository: Scratch) -> None:
    """Work on a branch whose claims were lost, against `main`, which has trust and policy."""
    byline(repository, "init", "--policy", "team", "--yes")
    repository.write("a.py", "one\nfour\n")
    repository.commit("before")
    repository.git("checkout", "--quiet", "-b", "work")
    path = agent_writes(repository, "a.py", LINES)
    repository.commit("nobody's, for a gate")
    byline(repository, "attest", "--wait")
    repository.git("update-ref", "-d", "refs/byline/evidence")

    async def story(editor: Editor) -> list[Any]:
        editor.open(path, LINES)
        await editor.until(lambda: bool(editor.diagnostics.get(path.as_uri())))
        first = editor.diagnostics[path.as_uri()]
        editor.change(path, {"range": at(0, 0), "text": "typed\n"})
        await editor.until(lambda: editor.diagnostics[path.as_uri()] != first)
        moved = [each["range"] for each in editor.diagnostics[path.as_uri()]]
        byline(repository, "approve", "--yes")
        await editor.until(lambda: not editor.diagnostics[path.as_uri()])
        return [first, moved, (await editor.hover(path, 2))["contents"]["value"]]

    [[first], moved, hover] = with_editor(story)
    assert first == {
        "range": {"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 5}},
        "severity": 3,
        "code": "ai-senior-signoff",
        "source": "byline",
        "message": first["message"],
    }
    assert first["message"].startswith("a gate would want 1 approval by senior or above: ")
    assert moved == [{"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 5}}]
    assert re.search(r"- approval: `p-\w+` on `20\d\d-\d\d-\d\dT", hover)


def test_what_is_being_edited_is_in_no_log(path: Path) -> None:
    """Not even where a client sends what nobody can read."""
    bad = {"textDocument": {"uri": path.as_uri(), "version": "hunter2"}, "contentChanges": [{"text": ["hunter2"]}]}

    async def story(editor: Editor) -> list[str]:
        editor.open(path, "hunter2\n")
        editor.tell("textDocument/didChange", bad)
        editor.tell("textDocument/didSave", "hunter2")
        editor.tell("byline/hunter2", {"text": "hunter2"})
        await editor.spans(path)
        return editor.logged

    desk = Desk()
    logged = desk(story)
    assert [line for line in (*logged, desk.stop()) if "hunter2" in line.replace("byline/hunter2", "")] == []


@pytest.mark.parametrize("place", ["outside", "untitled"])
def test_nothing_is_said_outside_a_repository(desk: Desk, tmp_path: Path, place: str) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text("x\n")
    uri = alone.as_uri() if place == "outside" else "untitled:alone.py"

    async def story(editor: Editor) -> list[Any]:
        editor.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": "x\n"}})
        where = {"textDocument": {"uri": uri}}
        spans = await editor.ask("byline/spans", where)
        return [spans, await editor.ask("textDocument/hover", where | {"position": {"line": 0, "character": 0}})]

    assert desk(story) == [None, None]


def test_nothing_is_said_of_a_document_that_is_not_open(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        return await editor.spans(path)

    assert desk(story) is None


def test_a_request_without_a_document_is_refused(desk: Desk, path: Path) -> None:
    async def story(editor: Editor) -> str:
        with pytest.raises(Exception, match="byline/spans takes") as raised:
            await editor.ask("byline/spans", {"uri": path.as_uri()})
        return type(raised.value).__name__

    assert desk(story) == "JsonRpcInvalidParams"


def test_a_new_file_that_was_never_saved_is_unsaved(desk: Desk, path: Path) -> None:
    new = path.with_name("new.py")

    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(new, "a\nb\n")
        return await editor.spans(new)

    assert desk(story) == {
        "schema": "byline.spans/1", "path": "new.py", "revision": "worktree", "version": 1,
        "ranges": [{"start": 1, "end": 2} | NOBODY], "unsaved": [{"start": 1, "end": 2}],
    }  # fmt: skip


def test_a_binary_file_has_no_ranges(shared: tuple[Scratch, Desk], path: Path) -> None:
    image = path.with_name("image.bin")

    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(image, "\0\1\n\2\n")
        return await editor.spans(image)

    repository, desk = shared
    spans = desk(story)
    assert (spans["ranges"], spans["unsaved"]) == (blame(repository, "image.bin")["ranges"], [])


def test_a_repository_that_byline_does_not_know_has_unknown_lines(desk: Desk, repository: Scratch) -> None:
    new = repository.write("a.py", "a\nb\n")

    async def story(editor: Editor) -> Any:  # noqa: ANN401 - JSON
        editor.open(new, "a\nb\n")
        return await editor.spans(new)

    assert desk(story)["ranges"] == [{"start": 1, "end": 2} | NOBODY]


def test_a_long_file_is_followed(desk: Desk, path: Path) -> None:
    long = path.with_name("long.py")

    async def story(editor: Editor) -> list[Any]:
        editor.open(long, LONG)
        whole = runs(await editor.spans(long))
        editor.change(long, {"range": at(25_000, 0), "text": "new\n"})
        return [whole, runs(await editor.spans(long))]

    assert desk(story) == [[(1, 50_000, "ai")], [(1, 25_000, "ai"), (25_001, 25_001, "unknown"), (25_002, 50_001, "ai")]]
