"""The demo: real labelled data through the whole line, people simulated and said so.

`python -m loadtests.demo [--keep]`: starts the platform, imports mails and digits over REST, lets
simulated annotators work, delivers, verifies, and prints what came out beside what was promised.
Mails have a model that was there before; digits train their own while they are labelled. What
the labels cost and what was saved is each certificate's ledger, the error is counted against
ground truth. The same table goes to `out/demo.json`, the certificates' pages to `out/`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from libs.bundle.__main__ import main as verify
from libs.cli.client import Client, Refused
from libs.cli.deliveries import delivered, download
from loadtests.demo import engine
from loadtests.demo.closing import HOURLY_COST, OUT, of_ledger, show
from tools import datasets
from tools.platform import PORTS, NotStarted, Platform, busy
from tools.simulate import SimulatedPerson, habits_of

ANNOTATORS, REVIEWERS = 8, 2
GOLD_EVERY = 50
LEAST_DISK = 1_500_000_000


@dataclass(frozen=True)
class Plan:
    """One project of the demo."""

    project: str
    template: str
    classes: tuple[str, ...]
    max_error: float
    audit_share: float
    people_audit_share: float
    # Embedding on which the project trains a model of its own; empty means no.
    embedding: str
    examples: Callable[[], Iterable[datasets.Example]]


PLANS = (
    Plan(
        "mails",
        "text-classification",
        ("ham", "spam"),
        0.04,
        0.15,
        0.3,
        "",
        lambda: datasets.spam("test"),
    ),
    Plan(
        "digits",
        "image-classification",
        tuple("0123456789"),
        0.02,
        0.08,
        0.12,
        "image-features",
        lambda: datasets.mnist("test"),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the platform running")
    parser.add_argument("--items", type=int, default=0, help="at most so many items a project")
    chosen = parser.parse_args()
    console = Console()
    try:
        run(console, keep=chosen.keep, limit=chosen.items)
    except (NotStarted, datasets.DataMissing, engine.NoEngine) as reason:
        sys.exit(f"demo: {reason}")
    except KeyboardInterrupt:
        sys.exit("demo: stopped")


def run(console: Console, *, keep: bool, limit: int) -> None:
    check_machine()
    started = time.perf_counter()
    home = Path(tempfile.mkdtemp(prefix="labelmill-demo-"))
    with engine.inference(console) as inference:
        env = {"INFERENCE_URL": inference.url, "LABELMILL_MODELS": str(inference.models)}
        platform = Platform(home / "data", http=PORTS["HTTP_LISTEN"], env=env)
        platform.start()
        console.print(f"platform at {platform.url}, drafts by {inference.words}")
        console.print(
            f"[bold]People are simulated[/]: {ANNOTATORS} annotators and {REVIEWERS} reviewers"
            " answer from ground truth with errors and a speed of their own."
        )
        try:
            rows = [play(console, platform, plan, home, limit) for plan in PLANS]
            show(console, rows, time.perf_counter() - started, inference.words)
            if keep:
                wait(console, platform)
        finally:
            platform.stop()
            shutil.rmtree(home, ignore_errors=True)
    console.print("everything that was started is stopped")


def check_machine() -> None:
    """Says what is missing or busy before anything starts."""
    for name, port in PORTS.items():
        if busy(port):
            hint = f"; or set {name}=127.0.0.1:PORT" if "LISTEN" in name else ""
            raise NotStarted(f"port {port} ({name}) is busy: stop what uses it{hint}")
    if shutil.disk_usage(".").free < LEAST_DISK:
        raise NotStarted(f"less than {LEAST_DISK // 10**6} MB of disk are free here")


def play(
    console: Console, platform: Platform, plan: Plan, home: Path, limit: int
) -> dict[str, Any]:
    """One project from upload to verified delivery; its row of the table."""
    began = time.perf_counter()
    owner, tenant = _tenant(platform, plan.project)
    project = _make_project(owner, tenant, plan)
    examples = list(plan.examples())[: limit or None]
    truths = _import(console, owner, project, tenant, plan, examples, home)
    _label(console, platform, owner, project, tenant, plan, truths, len(examples))
    delivery, folder = _deliver(console, owner, project, home / plan.project)
    row = _measure(plan, delivery, folder, truths)
    row["seconds"] = round(time.perf_counter() - began, 1)
    row["seconds_per_item"] = round(row["seconds"] / max(1, row["items"]), 5)
    owner.close()
    return row


def _tenant(platform: Platform, project: str) -> tuple[Client, str]:
    operator = Client(platform.url, platform.operator_key())
    made = operator.post("tenants", {"tenant_id": f"demo-{project}"})
    operator.close()
    return Client(platform.url, made["api_key"]), made["name"]


def _make_project(owner: Client, tenant: str, plan: Plan) -> str:
    body = {
        "project_id": plan.project,
        "project": {
            "display_name": f"Demo: {plan.project}",
            "template": f"tenants/catalogue/templates/{plan.template}/versions/1",
            "target": {"max_error_rate": plan.max_error, "confidence": 0.95},
            "policy": {
                "machine_label": True,
                "pre_label": True,
                "audit_share": plan.audit_share,
                "people_audit_share": plan.people_audit_share,
                "review_share": 0.02,
                "hourly_cost": HOURLY_COST,
                **_training(plan),
            },
        },
    }
    return str(owner.post(f"{tenant}/projects", body)["name"])


def _training(plan: Plan) -> dict[str, Any]:
    """The policy's part on learning; a project that learns needs no other model."""
    if not plan.embedding:
        return {}
    return {"training": {"embedding": plan.embedding, "input": plan.embedding.split("-")[0]}}


