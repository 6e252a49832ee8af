"""Turns what WhatsApp tells of our own messages into items."""

from __future__ import annotations

from typing import Final, Literal

from connectors._meta.bodies import error_code
from connectors._meta.fields import label
from connectors.whatsapp.errors import explain_late, stops_channel
from connectors.whatsapp.parties import canonical_phone
from connectors.whatsapp.payload import Status, read
from hub.contracts import Ignored, Item, StatusItem
from schemas.content import Pricing

_STATUSES: Final[dict[str, Literal["sent", "delivered", "read", "failed"]]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    # The first play of a voice message: whoever played it has read it.
    "played": "read",
    "failed": "failed",
}


def item(raw: object, asset: str) -> Item:
    """Return the item of one status."""
    status = read(Status, raw)
    if not isinstance(status, Status):
        return status
    name = _STATUSES.get(status.status)
    if name is None:
        return Ignored(f"status {label(status.status) or 'unknown'} is not used")
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
        explanation_es=explain_late(code) if name == "failed" else "",
        stops_channel=name == "failed" and stops_channel(code),
        pricing=_pricing(status),
    )


def _pricing(status: Status) -> Pricing | None:
    price, conversation = status.pricing, status.conversation
    found = Pricing(
        category=price.category,
        model=price.pricing_model,
        type=price.type,
        billable=price.billable,
        conversation_id=conversation.id,
        conversation_origin=conversation.origin.type,
        conversation_expires_at=conversation.expiration_timestamp,
    )
    return found if any(value is not None for _, value in found) else None
