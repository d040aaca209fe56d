"""Which tests stay together in one process of a run."""

from __future__ import annotations

PLATFORMS = ("real", "embedded")


def group_of(nodeid: str) -> str:
    """The platform that a system test runs on, by its parameters; else its module."""
    module, _, name = nodeid.partition("::")
    parameters = name.partition("[")[2].rstrip("]").split("-")
    platform = next((one for one in PLATFORMS if one in parameters), "")
    return platform if platform and "/system/" in module else module
