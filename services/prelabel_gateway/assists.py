"""Assists: what a person has begun is carried on while they wait. Nothing is kept."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from google.protobuf.message import Message

from libs.common.blobs import Blobs
from libs.common.codec import Doc
from libs.common.errors import Fault, Invalid, NotFound, Unavailable
from libs.common.retry import eventually
from libs.common.store import Store
from libs.imaging import graph_cut
from libs.sensor import box_fit, boxes, point_clouds, poses, tracks
from services.prelabel_gateway import adapters, domain, store
from services.prelabel_gateway.domain import Assist, Impossible
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.object_inputs import clip, scope

log = logging.getLogger(__name__)
# Assists that a model answers, which must not be had for what is labelled blind.
MODELS_ASKED = frozenset({"rewrite", "transcribe"})
# What one call may ask for: people wait for it.
_MOST, _SECONDS = 20, 30.0
_TRACKS = 200
_LONGEST = 10_000


@dataclass(frozen=True)
class Asked:
    """What one call asks: the assist, the item's data, what the person has so far, the element of a
    list worked on; of a task that goes over the objects of the part `per`, its object."""

    assist: Assist
    data: Doc
    value: Doc
    element: str = ""
    per: str = ""
    about: Doc | None = None


class Assists:
    """One method a capability; each takes what it is asked and gives the new value."""

    def __init__(
        self, store_: Store, blobs: Blobs, inference: Inference, parse: Callable[[str], Any]
    ) -> None:
        self._store, self._blobs, self._inference, self._parse = store_, blobs, inference, parse
        self._ways: dict[str, Callable[[Asked], Awaitable[Doc]]] = {
            "fit-cuboid": self._fit,
            "interpolate": self._interpolate,
            "rewrite": self._rewrite,
            "snap-mask": self._snap,
            "transcribe": self._transcribe,
        }

    async def assist(
        self,
        project_name: str,
        capability: str,
        data: str,
        value: Doc,
        element: str,
        inputs: Message | None = None,
    ) -> Doc:
        """{value, model, model_version}. Raises `NotFound`, `Invalid` with the field's name, and
        `Unavailable` where a model is busy or away."""
        project = await eventually(lambda: store.project_by_name(self._store, project_name))
        if project is None:
            raise NotFound(f"{project_name[:200]} was not found", field="parent")
        offered = {assist.capability: assist for assist in project.assists}
        if capability not in offered:
            words = ", ".join(sorted(offered)) or "none"
            raise Invalid(f"the template offers these assists: {words}", field="capability")
        # Of an item in parts the tasks, with their shapes, are those of the parts' projects.
        shape = project.schema.get("shape", "composite")
        if capability in MODELS_ASKED and shape != "composite" and shape not in value:
            raise Invalid(f"must hold {shape}, as the project's labels do", field="value")
        parsed = own_data(self._parse, data, project_name)
        about = scope.object_of(inputs, project.per) if inputs is not None else None
        asked = Asked(offered[capability], parsed, value, element, project.per, about)
        made = await self._ways[capability](asked)
        return {"model": "", "model_version": "", **made}

    # -- tracks ------------------------------------------------------------------------------

    async def _interpolate(self, asked: Asked) -> Doc:
        """Every track with a key frame for each frame it is in; 3D boxes move straight in the
        world, by the sweeps' times and poses."""
        value, entries = asked.value, asked.data.get(asked.assist.input)
        count = len(entries) if isinstance(entries, list) else 0
        if "cuboid_tracks" in value:
            times, to_world = poses.motion(entries if isinstance(entries, list) else [])
            made = value["cuboid_tracks"]
            filled = [
                {**t, "frames": tracks.filled_cuboids(t.get("frames", []), count, times, to_world)}
                for t in _within(made.get("tracks", []), count)
            ]
            return {"value": {"cuboid_tracks": {**made, "tracks": filled}}}
        if "tracks" not in value:
            raise Invalid("must hold tracks", field="value")
        filled = [
            {**t, "frames": tracks.filled(t.get("frames", []), count)}
            for t in _within(value["tracks"].get("tracks", []), count)
        ]
        return {"value": {"tracks": {"tracks": filled}}}

    # -- boxes in space ----------------------------------------------------------------------

    async def _fit(self, asked: Asked) -> Doc:
        """Each 3D box hugs the points in and around it; of tracks, those with a key frame at the
        sweep `element`."""
        value, element = asked.value, asked.element
        found = _boxes(value, element)
        if not 0 < len(found) <= _MOST:
            raise Invalid(f"must hold 1 to {_MOST} boxes to fit", field="value")
        content, name = await self._media(asked, "cloud")
        try:
            cloud = await asyncio.to_thread(point_clouds.read, content, name)
        except point_clouds.Unreadable as reason:
            raise Invalid(str(reason), field=f"data.{asked.assist.input}") from reason
        made = copy.deepcopy(value)
        for place, box in _boxes(made, element).items():
            try:
                row = await asyncio.to_thread(box_fit.fit, cloud.points, boxes.array([box])[0])
            except box_fit.Unfit as reason:
                raise Invalid(str(reason), field=place) from reason
            box.update(boxes.document(row))
        return {"value": made}

    # -- masks -------------------------------------------------------------------------------

    async def _snap(self, asked: Asked) -> Doc:
        """Each rectangle becomes the mask of what is in it; other objects stay as they are."""
        objects = asked.value.get("objects", {}).get("objects", [])
        boxed = [i for i, one in enumerate(objects) if "rect" in one]
        if not 0 < len(boxed) <= _MOST:
            words = f"must hold 1 to {_MOST} objects with a rectangle to snap"
            raise Invalid(words, field="value.objects")
        content, _ = await self._media(asked, "image")
        made = list(objects)
        for i in boxed:
            rect = objects[i]["rect"]
            left, top, width, height = (
                float(rect.get(k, 0.0)) for k in ("x", "y", "width", "height")
            )
            try:
                found = await asyncio.to_thread(graph_cut.cut, content, (left, top, width, height))
            except graph_cut.Uncuttable as reason:
                raise Invalid(str(reason), field=f"value.objects.objects[{i}].rect") from reason
            made[i] = {
                **{k: v for k, v in objects[i].items() if k != "rect"},
                "mask": graph_cut.document(found),
            }
        return {"value": {"objects": {"objects": made}}}

    # -- words -------------------------------------------------------------------------------

    async def _transcribe(self, asked: Asked) -> Doc:
        """Each segment without words gets those that a model hears in it; a text is what it hears
        in the whole recording, or in the segment that the task is about."""
        content, _ = await self._media(asked, "audio")
        assist, value = asked.assist, asked.value
        if "segments" not in value:
            if asked.per:
                content = await self._own_stretch(asked, content)
            spoken, model = await self._said(assist, [content])
            return {"value": {"text": {"text": spoken[0]}}, **model}
        segments = value["segments"].get("segments", [])
        silent = [i for i, one in enumerate(segments) if not one.get("text")]
        if not 0 < len(silent) <= _MOST:
            words = f"must hold 1 to {_MOST} segments without words"
            raise Invalid(words, field="value.segments")
        cut = await asyncio.to_thread(clip.clips, content, [segments[i] for i in silent])
        spoken, model = await self._said(assist, _all_there(cut, "value.segments"))
        made = list(segments)
        for i, text in zip(silent, spoken, strict=True):
            made[i] = {**segments[i], **({"text": text} if text else {})}
        return {"value": {"segments": {**value["segments"], "segments": made}}, **model}

    async def _own_stretch(self, asked: Asked, content: bytes) -> bytes:
        """What the task is about of a recording."""
        if asked.about is None:
            words = f"must be the task's own: the object of {asked.per} that it is about is in them"
            raise Invalid(words, field="inputs")
        cut = await asyncio.to_thread(clip.clips, content, [asked.about])
        return _all_there(cut, "inputs")[0]

    async def _said(self, assist: Assist, recordings: list[bytes]) -> tuple[list[str], Doc]:
        """What is said in each recording, empty for nothing."""
        answers, model = await self._ask(assist, "transcription", recordings)
        found = []
        for answer in answers:
            try:
                draft = adapters.draft_of("transcription", answer, [], {"shape": "text"})
                found.append(str(draft["value"]["text"]["text"]))
            except Impossible as nothing:
                log.info("nothing was transcribed: %s", nothing)
                found.append("")
        return found, model

    async def _rewrite(self, asked: Asked) -> Doc:
        """A proposal for the text: of a rewrite its `after`, of a conversation its last turn."""
        assist, value = asked.assist, asked.value
        turns = value.get("conversation", {}).get("turns", [])
        rewrite = value.get("rewrite", {})
        last = turns[-1].get("content", "") if turns else ""
        before = value.get("text", {}).get("text") or rewrite.get("before") or last
        if not before:
            raise Invalid("holds no text to rewrite", field="value")
        (answer,), model = await self._ask(assist, "rewriting", [str(before).encode()])
        try:
            after = str(json.loads(answer)["value"]["text"]["text"])
            after.encode()
        except domain.MALFORMED as error:
            raise Unavailable(f"model {assist.model} proposed no text") from error
        if turns:
            made: Doc = {"conversation": {"turns": [*turns[:-1], {**turns[-1], "content": after}]}}
        else:
            made = (
                {"rewrite": {**rewrite, "after": after}} if rewrite else {"text": {"text": after}}
            )
        return {"value": made, **model}

    async def _ask(
        self, assist: Assist, capability: str, inputs: list[bytes]
    ) -> tuple[list[Any], Doc]:
        """(the model's answers, which model it was)."""
        if not assist.model:
            raise Unavailable(f"the template's assist {assist.capability} names no model")
        model = await self._inference.model(assist.model)
        if model.capability != capability:
            told = model.capability or "nothing known"
            raise Unavailable(f"model {assist.model} does {told}, not {capability}")
        arrays = await self._inference.infer(
            model, adapters.INPUT, inputs, [adapters.OUTPUT], _SECONDS
        )
        rows = arrays[adapters.OUTPUT]
        if not rows.shape[1]:
            raise Unavailable(f"model {assist.model} answered nothing")
        answers = [row[0] for row in rows.tolist()]
        return answers, {"model": model.name, "model_version": model.version}

    # -- media -------------------------------------------------------------------------------

    async def _media(self, asked: Asked, key: str) -> tuple[bytes, str]:
        """(bytes, name of its blob) of the assist's media field, or of one element of a list of
        them (by its number or `name`)."""
        value = asked.data.get(asked.assist.input)
        where = f"data.{asked.assist.input}"
        if isinstance(value, list):
            value = _element(value, asked.element, where)
            where = f"{where}[{asked.element}]"
        if isinstance(value, dict):
            value = value.get(key)
        if not isinstance(value, str):
            raise Invalid(f"the item has no {key} there", field=where)
        try:
            if value.startswith("blob:"):
                return await self._blobs.get(value[5:]), value
            return domain.inline_image(value), ""
        except (Impossible, Fault) as unreadable:
            raise Invalid(str(unreadable), field=where) from unreadable


