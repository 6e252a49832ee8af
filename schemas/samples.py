"""One worked example of every event type, from one customer's story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas import attachments, content, conversations, ids, messages, operations, replies, tickets
from schemas.envelope import CloudEvent, EventData, schema_address

_ASKED: Final = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
_RECEIVED: Final = _ASKED + timedelta(seconds=2)
_ASSET: Final = "223450000000002"
_WAMID: Final = "wamid.HBgNNTIxMjIyMTIzNDU2NxUCABIYFDNBMEU"
_SOURCE: Final = f"/whatsapp/{_ASSET}"
_MESSAGE_EVENT: Final = ids.item_event_id(_SOURCE, ids.natural_key("whatsapp", _ASSET, "message", _WAMID))
_DELIVERY: Final = ids.delivery_id("5c0ffee5c0ffee5c0ffee5c0ffee5c0f", "0123456789abcdef", 7)


_BORN: Final = ids.instant_prefix(_RECEIVED)


def _entity(kind: str, by: str = "ingest") -> str:
    return ids.entity_id(kind, _MESSAGE_EVENT, by, 0, _BORN)


_MESSAGE: Final = ids.message_id(_MESSAGE_EVENT, _RECEIVED)
_CONVERSATION: Final = _entity("cv")
_CONTACT: Final = _entity("ct")
_CASE: Final = _entity("ca", "attend-conversation")
_REPLY: Final = _entity("ef", "attend-conversation")
_TICKET: Final = _entity("tk", "open-tickets")
_CLOCK: Final = _entity("ck", "run-service-levels")
_LETTER: Final = "dd_" + ids.digest("letter", "delivery", "ingest", f"{_DELIVERY}/0")
_PROBLEM: Final = "Desde la actualización todas las facturas salen con errores contables"
_INBOUND: Final[dict[str, Any]] = {
    "message_id": _MESSAGE,
    "conversation_id": _CONVERSATION,
    "contact_id": _CONTACT,
    "channel": "whatsapp",
    "asset": _ASSET,
    "provider_message_id": _WAMID,
}
_OUTBOUND: Final[dict[str, Any]] = {
    "reply_id": _REPLY,
    "conversation_id": _CONVERSATION,
    "channel": "whatsapp",
    "asset": _ASSET,
}
_SENT_AS: Final = "wamid.HBgNNTIxMjIyMTIzNDU2NxUCABEYEjlGQTc"
_ABOUT_CLOCK: Final[dict[str, Any]] = {
    "clock_id": _CLOCK,
    "ticket_id": _TICKET,
    "folio": "T-1042",
    "conversation_id": _CONVERSATION,
    "name": "first_response",
    "due_at": _ASKED + timedelta(hours=2),
}

_OTHER_CONTACT: Final = _entity("ct", "another-day")
_PHOTO: Final = content.Attachment(
    attachment_id=_entity("at"), kind="image", mime_type="image/jpeg", sha256="ab" * 32, size_bytes=48_210
)
_FILE: Final[dict[str, Any]] = {
    "attachment_id": _PHOTO.attachment_id,
    "message_id": _MESSAGE,
    "conversation_id": _CONVERSATION,
    "kind": "image",
}
_KEPT: Final[dict[str, Any]] = {
    **_FILE,
    "mime_type": "image/jpeg",
    "size_bytes": 48_210,
    "sha256": "ab" * 32,
    "is_as_announced": True,
}
_AMENDED: Final[dict[str, Any]] = {
    "message_id": _MESSAGE,
    "conversation_id": _CONVERSATION,
    "channel": "whatsapp",
    "asset": _ASSET,
    "provider_message_id": _WAMID,
    "by": "customer",
    "at": _ASKED + timedelta(minutes=1),
}
_PRICED: Final = content.Pricing(category="service", model="PMP", type="free_customer_service")

_STORY: Final[tuple[EventData, ...]] = (
    conversations.ContactIdentified(contact_id=_CONTACT, channel="whatsapp", display_name="Ana Torres"),
    conversations.ConversationOpened(
        conversation_id=_CONVERSATION, contact_id=_CONTACT, channel="whatsapp", asset=_ASSET
    ),
    conversations.ConversationHandedOver(
        conversation_id=_CONVERSATION, contact_id=_CONTACT, holder="other", application="26390203743090", at=_ASKED
    ),
    conversations.ConversationWindowClosing(
        conversation_id=_CONVERSATION,
        contact_id=_CONTACT,
        channel="whatsapp",
        asset=_ASSET,
        free_until=_ASKED + timedelta(hours=24),
    ),
    conversations.ContactLinked(
        contact_id=_CONTACT,
        channel="whatsapp",
        reason="user_changed_number",
        previous_address="phone:+525587654321",
        new_address="phone:+523399998888",
    ),
    conversations.ContactMatched(contact_id=_CONTACT, other_contact_id=_OTHER_CONTACT, reason="user_changed_number"),
    conversations.ContactMerged(contact_id=_CONTACT, merged_contact_id=_OTHER_CONTACT),
    conversations.ContactSeparated(contact_id=_CONTACT, separated_contact_id=_OTHER_CONTACT),
    conversations.ContactPreferenceChanged(
        contact_id=_CONTACT, channel="whatsapp", category="marketing_messages", allowed=False, at=_ASKED
    ),
    messages.MessageReceived(
        **_INBOUND,
        kind="image",
        text=_PROBLEM,
        sender_name="Ana Torres",
        first_in_conversation=True,
        attachments=(_PHOTO,),
        referral=content.Referral(source="ad", source_id="120211122233344455", headline="Facturación sin errores"),
    ),
    attachments.AttachmentStored(**_KEPT),
    attachments.AttachmentQuarantined(**_KEPT, reason_es="un archivo comprimido con un .exe dentro"),
    attachments.AttachmentLost(
        **_FILE, attempts=9, reason_es="No se pudo descargar en seis días; el proveedor ya no lo guarda."
    ),
    messages.MessageUnsupported(**_INBOUND, provider_kind="poll", reason="this kind is not read yet"),
    messages.MessageEdited(**_AMENDED, text=_PROBLEM, revision=1),
    messages.MessageReacted(**_AMENDED, emoji="👍"),
    messages.MessageHidden(**_AMENDED, hidden=True),
    messages.MessageDeleted(**_AMENDED),
    messages.CommentPosted(
        **{**_INBOUND, "channel": "facebook", "asset": "345670000000003", "provider_message_id": "778899_112233"},
        post_id="345670000000003_778899",
        text="¿Sirve para CFDI 4.0?",
        author_name="Ana Torres",
    ),
    conversations.CaseOpened(case_id=_CASE, conversation_id=_CONVERSATION, contact_id=_CONTACT, message_id=_MESSAGE),
    conversations.CaseDiagnosed(
        case_id=_CASE,
        conversation_id=_CONVERSATION,
        contact_id=_CONTACT,
        message_id=_MESSAGE,
        kind="bug",
        scope="long",
        needs_ticket=True,
        summary=_PROBLEM,
        asked_at=_ASKED,
        rule="every-case-needs-a-ticket",
        policy_version=1,
    ),
    replies.ReplyRequested(
        **_OUTBOUND, case_id=_CASE, intent="greeting", text="Buenos días, Ana. Recibimos su mensaje y ya lo atendemos."
    ),
    replies.ReplyScheduled(
        **_OUTBOUND, intent="reminder", due=_ASKED + timedelta(hours=20), not_after=_ASKED + timedelta(hours=22)
    ),
    replies.ReplyUnscheduled(**_OUTBOUND, intent="reminder", reason="the customer wrote first"),
    replies.ReplySent(**_OUTBOUND, provider_message_id=_SENT_AS, attempt=1),
    replies.ReplyDelivered(**_OUTBOUND, provider_message_id=_SENT_AS, pricing=_PRICED),
    replies.ReplyRead(**_OUTBOUND, provider_message_id=_SENT_AS),
    replies.ReplyFailed(
        **_OUTBOUND, code="131047", explanation_es="Pasaron más de 24 horas desde su último mensaje.", attempt=1
    ),
    replies.ReplyDoubtful(**_OUTBOUND, reason="the connection was cut before the answer", attempt=1),
    replies.ReplyEchoed(
        **_OUTBOUND, contact_id=_CONTACT, provider_message_id=_SENT_AS, kind="text", text="Ana, ya lo estoy viendo."
    ),
    tickets.TicketOpened(
        ticket_id=_TICKET,
        folio="T-1042",
        case_id=_CASE,
        conversation_id=_CONVERSATION,
        contact_id=_CONTACT,
        channel="whatsapp",
        kind="bug",
        title=_PROBLEM,
        asked_at=_ASKED,
    ),
    tickets.ClockStarted(
        **_ABOUT_CLOCK,
        warn_at=_ASKED + timedelta(minutes=96),
        unit="attendance",
        target_minutes=120,
        policy_version=1,
    ),
    tickets.ClockWarned(**_ABOUT_CLOCK),
    tickets.ClockBreached(**_ABOUT_CLOCK),
    tickets.ClockMet(**_ABOUT_CLOCK, met_at=_ASKED + timedelta(minutes=12)),
    operations.TimerFired(
        group="run-service-levels", name=f"breach:{_CLOCK}", generation=1, due=_ASKED + timedelta(hours=2)
    ),
    operations.DeliveryRefused(delivery_id=_DELIVERY, connector="whatsapp", reason="the body is no JSON document"),
    operations.DeadLetterAdded(
        dead_letter_id=_LETTER,
        origin="whatsapp/soporte /webhooks/whatsapp/soporte",
        group="ingest",
        reason_class="unreadable",
        reason="the body is no JSON document",
        owner="operations",
        next_step_es="Revisa el original; si el proveedor cambió su formato, actualiza el conector y reinténtalo.",
    ),
    operations.ChannelAlerted(
        connector="whatsapp",
        asset=_ASSET,
        alert="credential",
        explanation_es="El token de acceso venció. Genera otro en Meta y ponlo en su archivo.",
    ),
    operations.AccountChanged(
        connector="whatsapp",
        asset="123450000000001",
        field="message_template_status_update",
        change="REJECTED",
        severity="warning",
        explanation_es="Meta rechazó la plantilla encuesta (es_MX). Corrígela, luego envíala otra vez.",
        details={"template": "encuesta", "language": "es_MX", "reason": "INVALID_FORMAT"},
    ),
    operations.PolicyChanged(kind="attendance", version=2, valid_from=_ASKED + timedelta(days=1)),
)


def samples() -> dict[str, CloudEvent[Any]]:
    """Return one whole event of each type that has an example, by type."""
    return {data.TYPE: _envelope(data) for data in _STORY}


def _envelope(data: EventData) -> CloudEvent[Any]:
    came_in = data.TYPE.startswith(("hub.message.", "hub.comment."))
    by = "ingest" if came_in else "example"
    subject = next((value for name, value in data if name.endswith("_id") and value), getattr(data, "group", None))
    return CloudEvent[Any](
        id=_MESSAGE_EVENT if came_in else ids.derived_event_id(_MESSAGE_EVENT, by, data.TYPE, 0, _BORN),
        source=_SOURCE if came_in else f"/hub/{by}",
        type=data.TYPE,
        subject=subject,
        time=_ASKED if came_in else _RECEIVED,
        receivedat=_RECEIVED,
        dataschema=schema_address(data.TYPE),
        partitionkey=_CONVERSATION,
        actor="customer" if came_in else f"hub:{by}",
        causation=f"{_DELIVERY}/0" if came_in else _MESSAGE_EVENT,
        data=data,
    )
