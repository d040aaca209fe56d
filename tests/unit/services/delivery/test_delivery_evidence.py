"""What a certificate rests on comes by events and is frozen with the labels."""

from __future__ import annotations

import hashlib
import json

from labelmill.annotation.v1 import annotation_pb2 as an
from labelmill.prelabel_gateway.v1.events_pb2 import InferenceMeasured
from labelmill.qc_scorer.v1 import qc_scorer_pb2 as qc
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, QualityUpdated
from labelmill.template.v1.template_pb2 import REFERENCE_EXPERTS
from labelmill.trainer.v1 import trainer_pb2 as tr
from labelmill.trainer.v1.events_pb2 import ModelCandidateEvaluated

from libs.bundle.__main__ import run
from tests.unit.services.delivery.test_delivery import PROJECT, House, project_event, task
from tests.unit.services.delivery.test_delivery import house as house

COUNT = 40


def evaluated(version: str, cpu: float) -> ModelCandidateEvaluated:
    model = tr.ModelVersion(
        name=f"{PROJECT}/models/{version}",
        project=PROJECT,
        model="own",
        version=version,
        label_count=12,
        cpu_seconds=cpu,
    )
    bins = [qc.ReliabilityBin(confidence=0.9, accuracy=0.8, count=10)]
    evaluation = tr.Evaluation(version=model, reliability=bins)
    return ModelCandidateEvaluated(project=PROJECT, evaluation=evaluation)


def gate(version: str, state: int, threshold: float) -> GateUpdated:
    made = qc.Gate(
        name=f"{PROJECT}/gates/own-{version}",
        project=PROJECT,
        model="own",
        model_version=version,
        state=state,
        error_bound=0.02,
        sample_size=10,
        evidence_count=10,
        confidence=0.6,
        lot=1,
        lot_size=20,
        audit_rate=0.5,
        version=3,
    )
    made.class_thresholds["good"] = threshold
    return GateUpdated(gate=made)


async def test_the_certificate_holds_promise_models_computing_and_floors(house: House) -> None:
    project = project_event(version=2, max_error_rate=0.1)
    project.project.target.class_error_limits["good"] = 0.2
    project.project.target.reference = REFERENCE_EXPERTS
    project.project.target_version = 4
    project.template.guideline = "Look twice."
    report = qc.QualityReport(
        project=PROJECT,
        machine_count=COUNT // 2,
        human_count=COUNT // 2,
        machine_error_bound=0.1,
        error_bound=0.05,
        confidence=0.95,
    )
    await house.hear(
        project,
        evaluated("7", 2.0),
        evaluated("8", 3.0),
        InferenceMeasured(project=PROJECT, seconds=1.5, item_count=30),
        InferenceMeasured(project=PROJECT, seconds=0.5, item_count=10),
        gate("7", qc.GATE_STATE_OPEN, 0.5),
        QualityUpdated(report=report),
    )
    made = await house.deliver(COUNT)
    folder = house.path(made)
    assert run(folder, None) == 0
    proof = json.loads((folder / "certificate.json").read_text())
    assert proof["target"] == {
        "max_error_rate": 0.1,
        "confidence": 0.95,
        "version": 4,
        "reference": "EXPERTS",
        "class_error_limits": {"good": 0.2},
    }
    assert [m["version"] for m in proof["versions"]["models"]] == ["7"]
    assert proof["versions"]["guideline_digest"] == hashlib.sha256(b"Look twice.").hexdigest()
    assert proof["reliability"] == [{"confidence": 0.9, "accuracy": 0.8, "count": 10}]
    compute = proof["ledger"]["compute"]
    assert (compute["cpu_seconds"], compute["server_seconds"]) == (5.0, 2.0)
    assert proof["per_class"] == [
        {"class": "good", "count": COUNT, "machine": COUNT // 2, "bound": 0.2, "floor": 0.2}
    ]
    assert proof["measured"]["gates"][0]["audit_rate"] == 0.5 and proof["certified"]


async def test_a_promise_changed_under_way_is_not_that_of_the_delivery(house: House) -> None:
    """A delivery is judged by the target it was made under, whatever comes meanwhile."""
    value = an.Value(choices=an.Choices(classes=["bad"]))
    await house.accepted(*[task(i, value=value) for i in range(4)])
    made = await house.service.create(PROJECT, [], "")
    looser = project_event(version=9, max_error_rate=0.9)
    looser.project.target_version = 5
    await house.hear(looser)
    folder = house.path(await house.finish(made))
    proof = json.loads((folder / "certificate.json").read_text())
    assert proof["target"]["max_error_rate"] == 0.05 and proof["target"]["version"] != 5
