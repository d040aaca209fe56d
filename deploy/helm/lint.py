"""`python -m deploy.helm.lint [--helm PATH]` checks the chart with helm itself.

The default values and each file of `labelmill/ci` must lint and render to manifests that the
API schemas of Kubernetes accept, unknown fields refused; each file of `labelmill/ci/rejected`
must be refused for the reason that its first line expects.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from deploy.parts.cache import PartUnavailable, install
from deploy.parts.tools import HELM

CHART = Path(__file__).parent / "labelmill"
# The oldest that Chart.yaml admits, the one this helm renders for, the newest with schemas.
KUBERNETES = ("1.30", "1.36", "1.37")
RELEASE, NAMESPACE = "release", "ns"
# Custom resources: their schemas live with their operators, not with Kubernetes.
FOREIGN = ("keda.sh/", "monitoring.coreos.com/")
_EXPECT = "# expect: "


class Refused(Exception):
    """Helm's own message."""


def helm(binary: str, *arguments: str) -> str:
    """What helm printed; `Refused` with its complaint where it failed."""
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def render(binary: str, values: Sequence[Path] = (), release: str = RELEASE) -> list[Any]:
    """The manifests of a release, as the cluster would be sent them."""
    files = [part for path in values for part in ("--values", str(path))]
    text = helm(binary, "template", release, str(CHART), "--namespace", NAMESPACE, *files)
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def faults(manifests: Sequence[Any]) -> list[str]:
    """What an API server of `KUBERNETES` would refuse: version, kind/name, path and reason."""
    known = [m for m in manifests if not m["apiVersion"].startswith(FOREIGN)]
    found = [fault(m, version) for version in KUBERNETES for m in known]
    return [line for line in found if line]


def fault(manifest: Any, version: str) -> str:
    """Why one version of Kubernetes would refuse the manifest; empty where it would not."""
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        at = ".".join(str(part) for part in error.path)
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        return f"Kubernetes {version}: {name} {at}: {error.message}"
    return ""


def accepted(binary: str, values: Sequence[Path]) -> str:
    """Lints, renders and checks; the line to print. `Refused` where something is wrong."""
    files = [part for path in values for part in ("--values", str(path))]
    helm(binary, "lint", "--strict", str(CHART), *files)
    manifests = render(binary, values)
    wrong = faults(manifests)
    if wrong:
        raise Refused("\n".join(wrong))
    foreign = sum(m["apiVersion"].startswith(FOREIGN) for m in manifests)
    checked = f"{len(manifests) - foreign} manifests are valid Kubernetes {', '.join(KUBERNETES)}"
    return checked + (f", {foreign} custom resources only rendered" if foreign else "")


def refusal(binary: str, values: Path) -> str:
    """The reason helm gave for wrong values, as expected; `Refused` where it did not."""
    expected = values.read_text().splitlines()[0].removeprefix(_EXPECT)
    try:
        render(binary, [values])
    except Refused as refused:
        if expected in str(refused):
            return f"refused: {expected}"
        raise Refused(f"expected {expected!r}, helm said: {refused}") from refused
    raise Refused("wrong values were accepted")


def checks(binary: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Name and check of every values file; the defaults first."""
    yield "default values", partial(accepted, binary, [])
    for path in sorted((CHART / "ci").glob("*.yaml")):
        yield path.name, partial(accepted, binary, [path])
    for path in sorted((CHART / "ci" / "rejected").glob("*.yaml")):
        yield f"rejected/{path.name}", partial(refusal, binary, path)


def program(wanted: str | None) -> str:
    """The path of helm: what was asked for, else the part that is pinned for this project."""
    if wanted is None:
        try:
            return str(install(HELM))
        except PartUnavailable as error:
            sys.exit(str(error))
    found = shutil.which(wanted)
    if found is None:
        sys.exit(f"{wanted} is no program: give helm's with --helm or HELM")
    return found


def main() -> int:
    """Prints a line for each check; 1 where one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--helm", default=os.environ.get("HELM"), help="default: the pinned part")
    binary = program(parser.parse_args().helm)
    failed = 0
    for name, check in checks(binary):
        try:
            print(f"ok    {name}: {check()}")
        except Refused as refused:
            failed += 1
            print(f"FAIL  {name}: {refused}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
