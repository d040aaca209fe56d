"""The RPCs of `labelmill.task_dispatch.v1.Tasks`."""

from __future__ import annotations

from typing import Any

from labelmill.task_dispatch.v1 import task_dispatch_pb2 as pb
from labelmill.task_dispatch.v1.task_dispatch_pb2_grpc import TasksServicer

from libs.common.access import act_as, caller
from libs.common.codec import doc_to_message, message_to_doc, to_message
from services.task_dispatch import domain
from services.task_dispatch.domain import Assignment, Project, Stage, State, Task
from services.task_dispatch.efforts import costs
from services.task_dispatch.service import TaskDispatch


class TasksRpc(TasksServicer):
    """Request -> service -> reply."""

    def __init__(self, service: TaskDispatch) -> None:
        self._service = service

    async def GetTask(self, request: Any, context: Any) -> pb.Task:  # noqa: N802
        return to_message(await self._service.task(request.name), pb.Task)

    async def ListTasks(self, request: Any, context: Any) -> pb.ListTasksResponse:  # noqa: N802
        size = request.page_size or 100
        tasks = await self._service.tasks(
            request.parent, _state(request.state), size, request.page_token
        )
        return pb.ListTasksResponse(
            tasks=[to_message(task, pb.Task) for task in tasks],
            next_page_token=tasks[-1].name if len(tasks) == size else "",
        )

    async def GetProgress(self, request: Any, context: Any) -> pb.Progress:  # noqa: N802
        return _progress(*await self._service.progress(request.name))

    async def ClaimTasks(self, request: Any, context: Any) -> pb.ClaimTasksResponse:  # noqa: N802
        act_as(request.annotator, caller())
        leased = await self._service.claim(
            request.parent,
            request.annotator,
            _stage(request.stage),
            request.max_tasks,
            tuple(request.skills),
            request.request_id,
        )
        return pb.ClaimTasksResponse(assignments=[_assignment(a, t) for a, t in leased])

    async def ListAssignments(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        held = await self._service.assignments(request.parent, request.annotator)
        return pb.ListAssignmentsResponse(assignments=[_assignment(a, t) for a, t in held])

    async def SaveDraft(self, request: Any, context: Any) -> pb.Assignment:  # noqa: N802
        act_as(request.annotator, caller())
        held, task = await self._service.save_draft(
            request.name, request.annotator, request.fencing_token, message_to_doc(request.value)
        )
        return _assignment(held, task)

    async def SubmitAnnotation(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        kept = await self._service.submit(
            request.name,
            request.annotator,
            request.fencing_token,
            message_to_doc(request.value),
            request.work_seconds,
        )
        return doc_to_message({"annotation": kept}, pb.SubmitAnnotationResponse)

    async def SubmitReview(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.reviewer, caller())
        said = message_to_doc(request)
        verdict: dict[str, Any] = {
            k: said[k] for k in ("verdict", "value", "comment", "work_seconds") if k in said
        }
        kept = await self._service.review(
            request.name, request.reviewer, request.fencing_token, verdict
        )
        return doc_to_message({"review": kept}, pb.SubmitReviewResponse)

    async def SkipTask(self, request: Any, context: Any) -> pb.SkipTaskResponse:  # noqa: N802
        act_as(request.annotator, caller())
        await self._service.give_back(
            request.name, request.annotator, request.fencing_token, request.reason
        )
        return pb.SkipTaskResponse()

    async def ReleaseAssignment(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        await self._service.give_back(request.name, request.annotator, request.fencing_token)
        return pb.ReleaseAssignmentResponse()

    async def CancelTask(self, request: Any, context: Any) -> pb.Task:  # noqa: N802
        return to_message(await self._service.cancel(request.name, request.reason), pb.Task)


def _stage(number: int) -> Stage | None:
    return Stage(pb.Stage.Name(number).removeprefix("STAGE_")) if number else None


def _state(number: int) -> State | None:
    return State(pb.State.Name(number).removeprefix("STATE_")) if number else None


def _assignment(held: Assignment, task: Task) -> pb.Assignment:
    message = to_message(held, pb.Assignment)
    message.data, message.template, message.comment = task.data, task.template, task.comment
    message.part, message.entry = task.part, task.entry
    if task.stage is Stage.AUDIT:
        # To the person an audit looks like any other task.
        message.stage = pb.STAGE_ANNOTATION
    shown = domain.shown_prediction(task)
    extra: dict[str, Any] = {"opinions": list(domain.shown_opinions(task))}
    extra |= {"prediction": shown} if shown is not None else {}
    extra |= {"inputs": task.inputs} if task.inputs is not None else {}
    message.MergeFrom(doc_to_message(extra, pb.Assignment))
    return message


def _progress(project: Project, totals: dict[str, float]) -> pb.Progress:
    counts = {k[7:]: int(v) for k, v in totals.items() if k.startswith("counts.") and v}
    sources = {k[8:]: int(v) for k, v in totals.items() if k.startswith("sources.") and v}
    ended = {s: sum(v for k, v in counts.items() if k.endswith(f".{s}")) for s in State}
    progress = pb.Progress(
        project=project.name,
        task_count=int(totals.get("tasks", 0)),
        counts=counts,
        sources=sources,
        accepted_count=ended[State.ACCEPTED],
        delivered_count=ended[State.DELIVERED],
        annotation_count=int(totals.get("annotations", 0)),
        review_count=int(totals.get("reviews", 0)),
        work_seconds=totals.get("work_seconds", 0.0),
        gold_count=int(totals.get("gold", 0)),
    )
    progress.MergeFrom(doc_to_message(costs(project, totals), pb.Progress))
    return progress
