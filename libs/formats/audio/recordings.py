"""What formats of recordings have in common: names, segments in order of time, what a format has
no place for. Times are seconds."""

from __future__ import annotations

import io
import posixpath
import re
import wave
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO

import miniaudio

from libs.formats import Decode, Doc, Encoder, Fault, Format, Job, Sample, Unfit
from libs.formats.decoding import number
from libs.formats.encoding import RowEncoder, ZipEncoder
from libs.formats.image.shapes import plain
from libs.formats.media import content_of, file_name, open_media, references
from libs.formats.paths import Files, Found
from libs.formats.source import Source
from libs.untrusted import unfinished_media

SHAPES = frozenset({"segments", "text"})
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".sph", ".aac", ".mp4")
# Times of formats that keep a beginning and a length are whole microseconds here.
DECIMALS = 6
_SPACE = re.compile(r"\s+")
# What parts fields and words of a line; a no-break space or U+2028 is part of its word.
_GAP = re.compile(r"\s+", re.ASCII)
BLANK_IN_NAME = "parted by white space: a name with a blank shifts those behind it"
# Seconds of silence that end a segment where words alone are told.
PAUSE = 1.0
# Words of a segment.
MANY = 10_000
_MAX_SEGMENTS = 100_000
_NEAR = 8


def audio_file(job: Job, row: Doc) -> str:
    """What the recording of a row is called in files; raises `Unfit`."""
    named = job.field("audio") or job.field("video")
    if not named and row["source_key"]:
        return file_name(row, "")
    return file_name(row, references(job, row, "audio" if job.field("audio") else "video")[0])


def recorded(job: Job, row: Doc) -> bytes:
    """The bytes of the row's recording; raises `Unfit`."""
    type_ = "audio" if job.field("audio") else "video"
    return content_of(job, row, references(job, row, type_)[0])


def recording(job: Job, row: Doc) -> str:
    """The recording's id: its file name without suffix, no white space."""
    return token(posixpath.splitext(audio_file(job, row))[0])


def token(text: str) -> str:
    """As a field of a line of fields that white space parts."""
    return _SPACE.sub("_", text.strip())


def spaceless(encoder: RowEncoder, row: Doc, text: str) -> str:
    """Return the text as a field of a line; white space in it becomes `_`, which is told."""
    made = token(text)
    if made != text:
        encoder.tell(row, "white space in names and words is written as _")
    return made


def one_line(text: str) -> str:
    """Return the text with each run of ASCII white space as one space."""
    return _GAP.sub(" ", text).strip(" ")


def segments_of(job: Job, row: Doc) -> list[Doc]:
    """Segments by their beginnings; a text is one segment over the whole recording. Raises
    `Unfit` for other shapes."""
    value = row["value"]
    if "text" in value:
        return [plain(end=duration(job, row), text=value["text"].get("text", ""))]
    if "segments" not in value:
        raise Unfit("the label is neither segments nor a text of a recording")
    found: list[Doc] = value["segments"].get("segments", [])
    for one in found:
        check(one.get("start", 0.0), one.get("end", 0.0))
    return sorted(found, key=span)


def span(one: Doc) -> tuple[float, float]:
    return one.get("start", 0.0), one.get("end", 0.0)


def duration(job: Job, row: Doc) -> float:
    """Seconds of the row's recording, as its file says; raises `Unfit`."""
    type_ = "audio" if job.field("audio") else "video"
    with open_media(job, row, references(job, row, type_)[0]) as file:
        if seconds_ := _of_header(file):
            return seconds_
    content = unfinished_media.whole_wav(recorded(job, row))
    kinds = (
        (b"RIFF", miniaudio.wav_get_info),
        (b"fLaC", miniaudio.flac_get_info),
        (b"OggS", miniaudio.vorbis_get_info),
        (b"", miniaudio.mp3_get_info),
    )
    read = next(read for magic, read in kinds if content.startswith(magic))
    try:
        return float(read(content).duration)
    except miniaudio.MiniaudioError as error:
        raise Unfit("the length of the recording cannot be read from its file") from error


def _of_header(file: IO[bytes]) -> float:
    """Return the seconds of a WAV file by its header, which is enough; 0 for other files. A stream
    cannot know its length and writes 0 or much: no more counts than is there."""
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        with wave.open(file) as sound:
            there = max(0, size - file.tell()) // (sound.getnchannels() * sound.getsampwidth())
            return min(sound.getnframes() or there, there) / sound.getframerate()
    except (wave.Error, EOFError, ArithmeticError, OSError):
        return 0.0


def segment(start: object, end: object, **fields: object) -> Doc:
    """Checked; raises `Unfit`."""
    first, last = number(start, "start"), number(end, "end")
    check(first, last)
    return plain(start=first, end=last, **fields)


def check(start: float, end: float) -> None:
    if not 0 <= start < end < 1e9:
        raise Unfit(f"from {start:g} to {end:g} seconds; the end must lie after the beginning")


def lasting(start: object, length: object, **fields: object) -> Doc:
    """A segment by its beginning and length; raises `Unfit`."""
    first, long = number(start, "start"), number(length, "duration")
    return segment(first, round(first + long, DECIMALS), **fields)


def seconds(value: float) -> str:
    """Three decimals, more where they are needed."""
    text = f"{value:.{DECIMALS}f}".rstrip("0")
    return text + "0" * max(0, 3 - len(text.rpartition(".")[2]))


def milliseconds(value: float) -> int:
    return round(value * 1000)


