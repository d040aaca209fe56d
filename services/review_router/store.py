"""What the router remembers: policies, gates, phases, and its secret for chance."""

from __future__ import annotations

import secrets

from libs.common.store import Collection, Doc, Reader, Unit

PROJECTS = Collection("projects")
GATES = Collection("gates")
PHASES = Collection("phases")
SECRETS = Collection("secrets")
# Groups that pass a gate's lot whole.
PASSING = Collection("passing")
COLLECTIONS = (PROJECTS, GATES, PHASES, SECRETS, PASSING)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "planted_share": "injected_error_share",
    "adaptive_opinions": "adaptive_annotations",
    "class_floors": "class_error_limits",
    "tie": "tie_breaker",
    "look_count": "analysis_count",
}


def passing_name(gate: str, group: str) -> str:
    return f"{gate}/groups/{group}"


async def coin_secret(unit: Unit) -> str:
    """The secret that makes chance repeatable for us and unpredictable for others."""
    doc = await unit.get(SECRETS, "coins")
    if doc is None:
        doc = {"name": "coins", "value": secrets.token_hex(32)}
        unit.insert(SECRETS, [doc])
    return str(doc["value"])


async def facts_of_project(reader: Reader | Unit, project: str) -> tuple[Doc | None, Doc | None]:
    """(project, phase) documents."""
    return await reader.get(PROJECTS, project), await reader.get(PHASES, project)
