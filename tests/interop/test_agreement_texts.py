"""Losses of texts, sound and large-model data on real data against the field's own tools;
`LABELMILL_INTEROP_DATA` names the data. Labels are the truth, shaken by a seeded generator."""

from __future__ import annotations

import csv
import json
import math
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import jaccard_score, zero_one_loss
from sklearn.preprocessing import MultiLabelBinarizer

from services.qc_scorer import losses
from services.qc_scorer.losses.alpha import LEVELS, alpha
from services.qc_scorer.losses.audio.segments import diarization, jaccard_error
from services.qc_scorer.losses.audio.transcripts import streams, wrong_words
from services.qc_scorer.losses.language_model.generation import chrf
from services.qc_scorer.losses.language_model.rankings import compare
from services.qc_scorer.losses.text.normalisers import characters, none
from services.qc_scorer.losses.text.spans import changes
from services.qc_scorer.losses.text.words import word_errors
from tests.interop import judges

Doc = dict[str, Any]
DATA = Path(os.environ.get("LABELMILL_INTEROP_DATA", "no-data"))
SPOKEN = "media/asr_long/derived_10min/derived_10min"
NIST = "interop/nist_ctm_stm_rttm"
EXACT = 1e-9


def _read(path: str) -> str:
    if not (DATA / path).exists():
        pytest.skip(f"there is no {path} below LABELMILL_INTEROP_DATA={DATA}")
    return (DATA / path).read_text(errors="replace")


def _ask(**questions: list[list[Any]]) -> dict[str, list[Any]]:
    answer: dict[str, list[Any]] = judges.run("scores", "scores", questions)
    return answer


def _stm(path: str) -> dict[str, list[Doc]]:
    """Recording -> its segments."""
    found: dict[str, list[Doc]] = defaultdict(list)
    for line in _read(path).splitlines():
        parts = line.split()
        if line.startswith(";;") or len(parts) < 6:
            continue
        text = " ".join(parts[6:] if parts[5].startswith("<") else parts[5:])
        times = {"start": float(parts[3]), "end": float(parts[4])}
        found[parts[0]].append({**times, "speaker": parts[2], "text": text})
    return found


def _rttm(path: str) -> dict[str, list[Doc]]:
    found: dict[str, list[Doc]] = defaultdict(list)
    for line in _read(path).splitlines():
        parts = line.split()
        if parts and parts[0] == "SPEAKER":
            start = float(parts[3])
            times = {"start": start, "end": start + float(parts[4])}
            found[parts[1]].append({**times, "speaker": parts[7]})
    return found


def _shaken(segments: list[Doc], rng: random.Random) -> list[Doc]:
    """Segments lost, moved, given to others; words lost and doubled. No speaker meets themself."""
    reach: dict[str, float] = defaultdict(float)
    made = []
    for one in sorted(segments, key=lambda s: s["start"]):
        speaker = "x" + (one if rng.random() < 0.85 else rng.choice(segments))["speaker"]
        start = max(reach[speaker], one["start"] + rng.gauss(0, 0.3))
        end = one["end"] + rng.gauss(0, 0.3)
        if rng.random() < 0.1 or end <= start:
            continue
        reach[speaker] = end
        words = [w * rng.choice((1, 1, 2)) for w in one.get("text", "").split()]
        words = [w for w in words if rng.random() < 0.9]
        made.append({"start": start, "end": end, "speaker": speaker, "text": " ".join(words)})
    return made


def _value(segments: list[Doc]) -> Doc:
    return {"segments": {"segments": segments}}


def _turns(segments: list[Doc]) -> list[list[Any]]:
    return [[s["start"], s["end"], s["speaker"]] for s in segments]


def _recordings() -> Iterator[tuple[list[Doc], list[Doc]]]:
    rng = random.Random(1)
    for path in (
        f"{SPOKEN}.rttm",
        "media/asr_long/ami_dev00_30s_diarization/debug.development.rttm",
    ):
        for truth in _rttm(path).values():
            yield from ((truth, _shaken(truth, rng)) for _ in range(10))
    for case in (1, 2):
        truths, labels = (_rttm(f"{NIST}/sastt-case{case}.{side}.rttm") for side in ("ref", "sys"))
        yield from ((truth, labels.get(name, [])) for name, truth in truths.items())


