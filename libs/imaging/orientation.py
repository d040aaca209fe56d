"""How a picture is stored and how it is shown: the one rule of EXIF's orientation.

Cameras store a picture as the sensor lies and note how to turn it (tag 0x0112 of EXIF 2.32, 1 to
8). Viewers, browsers and labelling tools turn it. Every size and coordinate here is of the picture
as shown; values 5 to 8 swap its sides.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

TAG = 0x0112
UPRIGHT = 1
# What shows a picture of each orientation as it was taken.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def swaps_sides(orientation: int) -> bool:
    """Return whether a picture of that orientation is shown with width and height swapped."""
    return 5 <= orientation <= 8


def of_image(image: Any) -> int:
    """Return how an opened Pillow image is to be turned: 1 to 8, 1 where nothing (readable) says.

    Pillow turns TIFF files itself, in their size and in their pixels, so they are upright. A PNG
    says it before its pixels, which need not be read for it. Ask before pixels are.
    """
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return UPRIGHT
    try:
        said = image.getexif().get(TAG, UPRIGHT)
    except Exception:
        # Pillow raises whatever its parsers do on damaged tags; the picture is as good without.
        return UPRIGHT
    return said if isinstance(said, int) and 1 <= said <= 8 else UPRIGHT


def shown_size(image: Any) -> tuple[int, int]:
    """Return width and height in pixels of an opened Pillow image as it is shown."""
    width, height = image.size
    return (height, width) if swaps_sides(of_image(image)) else (width, height)


def upright(image: Any) -> Any:
    """Return an opened Pillow image with its pixels as it is shown."""
    turn = _TURNS.get(of_image(image))
    return image if turn is None else image.transpose(turn)
