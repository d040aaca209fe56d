"""Commands of projects: made, listed, changed, watched; what they cost and promise."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from libs.cli.client import Client, Refused
from libs.cli.costs import cost_lines, price_rows
from libs.cli.program import App
from libs.cli.shown import Limit, Project, Tenant, pages, progress_bar, project_name, tenant_name

app = App(help="Projects: made, listed, their targets and policies")
_AGAIN = 5
_PAUSE = 2.0
Doc = dict[str, Any]
Rate = Annotated[float, typer.Option(help="promised error rate, a fraction")]
Confidence = Annotated[float, typer.Option(help="confidence of the promise, a fraction")]


def register(program: typer.Typer) -> None:
    """Adds the commands that need no group."""
    program.command("watch")(watch)
    program.command("status")(status)
    program.command("price")(price)


@app.command("create")
def create(
    context: typer.Context,
    project: Project,
    template: Annotated[str, typer.Option(help="id in the catalogue, or a full name")],
    max_error: Rate = 0.02,
    confidence: Confidence = 0.95,
    machine_label: Annotated[
        bool, typer.Option(help="accept a model's labels where its gate is open")
    ] = True,
    pre_label: Annotated[bool, typer.Option(help="show people a model's drafts")] = True,
    replicas: Annotated[int, typer.Option(help="independent opinions a task")] = 1,
    audit_share: Annotated[
        float, typer.Option(help="share of tasks drawn as evidence, labelled blind")
    ] = 0.05,
    review_share: Annotated[
        float, typer.Option(help="share of labels that go to a reviewer")
    ] = 0.0,
) -> None:
    """Make a project from a template."""
    from libs.cli import templates

    tenant, project_id = project_name(project).split("/projects/")
    policy = {
        "machine_label": machine_label,
        "pre_label": pre_label,
        "replica_count": replicas,
        "audit_share": audit_share,
        "review_share": review_share,
    }
    target = {"max_error_rate": max_error, "confidence": confidence}
    found = templates.newest(context.obj.client, tenant, template)["name"]
    body = {
        "project_id": project_id,
        "project": {"template": found, "target": target, "policy": policy},
    }
    made = context.obj.client.post(f"{tenant}/projects", body)
    context.obj.out.tell(made, made["name"])


@app.command("list")
def list_(context: typer.Context, tenant: Tenant, limit: Limit = 0) -> None:
    """Projects of a tenant."""
    found = pages(context, f"{tenant_name(tenant)}/projects", "projects", limit)
    context.obj.out.listed(
        found,
        {
            "project": lambda p: p["name"],
            "template": lambda p: p["template"].split("/templates/")[-1],
            "promised error": lambda p: f"{p.get('target', {}).get('max_error_rate', 0.0):.2%}",
        },
    )


@app.command()
def show(context: typer.Context, project: Project) -> None:
    """A project as it is: template, target, policy."""
    context.obj.out.json(context.obj.client.get(project_name(project)))


@app.command()
def target(
    context: typer.Context,
    project: Project,
    max_error: Annotated[
        float | None, typer.Option(help="promise this error rate from now on, a fraction")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="with this confidence, a fraction")
    ] = None,
) -> None:
    """The targets a project has had; with options a new one from now on."""
    name, client = project_name(project), context.obj.client
    given = {"max_error_rate": max_error, "confidence": confidence}
    asked = {key: value for key, value in given.items() if value is not None}
    if asked:
        found = client.get(name)
        _change(client, found, target={**found.get("target", {}), **asked})
    context.obj.out.listed(
        client.get(f"{name}/targets")["targets"],
        {
            "target": lambda t: t["number"],
            "since": lambda t: t.get("create_time", ""),
            "error": lambda t: f"{t.get('target', {}).get('max_error_rate', 0.0):.2%}",
            "confidence": lambda t: f"{t.get('target', {}).get('confidence', 0.0) or 0.95:.1%}",
        },
    )


@app.command()
def policy(
    context: typer.Context,
    project: Project,
    changes: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE, e.g. replica_count=2 (JSON values)")
    ] = None,
) -> None:
    """A project's policy, with the changes made."""
    name, client = project_name(project), context.obj.client
    found = client.get(name)
    if changes:
        asked = dict(_change_of(one) for one in changes)
        found = _change(client, found, policy={**found.get("policy", {}), **asked})
    shown = found.get("policy", {})
    words = "\n".join(f"{key}={json.dumps(value)}" for key, value in shown.items())
    context.obj.out.tell(shown, words)


