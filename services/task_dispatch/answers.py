"""What people answer must be a label of the project's template."""

from __future__ import annotations

import json

from libs.common import values
from libs.common.codec import Doc
from libs.common.errors import Invalid
from libs.common.store import Unit
from services.task_dispatch import store
from services.task_dispatch.domain import Project, Task


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
        text = _text_of(task, project) if "spans" in value else None
        try:
            values.check(value, project.label_schema or {}, "value", text)
        except values.Misfit as misfit:
            raise Invalid(misfit.message, field=misfit.field) from misfit


def _text_of(task: Task, project: Project) -> str | None:
    found = json.loads(task.data).get(project.text_field)
    return found if isinstance(found, str) else None
