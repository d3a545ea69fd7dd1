# SPDX-License-Identifier: Apache-2.0
"""Enough of a bundle to find it again, read fast and believed by nobody.

A `Glance` has the right types and belongs to the file's name: the digest is that of the payload, the hint that of the key. Whether
the bundle is well formed, and what it means, only the strict readers say (`core.bundle`, `core.statement`, `core.authorship`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from byline.core.statement import PredicateType
from byline.core.value import dataclass

_MAX_SEQ = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What the index keeps of a bundle; `commit`, `chain` and `claims` (path, blob, op) of an authorship statement only.

    `target`, `expires` and `steps` (path, mode and content that it leads to) are those of an approval.
    """

    payload: bytes
    key: str
    kind: str
    change: str
    logged: bool
    repository: str | None = None
    commit: str | None = None
    chain: str | None = None
    seq: int | None = None
    claims: tuple[tuple[bytes, str | None, str], ...] = ()
    target: str | None = None
    expires: str | None = None
    steps: tuple[tuple[bytes, str | None], ...] = ()


def glance(name: str, data: bytes) -> Glance | None:
    """Return what the file `name` with bytes `data` seems to hold, None if that is nothing or another statement."""
    try:
        return _look(name, data)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None


def _look(name: str, data: bytes) -> Glance:
    bundle = json.loads(data)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)
    material = bundle["verificationMaterial"]
    key = base64.b64decode(material["publicKey"]["hint"], validate=True).hex()
    if name[:81] != f"{hashlib.sha256(payload).hexdigest()}.{key[:16]}":
        raise ValueError(name)
    value = json.loads(payload)
    kind, predicate = _text(value["predicateType"]), value["predicate"]
    repository = predicate.get("repository", {}).get("id")
    seen: dict[str, Any] = {
        "payload": payload,
        "key": key,
        "kind": kind,
        "change": _text(value["subject"][0]["digest"]["sha256"]),
        "logged": bool(material.get("tlogEntries")),
        "repository": None if repository is None else _text(repository),
    }
    if kind == PredicateType.APPROVAL:
        return Glance(
            **seen,
            target=_text(predicate["target"]),
            expires=_text(predicate["expiresAt"]),
            steps=tuple(_step(row) for row in predicate["transitions"]),
        )
    if kind != PredicateType.AUTHORSHIP:
        return Glance(**seen)
    chain = predicate["chain"]
    seq = chain["seq"]
    if type(seq) is not int or not 0 < seq < _MAX_SEQ:
        raise ValueError(name)
    claims = tuple((_path(file), _optional(file["blob"]), _text(file["op"])) for file in predicate["files"])
    return Glance(**seen, commit=_text(predicate["commit"]["id"]), chain=_text(chain["id"]), seq=seq, claims=claims)


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(value)
    value.encode()  # a lone surrogate has no place in a database
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _step(row: list[Any]) -> tuple[bytes, str | None]:
    path, _, _, mode, sha256 = row
    member = path if isinstance(path, dict) else {"path": path}
    return _path(member), None if mode is None else f"{_text(mode)} {_text(sha256)}"


def _path(file: dict[str, Any]) -> bytes:
    return _text(file["path"]).encode() if "path" in file else base64.b64decode(file["pathBytes"], validate=True)
