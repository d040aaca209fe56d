"""`make bench`: what the line costs, each figure beside the raw limit measured in the same run.

CPU is that of all server processes from the operating system's accounting, so that a noisy
machine matters little. `ARGS="--quick"` measures small sizes, `ARGS="--full"` adds a backlog of
1,000,000. Writes out/bench/pipeline.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from deploy.models.build import repository
from deploy.parts import PartUnavailable, StartFailed, Triton
from libs.cli.client import Client
from libs.common.store import Collection, Unit, open_store
from loadtests.throughput.bench_triton import compare
from services.__main__ import SERVICES
from services.prelabel_gateway.inference.embedded_server import EmbeddedServer
from services.review_router.store import GATES
from services.task_dispatch import domain, store
from services.task_dispatch.lifecycle import transitions
from tools.platform import Platform

IMPORTERS = ("gateway", "intake", "template", "task_dispatch")
OUT = Path("out/bench")
TEXT = "the quick brown fox jumps over the lazy dog " * 22


@dataclass
class Report:
    """Rows for the table and the file."""

    figures: dict[str, Any] = field(default_factory=dict)
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, value: float, limit: str, words: str = "") -> None:
        self.figures[name] = value
        self.rows.append((words or name, f"{value:.4g}", limit))


def cpu_seconds(platform: Platform) -> float:
    """User and system CPU of every server process so far."""
    times = [psutil.Process(pid).cpu_times() for pid in platform.pids()]
    return sum(t.user + t.system for t in times)


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.throughput", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="import,claim,machine,triton")
    chosen = parser.parse_args()
    items = 10_000 if chosen.quick else 100_000
    backlogs = [1_000, 10_000] if chosen.quick else [1_000, 10_000, 100_000]
    backlogs += [1_000_000] if chosen.full else []
    report, console = Report(), Console()
    parts = {
        "import": lambda: bench_import(report, items),
        "claim": lambda: bench_claims(report, backlogs),
        "machine": lambda: bench_machine_path(report, items),
        "triton": lambda: bench_triton(report),
    }
    for name in chosen.only.split(","):
        console.print(f"measuring: {name}")
        parts[name]()
    _write(console, report, items)


def _write(console: Console, report: Report, items: int) -> None:
    table = Table("what", "measured", "limit or raw", title=f"Labelmill, {items:,} items")
    for row in report.rows:
        table.add_row(*row)
    console.print(table)
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "pipeline.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **report.figures, "items": items}, indent=1) + "\n")
    console.print(f"written to {path}")


# -- import ----------------------------------------------------------------------------------


def bench_import(report: Report, items: int) -> None:
    """REST to durable tasks, with the services that takes."""
    raw = asyncio.run(_raw_insert(min(items, 20_000)))
    away = [name.replace("_", "-") for name in SERVICES if name not in IMPORTERS]
    with _home() as home, Platform(home, processes=[IMPORTERS], without=away) as platform:
        owner, project = _project(platform, {})
        began = cpu_seconds(platform)
        _import(owner, project, items)
        _until_tasks(owner, project, items)
        spent = cpu_seconds(platform) - began
    per_item = spent / items * 1000
    report.add("import_cpu_ms_per_item", per_item, "<= 0.15", "import, CPU ms an item")
    report.add("raw_insert_cpu_ms_per_item", raw, "", "raw insert_many, CPU ms an item")
    report.add("import_to_raw", per_item / raw, "<= 4", "import : raw insert_many")


async def _raw_insert(count: int) -> float:
    """CPU ms a document of inserting documents of 1 KB into the same kind of store."""
    folder = tempfile.mkdtemp()
    things = Collection("things", indexes=(("project", "name"),))
    opened = await open_store(f"sqlite:///{folder}", "raw", [things])
    docs = [
        {"name": f"tenants/t/projects/p/items/{i:026}", "project": "p", "data": TEXT}
        for i in range(count)
    ]
    began = time.process_time()
    for start in range(0, count, 1000):

        async def work(unit: Unit, at: int = start) -> None:
            unit.insert(things, docs[at : at + 1000])

        await opened.transact(work)
    spent = time.process_time() - began
    await opened.close()
    shutil.rmtree(folder)
    return spent / count * 1000


def _import(owner: Client, project: str, items: int) -> None:
    for start in range(0, items, 1000):
        batch = [{"data": {"text": f"{start + i} {TEXT}"}} for i in range(1000)]
        owner.post(f"{project}/items:batchCreate", {"items": batch})


def _until_tasks(owner: Client, project: str, items: int, key: str = "task_count") -> None:
    deadline = time.monotonic() + 600
    while owner.get(f"{project}/progress")[key] < items:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{key} did not reach {items}")
        time.sleep(0.2)


# -- claim and submit ------------------------------------------------------------------------


def bench_claims(report: Report, backlogs: Sequence[int]) -> None:
    """A cycle of claim and submit at growing backlogs with 1, 16 and 64 annotators."""
    by_backlog: dict[str, dict[str, float]] = {}
    for backlog in backlogs:
        with _home() as home:
            asyncio.run(_seed_tasks(home, backlog))
            env = {"INFERENCE_URL": "127.0.0.1:9"}
            with Platform(home, env=env, without=["prelabel-gateway"]) as platform:
                for people in (1, 16, 64):
                    name = f"{backlog}x{people}"
                    by_backlog[name] = _cycles(platform, people)
                by_backlog[f"{backlog}x1"]["progress_ms"] = _progress_ms(platform)
    worst = max(row["cpu_ms"] for row in by_backlog.values())
    report.add("claim_submit_cpu_ms_per_cycle", worst, "<= 4", "claim + submit, CPU ms (worst)")
    report.figures["claim_submit"] = by_backlog
    for name, row in by_backlog.items():
        words = f"  backlog x annotators {name}: CPU ms, p99 : median"
        report.rows.append(
            (words, f"{row['cpu_ms']:.2f}, {row['p99_to_median']:.1f}", "<= 4, <= 10")
        )
    times = [row["progress_ms"] for row in by_backlog.values() if "progress_ms" in row]
    growth = max(times) / min(times)
    report.add("progress_ms_growth", growth, "flat", "progress, slowest : fastest")


async def _seed_tasks(home: Path, count: int) -> None:
    """Open tasks put straight into task-dispatch's store, as if imported before."""
    opened = await open_store(f"sqlite:///{home}/store", "task_dispatch", store.COLLECTIONS)
    now = datetime.now(UTC)
    name = "tenants/bench/projects/p"
    project = domain.Project(name, 0, "t", domain.Policy())
    for start in range(0, count, 5000):
        tasks = []
        for i in range(start, min(start + 5000, count)):
            item = {"name": f"{name}/items/{i:026}", "data": json.dumps({"text": f"{i} {TEXT}"})}
            made = transitions.create(item, project, now)
            routing = domain.Routing(made.name, 1, domain.Action.ANNOTATE, "seeded", blind=True)
            tasks.append(transitions.route(made, routing, now))

        async def work(unit: Unit, batch: Sequence[Any] = tuple(tasks)) -> None:
            store.save_many(unit, [(None, task) for task in batch])

        await opened.transact(work)
    await opened.close()


