"""Settings: the page is that of the code, and what cannot be is one sentence, at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from libs.common import config
from libs.common.config import Settings
from libs.common.preflight import Unstartable, away, check
from services.gateway.config import GatewaySettings
from tools import settings_page as page

ROOT = Path(__file__).parents[4]
# What else runs on this machine has the usual ports.
FREE = dict.fromkeys(("HTTP_LISTEN", "PLATFORM_LISTEN", "GRPC_LISTEN"), "127.0.0.1:0")


def start(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    paths = f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}"
    known = {**os.environ, "PYTHONPATH": paths, **env}
    command = [sys.executable, "-m", "services", *words]
    return subprocess.run(command, env=known, capture_output=True, text=True, cwd=ROOT)


def test_the_page_is_made_from_the_code() -> None:
    assert page.PAGE.read_text() == page.page(), "run `python -m tools.settings_page`"


@pytest.mark.parametrize("cls", [Settings, GatewaySettings])
def test_every_setting_says_what_it_is(cls: type[Settings]) -> None:
    assert all(field.description for field in cls.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTP_LISTEN", "8080", "is not HOST:PORT"),
        ("PLATFORM_LISTEN", "no.such.host.invalid:1", "is no address of this machine"),
        ("STORE_URL", "mysql://x", "is no address such as sqlite://"),
        ("BUS_URL", "localhost:9092", "is no address such as sqlite://..., kafka://"),
        ("BLOB_URL", "/tmp/x", "is no address such as file://"),
        ("SHUTDOWN_SECONDS", "soon", "'soon' cannot be"),
        ("LOG_LEVEL", "LOUD", "'LOUD' cannot be"),
        ("MAX_BODY_BYTES", "-1", "'-1' cannot be"),
        ("DATA_DIR", "/dev/null/data", "cannot be written"),
        ("STORE_URL", "sqlite:////dev/null/store", "the folder /dev/null/store cannot be written"),
        ("BUS_URL", "sqlite:////dev/null/bus.db", "the folder /dev/null cannot be written"),
        ("BUS_URL", "sqlite:////", "is a folder; name a file"),
        ("BLOB_URL", "file:///dev/null/blobs", "cannot be written"),
        ("BLOB_URL", "s3://", "names nothing after s3://"),
        ("STORE_URL", "mongodb://", "names nothing after mongodb://"),
        ("STORE_URL", "mongodb://host:port", "the address cannot be read"),
        ("STORE_URL", "mongodb://me:p@ss@host/x", "the address cannot be read"),
        ("BUS_URL", "kafka://", "names nothing after kafka://"),
        ("BUS_URL", "kafka://one:9092,two", "'two' is not HOST:PORT"),
        ("INFERENCE_URL", "triton", "'triton' is not HOST:PORT"),
        ("INFERENCE_URL", "http://triton:8001", "is not HOST:PORT"),
        ("RPC_INTAKE", "intake", "'intake' is not HOST:PORT"),
        ("RPC_INTAKE", "", "is empty"),
    ],
)
def test_what_cannot_be_is_told_by_the_settings_name(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    done = start("all", **{"DATA_DIR": str(tmp_path), **FREE, name: value})
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"labelmill: {name}: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for name in ("HTTP_LISTEN", "GRPC_LISTEN", "METRICS_LISTEN"):
            done = start("gateway", **{"DATA_DIR": str(tmp_path), **FREE, name: address})
            assert done.returncode == 1 and f"labelmill: {name}: {address} is taken" in done.stderr


def test_the_port_of_grpc_that_nobody_set_is_told_by_the_setting_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, grpc_listen="")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(config, "FIRST_PORT", port - 1)
        with pytest.raises(Unstartable, match=f"GRPC_LISTEN: 127.0.0.1:{port} is taken"):
            check(settings, ["delivery"], ["intake", "delivery"], {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RPC_INTAKE", "local:"),
        ("RPC_INTAKE", "dns:///intake.labelmill:50051"),
        ("RPC_INTAKE", "unix:/run/intake"),
        ("INFERENCE_URL", "[::1]:8001"),
        ("BUS_URL", "kafka://one:9092,two:9092?partitions=3"),
        ("STORE_URL", "mongodb://me:p%40ss@one:27017,two/labelmill?replicaSet=rs0"),
        ("STORE_URL", "mongodb+srv://me:secret@cluster.example"),
        ("BLOB_URL", "s3://bucket/labelmill"),
        ("BLOB_URL", "memory://"),
    ],
)
def test_addresses_that_can_be_are_taken(tmp_path: Path, name: str, value: str) -> None:
    free = {field.lower(): address for field, address in FREE.items()}
    own = {} if name.startswith("RPC_") else {name.lower(): value}
    settings = Settings.model_validate({"data_dir": tmp_path, **free, **own})
    check(settings, ["gateway", "intake"], ["gateway", "intake"], {name: value})


@pytest.mark.parametrize("name", ["BUS_URL", "STORE_URL"])
def test_a_server_that_is_away_is_told_at_once_and_waited_for(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"127.0.0.1:{server.getsockname()[1]}"
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # taken, but nobody listens
            gone = f"127.0.0.1:{bound.getsockname()[1]}"
            scheme = "kafka" if name == "BUS_URL" else "mongodb"
            one, both = (
                Settings.model_validate({name.lower(): f"{scheme}://{hosts}"})
                for hosts in (gone, f"{gone},{there}")
            )
            (said,) = away(one)
            assert said.startswith(f"{name}: nobody answers at {gone} (Connection refused)")
            assert away(both) == []


def test_ctrl_c_while_it_loads_ends_it_without_a_trace(tmp_path: Path) -> None:
    code = (
        "import services.__main__ as m, signal\n"
        "m._serve = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "m.main()\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}", **FREE}
    env["DATA_DIR"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def test_help_and_version_and_wrong_names() -> None:
    told = start("--help")
    assert told.returncode == 0 and "task-dispatch" in told.stdout
    assert start("--version").stdout.startswith("labelmill")
    wrong = start("nobody")
    assert wrong.returncode == 1 and "no service is called nobody; there are: all" in wrong.stderr