def test_word_and_character_errors_are_those_of_jiwer() -> None:
    rng = random.Random(2)
    every = [*_stm(f"{NIST}/lvc_refe.stm").values(), *_stm(f"{SPOKEN}.stm").values()]
    texts = [s["text"] for segments in every for s in segments if s["text"]]
    pairs = [(t, " ".join(w for w in t.split() if rng.random() < 0.8) + " so") for t in texts]
    bare = [["".join(characters(x)) for x in pair] for pair in pairs]
    found = _ask(word_errors=[[*pair] for pair in pairs], character_errors=bare)
    assert [word_errors(b, a, none)[0] for a, b in pairs] == found["word_errors"]
    assert [word_errors(b, a, characters)[0] for a, b in pairs] == found["character_errors"]


@pytest.mark.parametrize(("collar", "overlaps"), [(0.0, True), (0.5, True), (0.25, False)])
def test_diarization_errors_are_those_of_pyannote(collar: float, overlaps: bool) -> None:
    pairs = list(_recordings())
    asked = [[_turns(a), _turns(b)] for a, b in pairs]
    found = _ask(diarization=[[*one, collar, overlaps] for one in asked], jaccard=asked)
    for (a, b), seconds, jaccard in zip(pairs, found["diarization"], found["jaccard"], strict=True):
        ours = diarization(_value(a), _value(b), collar, overlaps)
        parts = [ours.total, ours.missed, ours.extra, ours.confused]
        assert parts == pytest.approx(seconds, abs=EXACT)
        assert jaccard_error(_value(a), _value(b)) == pytest.approx(jaccard, abs=EXACT)


def test_what_speakers_say_is_scored_as_by_meeteval() -> None:
    rng = random.Random(3)
    pairs = []
    for path in (f"{SPOKEN}.stm", f"{NIST}/lvc_refe.stm", f"{NIST}/test.arb2004.txt.stm"):
        pairs += [(one, _shaken(one, rng)) for one in _stm(path).values() for _ in range(5)]
    said = [[streams(_value(side), none) for side in pair] for pair in pairs]
    asked = [[{name: " ".join(words) for name, words in s.items()} for s in one] for one in said]
    found = _ask(speaker_word_errors=asked)["speaker_word_errors"]
    assert [wrong_words(a, b) for a, b in said] == found


def _tags(path: str) -> list[list[str]]:
    sentences: list[list[str]] = [[]]
    for line in _read(path).splitlines():
        parts = line.split()
        if len(parts) > 1:
            sentences[-1].append(parts[-1])
        elif sentences[-1]:
            sentences.append([])
    return [tags for tags in sentences if tags]


def _spans(tags: list[str]) -> Doc:
    """As CoNLL's IOB2 is read."""
    made: list[Doc] = []
    for place, (before, tag) in enumerate(zip(["O", *tags], tags, strict=False)):
        goes_on = tag[:1] == "I" and before[2:] == tag[2:]
        if goes_on:
            made[-1]["end"] = place + 1
        elif tag != "O":
            made.append({"start": place, "end": place + 1, "class": tag[2:]})
    return {"spans": {"spans": made}}


@pytest.mark.parametrize("name", ["wnut17_dev300/wnut17_dev", "weibo_zh_dev200/weibo_dev"])
def test_entities_are_scored_as_by_seqeval(name: str) -> None:
    rng, truth = random.Random(4), _tags(f"media/nlp_ner/{name}.conll")
    known = sorted({tag for tags in truth for tag in tags})
    label = [[t if rng.random() < 0.97 else rng.choice(known) for t in tags] for tags in truth]
    equal = size = 0
    for true, said in zip(truth, label, strict=True):
        a, b = _spans(true), _spans(said)
        equal += changes(b, a).equal
        size += sum(len(side["spans"]["spans"]) for side in (a, b))
    found = _ask(entities=[[truth, label]])["entities"]
    assert 2 * equal / size == pytest.approx(found[0], abs=EXACT)


