"""The ids under which a simulated WhatsApp knows its customers."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from connectors.whatsapp.parties import canonical_phone

_MEXICAN: Final = re.compile(r"\+52[0-9]{10}", re.ASCII)


def phone_key(who: str) -> str:
    """Return the name of a phone in ledger or control surface: ``+52…``, or a user id as it is."""
    cleaned = "".join(char for char in who if char not in " -().")
    return canonical_phone(cleaned) or who.strip()


def wa_id_of(phone: str) -> str | None:
    """Return the id that WhatsApp gives a phone; Mexican mobiles still get their old 1. None for a user id."""
    if not phone.startswith("+"):
        return None
    return f"521{phone[3:]}" if _MEXICAN.fullmatch(phone) else phone.removeprefix("+")


def user_id_of(phone: str) -> str:
    """Return the business-scoped user id of a phone, the same each time."""
    if not phone.startswith("+"):
        return phone
    return f"MX.{int(hashlib.sha256(phone.encode()).hexdigest()[:13], 16):016d}"
