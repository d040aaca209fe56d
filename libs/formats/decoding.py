"""What decoders have in common: numbers, JSON and XML of unknown senders, faults one by one."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.source import Source, Unreadable
from libs.formats.unicode import utf8, xml_text

_P = ParamSpec("_P")
_R = TypeVar("_R")
_MARKS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
# Whole numbers that a float holds, too.
_EXACT = 2**53
# Lists and objects of a JSON file that is read at once.
_MOST_NODES = 5_000_000
_FORM = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError)


def number(value: object, what: str) -> float:
    """A finite number from JSON or text; raises `Unfit`."""
    # Nearly all are; decoders ask this more often than anything else.
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, str):
        value = _parsed(value, what)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unfit(f"{what}: {str(value)[:50]!r} is not a number")
    if not math.isfinite(value):
        raise Unfit(f"{what}: {value} is not finite")
    return float(value)


def whole(value: object, what: str) -> int:
    """A whole number from JSON or text; raises `Unfit`."""
    if type(value) is int and -_EXACT < value < _EXACT:
        return value
    found = number(value, what)
    if found != int(found):
        raise Unfit(f"{what}: {found} is not a whole number")
    return int(found)


def numbers(values: object, what: str, count: int | None = None) -> list[float]:
    """A list of finite numbers, `count` of them where given; raises `Unfit`."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        wanted = "a list of numbers" if count is None else f"{count} numbers"
        raise Unfit(f"{what}: {wanted} wanted, not {str(values)[:50]}")
    return [number(one, what) for one in values]


def mark(value: object, what: str) -> bool:
    """Return a mark, which is true, false, 1, 0 or the text of one; raise `Unfit` for anything
    else, as what is no mark may mean either."""
    # Nearly all are written so; a file may have several for each point.
    if type(value) is bool:
        return value
    if type(value) is str and value in _MARKS:
        return _MARKS[value]
    found = _MARKS.get(str(value).strip().lower()) if isinstance(value, (str, int, float)) else None
    if found is None:
        raise Unfit(f"{what}: true or false (or 1 or 0) wanted, not {str(value)[:50]!r}")
    return found


def chosen(cats: object, what: str) -> list[str]:
    """Return the names whose mark is true, or whose share of 0 to 1 is at least a half; raise
    `Unfit`."""
    return [str(name) for name, on in mapping(cats, what).items() if _on(on, f"{what}.{name}"[:60])]


def _on(value: object, what: str) -> bool:
    if isinstance(value, float) and 0.0 <= value <= 1.0:
        return value >= 0.5
    return mark(value, what)


def id_of(value: object) -> str:
    """Return an id as a text: 1 and 1.0 are one, and one that is missing is empty."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    return "" if value is None else str(value)


def mapping(value: object, what: str) -> Doc:
    """A JSON object; raises `Unfit`."""
    if not isinstance(value, dict):
        raise Unfit(f"{what}: a JSON object wanted, not {str(value)[:50]!r}")
    return value


def json_of(source: Source, name: str) -> Any:
    """A JSON file that fits in memory; raises `Unfit`."""
    try:
        content = utf8(name, source.read(name), source.encoding)
        if content.count(b"[") + content.count(b"{") > _MOST_NODES:
            # Two bytes of a file are sixty of memory.
            raise Unfit(f"over {_MOST_NODES} lists and objects; split the file")
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Unfit(f"not JSON: {error}") from error
    except Unreadable as error:
        raise Unfit(str(error)) from error


def xml_of(source: Source, name: str) -> Element:
    """A small XML file; entities are refused. Raises `Unfit`."""
    try:
        return fromstring(xml_text(io.BytesIO(source.read(name)), source.encoding).read())
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unfit(f"not readable XML: {_words(error)}") from error
    except Unreadable as error:
        raise Unfit(str(error)) from error


def xml_events(source: Source, name: str, only: str = "") -> Iterator[tuple[str, Element]]:
    """Starts and ends of elements of an XML file of any size; whoever takes them clears them. Or
    the ends of `only` the elements of one name, all others cleared. Raises `Broken`."""
    events = ("end",) if only else ("start", "end")
    try:
        with source.open(name) as file:
            for event, element in iterparse(xml_text(file, source.encoding), events=events):
                if not only or element.tag == only:
                    yield event, element
                if only:
                    element.clear()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Broken(f"{name[:200]}: not readable XML: {_words(error)}") from error
    except Unreadable as error:
        raise Broken(str(error)) from error


def formed(read: Callable[_P, _R]) -> Callable[_P, _R]:
    """A reader of one record: what Python raises over values of a wrong type is `Unfit`."""

    @wraps(read)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return read(*args, **kwargs)
        except _FORM as error:
            raise Unfit(_words_of_form(error)) from error

    return guarded


def told(where: str, found: Iterator[Sample | Fault]) -> Iterator[Sample | Fault]:
    """What is found, and a fault in place of what Python raises over values of a wrong type."""
    try:
        yield from found
    except _FORM as error:
        yield Fault(where, _words_of_form(error))
    except Unfit as unfit:
        yield Fault(where, str(unfit))


def each(names: list[str], read: Callable[[str], Sample | None]) -> Iterator[Sample | Fault]:
    """One sample a file; a file that cannot be read is a fault, and the rest goes on."""
    for name in names:
        try:
            sample = read(name)
        except Unfit as unfit:
            yield Fault(name, str(unfit))
        except Unreadable as error:
            yield Fault(name, str(error))
        else:
            if sample is not None:
                yield sample


def _words_of_form(error: Exception) -> str:
    return f"a value has another form than this format's: {str(error)[:200]}"


def _parsed(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if "," in text else ""
        raise Unfit(f"{what}: {text[:50]!r} is not a number{hint}") from None


def _words(error: Exception) -> str:
    if isinstance(error, DefusedXmlException):
        return f"{type(error).__name__}: entities and external references are refused"
    return str(error)
