"""`python -m deploy.parts install|path|up`: the parts from the command line."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from deploy.parts.cache import PartUnavailable, install
from deploy.parts.catalogue import PARTS
from deploy.parts.kafka_broker import KafkaBroker
from deploy.parts.mongo import Mongod
from deploy.parts.server import Server, StartFailed
from deploy.parts.triton import Triton

ADDRESSES = {"mongo": "STORE_URL", "kafka": "BUS_URL", "triton": "INFERENCE_URL"}


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 1 with the reason on stderr."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    try:
        return int(options.run(options))
    except (PartUnavailable, StartFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.parts", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    installs = commands.add_parser("install", help="install parts (all: every one)")
    installs.add_argument("parts", nargs="+", choices=[*PARTS, "all"])
    installs.set_defaults(run=_install)
    path = commands.add_parser("path", help="install one part if need be, print its path")
    path.add_argument("part", choices=list(PARTS))
    path.set_defaults(run=_path)
    up = commands.add_parser("up", help="run servers until Ctrl-C, print their addresses")
    up.add_argument("servers", nargs="+", choices=list(ADDRESSES))
    up.add_argument("--models", type=Path, help="Triton's model repository")
    up.add_argument("--load", action="append", default=[], help="a model to load (default all)")
    up.add_argument("--data", type=Path, help="keep data here (default: removed at the end)")
    up.set_defaults(run=_up)
    return parser


def _install(options: argparse.Namespace) -> int:
    """Every part is tried, so that one run tells all that is missing."""
    failed = 0
    for name in PARTS if "all" in options.parts else dict.fromkeys(options.parts):
        try:
            program = install(PARTS[name])
        except PartUnavailable as error:
            print(f"error: {error}", file=sys.stderr)
            failed = 1
        else:
            print(f"{name} {PARTS[name].version}: {program}", flush=True)
    return failed


def _path(options: argparse.Namespace) -> int:
    print(install(PARTS[options.part]))
    return 0


def _up(options: argparse.Namespace) -> int:
    if "triton" in options.servers and not options.models:
        print("error: triton needs --models, a model repository", file=sys.stderr)
        return 2
    with ExitStack() as running:
        servers = [running.enter_context(_server(n, options)) for n in options.servers]
        for name, server in zip(options.servers, servers, strict=True):
            print(f"export {ADDRESSES[name]}='{server.url}'", flush=True)
        while all(server.pid for server in servers):
            time.sleep(0.5)
        gone = next(server for server in servers if not server.pid)
        raise gone.failure("ended by itself")


def _server(name: str, options: argparse.Namespace) -> Server:
    data = options.data.absolute() / name if options.data else None
    if name == "triton":
        return Triton(options.models, options.load, data)
    return Mongod(data) if name == "mongo" else KafkaBroker(data)


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
