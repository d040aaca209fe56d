"""Platforms over gRPC, webhooks to a tenant's own server, and the command line."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from labelmill.task_dispatch.v1 import task_dispatch_pb2, task_dispatch_pb2_grpc
from labelmill.template.v1 import template_pb2, template_pb2_grpc

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import fresh, make_project, until
from tools.platform import Platform


def test_a_platform_speaks_grpc_with_its_key(world: World) -> None:
    tenant, stranger = fresh("maas"), fresh("other")
    operator = world.operator()
    key = operator.post("tenants", {"tenant_id": tenant})["api_key"]
    foreign = operator.post("tenants", {"tenant_id": stranger})["api_key"]
    owner = Client(world.platform.url, key)
    project = make_project(owner, tenant)
    owner.get(f"{project}/progress")
    with grpc.insecure_channel(f"127.0.0.1:{world.platform.platform_port}") as channel:
        tasks = task_dispatch_pb2_grpc.TasksStub(channel)
        projects = template_pb2_grpc.ProjectsStub(channel)
        mine = [("authorization", f"Bearer {key}")]
        asked = template_pb2.ListProjectsRequest(parent=f"tenants/{tenant}")
        assert [p.name for p in projects.ListProjects(asked, metadata=mine).projects] == [project]
        wanted = task_dispatch_pb2.GetProgressRequest(name=project)
        assert tasks.GetProgress(wanted, metadata=mine).task_count == 0
        refusals = [
            ([], grpc.StatusCode.UNAUTHENTICATED),
            ([("authorization", f"Bearer {foreign}")], grpc.StatusCode.NOT_FOUND),
        ]
        for metadata, code in refusals:
            with pytest.raises(grpc.RpcError) as refused:
                tasks.GetProgress(wanted, metadata=metadata)
            assert refused.value.code() == code
        with pytest.raises(grpc.RpcError) as invalid:
            tasks.GetProgress(task_dispatch_pb2.GetProgressRequest(), metadata=mine)
        assert invalid.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@contextmanager
def receiver(failures: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A tenant's server that fails some times before it takes a message."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append({"headers": dict(self.headers.items()), "body": body})
            self.send_response(500 if len(got) <= failures else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()


def test_webhooks_are_signed_and_tried_again(tmp_path: Path) -> None:
    env = {"WEBHOOK_ALLOW_PRIVATE": "1", "INFERENCE_URL": "127.0.0.1:9"}
    with (
        Platform(tmp_path, env=env, without=["prelabel-gateway"]) as platform,
        receiver(failures=1) as (url, got),
    ):
        owner = World(platform).tenant("hooked")
        made = owner.post("tenants/hooked/webhooks", {"url": url, "event_types": ["items.refused"]})
        project = make_project(owner, "hooked")
        owner.post(f"{project}/items:batchCreate", {"items": [{"data": {"text": " "}}]})
        until(lambda: len(got) == 2, "message, tried again")
        first, second = got
        assert first["body"] == second["body"]
        assert json.loads(second["body"])["type"] == "items.refused"
        headers = {k.lower(): v for k, v in second["headers"].items()}
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
        wanted = hmac.digest(secret, signed + second["body"], hashlib.sha256)
        assert headers["webhook-signature"] == "v1," + base64.b64encode(wanted).decode()
        hook = made["name"]
        (message,) = owner.get(f"{hook}/messages")["messages"]
        until(lambda: owner.get(f"{hook}/messages")["messages"][0]["state"] == "DELIVERED", "taken")
        owner.post(f"{message['name']}:replay")
        until(lambda: len(got) == 3, "replayed")


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
def test_a_project_managers_day_on_the_command_line(world: World, tmp_path: Path) -> None:
    tenant = fresh("cli")
    env = {**os.environ, "LABELMILL_URL": world.platform.url, "COLUMNS": "200"}

    def labelmill(*words: str, key: str) -> str:
        command = [sys.executable, "-m", "libs.cli.main", *words]
        done = subprocess.run(
            command, env={**env, "LABELMILL_KEY": key}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    owner = labelmill("tenant", tenant, key=world.platform.operator_key())
    project = f"{tenant}/mails"
    labelmill("project", "create", project, "--template", "text-classification", key=owner)
    folder = tmp_path / "mails"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.txt").write_text(f"mail {i}")
    (folder / "blank.txt").write_text("  ")
    said = labelmill("import", project, str(folder), key=owner)
    assert "5 admitted" in said and "1 refused" in said and "blank" in said
    assert labelmill("user", "add", tenant, "ann", key=owner).startswith("lm_")
    assert "ANNOTATION" in labelmill("status", project, key=owner)
    wrong = subprocess.run(
        [sys.executable, "-m", "libs.cli.main", "status", project],
        env={**env, "LABELMILL_KEY": "wrong"},
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 1 and "Traceback" not in wrong.stderr
    assert "does not take this key" in wrong.stderr
