"""Moves of items that are worked in parts: the task of the whole waits (DIVIDED) while each piece
is a task of its part's own project (ADR 14).

`plan` is pure and total: whatever of the pieces was settled, reopened or changed, it says what
there must be now. Applied twice, the second time changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zlib import crc32

from services.task_dispatch.composite.merge import Clash, join
from services.task_dispatch.composite.split import Key, Piece, Pieces, pieces
from services.task_dispatch.domain import Doc, Project, Stage, State, Task
from services.task_dispatch.lifecycle import relabel, second_look
from services.task_dispatch.lifecycle.states import Event, advance, begin, set_state, touch
from services.task_dispatch.lifecycle.transitions import return_to_work

# Clashes that the pieces' own reviewers do not solve in so many rounds go to one of the whole.
ROUNDS = 2
# A whole was seen by people as little as the least seen of its pieces.
_SEEN = ("MACHINE", "CONFIRMED", "HUMAN", "REVIEWED")
# Pieces that the lineage of a whole names.
_NAMED = 100
_SETTLED = (State.ACCEPTED, State.DELIVERED)
_AT_REST = (State.DIVIDED, *_SETTLED)
# A routing is under way for tasks in other states, and holds for their version only.
_OPEN = (State.OPEN, State.ASSIGNED)
_ID = re.compile(r"[A-Za-z0-9._~@-]{1,40}")


@dataclass
class Plan:
    """What becomes of one item: tasks as they were and as they are to be."""

    fresh: list[Task] = field(default_factory=list)
    changed: list[tuple[Task, Task]] = field(default_factory=list)
    # Of those changed: back in work, so that their labels do not stand any more.
    reopened: list[Task] = field(default_factory=list)
    cancelled: list[Task] = field(default_factory=list)
    # The whole as it was with a label that does not stand any more.
    withdrawn: bool = False
    parent_task: Task | None = None


def divide(task: Task) -> Task:
    """A new task of an item that is worked in parts."""
    return set_state(task, Event.SPLIT, State.DIVIDED, prediction=None)


def stays(whole: Task, now: datetime) -> Task:
    """The task of an item of which nothing follows yet, written all the same: two pieces that are
    settled at once meet there."""
    return touch(whole, now)


def plan(whole: Task, project: Project, data: Doc, tasks: Sequence[Task], now: datetime) -> Plan:
    """What there must be now of an item; `tasks` are its pieces' as they are."""
    made = Plan()
    if whole.state not in _AT_REST:
        return made
    known = {(task.part, task.element): task for task in tasks}
    there, settled = _stable(project, data, known)
    for piece in there.wanted:
        _set_to_work(made, whole, piece, known.get(piece.key), piece.key in settled, now)
    keys = {piece.key for piece in there.wanted}
    for key, task in known.items():
        # Where a part cannot be told yet, its pieces wait.
        if key not in keys and key[0] in there.told and task.state is not State.CANCELLED:
            _cancel(made, task, now)
    values = {piece.key: settled[piece.key] for piece in there.wanted if piece.key in settled}
    names = tuple(sorted({*whole.subtasks, *(task.name for task in made.fresh)}))
    if there.complete:
        _finish(made, replace(whole, subtasks=names), project, values, known, now)
    elif whole.state in _SETTLED:
        back = advance(
            relabel.set_aside(whole), Event.SPLIT_AGAIN, State.DIVIDED, now, subtasks=names
        )
        made.parent_task, made.withdrawn = back, True
    else:
        made.parent_task = touch(whole, now, subtasks=names)
    return made


def _stable(
    project: Project, data: Doc, known: Mapping[Key, Task]
) -> tuple[Pieces, dict[Key, Doc]]:
    """(what there must be, values of those that stand). What was settled on other labels than
    those of now does not stand."""
    settled = {key: _value(task) for key, task in known.items() if task.state in _SETTLED}
    while True:
        there = pieces(project.parts, project.data_fields, data, settled)
        stale = {
            piece.key
            for piece in there.wanted
            if piece.key in settled and (known[piece.key].inputs or {}) != piece.inputs
        }
        if not stale:
            return there, settled
        settled = {key: value for key, value in settled.items() if key not in stale}


def _value(task: Task) -> Doc:
    return dict((task.label or {}).get("value", {}))


