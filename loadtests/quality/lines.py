"""The whole line on real data: a project labelled through the running services, people simulated.

`python -m loadtests.quality.lines SET TARGET` runs one; `rows` runs those of the table. The
platform is the embedded default in a process of its own, spoken to over REST. Simulated experts
answer from ground truth without an error, as in the reference's simulation; `--noisy` gives
them the errors and the speed of `tools.simulate` and the promise the room people need.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import csv
import gzip
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deploy.models.build import build, repository
from libs.bundle.__main__ import main as verify
from libs.cli.client import Client, Refused
from libs.cli.deliveries import delivered, download
from loadtests.quality.table import Row
from tools.platform import NotStarted, Platform
from tools.simulate import Habits, SimulatedPerson, habits_of

PEOPLE, REVIEWERS, BATCH = 4, 2, 50
EXPERT = Habits(error_rate=0.0, anchoring=0.0, seconds_blind=6.0, seconds_confirm=2.5)
Datum = tuple[str, dict[str, str], str]


@dataclass(frozen=True)
class Line:
    """What one run measured. `labelled` items had a person's answer; `answers` counts them all."""

    data: str
    target: float
    items: int
    labelled: int
    answers: int
    error: float
    bound: float
    certified: bool
    machine: int
    seconds: float
    cpu_ms: float
    versions: int
    noisy: bool

    @property
    def share(self) -> float:
        """Share of the items that people labelled."""
        return self.labelled / self.items


def run(name: str, data: Path, target: float, *, noisy: bool = False, limit: int = 0) -> Line:
    """One project from upload to verified delivery on a platform of its own."""
    found = list(load(name, data))
    found = found[-limit:] if limit else found
    with tempfile.TemporaryDirectory(prefix="labelmill-quality-") as folder:
        home = Path(folder)
        build(repository())
        shutil.copytree(repository(), home / "models")
        platform = Platform(home / "data", env={"LABELMILL_MODELS": str(home / "models")})
        platform.start()
        try:
            return _play(platform, home, name, found, target, noisy)
        finally:
            platform.stop()


def load(name: str, data: Path) -> Iterator[Datum]:
    """(key, data fields, truth) of every item of a set."""
    if name == "mnist":
        arrays = np.load(data / "mnist" / "mnist70k.npz")
        for i, (pixels, label) in enumerate(zip(arrays["x"], arrays["y"], strict=True)):
            yield f"mnist-{i:05d}", {"image": _png(pixels)}, str(label)
        return
    field = {"clinc150": "intent", "banking77": "category"}[name]
    with gzip.open(data / name / f"{name}.csv.gz", "rt") as file:
        for i, row in enumerate(csv.DictReader(file)):
            yield f"{name}-{i:05d}", {"text": row["text"]}, row[field]


def _png(pixels: np.ndarray) -> str:
    import io

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _play(
    platform: Platform, home: Path, name: str, found: list[Datum], target: float, noisy: bool
) -> Line:
    began, used = time.perf_counter(), _cpu(platform)
    owner, project, classes = _project(platform, name, found, target, noisy)
    truths = _import(owner, project, found, home)
    people = _people(platform, owner, project, truths, classes, noisy)
    asyncio.run(_work(owner, project, people, len(truths)))
    delivery, folder = _deliver(owner, project, home)
    wrong = sum(value != truths[task] for task, value in _labels(folder))
    sources = delivery["sources"]
    progress = owner.get(f"{project}/progress")
    versions = owner.get(f"{project}/models")["versions"]
    owner.close()
    machine = sources.get("MACHINE", 0)
    return Line(
        data=name,
        target=target,
        items=len(truths),
        labelled=len(truths) - machine,
        answers=progress["annotation_count"] + progress["review_count"],
        error=wrong / len(truths),
        bound=delivery["error_bound"],
        certified=delivery["error_bound"] <= target,
        machine=machine,
        seconds=time.perf_counter() - began,
        cpu_ms=1000 * (_cpu(platform) - used) / len(truths),
        versions=len(versions),
        noisy=noisy,
    )


def _cpu(platform: Platform) -> float:
    import psutil

    return float(sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in platform.pids()))


def _project(
    platform: Platform, name: str, found: Sequence[Datum], target: float, noisy: bool
) -> tuple[Client, str, list[str]]:
    operator = Client(platform.url, platform.operator_key())
    made = operator.post("tenants", {"tenant_id": "quality"})
    operator.close()
    owner = Client(platform.url, made["api_key"])
    classes = sorted({truth for _, _, truth in found})
    field = "image" if "image" in found[0][1] else "text"
    template = _template(owner, made["name"], name, field, classes)
    body = {
        "project_id": name,
        "project": {
            "template": template,
            "target": {
                "max_error_rate": target,
                "confidence": 0.95,
                "reference": "AUDITED" if noisy else "EXPERTS",
            },
            "policy": {
                "machine_label": True,
                "pre_label": True,
                "training": {"embedding": f"{field}-features", "input": field},
                **({"people_audit_share": 0.3} if noisy else {"people_audit_share": 1e-9}),
            },
        },
    }
    return owner, str(owner.post(f"{made['name']}/projects", body)["name"]), classes