def whole_milliseconds(one: Doc) -> tuple[int, int]:
    """Beginning and end, at least a millisecond apart."""
    start, end = (milliseconds(t) for t in span(one))
    return start, max(end, start + 1)


def home(segments: Sequence[Doc], starts: Sequence[float], time: float) -> Doc | None:
    """The last of the segments that a time lies in; `starts` are their beginnings, rising. Only a
    few before it are looked at: those of one speaker hardly overlap."""
    last = bisect_right(starts, time)
    near = segments[max(0, last - _NEAR) : last]
    return next((one for one in reversed(near) if time < span(one)[1]), None)


def by_pauses(words: Iterable[Doc], **fields: object) -> Iterator[Doc]:
    """Yield segments of words that follow each other: a pause of over `PAUSE` begins a new one."""
    group: list[Doc] = []
    end = 0.0
    for word in sorted(words, key=span):
        if group and (span(word)[0] - end > PAUSE or len(group) >= MANY):
            yield _of_words(group, end, fields)
            group = []
        group.append(word)
        end = max(span(word)[1], end) if len(group) > 1 else span(word)[1]
    if group:
        yield _of_words(group, end, fields)


def _of_words(words: list[Doc], end: float, fields: dict[str, object]) -> Doc:
    start = span(words[0])[0]
    text = " ".join(w["text"] for w in words)
    last = max(end, round(start + 10**-DECIMALS, DECIMALS))
    return plain(start=start, end=last, text=text, words=words, **fields)


def sample(
    key: str,
    segments: Iterable[Doc],
    source: Source,
    schema: Doc,
    left_out: Iterable[str] = (),
    file: Found | None = None,
    near: str = "",
    partial: bool = False,
) -> Sample:
    """Return the sample of one recording, of `file` or the one that `key` names `near` a label
    file; where the source has recordings but not this one, that is told. Where the template's
    shape is text, the segments' texts are joined. Raise `Unfit`."""
    found, told = sorted(segments, key=span), list(dict.fromkeys(left_out))
    if len(found) > _MAX_SEGMENTS:
        raise Unfit(f"{len(found)} segments; {_MAX_SEGMENTS} are the most")
    found_file = recording_of(key, source, near) if file is None else file
    if not found_file.name and source.ending(*SUFFIXES):
        told.append("the source has no file of this recording")
    value: Doc = {"segments": plain(segments=found)}
    if schema.get("shape") == "text":
        value = {"text": plain(text=" ".join(s["text"] for s in found if s.get("text")))}
    media, why = found_file.media("audio"), found_file.why
    return Sample(key, value, media=media, left_out=tuple(told), absent=why, partial=partial)


def labelled(
    name: str,
    key: str,
    segments: Iterable[Doc],
    source: Source,
    schema: Doc,
    left_out: Iterable[str] = (),
    partial: bool = False,
) -> Sample | Fault:
    """Return the sample of a recording that a label file of this name speaks of, or its fault.
    `partial` where something of the file could not be read: it may be of any recording."""
    try:
        return sample(key, segments, source, schema, left_out, near=name, partial=partial)
    except Unfit as unfit:
        return Fault(f"{name} recording {key[:200]}", str(unfit))


def recording_of(path: str, source: Source, near: str = "") -> Found:
    """The source's file of a recording, with or without folders and suffix; see `Files.find`.
    Raise `Unfit` where several may be meant."""
    return Files.of(source, SUFFIXES).find(path, near)


class SegmentEncoder(RowEncoder):
    """Lines of one recording after those of the other. `held` names the fields of a segment that
    the format has a place for."""

    held: frozenset[str] = frozenset()
    held_attributes: frozenset[str] = frozenset()

    def encode(self, row: Doc) -> bytes:
        name, found = recording(self.job, row), segments_of(self.job, row)
        tell_unheld(self, row, found, self.held, self.held_attributes)
        lines = [line for one in found for line in self.lines(row, name, one)]
        self.objects += len(found)
        return "".join(f"{line}\n" for line in lines).encode()

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        raise NotImplementedError

    def name(self, row: Doc, text: str) -> str:
        return spaceless(self, row, text)


class RecordingEncoder(ZipEncoder):
    """One file a recording, the recording itself beside it where media are wanted."""

    suffix = ""
    held: frozenset[str] = frozenset()

    def write(self, row: Doc) -> None:
        media, found = audio_file(self.job, row), segments_of(self.job, row)
        tell_unheld(self, row, found, self.held)
        content = self.content(row, media, found).encode()
        # Before anything is written: a recording that cannot be read leaves its label out.
        sound = recorded(self.job, row) if self.job.media else b""
        self.zip.put(self.unique(posixpath.splitext(media)[0] + self.suffix), content)
        if self.job.media:
            self.zip.put(self.unique(media), sound)
        self.objects += len(found)

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        raise NotImplementedError


def tell_unheld(
    encoder: RowEncoder,
    row: Doc,
    segments: Sequence[Doc],
    held: frozenset[str],
    attributes: frozenset[str] = frozenset(),
) -> None:
    for one in segments:
        fields = one.keys() - held - {"start", "end", "attributes"}
        fields |= {f"attribute {a}" for a in one.get("attributes", {}).keys() - attributes}
        for field in sorted(fields):
            encoder.tell(row, f"{encoder.format} has no place for a segment's {field}")


def table(
    name: str, pattern: str, encoder: Callable[[Job], Encoder], decode: Decode
) -> dict[str, Format]:
    """The table of a module with one format of segments."""
    return {name: Format(name, pattern, SHAPES, encoder, decode)}
