"""The wheel holds all that the platform needs: it is built, installed in an empty environment and
used there, away from the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.parts.leashed import start_leashed
from deploy.parts.server import free_ports

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("services", "libs", "deploy", "tools", "requirements")
_FILES = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment that has the wheel, and beside it only what is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in _SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in _FILES:
        shutil.copy(ROOT / name, source / name)
    build = "import setuptools.build_meta as b, sys; b.build_wheel(sys.argv[1])"
    _run([sys.executable, "-c", build, str(folder)], source)
    (wheel,) = folder.glob("*.whl")

    venv.create(folder / "env", symlinks=True)
    programs = folder / "env" / "bin"
    python = str(programs / "python")
    uv = str(Path(sys.executable).parent / "uv")
    install = [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", python, str(wheel)]
    _run(install, folder)
    (own,) = (folder / "env" / "lib").glob("python*/site-packages")
    # A folder named in a .pth is not searched for .pth files: those of the sources do not count.
    (own / "runtime.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_line_runs(bin_folder: Path, tmp_path: Path) -> None:
    assert _run([str(bin_folder / "labelmill"), "--version"], tmp_path).startswith("labelmill ")
    assert "deliver" in _run([str(bin_folder / "labelmill"), "--help"], tmp_path)


def test_generated_code_and_the_catalogue_are_in_it(bin_folder: Path, tmp_path: Path) -> None:
    code = (
        "import labelmill.delivery.v1.delivery_pb2 as d, services.template.catalogue as c;"
        "from pathlib import Path;"
        "print(d.__file__, c.__file__, *Path(c.__file__).parent.glob('*.yaml'), sep='\\n')"
    )
    lines = _run([str(bin_folder / "python"), "-c", code], tmp_path).splitlines()
    assert all(Path(line).is_relative_to(bin_folder.parent) for line in lines)
    catalogue = {path.name for path in (ROOT / "services/template/catalogue").glob("*.yaml")}
    assert {Path(line).name for line in lines[2:]} == catalogue


@pytest.fixture
def service(bin_folder: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The template service, which reads its whole catalogue as it starts."""
    env = {**_environment(), "DATA_DIR": str(tmp_path / "data")}
    env["GRPC_LISTEN"] = f"127.0.0.1:{free_ports(1)[0]}"
    command = [str(bin_folder / "python"), "-m", "services", "template"]
    output = subprocess.PIPE
    child = start_leashed(command, env=env, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT)
    yield child
    child.terminate()
    child.communicate()


def test_a_service_starts(service: subprocess.Popen[bytes]) -> None:
    assert service.stdout is not None
    lines = []
    for line in service.stdout:
        lines.append(line.decode())
        if lines[-1].startswith("ready: template"):
            return
    pytest.fail("the service ended before it was ready:\n" + "".join(lines))
