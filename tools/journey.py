"""Prints docs/journey.md from the handler tables: who hears what, and which function takes it.

`python -m tools.journey > docs/journey.md`; a test keeps the page up to date.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from importlib.util import find_spec

from services.__main__ import SERVICES


def journey() -> str:
    """The page: every event, by topic, with its listeners."""
    heard: dict[tuple[str, str], list[str]] = defaultdict(list)
    for service in SERVICES:
        if find_spec(f"services.{service}.events") is None:
            continue
        handlers = importlib.import_module(f"services.{service}.events").HANDLERS
        for message, handler in handlers.items():
            key = (message.DESCRIPTOR.file.package, message.DESCRIPTOR.name)
            heard[key].append(f"{service.replace('_', '-')} (`{handler.__name__}`)")
    lines = ["# Every event's journey", "", "Printed from the handler tables.", ""]
    lines += ["| topic | event | heard by |", "|---|---|---|"]
    for (topic, event), listeners in sorted(heard.items()):
        lines.append(f"| `{topic}` | `{event}` | {', '.join(listeners)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(journey(), end="")
