"""Mails in two parts over REST: a model labels one part alone once its gate is proven, simulated
people the other; the certificate of the joined labels adds up what both parts' projects prove."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from libs.bundle.__main__ import main as delivery_command
from libs.cli.client import Client
from libs.cli.deliveries import download
from tests.system.conftest import World
from tests.system.line import add_items, deliver, fresh, labels_of, truths_of, until, work_off
from tools import datasets

# What people label before the gate can open, and all.
FIRST, COUNT = 400, 600
TEMPLATE = """
display_name: Mails, told apart twice
data_fields:
  - {name: text, type: text, required: true}
label_schema: {shape: composite}
unit_of_error: mail with a wrong class in either part
loss: composite
merge_rule: majority
join: composite
parts:
  - name: drafted
    label_schema: {shape: choice, classes: [ham, spam]}
    unit_of_error: mail with a wrong class
    loss: class
    merge_rule: majority
    model_route: {model: spam-text, capability: text-classification, input: text}
  - name: read
    label_schema: {shape: choice, classes: [ham, spam]}
    unit_of_error: mail with a wrong class
    loss: class
    merge_rule: majority
exports: [jsonl]
guideline: |
  # Mails
  Is it spam?
"""


def test_one_part_by_machine_and_one_by_people_make_one_certified_label(
    world: World, tmp_path: Path
) -> None:
    tenant = fresh("machine-parts")
    owner = world.tenant(tenant)
    template = owner.post(
        f"tenants/{tenant}/templates", {"template_id": "mails", "definition": TEMPLATE}
    )
    policy = {
        "pre_label": True,
        "machine_label": True,
        "audit_share": 0.3,
        "people_audit_share": 0.3,
    }
    target = {"max_error_rate": 0.3, "confidence": 0.9}
    body = {"template": template["name"], "policy": policy, "target": target}
    made = owner.post(f"tenants/{tenant}/projects", {"project_id": "p", "project": body})
    project = made["name"]
    part = owner.get(f"{project}.drafted")
    assert part["target"]["max_error_rate"] == pytest.approx(0.15)
    assert part["target"]["confidence"] == pytest.approx(0.95)

    examples = list(islice(datasets.spam("test"), COUNT))
    by_key = {f"k{i}": e.truth for i, e in enumerate(examples)}
    add_items(owner, project, [e.text for e in examples[:FIRST]])
    truths = truths_of(owner, project, by_key)
    work_off(world, owner, tenant, project, truths, FIRST)
    until(lambda: _gate(owner, f"{project}.drafted") == "OPEN", "the gate proven by the first")
    add_items(owner, project, [e.text for e in examples[FIRST:]], first=FIRST)
    truths = truths_of(owner, project, by_key)
    work_off(world, owner, tenant, project, truths, COUNT, crew="later")
    assert owner.get(f"{project}/progress")["sources"].get("MACHINE", 0) > 0

    def reported() -> bool:
        report = owner.get(f"{project}/quality")
        covered = [p["machine_count"] + p["human_count"] for p in report["parts"]]
        return report["human_count"] == COUNT and covered == [COUNT, COUNT]

    until(reported, "reports on the wholes and on all pieces")
    report = owner.get(f"{project}/quality")
    drafted, read = report["parts"]
    assert drafted["machine_count"] > 0 and not read.get("machine_count")
    assert report["error_bound"] == pytest.approx(drafted["error_bound"] + read["error_bound"])

    delivery = deliver(owner, project)
    folder = tmp_path / "delivery"
    download(owner, delivery, folder)
    assert delivery_command(["verify", str(folder)]) == 0
    proof = json.loads((folder / "certificate.json").read_text())
    assert proof["certified"], proof["statement"]
    assert "Part drafted" in proof["statement"] and proof["sources"]["MACHINE"] > 0
    wrong = 0
    for label in labels_of(folder):
        truth = truths[label["task"].rsplit("/", 1)[-1]]
        pieces = label["value"]["composite"]["parts"]
        wrong += any(p["value"]["choices"]["classes"] != [truth] for p in pieces)
    assert wrong / COUNT <= proof["measured"]["error_bound"]


def _gate(owner: Client, project: str) -> str:
    return "".join(gate["state"] for gate in owner.get(f"{project}/gates")["gates"])
