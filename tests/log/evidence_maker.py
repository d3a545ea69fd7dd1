# SPDX-License-Identifier: Apache-2.0
"""Bundles for tests: well formed, signed by nobody."""

from __future__ import annotations

import hashlib

from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner
from byline.core.authorship import Authorship, Commit, Link, Recorder, format_authorship
from byline.core.bundle import Bundle
from byline.core.claim import Base, Claim, Copied, New, Op
from byline.core.envelope import Envelope

KEY = hashlib.sha256(b"key").hexdigest()
WRITER = Owner(origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK, agent=Agent(name="agent"))


def oid(text: object) -> str:
    """Return something that looks like a git id."""
    return hashlib.sha1(str(text).encode(), usedforsecurity=False).hexdigest()


def sha256(text: object) -> str:
    """Return something that looks like a digest."""
    return hashlib.sha256(str(text).encode()).hexdigest()


def claim(path: bytes, version: object, lines: int = 1, base: object = None) -> Claim:
    """Return a claim that `path` became `version` with `lines` new lines."""
    hashes = b"".join(hashlib.blake2b(f"{version}{line}".encode(), digest_size=16).digest() for line in range(lines))
    bases = () if base is None else (Base(parent=0, path=path, mode="100644", sha256=sha256(base), blob=oid(base)),)
    copied = () if base is None else (Copied(base=0, start=0, count=1),)
    return Claim(
        path=path,
        op=Op.ADD if base is None else Op.MODIFY,
        mode="100644",
        sha256=sha256(version),
        blob=oid(version),
        hand=WRITER,
        bases=bases,
        segments=(*copied, New(owner=WRITER, hashes=hashes)),
    )


def authorship(number: int, *claims: Claim, commit: str | None = None) -> Authorship:
    """Return statement `number` of a clone."""
    return Authorship(
        repository="r-1",
        salt=bytes(16),
        change=sha256(f"change {number}"),
        commit=Commit(id=commit or oid(f"commit {number}"), tree=oid("tree"), parents=(oid("parent"),)),
        recorder=Recorder(name="byline", version="0", channel="hook"),
        chain=Link(id="c-1", seq=number, prev=None),
        claims=claims,
    )


def bundle_of(payload: bytes, signature: bytes = b"signature", key: str = KEY) -> Bundle:
    """Return a bundle without receipt."""
    return Bundle(envelope=Envelope(payload=payload, signature=signature, keyid=key), key_hint=key)


def statement_bundle(number: int, *claims: Claim, commit: str | None = None) -> Bundle:
    """Return a bundle with authorship statement `number`."""
    return bundle_of(format_authorship(authorship(number, *claims, commit=commit)))
