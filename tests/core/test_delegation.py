# SPDX-License-Identifier: Apache-2.0
"""The predicates of delegation, read strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.delegation import (
    Delegation,
    Revocation,
    format_delegation,
    format_revocation,
    parse_delegation,
    parse_revocation,
)
from byline.core.statement import parse_statement
from byline.errors import StatementError
from byline.testing import fixed_signer
from casework import NOW, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from byline.core.statement import Statement

GIVEN = Delegation(
    repository=REPOSITORY,
    delegator="p-ana",
    agent="claude-code",
    models=("model-x", "model-y"),
    public=fixed_signer(31).public,
    paths=("src/**",),
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=12),
)
ENDED = Revocation(repository=REPOSITORY, delegation="1" * 64, key="2" * 64, revoked_at=NOW)

words = st.none() | st.lists(st.text("abc/*é", min_size=1, max_size=8), min_size=1, max_size=4, unique=True).map(tuple)


@given(models=words, paths=words, minutes=st.integers(1, 720))
def test_what_is_formatted_is_read_again(models: tuple[str, ...] | None, paths: tuple[str, ...] | None, minutes: int) -> None:
    one = replace(GIVEN, models=models, paths=paths, expires_at=NOW + timedelta(minutes=minutes))
    assert parse_delegation(parse_statement(format_delegation(one))) == one


def test_a_revocation_is_read_again() -> None:
    for one in (ENDED, replace(ENDED, keeps_until=NOW)):
        assert parse_revocation(parse_statement(format_revocation(one))) == one


@pytest.mark.parametrize(
    "wrong",
    [
        {"delegator": "a-bot"},
        {"delegator": "ana"},
        {"expires_at": NOW},
        {"expires_at": NOW + timedelta(hours=12, seconds=1)},
        {"public": b"no key"},
    ],
)
def test_too_wide_a_delegation_is_not_even_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(StatementError):
        format_delegation(replace(GIVEN, **wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"delegator": "a-bot"},
        {"expiresAt": "2027-01-01T00:00:00Z"},
        {"public": "AAAA"},
        {"paths": []},
        {"paths": ["a", "a"]},
        {"agent": {"name": "a"}},
        {"agent": {"name": "", "models": None}},
        {"uses": ["approval"]},
    ],
)
def test_a_delegation_is_read_strictly(wrong: dict[str, Any]) -> None:
    value = json.loads(format_delegation(GIVEN))
    value["predicate"] |= wrong
    with pytest.raises(StatementError):
        parse_delegation(parse_statement(json.dumps(value).encode()))


@pytest.mark.parametrize(("payload", "read"), [(format_delegation(GIVEN), parse_delegation), (format_revocation(ENDED), parse_revocation)])
def test_the_subject_is_the_agents_key(payload: bytes, read: Callable[[Statement], object]) -> None:
    value = json.loads(payload)
    value["subject"][0]["digest"]["sha256"] = "0" * 64
    with pytest.raises(StatementError, match="subject"):
        read(parse_statement(json.dumps(value).encode()))
    other = format_revocation(ENDED) if read is parse_delegation else format_delegation(GIVEN)
    with pytest.raises(StatementError, match="not a"):
        read(parse_statement(other))
