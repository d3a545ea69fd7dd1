# SPDX-License-Identifier: Apache-2.0
"""ledger.toml: read strictly, shown whole by `byline ledger init`, and checked before anything listens."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.errors import ConfigError, MalformedError
from byline_cli.main import main
from byline_ledger.engine.files import init_ledger
from byline_ledger.server import config as module
from byline_ledger.server.config import ServerConfig, Tls, load_config, parse_config
from byline_ledger.server.main import check_server
from serving import certify

EXAMPLE = (files("byline_ledger") / "ledger.toml").read_text()
FORMATS = Path(__file__).parents[2] / "docs/formats.md"
SRV = Path("/srv")


def parse(text: str) -> ServerConfig:
    return parse_config(text.encode(), folder=SRV)


def test_the_example_changes_nothing() -> None:
    assert parse(EXAMPLE) == parse("schema = 1") == ServerConfig(directory=SRV)


def test_the_example_names_every_key_and_no_other() -> None:
    """Each line without its mark counts: a key that is not known would be refused, and every known one is there."""
    named = parse(re.sub(r"(?m)^#(?=\w+ = )", "", EXAMPLE))
    assert named.tls == Tls(certificate=SRV / "server.pem", key=SRV / "server.key", client_ca=SRV / "clients.pem")
    assert named.origin == "ledger.example"
    known = {*module._TOP, *module._TLS, *(key for section in module._SECTIONS.values() for key in section)}
    assert set(re.findall(r"(?m)^#(\w+) = ", EXAMPLE)) == known


def test_the_example_is_documented_as_it_is() -> None:
    assert f"```toml\n{EXAMPLE}```" in FORMATS.read_text()


def test_paths_are_relative_to_the_file() -> None:
    config = parse('schema = 1\nfolder = "log"\n[tls]\ncertificate = "a.pem"\nkey = "/etc/a.key"')
    assert config.directory == SRV / "log"
    assert config.tls == Tls(certificate=SRV / "a.pem", key=Path("/etc/a.key"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs the key 'schema'"),
        ("schema = 2", "schema is 1"),
        ("schema = true", "schema is an integer"),
        ("schema = 1\nfolders = 1", "has no key 'folders'"),
        ("schema = 1\nlisten = 1", r"\[listen\] is a table"),
        ("schema = 1\nlisten.grpc = 1", r"grpc of \[listen\] is a printable string"),
        ("schema = 1\nlimits.waiting = 0", r"waiting of \[limits\] is an integer"),
        ('schema = 1\ntls.key = "a"', r"\[tls\] needs the key 'certificate'"),
        ("schema = 1\n[tls", "not TOML"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        parse(text)


def test_a_misspelt_key_gets_the_one_that_was_meant() -> None:
    with pytest.raises(MalformedError) as caught:
        parse("schema = 1\n[limits]\nwaitings = 5")
    assert caught.value.hint == "did you mean 'waiting'?"


@given(st.text())
def test_a_configuration_is_read_or_refused(text: str) -> None:
    for each in (text, f"schema = 1\n{text}", f"schema = 1\nlisten.grpc = {text}"):
        with suppress(MalformedError):
            assert isinstance(parse(each), ServerConfig)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.toml cannot be read"):
        load_config(tmp_path / "ledger.toml")


def test_a_log_of_another_name_is_not_served(tmp_path: Path) -> None:
    init_ledger(tmp_path / "log", origin="ledger.example")
    check_server(ServerConfig(directory=tmp_path / "log", origin="ledger.example"))
    with pytest.raises(ConfigError, match=r"this is the log ledger\.example, and not other\.example"):
        check_server(ServerConfig(directory=tmp_path / "log", origin="other.example"))


def test_two_doors_have_two_addresses(tmp_path: Path) -> None:
    ServerConfig(directory=tmp_path, listen="127.0.0.1:0", http="127.0.0.1:0").check()
    with pytest.raises(ConfigError, match=r"cannot both listen on 127\.0\.0\.1:7420"):
        ServerConfig(directory=tmp_path, listen="127.0.0.1:7420", http="127.0.0.1:7420").check()


def test_certificates_that_cannot_be_used_are_found_before_anything_listens(tmp_path: Path) -> None:
    init_ledger(tmp_path / "log")
    (tmp_path / "other").mkdir()
    (tmp_path / "junk.pem").write_text("junk")
    good, other = certify(tmp_path), certify(tmp_path / "other")
    check_server(ServerConfig(directory=tmp_path / "log", tls=Tls(certificate=good[0], key=good[1], client_ca=other[0])))
    junk = tmp_path / "junk.pem"
    for tls in (
        Tls(certificate=junk, key=good[1]),
        Tls(certificate=good[0], key=other[1]),
        Tls(certificate=good[0], key=good[1], client_ca=junk),
    ):
        with pytest.raises(ConfigError, match="cannot be used for TLS"):
            check_server(ServerConfig(directory=tmp_path / "log", tls=tls))


def test_options_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ledger", "init", "log"]) == 0
    config = tmp_path / "log/ledger.toml"
    assert config.read_text() == EXAMPLE
    config.write_text('schema = 1\nlisten.grpc = "127.0.0.1:1"')
    capsys.readouterr()
    for words, address in (["log"], 1), (["--config", "log/ledger.toml"], 1), (["log", "--listen", "[::1]:2"], 2):
        assert main(["ledger", "serve", "--check", *words]) == 0
        assert capsys.readouterr().out.endswith(f":{address}\n")
    config.write_text("schema = 1\nlisten.grcp = 1")
    assert main(["ledger", "serve", "--check", "log"]) == 2
    assert "did you mean 'grpc'?" in capsys.readouterr().err
    assert main(["ledger", "serve", "--check"]) == 2
