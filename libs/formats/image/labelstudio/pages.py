"""What a task of Label Studio is about: its pictures, one page each, or its recording or film.

A task has several pictures where it has several Image tags, or a list of them (`valueList`); a
region says by `to_name` and `item_index` which one it is on. Tags are called otherwise than the
fields of the data they show, and exports do not hold the configuration that says so.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from libs.formats import Doc, Unfit
from libs.formats.audio import recordings
from libs.formats.decoding import whole
from libs.formats.media import SUFFIXES, Pictures
from libs.formats.paths import Files, Found, plain_path
from libs.formats.source import Source

FILMS = (".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v")
_SOUNDS = tuple(one for one in recordings.SUFFIXES if one not in FILMS)
_NAMED = re.compile("|".join(map(re.escape, (*FILMS, *_SOUNDS))), re.IGNORECASE)
_NUMBER = re.compile(r"([0-9]+)$")


@dataclass(frozen=True)
class Page:
    """A picture of a task: its field, its place in a list there, its path."""

    field: str
    place: int | None
    path: str


class Task:
    """What a task's regions are read with."""

    def __init__(self, file: str, source: Source, schema: Doc, pictures: Pictures) -> None:
        self.file, self.source, self.schema, self.pictures = file, source, schema, pictures
        self.attributes = {a["name"] for a in schema.get("attributes", [])}
        self.data: Doc = {}
        self.pages: list[Page] = []
        # Of the page that is being read.
        self.image = ""
        # Texts of a dialogue's turns, and fields whose HTML is plain text by now.
        self.paragraphs: list[str] = []
        self.html: set[str] = set()

    def begin(self, data: Doc) -> None:
        self.data, self.pages = data, list(_pages(data))
        self.image = self.pages[0].path if self.pages else ""
        self.paragraphs, self.html = [], set()

    def page_of(self, result: Doc) -> Page | None:
        """The picture a result is on, None if it is about all of a list. Raise `Unfit` where it is
        not said."""
        if len(self.pages) < 2:
            return self.pages[0] if self.pages else None
        field = self._field_of(str(result.get("to_name", "")))
        pages = [one for one in self.pages if one.field == field]
        if len(pages) == 1:
            return pages[0]
        place = result.get("item_index")
        if place is None and str(result.get("type", "")) in ("choices", "textarea", "taxonomy"):
            return None
        if place is None:
            raise Unfit(f"the task has {len(pages)} pictures; item_index must say which one it is")
        number = whole(place, "item_index")
        if not 0 <= number < len(pages):
            raise Unfit(f"item_index {number}; there are {len(pages)} pictures, from 0")
        return pages[number]

    def _field_of(self, tag: str) -> str:
        """The field that a tag shows: of its name, with its number, or one that names it."""
        fields = list(dict.fromkeys(one.field for one in self.pages))
        numbered = [one for one in fields if _number(one) == _number(tag)]
        named = [one for one in fields if tag and (one in tag or tag in one)]
        for like in ([tag] if tag in fields else [], fields, numbered, named):
            if len(like) == 1:
                return like[0]
        words = f"the tag {tag[:50]!r} may show {' or '.join(fields[:5])}"
        raise Unfit(f"{words}; call the tag as its field to say which")

    def size(self, result: Doc) -> tuple[int, int]:
        """Of the image a result is on; raises `Unfit`."""
        if result.get("image_rotation"):
            raise Unfit(f"the image is turned by {result['image_rotation']} degrees in the tool")
        width, height = result.get("original_width"), result.get("original_height")
        if width and height:
            width, height = whole(width, "size of the image"), whole(height, "size of the image")
            if width > 0 and height > 0:
                return width, height
        found = self.pictures.find(self.image, self.file).name
        return self.pictures.size(found or self.pictures.known(self.image, self.file) or self.image)

    def recording(self) -> tuple[str, str]:
        """Path and type of the recording or film that the task is about; empty if it has none."""
        for value in self.data.values():
            if type_ := media_type(value):
                return value, type_
        return "", ""

    def found(self) -> tuple[Found, str]:
        """The file and the type of what the task, or its page, is about. Raise `Unfit`."""
        if self.image:
            return self.pictures.find(self.image, self.file), "image"
        path, type_ = self.recording()
        suffixes = FILMS if type_ == "video" else _SOUNDS
        files = Files.of(self.source, suffixes)
        return (files.find(path, self.file) if path else Found()), type_


def media_type(value: object) -> str:
    """Of a value that names a recording or a film; empty for any other."""
    if not isinstance(value, str) or "\n" in value:
        return ""
    if "?" not in value and "%" not in value and not _NAMED.search(value):
        return ""  # Most values are texts, and cheaper to pass over than to read as paths.
    suffix = posixpath.splitext(plain_path(value).partition("?")[0])[1].lower()
    return "video" if suffix in FILMS else "audio" if suffix in _SOUNDS else ""


def _pages(data: Doc) -> Iterator[Page]:
    """Every value, or entry of a list, that names an image."""
    for field, value in data.items():
        if isinstance(value, str) and (field == "image" or _is_image(value)):
            yield Page(field, None, value)
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            known = field in ("image", "images") or all(map(_is_image, value))
            for place, one in enumerate(value if known else ()):
                yield Page(field, place, one)


def _is_image(value: str) -> bool:
    if "\n" in value:
        return False
    return plain_path(value).partition("?")[0].lower().endswith(SUFFIXES)


def _number(name: str) -> int:
    found = _NUMBER.search(name)
    return int(found[1]) if found else 1
