"""The embedded inference server: KServe v2 over gRPC, where no tritonserver runs.

It serves the same model repository as Triton by running each `model.py` (Python back end)
with a stand-in for `triton_python_backend_utils`, in a thread pool. What it cannot do:
dynamic batching over requests, shared memory, streaming, sequence models, GPUs.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from libs.common.rpc import MAX_MESSAGE

_THREADS = 2
_PREFIX = "TYPE_"


class Tensor:
    """Stand-in of `pb_utils.Tensor`."""

    def __init__(self, name: str, array: Any) -> None:
        self._name, self._array = name, np.asarray(array)

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> np.ndarray:
        return self._array


class TritonError(Exception):
    """Stand-in of `pb_utils.TritonError`."""

    def message(self) -> str:
        return str(self)


@dataclass
class InferenceRequest:
    """Stand-in of `pb_utils.InferenceRequest`."""

    tensors: list[Tensor]

    def inputs(self) -> list[Tensor]:
        return self.tensors


class InferenceResponse:
    """Stand-in of `pb_utils.InferenceResponse`."""

    def __init__(
        self, output_tensors: list[Tensor] | None = None, error: TritonError | None = None
    ) -> None:
        self.tensors, self.error = output_tensors or [], error


def _backend_utils() -> types.ModuleType:
    module = types.ModuleType("triton_python_backend_utils")

    def get_input_tensor_by_name(request: InferenceRequest, name: str) -> Tensor | None:
        return next((t for t in request.tensors if t.name() == name), None)

    vars(module).update(
        Tensor=Tensor,
        TritonError=TritonError,
        InferenceRequest=InferenceRequest,
        InferenceResponse=InferenceResponse,
        get_input_tensor_by_name=get_input_tensor_by_name,
        TritonModelException=TritonError,
    )
    return module


class LoadedModel:
    """One version of one model: its configuration and its running `TritonPythonModel`."""

    def __init__(self, folder: Path, version: str) -> None:
        self.config = config_of(folder)
        home = folder / version
        self.version = version
        self._model = _load(home, folder.name)
        self._model.initialize(
            {
                "model_config": json_format.MessageToJson(
                    self.config, preserving_proto_field_name=True
                ),
                "model_repository": str(folder),
                "model_version": self.version,
                "model_name": folder.name,
                "model_instance_kind": "CPU",
            }
        )

    def run(self, tensors: list[Tensor]) -> list[Tensor]:
        """Outputs of one request; raises `TritonError`."""
        (response,) = self._model.execute([InferenceRequest(tensors)])
        if response.error is not None:
            raise response.error
        found: list[Tensor] = response.tensors
        return found


def config_of(folder: Path) -> Any:
    """The model's configuration, with its name filled in."""
    config = model_config_pb2.ModelConfig()
    text_format.Parse((folder / "config.pbtxt").read_text(), config)
    config.name = config.name or folder.name
    return config


def versions_of(folder: Path) -> list[str]:
    """Versions to serve, oldest first: the newest, or all where the configuration says so."""
    found = sorted((d.name for d in folder.iterdir() if d.is_dir() and d.name.isdigit()), key=int)
    return found if config_of(folder).version_policy.HasField("all") else found[-1:]


def load_all(folder: Path, known: dict[str, LoadedModel]) -> dict[str, LoadedModel]:
    """The folder's versions by name; one that is loaded already stays."""
    return {v: known.get(v) or LoadedModel(folder, v) for v in versions_of(folder)}


def _load(home: Path, name: str) -> Any:
    """Imports `model.py` with its own folder on the path, as Triton's stub does."""
    sys.modules.setdefault("triton_python_backend_utils", _backend_utils())
    sys.path.insert(0, str(home))
    try:
        spec = importlib.util.spec_from_file_location(f"model_{name}", home / "model.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(home / "model.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(home))
    return module.TritonPythonModel()


