"""What an import with cleaning costs: CPU per item, peak memory, and each step on its own.

    python -m loadtests.formats.imports --items 100000

Texts come as one JSONL manifest, every hundredth nearly the same as an earlier one; images as a
zip of JPEG files of 320 x 240. Printed as it goes on, so that one sees whether an item costs the
same in a project that grows. SQLite may keep 256 MB of its own. Beside it stands what datasketch
and imagehash take on the same files for near-duplicates alone, in memory, in an environment of
their own: no store, no item, no other look.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
from PIL import Image

from libs.common.blobs import Blobs
from libs.common.clock import SystemClock
from libs.common.store.sqlite import SqliteStore
from services.intake import cleaning
from services.intake import store as intake_store
from services.intake.cleaning import near
from services.intake.cleaning.personal import personal_data
from services.intake.domain import DataField, Import, ImportState, Project
from services.intake.probing import probe
from services.intake.service import Intake
from tests.interop import judges

NAME = "tenants/bench/projects/p"
WORDS = [f"w{i:04}" for i in range(5000)]


def texts(count: int) -> list[str]:
    """40 words each."""
    draw, made = random.Random(1), list[str]()
    for i in range(count):
        like = made[i // 2].split() if i and i % 100 == 0 else draw.choices(WORDS, k=40)
        made.append(" ".join([*like[:39], draw.choice(WORDS)]))
    return made


def jpeg(seed: int) -> bytes:
    small = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


def manifest(count: int) -> bytes:
    rows = ({"data": {"text": t}, "source_key": str(i)} for i, t in enumerate(texts(count)))
    return b"\n".join(json.dumps(row).encode() for row in rows)


def archive(count: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for i in range(count):
            file.writestr(f"{i}.jpg", jpeg(i))
    return out.getvalue()


async def run(kind: str, count: int) -> None:
    """One import of `count` items of a kind."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(f"sqlite:///{folder}", "intake")
        await store.open(intake_store.COLLECTIONS)
        blobs, clock = Blobs(f"file://{folder}/blobs"), SystemClock()
        intake = Intake(store, clock, blobs, orjson.loads)
        await intake.remember_projects([Project(NAME, 1, (DataField(kind, kind),), {})])
        content, format_ = (manifest(count), "jsonl") if kind == "text" else (archive(count), "zip")
        blob = "uploads/bench/1/file"
        blobs.put_now(blob, content)
        beside = _beside(content, folder)
        del content
        now = clock.now()
        asked = Import(NAME, "", blob, format_, ImportState.PENDING, now, now)
        made = await intake.create_import(asked, "")
        watching = asyncio.create_task(_watch(intake, store, made.name, count))
        started = time.process_time()
        await intake.run_imports()
        used = time.process_time() - started
        watching.cancel()
        done = await intake.import_(made.name)
        await store.close()
    found = (done.report or {}).get("flagged", {})
    print(f"{kind}: {done.state}, {done.admitted_count} admitted, flagged {found}")
    print(f"  {used / count * 1e6:.0f} us of CPU an item, peak {_memory():.0f} MB")
    print(f"  {beside}", flush=True)


def _beside(content: bytes, folder: str) -> str:
    """Near-duplicates of the same file as the field's own libraries find them."""
    file = Path(folder) / "file"
    file.write_bytes(content)
    count = len(zipfile.ZipFile(file).namelist()) if zipfile.is_zipfile(file) else _lines(content)
    try:
        told = judges.run("near-duplicates", "near_duplicates", {"file": str(file)})
    except (judges.Failed, OSError) as error:
        return f"beside it: not measured: {str(error).splitlines()[-1][:80]}"
    each, found = told["seconds"] / count * 1e6, told["found"]
    words = f"near-duplicates alone {each:.0f} us an item, {found} found"
    return f"beside it, datasketch or imagehash: {words}, peak {told['peak_mb']:.0f} MB"


def _lines(content: bytes) -> int:
    return content.count(b"\n") + 1


async def _watch(intake: Intake, store: SqliteStore, name: str, count: int) -> None:
    """Takes events out, as the relay does, and says how the cost goes on."""
    place, used = 0, time.process_time()
    while True:
        await store.published(await store.pending_events(500))
        done = (await intake.import_(name)).position
        if done - place >= count / 5:
            each = (time.process_time() - used) / (done - place) * 1e6
            print(f"  to item {done}: {each:.0f} us an item, {_memory():.0f} MB", flush=True)
            place, used = done, time.process_time()
        await asyncio.sleep(0.1)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def steps() -> None:
    """Each step of cleaning on its own."""
    some, picture = texts(2000), jpeg(1)
    project = Project(NAME, 1, (DataField("text", "text"),), {})
    blobs = Blobs("file:///nowhere")
    sound = np.sin(np.arange(160_000) / 10).astype(np.float32)
    wav = _wav(sound)
    _say("look at a text", lambda i: cleaning.look(project, {"text": some[i]}, blobs), 2000)
    _say("  fingerprint of a text", lambda i: near.of_text(some[i]), 2000)
    _say("  personal data", lambda i: list(personal_data(some[i])), 2000)
    _say("probe a JPEG of 320 x 240", lambda i: probe("image", picture, "a.jpg"), 500)
    _say("probe 10 s of WAV at 16 kHz", lambda i: probe("audio", wav, "a.wav"), 100)


def _wav(samples: np.ndarray) -> bytes:
    import wave

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 20_000).astype("<i2").tobytes())
    return out.getvalue()


def _say(what: str, step: Callable[[int], object], count: int) -> None:
    started = time.process_time()
    for i in range(count):
        step(i)
    print(f"{what}: {(time.process_time() - started) / count * 1e6:.0f} us", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.formats.imports", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=5_000)
    given = parser.parse_args()
    steps()
    asyncio.run(run("text", given.items))
    asyncio.run(run("image", given.images))


if __name__ == "__main__":
    main()
