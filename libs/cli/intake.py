"""Commands of intake: imports with their cleaning report, refusals and appeals."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli.client import Client, Refused, pack
from libs.cli.program import App, Out, State
from libs.cli.shown import Limit, Project, below, pages, progress_bar, project_name, show_alerts

imports = App(help="Imports of a project, and their end")
refusals = App(help="Items that were refused, and appeals")
_EXAMPLES = 3
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
Reason = Annotated[str, typer.Argument(help="why, in words")]
Refusal = Annotated[str, typer.Argument(help="T/P/ID, or its full name from `refusal list`")]


def register(program: typer.Typer) -> None:
    """Adds the groups, and the command that needs none."""
    program.command("import")(import_)
    program.add_typer(imports, name="imports")
    program.add_typer(refusals, name="refusal")


def import_(
    context: typer.Context,
    project: Project,
    source: Annotated[str, typer.Argument(help="file, folder, https:// or s3:// URL")],
    dataset: Annotated[str, typer.Option(help="name that the items share")] = "",
    format: Annotated[
        str, typer.Option(help="zip, tar, jsonl, csv, parquet, file, objects, coco, ...")
    ] = "",
    labels_as: Annotated[str, typer.Option(help="gold, predictions or settled")] = "",
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class", help="name in the file=name in the template; =NAME for what has no class"
        ),
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="of its texts, where they do not say: gb18030, cp1252, ...")
    ] = "",
) -> None:
    """Import items: a folder, archive, manifest, media file, S3 prefix, another tool's labels.

    Exit status 1 where no item was admitted."""
    body: dict[str, Any] = {"dataset": dataset, "format": format, "labels_as": labels_as.upper()}
    body["classes"] = dict(_pair(one) for one in class_ or [])
    body["encoding"] = encoding
    bring(context.obj, project, source, body)


def bring(state: State, project: str, source: str, body: dict[str, Any]) -> None:
    """Imports and says what came of it; leaves with 1 where no item was admitted."""
    name, client, out = project_name(project), state.client, state.out
    if "://" in source:
        body["source"] = source
    else:
        body["upload"] = _uploaded(client, out, name, Path(source))
    made = client.post(f"{name}/imports", body)
    out.say(f"{made['name']} (`labelmill imports cancel` ends it)")
    while made["state"] not in _ENDED:
        time.sleep(0.3)
        made = client.get(made["name"])
    counts = (made[f"{what}_count"] for what in ("admitted", "duplicate", "refused"))
    words = "{}: {} admitted, {} duplicates, {} refused {}".format(
        made["state"], *counts, made["reason"]
    )
    out.tell(made, words.rstrip())
    report = made.get("report") or {}
    _show_report(out, report)
    if not report.get("notes"):
        show_alerts(out, client, name, "MODEL_AWAY")
    if made["state"] != "SUCCEEDED" or not made["admitted_count"]:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    theirs, found, ours = text.partition("=")
    if not (found and ours):
        raise Refused(422, f"{text!r}: write --class THEIRS=OURS, or =OURS for what has no class")
    return theirs, ours


def _uploaded(client: Client, out: Out, project: str, source: Path) -> str:
    if not source.exists():
        raise Refused(404, f"{source}: there is no such file or folder")
    # A large file is not sent to a project that is not there.
    client.get(project)
    tenant = project.split("/projects/")[0]
    with tempfile.TemporaryDirectory() as folder:
        if source.is_dir():
            packed = Path(folder) / f"{source.resolve().name or 'root'}.zip"
            if not pack(source, packed):
                raise Refused(422, f"{source} holds no file that could be imported")
            source = packed
        with progress_bar(out, "uploaded bytes") as bar:
            return client.upload(tenant, source, bar.step)


def _show_report(out: Out, report: dict[str, Any]) -> None:
    """Counts by reason with an example each; nothing where nothing was found."""
    rows = [("refused", *one) for one in sorted(report.get("refused", {}).items())]
    rows += [("flagged", *one) for one in sorted(report.get("flagged", {}).items())]
    for what, reason, count in rows:
        out.say(f"{what} {count} items: {reason}")
        shown = [e for e in report.get("examples", []) if e["reason"] == reason][:_EXAMPLES]
        for one in shown:
            out.say(f"  {one['key']}: {one['detail']}")
    if missing := report.get("missing_count"):
        out.say(f"{missing} objects of an earlier import are gone; their items stay")
    for note in report.get("notes", []):
        out.say(note)
    if report.get("refused"):
        out.say("see `labelmill refusal list`; appeal what should be in all the same")


@imports.command("list")
def import_list(context: typer.Context, project: Project, limit: Limit = 50) -> None:
    """Imports of a project, oldest first."""
    context.obj.out.listed(
        pages(context, f"{project_name(project)}/imports", "imports", limit),
        {
            "import": lambda i: i["name"],
            "state": lambda i: i["state"],
            "admitted": lambda i: i["admitted_count"],
            "duplicates": lambda i: i["duplicate_count"],
            "refused": lambda i: i["refused_count"],
            "reason": lambda i: i["reason"],
        },
    )


@imports.command("cancel")
def import_cancel(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="T/P/ID, or its full name, as `import` prints it")],
) -> None:
    """End an import that waits or runs; what it admitted stays."""
    made = context.obj.client.post(f"{below(name, 'imports')}:cancel", {})
    context.obj.out.tell(made, made["state"])


@refusals.command("list")
def refusal_list(context: typer.Context, project: Project, limit: Limit = 50) -> None:
    """Refused items, newest first."""
    context.obj.out.listed(
        pages(context, f"{project_name(project)}/refusals", "refusals", limit),
        {
            "refusal": lambda r: r["name"],
            "key": lambda r: r["source_key"],
            "state": lambda r: r.get("state") or "REFUSED",
            "reason": lambda r: r["reason"],
            "appealable": lambda r: "yes" if r["appealable"] else "no",
        },
    )


@refusals.command("appeal")
def refusal_appeal(context: typer.Context, refusal: Refusal, reason: Reason) -> None:
    """Ask for a refused item to be admitted all the same."""
    made = context.obj.client.post(f"{below(refusal, 'refusals')}:appeal", {"reason": reason})
    context.obj.out.tell(made, made["state"])


@refusals.command("resolve")
def refusal_resolve(
    context: typer.Context,
    refusal: Refusal,
    reason: Reason,
    admit: Annotated[
        bool, typer.Option("--admit/--uphold", help="take the item in, or leave it out")
    ],
) -> None:
    """Decide an appeal."""
    body = {"state": "ADMITTED" if admit else "UPHELD", "reason": reason}
    decided = context.obj.client.post(f"{below(refusal, 'refusals')}:resolve", body)
    context.obj.out.tell(decided, f"{decided['state']} {decided['item']}".strip())
