# SPDX-License-Identifier: Apache-2.0
"""Run a ledger's server until it is told to stop.

On SIGTERM or SIGINT it says NOT_SERVING, takes no new calls, answers those that it has, and closes its files. While appends fail
(a full disk, a locked file) it says NOT_SERVING and still answers readers; once a second it tries to write, and says SERVING when
that works. After an error that is not passing it refuses appends for good. The standard health service speaks for the server as a
whole and for `byline.v1.LedgerService`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]  # the package has no types
from grpc_health.v1.health import aio as health_aio  # type: ignore[import-untyped]  # the package has no types
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc  # type: ignore[import-untyped]  # the package has no types

from byline.errors import ConfigError, LedgerError
from byline.keys.cosigners import load_witness_key
from byline.keys.ed25519 import load_log_key
from byline_ledger.engine.access import Access
from byline_ledger.engine.admission import Admission
from byline_ledger.engine.files import DATABASE, KEY, ML_DSA_KEY, check_files, hold_folder, is_shared, load_log, open_store
from byline_ledger.engine.sealing import SealedIndex
from byline_ledger.engine.sequencer import Sequencer
from byline_ledger.engine.sqlite import check_file
from byline_ledger.events import tell
from byline_ledger.server.appends import Appends
from byline_ledger.server.around import Registering, surround
from byline_ledger.server.certificates import Certificates
from byline_ledger.server.checks import Checks
from byline_ledger.server.diary import begin
from byline_ledger.server.gauges import watch_server
from byline_ledger.server.heads import Heads
from byline_ledger.server.http.admin import administration, private_socket
from byline_ledger.server.http.app import application
from byline_ledger.server.http.listen import answering, listening
from byline_ledger.server.http.site import Site
from byline_ledger.server.lasting import FewStreams
from byline_ledger.server.metrics import Metrics
from byline_ledger.server.operator import Operator, identities_of
from byline_ledger.server.publish import load_policy, publishing
from byline_ledger.server.reception import Reception
from byline_ledger.server.seals import Seals
from byline_ledger.server.service import LedgerService
from byline_ledger.server.supervisor import READY, STOPPING, notify
from byline_ledger.server.traces import tracing
from byline_proto.v1 import ledger_pb2, ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from byline.core.ports import Store
    from byline_ledger.engine.files import OpenLog
    from byline_ledger.engine.log import Log
    from byline_ledger.server.config import ServerConfig

SERVICE = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # Statements have at most 1 MiB; a little more is let in, so that the answer can be a reason.
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # A client that is gone without a word is noticed; one that asks as often whether the server is there is not a nuisance.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)
# Some of the largest batches, as the database writes them: twice.
_ROOM_BYTES = 8 * 1024 * 1024
_COLLECT_AFTER = 20_000
# Appends run on the loop: whoever else writes to this log (nobody should for long) may not hold it up.
_BUSY_SECONDS = 0.5
# Those to a shared database run in a thread, and other front ends take turns there; readers wait for messages, and not for each other.
_SHARED_BUSY_SECONDS = 5.0
_SHARED_READERS = 8
_FOLLOW_SECONDS = 0.5


def serve(config: ServerConfig, *, announce: Callable[[str], None]) -> None:
    """Serve the log in `config.directory` until SIGTERM or SIGINT; `announce` gets the URL of each door once all answer, gRPC's first.

    Raises:
        ConfigError: There is no log, or it cannot be served as configured.
        LedgerError: The log is broken.
    """
    check_server(config)
    begin()
    uvloop.run(_serve(config, announce))


def check_server(config: ServerConfig) -> None:
    """Check that a server could start as `config` says, and touch nothing.

    Raises:
        ConfigError: It could not; there is no log, say, or a file of it cannot be read.
        LedgerError: The log is broken.
    """
    config.check()
    identities_of(config)
    check_files(config.directory)
    if not is_shared(config.directory):
        check_file(config.directory / DATABASE)
    if config.tls is not None:
        Certificates(config.tls)
    key = load_log_key(config.directory / KEY)
    if config.witnesses is not None:
        load_policy(config.witnesses, key.vkey)
    origin = key.name
    if config.origin not in {None, origin}:
        raise ConfigError(f"this is the log {origin}, and not {config.origin}", hint="name the folder of the log that is meant")


async def _serve(config: ServerConfig, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    health = health_aio.HealthServicer()
    access = Access(identities_of(config), time.monotonic)
    certificates = Certificates(config.tls) if config.tls else None
    async with _site(config, access) as (site, heads), contextlib.AsyncExitStack() as doors:
        few = FewStreams(max(1, config.calls // 2))
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=config.calls)
        registering = Registering(server, few.around)
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(site.service, Registering(server, few.around, surround))  # type: ignore[arg-type]  # it is asked for no more
        health_pb2_grpc.add_HealthServicer_to_server(health, registering)
        names = (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(names), registering)
        port = _bind(server, config, certificates)
        await _administer(Operator(config, site, access, certificates), config, doors)
        web = [await doors.enter_async_context(listening(application(site), config.http, certificates))] if config.http else []
        watching = asyncio.create_task(_watch(site.appends, health))
        _collect_seldom()
        await server.start()
        for url in (f"grpc{'s' if config.tls else ''}://{config.listen.rpartition(':')[0]}:{port}", *web):
            announce(url)
        notify(READY)
        tell(logging.INFO, "serving", origin=site.log.origin, address=f"{config.listen.rpartition(':')[0]}:{port}")
        await stop.wait()
        tell(logging.INFO, "stopping")
        notify(STOPPING)
        watching.cancel()
        await health.enter_graceful_shutdown()
        heads.leave()
        await server.stop(config.grace)


async def _administer(operator: Operator, config: ServerConfig, doors: contextlib.AsyncExitStack) -> None:
    """Open the operator's door, and listen to SIGHUP."""

    def reload() -> None:
        with contextlib.suppress(ConfigError):  # told, and the old file counts
            operator.reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    try:
        bound = doors.enter_context(private_socket(config.admin_socket))
    except ConfigError as error:
        if config.admin is not None:
            raise
        # A path that is too long, or another front end in the same folder: who wants this door names another place for it.
        tell(logging.WARNING, "no door for the operator", reason=error.code)
    else:
        await doors.enter_async_context(answering(administration(operator), bound))


