"""What `drafts` measures, in the field's own numbers."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment

from libs.sensor import boxes, point_clouds
from services.qc_scorer.losses.tracks import tracking

Doc = dict[str, Any]
Ask = Callable[[bytes], Doc]
Figures = Iterator[tuple[str, float]]
Sentence = tuple[str, set[tuple[int, int, str]]]
Turn = tuple[float, float, str]
# Seconds: a step of time, and how far an end may be off.
_STEP, _COLLAR = 0.01, 0.25


def f1(right: int, said: int, true: int) -> float:
    return 2 * right / max(1, said + true)


# -- texts ---------------------------------------------------------------------------------------

_WNUT = {"person": "person", "location": "place", "corporation": "organization"}
_WNUT["group"] = "organization"
_WEIBO = {"PER.NAM": "person", "ORG.NAM": "organization"}
_WEIBO |= {"LOC.NAM": "place", "GPE.NAM": "place"}


def entities(data: Path, ask: Ask) -> Figures:
    """Exact spans of the classes that both know, in English messages."""
    yield from _spans(_sentences(data / "wnut17_dev.conll", " ", _WNUT), ask)


def chinese_entities(data: Path, ask: Ask) -> Figures:
    """Exact spans of the classes that both know, named ones only, in Chinese messages."""
    yield from _spans(_sentences(data / "weibo_dev.conll", "", _WEIBO), ask)


def _spans(sentences: Iterator[Sentence], ask: Ask) -> Figures:
    counts = {name: np.zeros(3, int) for name in ("person", "place", "organization")}
    for text, truth in sentences:
        found = {
            (one.get("start", 0), one["end"], one["class"])
            for one in ask(text.encode())["value"]["spans"]["spans"]
        }
        for name, count in counts.items():
            said, true = ({s for s in some if s[2] == name} for some in (found, truth))
            count += [len(said & true), len(said), len(true)]
    for name, (right, said, true) in counts.items():
        yield f"F1 of {name}, {true} spans", f1(right, said, true)
    right, said, true = np.sum(list(counts.values()), axis=0)
    yield "precision of all", right / max(1, said)
    yield "recall of all", right / max(1, true)


def _sentences(path: Path, space: str, names: dict[str, str]) -> Iterator[Sentence]:
    for block in path.read_text().strip().split("\n\n"):
        text = ""
        spans: list[tuple[int, int, str]] = []
        for line in block.splitlines():
            word, tag = line.split("\t")
            # Weibo's characters carry their place in the word.
            word = word if space else word[:1]
            start = len(text)
            if tag.startswith("B-"):
                spans.append((start, start + len(word), names.get(tag[2:], "")))
            elif tag.startswith("I-"):
                spans[-1] = (spans[-1][0], start + len(word), spans[-1][2])
            text += word + space
        yield text, {(a, b, name) for a, b, name in spans if name}


# -- sound ---------------------------------------------------------------------------------------


def words(data: Path, ask: Ask) -> Figures:
    """Word error rate; case and punctuation do not count."""
    short = data / "asr_short"
    known = {
        short / "jfk/jfk.flac": (short / "jfk/transcript.txt").read_text(),
        short / "aishell_libri_2/librispeech-1995-1837-0001.wav": next(
            line.split(" ", 1)[1]
            for line in (short / "aishell_libri_2/text").read_text().splitlines()
            if "librispeech" in line
        ),
    }
    for path in sorted((short / "librivox_austen_3").glob("*.wav")):
        known[path] = path.with_suffix(".txt").read_text()
    sonnet = data / "asr_long/sonnet001_53s"
    written = (sonnet / "sonnet001.txt").read_text()
    known[sonnet / "sonnet001.mp3"] = " ".join(re.findall(r'"([^"]*)"', written))
    wrong = count = 0
    for path, truth in known.items():
        segments = ask(path.read_bytes())["value"]["segments"]["segments"]
        said = _words(" ".join(one["text"] for one in segments))
        true = _words(truth)
        yield f"word error rate of {path.stem}", Levenshtein.distance(said, true) / len(true)
        wrong, count = wrong + Levenshtein.distance(said, true), count + len(true)
    yield f"word error rate of all, {count} words", wrong / count


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower().replace("mr.", "mister"))


def voices(data: Path, ask: Ask) -> Figures:
    """Moments of speech missed, and wrongly said; ends may be off by a quarter of a second."""
    for name, path, truth, seconds in _recordings(data):
        turns = _turns(ask(path.read_bytes()), speakers=False)
        (missed, false, _), all_ = _moments([(a, b, "") for a, b, _ in truth], turns, seconds)
        yield f"speech missed, {name}", missed / all_
        yield f"false alarm, {name}", false / all_


def speakers(data: Path, ask: Ask) -> Figures:
    """Diarisation error rate and its part of wrong speakers, with a collar."""
    for name, path, truth, seconds in _recordings(data):
        turns = _turns(ask(path.read_bytes()), speakers=True)
        wrong, all_ = _moments(truth, turns, seconds)
        yield f"diarisation error rate, {name}", sum(wrong) / all_
        yield f"wrong speaker, {name}", wrong[2] / all_


def _recordings(data: Path) -> Iterator[tuple[str, Path, list[Turn], float]]:
    made = data / "derived_10min"
    yield "10 min pasted", made / "derived_10min.ogg", _rttm(made / "derived_10min.rttm"), 600
    meeting = data / "ami_dev00_30s_diarization"
    yield "meeting", meeting / "dev00.wav", _rttm(meeting / "debug.development.rttm", "dev00"), 30
    two = data / "mfa_two_speakers_52s"
    grid = _grid(two / "michaelandsickmichael.TextGrid")
    yield "two voices of one man", two / "michaelandsickmichael.wav", grid, 52


def _rttm(path: Path, recording: str = "") -> list[Turn]:
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [
        (float(row[3]), float(row[3]) + float(row[4]), row[7])
        for row in rows
        if not recording or row[1] == recording
    ]


def _grid(path: Path) -> list[Turn]:
    turns, tier = [], ""
    pattern = r'name = "([^"]*)"|xmin = ([\d.]+)\s*xmax = ([\d.]+)\s*text = "([^"]*)"'
    for name, start, end, text in re.findall(pattern, path.read_text(errors="replace")):
        if name:
            tier = name
        elif text.strip():
            turns.append((float(start), float(end), tier))
    return turns


def _turns(document: Doc, speakers: bool) -> list[Turn]:
    return [
        (one.get("start", 0.0), one["end"], one["speaker"] if speakers else "")
        for one in document["value"]["segments"]["segments"]
    ]


def _moments(true: list[Turn], said: list[Turn], seconds: float) -> tuple[list[float], float]:
    """([missed, false alarm, wrong speaker], speech) in moments outside of the collars."""
    count = int(seconds / _STEP)
    counted = np.ones(count, bool)
    for turn in true:
        for end in turn[:2]:
            counted[max(0, int((end - _COLLAR) / _STEP)) : int((end + _COLLAR) / _STEP)] = False
    a, b = (_grid_of(turns, count)[:, counted] for turns in (true, said))
    rows, columns = linear_sum_assignment(-(a.astype(int) @ b.T.astype(int)))
    right = sum(((a[i] & b[j]).sum() for i, j in zip(rows, columns, strict=True)), 0)
    there, heard = a.sum(0), b.sum(0)
    missed, false = np.maximum(there - heard, 0).sum(), np.maximum(heard - there, 0).sum()
    wrong = np.minimum(there, heard).sum() - right
    return [float(missed), float(false), float(wrong)], float(there.sum())


def _grid_of(turns: list[Turn], count: int) -> np.ndarray:
    """(speakers, moments) bool."""
    names = sorted({turn[2] for turn in turns}) or [""]
    grid = np.zeros((len(names), count), bool)
    for start, end, name in turns:
        grid[names.index(name), int(start / _STEP) : int(end / _STEP)] = True
    return grid


# -- images --------------------------------------------------------------------------------------


def lines(data: Path, ask: Ask) -> Figures:
    """Character error rate of printed lines; words of a street scene that are found and read."""
    home = data / "cnocr_zh_lines"
    for name, truth in json.loads((home / "gt.json").read_text()).items():
        said = [one["text"] for one in _written(ask((home / name).read_bytes()))]
        a, b = ("".join("".join(some).split()) for some in (said, truth))
        yield f"character error rate, {name}", Levenshtein.distance(a, b) / len(b)
    found = true = 0
    scenes = json.loads((data / "icdar15_8_quads/textdet_test.json").read_text())["data_list"]
    for scene in scenes:
        image = data / "icdar15_8_quads" / Path(scene["img_path"]).name
        if not image.exists():
            continue
        said = [_box(one["quad"]["points"]) for one in _written(ask(image.read_bytes()))]
        wanted = [_box(one["polygon"]) for one in scene["instances"] if not one["ignore"]]
        true += len(wanted)
        found += sum(any(_shared(box, other) >= 0.5 for other in said) for box in wanted)
    yield f"street scenes: words covered, {true} words", found / true


def _written(document: Doc) -> list[Doc]:
    objects = document["value"]["objects"]["objects"]
    return [one for one in objects if one["class"] == "line"]


def _box(points: list[float]) -> tuple[float, float, float, float]:
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def _shared(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Share of `a` that lies in `b`: a line may hold several words."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    area = (a[2] - a[0]) * (a[3] - a[1])
    return max(0.0, width) * max(0.0, height) / max(area, 1e-9)


_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_COCO = ["nose", *(f"{side}_{part}" for part in _PAIRS for side in ("left", "right"))]
_SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


def poses(data: Path, ask: Ask) -> Figures:
    """People with an object keypoint similarity (COCO's OKS) of 0.5 and 0.75, of those with five
    labelled points or more; and the mean similarity of those found."""
    dataset = json.loads((data / "test_coco.json").read_text())
    best: list[float] = []
    for image in dataset["images"]:
        document = ask((data / image["file_name"]).read_bytes())
        people = [_person(o, document["points"]) for o in document["value"]["objects"]["objects"]]
        true = [
            one
            for one in dataset["annotations"]
            if one["image_id"] == image["id"] and one["num_keypoints"] >= 5
        ]
        table = np.array([[_oks(one, person) for person in people] for one in true])
        table = table.reshape(len(true), len(people))
        rows, columns = linear_sum_assignment(-table)
        scores = np.zeros(len(true))
        scores[rows] = table[rows, columns]
        best += scores.tolist()
    for least in (0.5, 0.75):
        yield f"recall at OKS {least}, {len(best)} people", float(np.mean(np.array(best) >= least))
    yield "mean OKS of those found", float(np.mean([one for one in best if one >= 0.5]))


def _person(one: Doc, names: list[str]) -> np.ndarray:
    """(17, 2) places; far away where not labelled."""
    known = dict(zip(names, one["keypoints"]["points"], strict=True))
    return np.array([[known[n].get("x", 1e6), known[n].get("y", 1e6)] for n in _COCO])


def _oks(true: Doc, person: np.ndarray) -> float:
    places = np.array(true["keypoints"], float).reshape(17, 3)
    seen = places[:, 2] > 0
    far = ((places[:, :2] - person) ** 2).sum(1)
    close = np.exp(-far / (2 * true["area"] * (2 * _SIGMAS) ** 2 + 1e-9))
    return float(close[seen].mean())


def tracks(data: Path, ask: Ask) -> Figures:
    """People walking, against MOT17's own file."""
    frames = sorted((data / "img1").glob("*.jpg"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in frames:
            archive.write(path, path.name)
    found = ask(packed.getvalue())["value"]["tracks"]["tracks"]
    people = [one for one in found if one["class"] == "person"]
    truth: dict[str, list[Doc]] = {}
    for line in (data / "gt/gt.txt").read_text().splitlines():
        frame, id_, x, y, width, height, counted, kind = (float(v) for v in line.split(",")[:8])
        if counted and kind == 1 and frame <= len(frames):
            rect = {"x": x, "y": y, "width": width, "height": height}
            truth.setdefault(f"{id_:.0f}", []).append({"frame": int(frame) - 1, "rect": rect})
    for rows in truth.values():
        last = rows[-1]
        if last["frame"] + 1 < len(frames):
            rows.append({**last, "frame": last["frame"] + 1, "outside": True})
    true = [{"id": i, "class": "person", "frames": rows} for i, rows in truth.items()]
    measured = tracking.measure([({"tracks": {"tracks": true}}, {"tracks": {"tracks": people}})])
    yield f"MOTA, {len(true)} people", measured.mota
    yield "IDF1", measured.idf1
    yield "HOTA", measured.hota
    yield "switches", float(measured.switches)


# -- space ---------------------------------------------------------------------------------------


def cuboids(data: Path, ask: Ask) -> Figures:
    """Objects of the truth with a box whose centre is within two metres, and how far it is off."""
    home = data / "sustech_000965"
    truth = [
        [one["psr"]["position"][axis] for axis in "xy"]
        for one in json.loads((home / "label/000965.json").read_text())
    ]
    cloud = point_clouds.read((home / "lidar/000965.pcd").read_bytes())
    yield from _centres("street", cloud, truth, ask)
    home = data / "kitti_000008_fov"
    scene = json.loads((home / "info.json").read_text())["data_list"][0]
    to_lidar = np.linalg.inv(np.array(scene["images"]["CAM2"]["lidar2cam"]))
    known = [one["bbox_3d"] for one in scene["instances"] if one["bbox_label"] >= 0]
    truth = [(to_lidar @ [*box[:3], 1.0])[:2].tolist() for box in known]
    cloud = point_clouds.read((home / "000008.bin").read_bytes())
    yield from _centres("parked cars", cloud, truth, ask)


def _centres(name: str, cloud: point_clouds.Cloud, truth: list[list[float]], ask: Ask) -> Figures:
    given = np.ascontiguousarray(cloud.points, "<f4").tobytes()
    found = ask(given)["value"]["cuboids"]["cuboids"]
    centres = boxes.array(found)[:, :2]
    far = np.hypot(*(np.array(truth)[:, None] - centres[None]).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(far)
    close = far[rows, columns][far[rows, columns] <= 2.0]
    yield f"{name}: found within 2 m, of {len(truth)}", len(close) / len(truth)
    yield f"{name}: mean distance of those, m", float(close.mean())
    yield f"{name}: boxes that are none of them, of {len(found)}", float(len(found) - len(close))
