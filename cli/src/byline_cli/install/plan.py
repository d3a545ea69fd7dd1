# SPDX-License-Identifier: Apache-2.0
"""Everything that `byline init` would do here, as one value: made by looking only."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from byline.capture.places import data_dir
from byline.capture.spool import agent_stub
from byline.core.trust import parse_trust
from byline.core.value import dataclass
from byline.errors import ConfigError
from byline.git.remotes import fetch_refspecs
from byline_cli.install import claude_code
from byline_cli.install.changes import FileChange, Setting, plan_file, read_or_none
from byline_cli.install.charter import Charter, new_charter
from byline_cli.install.hooks import hooks_folder, plan_hooks, why_not_ours
from byline_cli.keyfile import key_path, load_own_key
from byline_cli.wiring import POLICY, read_file, trust_file

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from byline.core.trust import Trust
    from byline.git.repository import Repository
    from byline.keys.p256 import PrivateKey

AGENTS = ("claude-code",)
# Why each of `fetch_refspecs` is set.
FETCHED = ("evidence comes along with every fetch", "but not what the remote has from elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done. `charter` is None where the repository has its trust already; `notes` are said to the person."""

    key: PrivateKey
    key_path: Path
    trust: Trust
    charter: Charter | None
    files: tuple[FileChange, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]

    @property
    def is_new_key(self) -> bool:
        """Whether the key is made by this plan."""
        return not self.key_path.exists()


def make_plan(repo: Repository, environ: Mapping[str, str], options: Namespace) -> Plan:
    """Return what `init` with `options` would do in `repo`.

    Raises:
        ConfigError: The options do not fit the repository.
        TrustError: The repository's trust file cannot be read.
    """
    path = key_path(environ)
    key = load_own_key(environ) if path.exists() else _draft_key()
    data = read_file(repo, b".byline/trust.toml")
    notes: list[str] = []
    charter = None
    files: list[FileChange] = []
    if data is None:
        charter = new_charter(
            preset=options.policy or "solo", principal=options.principal, public=key.public, ledger=options.ledger, log_key=options.log_key
        )
        files += _charter_files(repo, charter)
    else:
        _check_no_charter_options(options)
        if options.policy:
            notes.append("this repository has its trust and policy already; --policy changes nothing")
    hooks, why = _hooks(repo)
    files += hooks
    notes += why
    for agent in options.agent or ():
        files += _claude_code(repo, environ) if agent == "claude-code" else ()
    return Plan(
        key=key,
        key_path=path,
        trust=charter.trust if charter else parse_trust(data or b""),
        charter=charter,
        files=tuple(files),
        settings=tuple(_settings(repo, options)),
        notes=tuple(notes),
    )


def _draft_key() -> PrivateKey:
    from byline.keys.p256 import PrivateKey

    return PrivateKey.generate()


def _check_no_charter_options(options: Namespace) -> None:
    given = [name for name in ("ledger", "log_key", "principal") if getattr(options, name)]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise ConfigError(
            f"{flag} is for a repository that has no .byline/trust.toml yet", hint="edit .byline/trust.toml; `byline trust --help`"
        )


def _charter_files(repo: Repository, charter: Charter) -> list[FileChange]:
    trust = trust_file(repo)
    policy = trust.with_name("policy.toml")
    who = charter.trust.principals[0]
    files = [plan_file(trust, charter.trust_file, kind="shared", why=f"you are {who.id} ({who.level}); review and commit it")]
    if read_file(repo, POLICY) is None:
        files.append(plan_file(policy, charter.policy_file, kind="shared", why="what a gate asks of a change; review and commit it"))
    return files


def _hooks(repo: Repository) -> tuple[tuple[FileChange, ...], list[str]]:
    folder = hooks_folder(repo)
    why = why_not_ours(repo, folder)
    if not why:
        return plan_hooks(repo, python=Path(sys.executable)), []
    own = repo.common_dir / "hooks"
    return (), [f"no git hooks: {why} ({folder}); commits are attested by `byline attest`, or call it in those hooks ({own} is not read)"]


def _claude_code(repo: Repository, environ: Mapping[str, str]) -> list[FileChange]:
    assert repo.top is not None  # noqa: S101 - a repository without work tree was refused before
    script = data_dir(environ) / claude_code.SCRIPT
    settings = repo.top / claude_code.SETTINGS
    exclude = repo.common_dir / "info" / "exclude"
    merged = claude_code.with_hooks(read_or_none(settings), script)
    stub = agent_stub("claude-code", python=Path(sys.executable)).encode()
    return [
        plan_file(script, stub, mode=0o755, kind="stays", why="what Claude Code calls, in all repositories"),
        plan_file(settings, merged, kind="claude-code", why="merged: Claude Code calls it after each edit"),
        plan_file(exclude, _with_line(read_or_none(exclude) or b""), kind="exclude", why="those settings are not committed"),
    ]


def _settings(repo: Repository, options: Namespace) -> list[Setting]:
    out = [
        Setting(key=f"remote.{remote}.fetch", value=refspec, one_more=True, why=why)
        for remote in repo.remotes()
        for refspec, why in zip(fetch_refspecs(remote), FETCHED, strict=True)
    ]
    out.append(Setting(key="byline.python", value=sys.executable, why="what the hooks run"))
    if options.declare_own_lines:
        why = "your commits declare your own lines, by your key"
        out.append(Setting(key="byline.declareOwnLines", value="true", why=why))
    return out


def without_line(exclude: bytes) -> bytes:
    """Return the exclude file without our line."""
    ours = os.fsencode("/" + claude_code.SETTINGS)
    return b"".join(line for line in exclude.splitlines(keepends=True) if line.rstrip(b"\r\n") != ours)


def _with_line(exclude: bytes) -> bytes:
    line = os.fsencode("/" + claude_code.SETTINGS)
    if line in exclude.splitlines():
        return exclude
    return exclude + (b"" if not exclude or exclude.endswith(b"\n") else b"\n") + line + b"\n"
