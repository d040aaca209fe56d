"""What is forgiven between two texts, by name: a text becomes the tokens that are compared.

- `none`: words as written, between spaces.
- `words`: words without case and punctuation; a hyphen or dash parts two ("well-known").
- `characters`: letters and digits one by one, without case, punctuation and spaces: the character
  error rate of Chinese and Japanese speech, Latin words by their letters.
- `mixed`: as `words`, but one character each in scripts that write no spaces: the mixed error rate
  of speech that changes between Chinese and English.

All but `none` also take compatible forms for equal (NFKC: a full-width letter, a ligature).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Normaliser = Callable[[str], list[str]]

# Han with its marks for repetition and zero, kana in both widths, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# One such character with the marks and punctuation that follow it, or a word of other scripts.
_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")


_JOINER = "\u2060"
# Before a hyphen or dash between two words, which stays with the second.
_HYPHEN = re.compile(r"(?<=\w)(?=[-\u2010-\u2015]\w)")


class _Kept(dict[int, int | None]):
    """Table for `str.translate`: letters with their marks, digits, spaces and apostrophes stay,
    hyphens and dashes become spaces."""

    def __missing__(self, code: int) -> int | None:
        sign = chr(code)
        category = unicodedata.category(sign)
        kept = category[0] in "LMN" or sign.isspace()
        self[code] = code if kept else ord(" ") if category == "Pd" else None
        return self[code]


_KEPT = _Kept({ord("'"): ord("'"), ord("\u2019"): ord("'")})


def none(text: str) -> list[str]:
    return text.split()


def words(text: str) -> list[str]:
    return _bare(text).split()


def characters(text: str) -> list[str]:
    return [sign for sign in _bare(text) if not sign.isspace()]


def mixed(text: str) -> list[str]:
    return _PIECE.findall(_bare(text))


# By the names that a label schema may give (`template.v1.LabelSchema.normaliser`).
NORMALISERS: dict[str, Normaliser] = {
    "none": none,
    "words": words,
    "characters": characters,
    "mixed": mixed,
}


def spelled(text: str, unspaced: bool = False) -> list[tuple[str, str]]:
    """(token, how it is written) of each word that is more than punctuation; of `unspaced` text
    each token is as of `mixed`."""
    whole = _PIECE.findall(text) if unspaced else text.split()
    # A word joiner marks what was written without a space before it; no token has one.
    split = (_HYPHEN.sub(_JOINER, one).split(_JOINER) for one in whole)
    pieces = (f"{_JOINER}{one}" if n else one for parts in split for n, one in enumerate(parts))
    pairs = (("".join(words(piece)), piece) for piece in pieces)
    return [(token, piece) for token, piece in pairs if token]


def joined(written: list[str], unspaced: bool = False) -> str:
    """Pieces of `spelled` as one text, with spaces but for scripts that write none."""
    text = ""
    for piece in written:
        own = piece.startswith(_JOINER) or (unspaced and re.match(f"[{_UNSPACED}]", piece))
        spaced = text and not own and not (unspaced and _ends_unspaced(text))
        text += f" {piece}" if spaced else piece.removeprefix(_JOINER)
    return text.removeprefix(_JOINER)


def _ends_unspaced(text: str) -> bool:
    return bool(re.search(rf"[{_UNSPACED}][^\w\s]*\Z", text[-8:]))


def _bare(text: str) -> str:
    """Without case, and without punctuation; apostrophes only within words."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold().translate(_KEPT)
    if "'" not in text:
        return text
    return re.sub(r"(?<!\S)'+|'+(?!\S)", "", text)
