"""The OpenAPI document keeps its word: schemathesis drives every operation of a running platform
with valid and invalid requests, as the tenant's owner, against resources that exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from libs.cli.client import Client
from tests.built_models import built_models
from tools.platform import Platform

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str, dict[str, str]]]:
    env = {"LABELMILL_MODELS": str(built_models())}
    with Platform(tmp_path_factory.mktemp("openapi"), env=env) as platform:
        operator = Client(platform.url, platform.operator_key())
        key = operator.post("tenants", {"tenant_id": "acme"})["api_key"]
        known = _resources(Client(platform.url, key))
        yield schemathesis.openapi.from_url(f"{platform.url}/openapi.json"), key, known


def _resources(owner: Client) -> dict[str, str]:
    """One of everything that a path can name."""
    template = "tenants/catalogue/templates/text-classification/versions/1"
    body = {"project_id": "p", "project": {"template": template, "policy": {"replica_count": 2}}}
    project = owner.post("tenants/acme/projects", body)["name"]
    owner.post("tenants/acme/users", {"user_id": "ann", "role": "annotator"})
    upload = owner.post("tenants/acme/uploads", {"size": 10, "filename": "a.csv"})["name"]
    items = {"items": [{"data": {"text": f"text {i}"}} for i in range(5)]}
    item = owner.post(f"{project}/items:batchCreate", items)["results"][0]["name"]
    held: list[dict[str, Any]] = []
    while not held:
        held = owner.post(f"{project}/tasks:claim", {"max_tasks": 1})["assignments"]
    ids = {name: name.rsplit("/", 1)[-1] for name in (item, upload, held[0]["name"])}
    return {
        "tenant": "acme",
        "project": "p",
        "user": "ann",
        "version": "1",
        "template": "mine",
        "item": ids[item],
        "upload": ids[upload],
        "task": held[0]["task"].rsplit("/", 1)[-1],
        "assignment": ids[held[0]["name"]],
    }


def test_every_operation_answers_as_the_document_says(
    api: tuple[Any, str, dict[str, str]], tmp_path: Path
) -> None:
    schema, key, known = api
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 50
    for operation in operations:
        if operation.path.endswith("progress:stream"):
            continue  # endless by design

        @settings(
            max_examples=12,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @_given(operation)
        def drive(case: Any) -> None:
            for name in case.path_parameters or {}:
                if name in known:
                    case.path_parameters[name] = known[name]
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {key}"}
            case.call_and_validate(checks=CHECKS, timeout=20)

        drive()


def _given(operation: Any) -> Any:
    from hypothesis import given
    from schemathesis import GenerationMode

    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]
    return given(case=strategies[0] | strategies[1])
