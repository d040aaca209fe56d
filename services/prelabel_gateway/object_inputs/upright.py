"""Pictures for models: upright, as people see them, since few models read how a file is turned.

Places in a model's answer are then of the picture as it is shown, as all coordinates here are.
"""

from __future__ import annotations

import io

from PIL import Image

from libs.imaging import orientation
from libs.imaging.graph_cut import MAX_PIXELS
from libs.untrusted import unfinished_media

_KINDS = ("JPEG", "PNG", "WEBP")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")
# A JPEG is written anew with next to no loss; a PNG has none.
_QUALITY = 95


def as_shown(content: bytes) -> bytes:
    """Return a picture's file with its pixels upright; what is no picture, or stands upright
    already, as it is."""
    if not content.startswith(_STARTS):
        return content
    whole = unfinished_media.whole_jpeg(content)
    try:
        with Image.open(io.BytesIO(whole), formats=_KINDS) as image:
            if orientation.of_image(image) == orientation.UPRIGHT or _too_large(image):
                return whole
            kind, colours = image.format, image.info.get("icc_profile")
            shown = orientation.upright(image)
            file = io.BytesIO()
            if kind == "JPEG":
                shown.save(file, kind, quality=_QUALITY, subsampling=0, icc_profile=colours)
            else:
                shown.save(file, "PNG", compress_level=1, icc_profile=colours)
            return file.getvalue()
    except Exception:
        # Pillow raises whatever its decoders do on hostile bytes; the model says what is wrong.
        return content


def _too_large(image: Image.Image) -> bool:
    return image.width * image.height > MAX_PIXELS
