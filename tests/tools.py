# SPDX-License-Identifier: Apache-2.0
"""Other people's programs, each of one version, installed once into a cache of this user's: they judge what we make.

A test whose program cannot be had here is skipped, and says which and why.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Taken before a test puts another home in their place.
HOME = Path.home()
# npm tries again for minutes where its registry is out of reach.
_NPM_PATIENCE = ("--fetch-retries=1", "--fetch-timeout=20000")
_SECONDS = 600
# Node has roots of its own, and trusts those of the machine where it is told of them.
_ROOTS = ssl.get_default_verify_paths().cafile
_NPM_ENVIRON = {"HOME": str(HOME), **({"NODE_EXTRA_CA_CERTS": _ROOTS} if _ROOTS else {})}
# What runs for seconds need not be fast: a third less to compile, the standard library and all.
GO_QUICK = ("-gcflags=all=-N -l", "-ldflags=-w")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or HOME / ".cache") / "byline-tests"


def go_program(package: str, version: str) -> Path:
    """Return the program that the Go package `package` makes."""
    go = need("go")
    name = package.rpartition("/")[2]
    command = [go, "install", *GO_QUICK, f"{package}@{version}"]
    made = made_once(f"{name}-{version}", lambda place: _run(command, {"HOME": str(HOME), "GOBIN": str(place)}))
    return made / name


def python_program(package: str, version: str, name: str) -> Path:
    """Return the program `name` of a package from PyPI, in an environment of its own."""
    return python_environment(f"{package}=={version}").with_name(name)


def python_environment(*packages: str) -> Path:
    """Return the Python of an environment with `packages` (each as `name==version`), which uv makes."""
    uv = Path(sys.executable).with_name("uv")
    name = f"python-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"

    def make(place: Path) -> None:
        kept = {"HOME": str(HOME), "XDG_CACHE_HOME": str(CACHE.parent), "UV_HTTP_TIMEOUT": "20"}
        _run([str(uv), "venv", "--quiet", "--python", sys.executable, str(place)], kept)
        _run([str(uv), "pip", "install", "--quiet", "--python", str(place / "bin/python"), *packages], kept)

    return made_once(name, make) / "bin/python"


def node_packages(name: str, *packages: str, scripts: bool = False) -> Path:
    """Return the folder `node_modules` with `packages` (each as `name@version`) and what they need; `scripts` of theirs put it in place."""
    npm = need("npm")
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", *_NPM_PATIENCE]
    command = [npm, "install", *quiet, *([] if scripts else ["--ignore-scripts"]), *packages]

    def make(place: Path) -> None:
        if why := _npm_reaches_nothing():
            pytest.skip(why)
        _run([*command, "--prefix", str(place)], _NPM_ENVIRON)

    return made_once(name, make) / "node_modules"


def need(name: str) -> str:
    """Return the path of a program that has to be here."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache, made if it is not there: whole, or not at all, and by one process at a time."""
    place = CACHE / name
    mark = place / ".whole"
    if mark.exists():
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            make(place)
            mark.touch()
    return place


@functools.cache
def _npm_reaches_nothing() -> str:
    """Return why npm cannot have packages here, asked once: it waits long for a registry that is out of reach."""
    try:
        asked = [need("npm"), "view", "npm", "version", *_NPM_PATIENCE]
        done = subprocess.run(asked, env={**os.environ, **_NPM_ENVIRON}, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return "npm's registry is out of reach"
    return f"npm's registry is out of reach: {done.stderr.strip()[-200:]}" if done.returncode else ""


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{' '.join(command[:3])} ... does not end here")
    if done.returncode:
        pytest.skip(f"{' '.join(command[:3])} ... fails here: {done.stderr.strip()[-300:]}")
