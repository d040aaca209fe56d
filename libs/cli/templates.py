"""Commands of templates: start from an entry of the catalogue, publish, compare versions."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libs.cli.client import Client, Refused
from libs.cli.program import App, Out
from libs.cli.shown import Tenant, tenant_name

if TYPE_CHECKING:
    from libs.cli import trying

app = App(help="Templates")
Name = Annotated[str, typer.Argument(help="id in the catalogue or of your own, or a full name")]
_CATALOGUE = "tenants/catalogue"
_AT_ONCE = 4
# Key of a definition -> what one may do about it.
_NOTES = {
    "display_name": "Free text.",
    "data_fields": "What an item must carry; names are free, types are in docs/templates.md.",
    "label_schema": "What labels look like: classes, attributes and limits are yours to change.",
    "unit_of_error": "What one error is, in words; certificates repeat it.",
    "loss": "What counts errors; docs/templates.md lists those of each shape.",
    "loss_tolerance": "The largest distance that is no error; leave it out for the loss's default.",
    "merge_rule": "How several opinions become one label.",
    "model_route": "The model that drafts; leave it out for none.",
    "parts": "Steps of work, each a task of its own: needs, per and shows may be changed.",
    "join": "How the parts become one label.",
    "assists": "What a model offers while a person works.",
    "exports": "Formats of a delivery; each must be able to hold the labels.",
    "example": "One item with a label that fits; it is checked when you publish.",
    "guideline": "What people read: Markdown with anchors ({#name}).",
}


@app.command("list")
def list_(context: typer.Context, tenant: Tenant) -> None:
    """Templates a tenant may use, and the classes that a ready model of theirs knows."""
    context.obj.out.listed(
        context.obj.client.get(f"{tenant_name(tenant)}/templates")["templates"],
        {
            "template": lambda t: t["name"],
            "name": lambda t: t["display_name"],
            "shape": lambda t: t["label_schema"]["shape"],
            "model": lambda t: t.get("model_route", {}).get("model", ""),
            "exports": lambda t: ",".join(t["exports"]),
        },
    )


@app.command()
def new(
    context: typer.Context,
    tenant: Tenant,
    start: Annotated[str, typer.Option("--from", help="id in the catalogue, or a full name")],
    to: Annotated[Path | None, typer.Option(help="file to write")] = None,
) -> None:
    """Write a definition to edit, with notes on what can be changed."""
    found = newest(context.obj.client, tenant, start)
    file = to or Path(f"{start.rstrip('/').split('/templates/')[-1].split('/')[0]}.yaml")
    if file.exists():
        raise Refused(409, f"{file} is there already; name another with --to")
    file.write_text(annotated(found["definition"], found["name"]), "utf-8")
    words = f"{file}: edit it, then `labelmill template publish {tenant} ID {file}`"
    context.obj.out.tell({"file": str(file), "from": found["name"]}, words)


def annotated(definition: str, name: str) -> str:
    """The definition with a note above each of its keys."""
    lines = [f"# Started from {name}. Comments are free; leave them or take them out."]
    for line in definition.splitlines():
        note = _NOTES.get(line.partition(":")[0])
        if note and ":" in line:
            lines.append(f"# {note}")
        lines.append(line)
    return "\n".join(lines) + "\n"


@app.command()
def publish(
    context: typer.Context,
    tenant: Tenant,
    template_id: Annotated[str, typer.Argument(help="id of the template; a new or a known one")],
    file: Annotated[Path, typer.Argument(help="YAML definition")],
) -> None:
    """Publish a YAML definition as the next version."""
    body = {"template_id": template_id, "definition": file.read_text("utf-8")}
    made = context.obj.client.post(f"{tenant_name(tenant)}/templates", body)
    context.obj.out.tell(made, made["name"])


@app.command()
def diff(
    context: typer.Context,
    tenant: Tenant,
    old: Name,
    new: Annotated[str, typer.Argument(help="a newer version, or a file")],
) -> None:
    """What a newer version, or a file, breaks in an older one; exit code 1 if anything."""
    client: Client = context.obj.client
    before = newest(client, tenant, old)["name"]
    if Path(new).is_file():
        body = {"definition": Path(new).read_text("utf-8")}
    else:
        body = {"other": newest(client, tenant, new)["name"]}
    changes = client.post(f"{before}:diff", body)["changes"]
    _show(changes, context.obj.out)
    raise typer.Exit(int(any(c["breaks"] for c in changes)))


@app.command("try")
def try_(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="ids in the catalogue")] = None,
    file: Annotated[Path | None, typer.Option(help="a definition of your own")] = None,
    every: Annotated[bool, typer.Option("--all", help="every entry of the catalogue")] = False,
    tenant: Annotated[
        str, typer.Option(help="where, on the running platform; without it one is started")
    ] = "",
    to: Annotated[Path | None, typer.Option(help="folder for the deliveries")] = None,
) -> None:
    """Push an example item through the line, answered by simulated people, to a delivery that is
    verified and read back; exit code 1 if anything failed."""
    if not names and not every and file is None:
        raise Refused(422, "name a template, or --file, or --all")
    from libs.cli import trying

    with ExitStack() as stack:
        if tenant:
            owner: Client = context.obj.client
        else:
            owner = trying.tenant_of(stack.enter_context(trying.platform()))
        parent = tenant_name(tenant or trying.TENANT)
        folder = to or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chosen = _chosen(owner, parent, names or [], file, every)
        staff = trying.staff_of(owner, parent)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tries = pool.map(lambda one: trying.attempt(owner, parent, one, staff, folder), chosen)
            failed = sum(_told(tried, context.obj.out) for tried in tries)
    context.obj.out.say(f"{len(chosen) - failed} of {len(chosen)} templates went through")
    raise typer.Exit(int(failed > 0))


def _chosen(
    owner: Client, parent: str, names: list[str], file: Path | None, every: bool
) -> list[dict[str, Any]]:
    """The templates to try; a file is published first."""
    if file is not None:
        definition = file.read_text("utf-8")
        body = {"template_id": re.sub(r"[^a-z0-9-]", "-", file.stem.lower())}
        return [owner.post(f"{parent}/templates", {**body, "definition": definition})]
    if not every:
        return [newest(owner, parent, name) for name in names]
    listed = owner.get(f"{parent}/templates")["templates"]
    return [t for t in listed if t["name"].startswith(f"{_CATALOGUE}/")]


def _told(tried: trying.Tried, out: Out) -> bool:
    """Prints what was done; did anything fail?"""
    out.say(f"{tried.name}: {'; '.join(tried.steps)}")
    if tried.files:
        rows = [(form, path, f"{size:,}", said) for form, path, size, said in tried.files]
        out.table(("  format", "file", "bytes", "read back"), [(f"  {r[0]}", *r[1:]) for r in rows])
    for reason in tried.left_out:
        out.say(f"  left out, and told: {reason}")
    for fault in tried.faults:
        out.say(f"  FAILED {fault}")
    if out.as_json:
        out.json(asdict(tried))
    return bool(tried.faults)


def _show(changes: list[dict[str, Any]], out: Out) -> None:
    if not changes:
        out.tell([], "no difference")
        return
    out.listed(
        changes,
        {
            "": lambda c: "breaks" if c["breaks"] else "harmless",
            "where": lambda c: c["path"],
            "what": lambda c: c["text"],
        },
    )


def newest(client: Client, tenant: str, name: str) -> Any:
    """A version by its full name, or the newest of an id; the tenant's own comes first."""
    if "/versions/" in name:
        return client.get(name)
    listed = client.get(f"{tenant_name(tenant)}/templates")["templates"]
    series = {t["name"].rsplit("/versions/", 1)[0]: t for t in listed}
    for one in (name, f"{tenant_name(tenant)}/templates/{name}", f"{_CATALOGUE}/templates/{name}"):
        if one in series:
            return series[one]
    raise Refused(
        404, f"there is no template {name!r}; `labelmill template list {tenant}` shows all"
    )
