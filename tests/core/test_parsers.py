# SPDX-License-Identifier: Apache-2.0
"""FM1: whatever bytes, text or JSON a parser of core is given, it answers or raises MalformedError, and nothing else."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import byline.core
from byline.core.statement import Statement, Subject
from byline.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The members that the parsers look for: text made of them reaches deeper than random text does.
WORDS = (
    "_type", "subject", "predicate", "predicateType", "name", "digest", "sha256", "path", "pathBytes", "mode", "op", "modify",
    "payload", "payloadType", "signatures", "sig", "keyid", "repository", "id", "uri", "salt", "owners", "files", "segs", "bases",
    "hashes", "removed", "base", "new", "origin", "ai", "human", "evidence", "schema", "version", "levels", "principal", "key",
    "rule", "when", "require", "extensions", "mediaType", "verificationMaterial", "tlogEntries", "logIndex", "inclusionProof",
    "https://in-toto.io/Statement/v1", "application/vnd.in-toto+json", "0" * 64, "AAAA", "100644", "", "\u00e9",
)  # fmt: skip

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.sampled_from(WORDS) | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=24
)
objects = st.dictionaries(st.sampled_from(WORDS), values, max_size=6)
documents = objects.map(lambda value: json.dumps(value).encode())
assignments = st.lists(st.tuples(st.sampled_from(WORDS), scalars), max_size=6).map(
    lambda rows: "".join(f"{name or 'x'} = {json.dumps(value)}\n" for name, value in rows).encode()
)
texts = st.text(max_size=200) | objects.map(json.dumps) | st.lists(st.sampled_from(WORDS), max_size=8).map("\n".join)
statements = st.builds(
    Statement,
    predicate_type=st.sampled_from(WORDS) | st.text(max_size=20),
    subjects=st.lists(st.builds(Subject, name=st.text(max_size=8), sha256=st.just("0" * 64)), max_size=3).map(tuple),
    predicate=objects,
)

BY_ANNOTATION = {
    "int": st.integers(0, 512),
    "bytes": st.binary(max_size=300) | documents | assignments | st.tuples(documents, st.binary(max_size=3)).map(b"".join),
    "str": texts,
    "Json": values,
    "object": values,
    "Mapping[str, Json]": objects,
    "dict[str, Json]": objects,
    "Statement": statements,
}


def _parsers() -> Iterator[tuple[str, Callable[..., Any]]]:
    for each in pkgutil.iter_modules(byline.core.__path__, "byline.core."):
        module = importlib.import_module(each.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("parse_") and function.__module__ == module.__name__:
                yield f"{each.name}.{name}", function


PARSERS = dict(_parsers())


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_parser_answers_or_says_malformed(name: str, data: st.DataObject) -> None:
    parse = PARSERS[name]
    needed = [each for each in inspect.signature(parse).parameters.values() if each.default is each.empty]
    given_by_name = {each.name: data.draw(BY_ANNOTATION[str(each.annotation)], label=each.name) for each in needed}
    positional = [given_by_name.pop(each.name) for each in needed if each.kind is not each.KEYWORD_ONLY]
    with contextlib.suppress(MalformedError):
        parse(*positional, **given_by_name)
