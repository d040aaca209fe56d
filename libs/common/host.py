"""Starts any subset of the services in one process and stops them cleanly.

A service's `main.build(ctx)` returns its `Parts`; the host gives each its store, relay and
consumer, all of them one gRPC server, and runs timers. Order of stopping: no new requests,
running ones end, consumers finish their batch, relays publish what is left.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import uvicorn
from prometheus_client import start_http_server

from libs.common.blobs import Blobs
from libs.common.bus import Bus, open_bus
from libs.common.bus.consumer import Consumer, Handlers
from libs.common.bus.relay import Relay
from libs.common.clock import Clock, SystemClock
from libs.common.config import FIRST_PORT, Settings
from libs.common.operations import DeadLetterDesk
from libs.common.rpc import AnyPeer, LocalPeer, Peer, Register, Server, connect
from libs.common.store import Collection, Store, open_store

LOCAL = "local:"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timer:
    """Calls every so many seconds, never twice at once; failures are logged, not fatal."""

    name: str
    seconds: float
    call: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Parts:
    """What one service consists of."""

    service: Any = None
    servicers: Sequence[tuple[Register, Any, str]] = ()
    handlers: Handlers = field(default_factory=dict)
    timers: Sequence[Timer] = ()
    http: Any = None
    start: Callable[[], Awaitable[None]] | None = None
    stop: Callable[[], Awaitable[None]] | None = None


class Main(Protocol):
    """A service's `main` module."""

    COLLECTIONS: Sequence[Collection]

    def build(self, ctx: Context) -> Parts: ...


@dataclass
class Context:
    """What a service may use to build itself."""

    name: str
    settings: Settings
    store: Store
    clock: Clock
    blobs: Blobs
    addresses: Mapping[str, str]
    servicers: Mapping[str, Any]
    listen: str

    def peer(self, service: str, stub: Callable[[Any], Any], grpc_service: str) -> AnyPeer:
        """Another service behind its address; `local:` is this process."""
        if self.addresses[service] == LOCAL:
            return LocalPeer(self.servicers, grpc_service)
        channel = connect(self.addresses[service])
        return Peer(stub(channel), self.settings.service_token_key)

    def channel(self, service: str) -> Any:
        """A gRPC channel to a service, over the network even where it is in this process."""
        address = self.addresses[service]
        return connect(self.listen if address == LOCAL else address)