def _change_of(text: str) -> tuple[str, Any]:
    key, found, value = text.partition("=")
    if not (key and found):
        raise Refused(422, f"{text!r}: write KEY=VALUE, e.g. replica_count=2")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _change(client: Client, project: Doc, **changes: Doc) -> Doc:
    """The project as changed; `Refused` where somebody else changed it meanwhile."""
    kept = {k: v for k, v in project.items() if k in _KEPT}
    changed: Doc = client.put(project["name"], {"project": {**kept, **changes}})
    return changed


_KEPT = ("display_name", "template", "target", "policy", "version", "labels")


def watch(context: typer.Context, project: Project) -> None:
    """Watch progress and cost until everything is settled (Ctrl-C ends)."""
    name, out = project_name(project), context.obj.out
    progress: Doc = {}
    try:
        with progress_bar(out, "settled") as bar:
            for progress in _progress(context.obj.client, name):
                if out.as_json:
                    typer.echo(json.dumps(progress))
                done, total = _settled(progress), progress["task_count"]
                words = "no item has come yet" if not total else ""
                bar.step(done, total, words or ", ".join(cost_lines(progress)[1:2]))
                if total and done == total:
                    return
    finally:
        for line in cost_lines(progress):
            out.say(line)


def _settled(progress: Doc) -> int:
    return int(progress["accepted_count"] + progress["delivered_count"])


def _progress(client: Client, name: str) -> Any:
    """Progress as it changes; a stream that breaks off is taken up again."""
    failures = _AGAIN
    while True:
        try:
            for line in client.stream(f"{name}/progress:stream"):
                failures = 0
                yield json.loads(line)
        except Refused:
            raise
        except Exception:
            if failures >= _AGAIN:
                raise
        failures += 1
        time.sleep(_PAUSE)


def status(context: typer.Context, project: Project) -> None:
    """Progress, quality, gates and alerts now."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    progress, quality = client.get(f"{name}/progress"), client.get(f"{name}/quality")
    gates = client.get(f"{name}/gates")["gates"]
    alerts = client.get(f"{name}/schedule")["alerts"]
    if out.as_json:
        out.json({"progress": progress, "quality": quality, "gates": gates, "alerts": alerts})
        return
    out.table(
        ("stage.state", "tasks"), [(k, str(n)) for k, n in sorted(progress["counts"].items())]
    )
    sources = ", ".join(f"{source} {n}" for source, n in sorted(progress["sources"].items()))
    out.say(f"labels by source: {sources or 'none yet'}")
    for line in cost_lines(progress):
        out.say(line)
    out.say(
        f"error at most {quality['error_bound']:.4f} at confidence {quality['confidence']},"
        f" promised {quality['max_error_rate']:.4f}"
    )
    for gate in gates:
        out.say(f"gate {gate['model']} {gate['state']}: {gate['reason']}")
    for alert in alerts:
        out.say(f"ALERT {alert['kind']}: {alert['reason']}")


def price(context: typer.Context, project: Project) -> None:
    """What each promise would cost now: labels people would still give."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    forecast = client.get(f"{name}/forecast")
    if out.as_json:
        out.json(forecast)
        return
    promised = client.get(name).get("target", {}).get("max_error_rate", 0.0)
    headers, *rows = price_rows(forecast, promised)
    out.table(headers, rows)
    out.say(forecast["reason"])
