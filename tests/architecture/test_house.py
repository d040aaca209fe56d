"""The house keeps its shape: files, imports, matrix, contracts, no paths and hosts."""

from __future__ import annotations

import dataclasses
import importlib
import re
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from docs.journey import journey
from libs.common.access import MATRIX, ROLES
from services.__main__ import SERVICES
from services.gateway.routes.table import RPCS, STUBS

ROOT = Path(__file__).resolve().parents[2]
SIX = {"domain.py", "store.py", "service.py", "rpc.py", "events.py", "main.py"}
MESSAGES = {
    "task_dispatch": {"Task", "Assignment", "Lease"},
    "template": {"Template", "Project"},
    "intake": {"Import"},
    "review_router": {"Routing"},
    "qc_scorer": {"Score"},
    "scheduler": {"Schedule"},
}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listed.stdout.splitlines()]


@pytest.mark.parametrize("service", [s for s in SERVICES if s != "gateway"])
def test_every_service_has_the_same_file_names(service: str) -> None:
    found = {p.name for p in (ROOT / "services" / service).glob("*.py")}
    missing = SIX - found - ({"events.py"} if service == "template" else set())
    assert not missing


def rpc_methods() -> set[str]:
    found = set()
    for path in (ROOT / "protos" / "labelmill").glob("*/v1/*.proto"):
        package = re.search(r"^package ([\w.]+);", path.read_text(), re.M)
        service = ""
        for line in path.read_text().splitlines():
            if match := re.match(r"service (\w+)", line):
                service = match.group(1)
            if (match := re.match(r"\s+rpc (\w+)", line)) and package:
                found.add(f"{package.group(1)}.{service}/{match.group(1)}")
    return found


def test_the_matrix_names_every_rpc_and_no_other() -> None:
    assert set(MATRIX) == rpc_methods()
    for method, roles in MATRIX.items():
        assert roles and roles <= set(ROLES), method


def test_every_route_leads_to_an_authorized_rpc_with_the_tenant_in_its_path() -> None:
    for route in RPCS:
        where, _ = STUBS[route.service]
        assert f"labelmill.{where}.v1.{route.service}/{route.method}" in MATRIX
        assert route.path.startswith("/v1/tenants/{tenant}")
        assert route.bind, f"{route.path} binds no name"


@pytest.mark.parametrize("service", sorted(MESSAGES))
def test_dataclasses_and_messages_do_not_drift(service: str) -> None:
    domain = importlib.import_module(f"services.{service}.domain")
    proto = importlib.import_module(f"labelmill.{service}.v1.{service}_pb2")
    for name in MESSAGES[service]:
        message = getattr(proto, name).DESCRIPTOR
        fields = {f.name for f in dataclasses.fields(getattr(domain, name))}
        # `fencing`, `review_goal`, ... are the service's own; what the message promises is there.
        lacking = {
            f.name
            for f in message.fields
            if f.name not in fields and f.type != FieldDescriptor.TYPE_GROUP
        }
        allowed = {
            "Assignment": {
                *("data", "template", "prediction", "opinions", "comment"),
                *("part", "entry", "inputs"),
            },
        }.get(name, set())
        assert lacking <= allowed, f"{service}.{name} lacks {sorted(lacking - allowed)}"


def test_the_journey_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "journey.md").read_text() == journey()


def test_no_path_of_a_machine_and_no_registry_host_is_in_the_project() -> None:
    hosts = "|".join([r"pypi\.org", r"pythonhosted\.org", r"registry\.npmjs", r"repo1?\.maven"])
    bad = re.compile(rf"(^|[^A-Za-z0-9_.])/(work|farm)/|({hosts})")
    for path in tracked():
        if path.suffix in {".binpb", ".png"} or path.name == Path(__file__).name:
            continue
        found = bad.search(path.read_text(errors="replace"))
        assert not found, f"{path}: {found and found.group(0)}"


def test_no_module_is_too_long_to_read() -> None:
    for path in tracked():
        if path.suffix != ".py" or "libs/gen" in path.as_posix():
            continue
        assert len(path.read_text().splitlines()) <= 400, path


def test_the_readme_is_one_page_and_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text and "make test" in text
    assert len(text.splitlines()) <= 90
