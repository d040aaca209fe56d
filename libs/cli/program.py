"""What every command stands on: the program and its groups, what is printed, errors as words.

Nothing heavy is imported here: the program starts before it knows which command it runs.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from libs.cli.client import Client, Refused

HOME = "http://127.0.0.1:8080"
_JSON_HELP = "print JSON, as REST has it, and nothing else"


class Out:
    """Standard output, in words or as JSON. Nothing is ever cut: who reads it may be a program."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def say(self, text: str) -> None:
        """One line of words; nothing where JSON is wanted."""
        if not self.as_json:
            typer.echo(_visible(text))

    def tell(self, doc: Any, words: str) -> None:
        """A result: JSON of the document, or the words."""
        if self.as_json:
            self.json(doc)
        elif words:
            typer.echo(_visible(words))

    def json(self, doc: Any) -> None:
        typer.echo(json.dumps(doc, indent=1, ensure_ascii=False))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as what is in them; nothing where JSON is wanted."""
        if self.as_json:
            return
        lines = [list(headers), *([_visible(str(cell)) for cell in row] for row in rows)]
        widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (c.ljust(w) for c, w in zip(line, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())

    def listed(self, found: Sequence[Any], columns: dict[str, Callable[[Any], Any]]) -> None:
        """Resources, one a line, by what each column shows of one."""
        if self.as_json:
            self.json(list(found))
            return
        self.table(list(columns), [[str(show(o)) for show in columns.values()] for o in found])


def _visible(text: str) -> str:
    """Control characters of names and reasons as escapes: they may be anybody's."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


@dataclass
class State:
    """What every command works with."""

    url: str
    key: str
    out: Out
    _client: Client | None = field(default=None, init=False)

    @property
    def client(self) -> Client:
        """Of the platform; raises `Refused` where address or key cannot be right."""
        if self._client is None:
            check_address(self.url)
            self._client = Client(self.url, checked_key(self.key))
        return self._client


def check_address(url: str) -> None:
    """Raise `Refused` unless it has a scheme and a host."""
    scheme, found, rest = url.partition("://")
    if not found:
        raise Refused(422, f"{url!r} has no scheme; write http://{url} (--url or LABELMILL_URL)")
    host = rest.partition("/")[0]
    odd = not url.isascii() or not url.isprintable() or " " in url or "?" in url or "#" in url
    named, _, port = host.rpartition("@")[2].rpartition(":")
    odd |= bool(named) and "]" not in port and not port.isdecimal()
    if scheme not in ("http", "https") or not host or odd:
        raise Refused(422, f"{url!r} is no address such as {HOME} (--url or LABELMILL_URL)")


def checked_key(key: str) -> str:
    """The key without line ends; raises `Refused` where it can be none."""
    bare = key.strip()
    if not bare:
        raise Refused(
            401,
            "no key: set LABELMILL_KEY, give --key, or keep one with `labelmill login`"
            " (`make run` writes the operator's to data/keys/operator)",
        )
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        raise Refused(401, "the key holds characters that no key has (--key or LABELMILL_KEY)")
    return bare


class App(typer.Typer):
    """A group of commands, each of which knows --json."""

    def __init__(self, help: str) -> None:
        super().__init__(
            no_args_is_help=True,
            add_completion=False,
            help=help,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
        )

    def command(self, name: str | None = None, **how: Any) -> Callable[[Any], Any]:
        register = super().command(name, **how)

        def add(function: Any) -> Any:
            register(_with_json(function))
            return function

        return add


def _with_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command with an option --json of its own; its context is named `context`."""

    @functools.wraps(function)
    def run(**given: Any) -> Any:
        context = given["context"]
        if given.pop("json_") and isinstance(context.obj, State):
            context.obj.out.as_json = True
        return function(**given)

    hints = get_type_hints(function, include_extras=True)
    option = Annotated[bool, typer.Option("--json", help=_JSON_HELP)]
    known = inspect.signature(function).parameters
    parts = [p.replace(annotation=hints[n]) for n, p in known.items()]
    parts.append(
        inspect.Parameter("json_", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
    )
    run.__annotations__ = {**hints, "json_": option}
    run.__signature__ = inspect.Signature(parts)  # type: ignore[attr-defined]
    del run.__wrapped__
    return run


def kept() -> dict[str, str]:
    """Address and key that `login` kept."""
    try:
        found = json.loads(kept_in().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    known = found if isinstance(found, dict) else {}
    return {k: v for k, v in known.items() if isinstance(v, str)}


def kept_in() -> Path:
    """File of `login`."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "labelmill" / "login.json"


def run(app: typer.Typer) -> None:
    """Run the program: what goes wrong is one sentence and exit status 1, no stack trace."""
    try:
        "".join(sys.argv).encode()
        app(prog_name="labelmill")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Who read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("LABELMILL_DEBUG"):
            raise
        sys.exit(f"labelmill: {_visible(words_of(error))}")


def words_of(error: Exception) -> str:
    """One sentence that says what is wrong, and where it can what to do."""
    if isinstance(error, Refused):
        return str(error)
    if type(error).__module__.partition(".")[0] == "httpx2":
        return _unreachable(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeDecodeError):
        return f"a file is not UTF-8 text: {error.reason} at byte {error.start}"
    if isinstance(error, UnicodeEncodeError):
        return "an argument holds characters that cannot be sent; write it in UTF-8"
    if isinstance(error, ValueError) and "null byte" in str(error):
        return "an argument holds a NUL character, which no name has"
    first = str(error).partition("\n")[0][:300]
    return f"{type(error).__name__}: {first} (LABELMILL_DEBUG=1 shows where)"


def _unreachable(error: Exception) -> str:
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return "the platform does not answer in time; is it busy, or is the address another's?"
    if isinstance(error, httpx2.ConnectError):
        url = error.request.url
        where = f"{url.scheme}://{url.netloc.decode()}"
        return f"the platform at {where} cannot be reached ({error}); is it running? (`make run`)"
    return f"the connection to the platform broke off: {error}"
