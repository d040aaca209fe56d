"""Starts any subset of the services in one process and stops them cleanly.

A service's `main.build(ctx)` returns its `Parts`; the host gives each its store, relay and
consumer, all of them one gRPC server, and runs timers. Order of stopping: no new requests,
running ones end, consumers finish their batch, relays publish what is left.

A store or bus that is away at the start is waited for; health and HTTP answer meanwhile
and say so.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import start_http_server

from libs.common.blobs import Blobs
from libs.common.bus import Bus, make_bus
from libs.common.clock import Clock, SystemClock
from libs.common.config import FIRST_PORT, Settings, grpc_address
from libs.common.errors import Unavailable
from libs.common.health import OVERALL, HealthDesk
from libs.common.messaging.consumer import Consumer, Handlers
from libs.common.messaging.relay import Relay
from libs.common.operations import DeadLetterDesk
from libs.common.outage import Outage
from libs.common.rpc import AnyPeer, LocalPeer, Peer, Register, Server, connect
from libs.common.store import Collection, Store, make_store, open_collections
from libs.common.upgrades import rename_fields
from libs.common.watch import Check, Watch, Watched
from libs.common.web import HttpServer

LOCAL = "local:"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timer:
    """Calls every so many seconds, never twice at once; failures are logged, not fatal."""

    name: str
    seconds: float
    call: Callable[[], Awaitable[None]]


def sweep_seconds(days: float) -> float:
    """Return how often to look for what was kept for so many days: hourly, oftener for less."""
    return min(3600.0, days * 86400.0 / 8)


@dataclass(frozen=True)
class Parts:
    """What one service consists of."""

    service: Any = None
    servicers: Sequence[tuple[Register, Any, str]] = ()
    handlers: Handlers = field(default_factory=dict)
    timers: Sequence[Timer] = ()
    # Why the service does not get on, looked at now and then; empty where it does.
    checks: Sequence[Check] = ()
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
    health: HealthDesk

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


@dataclass(frozen=True)
class _Built:
    """One service of this process, wired."""

    name: str
    store: Store
    collections: Sequence[Collection]
    renamed: Mapping[str, str]
    parts: Parts
    relay: Relay
    consumer: Consumer | None


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
        self._built: list[_Built] = []
        # By how they end: consumers finish their batch, relays are closed, the rest is cut off.
        self._consuming: list[asyncio.Task[None]] = []
        self._relaying: list[asyncio.Task[None]] = []
        self._timers: list[asyncio.Task[None]] = []
        self._desk = DeadLetterDesk()
        self._https: list[HttpServer] = []
        self._opened = False
        self.failed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Everything is serving when it returns. Waits for stores and a bus that are away."""
        settings = self._settings
        self.failed = asyncio.get_running_loop().create_future()
        self.server = Server(
            grpc_address(settings, list(self._mains), self._all),
            settings.service_token_key,
            list(self._mains),
            reflect=settings.reflection,
        )
        self.addresses = addresses_of(self._all, list(self._mains), self._environ)
        self.blobs = Blobs(settings.blob_url)
        self._bus: Bus = make_bus(settings.bus_url)
        for name, main in self._mains.items():
            self._built.append(self._build(name, main))
        await self.server.start()
        for one in self._built:
            if one.parts.http is not None:
                await self._serve_http(one.parts.http)
        if settings.metrics_listen:
            host, port = settings.metrics_listen.rsplit(":", 1)
            start_http_server(int(port), addr=host)
        await self._open()
        await self.server.open()

    async def stop(self) -> None:
        """Ends in order; what was acknowledged is published or waits in an outbox."""
        if self.failed is None:
            return  # a signal came before anything began
        grace = self._settings.shutdown_seconds
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(http.stop(grace) for http in self._https))
        rest = began + grace - asyncio.get_running_loop().time()
        await self.server.stop(max(rest, 1.0))
        for one in self._built:
            if one.consumer is not None:
                one.consumer.close()
        await self._end_tasks()
        if not self._opened:
            return
        await asyncio.gather(*(one.relay.close() for one in self._built))
        for one in self._built:
            if one.parts.stop is not None:
                await one.parts.stop()
        await self._bus.close()
        for one in self._built:
            await one.store.close()

    def _build(self, name: str, main: Main) -> _Built:
        """The service on its store and the bus, neither of them open yet."""
        store = make_store(self._settings.store_url, name)
        ctx = Context(
            name,
            self._settings,
            store,
            self._clock,
            self.blobs,
            self.addresses,
            self.server.servicers,
            self.server.address,
            self.server.health,
        )
        parts = main.build(ctx)
        for register, servicer, service in parts.servicers:
            self.server.add(register, servicer, service)
        consumer = None
        if parts.handlers:
            consumer = Consumer(name, self._bus, store, parts.service, parts.handlers, self._clock)
            self._desk.seat(self.server, name, store, consumer)
        relay = Relay(store, self._bus, name)
        renamed: Mapping[str, str] = getattr(main, "RENAMED", {})
        return _Built(name, store, main.COLLECTIONS, renamed, parts, relay, consumer)

    async def _open(self) -> None:
        """Opens stores and bus, waiting for those that are away, then sets everything to work."""
        await asyncio.gather(*(self._open_store(one) for one in self._built))
        topics = sorted({f"labelmill.{name}.v1" for name in self._all})
        names = [one.name for one in self._built]
        await self._reach("its bus", names, lambda: self._bus.open(topics))
        self._opened = True
        watch = Watch(self._bus, self.server.health)
        for one in self._built:
            if one.parts.start is not None:
                await self._reach("a part of its own", [one.name], one.parts.start)
            self._relaying.append(self._run(f"{one.name} relay", one.relay.run()))
            if one.consumer is not None:
                consuming = self._run(f"{one.name} consumer", one.consumer.run())
                self._consuming.append(consuming)
            for timer in one.parts.timers:
                ticking = self._run(f"{one.name} {timer.name}", _tick(one.name, timer))
                self._timers.append(ticking)
            seen = Watched(one.name, one.store, one.relay, one.consumer, one.parts.checks)
            watch.add(seen)
            await watch.look(seen, lag=False)
        self._timers.append(self._run("watch", watch.run()))

    async def _open_store(self, one: _Built) -> None:
        async def ready() -> None:
            await open_collections(one.store, one.collections)
            await rename_fields(one.store, "field names", one.collections, one.renamed)

        await self._reach("its store", [one.name], ready)

    async def _reach(
        self, what: str, names: Sequence[str], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Calls until what it needs is there; says in log and health what is waited for."""
        outage, pause = Outage(f"{', '.join(names)}: {what}"), 0.2
        while True:
            try:
                await call()
            except Unavailable as away:
                outage.note(str(away))
                reason = f"it is starting and waits for {what}: {away}"
                for name in (*names, OVERALL):
                    await self.server.health.report(name, reason)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
                continue
            outage.over()
            return

    def _run(self, name: str, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        log.error("%s ended: %r", task.get_name(), task.exception())
        if self.failed is not None and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError(task.get_name()))

    async def _end_tasks(self) -> None:
        """Consumers finish their batch; timers are cut off, they hold nothing."""
        for task in self._timers:
            task.cancel()
        if self._consuming:
            seconds = self._settings.shutdown_seconds
            _, late = await asyncio.wait(self._consuming, timeout=seconds)
            for task in late:
                task.cancel()

    async def _serve_http(self, app: Any) -> None:
        server = HttpServer(app, self._settings.http_listen)
        self._https.append(server)
        (await server.start()).add_done_callback(self._ended)


async def _tick(service: str, timer: Timer) -> None:
    outage = Outage(f"{service}: what its timer {timer.name} needs")
    while True:
        await asyncio.sleep(timer.seconds)
        try:
            await timer.call()
            outage.over()
        except Unavailable as away:
            outage.note(str(away))
        except Exception:
            log.exception("timer %s failed", timer.name)


async def run(host: Host, ready: Callable[[], None] = lambda: None) -> bool:
    """Serves until SIGTERM, SIGINT or a part fails; a start that waits ends at a signal, too: then
    False. `ready` is called once it answers."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    waiting = asyncio.ensure_future(stopped.wait())
    starting = asyncio.ensure_future(host.start())
    begun: set[asyncio.Future[Any]] = {waiting, starting}
    await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
    started = starting.done()
    if started:
        starting.result()
        if host.failed is None:
            raise RuntimeError("the host did not start")
        ready()
        first: set[asyncio.Future[Any]] = {waiting, host.failed}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    else:
        starting.cancel()
        await asyncio.wait({starting})
    await host.stop()
    if host.failed is not None and host.failed.done():
        host.failed.result()
    return started