class EmbeddedServer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """`async with EmbeddedServer(repository) as server: server.url`."""

    def __init__(self, repository: Path, listen: str = "127.0.0.1:0") -> None:
        self._repository = repository
        self._models: dict[str, dict[str, LoadedModel]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="inference")
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
        ]
        self._server = grpc.aio.server(options=options)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self.url = f"127.0.0.1:{self._server.add_insecure_port(listen)}"

    async def start(self) -> None:
        """Loads every model of the repository (none, where there is no repository)."""
        for folder in self._folders():
            self._models[folder.name] = await self._in_thread(load_all, folder, {})
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(1)
        self._threads.shutdown(wait=False)

    async def __aenter__(self) -> EmbeddedServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _folders(self) -> list[Path]:
        return sorted(p.parent for p in self._repository.glob("*/config.pbtxt"))

    async def _in_thread(self, call: Any, *values: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *values)

    async def _model(self, name: str, version: str, context: Any) -> LoadedModel:
        versions = self._models.get(name, {})
        model = versions.get(version or max(versions, key=int, default=""))
        if model is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Request for unknown model: '{name}' is not found;"
                f" `make models NAMES={name}` builds a packaged one; start again then",
            )
            raise LookupError(name)
        return model

    async def ServerLive(self, request: Any, context: Any) -> Any:  # noqa: N802
        return service_pb2.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        return service_pb2.ServerReadyResponse(ready=True)

    async def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        return service_pb2.ModelReadyResponse(ready=request.name in self._models)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = await self._model(request.name, request.version, context)
        batch = [-1] if model.config.max_batch_size else []
        shape = service_pb2.ModelMetadataResponse.TensorMetadata

        def told(tensor: Any) -> Any:
            kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix(_PREFIX)
            kind = "BYTES" if kind == "STRING" else kind
            return shape(name=tensor.name, datatype=kind, shape=[*batch, *tensor.dims])

        return service_pb2.ModelMetadataResponse(
            name=request.name,
            versions=sorted(self._models[request.name], key=int),
            platform="python",
            inputs=[told(t) for t in model.config.input],
            outputs=[told(t) for t in model.config.output],
        )

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = await self._model(request.name, request.version, context)
        return service_pb2.ModelConfigResponse(config=model.config)

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        model = await self._model(request.model_name, request.model_version, context)
        try:
            tensors = _inputs(request, model)
            outputs = await self._in_thread(model.run, tensors)
        except (TritonError, ValueError) as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error)[:1000])
        wanted = [o.name for o in request.outputs] or [o.name() for o in outputs]
        return _answer(request, model, [o for o in outputs if o.name() in wanted])

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        one = service_pb2.RepositoryIndexResponse.ModelIndex
        models = []
        for folder in self._folders():
            loaded = self._models.get(folder.name, {})
            models += [one(name=folder.name, version=v, state="READY") for v in loaded]
            if not loaded:
                models.append(one(name=folder.name, version="1", state="UNAVAILABLE"))
        return service_pb2.RepositoryIndexResponse(models=models)

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:  # noqa: N802
        folder = self._repository / request.model_name
        if folder not in self._folders():
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"failed to load '{request.model_name}', no such model in the repository",
            )
        known = self._models.get(request.model_name, {}) if _all_versions(folder) else {}
        self._models[request.model_name] = await self._in_thread(load_all, folder, known)
        return service_pb2.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._models.pop(request.model_name, None)
        return service_pb2.RepositoryModelUnloadResponse()


def _all_versions(folder: Path) -> bool:
    """Are versions never changed in place? Then those loaded may stay."""
    return bool(config_of(folder).version_policy.HasField("all"))


def _inputs(request: Any, model: LoadedModel) -> list[Tensor]:
    if len(request.raw_input_contents) != len(request.inputs):
        raise ValueError("inputs must come as raw contents")
    most = model.config.max_batch_size
    tensors = []
    for given, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        if most and given.shape[0] > most:
            raise ValueError(f"batch size {given.shape[0]} exceeds {most}, the model's maximum")
        if given.datatype == "BYTES":
            array = deserialize_bytes_tensor(raw)
        else:
            array = np.frombuffer(raw, dtype=triton_to_np_dtype(given.datatype))
        tensors.append(Tensor(given.name, array.reshape(list(given.shape))))
    return tensors


def _answer(request: Any, model: LoadedModel, outputs: list[Tensor]) -> Any:
    told, raw = [], []
    for tensor in outputs:
        array = np.ascontiguousarray(tensor.as_numpy())
        kind = np_to_triton_dtype(array.dtype)
        told.append(
            service_pb2.ModelInferResponse.InferOutputTensor(
                name=tensor.name(), datatype=kind, shape=array.shape
            )
        )
        content = serialize_byte_tensor(array).item() if kind == "BYTES" else array.tobytes()
        raw.append(content)
    return service_pb2.ModelInferResponse(
        model_name=request.model_name,
        model_version=model.version,
        id=request.id,
        outputs=told,
        raw_output_contents=raw,
    )
