# SPDX-License-Identifier: Apache-2.0
"""Traces for those who collect them: `traces` under [telemetry] in ledger.toml names an OpenTelemetry collector (OTLP over gRPC).

One span for each call, named after its method, a child of the caller's where it sends a `traceparent`. It says how the call ended and
which id it had, and nothing that was sent. Spans go out in batches from a thread; a collector that is away costs spans and nothing
else. How many calls are traced is OpenTelemetry's own setting (`OTEL_TRACES_SAMPLER`). Without an address nothing of this is loaded.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias

from byline import __version__
from byline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    # Says something about the span: a name, and what it is.
    Mark: TypeAlias = Callable[[str, str], object]
    # What a call came with.
    Headers: TypeAlias = Collection[tuple[str, str | bytes]]
    # Traces a block: a method, and the headers that it was called with.
    Span: TypeAlias = Callable[[str, Headers], AbstractContextManager[Mark]]


_SECONDS = 2


@contextlib.contextmanager
def tracing(address: str | None, origin: str) -> Iterator[Span]:
    """Give what traces calls of the log `origin` for the collector at `address` (`http://HOST:PORT`), or for nobody.

    Raises:
        ConfigError: OpenTelemetry is not installed.
    """
    if address is None:
        yield untraced
        return
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ModuleNotFoundError as error:
        raise ConfigError(f"traces need {error.name}, which is not installed", hint='pip install "byline[telemetry]"') from error
    resource = Resource({"service.name": "byline-ledger", "service.version": __version__, "service.instance.id": origin})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=address, insecure=address.startswith("http:"), timeout=_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer, propagator = provider.get_tracer(__name__, __version__), TraceContextTextMapPropagator()

    @contextlib.contextmanager
    def span(method: str, headers: Headers) -> Iterator[Mark]:
        parent = propagator.extract({key: str(value) for key, value in headers if key in propagator.fields})
        with tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            record_exception=False,  # its message may quote anything
            set_status_on_exception=False,
        ) as made:
            yield made.set_attribute

    try:
        yield span
    finally:
        provider.shutdown()


def untraced(_method: str, _headers: Headers) -> AbstractContextManager[Mark]:
    """Trace nothing."""
    return contextlib.nullcontext(lambda _name, _value: None)
