# SPDX-License-Identifier: Apache-2.0
"""What a server counts, for Prometheus.

Every name begins with `byline_ledger_`. Labels are from closed sets: methods and codes of gRPC, codes of docs/errors.md, and the names
of identities in admission.toml; nothing that a caller sends becomes one. Each server has a registry of its own.

>>> metrics = Metrics()
>>> metrics.refused("BL-LEDGER-7", "anyone")
>>> b'refusals_total{identity="anyone",reason="BL-LEDGER-7"} 1.0' in metrics.text()
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "byline_ledger"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counts of one server. Thread-safe."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._calls = self._counter("calls", "Calls, by how they ended", "method", "code")
        self._call_seconds = self._histogram("call_seconds", "How long calls took", _SECONDS, "method")
        self._answers: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._entries = self._counter("appends", "Statements that were sent, by what became of them", "outcome")
        self._outcomes: dict[str, Counter] = {}
        self._refusals = self._counter("refusals", "What was refused, by reason (docs/errors.md) and identity", "reason", "identity")
        self._batches = self._histogram("batch_entries", "Statements made durable at once", _SIZES)
        self._commits = self._histogram("commit_seconds", "How long it took to make a batch durable", _SECONDS)

    def answered(self, method: str, code: str, seconds: float) -> None:
        """Count a call of `method` that ended with `code` (of gRPC) after `seconds`."""
        if (method, code) not in self._answers:  # to look a label up costs more than to count
            self._answers[method, code] = self._calls.labels(method, code), self._call_seconds.labels(method)
        calls, call_seconds = self._answers[method, code]
        calls.inc()
        call_seconds.observe(seconds)

    def refused(self, reason: str, identity: str) -> None:
        """Count a refusal."""
        self._refusals.labels(reason, identity).inc()

    def committed(self, entries: int, seconds: float) -> None:
        """Count a batch that is durable."""
        self._batches.observe(entries)
        self._commits.observe(seconds)

    def entered(self, outcome: str, entries: int) -> None:
        """Count what became of statements: `logged`, or the code of an error."""
        if outcome not in self._outcomes:
            self._outcomes[outcome] = self._entries.labels(outcome)
        self._outcomes[outcome].inc(entries)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Tell `value` under `name` whenever somebody asks."""
        Gauge(f"{_PREFIX}_{name}", about, registry=self._registry).set_function(value)

    def watch_each(self, label: str, name: str, about: str, values: Mapping[str, Callable[[], float]]) -> None:
        """Tell `values` under `name`, each with its own `label`, whenever somebody asks."""
        gauge = Gauge(f"{_PREFIX}_{name}", about, (label,), registry=self._registry)
        for key, value in values.items():
            gauge.labels(key).set_function(value)

    def text(self) -> bytes:
        """Return everything as Prometheus reads it."""
        return generate_latest(self._registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", about, labels, buckets=buckets, registry=self._registry)
