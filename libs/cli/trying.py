"""`labelmill template try`: an example item through the whole line, to a verified delivery."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from libs.cli.answers import Given, answer, example_of, expected
from libs.cli.client import Client, Refused
from libs.cli.deliveries import delivered, download
from libs.cli.reading_back import ReadBack
from libs.formats.registry import MODULES

Doc = dict[str, Any]
TENANT = "try"
_ROOT = Path(__file__).parents[2]
# Two people answer each task alone, and what they say is merged. Chance takes nothing for an audit:
# one item is to go one way.
_POLICY = {"replica_count": 2, "audit_share": 1e-9, "people_audit_share": 1e-9}
_READY_SECONDS, _WORK_SECONDS = 90.0, 120.0


@dataclass
class Tried:
    """What happened with one template."""

    name: str
    steps: list[str] = field(default_factory=list)
    # (format, file, bytes, what was read back)
    files: list[tuple[str, str, int, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextmanager
def platform() -> Iterator[Client]:
    """An operator's client of a platform of its own, on the embedded defaults, in a temporary
    folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="labelmill-try-") as folder:
        data, (port, rpc, platform_port) = Path(folder), _free_ports(3)
        env = {**os.environ, "DATA_DIR": folder, "HTTP_LISTEN": f"127.0.0.1:{port}"}
        env |= {"GRPC_LISTEN": f"127.0.0.1:{rpc}"}
        env |= {"PLATFORM_LISTEN": f"127.0.0.1:{platform_port}"}
        env["PYTHONPATH"] = f"{_ROOT}{os.pathsep}{_ROOT / 'libs' / 'gen'}"
        command = [sys.executable, "-m", "services", "all"]
        with (data / "log").open("wb") as log:
            child = subprocess.Popen(  # noqa: S603
                command, env=env, cwd=_ROOT, stdout=log, stderr=log
            )
        try:
            _await(child, f"http://127.0.0.1:{port}", data / "log")
            key = (data / "keys" / "operator").read_text()
            yield Client(f"http://127.0.0.1:{port}", key)
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


def _await(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx2.get(f"{url}/readyz", timeout=3).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-1000:]
    raise Refused(500, f"the platform did not come up; its log ends:\n{tail}")


def _read_back(template: Doc, example: Doc, folder: Path, tried: Tried) -> None:
    """Each file by its own format's reader, beside what the simulated people said."""
    back = ReadBack(template, example)
    for i, (name, path, size, _) in enumerate(tried.files):
        reasons = [r.split(": ", 1)[1] for r in tried.left_out if r.startswith(f"{name}: ")]
        said, faults = back.told(name, folder / path, reasons)
        tried.faults += [f"{path}: {fault}" for fault in faults]
        tried.files[i] = (name, path, size, said)


def tenant_of(operator: Client) -> Client:
    """Its owner's client, of a tenant made for trying."""
    made = operator.post("tenants", {"tenant_id": TENANT})
    return Client(operator.url, made["api_key"])


@dataclass
class Staff:
    """Simulated people of a tenant; they answer what the example says."""

    annotators: tuple[Client, ...]
    reviewer: Client


def staff_of(owner: Client, tenant: str) -> Staff:
    """Three simulated people, made once a tenant and run."""
    mark = secrets.token_hex(3)
    keys = []
    for number, role in enumerate(("annotator", "annotator", "reviewer")):
        user = f"simulated-{role}-{number}-{mark}"
        owner.post(f"{tenant}/users", {"user_id": user, "role": role})
        keys.append(owner.post(f"{tenant}/users/{user}/keys")["api_key"])
    first, second, reviewer = (Client(owner.url, key) for key in keys)
    return Staff((first, second), reviewer)


