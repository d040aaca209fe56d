"""What commands say of a day's work: exit status of imports, certificates, labels typed in; and
that `make test` has what tests need before they begin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from libs.cli import delivering, labelling
from libs.cli.client import Refused
from libs.cli.intake import bring
from libs.cli.program import Out, State

ROOT = Path(__file__).parents[4]
DELIVERY = {"name": "tenants/t/projects/p/deliveries/d", "label_count": 3}


class Platform:
    """Answers that were prepared, by method and end of the path."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.sent = answers, []

    def post(self, path: str, body: Any = None) -> Any:
        self.sent.append((path, body))
        found = self.answers.get(path.rsplit(":", 1)[-1].rsplit("/", 1)[-1], {})
        return found.pop(0) if isinstance(found, list) else found

    def get(self, path: str, **_: Any) -> Any:
        return self.answers.get(path.rsplit("/", 1)[-1], {})


def state(platform: Platform, as_json: bool = False) -> Any:
    made = State("http://h", "key", Out(as_json))
    made._client = platform  # type: ignore[assignment]
    return made


@pytest.mark.parametrize(("admitted", "ended"), [(1, "SUCCEEDED"), (0, "SUCCEEDED"), (1, "FAILED")])
def test_an_import_that_admits_nothing_is_no_success(
    admitted: int, ended: str, capsys: Any
) -> None:
    counts = {"admitted_count": admitted, "duplicate_count": 2, "refused_count": 0}
    made = {"name": "n", "state": ended, "reason": "", **counts}
    where = "https://example.org/x.zip"
    if admitted and ended == "SUCCEEDED":
        bring(state(Platform(imports=made)), "t/p", where, {})
    else:
        with pytest.raises(typer.Exit) as left:
            bring(state(Platform(imports=made)), "t/p", where, {})
        assert left.value.exit_code == 1
    assert f"{ended}: {admitted} admitted, 2 duplicates, 0 refused" in capsys.readouterr().out


def test_nothing_is_sent_to_a_project_that_is_not_there(tmp_path: Path) -> None:
    class Missing(Platform):
        def get(self, path: str, **_: Any) -> Any:
            raise Refused(404, f"{path} was not found")

        def upload(self, *_: Any) -> str:
            raise AssertionError("it was sent")

    (tmp_path / "a.csv").write_text("text\nx\n")
    for source in (tmp_path / "a.csv", tmp_path):
        with pytest.raises(Refused, match="tenants/t/projects/missing was not found"):
            bring(state(Missing()), "t/missing", str(source), {})


@pytest.mark.parametrize("certified", [True, False])
def test_a_delivery_says_whether_it_is_certified(
    certified: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    words = "holds" if certified else "Not certified: too few labels"

    def fetch(client: Any, made: Any, to: Path) -> None:
        to.mkdir()
        proof = {"certified": certified, "statement": words}
        (to / "certificate.json").write_text(json.dumps(proof))

    monkeypatch.setattr(delivering, "download", fetch)
    delivering._fetch(state(Platform()), DELIVERY, tmp_path / "a")
    said = capsys.readouterr().out.splitlines()
    assert said[1] == ("holds" if certified else "NOT certified. too few labels")
    delivering._fetch(state(Platform(), True), DELIVERY, tmp_path / "b")
    assert json.loads(capsys.readouterr().out)["certified"] is certified
    with pytest.raises(Refused, match="holds files already"):
        delivering._must_be_free(tmp_path / "a")


def test_labels_are_typed_by_name_or_number(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    schema = {"shape": "choice", "classes": ["ham", "spam"]}
    held = {"name": "a", "fencing_token": 1, "data": {"text": "Lunch?"}}
    answers = iter(["eggs", "2", "ham", "quit"])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    platform = Platform(
        p={"template": "x/templates/t"},
        t={"label_schema": schema},
        claim=[{"assignments": [held]} for _ in range(3)],
    )
    context: Any = type("Context", (), {"obj": state(platform)})
    labelling.label(context, "t/p")
    sent = [body["value"]["choices"]["classes"] for path, body in platform.sent if "submit" in path]
    assert sent == [["spam"], ["ham"]]
    assert "'eggs' is none of ham, spam" in capsys.readouterr().out
    assert platform.sent[-1][0] == "a:release"


def test_what_tests_need_is_there_before_them() -> None:
    told = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True).stdout
    places = [
        told.find(one) for one in ("deploy.models build", "deploy.parts install", "-m pytest")
    ]
    assert -1 not in places and max(places[:2]) < places[2]
