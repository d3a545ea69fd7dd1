# SPDX-License-Identifier: Apache-2.0
"""The text of trust files: the first version, and the next one with as few bytes changed as can be.

People review `.byline/trust.toml` as a diff. So a new version keeps the old text, comments and order included: `version`,
`previous` and `issued` change in place, and what is added stands at the end. The result is read again and must say the old
things and the new ones, nothing else.

>>> from datetime import UTC, datetime
>>> day = datetime(2026, 11, 21, tzinfo=UTC)
>>> text = format_new_trust(repository="byl:" + "0" * 32, line_key=bytes(32), issued=day, expires=day.replace(year=2027), levels=("owner",))
>>> parse_trust(text).version
1
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from byline.core.canonical import format_base64
from byline.core.moment import format_moment
from byline.core.publickey import Presence
from byline.core.trust import Kind, Principal, Trust, TrustedKey, TrustedLog, Use, Witness, parse_trust
from byline.core.value import replace
from byline.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOCAL_LEVEL = "owner"


def format_new_trust(
    *,
    repository: str,
    line_key: bytes,
    issued: datetime,
    expires: datetime,
    levels: Sequence[str],
    logs: Sequence[TrustedLog] = (),
    principals: Sequence[Principal] = (),
    keys: Sequence[TrustedKey] = (),
) -> bytes:
    """Return the text of version 1.

    Raises:
        TrustError: The parts do not make a trust file.
    """
    head = (
        "schema = 1\n"
        f"repository = {_quote(repository)}\n"
        f"line_key = {_quote(format_base64(line_key))}\n"
        "version = 1\n"
        f"issued = {format_moment(issued)}\n"
        f"expires = {format_moment(expires)}\n"
        f"levels = {_list(levels)}\n"
    )
    blocks = [*map(format_log, logs), *map(_principal, principals), *map(_key, keys)]
    text = "\n".join((head, *blocks)).encode()
    parse_trust(text)
    return text


def add_to_trust(
    old: bytes,
    *,
    issued: datetime,
    principals: Sequence[Principal] = (),
    keys: Sequence[TrustedKey] = (),
    logs: Sequence[TrustedLog] = (),
    witnesses: Sequence[Witness] = (),
) -> bytes:
    """Return the text of the version after `old`, with what is added at its end.

    Raises:
        TrustError: `old` is no trust file, what is added does not fit it, or `old` is written in a way that cannot be edited.
    """
    before = parse_trust(old)
    head, rest = _split_head(old)
    head = _set(head, "version", f"{before.version + 1}")
    head = _set(head, "issued", format_moment(issued))
    previous = f'"sha256:{before.sha256}"'
    if before.previous is None:
        head = re.sub(rb"(?m)^(version\s*=.*\n)", rb"\1previous = " + previous.encode() + rb"\n", head, count=1)
    else:
        head = _set(head, "previous", previous)
    blocks = [*map(format_log, logs), *map(_witness, witnesses), *map(_principal, principals), *map(_key, keys)]
    body = head + rest
    text = b"\n".join((body if body.endswith(b"\n") else body + b"\n", *(block.encode() for block in blocks)))
    after = parse_trust(text)
    expected = replace(
        before,
        version=before.version + 1,
        previous=before.sha256,
        issued=after.issued,
        logs=(*before.logs, *logs),
        witnesses=(*before.witnesses, *witnesses),
        principals=(*before.principals, *principals),
        keys=(*before.keys, *keys),
        sha256=after.sha256,
    )
    if after != expected:
        raise TrustError("trust.toml cannot be edited as it is written", hint="edit it by hand: version + 1, previous, issued")
    return text


def local_trust(*, repository: str, line_key: bytes, public: bytes, principal: str = "p-local", logs: Sequence[TrustedLog] = ()) -> Trust:
    """Return the trust of a clone whose repository has no trust file: the user's own key (SPKI in DER), for blame and not for gates.

    Raises:
        TrustError: The parts do not make one.
    """
    return parse_trust(
        format_new_trust(
            repository=repository,
            line_key=line_key,
            issued=datetime(1970, 1, 1, tzinfo=UTC),
            expires=datetime(9999, 1, 1, tzinfo=UTC),
            levels=(LOCAL_LEVEL,),
            logs=logs,
            principals=(Principal(id=principal, kind=Kind.HUMAN, level=LOCAL_LEVEL),),
            keys=(TrustedKey(principal=principal, public=public, uses=(Use.AUTHORSHIP, Use.APPROVAL)),),
        )
    )


def _split_head(data: bytes) -> tuple[bytes, bytes]:
    """Split before the first table header: only keys above it belong to the file itself."""
    found = re.search(rb"(?m)^\s*\[", data)
    at = found.start() if found else len(data)
    return data[:at], data[at:]


def _set(head: bytes, key: str, value: str) -> bytes:
    new, count = re.subn(rb"(?m)^(" + key.encode() + rb"\s*=\s*)[^\s#]+", rb"\g<1>" + value.encode(), head)
    if count != 1:
        raise TrustError(f"trust.toml has no line {key} = ... that can be edited", hint="edit it by hand")
    return new


def _quote(text: str) -> str:
    # What trust holds is printable (core.table): a quote and a backslash are all that TOML would read otherwise.
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(map(_quote, items)) + "]"


def format_log(log: TrustedLog) -> str:
    """Return the lines of trust.toml about `log`."""
    lines = ["[[log]]", f"origin = {_quote(log.origin)}", f"vkey = {_quote(log.vkey)}", f"class = {_quote(log.kind)}"]
    lines += [f"operator = {_quote(log.operator)}"] if log.operator else []
    lines += [f"url = {_quote(log.url)}"] if log.url else []
    lines += ["index = true"] if log.is_indexed else []
    lines += [f"quorum = {log.quorum}"] if log.quorum else []
    lines += [f"frozen = {{ size = {log.frozen.size}, root = {_quote(format_base64(log.frozen.root))} }}"] if log.frozen else []
    lines += [f"successor = {_quote(log.successor)}"] if log.successor else []
    return "\n".join(lines) + "\n"


def _witness(witness: Witness) -> str:
    lines = ["[[witness]]", f"name = {_quote(witness.name)}", f"vkey = {_quote(witness.vkey)}", f"operator = {_quote(witness.operator)}"]
    lines += [f"url = {_quote(witness.url)}"] if witness.url else []
    return "\n".join(lines) + "\n"


def _principal(principal: Principal) -> str:
    lines = ["[[principal]]", f"id = {_quote(principal.id)}", f"kind = {_quote(principal.kind)}"]
    lines += [f"level = {_quote(principal.level)}"] if principal.level else []
    return "\n".join(lines) + "\n"


def _key(key: TrustedKey) -> str:
    lines = ["[[key]]", f"principal = {_quote(key.principal)}", f"type = {_quote(key.type)}"]
    lines += [f"public = {_quote(format_base64(key.public))}", f"uses = {_list(key.uses)}"]
    lines += [f"presence = {_quote(key.presence)}"] if key.presence is not Presence.NONE else []
    return "\n".join(lines) + "\n"
