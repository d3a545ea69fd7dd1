# SPDX-License-Identifier: Apache-2.0
"""What is told of a server as it is when somebody asks: the log, the queue, the witnesses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byline_ledger.engine.log import Log
    from byline_ledger.engine.publishing import Publisher
    from byline_ledger.server.appends import Appends
    from byline_ledger.server.heads import Heads
    from byline_ledger.server.metrics import Metrics

_WITNESSES = (
    ("witness_size_entries", "Entries that a witness cosigned last", "size"),
    ("witness_cosigned_timestamp_seconds", "When it did", "cosigned_at"),
    ("witness_failures", "How often it did not since", "failures"),
)


def watch_server(metrics: Metrics, log: Log, appends: Appends, heads: Heads, publisher: Publisher | None) -> None:
    """Let `metrics` tell how the `log` that is written, `appends`, `heads` and the witnesses of `publisher` are."""
    metrics.watch("size_entries", "Entries that the newest checkpoint covers", lambda: heads.size)
    metrics.watch("checkpoint_timestamp_seconds", "When this server first saw it", lambda: heads.since)
    metrics.watch("waiting_entries", "Statements on their way", lambda: appends.waiting)
    metrics.watch("serving", "1 while appends work", lambda: not appends.failing.is_set())
    metrics.watch("clock_behind_seconds", "How far the clock is behind the newest entry", lambda: log.clock_behind / 1000)
    if publisher is not None:
        metrics.watch("published_entries", "Entries that the published checkpoint covers", lambda: publisher.published)
        metrics.watch("witness_quorum", "1 while the newest round of witnesses had a quorum", lambda: publisher.has_quorum)
    states = publisher.states.items() if publisher else ()
    for name, about, field in _WITNESSES:
        metrics.watch_each("witness", name, about, {each: partial(getattr, state, field) for each, state in states})
