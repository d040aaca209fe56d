"""What people answer must be a label of the project's template."""

from __future__ import annotations

import json

from libs.common import values
from libs.common.codec import Doc
from libs.common.errors import Invalid
from libs.common.store import Unit
from services.task_dispatch import store
from services.task_dispatch.domain import Project, Task

# Shapes of values that speak of the item's text or candidates.
_OF_ITEM = frozenset({"spans", "ranking", "preference", "ratings"})


class Answers:
    """Checks answers; projects are read once, as their template version never changes."""

    def __init__(self) -> None:
        self._projects: dict[str, Project] = {}

    async def check(self, unit: Unit, task: Task, value: Doc) -> None:
        """Raises `Invalid` with the part of the value that does not fit."""
        project = self._projects.get(task.project)
        if project is None:
            project = await store.project_by_name(unit, task.project)
            if project is None or not (project.label_schema or {}).get("shape"):
                # Told before templates came along with projects.
                return
            self._projects[task.project] = project
        text, candidates = _facts(task, project) if value.keys() & _OF_ITEM else (None, None)
        try:
            values.check(value, project.label_schema or {}, "value", text, candidates)
            values.check_extent(value, "value", _extent(task, project, value))
        except values.Misfit as misfit:
            raise Invalid(misfit.message, field=misfit.field) from misfit


def _extent(task: Task, project: Project, value: Doc) -> values.Extent:
    """How far the item goes: as intake found, and by its lists where the value speaks of such."""
    known = values.Extent(**task.extent) if task.extent else values.NOWHERE
    types = {one["name"]: one["type"] for one in project.data_fields}
    if not values.LISTED & value.keys() or not values.LISTS & set(types.values()):
        return known
    return values.with_lists(known, json.loads(task.data), types)


def _facts(task: Task, project: Project) -> tuple[str | None, list[str] | None]:
    """The item's text and the ids of its candidates, as far as it has them."""
    data = json.loads(task.data)
    text, offered = data.get(project.text_field), data.get(project.candidates_field)
    ids = [c.get("id", "") for c in offered] if isinstance(offered, list) else None
    return text if isinstance(text, str) else None, ids
