"""{reader, paths} -> {recording: [[start, end, speaker, text]]} as the field's readers have it."""

import json
import re
import sys
from pathlib import Path


def rttm(path):
    from pyannote.database.util import load_rttm

    for key, annotation in load_rttm(path).items():
        yield (
            key,
            [[s.start, s.end, who, ""] for s, _, who in annotation.itertracks(yield_label=True)],
        )


def stm(path):
    import meeteval

    found = {}
    for line in meeteval.io.STM.load(path):
        key, who = line.filename, line.speaker_id
        found.setdefault(key, []).append(
            [
                float(line.begin_time),
                float(line.end_time),
                who,
                re.sub(r"^<\S*> ?", "", line.transcript),
            ]
        )
    yield from found.items()


def ctm(path):
    import meeteval

    found = {}
    for line in meeteval.io.CTM.load(path):
        start = float(line.begin_time)
        word = [start, start + float(line.duration), "", line.word]
        found.setdefault(line.filename, []).append(word)
    yield from found.items()


def praatio(path):
    from praatio import textgrid

    grid = textgrid.openTextgrid(path, includeEmptyIntervals=False, duplicateNamesMode="rename")
    found = []
    for name in grid.tierNames:
        tier = grid.getTier(name)
        if isinstance(tier, textgrid.IntervalTier):
            found += [[e.start, e.end, name, e.label] for e in tier.entries]
    yield Path(path).stem, found


def textgrid(path):
    import textgrid as reader

    grid = reader.TextGrid.fromFile(path)
    yield (
        Path(path).stem,
        [
            [i.minTime, i.maxTime, tier.name, i.mark]
            for tier in grid
            if isinstance(tier, reader.IntervalTier)
            for i in tier
            if i.mark.strip()
        ],
    )


def srt(path):
    import srt as reader

    text = Path(path).read_text(encoding="utf-8")
    yield (
        Path(path).stem,
        [
            [c.start.total_seconds(), c.end.total_seconds(), "", c.content]
            for c in reader.parse(text)
        ],
    )


def webvtt(path):
    import webvtt as reader

    yield (
        Path(path).stem,
        [[seconds(c.start), seconds(c.end), c.voice or "", c.text] for c in reader.read(path)],
    )


def seconds(clock):
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def elan(path):
    from pympi import Eaf

    eaf, found = Eaf(path), []
    for name in eaf.get_tier_names():
        found += [
            [a / 1000, b / 1000, name, text]
            for a, b, text, *_ in eaf.get_annotation_data_for_tier(name)
        ]
    yield Path(path).stem, found


def kaldi(path):
    import os

    from lhotse.kaldi import load_kaldi_data_dir

    os.chdir(path)
    _, supervisions, _ = load_kaldi_data_dir(Path(path), sampling_rate=16000)
    found = {}
    for one in supervisions or ():
        who = "" if one.speaker == one.id else one.speaker
        found.setdefault(one.recording_id, []).append([one.start, one.end, who, one.text or ""])
    yield from found.items()


def main() -> None:
    question = json.load(sys.stdin)
    read = globals()[question["reader"]]
    answer = {}
    for path in question["paths"]:
        for key, found in read(path):
            answer[key] = [[float(a), float(b), who, text] for a, b, who, text in found]
    print(json.dumps(answer))


main()
