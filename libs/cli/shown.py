"""What commands share: names of resources from the command line, progress."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from libs.cli.client import Client, Refused
from libs.cli.program import Out

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~@-]{0,127}")
_LOG_SECONDS = 5.0
Project = Annotated[str, typer.Argument(help="T/P, or tenants/T/projects/P")]
Tenant = Annotated[str, typer.Argument(help="T, or tenants/T")]
Limit = Annotated[int, typer.Option(help="most to list; 0 for all", min=0)]


def resource(text: str, *kinds: str) -> str:
    """The full name of a resource written in full or by its ids alone (`T/P/ID`); `kinds` are
    those of its parts (`tenants`, `projects`, ...). Raise `Refused` where it is neither."""
    parts = text.strip("/").split("/") if text else []
    if len(parts) == 2 * len(kinds) and tuple(parts[::2]) == kinds:
        parts = parts[1::2]
    if len(parts) != len(kinds) or not all(_SEGMENT.fullmatch(p) for p in parts):
        full = "/".join(f"{kind}/{kind[0].upper()}" for kind in kinds)
        short = "/".join(kind[0].upper() for kind in kinds)
        raise Refused(422, f"{text!r} is neither {full} nor {short}")
    return "/".join(f"{kind}/{part}" for kind, part in zip(kinds, parts, strict=True))


def project_name(text: str) -> str:
    """The full name; raises `Refused`."""
    return resource(text, "tenants", "projects")


def below(text: str, kind: str) -> str:
    """The full name of a resource of a project; raises `Refused`."""
    return resource(text, "tenants", "projects", kind)


def tenant_name(text: str) -> str:
    """The full name; raises `Refused`."""
    return resource(text, "tenants")


def pages(context: typer.Context, path: str, field: str, limit: int, **query: Any) -> list[Any]:
    """Resources of a list, page by page up to the limit (0: all)."""
    found: list[Any] = []
    for one in context.obj.client.pages(path, field, **query):
        found.append(one)
        if len(found) == limit:
            break
    return found


def show_alerts(out: Out, client: Client, project: str, *kinds: str) -> None:
    """What a person should look at in a project: every alert, or those of some kinds."""
    for alert in client.get(f"{project}/schedule").get("alerts", []):
        if not kinds or alert["kind"] in kinds:
            out.say(f"{alert['kind']}: {alert['reason']}")


class Bar:
    """One progress bar on a terminal; elsewhere a line now and then, as a log wants it."""

    def __init__(self, out: Out, words: str) -> None:
        self._words, self._silent = words, out.as_json
        self._bar: Any = None
        self._last, self._said = 0.0, ""
        if sys.stderr.isatty() and not self._silent:
            self._bar = _rich_bar()
            self._task = self._bar.add_task(words, total=None)

    def step(self, done: int, total: int, said: str = "") -> None:
        words = f"{self._words}: {said}" if said else self._words
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=words)
        elif not self._silent:
            self._log(f"{done:,} of {total:,} {words}", done == total)

    def _log(self, line: str, last: bool) -> None:
        now = time.monotonic()
        if line != self._said and (last or not self._said or now - self._last >= _LOG_SECONDS):
            self._last, self._said = now, line
            typer.echo(line, err=True)

    def __enter__(self) -> Bar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


@contextmanager
def progress_bar(out: Out, words: str) -> Iterator[Bar]:
    """How far something is, on standard error."""
    with Bar(out, words) as bar:
        yield bar
