# SPDX-License-Identifier: Apache-2.0
r"""Secrets are taken out of what agents and people call things before it is written where others read it.

What a statement or an export says in words of somebody's own are the names and versions of agents, models and tools, and sessions. None
of them should hold a secret; a configuration that puts a key into a model's name, or a home folder, still does. Each secret becomes `***`:

    keys of known form      AWS, GitHub, GitLab, Slack, Google, Stripe, npm, PyPI, Hugging Face, `sk-...` of model providers, and others
                            whose issuers put a name of their own in front
    JSON Web Tokens         three parts, the first two beginning with `eyJ`
    private keys            PEM, from BEGIN to END or to the end of the text
    passwords in URLs       scheme://user:password@host: user and password
    what is named so        password=..., token: ..., api_key=..., DB_PASS=..., --password ..., &sig=..., and what follows Bearer or Basic
    e-mail addresses        and the user's name in a home folder: /home/NAME, /Users/NAME, C:\Users\NAME
    random text             24 letters and digits or more in a row, small, large and digits mixed; but in sessions, random by nature

A hexadecimal key of no known form looks like any digest and stays. The result is never longer, and redacting it again changes nothing.

>>> redact("claude-code"), redact("https://ana:hunter2@proxy.example/v1")
('claude-code', 'https://***@proxy.example/v1')
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import TYPE_CHECKING, Final

from byline.core.attribution import Agent, Owner, Tool
from byline.core.claim import New
from byline.core.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from byline.core.claim import Claim
    from byline.core.refusal import Refusal

MARK: Final = "***"
RANDOM: Final = 24  # characters in a row
BITS: Final = 3.7  # of entropy for each, at least

_NAMED: Final = (
    r"passw(?:or)?d|passphrase|(?<![a-z])pass|(?<![a-z])pwd|secret|token|credentials?|[?&]sig|"
    r"(?:api|access|account|auth|client|private|signing|encryption)[_-]?key"
)
# What a text has to hold for a pattern to be looked at (one of these), and the pattern: its first group is the secret, or all of it.
_PATTERNS: Final = (
    ("IA", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("gh", r"\bgh[pousr]_[A-Za-z0-9]{20,}"),
    ("github_pat_", r"\bgithub_pat_\w{22,}"),
    (
        "glpat-|gldt-|glrt-|glptt-|glcbt-|glft-|glsoat-|glimt-|glagent-|gloas-",
        r"\bgl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas)-[\w-]{16,}",
    ),
    ("xox|xapp-", r"\b(?:xox[a-z]|xapp)-[\w-]{10,}"),
    ("hooks.slack.com", r"hooks\.slack\.com/services/([\w/]+)"),
    ("AIza", r"\bAIza[\w-]{30,}"),
    ("k_", r"\b[rsp]k_(?:live|test)_\w{10,}"),
    ("npm_", r"\bnpm_[A-Za-z0-9]{30,}"),
    ("pypi-", r"\bpypi-[\w-]{30,}"),
    ("hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    ("sk-", r"\bsk-[\w-]{20,}"),
    (
        "_v1_|shp|rubygems_|dckr_|glsa_|glc_|sntrys_|lin_api_|figd_|gsk_|ntn_",
        r"\b(?:do[opr]_v1|shp(?:at|ca|pa|ss)|rubygems|dckr_(?:pat|oat)|glsa|glc|sntrys|lin_api|figd|gsk|ntn)_[\w.-]{20,}",
    ),
    ("sq0|NRAK-|pplx-|xai-|GOCSPX-|AGE-SECRET", r"\b(?:sq0[a-z]{3}|NRAK|pplx|xai|GOCSPX|AGE-SECRET-KEY)-[\w-]{20,}"),
    ("key-", r"\bkey-[0-9a-f]{32}\b"),
    ("dapi", r"\bdapi[0-9a-f]{32}"),
    ("SG.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    ("eyJ", r"\beyJ[\w-]+\.eyJ[\w-]+(?:\.[\w-]*)?"),
    ("PRIVATE KEY", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("://", r"://([^\s/@:]*:[^\s/]*)@"),
    ("", rf"(?i)(?:{_NAMED})[\"']?\s*[=:]\s*[\"']?([^\s\"']+)"),
    ("--", rf"(?i)(?<![\w-])--[\w-]{{0,64}}(?:{_NAMED}) +([^\s\"'-][^\s\"']*)"),
    ("", r"(?i)\b(?:bearer|basic|authorization: *\w+) +([\w.~+/=-]{8,})"),
    ("@", r"(?<![\w.+-])[\w.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"),
    ("", r"(?i)(?:/home/|/users/|[a-z]:\\users\\)([^/\\\s]+)"),
)
_WORDS: Final = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "sig=",
    "bearer",
    "basic",
    "authorization",
    "home",
    "users",
)  # one of them is in whatever "" stands for


def redact(text: str, *, is_random: bool = False) -> str:
    """Return `text` without secrets; what is random by nature (`is_random`) may be random text."""
    lowered = text.lower()
    has_word = any(word in lowered for word in _WORDS)
    for lead, pattern in _PATTERNS:
        if any(each in text for each in lead.split("|")) if lead else has_word:
            text = re.sub(pattern, _mark, text)
    return text if is_random or len(text) < RANDOM else re.sub(rf"[A-Za-z0-9]{{{RANDOM},}}", _mark_random, text)


def redact_owner(owner: Owner) -> Owner:
    """Return `owner` without secrets in names, versions and session; the same object where there are none."""
    agent, tool = owner.agent, owner.tool
    if agent is not None:
        agent = _redact_agent(agent)
    if tool is not None:
        tool = Tool(name=redact(tool.name), version=_maybe(tool.version))
    session = None if owner.session is None else redact(owner.session, is_random=True)
    earlier = None if owner.earlier is None else redact_owner(owner.earlier)
    clean = replace(owner, agent=agent, tool=tool, session=session, earlier=earlier)
    return owner if clean == owner else clean


def redact_claims(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return `claims` without secrets in what they call anybody."""
    several = tuple(claims)
    names = {owner: redact_owner(owner) for claim in several for owner in claim.owners}
    told = {owner for owner, clean in names.items() if clean != owner}
    return tuple(each if told.isdisjoint(each.owners) else _redact_claim(each, names) for each in several)


