"""`python -m services [all | NAME ...]` starts services in this process.

Names as a machine reads them (`task-dispatch`) or as Python does (`task_dispatch`). Settings come
from the environment: docs/settings.md lists them.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from libs.common.config import Settings
    from libs.common.host import Host

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
    from libs.common.host import Host

    mains = {name: importlib.import_module(f"services.{name}.main") for name in names}
    return Host(settings, mains, SERVICES, os.environ)


# Seconds after which work in another thread gives way to the event loop; Python's own 5 ms are
# felt by everybody who works while somebody publishes a large template.
_GIVE_WAY_SECONDS = 0.0005
# Objects made since the last look for garbage that hangs together in a ring: a batch of events
# makes thousands that live until it is stored, and Python's own 700 looks at each many times.
_YOUNG_OBJECTS = 10_000


def parsed() -> list[str]:
    """Names of the command line; --help and --version are answered here."""
    known = ", ".join(s.replace("_", "-") for s in SERVICES)
    parser = argparse.ArgumentParser(
        prog="python -m services",
        description="Start services in this process; without a name all of them.",
        epilog=f"Services: {known}. Settings come from the environment; docs/settings.md has them.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a service, or all")
    parser.add_argument("--version", action="version", version=_version())
    names: list[str] = parser.parse_args().names
    return chosen(names)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"labelmill {version('labelmill')}"
    except PackageNotFoundError:
        return "labelmill, from its sources"


def checked(names: list[str]) -> Settings:
    """The settings, where these services can be started with them; `Unstartable` otherwise."""
    from libs.common import preflight
    from libs.common.config import Settings

    settings = preflight.settings_of(Settings)
    assert isinstance(settings, Settings)
    if "gateway" in names:
        preflight.settings_of(importlib.import_module("services.gateway.config").GatewaySettings)
    preflight.check(settings, names, SERVICES, os.environ)
    for sentence in preflight.away(settings):
        sys.stderr.write(f"labelmill: {sentence}\n")
    return settings.resolved()


def main() -> None:
    """The entry point: what is wrong is one sentence with the setting's name, at once."""
    names = parsed()
    from libs.common.preflight import Unstartable

    try:
        settings = checked(names)
        _serve(names, settings)
    except (Unstartable, RuntimeError) as reason:
        sys.exit(f"labelmill: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)  # Ctrl-C while it was loading
    except OSError as error:
        sys.exit(f"labelmill: {error.filename or 'start'}: {error.strerror or error}")


def _serve(names: list[str], settings: Settings) -> None:
    # Imported now that nothing is wrong: that takes seconds.
    import uvloop

    from libs.common.host import run
    from libs.common.telemetry import set_up_logs, set_up_traces

    sys.setswitchinterval(_GIVE_WAY_SECONDS)
    set_up_logs(settings.log_level)
    set_up_traces(settings.otel_exporter_otlp_endpoint, "+".join(names))

    async def serve() -> None:
        if not await run(host_of(names, settings), lambda: _ready(names, settings)):
            # Nothing was begun that must be finished, and threads that ask a store or a bus that
            # is away would hold the process until they give up.
            logging.shutdown()
            os._exit(0)

    uvloop.run(serve())


def _ready(names: list[str], settings: Settings) -> None:
    spare_what_stays()
    _tell_ready(names, settings)


def spare_what_stays() -> None:
    """Take what was loaded out of the search for garbage: some 200,000 objects that stay for as
    long as the process, for which each full search takes 0.1 to 0.2 s."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _tell_ready(names: list[str], settings: Settings) -> None:
    data = settings.data_dir
    if "gateway" in names:
        where = f"http://{settings.http_listen}"
        key = f"{data}/keys/operator"
        words = f"ready at {where}, data in {data}, operator key in {key}; Ctrl-C stops it"
    else:
        words = f"ready: {', '.join(name.replace('_', '-') for name in names)}"
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
