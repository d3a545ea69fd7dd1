# SPDX-License-Identifier: Apache-2.0
"""Agent Trace: what we write obeys every rule of its schemas, the stricter of them where they differ; what others write is read."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.agent_trace import can_name, format_trace, parse_traces
from byline.core.attribution import Agent, Origin
from byline.core.hearsay import Hearsay
from byline.core.lines import LineRange
from byline.errors import MalformedError

COMMIT = "1234567890abcdef" * 2 + "12345678"
AT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)

# The members of each object of 0.1.0: those that must be there, then those that may. Where the specification's schemas differ (may
# others stand beside them, must `tool` have a version), these are the rules that satisfy both.
MEMBERS: dict[str, tuple[set[str], set[str]]] = {
    "record": ({"version", "id", "timestamp", "files"}, {"vcs", "tool", "metadata"}),
    "vcs": ({"type", "revision"}, set()),
    "tool": ({"name", "version"}, set()),
    "file": ({"path", "conversations"}, set()),
    "conversation": ({"ranges"}, {"url", "contributor", "related"}),
    "contributor": ({"type"}, {"model_id"}),
    "range": ({"start_line", "end_line"}, {"content_hash", "contributor"}),
    "related": ({"type", "url"}, set()),
}

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
paths = st.lists(names.filter(lambda name: name.lower() not in (".", "..", ".git") and "/" not in name), min_size=1, max_size=3).map(
    "/".join
)


@st.composite
def hearsay(draw: st.DrawFn) -> Hearsay:
    origin = draw(st.sampled_from([Origin.AI, Origin.MIXED, Origin.HUMAN, Origin.UNKNOWN]))
    start = draw(st.integers(0, 1000))
    agent = session = None
    if origin in (Origin.AI, Origin.MIXED):
        agent = Agent(name=draw(names), model=draw(st.none() | names.map(lambda name: f"provider/{name}")))
        session = draw(st.none() | names)
    return Hearsay(
        commit=COMMIT,
        path=draw(paths.filter(lambda path: path not in (".sessions", ".shell-history", ".unknown"))).encode(),
        lines=LineRange(start, start + draw(st.integers(1, 50))),
        origin=origin,
        agent=agent,
        session=session,
        digest=draw(st.none() | st.just("a" * 64)),
        statement=draw(st.none() | st.just("b" * 64)),
    )


def check(kind: str, value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    must, may = MEMBERS[kind]
    assert must <= set(value) <= must | may
    return value


def check_record(record: object) -> None:
    """Every rule of the schemas, and those that the text adds: ranges are in order, URLs are absolute."""
    top = check("record", record)
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", str(top["version"]))
    assert (str(UUID(str(top["id"]))), UUID(str(top["id"])).version) == (top["id"], 5)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(top["timestamp"]))
    assert check("vcs", top["vcs"])["type"] == "git"
    assert all(isinstance(each, str) for each in check("tool", top["tool"]).values())
    assert isinstance(top["files"], list)
    for file in top["files"]:
        assert not str(check("file", file)["path"]).startswith("/")
        for conversation in file["conversations"]:
            check("conversation", conversation)
            assert check("contributor", conversation["contributor"])["type"] in ("human", "ai", "mixed", "unknown")
            assert len(conversation["contributor"].get("model_id", "")) <= 250
            assert re.fullmatch(r"[a-z]+:[!-~]+", conversation.get("url", "urn:x"))
            assert all(re.fullmatch(r"[a-z]+:[!-~]+", check("related", each)["url"]) for each in conversation.get("related", ()))  # type: ignore[call-overload]  # text
            for each in conversation["ranges"]:
                assert 1 <= check("range", each)["start_line"] <= each["end_line"]  # type: ignore[operator]  # numbers


@given(said=st.lists(hearsay(), max_size=6))
def test_what_is_written_obeys_the_schema_and_reads_back(said: list[Hearsay]) -> None:
    record = format_trace(COMMIT, said, at=AT, version="0.1.0")
    assert record.endswith(b"}\n")
    assert record.count(b"\n") == 1
    check_record(json.loads(record))
    back = parse_traces(record)
    assert back.doubts == ()

    def key(each: Hearsay) -> str:
        return repr((each.path, each.lines, each.origin, each.agent, each.session, each.digest))

    assert sorted(map(key, back.hearsay)) == sorted(map(key, said))
    assert record == format_trace(COMMIT, said, at=AT, version="0.1.0")


def test_a_path_that_is_not_utf_8_has_no_name() -> None:
    assert can_name("ä.py".encode())
    assert not can_name(b"\xff.py")


def record(**members: object) -> dict[str, object]:
    conversation = {"contributor": {"type": "ai", "model_id": "anthropic/claude-x"}, "ranges": [{"start_line": 1, "end_line": 50}]}
    return {
        "version": "0.1.0",
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "timestamp": "2026-01-25T10:00:00Z",
        "vcs": {"type": "git", "revision": COMMIT},
        "files": [{"path": "src/app.ts", "conversations": [conversation]}],
        **members,
    }


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(record()),
        json.dumps([record()]),
        json.dumps(record(), indent=2),
        json.dumps(record()) + "\n\n",
        json.dumps(record(version="1.0", metadata={"confidence": 0.95}, unheard_of=[None])),
    ],
)
def test_one_record_a_list_or_lines(text: str) -> None:
    said = Hearsay(
        commit=COMMIT,
        path=b"src/app.ts",
        lines=LineRange(0, 50),
        origin=Origin.AI,
        agent=Agent(name="unknown", model="anthropic/claude-x"),
    )
    assert parse_traces(text.encode()).hearsay == (said,)


def test_the_rest_of_a_file_is_read_past_a_bad_line() -> None:
    lines = [
        json.dumps(record()),
        "{",
        json.dumps(record(vcs={"type": "jj", "revision": "kkmpptxz"})),
        "",
        json.dumps(record(version="9.0")),
    ]
    reading = parse_traces("\n".join(lines).encode())
    assert len(reading.hearsay) == 1
    assert [(each.where, each.why) for each in reading.doubts] == [
        ("line 2", "not JSON"),
        ("line 3", "it names no revision of git"),
        ("line 5", "a version of Agent Trace that is not read here"),
    ]


def test_a_range_overrides_its_conversation_and_the_tool_names_the_agent() -> None:
    ranges = [{"start_line": 1, "end_line": 2}, {"start_line": 3, "end_line": 3, "contributor": {"type": "mixed", "model_id": "openai/x"}}]
    files = [{"path": "a", "conversations": [{"url": "https://api.example/c/1", "contributor": {"type": "human"}, "ranges": ranges}]}]
    one, two = parse_traces(json.dumps(record(files=files, tool={"name": "cursor", "version": "2.4.0"})).encode()).hearsay
    assert (one.origin, one.agent, one.session) == (Origin.HUMAN, None, None)
    assert (two.origin, two.agent, two.session) == (Origin.MIXED, Agent(name="cursor", model="openai/x"), None)


@pytest.mark.parametrize("path", [".sessions", ".shell-history", ".unknown"])
def test_what_the_reference_hook_writes_beside_files_means_nothing(path: str) -> None:
    reading = parse_traces(json.dumps(record(files=[{"path": path, "conversations": [{"ranges": []}]}])).encode())
    assert (reading.hearsay, reading.doubts) == ((), ())


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/etc/passwd", "conversations": []},
        {"path": "a/../b", "conversations": []},
        {"path": ".git/config", "conversations": []},
        {"path": "\ud800", "conversations": []},
        {"path": "a"},
        {"path": "a", "conversations": [{"contributor": {"type": "ai"}}]},
        {"path": "a", "conversations": [{"contributor": {"type": "robot"}, "ranges": [{"start_line": 1, "end_line": 1}]}]},
        {"path": "a", "conversations": [{"ranges": [{"start_line": 1, "end_line": 1}]}]},
        *(
            {"path": "a", "conversations": [{"contributor": {"type": "ai"}, "ranges": [{"start_line": start, "end_line": end}]}]}
            for start, end in [(0, 1), (2, 1), (1, 2**40), ("1", "2"), (1.0, 2.0)]
        ),
    ],
)
def test_what_cannot_be_used_is_one_doubt(file: object) -> None:
    reading = parse_traces(json.dumps(record(files=[file])).encode())
    assert (reading.hearsay, len(reading.doubts)) == ((), 1)


@pytest.mark.parametrize("data", [b"{", b"text\nmore text\n", b"\xff\xfe"])
def test_what_holds_no_json_is_no_agent_trace(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_traces(data)


WORDS = ("version", "vcs", "type", "revision", "files", "path", "conversations", "ranges", "contributor", "start_line", "end_line", "url")
leaves = st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["0.1.0", "ai", "git", COMMIT])
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6), max_leaves=30
)


@given(value=anything)
def test_any_json_is_read_or_doubted(value: object) -> None:
    reading = parse_traces(json.dumps([value]).encode())
    assert all(each.commit and each.lines for each in reading.hearsay)
