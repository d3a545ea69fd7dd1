# SPDX-License-Identifier: Apache-2.0
"""What an entry is found by: read out of any statement, and asked for by any part of it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.facets import Facets, Query, facets_of
from byline.core.statement import Statement, Subject

KEY = b"k" * 32
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def statement(predicate: dict[str, Any], *subjects: str) -> Statement:
    named = tuple(Subject(name="_", sha256=each) for each in (subjects or ("ab" * 32,)))
    return Statement(subjects=named, predicate_type="t", predicate=predicate, digest="")


def test_a_statement_is_found_by_what_it_says() -> None:
    predicate = {"repository": {"id": "r", "uri": None}, "commit": {"id": "0a" * 20, "tree": "x"}}
    made = facets_of(statement(predicate, "ab" * 32, "cd" * 32, "ab" * 32), KEY)
    subjects = (bytes.fromhex("ab" * 32), bytes.fromhex("cd" * 32))
    assert made == Facets(key=KEY, repository="r", commit="0a" * 20, predicate_type="t", subjects=subjects)
    assert len(made.terms) == 5
    asked = [Query(subject=subjects[1]), Query(commit="0a" * 20), Query(key=KEY), Query(repository="r")]
    assert {term for query in asked for term in query.terms} <= set(made.terms)


@pytest.mark.parametrize(
    "other", [None, "r", 1, [], {}, {"id": None}, {"id": ["a"]}, {"id": "line\nbreak"}, {"id": "\ud800"}, {"id": "x" * 513}]
)
def test_what_is_no_id_is_left_out(other: object) -> None:
    made = facets_of(statement({"repository": other, "commit": other}), KEY)
    assert (made.repository, made.commit) == ("", "")


@pytest.mark.parametrize("commit", ["0A" * 20, "0a" * 19, "0a" * 33, "x" * 40, ""])
def test_a_commit_is_a_git_id(commit: str) -> None:
    assert facets_of(statement({"commit": {"id": commit}}), KEY).commit == ""


@given(st.dictionaries(st.sampled_from(["repository", "commit"]), json | st.fixed_dictionaries({"id": json})))
def test_any_predicate_has_facets(predicate: dict[str, Any]) -> None:
    assert facets_of(statement(predicate), KEY).key == KEY


def test_a_term_is_of_one_kind() -> None:
    """The same bytes as a key and as a subject are two terms, and the name ends where the value begins."""
    assert Query(key=KEY).terms != Query(subject=KEY).terms
    assert Query(repository="r").terms == (hashlib.sha256(b"repository\0r").digest()[:12],)


def test_what_is_empty_has_no_term() -> None:
    assert Facets(key=b"").terms == Query().terms == ()
