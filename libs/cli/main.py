"""`labelmill`: what a project manager does in a day, through REST.

The platform and key come from `--url` and `--key`, the environment (`LABELMILL_URL`,
`LABELMILL_KEY`) or what `labelmill login` kept.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from libs.cli import calibration, intake, templates
from libs.cli.client import Client, Refused
from libs.cli.costs import cost_lines, price_table
from libs.cli.deliveries import delivered, download
from libs.cli.shown import Project, progress_bar, project_name

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.split("\n", 1)[0])
projects = typer.Typer(no_args_is_help=True, help="Projects")
users = typer.Typer(no_args_is_help=True, help="People and their keys")
letters = typer.Typer(no_args_is_help=True, help="Dead letters (operators)")
app.add_typer(projects, name="project")
app.add_typer(templates.app, name="template")
app.add_typer(users, name="user")
app.add_typer(letters, name="dead-letters")
intake.register(app)
calibration.register(app)


@dataclass
class State:
    """What every command works with."""

    client: Client
    out: Console


@app.callback()
def _open(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="LABELMILL_URL")] = "",
    key: Annotated[str, typer.Option(envvar="LABELMILL_KEY")] = "",
) -> None:
    kept = _kept()
    client = Client(url or kept.get("url", "http://127.0.0.1:8080"), key or kept.get("key", ""))
    context.obj = State(client, Console())


@app.command()
def login(url: str, key: Annotated[str, typer.Option(prompt=True, hide_input=True)]) -> None:
    """Keep the platform's address and your key for the next commands."""
    path = _config()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "key": key}, file)
    typer.echo(f"kept in {path}")


@projects.command("create")
def project_create(
    context: typer.Context,
    project: Project,
    template: Annotated[str, typer.Option(help="id in the catalogue, or a full name")],
    max_error: Annotated[float, typer.Option(help="promised error rate, a fraction")] = 0.02,
    confidence: float = 0.95,
    machine_label: bool = True,
    pre_label: bool = True,
    replicas: int = 1,
    audit_share: float = 0.05,
    review_share: float = 0.0,
) -> None:
    """Make a project from a template."""
    name = project_name(project)
    tenant, project_id = name.split("/projects/")
    template = templates.newest(context.obj.client, tenant, template)["name"]
    policy = {
        "machine_label": machine_label,
        "pre_label": pre_label,
        "replica_count": replicas,
        "audit_share": audit_share,
        "review_share": review_share,
    }
    target = {"max_error_rate": max_error, "confidence": confidence}
    made = {"template": template, "target": target, "policy": policy}
    body = {"project_id": project_id, "project": made}
    typer.echo(context.obj.client.post(f"{tenant}/projects", body)["name"])


@projects.command("list")
def project_list(context: typer.Context, tenant: str) -> None:
    """Projects of a tenant."""
    table = Table("project", "template", "promised error")
    for p in context.obj.client.pages(f"tenants/{_bare(tenant)}/projects", "projects"):
        promised = p.get("target", {}).get("max_error_rate", 0.0)
        table.add_row(p["name"], p["template"].split("/templates/")[-1], f"{promised:.2%}")
    context.obj.out.print(table)


@app.command()
def watch(context: typer.Context, project: Project) -> None:
    """Watch progress and cost until everything is settled (Ctrl-C ends)."""
    name = project_name(project)
    progress: dict[str, Any] = {}
    try:
        with progress_bar(context.obj.out, "settled") as bar:
            for line in context.obj.client.stream(f"{name}/progress:stream"):
                progress = json.loads(line)
                done = progress["accepted_count"] + progress["delivered_count"]
                bar.step(done, progress["task_count"], ", ".join(cost_lines(progress)[1:2]))
                if progress["task_count"] and done == progress["task_count"]:
                    return
    finally:
        for said in cost_lines(progress):
            context.obj.out.print(said, highlight=False)


@app.command()
def status(context: typer.Context, project: Project) -> None:
    """Progress, quality and gates now."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    progress, quality = client.get(f"{name}/progress"), client.get(f"{name}/quality")
    table = Table("stage.state", "tasks")
    for key, count in sorted(progress["counts"].items()):
        table.add_row(key, str(count))
    out.print(table)
    out.print(f"labels by source: {progress['sources']}")
    for line in cost_lines(progress):
        out.print(line, highlight=False)
    out.print(
        f"error at most {quality['error_bound']:.4f} at confidence {quality['confidence']},"
        f" promised {quality['max_error_rate']:.4f}"
    )
    for gate in client.get(f"{name}/gates")["gates"]:
        out.print(f"gate {gate['model']} {gate['state']}: {gate['reason']}", markup=False)


@app.command()
def price(context: typer.Context, project: Project) -> None:
    """What each promise would cost now: labels people would still give."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    forecast = client.get(f"{name}/forecast")
    promised = client.get(name).get("target", {}).get("max_error_rate", 0.0)
    out.print(price_table(forecast, promised))
    out.print(forecast["reason"], markup=False)


