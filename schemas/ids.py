"""Deterministic identifiers: the same input gives the same id, for ever."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# Two characters, ten bits, at a time: base64.b32encode costs 13 µs an id, every event has several (measured).
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(120, -1, -10))
_TIME: Final = 12
_TIMED: Final = 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def digest(*parts: str) -> str:
    """Return 26 base32 characters (130 bits) of SHA-256 over length-prefixed parts.

    The prefix keeps ``("ab", "c")`` apart from ``("a", "bc")`` whatever the parts hold.
    """
    bits = int.from_bytes(_sha256(parts).digest()[:17]) >> 6
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def instant_prefix(at: datetime) -> str:
    """Return 12 hex digits that sort as instants do, to the millisecond."""
    return f"{(at - _EPOCH) // _MILLISECOND:012x}"


def _born(prefix: str, *parts: str) -> str:
    """Return a digest; behind a prefix 20 hex digits (80 bits) of it.

    What is born together then lies together in every index, as random keys never do.
    """
    return prefix + _sha256(parts).hexdigest()[: _TIMED - _TIME] if prefix else digest(*parts)


def _sha256(parts: tuple[str, ...]) -> hashlib._Hash:
    return hashlib.sha256("".join([f"{len(part)}:{part}" for part in parts]).encode())


def natural_key(connector: str, asset: str, kind: str, provider_id: str) -> str:
    """Return the key under which one item of a provider is known, e.g. ``whatsapp:2234:message:wamid.x``."""
    return f"{connector}:{asset}:{kind}:{provider_id}"


def item_event_id(source: str, key: str) -> str:
    """Return the id of the event that an item of a delivery becomes."""
    return "ev_" + digest("item", source, key)


def derived_event_id(cause: str, by: str, type_: str, ordinal: int, prefix: str = "") -> str:
    """Return the id of the ``ordinal``-th event of a type that ``by`` states because of ``cause``.

    ``prefix`` is ``instant_prefix`` of when the cause was received; empty where that is not kept for ever.
    """
    return "ev_" + _born(prefix, "derived", cause, by, type_, str(ordinal))


def timer_event_id(group: str, name: str, generation: int) -> str:
    """Return the id of the event that a timer's firing states."""
    return "ev_" + digest("timer", group, name, str(generation))


def effect_event_id(effect: str, attempt: int, state: str) -> str:
    """Return the id of the event that an effect's result states; it has the effect's own prefix, if there is one."""
    digits = effect.partition("_")[2]
    prefix = digits[:_TIME] if len(digits) == _TIMED else ""
    return "ev_" + _born(prefix, "effect", effect, str(attempt), state)


def check_event_id(check: str, subject: str, at: datetime) -> str:
    """Return the id of the event that a periodic check states about a subject at an instant."""
    return "ev_" + digest("check", check, subject, at.isoformat())


def entity_id(kind: str, cause: str, by: str, ordinal: int, prefix: str = "") -> str:
    """Return the id of an entity born of a cause, e.g. ``tk_`` for a ticket; ``prefix`` as for derived events."""
    return f"{kind}_" + _born(prefix, "entity", kind, cause, by, str(ordinal))


def message_id(event: str, received_at: datetime) -> str:
    """Return the id of the message that an event brought."""
    return "ms_" + _born(instant_prefix(received_at), "message", event)


def delivery_id(journal: str, segment: str, row: int) -> str:
    """Return the id of one raw delivery, from its place in the journal."""
    return "dl_" + digest("delivery", journal, segment, str(row))
