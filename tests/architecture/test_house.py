"""The house keeps its shape: files, imports, matrix, contracts, no paths and hosts."""

from __future__ import annotations

import dataclasses
import importlib
import re
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from libs.common.access import MATRIX, OPERATOR, ROLES
from services.__main__ import SERVICES
from services.gateway.routes.table import RPCS, STUBS
from tools.journey import journey

ROOT = Path(__file__).resolve().parents[2]
SIX = {"domain.py", "store.py", "service.py", "rpc.py", "events.py", "main.py"}
# Services that have no use for one of the six.
WITHOUT = {"template": {"events.py"}, "gateway": {"service.py", "rpc.py"}}
# What stands beside the six: one file for one concern that needs no package.
TOP = {
    "delivery": {
        "pipeline.py": "a delivery's way: freeze, write, close, release",
        "signing.py": "the private key of deliveries",
    },
    "gateway": {
        "config.py": "its settings",
        "grpc_front.py": "gRPC for platforms",
        "request_context.py": "what every route needs",
        "webhooks.py": "messages to tenants' servers",
    },
    "intake": {
        "config.py": "its settings",
        "admission.py": "items as offered become items as stored",
        "appeals.py": "refused items that are admitted all the same",
        "blob_collection.py": "files that nothing names any more",
        "field_types.py": "what the fields of an item may hold",
    },
    "prelabel_gateway": {
        "assists.py": "models asked while a person works",
        "drafts.py": "models asked for whole batches",
        "embeddings.py": "vectors of items for the trainer",
        "permits.py": "what a model may be asked by whom",
        "usage_meter.py": "seconds of computing a project",
    },
    "qc_scorer": {"composite_report.py": "what is proven of labels in parts"},
    "review_router": {
        "gates.py": "what a gate accepts without a person",
        "injected_errors.py": "wrong drafts that test attention",
        "known_answers.py": "gold looks like any other task",
    },
    "scheduler": {"alerts.py": "what a person should look at", "training.py": "when models learn"},
    "task_dispatch": {
        "projects.py": "what is known of a project, or why it is not",
        "value_check.py": "is an annotation a label of the template?",
    },
    "template": {
        "compatibility.py": "what a new version breaks",
        "export_check.py": "can the formats hold the labels?",
        "label_shapes.py": "what goes with each shape",
        "validation.py": "do the parts of a definition fit?",
    },
    "trainer": {"model_repository.py": "where the inference server loads heads"},
}
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


@pytest.mark.parametrize("service", SERVICES)
def test_what_may_stand_at_the_top_of_a_service(service: str) -> None:
    """The six files, what is listed in `TOP` with its reason, and packages; nothing else."""
    top = {p.name for p in (ROOT / "services" / service).glob("*.py")} - {"__init__.py"}
    assert top <= SIX | set(TOP.get(service, {})), "put it into a package, or say in TOP why not"
    assert set(TOP.get(service, {})) <= top, "TOP names what is gone"
    missing = SIX - top - WITHOUT.get(service, set())
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
        assert roles and roles <= {*ROLES, OPERATOR}, method


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
                *("data", "template", "prediction", "annotations", "comment"),
                *("part", "element", "inputs", "assisted"),
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


def test_pages_name_files_and_modules_that_are_there() -> None:
    """Decisions in docs/adr tell of the tree as it was."""
    named = re.compile(r"`((?:services|libs|tools|deploy|loadtests|tests|protos)/[\w./-]*[\w/])")
    run = re.compile(r"python -m ((?:services|libs|tools|deploy|loadtests|tests)[\w.]*)")
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    missing = []
    for page in pages:
        text = page.read_text()
        missing += [f"{page.name}: {one}" for one in named.findall(text) if not there(one)]
        modules = [one.rstrip(".") for one in run.findall(text)]
        missing += [f"{page.name}: {one}" for one in modules if not runnable(one)]
    assert not missing


def there(path: str) -> bool:
    return (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


def runnable(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_no_module_is_too_long_to_read() -> None:
    for path in tracked():
        if path.suffix != ".py" or "libs/gen" in path.as_posix():
            continue
        assert len(path.read_text().splitlines()) <= 400, path


def test_the_readme_is_one_page_and_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text and "make test" in text
    assert len(text.splitlines()) <= 90
