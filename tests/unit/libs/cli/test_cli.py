"""`labelmill`: whatever is mistyped is answered in one sentence; nothing is cut; it starts soon."""

from __future__ import annotations

import io
import json
import random
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer

from libs.cli import program
from libs.cli.client import Refused
from libs.cli.main import app
from libs.cli.program import Out, check_address, checked_key
from libs.cli.shown import Bar, resource
from tools.platform import free_port

ROOT = Path(__file__).parents[4]
ODD = [
    *(
        "",
        " ",
        "x",
        "a/b",
        "a/b/c",
        "tenants/a/projects/b",
        "../..",
        "/",
        "-1",
        "0",
        "1e999",
        "nan",
    ),
    *("a\x00b", "ä/ö", "🙂" * 50, "\udcff", "{}", "a=b", "=", "://", "http://", "%00", "a?b#c"),
    *("no-such-file.yaml", ".", "[markup]", "--", "-x", "--nothing", "x" * 5000),
]
PAGES: list[tuple[int, bytes]] = [
    (200, b"<html>a router</html>"),
    (200, b"[]"),
    (200, b'"text"'),
    (302, b""),
    (401, b'{"title": "Who are you?", "detail": "unknown key", "status": 401}'),
    (404, b"not here"),
    (422, b'{"title": 1}'),
    (500, b"\xff\xfe"),
]


def commands(
    group: Any = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words, command) of every command of the program."""
    found = group or typer.main.get_command(app)
    for name, one in found.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*path, name))
        else:
            yield (*path, name), one


COMMANDS = dict(commands())


class Foreign(BaseHTTPRequestHandler):
    """Some other web server."""

    answers = random.Random(7)

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, body = self.answers.choice(PAGES)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def foreign() -> Iterator[str]:
    with closing(ThreadingHTTPServer(("127.0.0.1", 0), Foreign)) as server:
        server.close = server.server_close  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """The program as a shell calls it: (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LABELMILL_KEY", "lm_a_key")
    for name in ("LABELMILL_URL", "LABELMILL_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labelmill", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        status = 0
        try:
            program.run(app)
        except SystemExit as left:
            if isinstance(left.code, str):
                status = 1
                print(left.code, file=sys.stderr)
            else:
                status = left.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run


def told(result: tuple[int, str, str]) -> None:
    """Good, or one sentence of what is wrong."""
    status, out, err = result
    assert status in (0, 1, 2), result
    assert "Traceback" not in out + err and "LABELMILL_DEBUG" not in err, result
    if status == 2:
        assert "Error: " in err or "Usage: " in out + err, result
    if status == 1 and not out:
        assert err.startswith("labelmill: ") and len(err.splitlines()) <= 3, result


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_whatever_is_mistyped_is_told_in_a_sentence(
    words: tuple[str, ...], call: Any, foreign: str
) -> None:
    chance = random.Random(" ".join(words))
    nobody = f"http://127.0.0.1:{free_port()}"
    parameters = [p for p in COMMANDS[words].params if p.name not in ("help", "json_")]
    for _ in range(8):
        # Without a tenant it would start a platform.
        given = [*words, *(["--tenant", "acme"] if words == ("template", "try") else [])]
        for one in parameters:
            value = chance.choice(ODD)
            if one.param_type_name == "argument":
                given += [value] if chance.random() < 0.9 else []
            elif chance.random() < 0.3:
                given += [one.opts[0], value]
        if chance.random() < 0.2:
            given.append(chance.choice(ODD))
        told(call("--url", chance.choice([nobody, foreign, foreign]), *given))


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_every_option_and_command_has_help(words: tuple[str, ...], call: Any) -> None:
    command = COMMANDS[words]
    status, out, _ = call(*words, "--help")
    assert status == 0 and "--json" in out and "--help" in out
    lacking = [p.name for p in command.params if not getattr(p, "help", None)]
    assert not lacking and command.help


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "", "project", "list", "acme"], "no key: set LABELMILL_KEY"),
        (["--key", "ä", "project", "list", "acme"], "the key holds characters"),
        (
            ["--url", "127.0.0.1:8080", "status", "a/b"],
            "has no scheme; write http://127.0.0.1:8080",
        ),
        (["--url", "ftp://x", "status", "a/b"], "is no address such as http"),
        (["--url", "http://", "status", "a/b"], "is no address such as http"),
        (["--url", "http://x:y", "status", "a/b"], "is no address such as http"),
        (["status", "a"], "'a' is neither tenants/T/projects/P nor T/P"),
        (["status", "a/b?c"], "is neither"),
        (["import", "a/b", "nowhere"], "nowhere: there is no such file or folder"),
        (["template", "publish", "acme", "x", "nowhere.yaml"], "nowhere.yaml: No such file"),
        (["verify", "nowhere"], "nowhere is no folder"),
        (["user", "change", "a/b"], "say what is to change"),
        (["project", "policy", "a/b", "x"], "cannot be reached"),
    ],
)
def test_the_right_words(words: list[str], said: str, call: Any, monkeypatch: Any) -> None:
    if "" in words:
        monkeypatch.delenv("LABELMILL_KEY")
    address = [] if "--url" in words else ["--url", f"http://127.0.0.1:{free_port()}"]
    status, out, err = call(*address, *words)
    assert (status, out) == (1, "") and said in err and len(err.splitlines()) == 1


