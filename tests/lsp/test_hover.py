# SPDX-License-Identifier: Apache-2.0
"""What a hover says, and what it lets nobody say."""

from __future__ import annotations

from dataclasses import replace

from byline.core.attribution import UNATTRIBUTED, Agent, Byline, Channel, Evidence, Origin, Person, Tool, owner_of
from byline.flow.proofs import Proof
from byline_lsp.hover import MAX_NAME, describe_line, printable
from byline_lsp.snapshot import Approved, Snapshot

STATEMENT = "5" * 64
OWNER = replace(
    owner_of(Agent(name="claude-code", model="claude-x"), evidence=Evidence.OBSERVED, channel=Channel.HOOK, session="s-1"),
    principal="p-rob",
)
AI = Byline(owner=OWNER, statement=STATEMENT, commit="c" * 40)
HAND = owner_of(Person(id="p-ana"), evidence=Evidence.DECLARED, channel=Channel.DECLARATION)
PROVEN = {STATEMENT: Proof(verified=True, signer="p-rob", strength="logged")}


def say(byline: Byline, proofs: dict[str, Proof] | None = None, *approvals: Approved, markdown: bool = True) -> list[str]:
    snapshot = Snapshot(path=b"f", bylines=(byline,), proofs=proofs or {}, approvals=approvals)
    return describe_line(snapshot, 0, markdown=markdown).splitlines()


def test_a_hover_says_who_model_session_evidence_signature_and_approval() -> None:
    assert say(AI, PROVEN, Approved(person="p-ana", at="2026-11-21T10:00:00Z")) == [
        "**AI** `claude-code` (`claude-x`)",
        "",
        "- evidence: observed: a hook or the editor saw it",
        "- session: `s-1`",
        "- answers for it: `p-rob`",
        "- commit: `cccccccccccc`",
        "- signature: verified, by `p-rob`, logged",
        "- approval: `p-ana` on `2026-11-21T10:00:00Z`",
    ]


def test_a_client_without_markdown_gets_plain_text() -> None:
    assert say(AI, PROVEN, markdown=False)[0] == "AI claude-code (claude-x)"


def test_a_mixed_line_names_both_writers() -> None:
    mixed = Byline(owner=replace(OWNER, origin=Origin.MIXED, earlier=HAND))
    assert say(mixed)[:3] == ["**Mixed** `claude-code` (`claude-x`)", "", "- changed in part; before: `p-ana`, declared"]


def test_a_person_and_a_tool_are_named() -> None:
    tool = owner_of(Tool(name="black", version="26.1"), evidence=Evidence.ATTESTED, channel=Channel.RECORD)
    assert (say(Byline(owner=HAND))[0], say(Byline(owner=tool))[0]) == ("**Person** `p-ana`", "**Tool** `black 26.1`")


def test_nothing_known_is_said_to_be_unknown() -> None:
    assert say(UNATTRIBUTED) == [
        "**Unknown: nothing says who wrote this**",
        "",
        "- signature: none",
        "- approval: none of this version of the file",
    ]


def test_a_statement_that_is_not_proven_is_said_to_be_so_and_why() -> None:
    [line] = [each for each in say(AI, {STATEMENT: Proof(verified=False, problem="a key that trust does not know")}) if "signature" in each]
    assert line == "- signature: not verified: `a key that trust does not know`"


def test_unsaved_text_is_not_yet_recorded() -> None:
    assert describe_line(Snapshot(path=b"f"), -1, markdown=True) == "Not yet recorded: unsaved text."


def test_a_name_cannot_become_a_link_a_heading_or_another_line() -> None:
    evil = Agent(name="x`\n# [click](command:evil) <img src=x> \u202egnp.exe\x1b[31m", model="m")
    said = say(Byline(owner=owner_of(evil, evidence=Evidence.OBSERVED, channel=Channel.HOOK)))
    assert said[0] == "**AI** `x' # [click](command:evil) <img src=x> gnp.exe[31m` (`m`)"


def test_a_long_name_is_cut() -> None:
    assert len(printable("x" * 10_000)) == MAX_NAME
