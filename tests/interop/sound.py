"""Formats of recordings."""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from libs.formats import Doc, Sample
from libs.formats.source import of_folder
from tests.interop import judges
from tests.interop.frame import Result, Row, Written, read, round_trip, stem

AUDIO = ({"name": "audio", "type": "audio"},)
# Seconds: formats of milliseconds, and floats on the way.
_CLOSE = 0.0011

Segment = tuple[float, float, str, str]


def formats(
    format_: str,
    paths: Sequence[str],
    readers: Sequence[str] = (),
    suffix: str = "",
    schema: Doc | None = None,
    label: str = "",
    speakers: bool = True,
    texts: bool = True,
    words: bool = False,
    foreign: bool = True,
    refused: int = 0,
) -> Row:
    """Reads every path, compares with what the judges read there, writes it, reads it again, and
    shows it to the judges. Without `foreign` the judges cannot read the files themselves; `refused`
    lines of the files are broken, and must be told."""

    def told(samples: Sequence[Sample]) -> dict[str, list[Segment]]:
        keep = (speakers, texts, words)
        return {stem(s.key): sorted(_segments(s, *keep)) for s in samples}

    def check(data: Path) -> Result:
        result, good, shown, told_of = Result(judged="-"), 0, 0, 0
        for path in paths:
            file = data / path
            samples, faults = read(format_, file, schema)
            told_of += len(faults)
            result.read(max(1, len(samples)) if file.is_dir() else 1, samples, [])
            result.left_out.update(f"refused: {one.reason}" for one in faults)
            written = round_trip(result, format_, samples, schema or {}, fields=AUDIO, media=False)
            with tempfile.TemporaryDirectory() as folder:
                ours = _unpacked(written, Path(folder), f"ours{suffix}")
                theirs = [file] if file.is_file() else sorted(file.glob(f"*{suffix}"))
                for reader in readers:
                    shown += len(samples)
                    sides = [("ours", ours)] + ([("theirs", theirs)] if foreign else [])
                    good += len(samples) * all(
                        _same(
                            result, f"{reader}, {side}: {path}", reader, files, told(samples), told
                        )
                        for side, files in sides
                    )
        result.same("lines refused", told_of, refused)
        if readers:
            result.judged = f"{good} of {shown} by {' and '.join(readers)}"
        return result

    return Row(f"{format_}{label}", tuple(paths), check)


def _same(
    result: Result,
    what: str,
    reader: str,
    files: Sequence[Path],
    wanted: dict[str, list[Segment]],
    told: Any,
) -> bool:
    judge = "lhotse" if reader == "kaldi" else "sound"
    question = {"reader": reader, "paths": [str(f) for f in files]}
    found = judges.run(judge, "sound_segments", question)
    got = {stem(key): sorted(map(tuple, value)) for key, value in found.items()}
    plain = {key: [_bare(s, wanted) for s in value] for key, value in got.items()}
    return result.same(what, plain, {k: v for k, v in wanted.items() if v or k in plain}, _CLOSE)


def _bare(segment: Any, wanted: dict[str, list[Segment]]) -> list[Any]:
    """Speakers and texts are compared where the row compares them."""
    start, end, speaker, text = segment
    kept = [one for value in wanted.values() for one in value]
    speaker = speaker if any(one[2] for one in kept) else ""
    return [start, end, speaker, " ".join(text.split()) if any(one[3] for one in kept) else ""]


def _segments(sample: Sample, speakers: bool, texts: bool, words: bool) -> list[Any]:
    found = (sample.value or {}).get("segments", {}).get("segments", [])
    if words:
        found = [word for one in found for word in one.get("words", [])]
    return [
        [
            one.get("start", 0.0),
            one["end"],
            one.get("speaker", "") if speakers else "",
            " ".join(one.get("text", "").split()) if texts else "",
        ]
        for one in found
    ]


def _unpacked(written: Written, folder: Path, name: str) -> list[Path]:
    if not written.content.startswith(b"PK"):
        return [written.put(folder, name)]
    with zipfile.ZipFile(BytesIO(written.content)) as archive:
        archive.extractall(folder)
    if (folder / "utt2spk").exists():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _kaldi_manifests(data: Path) -> Result:
    """What Lhotse made of the same directory."""
    folder = data / "interop/kaldi_lhotse/mini_librispeech"
    result = Result(judged="-")
    samples, faults = read("kaldi", folder)
    result.read(1, samples, faults)
    round_trip(result, "kaldi", samples, {}, fields=AUDIO, media=False)
    manifest = gzip.decompress((folder / "lhotse/supervisions.jsonl.gz").read_bytes())
    wanted = {
        one["recording_id"]: [
            [one["start"], one["start"] + one["duration"], one["speaker"], one["text"]]
        ]
        for one in map(json.loads, manifest.splitlines())
    }
    ours = {s.key: _segments(s, True, True, False) for s in samples}
    if result.same("Lhotse's manifest", ours, wanted, _CLOSE):
        result.judged = f"{len(wanted)} of {len(wanted)} as Lhotse's manifest"
    return result


