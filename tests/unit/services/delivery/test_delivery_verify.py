"""`verify` finds every harm done to a delivery, signed over or not."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from libs.bundle.__main__ import run
from services.delivery.bundle.manifest import canonical
from services.delivery.signing import Signer
from tests.unit.services.delivery.test_delivery import _PEM, House
from tests.unit.services.delivery.test_delivery import house as house


def _flip(folder: Path) -> None:
    path = folder / "labels-00001.jsonl"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def _forge(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"label_count":9', b'"label_count":8'))


def _lengthen(folder: Path) -> None:
    with (folder / "labels-00001.csv").open("a") as file:
        file.write("x\n")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_flip, "labels-00001.jsonl: its SHA-256"),
        (lambda f: (f / "labels-00001.csv").unlink(), "labels-00001.csv: No such file"),
        (_lengthen, "labels-00001.csv: .* bytes instead of"),
        (_forge, "manifest.json: the signature in manifest.sig"),
        (lambda f: (f / "extra.txt").write_text("x"), "extra.txt: is not named"),
        (lambda f: (f / "manifest.sig").unlink(), "manifest.sig: No such file"),
        (lambda f: (f / "public-key.pem").write_text("x"), "public key cannot be read"),
    ],
)
async def test_verify_finds_every_harm(
    house: House, harm: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = house.path(await house.deliver(9))
    assert run(folder, None) == 0
    harm(folder)
    assert run(folder, None) == 1
    assert re.search(reason, capsys.readouterr().out)


async def test_verify_pins_the_key(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    folder = house.path(await house.deliver(3))
    right, wrong = house.folder / "right.pem", house.folder / "wrong.pem"
    right.write_bytes(house.signer.public_pem)
    wrong.write_bytes(Signer(_PEM).public_pem)
    assert run(folder, right) == 0
    assert "the pinned key" in capsys.readouterr().out
    assert run(folder, wrong) == 1
    assert "another key" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["lineage", "twice", "source", "count"])
async def test_verify_reads_the_labels_though_all_is_signed(
    house: House, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A delivery that was signed with a fault in it is found out, too."""
    folder = house.path(await house.deliver(3))
    path = folder / "labels-00001.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    if fault == "lineage":
        lines[1]["lineage"]["annotations"] = []
    elif fault == "twice":
        lines[2]["task"] = lines[1]["task"]
    elif fault == "source":
        lines[1]["label"]["source"] = "REVIEWED"
    else:
        lines.pop()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _sign_again(folder, house.signer)
    assert run(folder, None) == 1
    wanted = {
        "lineage": "line 2: the lineage does not say",
        "twice": "line 3: .* out of order or there twice",
        "source": "labels by source",
        "count": "2 lines instead of 3",
    }
    assert re.search(wanted[fault], capsys.readouterr().out)


@pytest.mark.parametrize("old", [True, False])
async def test_verify_calculates_the_certificate_again(
    house: House, old: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of an older form is taken as it is; one that contradicts itself is found out."""
    folder = house.path(await house.deliver(9))
    path = folder / "certificate.json"
    proof = json.loads(path.read_bytes())
    if old:
        for name in ("ledger", "versions"):
            del proof[name]
        for name in ("machine_count", "human_count", "verified_count", "confidence"):
            del proof["measured"][name]
    else:
        proof["ledger"]["people"]["stages"][0]["seconds"] = 1.0
    path.write_bytes(canonical(proof))
    _sign_again(folder, house.signer)
    assert run(folder, None) == (0 if old else 1)
    assert old or "stages do not add up" in capsys.readouterr().out


def _sign_again(folder: Path, signer: Signer) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        content = (folder / entry["path"]).read_bytes()
        entry["size"], entry["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    proof = (folder / "certificate.json").read_bytes()
    manifest["certificate_sha256"] = hashlib.sha256(proof).hexdigest()
    (folder / "manifest.json").write_bytes(canonical(manifest))
    (folder / "manifest.sig").write_bytes(signer.sign(canonical(manifest)))