def _all_there(cut: list[bytes | str], field: str) -> list[bytes]:
    """What was cut; raises `Invalid` for what could not be."""
    made = [one for one in cut if isinstance(one, bytes)]
    if len(made) < len(cut):
        reason = next(one for one in cut if isinstance(one, str))
        raise Invalid(reason, field=field)
    return made


def own_data(parse: Callable[[str], Any], data: str, project: str) -> Doc:
    """The item's data fields; raises `Invalid` for what is no JSON object, or names a blob of
    another tenant."""
    try:
        parsed = parse(data)
    except ValueError as error:
        raise Invalid(f"is no JSON: {error}", field="data") from error
    if not isinstance(parsed, dict):
        raise Invalid("must be a JSON object of the item's data fields", field="data")
    if not domain.own_blobs(parsed, project.split("/")[1]):
        raise Invalid("names a blob that is not there; upload the file first", field="data")
    return parsed


def _element(values: list[Any], element: str, where: str) -> Any:
    named = {str(one.get("name")): one for one in values if isinstance(one, dict) and "name" in one}
    numbered = {str(number): one for number, one in enumerate(values)}
    found = {**numbered, **named}.get(element)
    if found is None:
        known = ", ".join(list(named or numbered)[:10])
        raise Invalid(f"has no element {element[:100]!r}; name one of {known}", field="element")
    return found


