"""Train while labelling over REST: from items without a model to a certified delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from libs.bundle.__main__ import main as delivery_main
from libs.cli.client import Client
from libs.cli.deliveries import download
from tests.system.conftest import World
from tests.system.line import add_items, deliver, fresh, labels_of, truths_of, until, work_off

TARGET, TOTAL = 0.05, 700
TEXTS = {
    "ham": "minutes of the meeting on {} March, the agenda and the open questions are attached",
    "spam": "you have won a prize of {} dollars, click here now to claim your free money",
}


def test_a_project_teaches_its_own_model_and_proves_it(world: World, tmp_path: Path) -> None:
    tenant = fresh("learn")
    owner = world.tenant(tenant)
    body = {
        "project_id": "p",
        "project": {
            "template": "tenants/catalogue/templates/text-classification/versions/1",
            "target": {"max_error_rate": TARGET, "confidence": 0.95, "reference": "EXPERTS"},
            "policy": {
                "machine_label": True,
                "people_audit_share": 1e-9,
                "training": {"embedding": "text-features", "input": "text"},
            },
        },
    }
    project = str(owner.post(f"tenants/{tenant}/projects", body)["name"])
    kinds = ["ham" if i % 2 else "spam" for i in range(TOTAL)]
    add_items(owner, project, [TEXTS[kind].format(i) for i, kind in enumerate(kinds)])
    truths = truths_of(owner, project, {f"k{i}": kind for i, kind in enumerate(kinds)})
    work_off(world, owner, tenant, project, truths, TOTAL)
    (gate,) = owner.get(f"{project}/gates")["gates"]
    assert gate["state"] == "OPEN" and gate["lot"] == 1, gate["reason"]
    until(lambda: _serving(owner, project), "the version serves")
    made = deliver(owner, project)
    assert made["sources"]["MACHINE"] > TOTAL / 4
    assert made["error_bound"] <= TARGET
    download(owner, made, tmp_path)
    assert delivery_main(["verify", str(tmp_path)]) == 0
    wrong = [
        label["task"]
        for label in labels_of(tmp_path)
        if label["value"]["choices"]["classes"] != [truths[label["task"].rsplit("/", 1)[-1]]]
    ]
    assert len(wrong) <= TARGET * TOTAL
    # What was drawn as proof taught nothing.
    (version,) = [v for v in _versions(owner, project) if v["state"] == "SERVING"]
    people = owner.get(f"{project}/progress")["annotation_count"]
    assert 0 < version["label_count"] < people


def _versions(owner: Client, project: str) -> list[dict[str, Any]]:
    return owner.get(f"{project}/models")["versions"]


def _serving(owner: Client, project: str) -> bool:
    return any(v["state"] == "SERVING" for v in _versions(owner, project))
