"""Commands of deliveries: asked for, fetched, checked, accepted, had again in other formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli.client import Refused
from libs.cli.deliveries import delivered, download, finished
from libs.cli.program import App, State
from libs.cli.shown import Limit, Project, below, pages, progress_bar, project_name

app = App(help="Deliveries: listed, fetched, accepted, had again in other formats")
Delivery = Annotated[str, typer.Argument(help="tenants/T/projects/P/deliveries/D, or T/P/D")]
To = Annotated[Path, typer.Option(help="folder for its files; it must hold none")]
Formats = Annotated[str, typer.Option(help="comma-separated; all of the template's if empty")]


def register(program: typer.Typer) -> None:
    """Adds the group, and the commands that need none."""
    program.command("deliver")(deliver)
    program.command("verify")(verify)
    program.add_typer(app, name="delivery")
    for group in (program, app):
        group.command("accept")(accept)
        group.command("reject")(reject)


def deliver(
    context: typer.Context,
    project: Project,
    to: To = Path("delivery"),
    formats: Formats = "",
) -> None:
    """Deliver every accepted label and download the delivery."""
    name, state = project_name(project), context.obj
    _must_be_free(to)
    with progress_bar(state.out, "labels written") as bar:
        made, lacking = delivered(
            state.client,
            name,
            _listed(formats),
            lambda now: bar.step(now["written_count"], max(1, now["label_count"])),
        )
    _fetch(state, made, to)
    if lacking:
        state.out.say(f"{lacking} accepted labels had not come yet: deliver them later")


def _listed(formats: str) -> list[str]:
    return [f.strip() for f in formats.split(",") if f.strip()]


def _must_be_free(to: Path) -> None:
    if to.is_file():
        raise Refused(409, f"{to} is a file; name a folder with --to")
    if to.is_dir() and any(to.iterdir()):
        raise Refused(409, f"{to} holds files already; name another folder with --to")


def _fetch(state: State, made: dict[str, Any], to: Path) -> None:
    """Downloads it and says what it is, and whether the promise is proven."""
    download(state.client, made, to)
    proof = json.loads((to / "certificate.json").read_text("utf-8"))
    state.out.tell(
        {**made, "certified": proof["certified"], "statement": proof["statement"]},
        f"{made['name']}: {made['label_count']} labels in {to}",
    )
    said = "" if proof["certified"] else "NOT certified. "
    state.out.say(f"{said}{proof['statement'].removeprefix('Not certified: ')}")


@app.command("list")
def list_(context: typer.Context, project: Project, limit: Limit = 0) -> None:
    """Deliveries of a project."""
    found = pages(context, f"{project_name(project)}/deliveries", "deliveries", limit)
    context.obj.out.listed(
        found,
        {
            "delivery": lambda d: d["name"],
            "state": lambda d: d["state"],
            "labels": lambda d: f"{d['label_count']:,}",
            "error at most": lambda d: f"{d['error_bound']:.2%}",
            "promised": lambda d: f"{d['max_error_rate']:.2%}",
            "formats": lambda d: ",".join(d["formats"]),
            "edition of": lambda d: d["edition_of"].rpartition("/")[2],
        },
    )


@app.command()
def show(context: typer.Context, delivery: Delivery) -> None:
    """A delivery as it is, with its files."""
    context.obj.out.json(context.obj.client.get(below(delivery, "deliveries")))


@app.command()
def fetch(context: typer.Context, delivery: Delivery, to: To = Path("delivery")) -> None:
    """Download a delivery's files."""
    _must_be_free(to)
    made = context.obj.client.get(below(delivery, "deliveries"))
    if made["state"] not in ("COMPLETED", "ACCEPTED", "REJECTED"):
        raise Refused(409, f"the delivery is {made['state']}: {made['reason'] or 'wait for it'}")
    _fetch(context.obj, made, to)


@app.command()
def reissue(
    context: typer.Context, delivery: Delivery, formats: Formats = "", to: To = Path("delivery")
) -> None:
    """The same frozen labels in other formats, as a new edition, and download it."""
    name, state = below(delivery, "deliveries"), context.obj
    _must_be_free(to)
    made = state.client.post(f"{name}:reissue", {"formats": _listed(formats)})
    with progress_bar(state.out, "labels written") as bar:
        made = finished(
            state.client,
            made,
            lambda now: bar.step(now["written_count"], max(1, now["label_count"])),
        )
    _fetch(state, made, to)


def verify(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="a downloaded delivery")],
    key: Annotated[Path | None, typer.Option(help="public key (PEM) to trust")] = None,
) -> None:
    """Check a downloaded delivery offline: hashes, signature, counts, lineage."""
    from libs.bundle.__main__ import checked, run

    if not folder.is_dir():
        raise Refused(404, f"{folder} is no folder; name the one that `deliver --to` wrote")
    if not context.obj.out.as_json:
        raise typer.Exit(run(folder, key))
    checks, fault = checked(folder, key)
    found = [{"name": check.name, "found": check.found} for check in checks]
    context.obj.out.json({"holds": not fault, "checks": found, "fault": fault})
    raise typer.Exit(int(bool(fault)))


def accept(context: typer.Context, delivery: Delivery) -> None:
    """Accept a delivery; final."""
    made = context.obj.client.post(f"{below(delivery, 'deliveries')}:accept")
    context.obj.out.tell(made, made["state"])


def reject(
    context: typer.Context,
    delivery: Delivery,
    reason: Annotated[str, typer.Argument(help="why, in words for the people who worked on it")],
    task: Annotated[
        list[str] | None, typer.Option(help="only this task (T/P/TASK); may be repeated")
    ] = None,
) -> None:
    """Reject a delivery, or some of its tasks; they return to work."""
    body = {"reason": reason, "tasks": [below(one, "tasks") for one in task or []]}
    made = context.obj.client.post(f"{below(delivery, 'deliveries')}:reject", body)
    context.obj.out.tell(made, made["state"])
