"""What commands share: a project's name from the command line, a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from libs.cli.client import Refused

Project = Annotated[str, typer.Argument(help="tenants/T/projects/P, or T/P")]


class Bar:
    """One progress bar."""

    def __init__(self, bar: Progress, words: str) -> None:
        self._words = words
        self._bar, self._task = bar, bar.add_task(words, total=None)

    def step(self, done: int, total: int, said: str = "") -> None:
        words = f"{self._words}: {said}" if said else self._words
        self._bar.update(self._task, completed=done, total=total, description=words)


@contextmanager
def progress_bar(out: Console, words: str) -> Iterator[Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=out) as progress:
        yield Bar(progress, words)


def project_name(text: str) -> str:
    """The full name; raises `Refused`."""
    if text.startswith("tenants/"):
        return text
    tenant, _, project = text.partition("/")
    if not project or "/" in project:
        raise Refused(422, f"{text!r} is neither tenants/T/projects/P nor T/P")
    return f"tenants/{tenant}/projects/{project}"