def _template(owner: Client, tenant: str, name: str, field: str, classes: list[str]) -> str:
    definition = {
        "display_name": name,
        "data_fields": [{"name": field, "type": field, "required": True}],
        "label_schema": {"shape": "choice", "classes": classes},
        "unit_of_error": "item with a wrong class",
        "loss": "class",
        "merge_rule": "majority",
        "exports": ["jsonl"],
    }
    body = {"template_id": name, "definition": json.dumps(definition)}
    return str(owner.post(f"{tenant}/templates", body)["name"])


def _import(owner: Client, project: str, found: Sequence[Datum], home: Path) -> dict[str, str]:
    """Truth by item id; the truth never leaves this process."""
    path = home / "items.jsonl"
    with path.open("w") as file:
        for key, fields, _ in found:
            file.write(json.dumps({"data": fields, "source_key": key}) + "\n")
    tenant = project.split("/projects/")[0]
    made = owner.post(f"{project}/imports", {"upload": owner.upload(tenant, path)})
    while made["state"] in ("PENDING", "RUNNING"):
        time.sleep(0.3)
        made = owner.get(made["name"])
    if made["state"] != "SUCCEEDED":
        raise NotStarted(f"import {made['state']}: {made['reason']}")
    by_key = {key: truth for key, _, truth in found}
    items = owner.pages(f"{project}/items", "items", page_size=1000)
    return {item["name"].rsplit("/", 1)[-1]: by_key[item["source_key"]] for item in items}


def _people(
    platform: Platform,
    owner: Client,
    project: str,
    truths: dict[str, str],
    classes: list[str],
    noisy: bool,
) -> list[SimulatedPerson]:
    tenant = project.split("/projects/")[0]
    people = []
    for number in range(PEOPLE + REVIEWERS):
        reviewer = number >= PEOPLE
        user = f"simulated-{number + 1}"
        body = {"user_id": user, "role": "reviewer" if reviewer else "annotator"}
        owner.post(f"{tenant}/users", body)
        key = owner.post(f"{tenant}/users/{user}/keys")["api_key"]
        habits = habits_of(number, reviewer=reviewer) if noisy else EXPERT
        person = SimulatedPerson(
            platform.url, key, project, truths, classes, habits, number, reviewer=reviewer
        )
        people.append(person)
    return people


async def _work(owner: Client, project: str, people: Sequence[SimulatedPerson], total: int) -> None:
    done = False
    working = [asyncio.create_task(person.work(lambda: done, BATCH)) for person in people]
    last, since = -1, time.monotonic()
    while not done:
        await asyncio.sleep(1.0)
        progress = await asyncio.to_thread(owner.get, f"{project}/progress")
        if os.environ.get("VERBOSE"):
            print(progress["accepted_count"], progress["counts"], flush=True)
        failed = [t for t in working if t.done() and t.exception()]
        if failed:
            raise NotStarted(f"a simulated person failed: {failed[0].exception()}")
        if progress["accepted_count"] != last:
            last, since = progress["accepted_count"], time.monotonic()
        if time.monotonic() - since > 300:
            raise NotStarted(f"nothing was settled for 300 s at {last} of {total}")
        done = progress["accepted_count"] >= total
    await asyncio.gather(*working)


def _deliver(owner: Client, project: str, home: Path) -> tuple[dict[str, Any], Path]:
    time.sleep(2.0)  # the last quality report is a second away
    try:
        made, _ = delivered(owner, project, [])
    except Refused as refused:
        raise NotStarted(f"delivery {refused}") from refused
    folder = home / "delivery"
    download(owner, made, folder)
    if verify(["verify", str(folder)]):
        raise NotStarted("the delivery does not verify")
    return made, folder


def _labels(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.glob("labels-*.jsonl")):
        with path.open() as file:
            for line in file:
                label = json.loads(line)
                yield label["task"].rsplit("/", 1)[-1], label["value"]["choices"]["classes"][0]


def row(line: Line, asked: float | None, reference: float | None) -> Row:
    """A run as a line of the table."""
    kept = line.error <= line.target
    return Row(
        "line",
        f"{line.data} ({line.items}) at {line.target:.1%}, running services"
        + (", noisy simulated people" if line.noisy else ", simulated experts"),
        f"{line.share:.2%} labelled by people; error {line.error:.3%}, certified"
        f" {line.bound:.3%}; {line.cpu_ms:.2f} ms CPU an item",
        f"at most {asked:.0%}" if asked else "",
        f"{reference:.1%}" if reference else "",
        None if asked is None else kept and line.share <= asked,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.quality.lines", description=__doc__)
    parser.add_argument("set", choices=["mnist", "clinc150", "banking77"])
    parser.add_argument("target", type=float)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--noisy", action="store_true")
    chosen = parser.parse_args()
    if not (chosen.data / chosen.set).is_dir():
        parser.error(f"--data: no {chosen.set} in {chosen.data}; give the folder of the data sets")
    line = run(chosen.set, chosen.data, chosen.target, noisy=chosen.noisy, limit=chosen.limit)
    print(json.dumps(asdict(line), indent=1))


if __name__ == "__main__":
    main()
