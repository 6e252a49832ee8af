"""Bodies as Meta sends them for WhatsApp, built piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.clock import MONDAY_MORNING

NUMBER: Final = "223450000000002"
ANA: Final = "5212221234567"
LUIS: Final = "5215587654321"

Json = dict[str, Any]


def text(
    id_: str,
    words: str = "Hola",
    *,
    sender: str = ANA,
    at: datetime | None = None,
    **more: Any,
) -> Json:
    """Return a text message as it stands in ``messages``."""
    return {"from": sender, "id": id_, "timestamp": _seconds(at), "type": "text", "text": {"body": words}, **more}


def other(id_: str, kind: str, *, sender: str = ANA, at: datetime | None = None) -> Json:
    """Return a message of a kind that the hub cannot read."""
    return {"from": sender, "id": id_, "timestamp": _seconds(at), "type": kind, kind: {"id": "1"}}


def status(id_: str, state: str, *, ours: str | None = None, at: datetime | None = None) -> Json:
    """Return what became of a message, as it stands in ``statuses``; ``ours`` is the id that we gave with it."""
    told: Json = {"id": id_, "status": state, "timestamp": _seconds(at), "recipient_id": ANA}
    if ours is not None:
        told["biz_opaque_callback_data"] = ours
    if state == "failed":
        told["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
    return told


def person(sender: str = ANA, *, name: str | None = "Ana Torres", user_id: str | None = None) -> Json:
    """Return an entry of ``contacts``."""
    found: Json = {"wa_id": sender, "profile": {} if name is None else {"name": name}}
    return found if user_id is None else {**found, "user_id": user_id}


def change(
    *, messages: Iterable[Json] = (), statuses: Iterable[Json] = (), contacts: Iterable[Json] = (), number: str = NUMBER
) -> Json:
    """Return one change of the field ``messages``."""
    value: Json = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "525541234567", "phone_number_id": number},
    }
    for name, given in (("contacts", contacts), ("messages", messages), ("statuses", statuses)):
        if listed := list(given):
            value[name] = listed
    return {"field": "messages", "value": value}


def webhook(*changes: Json, changes_an_entry: int = 1_000) -> bytes:
    """Return the body of a webhook with these changes, spread over entries."""
    entries = [
        {"id": "123450000000001", "changes": list(changes[first : first + changes_an_entry])}
        for first in range(0, len(changes), changes_an_entry)
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def of_messages(*messages: Json) -> bytes:
    """Return a webhook of one change with these messages."""
    return webhook(change(messages=messages))


def of_statuses(*statuses: Json) -> bytes:
    """Return a webhook of one change with these statuses."""
    return webhook(change(statuses=statuses))


def _seconds(at: datetime | None) -> str:
    return str(int((at or MONDAY_MORNING - timedelta(seconds=3)).timestamp()))
