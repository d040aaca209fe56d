"""`labelmill label`: work on tasks in a terminal, one after the other.

For classes and texts, and for a first look; other shapes want a tool that draws or plays.
"""

from __future__ import annotations

import json
import time
from typing import Any

import typer

from libs.cli.client import Client, Refused
from libs.cli.shown import Project, project_name

Doc = dict[str, Any]
_SHAPES = ("choice", "choices", "text")


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command("label")(label)


def label(context: typer.Context, project: Project) -> None:
    """Label tasks in the terminal: a class or its number, or a text; `skip`, `quit`."""
    name, client, out = project_name(project), context.obj.client, context.obj.out
    schema = client.get(client.get(name)["template"])["label_schema"]
    if schema["shape"] not in _SHAPES:
        raise Refused(422, f"labels are {schema['shape']}; the terminal knows {', '.join(_SHAPES)}")
    submitted: list[Doc] = []
    while True:
        held = client.post(f"{name}/tasks:claim", {"max_tasks": 1})["assignments"]
        if not held or not _work(client, schema, held[0], submitted, out):
            break
    words = "" if held else "no task is waiting for you; "
    out.tell(submitted, f"{words}{len(submitted)} submitted")


def _work(client: Client, schema: Doc, held: Doc, submitted: list[Doc], out: Any) -> bool:
    """Asks for one answer and sends it; False where the person has had enough."""
    for key, value in held["data"].items():
        out.say(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    classes = schema["classes"]
    if classes:
        out.say("  ".join(f"{number} {one}" for number, one in enumerate(classes, 1)))
    began, token = time.monotonic(), {"fencing_token": held["fencing_token"]}
    while True:
        try:
            said = typer.prompt("label", err=True).strip()
        except typer.Abort:
            said = "quit"
        if said == "quit":
            client.post(f"{held['name']}:release", token)
            return False
        if said == "skip":
            client.post(f"{held['name']}:skip", {**token, "reason": "skipped in the terminal"})
            return True
        value = _value(schema, said)
        if value is not None:
            break
        out.say(f"{said!r} is none of {', '.join(classes)}")
    seconds = time.monotonic() - began
    body = {**token, "value": value, "work_seconds": seconds}
    submitted.append(client.post(f"{held['name']}:submit", body))
    return True


def _value(schema: Doc, said: str) -> Doc | None:
    """The label that was typed; None where a class is none of the template's."""
    if schema["shape"] == "text":
        return {"text": {"text": said}}
    classes, asked = schema["classes"], [one.strip() for one in said.split(",")]
    chosen = [_class(one, classes) for one in asked]
    return None if None in chosen else {"choices": {"classes": chosen}}


def _class(said: str, classes: list[str]) -> str | None:
    if said in classes:
        return said
    number = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0
    return classes[number - 1] if 0 < number <= len(classes) else None
