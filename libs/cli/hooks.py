"""Commands of webhooks and dead letters: what the platform tells others, and what it could not."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.cli.client import Refused
from libs.cli.program import App
from libs.cli.shown import Limit, Tenant, pages, resource, tenant_name

hooks = App(help="Webhooks and their messages")
letters = App(help="Dead letters (operators)")
Hook = Annotated[str, typer.Argument(help="T/HOOK, or tenants/T/webhooks/HOOK")]
Service = Annotated[str, typer.Argument(help="name of the service, e.g. task-dispatch")]


def register(program: typer.Typer) -> None:
    """Adds the groups."""
    program.add_typer(hooks, name="webhook")
    program.add_typer(letters, name="dead-letters")


@hooks.command("add")
def add(
    context: typer.Context,
    tenant: Tenant,
    url: Annotated[str, typer.Argument(help="https:// address that takes POST")],
    event: Annotated[
        list[str] | None, typer.Option(help="only this type of event; may be repeated")
    ] = None,
) -> None:
    """Add a webhook and print the secret its messages are signed with, once."""
    body = {"url": url, "event_types": event or []}
    made = context.obj.client.post(f"{tenant_name(tenant)}/webhooks", body)
    context.obj.out.tell(made, f"{made['name']}\n{made['secret']}")


@hooks.command("list")
def list_(context: typer.Context, tenant: Tenant) -> None:
    """Webhooks of a tenant."""
    context.obj.out.listed(
        context.obj.client.get(f"{tenant_name(tenant)}/webhooks")["webhooks"],
        {
            "webhook": lambda h: h["name"],
            "url": lambda h: h["url"],
            "events": lambda h: ",".join(h["event_types"]) or "all",
        },
    )


@hooks.command("remove")
def remove(context: typer.Context, hook: Hook) -> None:
    """Remove a webhook."""
    name = resource(hook, "tenants", "webhooks")
    context.obj.client.delete(name)
    context.obj.out.tell({"removed": name}, f"removed {name}")


@hooks.command("messages")
def messages(context: typer.Context, hook: Hook, limit: Limit = 100) -> None:
    """Messages of a webhook, newest first."""
    path = f"{resource(hook, 'tenants', 'webhooks')}/messages"
    context.obj.out.listed(
        pages(context, path, "messages", limit),
        {
            "message": lambda m: m["name"],
            "event": lambda m: m.get("kind", m.get("type", "")),
            "state": lambda m: m.get("state", ""),
            "made": lambda m: m["create_time"],
        },
    )


@hooks.command("replay")
def replay(
    context: typer.Context,
    message: Annotated[str, typer.Argument(help="T/HOOK/MESSAGE, or its full name")],
) -> None:
    """Send a message again."""
    name = resource(message, "tenants", "webhooks", "messages")
    context.obj.out.json(context.obj.client.post(f"{name}:replay"))


@letters.command("list")
def letters_list(context: typer.Context, service: Service, limit: Limit = 100) -> None:
    """Events a service could not handle, and why."""
    path = f"services/{_service(service)}/deadLetters"
    context.obj.out.listed(
        pages(context, path, "dead_letters", limit),
        {
            "id": lambda d: d["id"],
            "type": lambda d: d["type"].rsplit(".", 1)[-1],
            "time": lambda d: d["create_time"],
            "reason": lambda d: d["reason"],
        },
    )


@letters.command("replay")
def letters_replay(
    context: typer.Context,
    service: Service,
    id: Annotated[list[str] | None, typer.Option(help="only these; all if left out")] = None,
) -> None:
    """Hand dead letters to the service again."""
    path = f"services/{_service(service)}/deadLetters:replay"
    done = context.obj.client.post(path, {"ids": id or []})
    words = f"{done['replayed_count']} replayed, {done['failed_count']} failed again"
    context.obj.out.tell(done, words)


def _service(name: str) -> str:
    if not name.replace("-", "").replace("_", "").isalpha() or not name.isascii():
        raise Refused(422, f"{name!r} is no service's name, such as task-dispatch")
    return name
