# SPDX-License-Identifier: Apache-2.0
"""Commitments to prompts: they bind, they hide, and an opening reads back as it was written."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.prompt import KEY_BYTES, Opening, Prompt, check_opening, commit_prompt, format_opening, parse_opening
from byline.core.value import replace
from byline.errors import CommitmentError, MalformedError, PromptError

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
PROMPTS = st.builds(Prompt, agent=TEXTS, session=TEXTS, number=st.integers(1, 2**53 - 1), time=st.integers(0, 10**20 - 1), text=TEXTS)
IDS = st.binary(min_size=32, max_size=32).map(bytes.hex)
OPENINGS = st.builds(Opening, prompt=PROMPTS, key=st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), signer=IDS, statement=IDS)
ONE = Opening(
    prompt=Prompt(agent="codex", session="s-1", number=2, time=1_700_000_000_000_000_000, text="Write app.py please"),
    key=bytes(range(32)),
    signer="a" * 64,
    statement="b" * 64,
)


def test_a_commitment_is_what_the_docstring_says() -> None:
    """Anybody can make it again with a JSON and an HMAC of their own."""
    told = {"agent": "codex", "number": 2, "schema": "byline.prompt/1", "session": "s-1", "signer": "a" * 64}
    message = json.dumps({**told, "text": "Write app.py please", "time": "1700000000000000000"}, separators=(",", ":"))
    assert ONE.commitment == hmac.new(bytes(range(32)), message.encode(), hashlib.sha256).hexdigest()


@given(OPENINGS, OPENINGS)
def test_no_other_prompt_key_or_signer_opens_a_commitment(one: Opening, other: Opening) -> None:
    """P8: whatever differs, text, session, number, time, agent, key or signer, it is another commitment."""
    is_same = (one.prompt, one.key, one.signer) == (other.prompt, other.key, other.signer)
    assert (one.commitment == other.commitment) is is_same


@given(OPENINGS, st.sampled_from(["agent", "session", "number", "time", "text"]))
def test_one_member_changed_is_another_prompt(opening: Opening, name: str) -> None:
    """P8: also the smallest change of one member."""
    value = getattr(opening.prompt, name)
    changed = f"{value}x" if isinstance(value, str) else value - 1 if value > 1 else value + 1  # what JSON and the clock can hold
    other = replace(opening, prompt=replace(opening.prompt, **{name: changed}))
    check_opening(opening, (opening.commitment,), signer=opening.signer)
    with pytest.raises(CommitmentError):
        check_opening(other, (opening.commitment,), signer=opening.signer)


def test_nothing_of_a_prompt_moves_over_the_edge_of_a_member() -> None:
    """P8: canonical JSON, so that no two messages read alike."""
    first, second = (replace(ONE.prompt, session=session, text=text) for session, text in (("s", 'x","time'), ('s","text', "x")))
    assert commit_prompt(first, key=ONE.key, signer=ONE.signer) != commit_prompt(second, key=ONE.key, signer=ONE.signer)


def test_a_commitment_copied_into_anothers_statement_is_to_nothing() -> None:
    """P8: who signs is a part of what is committed to."""
    with pytest.raises(CommitmentError, match="another key"):
        check_opening(ONE, (ONE.commitment,), signer="c" * 64)
    with pytest.raises(CommitmentError, match="no commitment"):
        check_opening(replace(ONE, signer="c" * 64), (ONE.commitment,), signer="c" * 64)


@given(OPENINGS)
def test_an_opening_reads_back(opening: Opening) -> None:
    assert parse_opening(format_opening(opening)) == opening


BENT: tuple[Callable[[dict[str, Any]], object], ...] = (
    lambda value: value.pop("key"),
    lambda value: value.update(more=1),
    lambda value: value.update(schema="byline.prompt/1"),
    lambda value: value.update(key="AAAA"),
    lambda value: value.update(number=0),
    lambda value: value.update(number=True),
    lambda value: value.update(time="01"),
    lambda value: value.update(time=1),
    lambda value: value.update(time="1" * 21),
    lambda value: value.update(text=None),
    lambda value: value.update(signer="A" * 64),
    lambda value: value.update(statement="b" * 63),
)


@pytest.mark.parametrize("bend", BENT)
def test_what_is_no_opening_is_refused(bend: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(format_opening(ONE))
    bend(value)
    with pytest.raises(MalformedError):
        parse_opening(json.dumps(value).encode())


@given(st.binary() | st.dictionaries(st.text(), st.none() | st.integers() | st.text()).map(lambda value: json.dumps(value).encode()))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_opening(data)


def test_a_key_has_one_length() -> None:
    """P8: HMAC fills a short key up with zeros, so that keys of two lengths would read alike."""
    short = json.loads(format_opening(ONE)) | {"key": "AA=="}
    with pytest.raises(PromptError, match="32 bytes"):
        parse_opening(json.dumps(short).encode())
