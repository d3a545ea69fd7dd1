# SPDX-License-Identifier: Apache-2.0
"""ledgers.toml: what a person shows to which ledger, and to no other."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.errors import ConfigError, LedgerUnavailableError, MalformedError, UnknownCallerError
from byline_cli.credentials import Credentials, credentials_for, parse_ledgers
from byline_cli.main import main
from byline_cli.wiring import connect
from byline_ledger.engine.access import hash_token
from byline_ledger.engine.files import init_ledger
from serving import SIGNER, certify, envelope, serving, web_serving

URL = "grpcs://ledger.example:7420"


def write(place: Path, text: str) -> dict[str, str]:
    (place / "ledgers.toml").write_text(f"schema = 1\n{text}")
    return {"BYLINE_LEDGERS": str(place / "ledgers.toml")}


def test_a_ledger_is_shown_what_is_for_it_and_another_nothing(tmp_path: Path) -> None:
    for name in ("token", "me.pem", "me.key", "ca.pem"):
        (tmp_path / name).write_text(f"the-{name}\n")
    rules = f'[[ledger]]\nurl = "{URL}"\ntoken = "token"\ncertificate = "me.pem"\nkey = "me.key"\nroots = "ca.pem"'
    environ = write(tmp_path, rules)
    files = (tmp_path / "me.key", tmp_path / "me.pem")
    shown = Credentials(token="the-token", identity=(b"the-me.key\n", b"the-me.pem\n"), files=files, roots=b"the-ca.pem\n")
    assert credentials_for(URL, environ) == credentials_for(URL + "/", environ) == shown
    for other in ("grpcs://ledger.example:7421", "grpcs://ledger.example.evil:7420", "grpc://127.0.0.1:7420"):
        assert credentials_for(other, environ) == Credentials()


def test_the_documented_file_is_read() -> None:
    formats = (Path(__file__).parents[2] / "docs/formats.md").read_text()
    example = formats.split("### ledgers.toml\n")[1].split("```toml\n")[1].split("```")[0]
    assert parse_ledgers(example.encode()) == {URL: {"token": "ledger.token", "roots": "company-ca.pem"}}


def test_without_a_file_nothing_is_shown(tmp_path: Path) -> None:
    assert credentials_for(URL, {"XDG_CONFIG_HOME": str(tmp_path)}) == Credentials()
    with pytest.raises(ConfigError, match="cannot be read"):
        credentials_for(URL, {"BYLINE_LEDGERS": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    "text",
    [
        "ledgers = 1",
        f'[[ledger]]\nurl = "{URL}"\ntokens = "t"',
        f'[[ledger]]\nurl = "{URL}"\nkey = "k"',
        '[[ledger]]\ntoken = "t"',
        f'[[ledger]]\nurl = "{URL}"\n[[ledger]]\nurl = "{URL}/"',
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        credentials_for(URL, write(tmp_path, text))


@pytest.mark.parametrize("token", ["", "\n", "two\nlines", "\x00", "\xe9"])
def test_what_is_no_token_is_refused_and_not_repeated(tmp_path: Path, token: str) -> None:
    (tmp_path / "t").write_text(token)
    with pytest.raises(ConfigError, match="holds no token") as caught:
        credentials_for(URL, write(tmp_path, f'[[ledger]]\nurl = "{URL}"\ntoken = "t"'))
    assert len(token) < 3 or token not in str(caught.value)


@given(st.text())
def test_such_a_file_is_read_or_refused(text: str) -> None:
    for each in (text, f"schema = 1\n{text}", f'schema = 1\n[[ledger]]\nurl = "u"\n{text}'):
        with suppress(MalformedError):
            parse_ledgers(each.encode())


def test_a_ledger_that_wants_a_token_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init_ledger(tmp_path / "ledger")
    rules = tmp_path / "admission.toml"
    rules.write_text(f'schema = 1\n[[identity]]\nname = "me"\ntoken = "sha256:{hash_token("byline_mine")}"\ndoors = ["append"]')
    (tmp_path / "token").write_text("byline_mine\n")
    with serving(tmp_path / "ledger", admission=rules) as (_, url):
        with pytest.raises(UnknownCallerError):
            connect(url).append(envelope(1), SIGNER.public)
        monkeypatch.setenv("BYLINE_LEDGERS", write(tmp_path, f'[[ledger]]\nurl = "{url}"\ntoken = "token"')["BYLINE_LEDGERS"])
        assert connect(url).append(envelope(1), SIGNER.public).index == 0


def test_a_log_that_only_some_may_read_is_watched_and_mirrored_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over HTTPS as over gRPC: who vouches for the server, the token and the certificate are those of ledgers.toml."""
    vkey = init_ledger(tmp_path / "ledger")
    certificate, key = certify(tmp_path)
    (tmp_path / "ledger/admission.toml").write_text(
        f'schema = 1\n[[identity]]\nname = "auditor"\ntoken = "sha256:{hash_token("byline_mine")}"\ndoors = ["read"]'
    )
    (tmp_path / "ledger/ledger.toml").write_text(
        f'schema = 1\nadmission = "admission.toml"\n[tls]\ncertificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{certificate}"'
    )
    (tmp_path / "token").write_text("byline_mine\n")
    with web_serving(tmp_path / "ledger") as (_, grpc_url, url):
        with pytest.raises(LedgerUnavailableError) as caught:
            connect(grpc_url).checkpoint()
        assert "named by `roots`" in caught.value.hint

        def watch(rows: str) -> tuple[int, str]:
            monkeypatch.setenv("BYLINE_LEDGERS", write(tmp_path, f'[[ledger]]\nurl = "{url}"\n{rows}')["BYLINE_LEDGERS"])
            code = main(["ledger", "monitor", url, "--vkey", vkey, "--state", str(tmp_path / "state")])
            return code, capsys.readouterr().err

        pair = 'roots = "certificate.pem"\ncertificate = "certificate.pem"\nkey = "key.pem"'
        code, said = watch("")
        assert (code, "named by `roots`" in said) == (3, True)
        code, said = watch(pair)
        assert (code, "answers 401" in said, "named by `token`" in said) == (3, True, True)
        code, said = watch(pair.replace("key.pem", "token") + '\ntoken = "token"')
        assert (code, "cannot be used" in said) == (2, True)
        assert watch(pair + '\ntoken = "token"') == (0, "")
        assert main(["ledger", "mirror", url, str(tmp_path / "mirror"), "--vkey", vkey]) == 0
