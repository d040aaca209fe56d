"""`labelmill members` and `labelmill delegation`: who works in a project, and who for whom."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from libs.cli.program import App
from libs.cli.shown import Project, project_name, resource

app = App(help="Who may work in a project")
delegations = App(help="Services that may work in your name")
People = Annotated[list[str], typer.Argument(help="user ids")]
User = Annotated[str, typer.Argument(help="your own user, as T/U")]
Service = Annotated[str, typer.Argument(help="user id of the service")]


@app.command("list")
def members_list(context: typer.Context, project: Project) -> None:
    """Who may work in the project."""
    _show(context, project, context.obj.client.get(f"{project_name(project)}/members"))


@app.command("add")
def members_add(context: typer.Context, project: Project, people: People) -> None:
    """Add people to the project's list."""
    _change(context, project, add=people)


@app.command("remove")
def members_remove(context: typer.Context, project: Project, people: People) -> None:
    """Take people off the list; they may still submit what they hold."""
    _change(context, project, remove=people)


@app.command("close")
def members_close(context: typer.Context, project: Project) -> None:
    """Only who is on the list may work in the project."""
    _change(context, project, listed=True)


@app.command("open")
def members_open(context: typer.Context, project: Project) -> None:
    """Everybody of the tenant may work in the project; the list is kept."""
    _change(context, project, listed=False)


@delegations.command("grant")
def delegation_grant(context: typer.Context, user: User, service: Service) -> None:
    """Let a service work in your name; only your own key can say so."""
    made = context.obj.client.post(f"{_user(user)}/delegations", {"service": service})
    context.obj.out.tell(made, f"{made['service']} may work as {made['person']}")


@delegations.command("list")
def delegation_list(context: typer.Context, user: User) -> None:
    """Services that may, or might once, work in your name."""
    context.obj.out.listed(
        context.obj.client.get(f"{_user(user)}/delegations")["delegations"],
        {
            "service": lambda d: d["service"],
            "since": lambda d: d["create_time"],
            "state": lambda d: "ended" if d.get("revoked") else "good",
        },
    )


@delegations.command("revoke")
def delegation_revoke(context: typer.Context, user: User, service: Service) -> None:
    """End it; noticed within seconds."""
    name = resource(f"{_user(user)}/delegations/{service}", "tenants", "users", "delegations")
    context.obj.client.delete(name)
    words = f"{service} may not work as {_user(user)} any more"
    context.obj.out.tell({"revoked": name}, words)


def _change(context: typer.Context, project: str, **changes: Any) -> None:
    path = f"{project_name(project)}/members:change"
    _show(context, project, context.obj.client.post(path, changes))


def _show(context: typer.Context, project: str, members: dict[str, Any]) -> None:
    who = "only those listed" if members["listed"] else "everybody of the tenant"
    ends = "" if members["listed"] else " (`members close` ends that)"
    people = "".join(f"\n  {person}" for person in members["people"])
    context.obj.out.tell(members, f"{project_name(project)}: {who}{ends}{people}")


def _user(text: str) -> str:
    return resource(text, "tenants", "users")
