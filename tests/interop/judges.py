"""Reference readers, each in an environment of its own, spoken to in JSON.

`python -m tests.interop.judges NAME ...` makes environments before they are asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_SECONDS = 600


class Failed(Exception):
    """The judge could not be made or could not read what it was given."""


def run(judge: str, reader: str, question: dict[str, Any]) -> Any:
    """What `readers/{reader}.py` answers in the judge's environment; raises `Failed`."""
    script = HERE / "readers" / f"{reader}.py"
    command = [str(_python(judge)), str(script)]
    done = _call(command, json.dumps(question, default=str), f"{judge}: {reader}")
    return json.loads(done.splitlines()[-1])


def _python(judge: str) -> Path:
    """The judge's interpreter; its environment is made again when the pins have changed."""
    wanted = tomllib.loads((HERE / "judges.toml").read_text())[judge]
    folder = ROOT / ".parts" / "judges" / judge
    stamp, python = folder / "pins.json", folder / "bin" / "python"
    pins = json.dumps(wanted)
    if python.exists() and stamp.exists() and stamp.read_text() == pins:
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    _call([uv, "venv", "-q", "--clear", "-p", wanted["python"], str(folder)], "", judge)
    install = [uv, "pip", "install", "-q", "-p", str(python), *wanted["packages"]]
    _call(install, "", judge)
    stamp.write_text(pins)
    return python


def _call(command: list[str], text: str, what: str) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise Failed(f"{what}: {done.stderr.strip()[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    for judge in sys.argv[1:]:
        print(f"judge {judge}: {_python(judge)}")
