"""The RPCs of `labelmill.task_dispatch.v1.Tasks`."""

from __future__ import annotations

from typing import Any

from labelmill.task_dispatch.v1 import task_dispatch_pb2 as pb
from labelmill.task_dispatch.v1.task_dispatch_pb2_grpc import TasksServicer

from libs.common.access import act_as, caller, is_member, leads, reviews
from libs.common.codec import doc_to_message, message_to_doc, to_message
from libs.common.errors import Denied, NotFound
from libs.common.paging import following, page
from services.task_dispatch import domain
from services.task_dispatch.claims.service import Claims
from services.task_dispatch.domain import Assignment, Project, Stage, State, Task
from services.task_dispatch.reporting.work_accounting import costs
from services.task_dispatch.service import Tasks, Work


class TasksRpc(TasksServicer):
    """Request -> service -> reply."""

    def __init__(self, claims: Claims, work: Work, tasks: Tasks) -> None:
        self._claims, self._work, self._tasks = claims, work, tasks

    async def GetTask(self, request: Any, context: Any) -> pb.Task:  # noqa: N802
        return to_message(await self._tasks.get(request.name), pb.Task)

    async def ListTasks(self, request: Any, context: Any) -> pb.ListTasksResponse:  # noqa: N802
        size, after = page(request, "tasks")
        tasks = await self._tasks.list(request.parent, _state(request.state), size, after)
        return pb.ListTasksResponse(
            tasks=[to_message(task, pb.Task) for task in tasks],
            next_page_token=following(tasks, size),
        )

    async def GetProgress(self, request: Any, context: Any) -> pb.Progress:  # noqa: N802
        who, (project, totals) = caller(), await self._tasks.progress(request.name)
        if not is_member(who, *project.members):
            raise NotFound(f"{request.name[:200]} was not found", field="name")
        found = _progress(project, totals)
        return found if leads(who) else _of_workers(found)

    async def ClaimTasks(self, request: Any, context: Any) -> pb.ClaimTasksResponse:  # noqa: N802
        who, stage = caller(), _stage(request.stage)
        act_as(request.annotator, who)
        if stage in domain.REVIEW_STAGES:
            reviews(who)
        leased = await self._claims.claim(
            request.parent,
            request.annotator,
            stage,
            request.max_tasks,
            who.skills,
            request.request_id,
            lambda project: is_member(who, *project.members),
        )
        return pb.ClaimTasksResponse(assignments=[_assignment(a, t) for a, t in leased])

    async def ListAssignments(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        held = await self._claims.assignments(request.parent, request.annotator)
        mine = [_assignment(a, t) for a, t in held if _may_see(a)]
        return pb.ListAssignmentsResponse(assignments=mine)

    async def ListFeedback(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        size = request.page_size or 100
        docs = await self._work.feedback(
            request.parent, request.annotator, size, request.page_token
        )
        token = docs[-1]["name"] if len(docs) == size else ""
        reply = {"feedback": docs, "next_page_token": token}
        return doc_to_message(reply, pb.ListFeedbackResponse)

    async def SaveDraft(self, request: Any, context: Any) -> pb.Assignment:  # noqa: N802
        act_as(request.annotator, caller())
        held, task = await self._work.save_draft(
            request.name, request.annotator, request.fencing_token, message_to_doc(request.value)
        )
        return _assignment(held, task)

    async def SubmitAnnotation(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        kept = await self._work.submit(
            request.name,
            request.annotator,
            request.fencing_token,
            message_to_doc(request.value),
            request.work_seconds,
            caller().delegate,
        )
        return doc_to_message({"annotation": kept}, pb.SubmitAnnotationResponse)

    async def SubmitReview(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.reviewer, caller())
        said = message_to_doc(request)
        verdict: dict[str, Any] = {
            k: said[k] for k in ("verdict", "value", "comment", "work_seconds") if k in said
        }
        if delegate := caller().delegate:
            verdict["delegate"] = delegate
        kept = await self._work.review(
            request.name, request.reviewer, request.fencing_token, verdict
        )
        return doc_to_message({"review": kept}, pb.SubmitReviewResponse)

    async def SkipTask(self, request: Any, context: Any) -> pb.SkipTaskResponse:  # noqa: N802
        act_as(request.annotator, caller())
        await self._work.give_back(
            request.name, request.annotator, request.fencing_token, request.reason
        )
        return pb.SkipTaskResponse()

    async def ReleaseAssignment(self, request: Any, context: Any) -> Any:  # noqa: N802
        act_as(request.annotator, caller())
        await self._work.give_back(request.name, request.annotator, request.fencing_token)
        return pb.ReleaseAssignmentResponse()

    async def CancelTask(self, request: Any, context: Any) -> pb.Task:  # noqa: N802
        return to_message(await self._tasks.cancel(request.name, request.reason), pb.Task)


def _stage(number: int) -> Stage | None:
    return Stage(pb.Stage.Name(number).removeprefix("STAGE_")) if number else None


def _state(number: int) -> State | None:
    return State(pb.State.Name(number).removeprefix("STATE_")) if number else None


def _may_see(held: Assignment) -> bool:
    """Is it one of annotating, or of reviewing by somebody who (still) reviews?"""
    try:
        if held.stage in domain.REVIEW_STAGES:
            reviews(caller())
    except Denied:
        return False
    return True


def _assignment(held: Assignment, task: Task) -> pb.Assignment:
    message = to_message(held, pb.Assignment)
    message.data, message.template, message.comment = task.data, task.template, task.comment
    message.part, message.element = task.part, task.element
    if held.stage is Stage.AUDIT:
        # To the person an audit looks like any other task.
        message.stage = pb.STAGE_ANNOTATION
    shown = domain.shown_prediction(task)
    message.assisted = domain.assisted(task)
    # Who was given it to annotate sees no opinions, though it has gone to reviewers meanwhile.
    judges = held.stage in domain.REVIEW_STAGES
    extra: dict[str, Any] = {"annotations": list(domain.shown_opinions(task)) if judges else []}
    extra |= {"prediction": shown} if shown is not None else {}
    extra |= {"inputs": task.inputs} if task.inputs is not None else {}
    message.MergeFrom(doc_to_message(extra, pb.Assignment))
    return message


def _of_workers(progress: pb.Progress) -> pb.Progress:
    """Return what people who also annotate may see: nothing that moves when a known answer or an
    audit is claimed or answered."""
    counts: dict[str, int] = {}
    for key, count in progress.counts.items():
        merged = key.replace(f"{Stage.AUDIT}.", f"{Stage.ANNOTATION}.")
        counts[merged] = counts.get(merged, 0) + count
    return pb.Progress(
        project=progress.project,
        task_count=progress.task_count,
        counts=counts,
        accepted_count=progress.accepted_count,
        delivered_count=progress.delivered_count,
        annotation_count=progress.annotation_count,
        review_count=progress.review_count,
        work_seconds=progress.work_seconds,
    )


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
