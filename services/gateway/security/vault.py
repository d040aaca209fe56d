"""Secrets that must be read again, sealed where they are kept: signing secrets of webhooks.

Fernet (AES-128-CBC with HMAC-SHA256, of `cryptography`) under keys that are not in the store. The
first key seals, every key opens: put a new one in front, start, and what an older key sealed is
sealed anew; then the older key may go.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from libs.common.codec import to_doc
from libs.common.config import kept_secret
from libs.common.store import Store, Unit
from services.gateway import store

_MARK = "sealed:"
log = logging.getLogger(__name__)


class Unreadable(Exception):
    """None of the keys opens it."""


class Vault:
    """Seals and opens texts; `keys` are separated by commas or white space, the newest first."""

    def __init__(self, keys: str) -> None:
        try:
            self._keys = [Fernet(key) for key in re.split(r"[,\s]+", keys.strip())]
        except ValueError as wrong:
            raise RuntimeError(
                f"SECRETS_KEY must be 32 bytes in URL-safe base64: {wrong}"
            ) from wrong
        self._all = MultiFernet(self._keys)

    def seal(self, text: str) -> str:
        return _MARK + self._keys[0].encrypt(text.encode()).decode()

    def open(self, kept: str) -> str:
        """Return the text; what was kept before there was a vault is returned as it is."""
        if not kept.startswith(_MARK):
            return kept
        try:
            return self._all.decrypt(kept.removeprefix(_MARK)).decode()
        except InvalidToken as wrong:
            raise Unreadable("SECRETS_KEY has no key that opens this secret") from wrong

    def current(self, kept: str) -> bool:
        """Is it sealed, and with the newest key?"""
        if not kept.startswith(_MARK):
            return False
        try:
            self._keys[0].decrypt(kept.removeprefix(_MARK))
        except InvalidToken:
            return False
        return True


def open_vault(keys: str, data_dir: Path) -> Vault:
    """The configured keys, else one made once and kept below `data_dir`."""
    made = Fernet.generate_key().decode()
    return Vault(keys or kept_secret(data_dir / "keys" / "secrets", made))


async def seal_all(store_: Store, vault: Vault) -> int:
    """Seal what lies open, or under an older key; return how many secrets that were."""
    count = 0
    async for name in store.each_webhook(store_):

        async def work(unit: Unit, name: str = name) -> bool:
            hook = await store.webhook(unit, name)
            if hook is None or vault.current(hook.secret):
                return False
            secret = vault.seal(vault.open(hook.secret))
            unit.put(store.WEBHOOKS, to_doc(replace(hook, secret=secret, version=hook.version + 1)))
            return True

        try:
            count += await store_.transact(work)
        except Unreadable as wrong:
            log.error("the signing secret of %s: %s", name, wrong)
    return count
