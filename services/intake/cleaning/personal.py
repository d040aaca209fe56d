"""Personal data in texts, by form and, where there is one, by check digit.

Rules only: names and addresses are not found. A number is told where its checksum holds (cards by
Luhn, IBAN by ISO 7064 mod 97, Chinese identity numbers by GB 11643), so chance hits are rare.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from services.intake.probing.finding import Finding

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PATTERNS = {
    "email": r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}(?![\w-])",
    "cn_id": r"(?<!\d)[1-9]\d{16}[\dXx](?!\w)",
    "iban": r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)",
    "card": r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)",
    "us_ssn": r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])",
    "ip": r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    "phone": r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,4}\)[ .-]?)?"
    r"\d{2,4}(?:[ .-]\d{2,4}){2,4}(?![\w-])"
    r"|(?<!\w)1[3-9]\d{9}(?!\d)|(?<!\w)\+\d{9,15}(?!\d)",
}
_COMPILED = {code: re.compile(pattern) for code, pattern in _PATTERNS.items()}


def personal_data(text: str) -> Iterator[Finding]:
    """One finding a kind, with how many there are; what was found is not repeated."""
    if not any(c.isdigit() or c == "@" for c in text):
        return
    rest = text
    for code, pattern in _COMPILED.items():
        check = _CHECKS.get(code, lambda found: True)
        found = [m for m in pattern.finditer(rest) if check(m.group())]
        if found:
            yield Finding(code, f"{len(found)} in the text, the first at {found[0].start()}")
            # What is a card is no telephone number, too.
            rest = _without(rest, found)


def _without(text: str, found: list[re.Match[str]]) -> str:
    ends = [0, *(m.end() for m in found)]
    starts = [*(m.start() for m in found), len(text)]
    return "\x00".join(text[a:b] for a, b in zip(ends, starts, strict=True))


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, the sum a multiple of ten."""
    numbers = [int(c) for c in reversed(digits) if c.isdigit()]
    doubled = [n if i % 2 == 0 else (2 * n) // 10 + (2 * n) % 10 for i, n in enumerate(numbers)]
    return 13 <= len(numbers) <= 19 and len(set(numbers)) > 1 and sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: the first four characters behind, letters as 10 to 35, 1 modulo 97."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def chinese_id(text: str) -> bool:
    """GB 11643: seventeen digits with a date, and a check character modulo 11."""
    month, day = int(text[10:12]), int(text[12:14])
    total = sum(w * int(c) for w, c in zip(_WEIGHTS, text[:17], strict=True))
    return 1 <= month <= 12 and 1 <= day <= 31 and "10X98765432"[total % 11] == text[17].upper()


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _phone(text: str) -> bool:
    """Eight to fifteen digits (ITU-T E.164), and not only groups as in a date."""
    digits = sum(c.isdigit() for c in text)
    return 8 <= digits <= 15 and not re.fullmatch(r"\d{4}[.-]\d{2}[.-]\d{2}", text)


_CHECKS: dict[str, Callable[[str], bool]] = {
    "card": luhn,
    "iban": iban,
    "cn_id": chinese_id,
    "ip": _address,
    "phone": _phone,
}
