"""Commands of work: tasks, known answers, alerts, models, lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from libs.cli.program import App
from libs.cli.shown import Limit, Project, below, pages, project_name

tasks = App(help="Tasks: listed, shown, cancelled")
gold = App(help="Items with known answers, and answers that may be wrong")
alerts = App(help="What a person should look at")
models = App(help="Models that a project trained")
Task = Annotated[str, typer.Argument(help="T/P/TASK, or tenants/T/projects/P/tasks/TASK")]


def register(program: typer.Typer) -> None:
    """Adds the groups, and the command that needs none."""
    for name, group in (("task", tasks), ("gold", gold), ("alert", alerts), ("model", models)):
        program.add_typer(group, name=name)
    program.command("lineage")(lineage)
    program.command("feedback")(feedback)


@tasks.command("list")
def task_list(
    context: typer.Context,
    project: Project,
    state: Annotated[
        str, typer.Option(help="OPEN, ASSIGNED, SCORING, ACCEPTED, DELIVERED, CANCELLED, ...")
    ] = "",
    limit: Limit = 100,
) -> None:
    """Tasks of a project."""
    path = f"{project_name(project)}/tasks"
    context.obj.out.listed(
        pages(context, path, "tasks", limit, state=state.upper()),
        {
            "task": lambda t: t["name"],
            "stage": lambda t: t.get("stage", ""),
            "state": lambda t: t.get("state", ""),
            "annotations": lambda t: f"{len(t['annotations'])}/{t['replica_count']}",
            "key": lambda t: t["source_key"],
        },
    )


@tasks.command("show")
def task_show(context: typer.Context, task: Task) -> None:
    """A task as it is: draft, opinions, reviews, decisions, label."""
    context.obj.out.json(context.obj.client.get(below(task, "tasks")))


@tasks.command("cancel")
def task_cancel(
    context: typer.Context,
    task: Task,
    reason: Annotated[str, typer.Argument(help="why nobody is to label it")],
) -> None:
    """Take a task out of work, for good."""
    made = context.obj.client.post(f"{below(task, 'tasks')}:cancel", {"reason": reason})
    context.obj.out.tell(made, made["state"])


def lineage(context: typer.Context, task: Task) -> None:
    """Why has this task's label this value?"""
    context.obj.out.json(context.obj.client.get(f"{below(task, 'tasks')}/lineage"))


def feedback(context: typer.Context, project: Project, limit: Limit = 100) -> None:
    """What reviewers said of your own rejected work, newest first."""
    context.obj.out.listed(
        pages(context, f"{project_name(project)}/feedback", "feedback", limit),
        {
            "time": lambda f: f["create_time"],
            "task": lambda f: f["task"],
            "comment": lambda f: f.get("comment") or "rejected without a comment",
        },
    )


@gold.command("list")
def gold_list(context: typer.Context, project: Project, limit: Limit = 100) -> None:
    """Known answers that good annotators mostly contradict: look at them."""
    path = f"{project_name(project)}/suspectGold"
    context.obj.out.listed(
        pages(context, path, "golds", limit),
        {
            "task": lambda g: g["task"],
            "contradicted": lambda g: f"{g['failed_count']}/{g['annotation_count']}",
            "reason": lambda g: g["reason"],
        },
    )


@gold.command("add")
def gold_add(
    context: typer.Context,
    project: Project,
    source: Annotated[Path, typer.Argument(help="labels in any format that `import` reads")],
    format: Annotated[str, typer.Option(help="jsonl, csv, coco, ...; by its name if empty")] = "",
) -> None:
    """Import items whose labels are known answers."""
    from libs.cli.intake import bring

    bring(context.obj, project, str(source), {"format": format, "labels_as": "GOLD"})


@alerts.command("list")
def alert_list(context: typer.Context, project: Project) -> None:
    """Alerts of a project."""
    context.obj.out.listed(
        context.obj.client.get(f"{project_name(project)}/schedule")["alerts"],
        {
            "alert": lambda a: a["kind"],
            "since": lambda a: a.get("create_time", ""),
            "reason": lambda a: a["reason"],
        },
    )


@models.command("list")
def model_list(context: typer.Context, project: Project) -> None:
    """Versions of the model that a project trains."""
    context.obj.out.listed(
        context.obj.client.get(f"{project_name(project)}/models")["versions"],
        {
            "model": lambda m: m["name"],
            "state": lambda m: m.get("state", ""),
            "labels": lambda m: m["label_count"],
            "reason": lambda m: m["reason"],
        },
    )
