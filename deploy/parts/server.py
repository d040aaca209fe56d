"""A server process of our own: started on free loopback ports, waited for, stopped, killed."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from deploy.parts.cache import Part, install
from deploy.parts.leashed import start_leashed

HOST = "127.0.0.1"
# Below the range that Linux takes outgoing ports from, so that a killed server's port stays free.
# $LABELMILL_PORTS (FIRST-END) narrows it: processes that pick at the same time each get their own.
PORTS = range(20_000, 32_000)
TAIL_LINES = 90
STOP_S = 20.0


class StartFailed(Exception):
    """The server ended, or was not ready in time; the text carries the tail of its log."""


class Server(ABC):
    """One server on `data` (kept), or on a folder of its own that `close` removes.

    The ports are picked once and stay: a client of `url` finds a restarted server again. The
    process dies with this one, however this one ends.
    """

    part: ClassVar[Part]
    port_count: ClassVar[int] = 1
    ready_within_s: ClassVar[float] = 60.0

    def __init__(self, data: Path | None = None) -> None:
        self._owns_data = data is None
        self.data = data or Path(tempfile.mkdtemp(prefix=f"labelmill-{self.part.name}-"))
        self.ports = free_ports(self.port_count)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address a client is given."""

    @property
    def log(self) -> Path:
        """What the server wrote on stdout and stderr, over all its starts."""
        return self.data / f"{self.part.name}.log"

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def start(self) -> Self:
        """Install the part if need be, start it, and return once it serves.

        Raises PartUnavailable, StartFailed.
        """
        if self.pid is not None:
            return self
        program = install(self.part)
        self.data.mkdir(parents=True, exist_ok=True)
        self._prepare(program)
        self._spawn(self._command(program), self._environment(program))
        atexit.register(self.close)
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Ask it to end in good order; kill it if it takes too long."""
        if self._process is None or self.pid is None:
            return
        self._process.terminate()
        self.resume()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to it and all its children, as a power cut would."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        self._after_exit()

    def pause(self) -> None:
        """SIGSTOP: it hangs, its connections stay, and nothing is answered any more."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGSTOP)
            _await_stop(self._process.pid)

    def resume(self) -> None:
        """SIGCONT: it goes on where it was paused; nothing happens where it was not."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGCONT)

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same data and the same ports."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop, and remove the data if this object made the folder."""
        self.stop()
        atexit.unregister(self.close)
        if self._owns_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _command(self, program: Path) -> list[str]:
        """What to run, an absolute path first."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """One short try as a client; False if it does not serve yet."""

    def _prepare(self, program: Path) -> None:  # noqa: B027
        """Lay in `data` what a start needs."""

    def _environment(self, program: Path) -> Mapping[str, str]:
        return os.environ

    def _after_exit(self) -> None:  # noqa: B027
        """Clear what a killed process leaves outside `data`."""

    def _spawn(self, command: list[str], environment: Mapping[str, str]) -> None:
        try:
            with self.log.open("ab") as log:
                self._process = start_leashed(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self.data,
                    start_new_session=True,
                )
        except OSError as error:
            raise StartFailed(f"{self.part.name}: {error}") from error

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.ready_within_s
        while time.monotonic() < deadline:
            if self.pid is None:
                raise self.failure("ended while starting")
            if self._is_ready():
                return
            time.sleep(0.1)
        raise self.failure(f"was not ready within {self.ready_within_s:.0f} s")

    def failure(self, what: str) -> StartFailed:
        """An error that says `what` happened and how the log ends."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return StartFailed("\n".join([f"{self.part.name} {what}. The end of its log:", *lines]))


def free_ports(count: int) -> list[int]:
    """`count` different loopback ports that nobody listens on now, and that this process has given
    out longest ago: whoever was given one binds it only a while later."""
    ports: list[int] = []
    ring = _ring()
    with ExitStack() as held:
        for _ in range(len(ring)):
            if len(ports) == count:
                return ports
            port = ring[0]
            ring.rotate(-1)
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind((HOST, port))
                ports.append(port)
    raise StartFailed(f"no {count} free ports among the {len(ring)} of {HOST} that may be taken")


@cache
def _ring() -> deque[int]:
    own = os.environ.get("LABELMILL_PORTS")
    within = range(*map(int, own.split("-"))) if own else PORTS
    return deque(random.sample(within, len(within)))


def _await_stop(child: int) -> None:
    """On a busy machine its threads go on for a while after the signal was sent."""
    deadline = time.monotonic() + STOP_S
    while os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {child} did not stop in {STOP_S:.0f} s")
        time.sleep(0.005)
