"""What people answer must be a label of the project's template."""

from __future__ import annotations

import json

from libs import label_validation
from libs.common.codec import Doc
from libs.common.errors import Invalid
from libs.common.store import Unit
from services.task_dispatch import store
from services.task_dispatch.domain import Project, Task

# Shapes of values that speak of the item's prompt, text or candidates.
_OF_ITEM = label_validation.PROMPTED | {"spans", "ranking", "preference", "ratings"}


class ValueCheck:
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
        data = json.loads(task.data) if value.keys() & _OF_ITEM else {}
        text, candidates = _facts(data, project)
        types = {one["name"]: one["type"] for one in project.data_fields}
        schema = project.label_schema or {}
        try:
            label_validation.check(value, schema, "value", text, candidates)
            label_validation.check_prompted(value, schema, "value", data, types)
            label_validation.check_extent(value, "value", _extent(task, project, value))
        except label_validation.Misfit as misfit:
            raise Invalid(misfit.message, field=misfit.field) from misfit


def _extent(task: Task, project: Project, value: Doc) -> label_validation.Extent:
    """How far the item goes: as intake found, and by its lists where the value speaks of such."""
    known = label_validation.Extent(**task.extent) if task.extent else label_validation.NOWHERE
    types = {one["name"]: one["type"] for one in project.data_fields}
    if not label_validation.LISTED & value.keys() or not label_validation.LISTS & set(
        types.values()
    ):
        return known
    return label_validation.with_lists(known, json.loads(task.data), types)


def _facts(data: Doc, project: Project) -> tuple[str | None, list[str] | None]:
    """The item's text and the ids of its candidates, as far as it has them."""
    text, offered = data.get(project.text_field), data.get(project.candidates_field)
    ids = [c.get("id", "") for c in offered] if isinstance(offered, list) else None
    return text if isinstance(text, str) else None, ids
