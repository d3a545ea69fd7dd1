# SPDX-License-Identifier: Apache-2.0
"""Witnesses as processes of their own, made and run by the commands that a person types."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Served: TypeAlias = tuple[subprocess.Popen[str], str, str]
BYLINE = (sys.executable, "-m", "byline_cli", "ledger", "witness")


@dataclass(frozen=True, slots=True)
class Running:
    """A witness that answers at `url`."""

    process: subprocess.Popen[str]
    url: str

    def post(self, body: str) -> tuple[int, str, str | None]:
        """Ask for a cosignature: status, text and type of the answer."""
        return _told(httpx.post(f"{self.url}/add-checkpoint", content=body.encode(), timeout=30))

    def get(self, path: str) -> tuple[int, str, str | None]:
        """Read: status, text and type of the answer."""
        return _told(httpx.get(f"{self.url}/{path}", timeout=30))


def make_witness(folder: Path, name: str, *options: str) -> list[str]:
    """Make a witness; return its vkeys."""
    done = subprocess.run([*BYLINE, folder, "--new", name, *options], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()


@contextlib.contextmanager
def witnessing(folder: Path, vkey: str, listen: str = "127.0.0.1:0") -> Iterator[Running]:
    """Run the witness in `folder` for the log `vkey`, and kill it in the end."""
    command = [*BYLINE, folder, "--log", vkey, "--listen", listen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Running(process, process.stdout.readline().split()[-1])
        finally:
            process.kill()


def _told(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.text, answer.headers.get("Content-Type")


@contextlib.contextmanager
def witnessed_serving(folder: Path, policy: Path | None = None, *, required: bool = False) -> Iterator[Served]:
    """Run the ledger in `folder`, whose checkpoints the witnesses of `policy` are asked about; gives the process and both URLs."""
    text = 'schema = 1\n[listen]\ngrpc = "127.0.0.1:0"\nhttp = "127.0.0.1:0"\n'
    text += f'[witnesses]\npolicy = "{policy}"\nrequired = {str(required).lower()}\n' if policy else ""
    (folder / "ledger.toml").write_text(text)
    command = [sys.executable, "-m", "byline_cli", "ledger", "serve", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            grpc, http = (process.stdout.readline().split()[-1] for _ in range(2))
            yield process, grpc, http
        finally:
            process.kill()
