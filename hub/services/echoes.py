"""What colleagues wrote outside the hub: recorded as outgoing, stated for whoever has to keep silent (R-C9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.contracts import EchoItem
from hub.services import attachments
from hub.store.transaction import Transaction
from schemas import ids
from schemas.replies import ReplyEchoed


@dataclass(frozen=True, slots=True)
class Echo:
    """One echo with where it belongs.

    Attributes:
        id: Of the event that it becomes.
    """

    item: EchoItem
    id: str
    connector: str
    channel: Any
    conversation_id: str
    contact_id: str
    received_at: datetime


def tell(tx: Transaction, echo: Echo, at: datetime, **told: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """State an echo, then return the rows of its message with its files; ``told`` is how the event is stated."""
    item, message_id = echo.item, ids.message_id(echo.id, echo.received_at)
    announced = attachments.announce(tx, item.files)
    fact = ReplyEchoed(
        reply_id=message_id,
        conversation_id=echo.conversation_id,
        contact_id=echo.contact_id,
        channel=echo.channel,
        asset=item.asset,
        provider_message_id=item.provider_id,
        kind=item.kind,
        text=item.text,
        attachments=announced,
    )
    tx.state(fact, key=echo.conversation_id, subject=message_id, id=echo.id, time=at, **told)
    row = {
        "id": message_id,
        "conversation_id": echo.conversation_id,
        "case_id": None,
        "direction": "out",
        "connector": echo.connector,
        "asset": item.asset,
        "provider_id": item.provider_id,
        "kind": item.kind,
        "text": item.text,
        "state": "echoed",
        "time": at,
        "received_at": echo.received_at,
        "event_id": echo.id,
        "quoted_provider_id": item.quoted_provider_id,
        "attachments": [one.model_dump(exclude_none=True) for one in announced] or None,
        "content": None,
        "sent_at": at,
    }
    files = attachments.rows(
        announced,
        item.files,
        wanted_at=echo.received_at,
        message_id=message_id,
        conversation_id=echo.conversation_id,
        connector=echo.connector,
        asset=item.asset,
    )
    return row, files
