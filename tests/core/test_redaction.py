# SPDX-License-Identifier: Apache-2.0
"""Which texts are secrets, and that nothing else is touched."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.core.attribution import Agent, Channel, Evidence, Origin, Owner, Tool
from byline.core.redaction import MARK, redact, redact_claims, redact_owner
from byline.core.value import replace
from byline.keys.p256 import PrivateKey
from casework import ai, claim, human

WORD = "Ab1" * 20  # of no entropy
SECRETS = [
    "AKIA" + "Q7" * 8,
    "ASIA" + "Q7" * 8,
    "ghp_" + "aB3" * 12,
    "ghs_" + "aB3" * 12,
    "github_pat_" + "aB3" * 8 + "_" + "x" * 59,
    "glpat-" + "aB3-" * 5,
    "xoxb-" + "1" * 12 + "-" + "a" * 24,
    "AIza" + "aB3-_" * 7,
    "sk_live_" + "aB3" * 8,
    "npm_" + "aB3" * 12,
    "pypi-" + "AgEI" * 12,
    "hf_" + "aB" * 17,
    "glrt-" + "aB3-" * 5,
    "xapp-1-A0B1C2D3E4-" + "1" * 13 + "-" + "ab12" * 16,
    "dop_v1_" + "0a" * 32,
    "shpat_" + "0a" * 16,
    "sq0atp-" + "aB3" * 8,
    "dapi" + "0a" * 16,
    "rubygems_" + "0a" * 24,
    "NRAK-" + "A7" * 14,
    "AGE-SECRET-KEY-1" + "QPZRY9X8" * 7,
    "key-" + "0a" * 16,
    "SG." + "aB3" * 7 + "." + "aB-" * 14,
    "sk-proj-" + "aB3" * 12,
    "sk-ant-api03-" + "aB3" * 20,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    PrivateKey.from_seed(7).to_pem().decode().replace("\n", " ").strip(),
    "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=32)),
]
INSIDE = [
    ("https://ana:hunter2@proxy.example/v1", "https://***@proxy.example/v1"),
    ("model --password=hunter2 -x", "model --password=*** -x"),
    ('{"api_key": "abc"}', '{"api_key": "***"}'),
    ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
    ("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/services/***"),
    ("ana.b+c@mail.example.com's agent", "***'s agent"),
    ("/home/ana/models/llama.gguf", "/home/***/models/llama.gguf"),
    ("C:\\Users\\ana\\llama", "C:\\Users\\***\\llama"),
    ("token=", "token="),
    ("DB_PASS=hunter2 psql", "DB_PASS=*** psql"),
    ("MYSQL_PWD=hunter2", "MYSQL_PWD=***"),
    ("mine --password hunter2 x", "mine --password *** x"),
    ("AccountName=x;AccountKey=Ab1+/Ab1==;y", "AccountName=x;AccountKey=***"),
    ("https://x.example/c?sv=2020&sig=a%2Bb&x=1", "https://x.example/c?sv=2020&sig=***"),
    ("Authorization: token abcdefgh", "Authorization: token ***"),
    ("PRIVATE_KEY=0xabcd", "PRIVATE_KEY=***"),
    ("passphrase: abc", "passphrase: ***"),
]
NAMES = [
    *("claude-code", "2.1.197", "claude-sonnet-4-5-20250929", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "openai/gpt-5.1-codex-max"),
    *("Qwen/Qwen2.5-Coder-32B-Instruct", "DeepSeek-R1-Distill-Qwen-32B-Instruct-GGUF-Q4_K_M", "black 26.1", "prettier@3.2.1", "kiro"),
    *("accounts/fireworks/models/llama-v3p1-405b-instruct", "ft:gpt-4o-mini-2024-07-18:acme::abc12345", "gemini-2.5-pro-exp-03-25"),
    *("6e46bda4-a449-4fe6-b5d8-6f7c19cca254", "0" * 64, "9fceb02d0ae598e95dc970b74767f19372d61af8", "tokenizer", "home", WORD[:20]),
    *(
        "http://localhost:11434/v1",
        "keyboard",
        "basic",
        "agent (secretly)",
        "bypass: yes",
        "pass-through",
        "test-passed",
        "glm-4.5-air",
        "x-large",
    ),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_goes_wherever_it_stands(secret: str) -> None:
    assert redact(secret) == MARK
    said = redact(f"model {secret} x")
    assert said == f"model {MARK} x"


@pytest.mark.parametrize(("text", "said"), INSIDE)
def test_what_stands_around_a_secret_stays(text: str, said: str) -> None:
    assert redact(text) == said


@pytest.mark.parametrize("name", NAMES)
def test_names_of_agents_models_and_tools_stay(name: str) -> None:
    assert redact(name) == name


def test_a_session_may_be_random() -> None:
    session = "ses_" + SECRETS[-1]
    assert redact(session) != session
    assert redact(session, is_random=True) == session
    assert redact("ghp_" + "aB3" * 12, is_random=True) == MARK


pieces = st.sampled_from(
    [*SECRETS, *(text for text, _ in INSIDE), *NAMES, "://", "@", ":", "=", "/home/", " ", "*", "password", "-----BEGIN"]
)


@given(st.one_of(st.text(max_size=200), st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=6).map("".join)))
def test_redacting_is_bounded_and_once_is_enough(text: str) -> None:
    once = redact(text)
    assert len(once) <= len(text)
    assert redact(once) == once


def test_every_name_in_a_claim_is_looked_at() -> None:
    key = "ghp_" + "aB3" * 12
    tool = Owner(origin=Origin.TOOL, evidence=Evidence.OBSERVED, channel=Channel.HOOK, tool=Tool(name=key, version=key), session=key)
    agent = Owner(
        origin=Origin.AI, evidence=Evidence.OBSERVED, channel=Channel.HOOK, agent=Agent(name=key, version=key, model=key), earlier=tool
    )
    assert key not in repr(redact_owner(agent))
    assert redact_owner(ai("p-ana")) is not None
    plain = claim(b"a.py", b"1\n", b"2\n", human("p-ana"))
    others = replace(claim(b"b.py", b"1\n2\n", b"2\nx\n", agent), hand=human("p-ana"))
    (same, clean) = redact_claims([plain, others])  # with an owner that is equal and another object
    assert same is plain
    assert key not in repr(clean)
    assert clean.path == b"b.py"