def attempt(owner: Client, tenant: str, template: Doc, staff: Staff, to: Path) -> Tried:
    """One template from an item to files that are read back; what fails is in `faults`."""
    name = template["name"].split("/templates/")[1].split("/")[0]
    tried = Tried(name)
    try:
        example = example_of(template)
        project = _project(owner, tenant, template, name)
        _post(owner, project, example["data"], tried)
        given = _work(owner, project, template, example["label"], staff, tried)
        _deliver(owner, project, to / name, tried)
        wanted = expected(template, example["label"], given)
        _read_back(template, {**example, "label": wanted}, to / name, tried)
    except (Refused, ValueError, LookupError, httpx2.HTTPError) as error:
        tried.faults.append(f"{type(error).__name__}: {error}")
    return tried


def _project(owner: Client, tenant: str, template: Doc, name: str) -> str:
    project = {"template": template["name"], "policy": _POLICY}
    body = {"project_id": f"try-{name[:40]}-{secrets.token_hex(3)}", "project": project}
    return str(owner.post(f"{tenant}/projects", body)["name"])


def _post(owner: Client, project: str, data: Doc, tried: Tried) -> None:
    item = {"data": data, "source_key": "example"}
    (result,) = owner.post(f"{project}/items:batchCreate", {"items": [item]})["results"]
    if result["outcome"] != "ADMITTED":
        raise Refused(422, f"the example item is {result['outcome']}: {result['reason']}")
    tried.steps.append("item admitted")


def _work(
    owner: Client, project: str, template: Doc, label: Doc, staff: Staff, tried: Tried
) -> Given:
    """Simulated people take what there is until the item is settled; their last answers."""
    answered, deadline = 0, time.monotonic() + _WORK_SECONDS
    given: Given = {}
    while time.monotonic() < deadline:
        for person in staff.annotators:
            answered += _answer(person, project, "", template, label, given)
        answered += _answer(staff.reviewer, project, "REVIEW", template, label, given)
        progress = owner.get(f"{project}/progress")
        if progress["accepted_count"]:
            _tell_drafts(owner, project, tried)
            told = ", ".join(f"{n} {source}" for source, n in sorted(progress["sources"].items()))
            tried.steps.append(f"{answered} answers of simulated people, settled as {told}")
            return given
        time.sleep(0.1)
    counts = owner.get(f"{project}/progress")["counts"]
    raise Refused(500, f"not settled after {_WORK_SECONDS:.0f} s: {counts}")


def _tell_drafts(owner: Client, project: str, tried: Tried) -> None:
    """Which model drafted, and how sure it was."""
    for task in owner.get(f"{project}/tasks")["tasks"]:
        if draft := task.get("prediction"):
            tried.steps.append(f"drafted by {draft['model']} (score {draft['score']:.2f})")


def _answer(
    person: Client, project: str, stage: str, template: Doc, label: Doc, given: Given
) -> int:
    body: Doc = {"max_tasks": 50, **({"stage": stage} if stage else {})}
    held = person.post(f"{project}/tasks:claim", body)["assignments"]
    for one in held:
        said: Doc = {"fencing_token": one["fencing_token"]}
        said["value"] = given[one["part"], one["element"]] = answer(template, label, one)
        if stage:
            person.post(f"{one['name']}:review", {**said, "verdict": "FIXED"})
        else:
            person.post(f"{one['name']}:submit", {**said, "work_seconds": 1.0})
    return len(held)


def _deliver(owner: Client, project: str, to: Path, tried: Tried) -> None:
    from libs.bundle.verify import Faulty, verify

    made, _ = delivered(owner, project, [])
    download(owner, made, to)
    try:
        checks = list(verify(to, None))
        tried.steps.append(f"{len(made['files'])} files delivered, {len(checks)} checks passed")
    except Faulty as faulty:
        tried.faults.append(f"the delivery does not verify: {faulty}")
    manifest = json.loads((to / "manifest.json").read_text())
    tried.left_out += sorted(json.loads((to / "report.json").read_text())["problems"])
    written = [file for file in manifest["files"] if file.get("format") in MODULES]
    tried.files += [(f["format"], f["path"], (to / f["path"]).stat().st_size, "") for f in written]
