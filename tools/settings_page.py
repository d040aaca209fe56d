"""`python -m tools.settings_page` writes docs/settings.md from the settings in the code."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings

from libs.common.config import Settings
from libs.common.preflight import variable
from services.gateway.config import GatewaySettings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = """# Settings

Made from the code by `python -m tools.settings_page`. Every setting is a variable of the
environment and has a default that a laptop can use. A value that cannot be is told at the start
in one sentence, by the setting's name.
"""
_REST = """
## Addresses of services

`RPC_<SERVICE>` (`RPC_TASK_DISPATCH`, ...): gRPC address of a service; `local:` where it is in this
process, else its port of the laptop from 50051.

## Command line, models and tests

| variable | default | meaning |
|---|---|---|
| `LABELMILL_URL` | `http://127.0.0.1:8080` | the platform that `labelmill` speaks to |
| `LABELMILL_KEY` | what `labelmill login` kept | your API key |
| `LABELMILL_DEBUG` | | `labelmill` shows where something broke |
| `LABELMILL_DATA` | `.cache/data` | where data sets of demo and benchmarks are kept |
"""


def page() -> str:
    """The page, from the classes of settings."""
    parts = [_HEAD, _table("Every service", Settings), _table("The gateway", GatewaySettings)]
    return "\n".join(parts) + _REST


def _table(title: str, cls: type[BaseSettings]) -> str:
    rows = [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
    for name, field in cls.model_fields.items():
        default = "" if field.default == "" else f"`{field.default}`"
        rows.append(f"| `{variable(cls, name)}` | {default} | {field.description} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
