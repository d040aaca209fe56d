"""`python -m services [all | NAME ...]` starts services in this process.

Names as a machine reads them (`task-dispatch`) or as Python does (`task_dispatch`).
"""

from __future__ import annotations

import importlib
import os
import sys

import uvloop

from libs.common.config import Settings
from libs.common.host import Host, run
from libs.common.telemetry import set_up_logs, set_up_traces

SERVICES = (
    "gateway",
    "intake",
    "template",
    "task_dispatch",
    "prelabel_gateway",
    "review_router",
    "qc_scorer",
    "scheduler",
    "delivery",
    "trainer",
)


def chosen(arguments: list[str]) -> list[str]:
    """Service names of the command line; exits with the list of names on a wrong one."""
    names = [a.replace("-", "_") for a in arguments] or ["all"]
    if "all" in names:
        return list(SERVICES)
    wrong = [n for n in names if n not in SERVICES]
    if wrong:
        known = ", ".join(s.replace("_", "-") for s in SERVICES)
        sys.exit(f"no service is called {', '.join(wrong)}; there are: all, {known}")
    return names


def host_of(names: list[str], settings: Settings) -> Host:
    """The host of these services."""
    mains = {name: importlib.import_module(f"services.{name}.main") for name in names}
    return Host(settings, mains, SERVICES, os.environ)


def main() -> None:
    settings = Settings().resolved()
    names = chosen(sys.argv[1:])
    set_up_logs(settings.log_level)
    set_up_traces(settings.otel_exporter_otlp_endpoint, "+".join(names))
    try:
        uvloop.run(run(host_of(names, settings)))
    except RuntimeError as reason:
        sys.exit(f"labelmill: {reason}")


if __name__ == "__main__":
    main()
