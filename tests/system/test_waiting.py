"""Parts that are away at the start or later: everything waits, says for what, and goes on."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest

from deploy.parts import KafkaBroker, Mongod
from deploy.parts.testing import require
from libs.cli.client import Client, Refused
from tests.system.line import add_items, fresh, make_project, until
from tools.platform import Platform


def _start(platform: Platform) -> None:
    """Without waiting for it to be ready."""
    platform.data.mkdir(parents=True, exist_ok=True)
    platform.start_process(["all"])


def _ready(platform: Platform, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    try:
        answer = httpx2.get(f"{platform.url}{path}", timeout=20)
    except httpx2.TransportError:
        return 0, {}
    return answer.status_code, answer.json()


def test_a_start_without_store_and_bus_waits_and_says_so(tmp_path: Path, models: Path) -> None:
    require("mongo")
    require("kafka")
    mongod, broker = Mongod(), KafkaBroker()
    env = {
        "STORE_URL": mongod.url,
        "BUS_URL": f"{broker.url}?partitions=2",
        "LABELMILL_MODELS": str(models),
    }
    platform = Platform(tmp_path / "data", env=env)
    try:
        _start(platform)

        def waits_for(setting: str) -> bool:
            status, said = _ready(platform)
            reasons = said.get("services", {}).values()
            return status == 503 and all("waits" in r and setting in r for r in reasons)

        until(lambda: waits_for("STORE_URL"), "it waits for its stores")
        assert _ready(platform, "/healthz")[0] == 200, "alive all the while"
        assert _ready(platform, "/readyz/self")[0] == 503
        refused = httpx2.get(f"{platform.url}/v1/tenants/acme", timeout=20)
        assert refused.status_code == 503 and "STORE_URL" in refused.json()["detail"]
        mongod.start()
        until(lambda: waits_for("BUS_URL"), "then it waits for its bus")
        broker.start()
        until(lambda: _ready(platform)[0] == 200, "then it is ready")
        log = (platform.data / "all.log").read_text()
        assert "task_dispatch: its store is waited for" in log and "is back after" in log
        _a_hanging_broker_is_seen(platform, broker)
    finally:
        platform.stop()
        mongod.close()
        broker.close()
    assert platform.children["all"].returncode == 0


def _a_hanging_broker_is_seen(platform: Platform, broker: KafkaBroker) -> None:
    """Work goes on, events wait, and who waits is said with the number and the reason."""
    operator = Client(platform.url, platform.operator_key())
    tenant = fresh("hang")
    owner = Client(platform.url, operator.post("tenants", {"tenant_id": tenant})["api_key"])
    project = make_project(owner, tenant)
    until(lambda: _added(owner, project), "the project is known")
    broker.pause()
    add_items(owner, project, [f"item {i}" for i in range(5)])

    def stuck() -> bool:
        status, said = _ready(platform)
        reason = said["services"]["intake"]
        return status == 503 and "wait to be published" in reason and "BUS_URL" in reason

    until(stuck, "the outbox is seen")
    assert _ready(platform, "/readyz/self")[0] == 200, "requests are still taken"
    metrics = httpx2.get(f"{platform.url}/metrics", headers=_as(platform), timeout=20).text
    values = {
        line.split(" ")[0]: float(line.split(" ")[1])
        for line in metrics.splitlines()
        if not line.startswith("#")
    }
    assert values['labelmill_outbox_events{service="intake"}'] >= 1
    assert values['labelmill_outbox_age_seconds{service="intake"}'] > 0
    assert values['labelmill_service_ready{service="intake"}'] == 0
    assert 'labelmill_unhandled_age_seconds{service="task_dispatch"}' in values
    broker.resume()
    until(lambda: _ready(platform)[0] == 200, "all goes on")


def _as(platform: Platform) -> dict[str, str]:
    return {"authorization": f"Bearer {platform.operator_key()}"}


def _added(owner: Client, project: str) -> bool:
    try:
        add_items(owner, project, ["first"])
    except Refused as refused:
        assert refused.status in (404, 503), refused
        return False
    return True


@pytest.mark.parametrize(
    ("setting", "away", "sign"),
    [
        ("BUS_URL", "kafka://127.0.0.1:9", signal.SIGINT),
        ("STORE_URL", "mongodb://127.0.0.1:9/x", signal.SIGTERM),
    ],
)
def test_a_start_that_waits_ends_at_a_signal_at_once(
    tmp_path: Path, setting: str, away: str, sign: signal.Signals
) -> None:
    """And not when its clients give up asking for what is away: far sooner than it began."""
    platform = Platform(tmp_path / "data", env={setting: away})
    began = time.monotonic()
    _start(platform)
    until(lambda: _ready(platform)[0] == 503, "it waits")
    signalled = time.monotonic()
    platform.children["all"].send_signal(sign)
    assert platform.children["all"].wait(60) == 0, platform.log_tail()
    assert time.monotonic() - signalled < (signalled - began) / 2


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_runs_is_answered_before_the_process_ends(
    tmp_path: Path, models: Path, sign: signal.Signals
) -> None:
    platform = Platform(tmp_path / "data", env={"LABELMILL_MODELS": str(models)}).start()
    try:
        body = orjson.dumps({"tenant_id": "late"})
        place = urlsplit(platform.url)
        head = (
            f"POST /v1/tenants HTTP/1.1\r\nhost: {place.netloc}\r\n"
            f"authorization: {_as(platform)['authorization']}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((place.hostname, place.port or 0), timeout=30) as line:
            line.sendall(head.encode() + body[:5])
            until(lambda: _ready(platform)[0] == 200, "the half request is being read")
            platform.children["all"].send_signal(sign)
            until(lambda: _ready(platform)[0] == 0, "nothing new is taken")
            line.sendall(body[5:])
            answer = line.recv(65536)
        assert answer.startswith(b"HTTP/1.1 201"), answer
        assert platform.children["all"].wait(60) == 0
    finally:
        platform.stop()
