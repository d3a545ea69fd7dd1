# SPDX-License-Identifier: Apache-2.0
"""`byline ledger trust-config`: what Sigstore's clients read, for a log alone and with a private issuer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from byline.core.canonical import format_base64
from byline.keys.ed25519 import load_verifier
from installed import PROGRAM, run
from private_issuer import PrivateIssuer

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "ledger.example"


@pytest.fixture
def vkey(tmp_path: Path) -> str:
    return run(*PROGRAM, "ledger", "init", "log", "--origin", ORIGIN, cwd=tmp_path).out.strip()


def told(place: Path, *options: str) -> dict[str, Any]:
    said = run(*PROGRAM, "ledger", "trust-config", "log", *options, cwd=place)
    assert said.code == 0, said.err
    value: dict[str, Any] = json.loads(said.out)
    return value


def test_a_log_alone_is_named_by_its_origin_and_reached_where_it_is_said_to_be(vkey: str, tmp_path: Path) -> None:
    config = told(tmp_path, "--url", "http://127.0.0.1:7421")
    (log,) = config["trustedRoot"]["tlogs"]
    assert log["baseUrl"] == f"https://{ORIGIN}"
    assert log["logId"]["keyId"] == format_base64(load_verifier(vkey).note_key.log_id)
    assert [each["url"] for each in config["signingConfig"]["rekorTlogUrls"]] == ["http://127.0.0.1:7421"]
    assert config["trustedRoot"]["certificateAuthorities"] == config["signingConfig"]["caUrls"] == []
    assert told(tmp_path, "--url", "http://127.0.0.1:7421", "--only", "trusted-root") == config["trustedRoot"]
    assert told(tmp_path, "--only", "signing-config")["rekorTlogUrls"][0]["url"] == f"https://{ORIGIN}"


def test_a_log_that_ended_is_verified_and_takes_nothing(vkey: str, tmp_path: Path) -> None:
    run(*PROGRAM, "ledger", "init", "next", "--origin", "next.example", cwd=tmp_path)
    said = run(*PROGRAM, "ledger", "trust-config", "next", "--also", vkey, cwd=tmp_path)
    config = json.loads(said.out)
    assert [each["baseUrl"] for each in config["trustedRoot"]["tlogs"]] == ["https://next.example", f"https://{ORIGIN}"]
    assert [each["url"] for each in config["signingConfig"]["rekorTlogUrls"]] == ["https://next.example"]


@pytest.mark.usefixtures("vkey")
def test_a_private_issuer_is_told_with_its_chains(tmp_path: Path) -> None:
    options = PrivateIssuer().write(tmp_path)
    config = told(
        tmp_path, *options, "--ca-url", "https://ca.example", "--tsa-url", "https://tsa.example", "--oidc-url", "https://id.example"
    )
    root = config["trustedRoot"]
    assert len(root["certificateAuthorities"][0]["certChain"]["certificates"]) == 2
    assert root["certificateAuthorities"][0]["subject"] == {"organization": "byline-test", "commonName": "root"}
    assert root["timestampAuthorities"][0]["uri"] == "https://tsa.example"
    assert root["ctlogs"][0]["publicKey"]["keyDetails"] == "PKIX_ECDSA_P256_SHA_256"
    assert config["signingConfig"]["tsaConfig"] == {"selector": "ANY"}


@pytest.mark.usefixtures("vkey")
def test_what_cannot_be_told_is_said_and_hinted(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for options in (["--url", "ledger.example"], ["--ca", "no.pem"], ["--ca", "gone.pem"], ["--ct-key", "no.pem"], ["--also", "no vkey"]):
        said = run(*PROGRAM, "ledger", "trust-config", "log", *options, cwd=tmp_path)
        assert (said.code, said.out) == (2, "")
        assert "byline: error:" in said.err
    assert run(*PROGRAM, "ledger", "trust-config", "nowhere", cwd=tmp_path).code == 2
