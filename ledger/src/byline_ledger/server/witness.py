# SPDX-License-Identifier: Apache-2.0
"""A witness as a process of its own: its files, and how long it runs. `server.http.witnessing` has what it answers.

Its folder holds `witness.key` (`keys.cosigners`), for ML-DSA-44 `witness-ml-dsa.key` beside it, and `witness.db`, a store that has
nothing but the last checkpoint of each log. The database is made before the key, and a witness whose database is gone does not
begin anew: it would cosign a second history.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from byline.core.note import COSIGNATURE, ML_DSA_44
from byline.errors import ConfigError
from byline.keys.cosigners import load_witness_key, make_witness_key
from byline_ledger.engine.sqlite import SqliteStore
from byline_ledger.engine.witness import Witness
from byline_ledger.server.certificates import Certificates
from byline_ledger.server.config import check_address
from byline_ledger.server.http.listen import listening
from byline_ledger.server.http.witnessing import application
from byline_ledger.server.supervisor import READY, STOPPING, notify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from byline.keys.cosigners import WitnessKey
    from byline.keys.ed25519 import LogVerifier
    from byline_ledger.server.config import Tls

DATABASE = "witness.db"
KEYS = {COSIGNATURE: "witness.key", ML_DSA_44: "witness-ml-dsa.key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessConfig:
    """The witness' `folder`, the `logs` that it knows, and where it listens (`HOST:PORT`)."""

    folder: Path
    logs: Sequence[LogVerifier]
    listen: str
    tls: Tls | None = None


def init_witness(folder: Path, name: str, *, post_quantum: bool = False) -> tuple[str, ...]:
    """Make the witness `name` in `folder`, and return the vkeys of its keys.

    Raises:
        ConfigError: There is one already, or its files cannot be made.
        CheckpointError: No witness can have this name, or ML-DSA-44 is not to be had here.
        LedgerError: The database cannot be made.
    """
    algorithms = (COSIGNATURE, *([ML_DSA_44] if post_quantum else []))
    if any((folder / each).exists() for each in KEYS.values()):
        raise ConfigError(f"there is a witness already: {folder}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {folder}: {error.strerror}") from error
    SqliteStore(folder / DATABASE, create=True).close()
    return tuple(make_witness_key(folder / KEYS[each], name, each).vkey for each in algorithms)


def load_keys(folder: Path) -> tuple[WitnessKey, ...]:
    """Return the keys of the witness in `folder`.

    Raises:
        ConfigError: There is none, its database is gone, or a key of it cannot be read.
    """
    paths = [folder / each for each in KEYS.values() if (folder / each).exists()]
    if not paths:
        raise ConfigError(f"there is no witness here: {folder}", hint=f"byline ledger witness {folder} --new NAME")
    if not (folder / DATABASE).is_file():
        hint = "restore it; without it this witness could cosign a second history, so begin a new one, with a new key"
        raise ConfigError(f"the database of this witness is gone: {folder / DATABASE}", hint=hint)
    return tuple(map(load_witness_key, paths))


def serve_witness(config: WitnessConfig, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, and read the certificates again on SIGHUP; `announce` gets the URL once it answers.

    Raises:
        ConfigError: There is no witness, or it cannot listen there.
        LedgerError: Its database is broken.
    """
    check_address(config.listen, has_tls=config.tls is not None)
    keys = load_keys(config.folder)
    with contextlib.closing(SqliteStore(config.folder / DATABASE)) as store:
        asyncio.run(_serve(Witness(store, keys, config.logs, time.time), config, announce))


async def _serve(witness: Witness, config: WitnessConfig, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    certificates = Certificates(config.tls) if config.tls else None

    def reload() -> None:
        with contextlib.suppress(ConfigError):  # those that were read before count
            if certificates is not None:
                certificates.reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    with ThreadPoolExecutor(1, "byline-witness") as worker:
        async with listening(application(witness, worker), config.listen, certificates) as url:
            announce(url)
            notify(READY)
            await stop.wait()
            notify(STOPPING)
