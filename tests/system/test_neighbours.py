"""One tenant's heavy import leaves another tenant's platform over gRPC its quick answers."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import grpc
from labelmill.task_dispatch.v1 import task_dispatch_pb2, task_dispatch_pb2_grpc

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import add_items, fresh, make_project, until

ROWS = 3000
# A fair share of the one loop, and some for a busy machine; an import that held the loop for a
# block of rows would make it hundreds.
MOST_SLOWER = 30


def test_claims_over_grpc_stay_quick_beside_a_heavy_import(embedded: World, tmp_path: Path) -> None:
    quiet, busy = fresh("quiet"), fresh("busy")
    operator = embedded.operator()
    key = operator.post("tenants", {"tenant_id": quiet})["api_key"]
    owner, other = Client(embedded.platform.url, key), embedded.tenant(busy)
    project, heavy = make_project(owner, quiet), make_project(other, busy)
    add_items(owner, project, [f"mail {i}" for i in range(200)])
    counts = lambda: owner.get(f"{project}/progress")["counts"]  # noqa: E731
    until(lambda: counts().get("ANNOTATION.OPEN") == 200, "open")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": f"row {i} of {busy}"}) + "\n" for i in range(ROWS)))
    upload = other.upload(f"tenants/{busy}", rows)
    with grpc.insecure_channel(f"127.0.0.1:{embedded.platform.platform_port}") as channel:
        tasks = task_dispatch_pb2_grpc.TasksStub(channel)
        mine = [("authorization", f"Bearer {key}")]

        def claim() -> float:
            began = time.perf_counter()
            asked = task_dispatch_pb2.ClaimTasksRequest(
                parent=project, annotator="owner", max_tasks=1
            )
            (held,) = tasks.ClaimTasks(asked, metadata=mine, timeout=60).assignments
            took = time.perf_counter() - began
            back = task_dispatch_pb2.ReleaseAssignmentRequest(
                name=held.name, annotator="owner", fencing_token=held.fencing_token
            )
            tasks.ReleaseAssignment(back, metadata=mine, timeout=60)
            return took

        alone = statistics.median(claim() for _ in range(30))
        made = other.post(f"{heavy}/imports", {"upload": upload, "format": "jsonl"})
        beside: list[float] = []
        while (state(other, made))["state"] not in ("SUCCEEDED", "FAILED"):
            beside += [claim() for _ in range(3)]
    assert state(other, made)["admitted_count"] == ROWS
    assert len(beside) >= 12, "the import was over too soon to say anything"
    assert statistics.median(beside) < MOST_SLOWER * alone, (alone, sorted(beside))


def state(owner: Any, made: Any) -> Any:
    return owner.get(made["name"])
