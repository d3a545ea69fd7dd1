# SPDX-License-Identifier: Apache-2.0
"""`byline.blame/1`: the JSON in which every reader of Byline says whose text each line of a file is.

    {"schema": "byline.blame/1", "path": "a.py", "revision": "<commit id>" | "worktree",
     "ranges": [{"start": 1, "end": 2, "origin": "ai", "evidence": "observed", "agent": "claude-code", "model": "claude-x",
                 "session": "s-1", "person": "p-ana", "earlier": null, "commit": "<commit id>", "statement": "<sha256>",
                 "verified": true}]}

Lines are 1-based and inclusive; ranges are in order, without gap or overlap, from the first line to the last, and no two
neighbours say the same. Members are never left out: what is absent is null. A path that is not UTF-8 stands as `pathBytes`
(base64) instead of `path`. `agent` and `model` are names, `person` is the principal that answers for the text, `earlier`
(origin, evidence, agent, model, session, person) the writer whose line the last one changed in part. `verified` says that
the statement was proven under the trust that the reader has; a line without a statement is not.

>>> blame_to_json(b"a", revision="worktree", bylines=())
{'schema': 'byline.blame/1', 'path': 'a', 'revision': 'worktree', 'ranges': []}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from byline.core.attribution import Evidence
from byline.core.effect import path_members

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from byline.core.attribution import Byline, Owner
    from byline.core.canonical import Json

BLAME_SCHEMA = "byline.blame/1"
WORKTREE = "worktree"

MEANING = {
    Evidence.ATTESTED: "the program that wrote it reported it",
    Evidence.OBSERVED: "a hook or the editor saw it",
    Evidence.DECLARED: "somebody said so",
    Evidence.INFERRED: "the text matches",
    Evidence.UNKNOWN: "nothing says so",
}


def blame_to_json(path: bytes, *, revision: str, bylines: Sequence[Byline], verified: Container[str] = ()) -> dict[str, Json]:
    """Return who wrote each line of `path` at `revision`; `verified` holds the statements that were proven."""
    ranges: list[Json] = [*ranges_to_json(bylines, verified)]
    return {"schema": BLAME_SCHEMA, **path_members(path), "revision": revision, "ranges": ranges}


def ranges_to_json(bylines: Sequence[Byline], verified: Container[str] = ()) -> list[dict[str, Json]]:
    """Return `bylines`, one for each line, as the ranges of `byline.blame/1`."""
    ranges: list[dict[str, Json]] = []
    seen: dict[int, dict[str, Json]] = {}
    facts: dict[str, Json] = {}
    start = 0
    for line, byline in enumerate(bylines):
        known = seen.get(id(byline))
        if known is None:
            known = seen[id(byline)] = _facts(byline, verified)
        if known is facts or known == facts:
            continue
        if line:
            ranges.append({"start": start + 1, "end": line, **facts})
        start, facts = line, known
    if bylines:
        ranges.append({"start": start + 1, "end": len(bylines), **facts})
    return ranges


def _facts(byline: Byline, verified: Container[str]) -> dict[str, Json]:
    return {
        **owner_to_json(byline.owner),
        "commit": byline.commit,
        "statement": byline.statement,
        "verified": byline.statement is not None and byline.statement in verified,
    }


def owner_to_json(owner: Owner) -> dict[str, Json]:
    """Return who answers for text, and as `earlier` whose text was changed in part."""
    return {**_writer(owner), "earlier": None if owner.earlier is None else _writer(owner.earlier)}


def _writer(owner: Owner) -> dict[str, Json]:
    agent = owner.agent
    return {
        "origin": str(owner.origin),
        "evidence": str(owner.evidence),
        "agent": agent.name if agent else None,
        "model": agent.model if agent else None,
        "session": owner.session,
        "person": owner.principal,
    }
