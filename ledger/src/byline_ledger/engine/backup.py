# SPDX-License-Identifier: Apache-2.0
"""A copy of a log to keep elsewhere, and the way back that cannot fork it.

    <backup>/backup.json     {"schema": "byline.ledger-backup/1", "vkey": "<the log's>", "checkpoint": "<signed note>"}
    <backup>/ledger.db       one moment of the database, whole, as one file
    <backup>/log.key         only where that was asked for: whoever has it can sign a second history; with it the ML-DSA key, if any

A backup is taken beside a running server, checked in full (`engine.fsck`), and only then gets its name. It holds no settings: those are
files that people wrote.

A restored log that goes on behind what it had told of would sign a second history. So `restore_log` wants to be shown what others saw
of the log: a checkpoint that a witness, a monitor or a mirror has, or that is in a receipt. It refuses a backup that lacks something of
what it is shown. Where it is shown nothing the log is frozen: it answers, and takes no new entries until somebody shows what was seen
(`resume_log`), or for ever, with a new log after it (`engine.rotation`). The file `newest-head` (`engine.highwater`) counts as seen where
the folder still has it; it is in no backup.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from byline.core.canonical import format_canonical, parse_strict
from byline.core.checkpoint import open_checkpoint
from byline.core.fork import follow_growth
from byline.core.note import MAX_NOTE
from byline.core.tiles import STORED_HEIGHT
from byline.core.value import dataclass, replace
from byline.errors import ConfigError, DamagedError, LedgerError, MalformedError, StaleError
from byline.keys.ed25519 import LogVerifier, load_log_key, load_verifier
from byline.keys.files import load_secret, save_secret, sync_folder
from byline_ledger.engine.files import DATABASE, KEY, ML_DSA_KEY, URL, check_files, is_shared, load_log, open_postgres, read_url
from byline_ledger.engine.frozen import Frozen, check_taking, set_frozen, why_frozen
from byline_ledger.engine.fsck import check_ledger
from byline_ledger.engine.highwater import HighWater
from byline_ledger.engine.proven import stored_tiles
from byline_ledger.engine.sql import SqlMoment
from byline_ledger.engine.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from byline.core.checkpoint import Checkpoint
    from byline.core.ports import StoreReader

SCHEMA = "byline.ledger-backup/1"
MANIFEST = "backup.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A copy of the log with the key `vkey` up to `head`, which is signed as `note`; `is_frozen` says whether it takes entries."""

    vkey: str
    note: str
    head: Checkpoint
    is_frozen: bool


def backup_log(directory: Path, target: Path, *, with_key: bool = False) -> Backup:
    """Copy one moment of the log in `directory` into the new folder `target`; `with_key` copies the log's key too.

    Raises:
        ConfigError: There is no log, or `target` is there already or cannot be made.
        LedgerError: The log is damaged, or cannot be read.
    """
    check_files(directory)
    verifier = LogVerifier(load_log_key(directory / KEY).note_key)
    if target.exists():
        raise ConfigError(f"there is something already: {target}", hint="a backup is a new folder each time; name another")
    with _drafting(target.parent) as draft:
        backup = _copied(directory, draft, verifier) if is_shared(directory) else _copy(directory / DATABASE, draft, verifier)
        save_secret(draft / MANIFEST, format_canonical({"schema": SCHEMA, "vkey": backup.vkey, "checkpoint": backup.note}))
        for name in (KEY, ML_DSA_KEY) if with_key else ():
            _copy_key(directory / name, draft / name)
        sync_folder(draft)
        draft.rename(target)
        sync_folder(target.parent)
    return backup


def restore_log(source: Path, directory: Path, *, seen: Sequence[str], key: Path | None = None) -> Backup:
    """Bring the log of the backup `source` back into `directory`, which has none; `seen` are signed notes that others have of it.

    Its key is the one in the backup or in the file `key`.

    Raises:
        ConfigError: Not a backup, there is a log already, or the key is missing or another's.
        LedgerError: The backup is damaged.
        StaleError: More than it holds was seen of the log.
        LogForkError: Another history than it holds was seen of the log.
        SignatureError: What was seen is another log's.
    """
    keyfile = key or source / KEY
    verifier = _read_manifest(source, keyfile)
    if any((directory / name).exists() for name in (KEY, DATABASE, URL)):
        raise ConfigError(f"there is a ledger already: {directory}", hint="restore into a folder without one")
    told = HighWater(directory).read(verifier)
    notes = [*seen, *([told[0]] if told else [])]
    with _drafting(directory) as draft:
        backup = _copy(source / DATABASE, draft, verifier)
        with _moment(draft) as moment:
            _check_seen(moment, notes, verifier)
        if not notes:
            backup = _frozen(draft / DATABASE, backup)
        HighWater(directory).keep(max([backup.note, *notes], key=lambda note: open_checkpoint(note, verifier).size))
        (draft / DATABASE).rename(directory / DATABASE)
        _copy_key(source / ML_DSA_KEY, directory / ML_DSA_KEY)
        save_secret(directory / KEY, load_secret(keyfile))  # last: without its key it is no log yet
    return backup


