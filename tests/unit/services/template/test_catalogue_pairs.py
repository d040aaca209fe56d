"""Every format that can hold a catalogue entry's labels can be imported into that entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.services.template.catalogue_pairs import (
    catalogue,
    difference,
    imported,
    pairs,
    written,
)

# Formats that are made of labels and do not hold them, but for these shapes.
MADE = ("trl-", "llamafactory-", "ranking")
HELD = {
    "trl-sft": ("conversation", "text"),
    "llamafactory-sft": ("conversation", "text"),
    "ranking": ("ranking",),
}
# What a table of ours is read for, where the item is not a text: it has no place for that.
TABULAR = ("choice", "choices", "text")
WITHOUT_ITEM = {
    ("answer-rewriting", "doccano"): "the file has the text before and after, and no prompt",
    ("dialogue-intent", "labelstudio"): "the file has no place for turns",
    ("fusion-2d3d", "openlabel"): "pictures of cameras are not named by streams that we write",
}


def held(entry: str, format_: str) -> bool:
    shape = catalogue()[entry]["label_schema"]["shape"]
    types = {one["type"] for one in catalogue()[entry]["data_fields"]}
    if format_ == "csv":
        return shape in TABULAR and not types & {"text", "conversation"}
    if format_.startswith(MADE):
        return shape in HELD.get(format_, ())
    return (entry, format_) not in WITHOUT_ITEM


@pytest.mark.parametrize(("entry", "format_"), [one for one in pairs() if held(*one)])
def test_what_goes_out_comes_in_again(entry: str, format_: str, tmp_path: Path) -> None:
    made = written(entry, format_)
    if not made.labels:
        assert made.reasons
        return
    said, label = imported(entry, format_, made.content, tmp_path)
    if label is not None:
        said = difference(entry, label, made.reasons)
    # What a format told that it cannot hold may be what the template insists on.
    assert not said or made.reasons, said


@pytest.mark.parametrize("format_", ["kitti", "nuscenes", "argoverse2"])
@pytest.mark.parametrize("entry", ["cloud-boxes", "cloud-tracks", "fusion-2d3d"])
def test_series_of_boxes_come_in_whatever_is_told(entry: str, format_: str, tmp_path: Path) -> None:
    if (entry, format_) not in pairs():
        return
    made = written(entry, format_)
    said, label = imported(entry, format_, made.content, tmp_path)
    assert label is not None, said
    assert not difference(entry, label, made.reasons)


def test_most_pairs_come_back_whole(tmp_path: Path) -> None:
    whole = 0
    for entry, format_ in (("speaker-segments", "rttm"), ("speaker-segments", "textgrid")):
        made = written(entry, format_)
        said, label = imported(entry, format_, made.content, tmp_path)
        assert label is not None and not difference(entry, label, []), said
        whole += 1
    assert whole == 2
