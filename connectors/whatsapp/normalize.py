"""Turns one WhatsApp webhook into the items that it tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from connectors._meta.fields import elements, is_broken, label
from connectors.whatsapp import accounts, beside, messages, statuses
from connectors.whatsapp.parties import People, party_of
from connectors.whatsapp.payload import Message, Person, ProviderNote, Value, parse, read
from hub.contracts import Ignored, Item, RawDelivery, RefusedItem
from hub.errors import Unreadable

MOST_ITEMS: Final = 2_000
"""Twice what Meta says it sends: a body of broken items must not keep everybody else waiting."""

_TALK: Final = frozenset({"messages", "standby"})


def normalize(delivery: RawDelivery) -> Sequence[Item]:
    """Return every item of one webhook in Meta's order, nothing merged, nothing left out.

    One webhook may carry several entries, changes, messages, statuses. What the hub does not know becomes an
    unsupported message, an account event, or is ignored with its reason; what is broken is refused by itself, its
    neighbours go on.

    Raises:
        Unreadable: The body is no webhook of WhatsApp, or holds more items than one may.
    """
    found = list(islice((item for entry in parse(delivery.body) for item in _entry(entry, delivery)), MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        msg = f"it holds more than {MOST_ITEMS} items; WhatsApp sends at most 1,000 updates a webhook"
        raise Unreadable(msg)
    return found


def _entry(entry: object, delivery: RawDelivery) -> Iterator[Item]:
    if not isinstance(entry, dict):
        yield RefusedItem("an entry is no object")
        return
    changes = elements(entry, "changes")
    if not changes:
        yield Ignored("an entry without changes")
    for change in changes:
        yield from _change(entry, change, delivery)


def _change(entry: dict[str, Any], change: object, delivery: RawDelivery) -> Iterator[Item]:
    if not isinstance(change, dict):
        yield RefusedItem("a change is no object")
        return
    field = label(change.get("field"))
    if field is None:
        yield RefusedItem("a change does not name its field")
    elif not isinstance(change.get("value"), dict):
        yield RefusedItem(f"the value of a {field} change is no object")
    elif field in _TALK:
        yield from _value(change["value"], delivery, standby=field == "standby")
    elif field in beside.READERS:
        yield from beside.read_change(field, change["value"])
    elif is_broken([entry.get("time"), change]):
        yield RefusedItem(f"a {field} change holds half a surrogate pair, or U+FDD0, which stands for one")
    else:
        yield accounts.item(entry, field, change)


def _value(value: dict[str, Any], delivery: RawDelivery, *, standby: bool) -> Iterator[Item]:
    """Yield messages before statuses: one bad status must not cost a message (botpress/botpress PR#15083)."""
    raw_messages, raw_statuses, errors = (elements(value, name) for name in ("messages", "statuses", "errors"))
    if not raw_messages and not raw_statuses and not errors:
        yield Ignored("a messages change that carries nothing")
    asset = read(Value, value)
    found = [read(Message, raw) for raw in raw_messages]
    contacts = [read(Person, raw) for raw in elements(value, "contacts")]
    people = People(
        [person for person in contacts if isinstance(person, Person)],
        [message for message in found if isinstance(message, Message)],
    )
    for message, raw in zip(found, raw_messages, strict=True):
        if isinstance(message, Message) and isinstance(asset, Value) and isinstance(raw, dict):
            party = party_of(message, people.who_sent(message))
            yield messages.item(message, raw, asset.phone_number_id, party, standby=standby)
        else:
            yield _refusal(message, asset)
    for raw in raw_statuses:
        if isinstance(asset, Value):
            yield statuses.item(raw, asset.phone_number_id)
        else:
            yield _refusal(asset)
    for error in (read(ProviderNote, raw) for raw in errors):
        if isinstance(error, ProviderNote) and isinstance(asset, Value):
            day = delivery.received_at.date()
            yield accounts.trouble(asset.phone_number_id, error.code, error.title, day)
        else:
            yield _refusal(error, asset)


def _refusal(*found: object) -> RefusedItem:
    return next((one for one in found if isinstance(one, RefusedItem)), RefusedItem("unreadable"))