def redact_refusal(refusal: Refusal) -> Refusal:
    """Return `refusal` without secrets in what its agent called anything."""
    session, call = (None if each is None else redact(each, is_random=True) for each in (refusal.session, refusal.call))
    return replace(refusal, agent=_redact_agent(refusal.agent), session=session, call=call)


def _redact_agent(agent: Agent) -> Agent:
    return Agent(name=redact(agent.name), version=_maybe(agent.version), model=_maybe(agent.model))


def _redact_claim(claim: Claim, names: Mapping[Owner, Owner]) -> Claim:
    return replace(
        claim,
        hand=names[claim.hand],
        segments=tuple(replace(each, owner=names[each.owner]) if isinstance(each, New) else each for each in claim.segments),
        removed=tuple(replace(each, hand=names[each.hand]) for each in claim.removed),
    )


def _maybe(text: str | None) -> str | None:
    return None if text is None else redact(text)


def _mark(found: re.Match[str]) -> str:
    whole, group = found[0], 1 if found.re.groups else 0
    start, end = (place - found.start() for place in found.span(group))
    return whole[:start] + MARK[: end - start] + whole[end:]


def _mark_random(found: re.Match[str]) -> str:
    word = found[0]
    has_all = any(map(str.islower, word)) and any(map(str.isupper, word)) and any(map(str.isdigit, word))
    entropy = -sum(count / len(word) * log2(count / len(word)) for count in Counter(word).values())
    return MARK if has_all and entropy >= BITS else word
