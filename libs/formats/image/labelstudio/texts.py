"""Spans of Label Studio: in texts, in paragraphs of a dialogue, in HTML.

The tool counts characters as JavaScript does (UTF-16). Of paragraphs `start` and `end` are their
numbers and the offsets are within them; they are read as spans of the paragraphs' joined text, a
line each. In HTML `globalOffsets` count the characters of what is shown, a `<br>` as one; the
item's text becomes that.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from libs.formats import Doc, Unfit
from libs.formats.decoding import formed, mapping, whole
from libs.formats.image import shapes
from libs.formats.image.labelstudio.pages import Task, media_type
from libs.formats.image.labelstudio.regions import beside, class_of

_SPACE = re.compile(r"\s+")
_LINES = "paragraphs of a dialogue are read as lines of one text, without their authors"


def is_span(result: Doc, read: Task) -> bool:
    """Is a result with `start` and `end` a stretch of text, not of time?"""
    value = result.get("value") or {}
    type_ = str(result.get("type", ""))
    if type_.startswith(("paragraph", "hypertext")) or isinstance(value.get("text"), str):
        return True
    if "channel" in value:
        return False
    shown = read.data.get(str(result.get("to_name", "")))
    if isinstance(shown, str):
        return not media_type(shown)
    return not read.recording()[0] and "startOffset" not in value and _text_of(result, read) != ""


def plain(read: Task, results: list[Doc], left_out: list[str]) -> None:
    """Put plain texts for dialogues and HTML into the task's data, where results are on them."""
    for one in results:
        type_, field = str(one.get("type", "")), _field(one, read)
        shown = read.data.get(field)
        if type_.startswith("paragraph") and isinstance(shown, list):
            left_out.append(_LINES)
            text = "\n".join(_paragraphs(shown))
            read.data = {**read.data, field: text}
            if "text" not in read.data:
                read.data = {k: v for k, v in read.data.items() if k != field} | {"text": text}
            read.paragraphs = _paragraphs(shown)
        elif type_.startswith("hypertext") and isinstance(shown, str) and field not in read.html:
            read.html.add(field)
            read.data = {**read.data, field: shown_text(shown)}


@formed
def span(part: Doc, read: Task, left_out: list[str]) -> Doc:
    """A span by code points; raise `Unfit`."""
    marked = next(r for r in part["results"] if "start" in (r.get("value") or {}))
    value, type_ = marked["value"], str(marked.get("type", ""))
    if type_.startswith("paragraph"):
        start, end = _in_paragraphs(value, read)
    elif type_.startswith("hypertext"):
        start, end = _in_html(value, _text_of(marked, read))
    else:
        start, end = whole(value["start"], "start"), whole(value["end"], "end")
        start, end = characters(_text_of(marked, read), start, end, value.get("text"))
    name = class_of(part["results"], left_out)
    if not name or not 0 <= start < end:
        raise Unfit("a span without a label" if not name else f"a span from {start} to {end}")
    more = beside(part["results"], read, left_out)
    return shapes.plain(start=start, end=end, **{"class": name}, id=part["key"], **more)


def characters(text: object, start: int, end: int, marked: object) -> tuple[int, int]:
    """Code points of a stretch counted in UTF-16, as the tool does, or in code points where only
    those give the text that is `marked`; raises `Unfit`."""
    if not isinstance(text, str):
        return start, end
    if marked is not None and text[start:end] == marked:
        return start, end
    units = text.encode("utf-16-le")
    if not 0 <= start <= end <= len(units) // 2:
        raise Unfit(f"a span from {start} to {end} in a text of {len(units) // 2} characters")
    before = units[: start * 2].decode("utf-16-le", "replace")
    inside = units[start * 2 : end * 2].decode("utf-16-le", "replace")
    if marked is not None and inside != marked:
        raise Unfit(f"the text from {start} to {end} is not {str(marked)[:50]!r}")
    return len(before), len(before) + len(inside)


def shown_text(html: str) -> str:
    """What a browser holds as the text of HTML, a line end for each `<br>`."""
    reader = _Shown()
    reader.feed(html)
    reader.close()
    return "".join(reader.found)


class _Shown(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _in_paragraphs(value: Doc, read: Task) -> tuple[int, int]:
    texts = read.paragraphs
    places = []
    for side, offset in (("start", "startOffset"), ("end", "endOffset")):
        number, within = whole(value[side], side), whole(value[offset], offset)
        if not 0 <= number < len(texts):
            raise Unfit(f"{side}: paragraph {number}; there are {len(texts)}, from 0")
        _, inside = characters(texts[number], 0, within, None)
        places.append(sum(len(one) + 1 for one in texts[:number]) + inside)
    start, end = places
    _check("\n".join(texts)[start:end], value.get("text"))
    return start, end


def _in_html(value: Doc, text: object) -> tuple[int, int]:
    places = value.get("globalOffsets")
    if not places:
        raise Unfit("a place in HTML without globalOffsets; export it from a newer Label Studio")
    start, end = (whole(mapping(places, "globalOffsets").get(k), k) for k in ("start", "end"))
    start, end = characters(text, start, end, None)
    _check(str(text)[start:end], value.get("text"))
    return start, end


def _check(inside: str, marked: object) -> None:
    """Line ends between paragraphs and elements are shown in many ways."""
    if isinstance(marked, str) and _SPACE.sub("", inside) != _SPACE.sub("", marked):
        raise Unfit(f"the text there is {inside[:50]!r}, not {marked[:50]!r}")


def _text_of(result: Doc, read: Task) -> object:
    field = _field(result, read)
    return read.data.get(field, read.data.get("text"))


def _field(result: Doc, read: Task) -> str:
    """The field that a result's tag shows: of its name, or the only one with a text there."""
    tag = str(result.get("to_name", ""))
    if tag in read.data:
        return tag
    kind = list if str(result.get("type", "")).startswith("paragraph") else str
    held = [k for k, v in read.data.items() if isinstance(v, kind) and v and not media_type(v)]
    return "text" if "text" in held or len(held) != 1 else held[0]


def _paragraphs(shown: list[object]) -> list[str]:
    """Texts of a dialogue's turns; raise `Unfit`."""
    texts = []
    for one in shown:
        turn = mapping(one, "a paragraph")
        held = [v for k, v in turn.items() if isinstance(v, str) and k not in ("author", "name")]
        text = turn.get("text", held[0] if len(held) == 1 else None)
        if not isinstance(text, str):
            raise Unfit("a paragraph has no `text`")
        texts.append(text)
    return texts
