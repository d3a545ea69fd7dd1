# SPDX-License-Identifier: Apache-2.0
"""The notes of git-ai: what it writes is read, traps included; what we write, its grammar reads back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import Agent, Origin
from byline.core.git_ai import can_name, format_note, is_ours, parse_note, prompts_of
from byline.core.hearsay import Hearsay
from byline.core.lines import LineRange
from byline.errors import MalformedError

COMMIT = "ed5086494b7d6a2ee7001d8b5a4b35cc7f66fb20"

# As git-ai 1.6.24 writes it: an agent wrote lines 1 to 4, a person typed 5 and 6; no line end after the last brace.
WRITTEN = """\
a.py
  h_5707a23c617896 5-6
  s_b081465a41ca31::t_2d4a572f3c5200 1-4
---
{
  "schema_version": "authorship/3.0.0",
  "git_ai_version": "1.6.24",
  "base_commit_sha": "ed5086494b7d6a2ee7001d8b5a4b35cc7f66fb20",
  "prompts": {},
  "humans": {
    "h_5707a23c617896": {
      "author": "Hana <h@example.com>"
    }
  },
  "sessions": {
    "s_b081465a41ca31": {
      "agent_id": {
        "tool": "claude",
        "id": "9f8b2c1e-0000-4000-8000-000000000001",
        "model": "claude-test"
      },
      "human_author": "Hana <h@example.com>"
    }
  }
}"""
SESSION = "9f8b2c1e-0000-4000-8000-000000000001"


def said(start: int, end: int, path: str = "a.py", *, model: str | None = "m-1") -> Hearsay:
    agent = Agent(name="claude", model=model)
    return Hearsay(commit=COMMIT, path=path.encode(), lines=LineRange(start - 1, end), origin=Origin.AI, agent=agent, session="s-1")


def note(files: str, *, agent: object = None, **members: object) -> bytes:
    """Write a note around `files`; the keys s_a and feedfacefeedface are an agent's."""
    found = {"agent_id": agent or {"tool": "claude", "id": "s-1", "model": "m-1"}}
    record = {
        "schema_version": "authorship/3.0.0",
        "base_commit_sha": COMMIT,
        "prompts": {"feedfacefeedface": found},
        "sessions": {"s_a": found},
    }
    return f"{files}---\n{json.dumps({**record, **members})}".encode()


def test_a_note_of_git_ais_own() -> None:
    human, agent = parse_note(WRITTEN.encode(), COMMIT).hearsay
    assert (human.origin, human.lines, human.person) == (Origin.HUMAN, LineRange(4, 6), "Hana <h@example.com>")
    assert (agent.origin, agent.lines, agent.session) == (Origin.AI, LineRange(0, 4), SESSION)
    assert agent.agent == Agent(name="claude", model="claude-test")
    assert not is_ours(WRITTEN.encode())


def test_ids_agree_with_those_of_git_ai() -> None:
    agent = Agent(name="claude", model="claude-test")
    told = Hearsay(commit=COMMIT, path=b"a.py", lines=LineRange(0, 4), origin=Origin.AI, agent=agent, session=SESSION)
    assert b"\n  s_b081465a41ca31::t_" in b"\n" + format_note(COMMIT, [told], version="0.1.0")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("a.py\n  s_a::t_1 1,3-4,9\n", [said(1, 1), said(3, 4), said(9, 9)]),
        ("a.py\n  feedfacefeedface 1-2\n", [said(1, 2)]),
        ('"a b.py"\n  s_a 1\n', [said(1, 1, "a b.py")]),
        ('"a"b.py"\n  s_a 1\n', [said(1, 1, 'a"b.py')]),
        ("empty.py\na.py\n  s_a 1   \n\n  s_a 2\n", [said(1, 1), said(2, 2)]),
        ("a.py\n  s_a 1\n---\nb.py\n", None),
        ("", []),
    ],
)
def test_the_grammar(files: str, expected: list[Hearsay] | None) -> None:
    if expected is None:
        with pytest.raises(MalformedError):
            parse_note(note(files), COMMIT)
    else:
        assert list(parse_note(note(files), COMMIT).hearsay) == expected


