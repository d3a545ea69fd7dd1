# SPDX-License-Identifier: Apache-2.0
"""A log's directory: the key that signs its checkpoints, and its database.

    <directory>/log.key       Ed25519, mode 0600 (`keys.ed25519`)
    <directory>/log-ml-dsa.key    ML-DSA-44 (`keys.cosigners`), where the log's published checkpoints are signed with that, too
    <directory>/ledger.db     SQLite (`engine.sqlite`), with `-wal` and `-shm` beside it while in use
    <directory>/ledger.url    in its place: the URL of a PostgreSQL database (`engine.postgres`), mode 0600, for it may hold a password
    <directory>/newest-head   the newest head that anybody was told of (`engine.highwater`)

Front ends of one log on several machines each have a directory with the same key and the same URL. A log that has begun has a key
and a database. Where one of them is gone the log is not begun anew: a second history under the same key would be
a fork. The database is made first and holds no checkpoint until there is a key, so a crash in between leaves a log that has not
begun, and making it again goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

from byline.core.note import ML_DSA_44, is_name
from byline.core.value import dataclass
from byline.errors import CheckpointError, ConfigError, LedgerError
from byline.keys.cosigners import make_witness_key
from byline.keys.ed25519 import LogVerifier, load_log_key, make_log_key
from byline.keys.files import load_secret, save_secret, sync_folder
from byline_ledger.engine.highwater import HighWater
from byline_ledger.engine.log import Log
from byline_ledger.engine.sqlite import BUSY_SECONDS, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from byline.core.ports import Store
    from byline_ledger.engine.postgres import PostgresStore

KEY = "log.key"
ML_DSA_KEY = "log-ml-dsa.key"
DATABASE = "ledger.db"
URL = "ledger.url"
LOOPBACK = "loopback.invalid"
EMBEDDED = "embedded.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLog:
    """A log and the store under it, to be closed."""

    log: Log
    store: Store


def init_ledger(directory: Path, *, origin: str | None = None, database: str | None = None) -> str:
    """Begin the log `origin` in `directory` and return its vkey; without a name it gets a random one of a loopback log.

    Its database is a file in `directory`, or the one in PostgreSQL that the URL `database` names.

    Raises:
        ConfigError: There is a log already, no log can have this name, or the files cannot be made.
        LedgerError: The database cannot be made.
    """
    if database is not None:
        _name_database(directory, database)
    log, begun = _begin(directory, origin, kind=LOOPBACK)
    if not begun:
        raise ConfigError(f"there is a ledger already: {directory}")
    return log.vkey


def add_ml_dsa_key(directory: Path) -> str:
    """Make an ML-DSA-44 key for the log in `directory`, beside its own, and return its vkey.

    Raises:
        ConfigError: There is one, or no log, or this machine has no ML-DSA-44.
    """
    try:
        return make_witness_key(directory / ML_DSA_KEY, load_log_key(directory / KEY).name, ML_DSA_44).vkey
    except CheckpointError as error:
        raise ConfigError(f"no ML-DSA-44 key can be made: {error}", hint="a newer release of cryptography may have it") from error


def check_files(directory: Path) -> None:
    """Check that the files of a log are in `directory`.

    Raises:
        ConfigError: Both are gone, or its key.
        LedgerError: Its database is gone.
    """
    has_key, has_database = (directory / KEY).exists(), (directory / DATABASE).is_file() or is_shared(directory)
    if not has_key and not has_database:
        raise ConfigError(f"there is no ledger here: {directory}", hint=f"byline ledger init {directory}")
    if not has_key:
        hint = "put it back; a backup becomes a ledger by byline ledger restore --key FILE"
        raise ConfigError(f"the key of this ledger is gone: {directory / KEY}", hint=hint)
    if not has_database:
        raise LedgerError(f"the database of this ledger is gone: {directory / DATABASE}", hint="restore it; its key may not begin another")


def is_shared(directory: Path) -> bool:
    """Whether the log in `directory` has a database that front ends elsewhere may use as well."""
    return (directory / URL).exists()


def open_store(directory: Path, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> Store:
    """Open the database of the log in `directory`; a writer waits `busy_seconds` for other processes.

    Raises:
        ConfigError: The file with its URL cannot be read, or names no database.
        LedgerError: It is broken, that of something else, or does not answer.
    """
    if not is_shared(directory):
        return SqliteStore(directory / DATABASE, create=create, busy_seconds=busy_seconds)
    return open_postgres(read_url(directory), create=create, busy_seconds=busy_seconds)


@contextlib.contextmanager
def hold_folder(directory: Path) -> Iterator[None]:
    """Hold `directory` against a server there, or another one, until the block or this process ends however it ends.

    Raises:
        ConfigError: It is held, or cannot be read.
    """
    try:
        folder = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"cannot read {directory}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = f"a server is running on this ledger already: {directory}"
            raise ConfigError(what, hint="stop it first; fsck may run beside it") from error
        yield
    finally:
        os.close(folder)


def load_log(directory: Path, *, busy_seconds: float = BUSY_SECONDS) -> OpenLog:
    """Open the log in `directory`; a writer waits `busy_seconds` for other processes.

    Raises:
        ConfigError: There is none, or its key cannot be read.
        LedgerError: Its database is gone, broken, or that of another log.
        VerificationError: Its database was set back, or holds another history than it told of.
    """
    opened = _open(directory, busy_seconds=busy_seconds)
    if opened is None:
        raise LedgerError("the log has not begun", hint="run `byline ledger init`")
    return opened


def ensure_log(directory: Path) -> OpenLog:
    """Open the embedded log in `directory`, and begin it where there is none; several processes may do so at once.

    Raises:
        ConfigError: The files cannot be made or read.
        LedgerError: The database is gone, broken, or that of another log.
    """
    opened = _open(directory) if (directory / KEY).exists() else None
    if opened is not None:
        return opened
    _begin(directory, None, kind=EMBEDDED)
    return load_log(directory)


def _open(directory: Path, *, busy_seconds: float = BUSY_SECONDS) -> OpenLog | None:
    """Open the log, None if it has not begun: another process is about to begin it, or ended before it could."""
    check_files(directory)
    store = open_store(directory, busy_seconds=busy_seconds)
    with contextlib.ExitStack() as unless_good:
        unless_good.callback(store.close)
        key, told = load_log_key(directory / KEY), HighWater(directory)
        log = Log(store, key, publish=told.keep)
        if not log.has_begun():
            return None
        told.check(LogVerifier(key.note_key), log.head)
        unless_good.pop_all()
    return OpenLog(log=log, store=store)


def _begin(directory: Path, origin: str | None, *, kind: str) -> tuple[Log, bool]:
    """Begin the log where it has not begun; return it, and whether this process did."""
    path = directory / KEY
    if origin is not None and (not is_name(origin) or "://" in origin):
        hint = "a name has no scheme, no white space and no plus sign, for example ledger.example"
        raise ConfigError(f"no log can be named {origin!r}", hint=hint)
    if path.exists():
        check_files(directory)
    _make_folder(directory)
    # Tables that are gone from a database of others are not made anew under a key that has signed what they held.
    store = open_store(directory, create=not (is_shared(directory) and path.exists()))
    try:
        # The store's lock decides who begins: whoever comes second finds the key.
        with store.write() as writer:
            fresh = writer.head() is None
            if not fresh and not path.exists():
                raise ConfigError(f"the key of this ledger is gone: {path}", hint="restore it, or begin a new log elsewhere")
            key = load_log_key(path) if path.exists() else make_log_key(path, origin or _random_origin(kind))
            if fresh and origin not in {None, key.name}:
                raise ConfigError(f"there is a key of {key.name} already: {path}")
            log = Log(store, key)
            if fresh:
                # What the database promises from here on would be gone if the names of its files were.
                sync_folder(directory)
                log.start(writer)
    finally:
        store.close()
    return log, fresh


def _make_folder(directory: Path) -> None:
    try:
        made = [each for each in (directory, *directory.parents) if not each.exists()]
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in made:
            sync_folder(each.parent)
    except OSError as error:
        raise ConfigError(f"cannot make {directory}: {error.strerror}") from error


def _name_database(directory: Path, url: str) -> None:
    """Keep the URL of a log's database, once it is known to be one, and to hold no other log."""
    if (directory / DATABASE).exists() or (is_shared(directory) and read_url(directory) != url):
        raise ConfigError(f"there is a ledger already: {directory}")
    has_key = (directory / KEY).exists()
    with contextlib.closing(open_postgres(url, create=not has_key)) as store, store.read() as reader:
        if reader.head() is not None and not has_key:
            hint = f"to serve it from here too, copy {KEY} and {URL} from a folder of it"
            raise ConfigError("this database holds a ledger already", hint=hint)
    if not is_shared(directory):
        _make_folder(directory)
        save_secret(directory / URL, url.encode() + b"\n")


def read_url(directory: Path) -> str:
    """Return the URL of the database of the log in `directory`, which `is_shared`.

    Raises:
        ConfigError: It cannot be read, or others may read it.
    """
    return load_secret(directory / URL).decode(errors="replace").strip()


def open_postgres(url: str, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> PostgresStore:
    """Open the database that `url` names.

    Raises:
        ConfigError: It names none, or the driver is not installed.
        LedgerError: It is that of something else, or does not answer.
    """
    try:
        from byline_ledger.engine.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs {error.name}, which is not installed", hint='pip install "byline[postgres]"') from error
    return PostgresStore(url, create=create, busy_seconds=busy_seconds)


def _random_origin(kind: str) -> str:
    """Return a name that no other log has, under a domain that resolves nowhere."""
    return f"{secrets.token_hex(8)}.{kind}"