def _cycles(platform: Platform, people: int) -> dict[str, float]:
    owner, project = _project(platform, {"audit_share": 1e-9})
    keys = [_key(owner, f"a{people}-{i}") for i in range(people)]
    cycles = max(4, 240 // people)
    latencies: list[float] = []
    began = cpu_seconds(platform)

    async def all_people() -> None:
        # Made beforehand: a client takes tens of milliseconds to make, in this process.
        clients = [_browser(platform, key) for key in keys]
        await asyncio.gather(*(_person(http, project, cycles, latencies) for http in clients))

    asyncio.run(all_people())
    time.sleep(1.0)  # what follows a submit belongs to its cost
    spent = cpu_seconds(platform) - began
    latencies.sort()
    median = latencies[len(latencies) // 2]
    p99 = latencies[int(len(latencies) * 0.99)]
    return {
        "cpu_ms": spent / len(latencies) * 1000,
        "median_ms": median * 1000,
        "p99_ms": p99 * 1000,
        "p99_to_median": p99 / median,
    }


def _browser(platform: Platform, key: str) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=f"{platform.url}/v1/", headers=headers, timeout=60)


async def _person(
    http: httpx2.AsyncClient, project: str, cycles: int, latencies: list[float]
) -> None:
    async with http:
        for _ in range(cycles):
            began = time.perf_counter()
            found = (await http.post(f"{project}/tasks:claim", json={})).json()["assignments"]
            body = {
                "fencing_token": found[0]["fencing_token"],
                "value": {"choices": {"classes": ["ham"]}},
            }
            answer = await http.post(f"{found[0]['name']}:submit", json=body)
            answer.raise_for_status()
            latencies.append(time.perf_counter() - began)


def _progress_ms(platform: Platform) -> float:
    owner, project = _project(platform, {})
    began = time.perf_counter()
    for _ in range(100):
        owner.get(f"{project}/progress")
    return (time.perf_counter() - began) * 10


# -- machine path ----------------------------------------------------------------------------


def bench_machine_path(report: Report, items: int) -> None:
    """Import, draft, route, accept, settle, deliver, at three sizes; the model costs nothing."""
    sizes = [items // 10, items // 3, items]
    totals, walls, rises = [], [], []
    for size in sizes:
        spent, wall, rise = asyncio.run(_machine_path(size))
        totals.append(spent)
        walls.append(wall)
        rises.append(rise)
    growth = np.polyfit(np.log(sizes), np.log(totals), 1)[0]
    report.add(
        "machine_path_cpu_ms_per_item",
        totals[-1] / items * 1000,
        "<= 1.0",
        "machine path, CPU ms an item in all",
    )
    report.add("growth_exponent", float(growth), "<= 1.05", "growth of total CPU in items")
    report.add(
        "machine_path_items_per_second", items / walls[-1], "", "machine path, items a second"
    )
    report.add("delivery_memory_rise_mb", rises[-1], "flat", "memory rise while delivering, MB")
    report.figures["delivery_memory_rise_mb_by_size"] = dict(
        zip(map(str, sizes), rises, strict=True)
    )


async def _machine_path(items: int) -> tuple[float, float, float]:
    with _home() as home:
        models = home / "models"
        shutil.copytree(Path(__file__).parent / "models", models)
        await _open_gate(home)
        async with EmbeddedServer(models) as server:
            # In this process: what the model costs is not counted.
            return await asyncio.to_thread(_drive, home, server.url, items)


async def _open_gate(home: Path) -> None:
    """A gate that is open, as evidence would leave it."""
    opened = await open_store(f"sqlite:///{home}/store", "review_router", [GATES])
    name = "tenants/bench/projects/p/gates/null-text-1"
    gate = {"name": name, "state": "OPEN", "threshold": 0.9, "error_bound": 0.01, "version": 9}

    async def work(unit: Unit) -> None:
        unit.overwrite(GATES, gate)

    await opened.transact(work)
    await opened.close()


def _drive(home: Path, inference: str, items: int) -> tuple[float, float, float]:
    with Platform(home, env={"INFERENCE_URL": inference}) as platform:
        route = {"model": "null-text", "capability": "text-classification", "input": "text"}
        policy = {"machine_label": True, "audit_share": 1e-9, "model_route": route}
        owner, project = _project(platform, policy)
        began, started = cpu_seconds(platform), time.perf_counter()
        _import(owner, project, items)
        _until_tasks(owner, project, items, "accepted_count")
        before = _memory_mb(platform)
        rise, delivered = 0.0, 0
        while delivered < items:
            time.sleep(0.3)  # the last accepted labels are on their way to delivery
            made = owner.post(f"{project}/deliveries", {"formats": ["jsonl", "csv"]})
            while made["state"] in ("PENDING", "FREEZING", "WRITING"):
                time.sleep(0.1)
                rise = max(rise, _memory_mb(platform) - before)
                made = owner.get(made["name"])
            if made["state"] != "COMPLETED":
                raise RuntimeError(f"delivery {made['state']}: {made['reason']}")
            delivered += made["label_count"]
        _until_tasks(owner, project, items, "delivered_count")
        return cpu_seconds(platform) - began, time.perf_counter() - started, rise


def _memory_mb(platform: Platform) -> float:
    return float(sum(psutil.Process(p).memory_info().rss for p in platform.pids()) / 1e6)


# -- Triton ----------------------------------------------------------------------------------


def bench_triton(report: Report) -> None:
    """The prelabel gateway's client beside tritonclient alone, on the same model."""
    try:
        with Triton(repository().absolute(), load=["digits-image"]) as triton:
            share, ours, raw = asyncio.run(compare(triton.url))
    except (PartUnavailable, StartFailed) as missing:
        report.rows.append(("share of Triton's throughput", "not measured", str(missing)[:80]))
        return
    report.add("triton_share", share, ">= 0.9", "share of Triton's throughput")
    report.rows.append(("  items a second: ours, tritonclient", f"{ours:.0f}, {raw:.0f}", ""))


# -- shared ----------------------------------------------------------------------------------


@contextmanager
def _home() -> Iterator[Path]:
    """A folder for one measurement, removed after it."""
    path = Path(tempfile.mkdtemp(prefix="labelmill-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _project(platform: Platform, policy: dict[str, Any]) -> tuple[Client, str]:
    """The bench's tenant and project, made the first time."""
    kept = platform.data / "owner"
    project = "tenants/bench/projects/p"
    if kept.exists():
        return Client(platform.url, kept.read_text()), project
    operator = Client(platform.url, platform.operator_key())
    kept.write_text(operator.post("tenants", {"tenant_id": "bench"})["api_key"])
    owner = Client(platform.url, kept.read_text())
    body = {
        "project_id": "p",
        "project": {
            "template": "tenants/catalogue/templates/text-classification/versions/1",
            "target": {"max_error_rate": 0.02},
            "policy": policy,
        },
    }
    owner.post("tenants/bench/projects", body)
    return owner, project


def _key(owner: Client, user: str) -> str:
    owner.post("tenants/bench/users", {"user_id": user, "role": "annotator"})
    return str(owner.post(f"tenants/bench/users/{user}/keys")["api_key"])


if __name__ == "__main__":
    main()