def test_a_key_that_is_not_known_is_told_with_its_platform(foreign: str, call: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "PAGES", [PAGES[4]])
        _, _, err = call("--url", foreign, "project", "list", "acme")
    assert err == f"labelmill: {foreign} does not take this key (unknown key); it may be revoked\n"


def test_names_are_never_cut_and_control_characters_shown(capsys: Any) -> None:
    name = "tenants/" + "a" * 300
    Out().listed([{"n": name}, {"n": "\x1b[31mred"}], {"name": lambda o: o["n"]})
    assert capsys.readouterr().out.splitlines()[1:] == [name, "\\x1b[31mred"]
    Out(as_json=True).listed([{"n": name}], {"name": lambda o: o["n"]})
    assert json.loads(capsys.readouterr().out) == [{"n": name}]


def test_progress_in_a_log_is_lines(capsys: Any) -> None:
    with Bar(Out(), "settled") as bar:
        for done in range(1, 11):
            bar.step(done, 10)
    assert capsys.readouterr().err.splitlines() == ["1 of 10 settled", "10 of 10 settled"]


def test_what_a_name_an_address_and_a_key_may_be() -> None:
    assert resource("a/b", "tenants", "projects") == "tenants/a/projects/b"
    assert resource("tenants/a/projects/b", "tenants", "projects") == "tenants/a/projects/b"
    assert resource("a/b/d", "tenants", "projects", "deliveries").endswith("/deliveries/d")
    for url in ("http://h", "https://h:8443/x", "http://[::1]:8080"):
        check_address(url)
    assert checked_key(" key\n") == "key"
    with pytest.raises(Refused):
        checked_key("a b")


def test_it_starts_soon() -> None:
    """No longer than some interpreters: heavy libraries wait for the command that needs them."""
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'gen'}", "PATH": "/usr/bin:/bin"}
    script = "import resource, sys; {}; print(resource.getrusage(resource.RUSAGE_SELF).ru_utime)"
    cpu: dict[str, list[float]] = {"import asyncio, json, typer": [], "import libs.cli.main": []}
    for _ in range(5):
        for what, found in cpu.items():
            command = [sys.executable, "-c", script.format(what)]
            found.append(float(subprocess.check_output(command, env=env, cwd=ROOT)))
    least, own = (statistics.median(found) for found in cpu.values())
    assert own < 2.5 * least
    heavy = ["numpy", "httpx2", "rich", "PIL", "pyarrow", "libs.bundle", "google.protobuf"]
    check = f"import sys, libs.cli.main; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", check], env=env, cwd=ROOT) == b"[]\n"