def addresses_of(
    services: Sequence[str], here: Sequence[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Where each service answers: RPC_<SERVICE>, else this process, else its laptop port."""
    found = {}
    for index, service in enumerate(services):
        default = LOCAL if service in here else f"127.0.0.1:{FIRST_PORT + index}"
        found[service] = environ.get(f"RPC_{service.upper()}", default)
    return found


class Host:
    """The process."""

    def __init__(
        self,
        settings: Settings,
        mains: Mapping[str, Main],
        all_services: Sequence[str],
        environ: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        self._settings, self._mains, self._all = settings, mains, all_services
        self._environ, self._clock = environ, clock or SystemClock()
        self._relays: list[Relay] = []
        self._consumers: list[Consumer] = []
        self._stores: list[Store] = []
        self._parts: list[Parts] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._https: list[uvicorn.Server] = []
        self.failed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Everything is serving when it returns."""
        settings = self._settings
        self.failed = asyncio.get_running_loop().create_future()
        self.server = Server(
            self._listen(), settings.service_token_key, reflect=settings.reflection
        )
        self.addresses = addresses_of(self._all, list(self._mains), self._environ)
        self.blobs = Blobs(settings.blob_url)
        built = [await self._build(name, main) for name, main in self._mains.items()]
        topics = sorted({f"labelmill.{name}.v1" for name in self._all})
        self._bus: Bus = await open_bus(settings.bus_url, topics)
        for name, store, parts in built:
            await self._wire(name, store, parts)
        await self.server.start()
        for parts in self._parts:
            if parts.http is not None:
                await self._serve_http(parts.http)
        if settings.metrics_listen:
            host, port = settings.metrics_listen.rsplit(":", 1)
            start_http_server(int(port), addr=host)

    async def stop(self) -> None:
        """Ends in order; what was acknowledged is published or waits in an outbox."""
        for http in self._https:
            http.should_exit = True
        await self.server.stop(self._settings.shutdown_seconds)
        for consumer in self._consumers:
            consumer.close()
        await self._end_tasks()
        for relay in self._relays:
            await relay.close()
        for parts in self._parts:
            if parts.stop is not None:
                await parts.stop()
        await self._bus.close()
        for store in self._stores:
            await store.close()

    def _listen(self) -> str:
        if self._settings.grpc_listen:
            return self._settings.grpc_listen
        first = next(iter(self._mains))
        alone = len(self._mains) == 1
        offset = self._all.index(first) if alone else -1
        return f"127.0.0.1:{FIRST_PORT + offset}"

    async def _build(self, name: str, main: Main) -> tuple[str, Store, Parts]:
        store = await open_store(self._settings.store_url, name, main.COLLECTIONS)
        ctx = Context(
            name,
            self._settings,
            store,
            self._clock,
            self.blobs,
            self.addresses,
            self.server.servicers,
            self.server.address,
        )
        self._stores.append(store)
        return name, store, main.build(ctx)

    async def _wire(self, name: str, store: Store, parts: Parts) -> None:
        self._parts.append(parts)
        if parts.start is not None:
            await parts.start()
        for register, servicer, service in parts.servicers:
            self.server.add(register, servicer, service)
        relay = Relay(store, self._bus)
        self._relays.append(relay)
        self._run(f"{name} relay", relay.run())
        if parts.handlers:
            consumer = Consumer(name, self._bus, store, parts.service, parts.handlers, self._clock)
            self._consumers.append(consumer)
            DeadLetterDesk.seat(self.server, name, store, consumer, alone=len(self._mains) == 1)
            self._run(f"{name} consumer", consumer.run())
        for timer in parts.timers:
            self._run(f"{name} {timer.name}", _tick(timer))

    def _run(self, name: str, work: Any) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        log.error("%s ended: %r", task.get_name(), task.exception())
        if self.failed is not None and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError(task.get_name()))

    async def _end_tasks(self) -> None:
        """Consumers finish their batch; timers are cut off, they hold nothing."""
        consumers = {t for t in self._tasks if t.get_name().endswith(" consumer")}
        for task in self._tasks:
            if not task.get_name().endswith((" relay", " consumer")):
                task.cancel()
        if consumers:
            _, late = await asyncio.wait(consumers, timeout=self._settings.shutdown_seconds)
            for task in late:
                task.cancel()

    async def _serve_http(self, app: Any) -> None:
        host, port = self._settings.http_listen.rsplit(":", 1)
        config = uvicorn.Config(
            app, host=host, port=int(port), log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._https.append(server)
        self._run("http timer", _serve(server))
        while not server.started:
            if self.failed is not None and self.failed.done():
                self.failed.result()
            await asyncio.sleep(0.02)


async def _serve(server: uvicorn.Server) -> None:
    # Uvicorn leaves by SystemExit when its port is taken; that must not end the loop silently.
    try:
        await server._serve()
    except SystemExit as gone:
        raise RuntimeError("the HTTP port is taken; set HTTP_LISTEN to another") from gone


async def _tick(timer: Timer) -> None:
    while True:
        await asyncio.sleep(timer.seconds)
        try:
            await timer.call()
        except Exception:
            log.exception("timer %s failed", timer.name)


async def run(host: Host) -> None:
    """Serves until SIGTERM, SIGINT or a part fails."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    await host.start()
    if host.failed is None:
        raise RuntimeError("the host did not start")
    waiting = asyncio.ensure_future(stopped.wait())
    first: set[asyncio.Future[Any]] = {waiting, host.failed}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    await host.stop()
    if host.failed.done():
        host.failed.result()
