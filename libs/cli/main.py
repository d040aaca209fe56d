"""`labelmill`: what a project manager does in a day, through REST.

The platform and key come from `--url` and `--key`, the environment (`LABELMILL_URL`,
`LABELMILL_KEY`) or what `labelmill login` kept.
"""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from libs.cli import (
    backup,
    calibration,
    delivering,
    hooks,
    intake,
    labelling,
    members,
    people,
    projects,
    templates,
    work,
)
from libs.cli.program import (
    HOME,
    App,
    Out,
    State,
    check_address,
    checked_key,
    kept,
    kept_in,
)
from libs.cli.program import run as run_app
from libs.cli.shown import Tenant, tenant_name

app = App(help="What a project manager does in a day. Every command knows --json and --help.")
app.add_typer(projects.app, name="project")
app.add_typer(templates.app, name="template")
app.add_typer(members.app, name="members")
app.add_typer(members.delegations, name="delegation")
for part in (people, work, labelling, hooks, intake, projects, delivering, calibration, backup):
    part.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"labelmill {version('labelmill')}")
        except PackageNotFoundError:
            typer.echo("labelmill, from its sources")
        raise typer.Exit


@app.callback()
def _open(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="LABELMILL_URL", help=f"address of the platform ({HOME})")
    ] = "",
    key: Annotated[str, typer.Option(envvar="LABELMILL_KEY", help="your API key")] = "",
    json_: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    known = kept()
    context.obj = State(url or known.get("url") or HOME, key or known.get("key", ""), Out(json_))


@app.command()
def login(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help=f"address of the platform, e.g. {HOME}")],
    key: Annotated[str, typer.Option(prompt=True, hide_input=True, help="your API key")],
) -> None:
    """Keep the platform's address and your key for the next commands."""
    check_address(url)
    path = kept_in()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "key": checked_key(key)}, file)
    context.obj.out.tell({"kept": str(path)}, f"kept in {path}")


@app.command("tenant")
def tenant_add(context: typer.Context, tenant: Tenant) -> None:
    """Make a tenant (operators) and print its owner's key, once."""
    name = tenant_name(tenant)
    made = context.obj.client.post("tenants", {"tenant_id": name.partition("/")[2]})
    context.obj.out.tell(made, made["api_key"])


def run() -> None:
    """The entry point."""
    run_app(app)


if __name__ == "__main__":
    run()
