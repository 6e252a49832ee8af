"""A thousand things that happen on a WhatsApp number, each a webhook entry of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.pipeline.ingest.any_order import REPLIES, START, Stream
from tests.support.replying import open_conversation
from tests.support.webhooks import NUMBER, Json, change, status, text

PEOPLE = [f"521222{number:07d}" for number in range(12)]
SAID = 300
TOLD = (
    (("sent", "delivered", "read", "failed"), "read"),
    (("delivered", "failed"), "delivered"),
    (("sent", "failed"), "failed"),
    (("sent", "delivered"), "delivered"),
)
TEMPLATE = {"message_template_name": "encuesta", "message_template_language": "es_MX"}


def _at(second: int) -> Any:
    return START + timedelta(seconds=second)


def _message(number: int, kind: str, of: int, body: Json) -> Json:
    said = text(f"wamid.{kind}.{number}", sender=PEOPLE[of % len(PEOPLE)], at=_at(1000 + number))
    return change(messages=[{**said, "type": kind, kind: body}])


def _of(target: int) -> Json:
    return {"original_message_id": f"wamid.{target}"}


def _account(number: int) -> Json:
    event = ("REJECTED", "APPROVED", "PAUSED")[number % 3]
    return {"field": "message_template_status_update", "value": {**TEMPLATE, "event": event, "number": number}}


def _beside(field: str, name: str, item: Json) -> Json:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, name: [item]}
    return {"field": field, "value": value}


def _preference(number: int) -> Json:
    said = {"wa_id": PEOPLE[number % 3], "category": "marketing_messages", "value": ("stop", "resume")[number % 2]}
    return _beside("user_preferences", "user_preferences", {**said, "timestamp": int(_at(number).timestamp())})


def _echo(number: int) -> Json:
    told = text(f"wamid.echo.{number}", f"a mano {number}", sender="525541234567", at=_at(number))
    return _beside("smb_message_echoes", "message_echoes", {**told, "to": PEOPLE[number % len(PEOPLE)]})


def _changes() -> list[Json]:
    """Return a thousand changes of one item each, in the order in which things happened."""
    said = [
        change(messages=[text(f"wamid.{n}", f"mensaje {n}", sender=PEOPLE[n % len(PEOPLE)], at=_at(n))])
        for n in range(SAID)
    ]
    edits = [
        _message(n, "edit", n, {**_of(n % 150), "message": {"type": "text", "text": {"body": f"corregido {n}"}}})
        for n in range(200)
    ]
    reactions = [
        _message(n, "reaction", n, {"message_id": f"wamid.{n % 90}", **({"emoji": "👍"} if n % 3 else {})})
        for n in range(200)
    ]
    gone = [_message(n, "revoke", n, _of(n)) for n in range(40)]
    told = [
        change(statuses=[status(f"wamid.out.{n}", word, at=_at(n))])
        for n in range(REPLIES)
        for word in TOLD[n % len(TOLD)][0]
    ]
    rest = [_account(n) for n in range(70)] + [_preference(n) for n in range(70)] + [_echo(n) for n in range(70)]
    return said + edits + reactions + gone + told + rest


def _entry(one: Json) -> Json:
    time = int(START.timestamp()) + int(one.get("value", {}).get("number", 0))
    return {"id": "123450000000001", "time": time, "changes": [one]}


async def _conversation(rig: Any) -> str:
    return await open_conversation(rig.store)


WHATSAPP = Stream(
    "whatsapp",
    "whatsapp_business_account",
    tuple(map(_entry, _changes())),
    {f"wamid.out.{number}": TOLD[number % len(TOLD)][1] for number in range(REPLIES)},
    _conversation,
)