def _import(
    console: Console,
    owner: Client,
    project: str,
    tenant: str,
    plan: Plan,
    examples: list[datasets.Example],
    home: Path,
) -> dict[str, str]:
    """Uploads the items as one JSONL file, a share of them with known answers (gold); ground
    truth by item id. The truth of the others never leaves this process."""
    path = home / f"{plan.project}.jsonl"
    with path.open("w") as file:
        for index, example in enumerate(examples):
            file.write(json.dumps(_line(example, gold=index % GOLD_EVERY == 0)) + "\n")
    upload = owner.upload(tenant, path)
    made = owner.post(f"{project}/imports", {"upload": upload})
    with _bar(console, f"{plan.project}: import", len(examples)) as step:
        while made["state"] in ("PENDING", "RUNNING"):
            time.sleep(0.2)
            made = owner.get(made["name"])
            step(made["admitted_count"] + made["duplicate_count"] + made["refused_count"])
    if made["state"] != "SUCCEEDED" or made["refused_count"]:
        raise NotStarted(
            f"import {made['state']}: {made['reason']} {made['refused_count']} refused"
        )
    by_key = {e.key: e.truth for e in examples}
    items = owner.pages(f"{project}/items", "items", page_size=1000)
    return {item["name"].rsplit("/", 1)[-1]: by_key[item["source_key"]] for item in items}


def _line(example: datasets.Example, *, gold: bool) -> dict[str, Any]:
    if example.image:
        uri = f"data:image/png;base64,{base64.b64encode(example.image).decode()}"
        content = {"image": uri}
    else:
        content = {"text": example.text}
    line: dict[str, Any] = {"data": content, "source_key": example.key}
    return {**line, "gold": {"choices": {"classes": [example.truth]}}} if gold else line


def _label(
    console: Console,
    platform: Platform,
    owner: Client,
    project: str,
    tenant: str,
    plan: Plan,
    truths: dict[str, str],
    total: int,
) -> None:
    people = []
    for number in range(ANNOTATORS + REVIEWERS):
        reviewer = number >= ANNOTATORS
        user = f"simulated-{'reviewer' if reviewer else 'annotator'}-{number + 1}"
        body = {"user_id": user, "role": "reviewer" if reviewer else "annotator"}
        owner.post(f"{tenant}/users", body)
        key = owner.post(f"{tenant}/users/{user}/keys")["api_key"]
        habits = habits_of(number, reviewer=reviewer)
        people.append(
            SimulatedPerson(
                platform.url,
                key,
                project,
                truths,
                plan.classes,
                habits,
                number,
                reviewer=reviewer,
            )
        )
    asyncio.run(_work(console, owner, project, plan, people, total))


async def _work(
    console: Console,
    owner: Client,
    project: str,
    plan: Plan,
    people: list[SimulatedPerson],
    total: int,
) -> None:
    done = False
    with _bar(console, f"{plan.project}: settled", total) as step:
        working = [asyncio.create_task(person.work(lambda: done)) for person in people]
        while not done:
            await asyncio.sleep(0.5)
            progress = await asyncio.to_thread(owner.get, f"{project}/progress")
            step(progress["accepted_count"])
            failed = [t for t in working if t.done() and t.exception()]
            if failed:
                raise NotStarted(f"a simulated person failed: {failed[0].exception()}")
            done = progress["accepted_count"] >= total
    await asyncio.gather(*working)


def _deliver(
    console: Console, owner: Client, project: str, folder: Path
) -> tuple[dict[str, Any], Path]:
    time.sleep(2.0)  # the last quality report is a second away
    try:
        made, _ = delivered(owner, project, [])
    except Refused as refused:
        raise NotStarted(f"delivery {refused}") from refused
    download(owner, made, folder)
    console.rule(f"python -m libs.bundle verify {folder.name}")
    if verify(["verify", str(folder)]):
        raise NotStarted("the delivery does not verify")
    return made, folder


def _measure(
    plan: Plan,
    delivery: dict[str, Any],
    folder: Path,
    truths: dict[str, str],
) -> dict[str, Any]:
    wrong = items = 0
    for path in sorted(folder.glob("labels-*.jsonl")):
        with path.open() as file:
            for line in file:
                label = json.loads(line)
                truth = truths[label["task"].rsplit("/", 1)[-1]]
                wrong += label["value"]["choices"]["classes"] != [truth]
                items += 1
    certificate = json.loads((folder / "certificate.json").read_text())
    OUT.mkdir(exist_ok=True)
    shutil.copy(folder / "certificate.html", OUT / f"certificate-{plan.project}.html")
    return {
        "project": plan.project,
        "items": items,
        "measured_error": wrong / max(1, items),
        "certified_bound": delivery["error_bound"],
        "certified": certificate["certified"],
        "promised_error": plan.max_error,
        "simulated_people": True,
        **of_ledger(certificate["ledger"]),
    }


def wait(console: Console, platform: Platform) -> None:
    """KEEP=1: the platform stays until Ctrl-C."""
    console.print(f"still running at {platform.url}; operator key: {platform.operator_key()}")
    console.print("Ctrl-C stops it")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("stopping")


@contextmanager
def _bar(console: Console, words: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(words, total=total)
        yield lambda done: progress.update(task, completed=done)


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "140")
    main()
