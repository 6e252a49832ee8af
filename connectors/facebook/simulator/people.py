"""The ids under which a simulated page knows its customers."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_ID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)


def psid_of(who: str) -> str:
    """Return the Messenger id of a customer, the same each time; an id is taken as it is."""
    return who.strip() if _ID.fullmatch(who.strip()) else _digits("psid", who.strip())


def author_of(who: str) -> str:
    """Return the id under which the same customer comments: another one than Messenger's, as in life."""
    return _digits("author", psid_of(who))


def _digits(kind: str, who: str) -> str:
    number = int(hashlib.sha256(f"{kind}:{who}".encode()).hexdigest()[:13], 16)
    return f"{6 if kind == 'psid' else 7}{number % 10**15:015d}"
