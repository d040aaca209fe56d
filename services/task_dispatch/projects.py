"""The projects that this service knows, by name."""

from __future__ import annotations

from libs.common.errors import NotFound, OutOfTurn
from libs.common.retry import eventually
from libs.common.store import Store, Unit
from services.task_dispatch import store
from services.task_dispatch.domain import Project


class Projects:
    """Finds a project for a caller who names it, or for an event that does."""

    def __init__(self, store_: Store) -> None:
        self._store = store_

    async def known(self, name: str) -> Project:
        """Return the project that a caller names; raise `NotFound` where there is none. One that
        was just made may still be on its way here: it is waited for a moment."""
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="parent")
        return project

    async def expected(self, unit: Unit, name: str) -> Project:
        """Return the project that an event names; raise `OutOfTurn` where the event came before
        the project did: it is delivered again."""
        project = await store.project_by_name(unit, name)
        if project is None:
            raise OutOfTurn(f"{name} is not known here yet")
        return project
