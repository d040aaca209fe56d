"""A real Triton server with its Python back end for CPU, from the wheel `nvidia-pytriton`.

Models get Python packages of their own (numpy 1.26: newer ones break the stub), laid where the
stub always looks, since it embeds a libpython and ignores virtual environments.
"""

from __future__ import annotations

import http.client
import os
import shutil
import sys
import sysconfig
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.parts.cache import Part, PartUnavailable
from deploy.parts.server import HOST, Server
from deploy.parts.wheels import unpack

SERVER = Path("pytriton/tritonserver")
STUB = "triton_python_backend_stub"
CHOSEN = "python-version"
# Those that the wheel has a stub for and triton-python.txt has wheels for.
PYTHONS = ("3.11", "3.12")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@dataclass(frozen=True)
class Embeddable:
    """A Python that a stub can embed: its version, shared library and prefix."""

    version: str
    library: Path
    prefix: Path


def _build(target: Path) -> None:
    found = next(_embeddables(), None)
    if found is None:
        names = " or ".join(f"libpython{version}.so.1.0" for version in PYTHONS)
        advice = f"Install one (Debian: libpython{PYTHONS[0]}) or use a Python built shared."
        raise PartUnavailable("triton", f"no {names}, which the Python back end embeds", advice)
    unpack("triton", "triton.txt", target)
    backend = target / SERVER / "backends" / "python"
    shutil.copy(target / SERVER / "python_backend_stubs" / found.version / STUB, backend)
    (backend / STUB).chmod(0o755)
    unpack("triton", "triton-python.txt", backend, python=found.version)
    (target / CHOSEN).write_text(found.version)


TRITON = Part("triton", ("triton.txt", "triton-python.txt"), _build)


def _embeddables() -> Iterator[Embeddable]:
    """Of the running version first, and of the running installation first."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in sorted(PYTHONS, key=lambda version: version != running):
        for folder, prefix in _places():
            library = folder / f"libpython{version}.so.1.0"
            standard = [prefix / lib / f"python{version}" / "os.py" for lib in ("lib", "lib64")]
            if library.exists() and any(file.exists() for file in standard):
                yield Embeddable(version, library, prefix)


def _places() -> list[tuple[Path, Path]]:
    usr, local = Path("/usr"), Path("/usr/local")
    return [
        (Path(sysconfig.get_config_var("LIBDIR") or "/"), Path(sys.base_prefix)),
        (usr / "lib" / f"{os.uname().machine}-linux-gnu", usr),
        (usr / "lib64", usr),
        (local / "lib", local),
    ]


def _isolate(python: Embeddable, home: Path) -> None:
    """Make `home` a bare virtual environment of that Python, without any site packages.

    The stub ignores PYTHONHOME and PYTHONPATH; it takes the standard library and site packages of
    whatever `python3` comes first on PATH, and a numpy there would come before the models' own.
    """
    program = home / "bin" / "python3"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.unlink(missing_ok=True)
    program.symlink_to(sys.executable)
    settings = f"home = {python.prefix / 'bin'}\ninclude-system-site-packages = false\n"
    (home / "pyvenv.cfg").write_text(settings)


class Triton(Server):
    """Serves `load` (all models where empty) of `models`; others by explicit load and unload."""

    part = TRITON
    port_count = 3
    ready_within_s = 120.0

    def __init__(self, models: Path, load: Sequence[str] = (), data: Path | None = None) -> None:
        super().__init__(data)
        self.models, self.load = models.absolute(), tuple(load) or ("*",)
        self._libraries = Path()
        self._memory = f"labelmill-{uuid.uuid4().hex[:12]}-"

    @property
    def url(self) -> str:
        """`host:port` of gRPC, as tritonclient.grpc wants it."""
        return f"{HOST}:{self.ports[0]}"

    @property
    def http_url(self) -> str:
        """`host:port` of HTTP."""
        return f"{HOST}:{self.ports[1]}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would scrape."""
        return f"http://{HOST}:{self.ports[2]}/metrics"

    def _command(self, program: Path) -> list[str]:
        grpc, plain, metrics = map(str, self.ports)
        return [
            str(program / SERVER / "bin/tritonserver"),
            f"--model-repository={self.models}",
            f"--backend-directory={program / SERVER / 'backends'}",
            f"--backend-config=python,shm-region-prefix-name={self._memory}",
            *("--model-control-mode=explicit", *(f"--load-model={name}" for name in self.load)),
            *(f"--grpc-address={HOST}", f"--grpc-port={grpc}"),
            *(f"--http-address={HOST}", f"--http-port={plain}"),
            *(f"--metrics-address={HOST}", f"--metrics-port={metrics}"),
            *("--allow-gpu-metrics=false", "--exit-timeout-secs=5"),
        ]

    def _prepare(self, program: Path) -> None:
        version = (program / CHOSEN).read_text()
        found = next((each for each in _embeddables() if each.version == version), None)
        if found is None:
            advice = f"Install it again, or remove {program} to choose another Python."
            raise PartUnavailable("triton", f"libpython{version}.so.1.0 is gone", advice)
        _isolate(found, self._python)
        self._libraries = found.library.parent

    def _environment(self, program: Path) -> Mapping[str, str]:
        path = f"{self._python / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        libraries = f"{program / 'nvidia_pytriton.libs'}:{self._libraries}"
        return os.environ | {"PATH": path, "LD_LIBRARY_PATH": libraries}

    @property
    def _python(self) -> Path:
        return self.data / "python"

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.ports[1], timeout=2)
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _after_exit(self) -> None:
        """A killed server leaves its shared memory behind."""
        for region in SHARED_MEMORY.glob(f"*{self._memory}*"):
            region.unlink(missing_ok=True)
