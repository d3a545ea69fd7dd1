# SPDX-License-Identifier: Apache-2.0
"""Rounds of witnesses beside a server (`engine.publishing`): once a second at most, in threads that no caller waits for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from byline.core.tlog_policy import NONE, TlogPolicy, parse_tlog_policy
from byline.errors import ConfigError, MalformedError
from byline_ledger.engine.publishing import Publisher, check_policy, withdraw
from byline_ledger.server.asking import WitnessCalls
from byline_ledger.server.recall import check_witnessed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from byline.core.ports import NoteSigner, Store
    from byline.keys.cosigners import WitnessKey
    from byline_ledger.engine.log import Log

INTERVAL_SECONDS = 1.0


def load_policy(path: Path, vkey: str) -> TlogPolicy:
    """Return the policy for witnesses of the log `vkey` that is in the file `path`.

    Raises:
        ConfigError: It cannot be read, or this log cannot ask the witnesses in it.
    """
    try:
        policy = parse_tlog_policy(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except MalformedError as error:
        raise ConfigError(f"{path}: {error}", hint="see docs/formats.md, tlog-policy") from error
    check_policy(policy, vkey)
    WitnessCalls(policy.witnesses)
    return policy


@contextlib.asynccontextmanager
async def publishing(
    log: Log, store: Store, path: Path | None, *, required: bool, keys: Sequence[WitnessKey] = ()
) -> AsyncIterator[Publisher | None]:
    """Publish the checkpoints of `log` while the block runs, over a `store` that nobody else uses, by the policy in the file `path`.

    They are signed with `keys` of the log, too. Without policy and keys the newest checkpoint is the one that readers are shown.

    Raises:
        ConfigError: This log cannot ask the witnesses of the policy.
        CheckpointError: A key in it is of an algorithm that this machine does not have.
        VerificationError: A witness has seen more of the log than it has, or another history.
        LedgerError: The store is broken.
    """
    if path is None and not keys:
        withdraw(store)
        yield None
        return
    policy = load_policy(path, log.vkey) if path else TlogPolicy(logs=(), witnesses=(), groups=(), quorum=NONE)
    await asyncio.get_running_loop().run_in_executor(None, check_witnessed, log.over(store), policy)
    calls = WitnessCalls(policy.witnesses)
    with contextlib.ExitStack() as stack:
        thread = stack.enter_context(ThreadPoolExecutor(1, "byline-publisher"))

        def signers() -> Sequence[NoteSigner]:
            return [each.at(int(time.time())) for each in keys]

        made = Publisher(log, store, policy, calls, clock=time.monotonic, required=required, signers=signers)
        publisher = stack.enter_context(made)
        publisher.begin()
        rounds = asyncio.create_task(_rounds(publisher, thread))
        stack.callback(calls.end)  # first of all: then nobody waits for a witness
        stack.callback(rounds.cancel)
        yield publisher


async def _rounds(publisher: Publisher, thread: ThreadPoolExecutor) -> None:
    while True:
        try:
            await asyncio.get_running_loop().run_in_executor(thread, publisher.round)
        except Exception:  # a later round may do better, and a log without witnesses is still a log
            logging.getLogger(__name__).exception("no checkpoint was published")
        await asyncio.sleep(INTERVAL_SECONDS)
