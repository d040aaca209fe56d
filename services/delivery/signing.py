"""The key deliveries are signed with: Ed25519 (RFC 8032), PEM."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from libs.bundle.keys import key_id
from libs.common.config import kept_secret


class Signer:
    """Signs with one private key."""

    def __init__(self, pem: str) -> None:
        key = load_pem_private_key(pem.encode(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("DELIVERY_SIGNING_KEY must be an Ed25519 private key in PEM")
        self._key = key
        self.public_pem = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = key_id(key.public_key())

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)


def open_signer(pem: str, data_dir: Path) -> Signer:
    """The configured key, else one made once and kept below `data_dir`."""
    return Signer(pem or kept_secret(data_dir / "keys" / "delivery-signing.pem", _fresh()))


def _fresh() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
