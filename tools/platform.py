"""Starts and stops the platform as a user would: `python -m services`, in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

from deploy.parts.leashed import start_leashed
from deploy.parts.server import free_ports

ROOT = Path(__file__).resolve().parent.parent
PORTS = {"HTTP_LISTEN": 8080, "PLATFORM_LISTEN": 8081, "gRPC": 50050}


class NotStarted(Exception):
    """The platform did not come up; the message has the reason and what to do."""


def free_port() -> int:
    return free_ports(1)[0]


def busy(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Platform:
    """All services in one process, or each in its own; they die with this process."""

    def __init__(
        self,
        data: Path,
        *,
        processes: Sequence[Sequence[str]] = (("all",),),
        http: int = 0,
        env: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        """`without` names services that something is away for, which a start does not wait for."""
        self._without = frozenset(without)
        self._waiting: dict[str, str] = {}
        self.data, self.processes = data, [list(p) for p in processes]
        self.http_port = http or free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.platform_port = free_port()
        self._env = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs' / 'gen'}",
            "DATA_DIR": str(data),
            "HTTP_LISTEN": f"127.0.0.1:{self.http_port}",
            "PLATFORM_LISTEN": f"127.0.0.1:{self.platform_port}",
            **self._ports(),
            **(env or {}),
        }
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def _ports(self) -> dict[str, str]:
        if len(self.processes) == 1:
            return {"GRPC_LISTEN": f"127.0.0.1:{free_port()}"}
        self._listen = {p[0]: f"127.0.0.1:{free_port()}" for p in self.processes}
        return {f"RPC_{n.upper()}": a for n, a in self._listen.items()}

    def start(self, seconds: float = 180.0) -> Platform:
        """Serving when it returns; `NotStarted` with the log's tail otherwise."""
        self.data.mkdir(parents=True, exist_ok=True)
        for names in self.processes:
            self.start_process(names)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._check_alive()
            if self._ready():
                return self
            time.sleep(0.1)
        self.stop()
        said = f"not ready after {seconds:.0f} s ({self._waiting}); the log ends:"
        raise NotStarted(f"{said}\n{self.log_tail()}")

    def _ready(self) -> bool:
        try:
            said = httpx2.get(f"{self.url}/readyz", timeout=3).json()
        except (httpx2.TransportError, ValueError):
            return False
        services = said.get("services", {})
        self._waiting = {name: how for name, how in services.items() if how != "ready"}
        return bool(services) and self._waiting.keys() <= self._without

    def start_process(self, names: Sequence[str]) -> None:
        """Starts one process; also used to start a killed one again."""
        env = dict(self._env)
        if len(self.processes) > 1:
            env["GRPC_LISTEN"] = self._listen[names[0]]
        command = [sys.executable, "-m", "services", *names]
        with (self.data / f"{names[0]}.log").open("ab") as log:
            self.children[names[0]] = start_leashed(
                command, env=env, cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """SIGKILL, as a machine that dies would."""
        child = self.children[name]
        child.send_signal(signal.SIGKILL)
        child.wait()

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that stay."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        for child in self.children.values():
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def operator_key(self) -> str:
        return (self.data / "keys" / "operator").read_text()

    def pids(self) -> list[int]:
        return [child.pid for child in self.children.values()]

    def log_tail(self) -> str:
        logs = [p.read_text(errors="replace")[-2000:] for p in sorted(self.data.glob("*.log"))]
        return "\n".join(logs)

    def _check_alive(self) -> None:
        for name, child in self.children.items():
            if child.poll() is not None:
                self.stop()
                raise NotStarted(f"{name} ended with {child.returncode}:\n{self.log_tail()}")

    def __enter__(self) -> Platform:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
