"""Commands of people: users, their keys, and what their work shows."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from libs.cli.client import Refused
from libs.cli.program import App
from libs.cli.shown import Limit, Project, Tenant, below, pages, project_name, resource, tenant_name

users = App(help="People and their keys")
skills = App(help="What people's work in a project shows")
User = Annotated[str, typer.Argument(help="T/USER, or tenants/T/users/USER")]
Skill = Annotated[str, typer.Argument(help="T/P/PERSON, or tenants/T/projects/P/skills/PERSON")]
Role = Annotated[str, typer.Option(help="owner, manager, reviewer, annotator or service")]
Skills = Annotated[list[str] | None, typer.Option(help="what they can do; may be repeated")]


def register(program: typer.Typer) -> None:
    """Adds the groups."""
    program.add_typer(users, name="user")
    program.add_typer(skills, name="skill")


@users.command("add")
def add(
    context: typer.Context,
    tenant: Tenant,
    user_id: Annotated[str, typer.Argument(help="id of the person, e.g. ann")],
    role: Role = "annotator",
    skill: Skills = None,
) -> None:
    """Add a person and print their key, once."""
    base = f"{tenant_name(tenant)}/users"
    body = {"user_id": user_id, "role": role, "skills": skill or []}
    made = context.obj.client.post(base, body)
    key = context.obj.client.post(f"{made['name']}/keys")
    context.obj.out.tell({**made, **key}, key["api_key"])


@users.command("list")
def list_(context: typer.Context, tenant: Tenant, limit: Limit = 0) -> None:
    """People of a tenant."""
    found = pages(context, f"{tenant_name(tenant)}/users", "users", limit)
    context.obj.out.listed(
        found,
        {
            "user": lambda u: u["name"],
            "role": lambda u: u["role"],
            "skills": lambda u: ",".join(u["skills"]),
        },
    )


@users.command("change")
def change(
    context: typer.Context,
    user: User,
    role: Annotated[str | None, typer.Option(help="the new role")] = None,
    skill: Annotated[
        list[str] | None, typer.Option(help="all their skills from now on; may be repeated")
    ] = None,
    display_name: Annotated[str | None, typer.Option(help="name for people")] = None,
) -> None:
    """Change a person's role, skills or name."""
    given = {"role": role, "skills": skill or None, "display_name": display_name}
    body = {key: value for key, value in given.items() if value is not None}
    if not body:
        raise Refused(422, "say what is to change: --role, --skill or --display-name")
    made = context.obj.client.patch(resource(user, "tenants", "users"), body)
    context.obj.out.tell(made, f"{made['name']}: {made['role']} {','.join(made['skills'])}")


@users.command("key")
def key(context: typer.Context, user: User) -> None:
    """Make one more key for a person and print it, once."""
    made = context.obj.client.post(f"{resource(user, 'tenants', 'users')}/keys")
    context.obj.out.tell(made, made["api_key"])


@users.command("keys")
def keys(context: typer.Context, user: User) -> None:
    """A person's keys, without their secrets."""
    context.obj.out.listed(
        context.obj.client.get(f"{resource(user, 'tenants', 'users')}/keys")["keys"],
        {
            "key": lambda k: k["name"],
            "made": lambda k: k["create_time"],
            "state": lambda k: "revoked" if k["revoked"] else "good",
        },
    )


@users.command("revoke")
def revoke(
    context: typer.Context,
    user: User,
    key_id: Annotated[str, typer.Argument(help="id of the key, the last part of its name")],
) -> None:
    """Revoke a key."""
    tail = key_id.rsplit("/", 1)[-1]
    name = resource(f"{resource(user, 'tenants', 'users')}/keys/{tail}", "tenants", "users", "keys")
    context.obj.client.delete(name)
    context.obj.out.tell({"revoked": name}, f"revoked {name}")


@skills.command("list")
def skill_list(context: typer.Context, project: Project, limit: Limit = 0) -> None:
    """People of a project: how much they did and how well."""
    found = pages(context, f"{project_name(project)}/skills", "skills", limit)
    context.obj.out.listed(
        found,
        {
            "person": lambda s: s["annotator"],
            "state": lambda s: s.get("state", ""),
            "answers": lambda s: s["annotation_count"],
            "known answers right": lambda s: f"{s['gold_correct_count']}/{s['gold_count']}",
            "agreement": lambda s: f"{s['agreement']:.1%}",
            "median seconds": lambda s: f"{s['median_seconds']:.1f}",
            "reason": lambda s: s["reason"],
        },
    )


@skills.command("show")
def skill_show(context: typer.Context, skill: Skill) -> None:
    """What a person's work shows, in full."""
    context.obj.out.json(context.obj.client.get(below(skill, "skills")))


@skills.command("resume")
def skill_resume(
    context: typer.Context,
    skill: Skill,
    reason: Annotated[str, typer.Argument(help="why they may go on")],
) -> None:
    """Let a paused person work again."""
    made: Any = context.obj.client.post(f"{below(skill, 'skills')}:resume", {"reason": reason})
    context.obj.out.tell(made, f"{made['annotator']}: {made.get('state', '')}")