def _boxes(value: Doc, element: str) -> dict[str, Doc]:
    """Boxes of cuboids, fusion, or key frames of tracks at the sweep `element`, by their path."""
    if "cuboid_tracks" in value:
        return {
            f"value.cuboid_tracks.tracks[{i}].frames[{j}]": frame
            for i, track in enumerate(value["cuboid_tracks"].get("tracks", []))
            for j, frame in enumerate(track.get("frames", []))
            if str(tracks.number(frame)) == (element or "0")
        }
    path = "value.fusion.cuboids" if "fusion" in value else "value.cuboids"
    holder = value.get("fusion", value).get("cuboids", {})
    return {f"{path}.cuboids[{i}]": one for i, one in enumerate(holder.get("cuboids", []))}


def _within(found: list[Doc], count: int) -> list[Doc]:
    """The tracks, if few enough for one call, with rising key frames that the item has (any, where
    `count` is 0: a video)."""
    if not 0 < len(found) <= _TRACKS:
        raise Invalid(f"must hold 1 to {_TRACKS} tracks", field="value")
    for i, track in enumerate(found):
        numbers = [tracks.number(frame) for frame in track.get("frames", [])]
        rising = all(a < b for a, b in pairwise(numbers))
        if not numbers or not rising or numbers[-1] >= (count or _LONGEST):
            words = f"must have rising frames from 0 to {(count or _LONGEST) - 1}"
            raise Invalid(words, field=f"value.tracks[{i}].frames")
    return found