def _ranked(message: Doc) -> Iterator[tuple[list[int], list[int]]]:
    """(people's ranks of the replies, their lengths) through a tree."""
    replies = message.get("replies", [])
    given = [one.get("rank") for one in replies]
    if len(given) > 1 and None not in given:
        yield given, [len(one["text"]) for one in replies]
    for one in replies:
        yield from _ranked(one)


def _trees() -> list[Doc]:
    lines = _read("media/llm_rm_ranking/oasst_trees_60/oasst_trees.jsonl").splitlines()
    return [json.loads(line)["prompt"] for line in lines]


def test_classes_and_sets_of_them_are_compared_as_by_scikit_learn() -> None:
    rows = list(
        csv.DictReader(_read("media/nlp_classification/banking77_770/banking77.csv").splitlines())
    )
    names, rng = sorted({row["category"] for row in rows}), random.Random(4)

    def shaken(truth: list[str]) -> list[str]:
        kept = [name for name in truth if rng.random() < 0.7]
        return sorted({*kept, *rng.sample(names, rng.randint(0, 2))}) or [rng.choice(names)]

    truth = [sorted({row["category"], *rng.sample(names, 2)}) for row in rows]
    label = [shaken(one) for one in truth]
    binary = MultiLabelBinarizer(classes=names).fit(truth)
    wanted = jaccard_score(binary.transform(truth), binary.transform(label), average="samples")
    far = [
        losses.distance({"choices": {"classes": a}}, {"choices": {"classes": b}}, "set")
        for a, b in zip(truth, label, strict=True)
    ]
    assert 1 - np.mean(far) == pytest.approx(wanted, abs=EXACT)
    one = [[row["category"]] for row in rows]
    other = [[rng.choice(names) if rng.random() < 0.2 else name] for (name,) in one]
    wrong = [
        losses.distance({"choices": {"classes": a}}, {"choices": {"classes": b}}, "class")
        for a, b in zip(one, other, strict=True)
    ]
    missed = zero_one_loss([a for (a,) in one], [b for (b,) in other])
    assert np.mean(wrong) == pytest.approx(missed, abs=EXACT) and missed > 0.1


def test_rankings_are_compared_as_by_scipy() -> None:
    pairs = [pair for tree in _trees() for pair in _ranked(tree)]
    votes = json.loads(_read("media/t2i_preference/imagereward_4img/human_rankings.json"))
    ranks = [one["rank" if "rank" in one else "ranking"] for one in votes]
    pairs += [(a, b) for i, a in enumerate(ranks) for b in ranks[:i] if len(a) == len(b)][:2000]
    known = [(a, b, kendalltau(a, b).statistic) for a, b in pairs]
    judged = [(a, b, tau) for a, b, tau in known if not math.isnan(tau)]
    assert len(judged) > 1000
    for a, b, tau in judged:
        assert compare(a, b).tau == pytest.approx(tau, abs=EXACT)


def test_texts_are_as_alike_as_sacrebleu_says() -> None:
    replies = [[r["text"] for r in tree.get("replies", [])] for tree in _trees()]
    pairs = [[a, b] for texts in replies for a, b in pairwise(texts)]
    assert [chrf(a, b) for a, b in pairs] == pytest.approx(_ask(chrf=pairs)["chrf"], abs=EXACT)


def test_alpha_is_that_of_its_reference() -> None:
    """Random tables: the published one is a unit test."""
    rng = np.random.default_rng(5)
    asked, ours = [], []
    for _ in range(50):
        size = rng.integers(2, 8), rng.integers(5, 60)
        table = np.where(rng.random(size) < 0.8, rng.integers(1, 6, size), np.nan)
        for level in LEVELS:
            asked.append(
                [[[None if math.isnan(x) else x for x in r] for r in table.tolist()], level]
            )
            ours.append(alpha(table, level))
    assert ours == pytest.approx(_ask(alpha=asked)["alpha"], abs=EXACT)
