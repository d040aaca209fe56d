"""gRPC for every service: one guard before every method, one peer for every call.

The guard authenticates, authorizes, keeps tenants apart, validates (protovalidate), traces,
measures, and turns `errors` into statuses. The peer adds deadline, token and trace to a call
and turns statuses back into `errors`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import protovalidate
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status
from opentelemetry import propagate
from opentelemetry.trace import SpanKind

from libs.common import names, telemetry
from libs.common.access import Caller, allow, believe, mint, set_caller
from libs.common.codec import cached
from libs.common.errors import FAULTS, Fault, Invalid, Unauthenticated, Unavailable
from libs.common.health import OVERALL, HealthDesk

MAX_MESSAGE = 64 * 1024 * 1024
DEADLINE_SECONDS = 30.0
_BIG = 100_000
_OPEN = ("/grpc.health.", "/grpc.reflection.")
_CODES = {code.name: code for code in grpc.StatusCode}
_RETRY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "loadBalancingConfig": [{"round_robin": {}}],
}
_CHANNEL_OPTIONS = [
    ("grpc.service_config", json.dumps(_RETRY)),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 30_000),
]
_SERVER_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.so_reuseport", 0),
]
log = logging.getLogger(__name__)
Register = Callable[[Any, grpc.aio.Server], None]
Method = Callable[[Any, Any], Awaitable[Message]]


class Guard(grpc.aio.ServerInterceptor):
    """Stands before every method of the platform's own services."""

    def __init__(self, key: str, desk: HealthDesk) -> None:
        self._key, self._desk = key, desk
        self._guarded: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wraps a method the first time it is called and keeps it."""
        method = details.method
        if method.startswith(_OPEN):
            return await continuation(details)
        guarded = self._guarded.get(method)
        if guarded is None:
            handler = await continuation(details)
            if handler is None or handler.unary_unary is None:
                return handler
            guarded = grpc.unary_unary_rpc_method_handler(
                self._guard(method.lstrip("/"), handler.unary_unary),
                handler.request_deserializer,
                handler.response_serializer,
            )
            self._guarded[method] = guarded
        return guarded

    def _guard(self, method: str, call: Method) -> Method:
        async def guarded(request: Any, context: Any) -> Any:
            started, code = time.perf_counter(), "OK"
            metadata = dict(context.invocation_metadata() or ())
            try:
                with telemetry.tracer.start_as_current_span(
                    method, context=propagate.extract(metadata), kind=SpanKind.SERVER
                ):
                    await self._check(method, request, metadata)
                    return await call(request, context)
            except Fault as fault:
                code = fault.code
                await context.abort_with_status(_status_of(fault))
            except grpc.aio.AbortError:
                raise
            except Exception:
                code = "INTERNAL"
                log.exception("%s failed", method)
                await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the log")
            finally:
                telemetry.RPC_SECONDS.labels(method, code).observe(time.perf_counter() - started)

        return guarded

    async def _check(self, method: str, request: Message, metadata: dict[str, Any]) -> None:
        if starting := self._desk.starting:
            raise Unavailable(f"this process takes no calls: {starting}")
        bearer = metadata.get("authorization", "")
        if not bearer.startswith("Bearer "):
            raise Unauthenticated("send `authorization: Bearer <token>`")
        await admit(method, request, believe(bearer[7:], self._key))


async def admit(method: str, request: Message, who: Caller) -> None:
    """Lets a believed caller's request in: authorized, of their own tenant, valid; or raises."""
    allow(method, who)
    isolate(request, who)
    # Large payloads would hold up everybody else in the loop.
    if request.ByteSize() > _BIG:
        await asyncio.to_thread(validate, request)
    else:
        validate(request)
    set_caller(who)


def isolate(request: Message, who: Caller) -> None:
    """Raises `NotFound` where the request names another tenant's resource."""
    if who.platform:
        return
    for field in _name_fields(type(request)):
        value = getattr(request, field)
        if isinstance(value, Message):
            value = getattr(value, "name", "")
        for name in [value] if isinstance(value, str) else value:
            if name and not name.startswith(f"{names.CATALOGUE}/"):
                names.own(name, who.tenant)


@cached
def _name_fields(cls: type[Message]) -> tuple[str, ...]:
    fields = cls.DESCRIPTOR.fields_by_name
    return tuple(f for f in ("name", "parent", "project", "tasks", "other") if f in fields)


def validate(message: Message) -> None:
    """Raises `Invalid` with the path of the first field that breaks its rule."""
    violations = protovalidate.collect_violations(message, fail_fast=True)
    if violations:
        broken = violations[0].proto
        raise Invalid(f"{broken.message}", field=_path(broken.field))


def _path(field: Any) -> str:
    parts = []
    for element in field.elements if field else ():
        index = getattr(element, "subscript", None)
        at = f"[{index.value}]" if index is not None and hasattr(index, "value") else ""
        parts.append(f"{element.field_name}{at}")
    return ".".join(parts)