@app.command()
def deliver(
    context: typer.Context,
    project: Project,
    to: Path = Path("delivery"),
    formats: Annotated[str, typer.Option(help="comma-separated; all if empty")] = "",
) -> None:
    """Deliver every accepted label and download the delivery."""
    name, client = project_name(project), context.obj.client
    with progress_bar(context.obj.out, "labels written") as bar:
        made, lacking = delivered(
            client,
            name,
            [f for f in formats.split(",") if f],
            lambda now: bar.step(now["written_count"], max(1, now["label_count"])),
        )
    download(client, made, to)
    context.obj.out.print(f"{made['name']}: {made['label_count']} labels in {to}")
    if lacking:
        context.obj.out.print(f"{lacking} accepted labels had not come yet: deliver them later")


@app.command()
def verify(folder: Path, key: Path | None = None) -> None:
    """Check a downloaded delivery offline: hashes, signature, counts, lineage."""
    from services.delivery.__main__ import main as verify_delivery

    pinned = ["--key", str(key)] if key else []
    raise typer.Exit(verify_delivery(["verify", str(folder), *pinned]))


@app.command()
def accept(context: typer.Context, delivery: str) -> None:
    """Accept a delivery; final."""
    typer.echo(context.obj.client.post(f"{delivery}:accept")["state"])


@app.command()
def reject(
    context: typer.Context,
    delivery: str,
    reason: str,
    task: Annotated[list[str] | None, typer.Option(help="only these tasks")] = None,
) -> None:
    """Reject a delivery, or some of its tasks; they return to work."""
    body = {"reason": reason, "tasks": task or []}
    typer.echo(context.obj.client.post(f"{delivery}:reject", body)["state"])


@app.command()
def lineage(context: typer.Context, task: str) -> None:
    """Why has this task's label this value?"""
    context.obj.out.print_json(data=context.obj.client.get(f"{task}/lineage"))


@users.command("add")
def user_add(
    context: typer.Context,
    tenant: str,
    user_id: str,
    role: str = "annotator",
    skill: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Add a person and print their key, once."""
    base = f"tenants/{_bare(tenant)}/users"
    body = {"user_id": user_id, "role": role, "skills": skill or []}
    context.obj.client.post(base, body)
    typer.echo(context.obj.client.post(f"{base}/{user_id}/keys")["api_key"])


@app.command("tenant")
def tenant_add(context: typer.Context, tenant: str) -> None:
    """Make a tenant (operators) and print its owner's key, once."""
    typer.echo(context.obj.client.post("tenants", {"tenant_id": _bare(tenant)})["api_key"])


@letters.command("list")
def letters_list(context: typer.Context, service: str) -> None:
    """Events a service could not handle, and why."""
    table = Table("id", "type", "time", "reason")
    for one in context.obj.client.pages(f"services/{service}/deadLetters", "dead_letters"):
        table.add_row(one["id"], one["type"].rsplit(".", 1)[-1], one["create_time"], one["reason"])
    context.obj.out.print(table)


@letters.command("replay")
def letters_replay(
    context: typer.Context,
    service: str,
    id: Annotated[list[str] | None, typer.Option(help="only these; all if left out")] = None,
) -> None:
    """Hand dead letters to the service again."""
    done = context.obj.client.post(f"services/{service}/deadLetters:replay", {"ids": id or []})
    typer.echo(f"{done['replayed_count']} replayed, {done['failed_count']} failed again")


def _bare(tenant: str) -> str:
    return tenant.removeprefix("tenants/")


def _config() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config"))
    return Path(home) / "labelmill" / "login.json"


def _kept() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_config().read_text())
        return found
    except (OSError, ValueError):
        return {}


def run() -> None:
    """The entry point: what went wrong in one sentence, no stack trace."""
    try:
        app()
    except Refused as refused:
        sys.exit(f"labelmill: {refused}")
    except httpx2.TransportError as error:
        sys.exit(f"labelmill: the platform cannot be reached ({error}); is it running?")


if __name__ == "__main__":
    run()
