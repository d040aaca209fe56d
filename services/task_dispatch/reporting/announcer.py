"""How changes of tasks reach others: events in the unit of work that makes the change, and the
ready window once it is committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from labelmill.task_dispatch.v1 import events_pb2, task_dispatch_pb2

from libs.common import names
from libs.common.codec import to_message
from libs.common.store import Unit
from services.task_dispatch import store
from services.task_dispatch.claims.ready_window import ReadyWindow
from services.task_dispatch.domain import State, Task
from services.task_dispatch.reporting.attention import Marks


class Announcer:
    """Emits what changed, keeps the ready window in step, and marks projects to be counted."""

    def __init__(self, window: ReadyWindow, marks: Marks) -> None:
        self._window, self._marks = window, marks

    def emit(
        self,
        unit: Unit,
        event: Any,
        tasks: Sequence[Task],
        *,
        data: bool = False,
        **fields: Any,
    ) -> None:
        """Emit one event of this class for each shard of the tasks; with the items' `data` only
        where asked."""
        for (project, shard), group in by_shard(tasks).items():
            messages = [to_message(task, task_dispatch_pb2.Task) for task in group]
            if not data:
                for message in messages:
                    message.ClearField("data")
            key = names.event_key(project, shard)
            unit.emit_all(key, event, "tasks", messages, project=project, **fields)

    def announce(self, unit: Unit, tasks: Sequence[Task]) -> None:
        """Emit which of the tasks are accepted and which wait for people now."""
        accepted = [t for t in tasks if t.state is State.ACCEPTED]
        opened = [t for t in tasks if t.state is State.OPEN]
        self.emit(unit, events_pb2.TasksAccepted, accepted, data=True)
        self.emit(unit, events_pb2.TasksOpened, opened)
        for project in {task.project for task in tasks}:
            self._marks.mark(unit, project)
        queues: dict[str, list[Task]] = defaultdict(list)
        for task in opened:
            queues[queue_of(task)].append(task)
        for queue, group in queues.items():
            unit.after_commit.append(partial(self._window.opened, queue, group))

    def ready_to_score(self, unit: Unit, tasks: Sequence[Task]) -> None:
        """Emit which of the tasks have all annotations that they wait for."""
        ready = [task for task in tasks if task.state is State.SCORING]
        self.emit(unit, events_pb2.AnnotationsSubmitted, ready)

    def withdraw(self, unit: Unit, tasks: Sequence[Task], reason: str) -> None:
        """Emit that these tasks' labels do not stand any more."""
        for (project, shard), group in by_shard(tasks).items():
            gone = [events_pb2.WithdrawnLabel(task=t.name, task_version=t.version) for t in group]
            message = events_pb2.LabelsWithdrawn(project=project, tasks=gone, reason=reason)
            unit.emit(names.event_key(project, shard), message)

    def settle_window(self, unit: Unit, before: Task, after: Task) -> None:
        """Offer the task as it is after the change, or no longer."""
        self._marks.mark(unit, after.project)
        if after.state is State.OPEN:
            unit.after_commit.append(lambda: self._window.opened(queue_of(after), [after]))
        else:
            self.forget(unit, before)

    def forget(self, unit: Unit, task: Task) -> None:
        """Offer the task to nobody any more."""
        unit.after_commit.append(lambda: self._window.taken(queue_of(task), task.name))


def by_shard(tasks: Sequence[Task]) -> dict[tuple[str, int], list[Task]]:
    """Return the tasks by (project, shard)."""
    groups: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.project, names.shard_of(task.name)].append(task)
    return groups


def queue_of(task: Task) -> str:
    """Return the name of the queue that the task waits in."""
    return store.queue_of(task.project, store.REVIEW if task.reviewing else store.ANNOTATE)
