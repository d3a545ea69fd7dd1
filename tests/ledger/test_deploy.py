# SPDX-License-Identifier: Apache-2.0
"""The files in ledger/deploy: what they start is there, and what they promise holds as far as this machine can tell.

No container engine and no systemd that runs services is needed: the unit is read by systemd-analyze where that is installed, and the
image's steps are compared with the repository, and run in a folder in the slow set. That an engine builds the image is not tested.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from byline_cli.main import main
from byline_ledger.engine.files import init_ledger
from serving import serving

HOUSE = Path(__file__).parents[2]
UNIT = HOUSE / "ledger/deploy/byline-ledger.service"
IMAGE = HOUSE / "ledger/deploy/Containerfile"


def settings(key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", UNIT.read_text())


def steps(word: str) -> list[str]:
    whole = IMAGE.read_text().replace("\\\n", " ")
    return re.findall(rf"(?m)^{word} (.*)$", whole)


def test_the_unit_starts_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command is one of ours, and would serve a ledger that was made as the unit's first lines say."""
    (start,) = settings("ExecStart")
    program, *words = shlex.split(start)
    assert Path(program).name == "byline"
    made = re.findall(r"(?m)^# .*/byline (ledger init .*)$", UNIT.read_text())
    monkeypatch.chdir(tmp_path)
    for command in made:
        assert main([word.replace("/var/lib/byline-ledger", "log") for word in command.split()]) == 0
    (tmp_path / "ledger.toml").write_text('schema = 1\nfolder = "log"')
    assert main([*(word.replace("/etc/byline/", "") for word in words), "--check"]) == 0


def test_the_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/byline/bin/byline", shutil.which("true") or "/bin/true"))
    told = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60)
    assert (told.returncode, told.stderr) == (0, "")
    level = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=15", unit], capture_output=True, text=True, check=False, timeout=60
    )
    assert level.returncode == 0, level.stdout


def test_the_supervisor_is_told_when_the_server_is_ready_and_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init_ledger(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with serving(tmp_path / "log") as (process, _):
            assert supervisor.recv(100) == b"READY=1"
            process.send_signal(signal.SIGTERM)
            assert supervisor.recv(100) == b"STOPPING=1"
            assert process.wait(60) == 0


def test_the_unit_gives_calls_the_time_that_the_server_does() -> None:
    (seconds,) = settings("TimeoutStopSec")
    (grace,) = re.findall(r"(?m)^#grace = (\d+)", (HOUSE / "ledger/src/byline_ledger/ledger.toml").read_text())
    assert int(seconds) > int(grace)


def test_the_image_copies_what_there_is() -> None:
    copied = [word for step in steps("COPY") if not step.startswith("--from") for word in step.split()[:-1]]
    assert copied
    assert [each for each in copied if not (HOUSE / each).exists()] == []
    assert {f"{path.relative_to(HOUSE)}" for path in HOUSE.glob("*/src")} <= set(copied)


def test_the_image_starts_what_there_is(tmp_path: Path) -> None:
    (entry,), (start,) = steps("ENTRYPOINT"), steps("CMD")
    program, *words = [word.strip('" ') for step in (entry, start) for word in step.strip("[]").split(",")]
    assert Path(program).name == "byline"
    assert main(["ledger", "init", str(tmp_path / "log")]) == 0
    assert main([*(word.replace("/var/lib/byline", str(tmp_path / "log")) for word in words), "--check"]) == 0


@pytest.mark.slow
def test_the_image_is_built_from_the_lock_alone(tmp_path: Path) -> None:
    """What the build stage runs, in a folder that holds what it copies: the program that comes out serves, and needs no test tool."""
    uv = Path(sys.executable).with_name("uv")
    (sync,) = [step.removeprefix("uv ") for step in steps("RUN") if step.startswith("uv ")]
    source, target = tmp_path / "src", tmp_path / "opt"
    for step in steps("COPY")[:-1]:
        *names, _ = step.split()
        for name in names:
            copy = shutil.copytree if (HOUSE / name).is_dir() else shutil.copyfile
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            copy(HOUSE / name, source / name)
    environ = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(target), "UV_LINK_MODE": "copy"}
    command = [uv, *sync.split(), "--python", sys.executable]
    built = subprocess.run(command, cwd=source, env=environ, capture_output=True, text=True, check=False, timeout=600)
    if built.returncode != 0 and "error sending request" in built.stderr:
        pytest.skip("no package index to be reached")
    assert built.returncode == 0, built.stderr
    for words in (["init", "log"], ["serve", "log", "--check"]):
        subprocess.run([target / "bin/byline", "ledger", *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert not list(target.glob("lib/python*/site-packages/pytest"))
