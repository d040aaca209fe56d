"""The inference server: KServe v2 over gRPC through tritonclient (Triton, or the embedded one).

Full batches, a bounded number in flight per model, errors as `errors.Unavailable` with words
for people.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import numpy as np
from tritonclient.grpc import aio as triton
from tritonclient.utils import InferenceServerException

from libs.common import telemetry
from libs.common.errors import Invalid, Unavailable
from libs.common.outage import Outage
from libs.common.rpc import MAX_MESSAGE

T = TypeVar("T")
IN_FLIGHT = 4
# One item of a batch: a byte string, or a vector (d,).
Value = bytes | np.ndarray
_CONFIG_SECONDS = 30.0
# A server that did not answer is first asked for a sign of life, or each
# request would wait in vain.
_SIGN_SECONDS = 2.0
_AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED")


@dataclass(frozen=True)
class Model:
    """What the server says of a model."""

    name: str
    version: str
    capability: str
    classes: list[str]
    max_batch: int


class Inference:
    """One inference server."""

    def __init__(self, url: str) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        self._client = triton.InferenceServerClient(url, channel_args=options)
        self._models: dict[tuple[str, str], tuple[Model, float]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._outage = Outage("the inference server (INFERENCE_URL)")

    async def close(self) -> None:
        await self._client.close()

    async def away(self) -> str:
        """Why the server cannot be used; empty where it gives a sign of life."""
        try:
            live = await self._client.is_server_live(client_timeout=_SIGN_SECONDS)
        except (InferenceServerException, grpc.RpcError) as error:
            self._outage.note(_words(error))
        else:
            if live:
                self._outage.over()
            else:
                self._outage.note("it says that it is not live")
        reason = self._outage.reason
        return f"the inference server (INFERENCE_URL) does not answer: {reason}" if reason else ""

    async def _expect(self) -> None:
        """Raises `Unavailable` at once where the server was away and still is."""
        if self._outage.seconds and (reason := await self.away()):
            raise Unavailable(reason)

    def _failed(self, name: str, error: Exception) -> Unavailable:
        """The error as services know it; an outage is noted."""
        words = _words(error)
        if _code(error) in _AWAY:
            self._outage.note(words)
        return Unavailable(f"model {name}: {words}")

    async def model(self, name: str, version: str = "") -> Model:
        """Metadata and configuration, remembered for half a minute; `Unavailable`."""
        known = self._models.get((name, version))
        if known is not None and known[1] > time.monotonic():
            return known[0]
        await self._expect()
        try:
            meta = await self._client.get_model_metadata(name, version, client_timeout=5)
            config = (await self._client.get_model_config(name, version, client_timeout=5)).config
        except (InferenceServerException, grpc.RpcError) as error:
            raise self._failed(name, error) from error
        parameters = {k: v.string_value for k, v in config.parameters.items()}
        try:
            model = Model(
                name=name,
                version=version or max(meta.versions, key=int, default="1"),
                capability=parameters.get("capability", ""),
                classes=[str(one) for one in json.loads(parameters.get("labels", "[]"))],
                max_batch=max(1, config.max_batch_size),
            )
        except (TypeError, ValueError) as error:
            raise Unavailable(f"model {name}: its configuration is malformed: {error}") from error
        self._models[name, version] = (model, time.monotonic() + _CONFIG_SECONDS)
        return model

    async def load(self, name: str) -> None:
        """Loads a model, or its new versions, from the repository (explicit control)."""
        try:
            await self._client.load_model(name, client_timeout=60)
        except (InferenceServerException, grpc.RpcError) as error:
            raise self._failed(name, error) from error
        for known in [key for key in self._models if key[0] == name]:
            del self._models[known]

    async def models(self) -> list[tuple[str, str, bool]]:
        """(name, version, ready) of everything in the repository."""
        try:
            index = await self._client.get_model_repository_index(client_timeout=5)
        except (InferenceServerException, grpc.RpcError) as error:
            raise Unavailable(f"inference server: {_words(error)}") from error
        return [(m.name, m.version, m.state == "READY") for m in index.models]

    async def infer(
        self,
        model: Model,
        tensor: str,
        values: Sequence[Value],
        outputs: list[str],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """Outputs (n, ...) of n byte strings or n vectors, in as many full batches as it takes.

        Raises `Unavailable` when the server is away, overloaded or late, `Invalid` when its
        answer has not one row per item.
        """
        size = model.max_batch
        batches = [values[i : i + size] for i in range(0, len(values), size)]
        turns = self._turns.setdefault(model.name, asyncio.Semaphore(IN_FLIGHT))
        await self._expect()
        answers = await _all_or_none(
            [self._batch(model, tensor, batch, outputs, timeout, turns) for batch in batches]
        )
        try:
            return {name: np.concatenate([a[name] for a in answers]) for name in outputs}
        except ValueError as error:
            words = f"model {model.name} answered batches of different shapes: {error}"
            raise Invalid(words) from error

    async def _batch(
        self,
        model: Model,
        tensor: str,
        values: Sequence[Value],
        outputs: list[str],
        timeout: float,
        turns: asyncio.Semaphore,
    ) -> dict[str, np.ndarray]:
        given = _given(tensor, values)
        asked = [triton.InferRequestedOutput(name) for name in outputs]
        async with turns:
            started = time.perf_counter()
            try:
                answer = await self._client.infer(
                    model.name,
                    [given],
                    model_version=model.version,
                    outputs=asked,
                    client_timeout=timeout,
                )
            except (InferenceServerException, grpc.RpcError) as error:
                self._models.pop((model.name, ""), None)
                raise self._failed(model.name, error) from error
            telemetry.INFERENCE_SECONDS.labels(model.name).observe(time.perf_counter() - started)
        return {name: _rows(answer, name, len(values), model.name) for name in outputs}


async def _all_or_none(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all; where one fails the others end at once, and hold no turns."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _code(error: Exception) -> str:
    """The name of the gRPC status of an error."""
    if isinstance(error, InferenceServerException):
        return str(error.status() or "").removeprefix("StatusCode.")
    return str(error.code().name) if isinstance(error, grpc.aio.AioRpcError) else ""


def _given(tensor: str, values: Sequence[Value]) -> Any:
    if isinstance(values[0], bytes):
        given = triton.InferInput(tensor, [len(values), 1], "BYTES")
        given.set_data_from_numpy(np.array(values, dtype=object).reshape(-1, 1))
        return given
    rows = np.stack([np.asarray(v) for v in values]).astype(np.float32)
    given = triton.InferInput(tensor, list(rows.shape), "FP32")
    given.set_data_from_numpy(rows)
    return given


def _rows(answer: Any, name: str, count: int, model: str) -> np.ndarray:
    array = answer.as_numpy(name)
    if array is None or array.ndim < 2 or len(array) != count:
        shape = None if array is None else array.shape
        raise Invalid(f"model {model} answered {name} with shape {shape} for {count} items")
    return array


def _words(error: Exception) -> str:
    text = error.message() if isinstance(error, InferenceServerException) else str(error)
    return str(text).splitlines()[0][:300] if text else type(error).__name__
