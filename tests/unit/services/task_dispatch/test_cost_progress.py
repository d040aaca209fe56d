"""The cost ledger in progress and metrics: counters that say what a scan of the tasks says."""

from __future__ import annotations

from typing import Any

import pytest
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as pb
from prometheus_client import REGISTRY

from libs.common import work_stages
from libs.common.codec import to_message
from libs.common.ledger import ledger
from services.delivery.events import _lineage
from services.gateway.http.schema import answer_schema, rest
from services.task_dispatch.domain import Task
from services.task_dispatch.rpc import _progress
from tests.unit.services.task_dispatch.test_task_dispatch import HAM, PROJECT, Bench
from tests.unit.services.task_dispatch.test_task_dispatch import bench as bench


async def route(bench: Bench, tasks: list[Task], action: str, **fields: Any) -> None:
    routed = TasksRouted(project=PROJECT)
    for task in tasks:
        one = routed.routings.add(
            task=task.name,
            task_version=task.version,
            action=router_pb2.Action.Value(f"ACTION_{action}"),
            **fields,
        )
        if action == "ACCEPT":
            one.label.value.choices.classes.append("ham")
            one.label.source = 3
    await bench.hear(routed)
    bench.clock.advance(1)


async def answer(bench: Bench, person: str, count: int, seconds: float) -> list[Task]:
    done = []
    for held, task in await bench.claim(person, count):
        await bench.service.work.submit(held.name, person, held.fencing_token, HAM, seconds)
        done.append(await bench.service.tasks.get(task.name))
    return done


async def progress(bench: Bench) -> pb.Progress:
    return _progress(*await bench.service.tasks.progress(PROJECT))


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_progress_says_what_a_scan_by_the_certificates_definitions_says(
    bench: Bench,
) -> None:
    await bench.open_tasks(40, hourly_cost=36.0)
    seconds_before = metric("labelmill_people_seconds_total", stage="annotation")
    labels_before = metric("labelmill_labels_total", source="HUMAN")
    first = [t for k in range(1, 41) for t in await answer(bench, "ann", 1, 4.0 + 0.1 * k)]
    audited, returned, plain = first[:5], first[5:10], first[10:]
    await route(bench, audited, "AUDIT", blind=True)
    second = await answer(bench, "bob", 5, 9.0)
    await route(bench, [*second, *returned, *plain], "ACCEPT")
    # A rejected delivery sends some back: what they cost stays, their label goes.
    await bench.service.ingest.return_tasks([t.name for t in returned], "not good enough")
    told = await progress(bench)
    tasks = await bench.service.tasks.list(PROJECT, None, 1000, "")
    kept = [t for t in tasks if t.label is not None]
    efforts = [
        work_stages.effort_of(_lineage(to_message(t, pb.Task)), "HUMAN" if t.label else "")
        for t in tasks
    ]
    whole = work_stages.add({}, efforts, trains=False)
    timed = work_stages.add({}, [e for t, e in zip(tasks, efforts, strict=True) if t.label], False)
    assert {s.stage: (s.count, pytest.approx(s.seconds)) for s in told.stages} == {
        name: (tally["count"], tally["seconds"]) for name, tally in whole["stages"].items()
    }
    assert {s.stage for s in told.stages} == {"annotation", "audit"}
    expected = ledger(
        {
            "label_count": len(kept),
            "sources": {},
            "work_seconds": told.work_seconds,
            "hourly_cost": 36.0,
            "stages": whole["stages"],
            "timing": timed["timing"],
        }
    )
    saved = expected["saved"]["all_people"]
    assert told.saved_against_people.share == pytest.approx(saved["share"])
    assert [told.saved_against_people.lower, told.saved_against_people.upper] == pytest.approx(
        saved["interval"]
    )
    assert told.saved_against_people.sample_count == len(kept) == 35
    assert told.seconds_per_label == pytest.approx(told.work_seconds / 35)
    assert told.cost_amount == pytest.approx(told.work_seconds / 100)
    assert not told.saved_against_confirming.HasField("share")
    assert "no seconds" in told.saved_against_confirming.reason
    spent = metric("labelmill_people_seconds_total", stage="annotation") - seconds_before
    assert spent == pytest.approx(sum(4.0 + 0.1 * k for k in range(1, 41)))
    assert metric("labelmill_labels_total", source="HUMAN") - labels_before == 40


async def test_what_is_not_known_is_not_there(bench: Bench) -> None:
    await bench.open_tasks(3)
    told = await progress(bench)
    assert not told.HasField("seconds_per_label") and not told.HasField("cost_amount")
    # Nor in REST, where 0 would be a lie.
    shown = rest(told)
    assert "seconds_per_label" not in shown and "cost_amount" not in shown
    assert "share" not in shown["saved_against_people"]
    required = answer_schema(pb.Progress.DESCRIPTOR)["required"]
    assert "seconds_per_label" not in required and "work_seconds" in required
    assert told.saved_against_people.reason == "no label is settled yet"
    done = await answer(bench, "ann", 3, 0.0)
    await route(bench, done, "ACCEPT")
    told = await progress(bench)
    (stage,) = told.stages
    assert (stage.count, stage.untimed_count) == (0, 3)
    assert not told.HasField("seconds_per_label")
    assert not told.saved_against_people.HasField("share")