def _collect_seldom() -> None:
    """Look for garbage in cycles less often, and not among what is here for good: calls leave next to none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """A log on disk: `opened` is written to by `writer` alone, `log` is the same over the store `reading`, for `readers`."""

    opened: OpenLog
    log: Log
    reading: Store
    beside: Store  # for what is published
    readers: Executor
    writer: Executor


@contextlib.contextmanager
def _open(directory: Path) -> Iterator[_Files]:
    shared = is_shared(directory)
    with contextlib.ExitStack() as stack:
        if not shared:
            stack.enter_context(hold_folder(directory))
        opened = load_log(directory, busy_seconds=_SHARED_BUSY_SECONDS if shared else _BUSY_SECONDS)
        stack.callback(opened.store.close)
        reading = open_store(directory)
        stack.callback(reading.close)
        beside = open_store(directory)
        stack.callback(beside.close)
        # Left before the stores are closed: a commit on its way ends.
        readers = stack.enter_context(ThreadPoolExecutor(_SHARED_READERS if shared else 1, "byline-reader"))
        writer = stack.enter_context(ThreadPoolExecutor(1, "byline-writer"))
        yield _Files(opened=opened, log=opened.log.over(reading), reading=reading, beside=beside, readers=readers, writer=writer)


@contextlib.asynccontextmanager
async def _site(config: ServerConfig, access: Access) -> AsyncIterator[tuple[Site, Heads]]:
    directory, shared = config.directory, is_shared(config.directory)
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(_open(directory))
        opened, log, readers = files.opened, files.log, files.readers
        heads = Heads(log.head()[0])
        span = stack.enter_context(tracing(config.traces, log.origin))
        reception = Reception(access, Metrics(), span=span, clock=time.monotonic)
        checks = Checks(Admission())
        appends = Appends(
            checks=checks,
            sequencer=Sequencer(opened.log, is_remote=shared),
            writer=files.writer,
            publish=heads.publish,
            metrics=reception.metrics,
            has_room=lambda: shutil.disk_usage(directory).free >= _ROOM_BYTES,
            capacity=config.capacity,
        )
        opened.log.begin_index()

        async def refresh() -> None:
            heads.publish((await asyncio.get_running_loop().run_in_executor(readers, log.head))[0])

        seals = Seals(SealedIndex(opened.log, opened.store), appends, heads, refresh if shared else None)
        index = SealedIndex(log, files.reading)
        service = LedgerService(reception=reception, appends=appends, heads=heads, seals=seals, reader=log, index=index, readers=readers)
        site = Site(
            directory=directory, log=log, readers=readers, service=service, appends=appends, reception=reception, rekor=config.rekor
        )
        tasks = [asyncio.create_task(each) for each in (seals.keep(), *((_follow(refresh),) if shared else ()))]
        try:
            path = directory / ML_DSA_KEY
            keys = [load_witness_key(path)] if path.exists() else []
            async with publishing(log, files.beside, config.witnesses, required=config.quorum_required, keys=keys) as publisher:
                watch_server(reception.metrics, opened.log, appends, heads, publisher)
                yield replace(site, publisher=publisher), heads
        finally:
            for task in tasks:
                task.cancel()
            await checks.close()


async def _follow(refresh: Callable[[], Awaitable[None]]) -> None:
    """Show what other front ends signed, until cancelled."""
    while True:
        await asyncio.sleep(_FOLLOW_SECONDS)
        with contextlib.suppress(LedgerError):  # who reads or appends is told, and it is asked again
            await refresh()


async def _watch(appends: Appends, health: health_aio.HealthServicer) -> None:
    """Say SERVING, and NOT_SERVING while appends fail."""
    while True:
        await _say(health, health_pb2.HealthCheckResponse.SERVING)
        await appends.failing.wait()
        tell(logging.ERROR, "appends fail; readers are still answered")
        await _say(health, health_pb2.HealthCheckResponse.NOT_SERVING)
        await appends.recover()
        tell(logging.WARNING, "appends work again")


async def _say(health: health_aio.HealthServicer, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
    for name in ("", SERVICE):
        await health.set(name, status)


def _bind(server: grpc.aio.Server, config: ServerConfig, certificates: Certificates | None) -> int:
    host, _, port = config.listen.rpartition(":")
    try:
        # gRPC says less about why, and says it on stderr too.
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
        if certificates is None:
            return server.add_insecure_port(config.listen)
        return server.add_secure_port(config.listen, certificates.for_grpc())
    except (OSError, RuntimeError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot listen on {config.listen}: {what}", hint="choose another with --listen HOST:PORT") from error
