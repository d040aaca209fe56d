"""How long it takes to compare two labels that are texts, turns, spans or rankings, by loss, beside
jiwer on the same texts.

    python -m loadtests.losses.texts --pairs 100000

prints microseconds of one core for a pair: sentences of 34 words, of which one in seven is wrong.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jiwer

from services.qc_scorer import losses

Doc = dict[str, Any]
SEED, LENGTH, WRONG = 7, 34, 1 / 7
SAID = "the quick brown fox jumps over a lazy dog and it said nothing more about that"
WORDS = tuple(SAID.split())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.losses.texts")
    parser.add_argument("--pairs", type=int, default=100_000)
    count = parser.parse_args().pairs
    rng = random.Random(SEED)
    texts = [_texts(rng) for _ in range(count)]
    print(f"| loss, {count:,} pairs | µs a pair |\n|---|---|")
    for name, judge in (("jiwer.wer", jiwer.wer), ("jiwer.cer", jiwer.cer)):
        print(f"| {name} | {_timed(texts, judge):.1f} |", flush=True)
    for loss, make in MADE.items():
        pairs = [(make(a, rng), make(b, rng)) for a, b in texts]
        took = _timed(pairs, lambda a, b, loss=loss: losses.errors(a, b, loss))  # type: ignore[misc]
        print(f"| `{loss}` | {took:.1f} |", flush=True)
    return 0


def _timed(pairs: Sequence[tuple[Any, Any]], call: Callable[[Any, Any], Any]) -> float:
    began = time.process_time()
    for a, b in pairs:
        call(a, b)
    return 1e6 * (time.process_time() - began) / len(pairs)


def _texts(rng: random.Random) -> tuple[str, str]:
    true = rng.choices(WORDS, k=LENGTH)
    return " ".join(true), " ".join(rng.choice(WORDS) if rng.random() < WRONG else w for w in true)


def _text(text: str, rng: random.Random) -> Doc:
    return {"text": {"text": text}}


def _spans(text: str, rng: random.Random) -> Doc:
    starts = rng.sample(range(len(text) - 9), 5)
    named = [{"start": s, "end": s + 9, "class": "a", "id": str(s)} for s in starts]
    ends = [{"class": "r", "head": str(a), "tail": str(b)} for a, b in pairwise(starts)]
    return {"spans": {"spans": named, "relations": ends}}


def _segments(text: str, rng: random.Random) -> Doc:
    """Five turns of two speakers."""
    words = text.split()
    turns = []
    for place in range(5):
        told = {"speaker": "AB"[place % 2], "text": " ".join(words[place * 7 : place * 7 + 7])}
        turns.append({"start": place * 3 + rng.random(), "end": place * 3 + 3.0, **told})
    return {"segments": {"segments": turns}}


def _ranking(text: str, rng: random.Random) -> Doc:
    ids = rng.sample("abcde", 5)
    return {"ranking": {"groups": [{"ids": ids[:2]}, *({"ids": [one]} for one in ids[2:])]}}


def _conversation(text: str, rng: random.Random) -> Doc:
    replies = [{"id": name, "rank": rng.randint(1, 2)} for name in "ab"]
    turn = {"role": "assistant", "content": text, "replies": replies}
    return {"conversation": {"turns": [{"role": "user", "content": "so"}, turn]}}


def _preference(text: str, rng: random.Random) -> Doc:
    return {"preference": {"outcome": "CHOSEN", "chosen": rng.choice("ab")}}


def _ratings(text: str, rng: random.Random) -> Doc:
    return {"ratings": {"ratings": [{"scale": s, "value": rng.randint(1, 5)} for s in "abc"]}}


def _rewrite(text: str, rng: random.Random) -> Doc:
    return {"rewrite": {"before": "so", "after": text}}


def _prompt(text: str, rng: random.Random) -> Doc:
    return {"prompt": {"text": text, "variables": [{"name": "a"}]}}


MADE: dict[str, Callable[[str, random.Random], Doc]] = {
    "text": _text,
    "word": _text,
    "character": _text,
    "span": _spans,
    "relations": _spans,
    "segments": _segments,
    "transcript": _segments,
    "ranking": _ranking,
    "preference": _preference,
    "ratings": _ratings,
    "conversation": _conversation,
    "response": _conversation,
    "rewrite": _rewrite,
    "prompt": _prompt,
}

if __name__ == "__main__":
    raise SystemExit(main())
