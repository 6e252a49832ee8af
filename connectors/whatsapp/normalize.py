"""Turns one WhatsApp webhook into the items that it tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from connectors.whatsapp.answers import error_code
from connectors.whatsapp.errors import explain
from connectors.whatsapp.parties import People, canonical_phone, party_of
from connectors.whatsapp.payload import BROKEN, Message, Person, ProviderNote, Status, Text, Value, parse, why
from hub.contracts import Ignored, Item, MessageItem, Party, RawDelivery, RefusedItem, StatusItem
from hub.errors import Unreadable

M = TypeVar("M", bound=BaseModel)

MAX_LABEL: Final = 64
MOST_ITEMS: Final = 2_000
"""Twice what Meta says it sends: a body of broken items must not keep everybody else waiting."""
_STATUSES: Final[dict[str, Literal["sent", "delivered", "read", "failed"]]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    # The first play of a voice message: whoever played it has read it.
    "played": "read",
    "failed": "failed",
}


def normalize(delivery: RawDelivery) -> Sequence[Item]:
    """Return every item of one webhook in Meta's order, nothing merged, nothing left out.

    One webhook may carry several entries, changes, messages, statuses. What the hub does not know becomes an
    unsupported message or is ignored with its reason; what is broken is refused by itself, its neighbours go on.

    Raises:
        Unreadable: The body is no webhook of WhatsApp, or holds more items than one may.
    """
    found = list(islice((item for entry in parse(delivery.body) for item in _entry(entry)), MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        msg = f"it holds more than {MOST_ITEMS} items; WhatsApp sends at most 1,000 updates a webhook"
        raise Unreadable(msg)
    return found


def _entry(entry: object) -> Iterator[Item]:
    if not isinstance(entry, dict):
        yield RefusedItem("an entry is no object")
        return
    changes = _elements(entry, "changes")
    if not changes:
        yield Ignored("an entry without changes")
    for change in changes:
        yield from _change(change)


def _change(change: object) -> Iterator[Item]:
    if not isinstance(change, dict):
        yield RefusedItem("a change is no object")
        return
    field = _label(change.get("field"))
    if field is None:
        yield RefusedItem("a change does not name its field")
    elif field != "messages":
        # Also what staff wrote in the phone app, or old history: never a customer's message.
        yield Ignored(f"field {field} is not used yet")
    elif not isinstance(change.get("value"), dict):
        yield RefusedItem("the value of a messages change is no object")
    else:
        yield from _value(change["value"])


def _value(value: dict[str, Any]) -> Iterator[Item]:
    """Yield messages before statuses: one bad status must not cost a message (botpress/botpress PR#15083)."""
    messages, statuses, errors = (_elements(value, name) for name in ("messages", "statuses", "errors"))
    if not messages and not statuses and not errors:
        yield Ignored("a messages change that carries nothing")
    asset = _read(Value, value)
    read = [_read(Message, raw) for raw in messages]
    contacts = [_read(Person, raw) for raw in _elements(value, "contacts")]
    people = People(
        [person for person in contacts if isinstance(person, Person)],
        [message for message in read if isinstance(message, Message)],
    )
    for message, raw in zip(read, messages, strict=True):
        if isinstance(message, Message) and isinstance(asset, Value):
            yield _message(message, raw, asset.phone_number_id, party_of(message, people.who_sent(message)))
        else:
            yield _refusal(message, asset)
    for status in (_read(Status, raw) for raw in statuses):
        if isinstance(status, Status) and isinstance(asset, Value):
            yield _status(status, asset.phone_number_id)
        else:
            yield _refusal(status, asset)
    for error in (_read(ProviderNote, raw) for raw in errors):
        yield Ignored(f"WhatsApp reports trouble of its own: {_said(error)}")


def _message(message: Message, raw: Any, asset: str, party: Party | None) -> MessageItem:
    kind = _label(message.type) or "unknown"
    text, unsupported = "", _unsupported(message, kind)
    if unsupported is None:
        content = _read(Text, raw.get("text"))
        text = content.body.replace("\0", "") if isinstance(content, Text) else ""
        if isinstance(content, RefusedItem):
            unsupported = f"a text message without readable text: {content.reason}"
        elif not text:
            unsupported = "a text message without text"
    return MessageItem(
        asset=asset,
        provider_id=message.id,
        time=message.timestamp,
        party=party,
        kind=kind,
        text=text,
        quoted_provider_id=message.context.id,
        unsupported=unsupported,
    )


def _unsupported(message: Message, kind: str) -> str | None:
    if message.group_id is not None:
        return "messages in groups are not read"
    if kind == "text":
        return None
    notes = "; ".join(_said(note) for note in message.errors)
    return f"{kind} messages are not read yet" + (f"; WhatsApp says {notes}" if notes else "")


def _status(status: Status, asset: str) -> StatusItem | Ignored:
    name = _STATUSES.get(status.status)
    if name is None:
        return Ignored(f"status {_label(status.status) or 'unknown'} is not used")
    code = error_code(status.errors[0].code) if status.errors else None
    # In a group each participant has a status of their own.
    phones = (status.recipient_participant_id, status.recipient_id)
    users = (status.recipient_participant_user_id, status.recipient_user_id)
    recipient = next((canonical_phone(value) or value for value in (*phones, *users) if value), "")
    return StatusItem(
        asset=asset,
        provider_id=status.id,
        time=status.timestamp,
        status=name,
        recipient=recipient,
        correlation=status.biz_opaque_callback_data,
        code="" if code is None else str(code),
        explanation_es=explain(code) if name == "failed" else "",
    )


def _elements(holder: dict[str, Any], name: str) -> list[object]:
    """Return the elements of a list; what stands there without a list around it is its only element."""
    found = holder.get(name)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _read(model: type[M], raw: object) -> M | RefusedItem:
    if not isinstance(raw, dict):
        return RefusedItem("an item is no object")
    if model is not Person and model is not Value and _has_half_a_character(raw):
        return RefusedItem("an item holds half a surrogate pair, or U+FDD0, which stands for one")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return RefusedItem(why(error))


def _refusal(item: object, asset: object) -> RefusedItem:
    return next((found for found in (item, asset) if isinstance(found, RefusedItem)), RefusedItem("unreadable"))


def _has_half_a_character(raw: object) -> bool:
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and BROKEN in value:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _label(value: object) -> str | None:
    """Return a provider's own name for something, fit for a log line."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(char if char.isprintable() else "?" for char in value[:MAX_LABEL])


def _said(note: ProviderNote | RefusedItem) -> str:
    if isinstance(note, RefusedItem):
        return note.reason
    return " ".join(part for part in (note.code, note.title) if part) or "nothing more"
