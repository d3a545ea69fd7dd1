# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL as itself: a server of the tests' own, on a socket in a folder of its own and on no network.

It refuses to run as root: then it runs as the account that its package made, or as nobody.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = ("/usr/local/bin", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


class Postgres:
    """A running server; `url` is that of its database."""

    def __init__(self, folder: Path, account: str) -> None:
        self._numbers = itertools.count()
        self.url = f"postgresql://{account}@/postgres?host={folder}"

    def empty(self) -> str:
        """Return the URL of an empty place of its own, as good as a database of its own and made much sooner."""
        import psycopg

        name = f"place{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.url}&options=-csearch_path%3D{name}"

    def reload(self, setting: str, value: str) -> None:
        """Let the server read its settings again, and return once `setting` is `value`."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
        for _ in range(1000):
            with psycopg.connect(self.url) as connection:
                row = connection.execute("SELECT setting = %s FROM pg_settings WHERE name = %s", (value, setting)).fetchone()
            if row == (True,):
                return
        raise AssertionError(f"{setting} is not {value}")


def end_connections(url: str) -> None:
    """Do to all front ends what an operator, a failover or a broken network does."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'byline' AND pid <> pg_backend_pid()"
        )


def find_binaries() -> Path | None:
    """Return the folder with `pg_ctl` and `initdb`, None where there is none."""
    known = shutil.which("postgres")
    folders = [Path(known).parent] if known else []
    folders += [found for each in _FOLDERS for found in sorted(Path("/").glob(each[1:]), reverse=True)]
    return next((each for each in folders if (each / "initdb").exists() and (each / "pg_ctl").exists()), None)


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a server; it ends with the block."""
    binaries = find_binaries()
    assert binaries is not None
    account, identity = _account()
    # The path of a socket has at most about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if identity:
            shutil.chown(folder, identity["user"], identity["group"])
        data, log = folder / "data", folder / "log"
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        options: Any = {"env": environ, "cwd": folder, "stdout": subprocess.DEVNULL, "timeout": 120, **identity}
        subprocess.run([binaries / "initdb", "--no-sync", "-A", "trust", "-U", account, "-D", data], check=True, **options)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"unix_socket_directories = '{folder}'\nlisten_addresses = ''\nmax_connections = 60\nshared_buffers = 16MB\n")
        control = [binaries / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-l", log, "start"], check=True, **options)
        try:
            yield Postgres(folder, account)
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **options)


def _account() -> tuple[str, dict[str, Any]]:
    """Return whose database it is, and as whom to start the server if not as ourselves."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, {}
    names = {each.pw_name: each for each in pwd.getpwall()}
    other = names.get("postgres") or names["nobody"]
    return other.pw_name, {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": ()}