def _kaldi_written(data: Path) -> Result:
    """Lhotse reads our directory of a recording that lies beside it."""
    folder = data / "media/asr_long/derived_10min"
    result = Result()
    samples, faults = read("stm", folder)
    result.read(1, samples, faults)
    source = of_folder(folder)
    written = round_trip(result, "kaldi", samples, {}, source, AUDIO, media=True)
    with tempfile.TemporaryDirectory() as place:
        files = _unpacked(written, Path(place), "")
        got = judges.run("lhotse", "sound_segments", {"reader": "kaldi", "paths": [str(files[0])]})
    ours = {stem(s.key): sorted(_segments(s, True, True, False)) for s in samples}
    same = {key: sorted(value) for key, value in got.items()}
    count = sum(map(len, ours.values()))
    if result.same("kaldi by Lhotse", same, ours, _CLOSE):
        result.judged = f"{count} of {count} segments by lhotse"
    return result


def _nemo(data: Path) -> Result:
    """WeNet's list of whole recordings, and segments of a long one."""
    result = Result(judged="-")
    folder = data / "media/asr_short/aishell_libri_2"
    samples, faults = read("nemo", folder / "data.list")
    result.read(1, samples, faults)
    source = of_folder(folder)
    named = [Sample(Path(s.key).name, s.value, media={"audio": Path(s.key).name}) for s in samples]
    round_trip(result, "nemo", named, {"shape": "text"}, source, AUDIO)
    long, faults = read("stm", data / "media/asr_long/derived_10min")
    result.read(1, long, faults)
    round_trip(result, "nemo", long, {}, None, AUDIO, media=False)
    return result


_SYNC = "interop/aeneas_syncmaps"
_NIST = "interop/nist_ctm_stm_rttm"
_LONG = "media/asr_long"
ROWS = (
    Row("kaldi", ("interop/kaldi_lhotse",), _kaldi_manifests),
    Row("kaldi (written)", (f"{_LONG}/derived_10min",), _kaldi_written),
    Row("nemo", ("media/asr_short/aishell_libri_2", f"{_LONG}/derived_10min"), _nemo),
    formats(
        "rttm",
        (
            f"{_LONG}/derived_10min/derived_10min.rttm",
            f"{_LONG}/ami_dev00_30s_diarization/debug.development.rttm",
        ),
        ("rttm",),
        ".rttm",
        texts=False,
    ),
    formats(
        "rttm",
        tuple(f"{_NIST}/sastt-case{n}.{side}.rttm" for n in (1, 2) for side in ("ref", "sys")),
        ("rttm",),
        ".rttm",
        label=" (NIST)",
        texts=False,
        foreign=False,
    ),
    formats("rttm", (f"{_LONG}/ami_dev00_30s_diarization",), label=" (with recordings)"),
    formats("stm", (f"{_LONG}/derived_10min/derived_10min.stm",), ("stm",), ".stm"),
    formats(
        "stm",
        tuple(f"{_NIST}/{name}.stm" for name in ("lvc_refe", "test.arb2004.txt", "test.cantonese")),
        label=" (NIST)",
    ),
    formats(
        "stm",
        (f"{_NIST}/test.man.stm",),
        schema={"encoding": "gb18030"},
        label=" (GB 18030)",
        refused=1,
    ),
    formats(
        "ctm",
        (
            *(f"{_NIST}/{n}.ctm" for n in ("lvc_hyp", "test.arb2004.txt", "test.cantonese")),
            "interop/kaldi_lhotse/supervision.ctm",
            "interop/kaldi_lhotse/supervision_with_scores.ctm",
        ),
        ("ctm",),
        ".ctm",
        speakers=False,
        words=True,
    ),
    formats(
        "textgrid",
        (f"{_LONG}/mfa_two_speakers_52s", f"{_LONG}/sonnet001_53s"),
        ("praatio", "textgrid"),
        ".TextGrid",
        foreign=False,
    ),
    formats(
        "textgrid",
        (
            "interop/praat_textgrid",
            *(f"{_SYNC}/sonnet001.{n}" for n in ("textgrid", "textgrid_long", "textgrid_short")),
        ),
        label=" (forms)",
    ),
    formats("srt", (_SYNC,), ("srt",), ".srt"),
    formats("webvtt", (_SYNC,), ("webvtt",), ".vtt"),
    formats("elan", (_SYNC,), ("elan",), ".eaf"),
)
