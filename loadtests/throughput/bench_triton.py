"""The prelabel gateway's client and tritonclient alone, on the same model in the same run."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput, aio

from services.prelabel_gateway.inference.client import IN_FLIGHT, Inference
from tools import datasets

_ITEMS, _ROUNDS = 4096, 4


async def compare(url: str) -> tuple[float, float, float]:
    """(share, ours, raw): items a second, each the best of some rounds taken in turn."""
    images = [e.image for e in datasets.mnist("test", _ITEMS)]
    inference = Inference(url)
    model = await inference.model("digits-image")
    ours, raw = [], []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await inference.infer(model, "IMAGE", images, ["PROBS"], 60)
        ours.append(len(images) / (time.perf_counter() - began))
        raw.append(await _raw_triton(url, images))
    await inference.close()
    best, limit = max(ours), max(raw)
    return best / limit, best, limit


async def _raw_triton(url: str, images: list[bytes]) -> float:
    client = aio.InferenceServerClient(url)
    turns = asyncio.Semaphore(IN_FLIGHT)
    batches = [
        np.array(images[i : i + 64], dtype=object).reshape(-1, 1) for i in range(0, len(images), 64)
    ]

    async def one(batch: np.ndarray) -> None:
        given = InferInput("IMAGE", list(batch.shape), "BYTES")
        given.set_data_from_numpy(batch)
        async with turns:
            await client.infer("digits-image", [given], outputs=[InferRequestedOutput("PROBS")])

    began = time.perf_counter()
    await asyncio.gather(*(one(batch) for batch in batches))
    spent = time.perf_counter() - began
    await client.close()
    return len(images) / spent
