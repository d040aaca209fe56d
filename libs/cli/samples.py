"""Media of the catalogue's examples, made by code: small, the same every time.

Pictures show roughly what the examples' labels say; sounds are bursts of tones where the examples
have speech; the cloud is a road with one car. They are for trying templates, not for models.
"""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

_RATE = 8000
_TYPES = {"wav": "audio/wav", "jpg": "image/jpeg", "png": "image/png", "pcd": "application/x-pcd"}
# Of the street's cloud: ground, car, neither.
_POINTS = (700, 250, 50)


def reference(name: str) -> str:
    """The medium as a data: URI; KeyError for a name that no example has."""
    content = _MADE[name]()
    kind = _TYPES[name.rsplit(".", 1)[-1]]
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def names() -> list[str]:
    return sorted(_MADE)


def _sound(bursts: list[tuple[float, float, float]], seconds: float) -> bytes:
    """Tones (start, end, Hz) over faint noise, 16 bit, one channel."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 60, int(seconds * _RATE))
    for start, end, pitch in bursts:
        at = np.arange(int(start * _RATE), int(end * _RATE))
        swell = np.sin(np.pi * (at - at[0]) / len(at)) * (1 + 0.5 * np.sin(at / 400))
        samples[at] += 6000 * swell * np.sin(2 * np.pi * pitch * at / _RATE)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def _speech() -> bytes:
    return _sound([(0.4, 2.1, 180.0), (2.6, 4.9, 240.0)], 5.2)


def _street_sound() -> bytes:
    return _sound([(0.2, 2.6, 90.0), (1.0, 1.6, 320.0)], 3.0)


Draw = Callable[[ImageDraw.ImageDraw], None]


def _picture(size: tuple[int, int], ground: tuple[int, int, int], draw: Draw, kind: str) -> bytes:
    rng = np.random.default_rng(size[0])
    noise = rng.normal(0, 6, (size[1], size[0], 3)) + np.array(ground)
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    draw(ImageDraw.Draw(image))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def _car(draw: ImageDraw.ImageDraw, x: float, y: float, width: float, height: float) -> None:
    draw.rectangle((x, y + height * 0.3, x + width, y + height * 0.85), fill=(170, 30, 40))
    draw.rectangle((x + width * 0.2, y, x + width * 0.75, y + height * 0.35), fill=(90, 110, 130))
    for share in (0.2, 0.75):
        wheel = x + width * share
        draw.ellipse((wheel - 8, y + height - 16, wheel + 8, y + height), fill=(20, 20, 20))


def _street() -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.rectangle((0, 220, 640, 360), fill=(80, 80, 84))
        _car(d, 300, 180, 140, 90)
        _car(d, 30, 60, 120, 70)

    return _picture((640, 360), (150, 180, 210), draw, "JPEG")


def _frame(number: int) -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.rectangle((0, 70, 160, 120), fill=(80, 80, 84))
        _car(d, 10 + 10 * number, 50, 60, 30)

    return _picture((160, 120), (150, 180, 210), draw, "JPEG")


def _aerial() -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.rectangle((40, 40, 200, 180), fill=(170, 90, 70))
        d.rectangle((90, 80, 150, 140), fill=(90, 140, 80))
        d.polygon([(178, 106), (256, 151), (243, 174), (165, 129)], fill=(225, 225, 230))

    return _picture((320, 240), (90, 140, 80), draw, "JPEG")


def _person() -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.ellipse((140, 44, 180, 92), fill=(224, 180, 150))
        d.rectangle((130, 100, 190, 205), fill=(40, 60, 150))
        for a, b, c in ((130, 112, 110), (190, 205, 210)):
            d.line([(a, 110), (b, 155), (c, 200)], fill=(40, 60, 150), width=14)
        for x in (140, 180):
            d.line([(x, 205), (x + 2, 270), (x + 4, 350)], fill=(50, 50, 60), width=18)

    return _picture((320, 400), (190, 200, 190), draw, "JPEG")


def _mask() -> bytes:
    image = Image.new("RGB", (3, 2), (90, 140, 80))
    image.putpixel((1, 0), (200, 60, 50))
    image.putpixel((1, 1), (200, 60, 50))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _receipt() -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.text((24, 24), "Receipt", fill=(10, 10, 10), font_size=22)
        d.text((24, 76), "Two coffees 7.50", fill=(10, 10, 10), font_size=18)

    return _picture((260, 120), (250, 250, 246), draw, "PNG")


def _digit() -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.line([(8, 8), (20, 8), (12, 22)], fill=(255, 255, 255), width=3)

    return _picture((28, 28), (8, 8, 8), draw, "PNG")


def _bicycle(door: tuple[int, int, int]) -> bytes:
    def draw(d: ImageDraw.ImageDraw) -> None:
        d.rectangle((40, 10, 120, 150), fill=door)
        for x in (50, 100):
            d.ellipse((x, 110, x + 40, 150), outline=(180, 20, 30), width=4)
        d.line([(70, 130), (90, 100), (120, 130)], fill=(180, 20, 30), width=4)

    return _picture((160, 160), (200, 195, 185), draw, "PNG")


def _cloud() -> bytes:
    """1000 points in PCD: a road 1.55 m below the sensor, the sides of a car, some leaves."""
    rng = np.random.default_rng(0)
    road, car, other = _POINTS
    flat = np.column_stack([rng.uniform(-30, 40, (road, 2)), rng.normal(-1.55, 0.02, road)])
    rear = rng.uniform((10.2, -4.0, -1.5), (10.21, -2.2, -0.1), (car // 2, 3))
    side = rng.uniform((10.2, -2.21, -1.5), (14.6, -2.2, -0.1), (car - car // 2, 3))
    leaves = rng.uniform((-20, 12, 0), (20, 20, 4), (other, 3))
    points = np.concatenate([flat, rear, side, leaves]).astype("<f4")
    header = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
        f"WIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(points)}\nDATA binary\n"
    )
    return header.encode() + points.tobytes()


_MADE: dict[str, Callable[[], bytes]] = {
    "speech.wav": _speech,
    "street.wav": _street_sound,
    "street.jpg": _street,
    "street.pcd": _cloud,
    "aerial.jpg": _aerial,
    "person.jpg": _person,
    "mask.png": _mask,
    "receipt.png": _receipt,
    "digit.png": _digit,
    **{f"frame-{n:03}.jpg": partial(_frame, n) for n in range(3)},
    "bicycle-a.png": lambda: _bicycle((40, 80, 190)),
    "bicycle-b.png": lambda: _bicycle((120, 120, 120)),
}