def resume_log(directory: Path, seen: Sequence[str]) -> None:
    """Let a restored log take entries again: it holds all of what `seen`, signed notes that others have of it, say.

    Raises:
        ConfigError: There is no log, or nothing was shown.
        StaleError: More than it holds was seen of the log.
        LogForkError: Another history than it holds was seen of the log.
        SignatureError: What was seen is another log's.
        FrozenError: The log has ended.
        LedgerError: The log cannot be read or written.
    """
    opened = load_log(directory)
    with contextlib.closing(opened.store) as store:
        with store.read() as reader:
            why = why_frozen(reader)
            if why is Frozen.RESTORED and not seen:
                raise ConfigError("the log was restored: show what others saw of it", hint="a monitor's state, a mirror, a receipt")
            _check_seen(reader, seen, load_verifier(opened.log.vkey))
        with store.write() as writer:
            check_taking(writer, unless=why if why is Frozen.RESTORED else Frozen.HELD)
            set_frozen(writer, None)


def _read_manifest(source: Path, keyfile: Path) -> LogVerifier:
    """Return the key of the log that the backup `source` is of, which is the one in `keyfile`."""
    try:
        with (source / MANIFEST).open("rb") as file:
            record = parse_strict(file.read(2 * MAX_NOTE), max_bytes=2 * MAX_NOTE)
        if not isinstance(record, dict) or record.get("schema") != SCHEMA or not isinstance(vkey := record.get("vkey"), str):
            raise MalformedError("it has another schema")
        verifier = load_verifier(vkey)
    except OSError as error:
        hint = "name a folder that byline ledger backup made"
        raise ConfigError(f"there is no backup in {source}: {MANIFEST}: {error.strerror}", hint=hint) from error
    except MalformedError as error:
        raise ConfigError(f"there is no backup in {source}: {MANIFEST}: {error}") from error
    if not keyfile.exists():
        hint = "name its file with --key; without it nobody can go on with this log"
        where = "not in the backup" if keyfile == source / KEY else f"not there: {keyfile}"
        raise ConfigError(f"the key of the log is {where}", hint=hint)
    if load_log_key(keyfile).vkey != vkey:
        raise ConfigError(f"{keyfile} is the key of another log", hint=f"the backup is of {vkey}")
    return verifier


@contextlib.contextmanager
def _drafting(parent: Path) -> Iterator[Path]:
    """Give a new folder in `parent`, which is gone afterwards if it was not given another name."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".draft-") as place:
            draft = Path(place) / "draft"
            draft.mkdir(mode=0o700)
            yield draft
    except OSError as error:
        raise ConfigError(f"cannot write in {parent}: {error.strerror}") from error


def _copy(database: Path, draft: Path, verifier: LogVerifier) -> Backup:
    """Copy one moment of `database` into the folder `draft` and check all of it."""
    save_secret(draft / DATABASE, b"")
    try:
        with contextlib.closing(_connect(database)) as old, contextlib.closing(sqlite3.connect(draft / DATABASE)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
    except sqlite3.Error as error:
        raise LedgerError(f"cannot copy {database}: {error}", hint="is the disk full? else run `byline ledger fsck`") from error
    return _checked(draft, verifier, str(database))


def _copied(directory: Path, draft: Path, verifier: LogVerifier) -> Backup:
    """Copy one moment of the database of others that `directory` names into the folder `draft`, and check all of it."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(contextlib.closing(open_postgres(read_url(directory))))
        made = stack.enter_context(contextlib.closing(SqliteStore(draft / DATABASE, create=True)))
        stack.enter_context(made.write()).copy(stack.enter_context(database.read()))
    with contextlib.closing(sqlite3.connect(draft / DATABASE)) as file:
        file.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
    return _checked(draft, verifier, "the database")


def _checked(draft: Path, verifier: LogVerifier, origin: str) -> Backup:
    if findings := check_ledger(draft, verifier).findings:
        raise DamagedError(f"{origin} is damaged: {findings[0].where}: {findings[0].what}")
    with _moment(draft) as moment:
        note = moment.head() or ""
        is_frozen = why_frozen(moment) is not None
    return Backup(vkey=verifier.vkey, note=note, head=open_checkpoint(note, verifier), is_frozen=is_frozen)


def _copy_key(source: Path, target: Path) -> None:
    if source.exists():
        save_secret(target, load_secret(source))


def _frozen(database: Path, backup: Backup) -> Backup:
    with contextlib.closing(SqliteStore(database)) as store, store.write() as writer:
        if why_frozen(writer) is not Frozen.ENDED:
            set_frozen(writer, Frozen.RESTORED)
    return replace(backup, is_frozen=True)


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


@contextlib.contextmanager
def _moment(folder: Path) -> Iterator[SqlMoment]:
    with contextlib.closing(_connect(folder / DATABASE)) as database:
        yield SqlMoment(database.execute)


def _check_seen(reader: StoreReader, seen: Sequence[str], verifier: LogVerifier) -> None:
    """Check that the log in `reader` holds all of what each note in `seen` says."""
    try:
        for note in seen:
            follow_growth(note, reader.head() or "", verifier, stored_tiles(reader), height=STORED_HEIGHT)
    except StaleError as error:
        raise StaleError(str(error), hint="find a newer backup; if there is none, go on with another key (docs/operate.md)") from error
