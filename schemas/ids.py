"""Deterministic identifiers: the same input gives the same id, for ever."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# Two characters, ten bits, at a time: base64.b32encode costs 13 µs an id, every event has several (measured).
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(120, -1, -10))


def digest(*parts: str) -> str:
    """Return 26 base32 characters (130 bits) of SHA-256 over length-prefixed parts.

    The prefix keeps ``("ab", "c")`` apart from ``("a", "bc")`` whatever the parts hold.
    """
    joined = "".join([f"{len(part)}:{part}" for part in parts])
    bits = int.from_bytes(hashlib.sha256(joined.encode()).digest()[:17]) >> 6
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def natural_key(connector: str, asset: str, kind: str, provider_id: str) -> str:
    """Return the key under which one item of a provider is known, e.g. ``whatsapp:2234:message:wamid.x``."""
    return f"{connector}:{asset}:{kind}:{provider_id}"


def item_event_id(source: str, key: str) -> str:
    """Return the id of the event that an item of a delivery becomes."""
    return "ev_" + digest("item", source, key)


def derived_event_id(cause: str, by: str, type_: str, ordinal: int) -> str:
    """Return the id of the ``ordinal``-th event of a type that ``by`` states because of ``cause``."""
    return "ev_" + digest("derived", cause, by, type_, str(ordinal))


def timer_event_id(group: str, name: str, generation: int) -> str:
    """Return the id of the event that a timer's firing states."""
    return "ev_" + digest("timer", group, name, str(generation))


def effect_event_id(effect: str, attempt: int, state: str) -> str:
    """Return the id of the event that an effect's result states."""
    return "ev_" + digest("effect", effect, str(attempt), state)


def check_event_id(check: str, subject: str, at: datetime) -> str:
    """Return the id of the event that a periodic check states about a subject at an instant."""
    return "ev_" + digest("check", check, subject, at.isoformat())


def entity_id(prefix: str, cause: str, by: str, ordinal: int) -> str:
    """Return the id of an entity born of a cause, e.g. ``tk_`` for a ticket."""
    return f"{prefix}_" + digest("entity", prefix, cause, by, str(ordinal))


def delivery_id(journal: str, segment: str, row: int) -> str:
    """Return the id of one raw delivery, from its place in the journal."""
    return "dl_" + digest("delivery", journal, segment, str(row))
