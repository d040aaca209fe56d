"""Values of every shape against a label schema: what fits, and what is told of what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from labelmill.annotation.v1.annotation_pb2 import Value

from libs import label_validation
from libs.common.codec import doc_to_message, message_to_doc
from libs.common.rpc import validate
from libs.sensor import rle

Doc = dict[str, Any]
SQUARE = [0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]
FRAME = {"frame": 0, "rect": {"x": 1.0, "y": 1.0, "width": 2.0, "height": 2.0}}
POSE = {"centre": {"x": 5.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.5}, "rotation": {"w": 1.0}}
ROAD = [0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 9.0, 9.0, 0.0]
CAR = {"class": "car"}
ANY_CAR = {"classes": ["car"]}
FUSION = {
    "cuboids": {"frame": "lidar", "cuboids": [{**CAR, **POSE, "id": "a"}]},
    "cameras": [{"camera": "front", "objects": [{**CAR, "id": "o", "rect": FRAME["rect"]}]}],
    "links": [{"cuboid": "a", "camera": "front", "object": "o"}],
}
SCALES = [{"name": "help", "min": 1.0, "max": 5.0, "step": 1.0}]
PROMPT = {"text": "Write to {{name}}.", "variables": [{"name": "name", "required": True}]}
MARKED = {
    "spans": [
        {"end": 3, "class": "car", "id": "a"},
        {"start": 4, "end": 6, "class": "car", "id": "b"},
    ],
    "relations": [{"class": "hits", "head": "a", "tail": "b"}],
}
HITS = {"classes": ["car"], "relations": [{"class": "hits"}]}
# shape -> (label schema beside the shape, a value that fits it)
FITTING: dict[str, tuple[Doc, Doc]] = {
    "choices": ({"classes": ["a", "b"]}, {"classes": ["b", "a"]}),
    "text": ({}, {"text": "hello"}),
    "boxes": (ANY_CAR, {"boxes": [{**CAR, "x": 1.0, "width": 2.0, "height": 2.0}]}),
    "spans": (HITS, MARKED),
    "objects": (ANY_CAR, {"objects": [{**CAR, "polygon": {"rings": [{"points": SQUARE}]}}]}),
    "segments": (ANY_CAR, {"segments": [{**CAR, "start": 1.0, "end": 2.5, "text": "hi"}]}),
    "tracks": (ANY_CAR, {"tracks": [{**CAR, "id": "t", "frames": [FRAME, {**FRAME, "frame": 3}]}]}),
    "cuboids": (ANY_CAR, FUSION["cuboids"]),
    "points": (ANY_CAR, {"count": 5, "classes": ["car"], "class_runs": [1, 3, 0, 2]}),
    "cuboid_tracks": (ANY_CAR, {"frame": "world", "tracks": [{**CAR, "frames": [POSE]}]}),
    "map": (ANY_CAR, {"frame": "ego", "elements": [{**CAR, "area": {"points": ROAD}}]}),
    "fusion": (ANY_CAR, FUSION),
    "conversation": ({}, {"turns": [{"role": "user", "content": "hi"}]}),
    "ranking": ({"ties": True}, {"groups": [{"ids": ["b"]}, {"ids": ["a", "c"]}]}),
    "preference": ({}, {"outcome": "CHOSEN", "chosen": "a", "rejected": "b"}),
    "ratings": ({"scales": SCALES}, {"ratings": [{"scale": "help", "value": 4.0}]}),
    "rewrite": ({"classes": ["tone"]}, {"before": "u", "after": "you", "classes": ["tone"]}),
    "prompt": ({}, {**PROMPT, "examples": [{"variables": {"name": "Ada"}, "output": "x"}]}),
    "composite": ({}, {"parts": [{"part": "a", "value": {"text": {"text": "x"}}}]}),
}


def check(shape: str, value: Doc, schema: Doc) -> None:
    candidates = ["a", "b", "c"] if shape in ("ranking", "preference") else None
    schema = {"shape": shape, **schema}
    label_validation.check({shape: value}, schema, "value", "one two three", candidates)


@pytest.mark.parametrize("shape", FITTING)
def test_a_value_that_fits_is_a_message_and_passes(shape: str) -> None:
    schema, value = FITTING[shape]
    message = doc_to_message({shape: value}, Value)
    validate(message)
    check(shape, message_to_doc(message)[shape], schema)


def test_every_shape_of_a_value_is_checked() -> None:
    fields = {f.name for f in Value.DESCRIPTOR.fields}
    assert set(label_validation.SHAPES.values()) == fields == set(FITTING)


def changed(value: Doc, path: str, new: Any) -> Doc:
    made = copy.deepcopy(value)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    where: Any = made
    for step in way:
        where = where[step]
    where[last] = new
    return made


@pytest.mark.parametrize(
    ("shape", "path", "new", "words"),
    [
        ("choices", "classes", ["a", "z"], "unknown class 'z'"),
        ("boxes", "boxes.0.attributes", {"x": "1"}, "unknown attribute"),
        ("spans", "relations.0.tail", "q", "no span has the id"),
        ("spans", "relations.0.tail", "a", "to itself"),
        ("spans", "relations.0.class", "eats", "unknown relation"),
        ("spans", "spans.1.end", 99, "has 13 characters"),
        ("objects", "objects.0.polygon.rings.0.points", [0.0] * 6, "encloses nothing"),
        ("objects", "objects.0.polygon.rings.0.points", [0.0] * 7, "7 numbers"),
        ("objects", "objects.0.polygon.rings.0.hole", True, "no outer ring"),
        ("segments", "segments.0.end", 0.5, "end must be above start"),
        ("tracks", "tracks.0.frames.1.frame", 0, "does not come after"),
        ("tracks", "tracks.0.frames.1", {"frame": 2, "mask": {}}, "mask"),
        ("cuboids", "cuboids.0.size.z", 0.0, "above zero"),
        ("cuboids", "cuboids.0.rotation.w", 2.0, "a rotation has length 1"),
        ("cuboids", "cuboids.0.centre.x", 5e5, "are these metres"),
        ("points", "class_runs", [1, 3], "sum up to 3"),
        ("points", "class_runs", [2, 3, 0, 2], "from 0 to 1"),
        ("cuboid_tracks", "tracks.0.frames", [], "at least one key frame"),
        ("map", "elements.0.area.points", ROAD[:6] + ROAD[:3], "encloses nothing"),
        ("fusion", "links.0.object", "zz", "has no object"),
        ("fusion", "links.0.cuboid", "zz", "no 3D box"),
        ("conversation", "turns.0.content", " ", "must not be empty"),
        ("ranking", "groups.0.ids", ["q"], "unknown candidate"),
        ("ranking", "groups.0.ids", ["a"], "twice"),
        ("ranking", "groups", [{"ids": ["a"]}], "b, c not ranked"),
        ("preference", "rejected", "a", "the same candidate"),
        ("preference", "outcome", "TIE", "allows no ties"),
        ("ratings", "ratings.0.value", 9.0, "from 1 to 5"),
        ("ratings", "ratings.0.value", 4.5, "steps of 1"),
        ("ratings", "ratings.0.scale", "zeal", "unknown scale"),
        ("rewrite", "after", "", "must not be empty"),
        ("prompt", "variables", [], "named in the text and not described"),
        ("prompt", "text", "none", "used nowhere"),
        ("prompt", "examples.0.variables", {}, "required and not filled"),
        ("composite", "parts.0.value", {"composite": {}}, "no composite"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(
    shape: str, path: str, new: Any, words: str
) -> None:
    schema, value = FITTING[shape]
    with pytest.raises(label_validation.Misfit, match=words) as misfit:
        check(shape, changed(value, path, new), schema)
    assert misfit.value.field.startswith(f"value.{shape}")


@pytest.mark.parametrize(
    ("rule", "given", "words"),
    [
        ({"type": "choice", "choices": ["l", "r"]}, "up", "one of l, r"),
        ({"type": "boolean"}, "yes", "true or false"),
        ({"type": "number", "min": 0.0, "max": 3.0}, "4", "from 0 to 3"),
        ({"type": "number"}, "1,5", "must be a number"),
        ({"type": "number"}, "nan", "finite"),
        ({"type": "text", "required": True}, None, "requires it"),
    ],
)
def test_attributes_are_of_their_type(rule: Doc, given: str | None, words: str) -> None:
    schema = {"classes": ["car"], "attributes": [{"name": "side", **rule}]}
    box = {**CAR, "width": 1.0, "height": 1.0}
    box |= {"attributes": {"side": given}} if given is not None else {}
    with pytest.raises(label_validation.Misfit, match=words) as misfit:
        check("boxes", {"boxes": [box]}, schema)
    assert misfit.value.field == "value.boxes.boxes[0].attributes.side"


def mask(*runs: int) -> Doc:
    text = rle.text_from_counts(list(runs))
    return {**CAR, "mask": {"height": 2, "width": 3, "counts": text}}


def test_masks_fill_their_picture_and_share_no_pixel_where_they_may_not() -> None:
    check("objects", {"objects": [mask(0, 3, 3), mask(3, 3)]}, {**ANY_CAR, "exclusive": True})
    with pytest.raises(label_validation.Misfit, match="share pixels"):
        check("objects", {"objects": [mask(0, 4, 2), mask(3, 3)]}, {**ANY_CAR, "exclusive": True})
    with pytest.raises(label_validation.Misfit, match="5 pixels, and height x width is 6"):
        check("objects", {"objects": [mask(2, 3)]}, ANY_CAR)


def test_limits_geometries_and_texts_are_the_templates() -> None:
    rect = {**CAR, "rect": FRAME["rect"]}
    for schema, words in (
        ({"max_objects": 1}, "2 of at most 1"),
        ({"min_objects": 3}, "2 of at least 3"),
        ({"geometries": ["mask"]}, "drawn as one of mask"),
        ({"texts": True}, "must not be empty"),
    ):
        with pytest.raises(label_validation.Misfit, match=words):
            check("objects", {"objects": [rect, rect]}, {**ANY_CAR, **schema})


def test_relations_go_round_only_where_they_may() -> None:
    back = {"class": "hits", "head": "b", "tail": "a"}
    circle = {**MARKED, "relations": [*MARKED["relations"], back]}
    with pytest.raises(label_validation.Misfit, match="in a circle"):
        check("spans", circle, HITS)
    check("spans", circle, {**HITS, "relations": [{"class": "hits", "cyclic": True}]})


def test_one_speaker_says_one_thing_at_a_time() -> None:
    said = [
        {"end": 2.0, "speaker": "a"},
        {"start": 1.0, "end": 3.0, "speaker": "b"},
        {"start": 1.5, "end": 2.5, "speaker": "a"},
    ]
    check("segments", {"segments": said[:2]}, {"exclusive": True})
    with pytest.raises(label_validation.Misfit, match="twice at a time"):
        check("segments", {"segments": said}, {"exclusive": True})
