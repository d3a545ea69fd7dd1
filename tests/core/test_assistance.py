# SPDX-License-Identifier: Apache-2.0
"""What the evidence asks of a message's trailers, preset by preset, and what is wrong with those that it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.assistance import Kind, Preset, Trailer, compare_trailers, is_agents, wanted_trailers
from byline.core.attribution import Agent

CLAUDE = Agent(name="claude-code", version="2.1", model="anthropic/claude-x")
CODEX = Agent(name="codex", model=None)
AGENTS = (CODEX, CLAUDE, Agent(name="claude-code", version="2.2", model="anthropic/claude-x"))


def trailer(text: str) -> Trailer:
    key, _, value = text.partition(": ")
    return Trailer(key=key, value=value)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        (Preset.ASSISTED_BY, ["Assisted-by: claude-code:claude-x", "Assisted-by: codex"]),
        (Preset.KERNEL, ["Assisted-by: claude-code:claude-x", "Assisted-by: codex"]),
        (Preset.CO_AUTHORED_BY, ["Co-authored-by: Claude <noreply@anthropic.com>", "Co-authored-by: Codex <noreply@openai.com>"]),
        (Preset.GENERATED_BY, ["Generated-by: claude-code claude-x", "Generated-by: codex"]),
        (Preset.FORBIDDEN, []),
    ],
)
def test_each_agent_and_model_is_named_once_and_in_order(preset: Preset, expected: list[str]) -> None:
    wanted = wanted_trailers(AGENTS, preset)
    assert [each.text for each in wanted] == expected
    assert compare_trailers(wanted, AGENTS, preset) == ()
    assert [each.kind for each in compare_trailers((), AGENTS, preset)] == [Kind.MISSING] * len(expected)


def test_an_agent_nobody_knows_has_an_address_that_leads_nowhere() -> None:
    assert wanted_trailers([Agent(name="Scribe")], Preset.CO_AUTHORED_BY)[0].value == "Scribe <noreply@scribe.invalid>"


@pytest.mark.parametrize(
    "text",
    [
        "assisted-by: claude-code:claude-x",
        "Assisted-by: Claude-Code:claude-x coccinelle sparse",
    ],
)
def test_a_key_in_another_case_and_tools_after_the_model_are_the_same(text: str) -> None:
    assert compare_trailers([trailer(text)], [CLAUDE], Preset.KERNEL) == ()


@pytest.mark.parametrize("text", ["Assisted-by: claude-code", "Assisted-by: claude-code:claude-y", "Reviewed-by: claude-code:claude-x"])
def test_another_model_or_key_is_not_the_same(text: str) -> None:
    assert [each.kind for each in compare_trailers([trailer(text)], [CLAUDE], Preset.KERNEL)] == [Kind.MISSING]


def test_in_the_kernel_no_agent_signs_off() -> None:
    found = [trailer("Signed-off-by: Claude <noreply@anthropic.com>"), trailer("Signed-off-by: Ana <ana@example.invalid>")]
    assert [(each.kind, each.trailer) for each in compare_trailers(found, [], Preset.KERNEL)] == [(Kind.FORBIDDEN, found[0])]
    assert compare_trailers(found, [], Preset.ASSISTED_BY) == ()


def test_an_agent_of_which_the_evidence_knows_nothing_is_a_difference() -> None:
    found = [trailer("Co-authored-by: Cursor <cursoragent@cursor.com>")]
    assert [each.kind for each in compare_trailers(found, [], Preset.ASSISTED_BY)] == [Kind.UNKNOWN]
    assert [each.kind for each in compare_trailers(found, [], Preset.FORBIDDEN)] == [Kind.FORBIDDEN]
    assert [each.kind for each in compare_trailers(found, [CLAUDE], Preset.ASSISTED_BY)] == [Kind.MISSING]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Assisted-by: anything", True),
        ("Generated-by: anything", True),
        ("AI-Model: x", True),
        ("Claude-Session: https://example.invalid", True),
        ("Co-authored-by: copilot-swe-agent[bot] <1+Copilot@users.noreply.github.com>", True),
        ("Co-Authored-By: Claude Opus (1M context) <noreply@anthropic.com>", True),
        ("Co-authored-by: Claude", True),
        ("Co-authored-by: Claude Martin <claude@example.invalid>", False),
        ("Co-authored-by: Ana <ana@example.invalid>", False),
        ("Reviewed-by: Claude", False),
        ("Change-Id: I0123", False),
    ],
)
def test_a_person_may_share_an_agents_name(text: str, expected: bool) -> None:  # noqa: FBT001 - what is expected
    assert is_agents(trailer(text)) is expected


@given(name=st.text(min_size=1, max_size=20), model=st.none() | st.text(max_size=20), preset=st.sampled_from(Preset))
def test_no_name_makes_more_than_one_line(name: str, model: str | None, preset: Preset) -> None:
    for each in wanted_trailers([Agent(name=name, model=model)], preset):
        assert len(each.text.splitlines()) == 1
        assert each.text.isascii()
        assert each.text.isprintable()
