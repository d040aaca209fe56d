"""Commands of intake: imports with their cleaning report, refusals and appeals."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from libs.cli.client import Client, Refused, pack
from libs.cli.shown import Project, progress_bar, project_name

refusals = typer.Typer(no_args_is_help=True, help="Items that were refused, and appeals")
_EXAMPLES = 3


def register(app: typer.Typer) -> None:
    """Adds the commands to the program."""
    app.command("import")(import_)
    app.add_typer(refusals, name="refusal")


def import_(
    context: typer.Context,
    project: Project,
    source: Annotated[str, typer.Argument(help="file, folder, https:// or s3:// URL")],
    dataset: str = "",
    format: Annotated[
        str, typer.Option(help="zip, tar, jsonl, csv, parquet, file, objects, coco, ...")
    ] = "",
    labels_as: Annotated[str, typer.Option(help="gold, predictions or settled")] = "",
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="name in the file=name in the template")
    ] = None,
) -> None:
    """Import items: a folder, archive, manifest, media file, S3 prefix, another tool's labels."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    body: dict[str, Any] = {"dataset": dataset, "format": format, "labels_as": labels_as.upper()}
    body["classes"] = dict(_pair(one) for one in class_ or [])
    if "://" in source:
        body["source"] = source
    else:
        body["upload"] = _uploaded(client, out, name.split("/projects/")[0], Path(source))
    made = client.post(f"{name}/imports", body)
    while made["state"] in ("PENDING", "RUNNING"):
        time.sleep(0.3)
        made = client.get(made["name"])
    out.print(
        f"{made['state']}: {made['admitted_count']} admitted, {made['duplicate_count']}"
        f" duplicates, {made['refused_count']} refused {made['reason']}",
        markup=False,
    )
    _show_report(out, made.get("report") or {})
    if made["state"] == "FAILED":
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    theirs, found, ours = text.partition("=")
    if not (theirs and found and ours):
        raise Refused(422, f"{text!r}: write --class THEIRS=OURS")
    return theirs, ours


def _uploaded(client: Client, out: Console, tenant: str, source: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        if source.is_dir():
            packed = Path(folder) / f"{source.resolve().name}.zip"
            if not pack(source, packed):
                raise Refused(422, f"{source} holds no file that could be imported")
            source = packed
        with progress_bar(out, "uploaded bytes") as bar:
            return client.upload(tenant, source, bar.step)


def _show_report(out: Console, report: dict[str, Any]) -> None:
    """Counts by reason with an example each; nothing where nothing was found."""
    rows = [("refused", *one) for one in sorted(report.get("refused", {}).items())]
    rows += [("flagged", *one) for one in sorted(report.get("flagged", {}).items())]
    if rows:
        table = Table("", "found", "items", "for example")
        for what, reason, count in rows:
            shown = [e for e in report.get("examples", []) if e["reason"] == reason][:_EXAMPLES]
            words = "\n".join(f"{e['key']}: {e['detail']}" for e in shown)
            table.add_row(what, reason, str(count), escape(words))
        out.print(table)
    if missing := report.get("missing_count"):
        out.print(f"{missing} objects of an earlier import are gone; their items stay")
    if report.get("refused"):
        out.print("see `labelmill refusal list`; appeal what should be in all the same")


@refusals.command("list")
def refusal_list(context: typer.Context, project: Project, limit: int = 50) -> None:
    """Refused items, newest first."""
    table = Table("refusal", "key", "state", "reason", "appealable")
    path = f"{project_name(project)}/refusals"
    for one in context.obj.client.get(path, page_size=min(limit, 1000))["refusals"]:
        state = one["state"] or "REFUSED"
        appealable = "yes" if one["appealable"] else "no"
        key, reason = escape(one["source_key"]), escape(one["reason"])
        table.add_row(one["name"], key, state, reason, appealable)
    context.obj.out.print(table)


@refusals.command("appeal")
def refusal_appeal(context: typer.Context, refusal: str, reason: str) -> None:
    """Ask for a refused item to be admitted all the same."""
    typer.echo(context.obj.client.post(f"{refusal}:appeal", {"reason": reason})["state"])


@refusals.command("resolve")
def refusal_resolve(
    context: typer.Context,
    refusal: str,
    reason: str,
    admit: Annotated[bool, typer.Option("--admit/--uphold")],
) -> None:
    """Decide an appeal."""
    body = {"state": "ADMITTED" if admit else "UPHELD", "reason": reason}
    decided = context.obj.client.post(f"{refusal}:resolve", body)
    typer.echo(f"{decided['state']} {decided['item']}".strip())