def _status_of(fault: Fault) -> Any:
    details = []
    if fault.field:
        bad = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=fault.field, description=fault.message
                )
            ]
        )
        packed = any_pb2.Any()
        packed.Pack(bad)
        details.append(packed)
    number = _CODES[fault.code].value[0]
    return rpc_status.to_status(
        status_pb2.Status(code=number, message=fault.message, details=details)
    )


def fault_of(error: grpc.aio.AioRpcError) -> Fault:
    """The error of the vocabulary that a status stands for."""
    name = error.code().name
    if name in ("DEADLINE_EXCEEDED", "CANCELLED"):
        return Unavailable("the service did not answer in time; try again")
    message, field = error.details() or name, ""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad) and bad.field_violations:
            field = bad.field_violations[0].field
    return FAULTS.get(name, Fault)(message, field=field)


def connect(address: str) -> grpc.aio.Channel:
    """A channel with retries on UNAVAILABLE and round robin over the address's hosts."""
    return grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)


class Peer:
    """Calls one service in a caller's name: `await peer.call("GetTask", request, who)`."""

    def __init__(self, stub: Any, key: str) -> None:
        self._stub = stub
        self._key = key
        self._tokens: dict[Caller, tuple[str, float]] = {}

    async def call(
        self,
        method: str,
        request: Message,
        who: Caller,
        timeout: float = DEADLINE_SECONDS,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Any:
        """The answer; raises the `errors` its status stands for."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        sent = [("authorization", f"Bearer {self._token(who)}"), *carrier.items(), *metadata]
        try:
            return await getattr(self._stub, method)(request, timeout=timeout, metadata=sent)
        except grpc.aio.AioRpcError as error:
            raise fault_of(error) from error

    def _token(self, who: Caller) -> str:
        token, until = self._tokens.get(who, ("", 0.0))
        if until < time.time():
            if len(self._tokens) > 10_000:
                self._tokens.clear()
            token, until = mint(who, self._key), time.time() + 240
            self._tokens[who] = (token, until)
        return token


@dataclass(frozen=True)
class LocalContext:
    """What a servicer may ask of a call that came from within the process."""

    metadata: tuple[tuple[str, str], ...] = ()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self.metadata


class LocalPeer:
    """As `Peer`, for a service at the address `local:`: the same checks and errors, no network."""

    def __init__(self, servicers: Mapping[str, Any], service: str) -> None:
        self._servicers, self._service = servicers, service

    async def call(
        self,
        method: str,
        request: Message,
        who: Caller,
        timeout: float = DEADLINE_SECONDS,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Any:
        """The servicer's own answer."""
        started, code, name = time.perf_counter(), "OK", f"{self._service}/{method}"
        try:
            await admit(name, request, who)
            servicer = self._servicers.get(self._service)
            if servicer is None:
                raise Unavailable("the service is starting; try again")
            async with asyncio.timeout(timeout):
                return await getattr(servicer, method)(request, LocalContext(metadata))
        except TimeoutError as late:
            code = "UNAVAILABLE"
            raise Unavailable("the service did not answer in time; try again") from late
        except Fault as fault:
            code = fault.code
            raise
        finally:
            telemetry.RPC_SECONDS.labels(name, code).observe(time.perf_counter() - started)


AnyPeer = Peer | LocalPeer


class Server:
    """The gRPC server of one process: any number of services, health, reflection on demand."""

    def __init__(
        self, listen: str, key: str, services: Sequence[str] = (), *, reflect: bool = False
    ) -> None:
        self.health = HealthDesk(services)
        self._server = grpc.aio.server(
            interceptors=[Guard(key, self.health)], options=_SERVER_OPTIONS
        )
        self._reflect = reflect
        self._added: dict[str, Any] = {}
        # What a `LocalPeer` finds: nothing before the stores are open.
        self.servicers: dict[str, Any] = {}
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        port = self._server.add_insecure_port(listen)
        self.address = f"{listen.rsplit(':', 1)[0]}:{port}"

    def add(self, register: Register, servicer: Any, service: str) -> None:
        """Adds a servicer under its full gRPC service name, for peers, health and reflection."""
        register(servicer, self._server)
        self._added[service] = servicer
        self.health.cover(service)

    async def start(self) -> None:
        """Answers questions about health; calls are refused as `Unavailable` until `open`."""
        if self._reflect:
            reflection.enable_server_reflection(
                [*self._added, reflection.SERVICE_NAME, health.SERVICE_NAME], self._server
            )
        await self._server.start()
        await self.health.live()

    async def open(self) -> None:
        """Takes calls from now on."""
        self.servicers.update(self._added)
        await self.health.report(OVERALL, "")

    async def stop(self, grace: float) -> None:
        await self.health.enter_graceful_shutdown()
        await self._server.stop(grace)