def _set_to_work(
    made: Plan, whole: Task, piece: Piece, task: Task | None, stands: bool, now: datetime
) -> None:
    if task is None:
        made.fresh.append(_new(whole, piece, now))
    elif stands:
        return
    elif task.state in _SETTLED:
        _reopen(made, task, "what it stands on has changed; look again", now, piece)
    elif task.state is State.CANCELLED:
        # Annotations that it had count, and one more is wanted: else nobody could take it.
        task_ = second_look.resume(task)
        wanted = max(task_.replica_count, task_.annotation_count + 1)
        back = advance(
            task_, Event.RESTORE, State.OPEN, now, stage=Stage.ANNOTATION, replica_count=wanted
        )
        _set(made, task, replace(_about(back, piece), comment="it is there again"))
    elif task.state in _OPEN and (task.inputs or {}) != piece.inputs:
        _set(made, task, _about(touch(task, now), piece))


def _about(task: Task, piece: Piece) -> Task:
    """The task about the piece as it is now; what a model said of another is no draft of it."""
    same = (task.inputs or {}) == piece.inputs
    draft = task.prediction if same else None
    return replace(task, inputs=piece.inputs or None, prediction=draft)


def _set(made: Plan, before: Task, after: Task) -> None:
    made.changed.append((before, after))


def _reopen(made: Plan, task: Task, reason: str, now: datetime, piece: Piece | None = None) -> None:
    after = return_to_work(task, reason, now)
    if after is None:
        return
    if piece is not None:
        after = _about(after, piece)
    _set(made, task, after)
    made.reopened.append(after)


def _cancel(made: Plan, task: Task, now: datetime) -> None:
    comment = "what it went over is not there any more"
    after = advance(task, Event.DROP, State.CANCELLED, now, leases=(), comment=comment)
    _set(made, task, after)
    made.cancelled.append(after)


def _new(whole: Task, piece: Piece, now: datetime) -> Task:
    entry = piece.element
    own = (
        "" if not entry else f".{entry if _ID.fullmatch(entry) else f'{crc32(entry.encode()):08x}'}"
    )
    project = f"{whole.project}.{piece.part}"
    return begin(
        name=f"{project}/tasks/{whole.name.rsplit('/', 1)[-1]}{own}",
        project=project,
        item=whole.item,
        data=json.dumps(piece.data, ensure_ascii=False),
        template=whole.template,
        create_time=now,
        update_time=now,
        replica_count=whole.replica_count,
        source_key=whole.source_key,
        group=whole.group,
        extent=whole.extent,
        part=piece.part,
        element=entry,
        parent_task=whole.name,
        inputs=piece.inputs or None,
    )


def _finish(
    made: Plan,
    whole: Task,
    project: Project,
    values: Mapping[Key, Doc],
    known: Mapping[Key, Task],
    now: datetime,
) -> None:
    value, clashes = join(project.join, project.parts, values)
    if whole.state in _SETTLED:
        return
    if clashes and whole.rounds < ROUNDS:
        for key, reason in _against(clashes).items():
            if key in known and known[key].state in _SETTLED:
                _reopen(made, known[key], reason, now)
        made.parent_task = touch(whole, now, rounds=whole.rounds + 1)
        return
    if clashes and "composite" in value:
        value["composite"]["conflicts"] = [clash.document for clash in clashes]
    sources = {str((known[key].label or {}).get("source", "HUMAN")) for key in values}
    made.parent_task = _settled(whole, value, sources, clashes, now)


def _against(clashes: Sequence[Clash]) -> dict[Key, str]:
    """Why each piece goes back."""
    reasons: dict[Key, list[str]] = {}
    for clash in clashes:
        for key in clash.subtasks:
            reasons.setdefault(key, []).append(clash.reason)
    return {key: "; ".join(some)[:2000] for key, some in reasons.items()}


def _settled(
    whole: Task, value: Doc, sources: set[str], clashes: Sequence[Clash], now: datetime
) -> Task:
    """Accepted with what the pieces make; with clashes left, a reviewer of the whole has it."""
    stamp = now.isoformat(timespec="microseconds")
    source = min(sources, key=_SEEN.index, default="HUMAN")
    label = {"value": value, "source": source, "score": 1.0, "accept_time": stamp}
    names = ", ".join(name.split("/projects/", 1)[1] for name in whole.subtasks[:_NAMED])
    decision = {
        "action": "JOIN",
        "reason": f"put together of {len(whole.subtasks)} tasks: {names}",
        "create_time": stamp,
        "task_version": whole.version,
    }
    after = advance(
        whole,
        Event.MERGE,
        State.ACCEPTED,
        now,
        label=label,
        leases=(),
        comment="",
        decisions=(*whole.decisions, decision),
    )
    if not clashes:
        return after
    reason = "; ".join(clash.reason for clash in clashes)[:2000]
    judged = relabel.request_review(after, after.version, 3.0, reason, now)
    return replace(judged or after, version=after.version, comment=reason)
