"""The key deliveries are signed with: Ed25519 (RFC 8032), PEM."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

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


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The key of a PEM file; `ValueError` where it is none."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, hex."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def _fresh() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
