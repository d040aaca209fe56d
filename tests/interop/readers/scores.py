"""{score name: [arguments, ...]} -> {score name: [number or numbers, ...]} of the field's tools."""

import json
import logging
import sys
import warnings

import jiwer
import krippendorff
import meeteval
import numpy as np
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
from sacrebleu.metrics import CHRF
from seqeval.metrics import f1_score

PARTS = ("total", "missed detection", "false alarm", "confusion")


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    question = json.load(sys.stdin)
    answer = {name: [SCORES[name](*given) for given in some] for name, some in question.items()}
    print(json.dumps(answer))


def word_errors(truth, label):
    found = jiwer.process_words(truth, label)
    return found.substitutions + found.deletions + found.insertions


def character_errors(truth, label):
    found = jiwer.process_characters(truth, label)
    return found.substitutions + found.deletions + found.insertions


def annotation(turns):
    made = Annotation()
    for place, (start, end, speaker) in enumerate(turns):
        made[Segment(start, end), place] = speaker
    return made


def diarization(truth, label, collar, overlaps):
    metric = DiarizationErrorRate(collar=collar, skip_overlap=not overlaps)
    found = metric(annotation(truth), annotation(label), detailed=True)
    return [found[part] for part in PARTS]


def jaccard(truth, label):
    return JaccardErrorRate()(annotation(truth), annotation(label))


def speaker_word_errors(truth, label):
    return meeteval.wer.cp_word_error_rate(truth, label).errors


def alpha(answers, level):
    table = np.array([[np.nan if x is None else x for x in row] for row in answers])
    return krippendorff.alpha(reliability_data=table, level_of_measurement=level)


def chrf(truth, label):
    return CHRF(beta=1, word_order=0).sentence_score(label, [truth]).score / 100


SCORES = {
    "word_errors": word_errors,
    "character_errors": character_errors,
    "diarization": diarization,
    "jaccard": jaccard,
    "speaker_word_errors": speaker_word_errors,
    "entities": f1_score,
    "alpha": alpha,
    "chrf": chrf,
}
main()