def test_an_older_note_may_leave_it_to_another_one_who_an_agent_is() -> None:
    data = note("a.py\n  feedfacefeedface 1\n", prompts={})
    assert [each.why for each in parse_note(data, COMMIT).doubts] == [
        "an entry of which the note does not say whose it is: feedfacefeedface 1"
    ]
    assert parse_note(data, COMMIT, prompts=prompts_of(note(""))).hearsay == (said(1, 1),)
    assert (prompts_of(b"{"), prompts_of(b"{}"), prompts_of(WRITTEN.encode())) == ({}, {}, {})


def test_a_model_that_git_ai_does_not_know_is_none() -> None:
    found = parse_note(note("a.py\n  s_a 1\n", agent={"tool": "claude", "id": "s-1", "model": "unknown"}), COMMIT)
    assert found.hearsay == (said(1, 1, model=None),)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ("a.py\n  s_b::t_1 1\n", "an entry of which the note does not say whose it is: s_b::t_1 1"),
        ("a.py\n  h_1 1\n", "an entry of which the note does not say whose it is: h_1 1"),
        ("a.py\n  s_a 0\n", "lines that are none: 0"),
        ("a.py\n  s_a 3-2\n", "lines that are none: 3-2"),
        ("a.py\n  s_a 1-99999999999\n", "lines that are none: 1-99999999999"),
        ("a.py\n  s_a one\n", "lines that are none: one"),
        ("../a.py\n  s_a 1\n", "a path that cannot stand in a tree"),
        (".git/config\n  s_a 1\n", "a path that cannot stand in a tree"),
    ],
)
def test_what_cannot_be_used_is_one_doubt(files: str, why: str) -> None:
    reading = parse_note(note(files), COMMIT)
    assert (reading.hearsay, [each.why for each in reading.doubts]) == ((), [why])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"a note of a person's",
        note("", schema_version="authorship/4.0.0"),
        note("", base_commit_sha="0" * 40),
        note("", base_commit_sha=COMMIT[:12]),
        b"---\n[]",
        b"---\n" + b"[" * 100_000,
    ],
)
def test_a_note_of_another_schema_or_for_another_commit_is_none(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_note(data, COMMIT)


@pytest.mark.parametrize("path", [b'a"b', b"a\nb", b"  a", b"a ", b"---", b"\xff", b"a\rb"])
def test_a_path_that_a_note_cannot_name(path: bytes) -> None:
    assert not can_name(path)


known = st.builds(
    Hearsay,
    commit=st.just(COMMIT),
    path=st.sampled_from([b"a.py", b"dir/b c.py", "ä.py".encode(), b"#x", b"tab\tin"]),
    lines=st.builds(lambda start, count: LineRange(start, start + count), st.integers(0, 99), st.integers(1, 9)),
    origin=st.sampled_from([Origin.AI, Origin.HUMAN]),
    agent=st.just(Agent(name="claude", model="m-1")),
    session=st.sampled_from(["s-1", "s-2"]),
    person=st.just("p-ana"),
)


@given(told=st.lists(known, max_size=6))
def test_what_is_written_reads_back(told: list[Hearsay]) -> None:
    data = format_note(COMMIT, told, version="0.1.0")
    back = parse_note(data, COMMIT)
    assert is_ours(data)
    assert back.doubts == ()

    def key(each: Hearsay) -> str:
        is_human = each.origin is Origin.HUMAN
        return repr((each.path, each.lines, each.origin, None if is_human else (each.agent, each.session)))

    assert sorted(map(key, back.hearsay)) == sorted(map(key, told))


def test_no_name_and_no_address_leaves() -> None:
    human = Hearsay(commit=COMMIT, path=b"a.py", lines=LineRange(0, 1), origin=Origin.HUMAN, person="p-ana")
    assert json.loads(format_note(COMMIT, [human], version="0.1.0").partition(b"---\n")[2])["humans"] == {
        "h_a0f90383534219": {"author": "p-ana"}
    }
