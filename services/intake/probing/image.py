"""Images: PNG, JPEG, WebP. Pixels are decoded once, small, for the fingerprint."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from libs.imaging import orientation
from libs.untrusted import unfinished_media
from services.intake.probing.finding import Corrupt, Finding, Probe

MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
# What decoders say of a file that ends early.
_CUT = ("truncated", "broken data stream", "unexpected end")
# Grey levels within which an image is of one colour.
_FLAT = 3
_LACKING = 128
_UNENDED = Finding("unended", "a JPEG without an end; a piece of its last lines may lack")
_TRUNCATED = Finding("truncated", "the image ends before its last line")
Facts = dict[str, float | int | str]


def probe(content: bytes, name: str) -> Probe:
    """width and height (pixels, as stored), frames, orientation (EXIF, where it is shown turned);
    difference hash of rows."""
    whole = unfinished_media.whole_jpeg(content)
    try:
        with Image.open(io.BytesIO(whole), formats=FORMATS) as image:
            facts = _facts(image)
            return _seen(image, facts, ended=whole is content)
    except Corrupt:
        raise
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Corrupt(f"not a readable image: {type(error).__name__}") from error


def _facts(image: Image.Image) -> Facts:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Corrupt(f"{width} x {height} pixels are more than {MAX_PIXELS}")
    facts: Facts = {"width": width, "height": height}
    frames = int(getattr(image, "n_frames", 1))
    return facts | {"frames": frames} if frames > 1 else facts


def _seen(image: Image.Image, facts: Facts, ended: bool) -> Probe:
    try:
        turned = orientation.of_image(image)
        # JPEG is decoded at a fraction of its size where that is enough.
        if ended:
            image.draft("L", (64, 64))
        grey = image.convert("L")
    except (OSError, SyntaxError) as error:
        if not any(word in str(error) for word in _CUT):
            raise
        return Probe(facts, (_TRUNCATED,))
    if not ended and _lines_lack(grey):
        return Probe(facts, (_TRUNCATED,))
    unended = () if ended else (_UNENDED,)
    if turned != orientation.UPRIGHT:
        facts["orientation"] = turned
    low, high = grey.getextrema()
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and high - low <= _FLAT:
        return Probe(
            facts,
            (
                *unended,
                Finding("blank", f"one colour, grey level {low} to {high}"),
            ),
        )
    small = grey.resize((9, 8), Image.Resampling.BOX)
    return Probe(facts, unended, difference_hash(np.asarray(small, np.int16)))


def _lines_lack(grey: Image.Image) -> bool:
    """Whether the last line is of the grey that decoders put where a JPEG's data have ended."""
    return bool((np.asarray(grey)[-1] == _LACKING).all())


def difference_hash(grid: np.ndarray) -> int:
    """64 bits of a (8, 9) grid: is each cell brighter than its left neighbour? (dHash)"""
    bits = (grid[:, 1:] > grid[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes())
