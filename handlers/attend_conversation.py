"""Speaks to the customer: greets, acknowledges, diagnoses what a conversation is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from hub.contracts import Handler, Ports
from hub.domain import wording
from hub.services import cases, contacts, conversations, replies
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived, MessageUnsupported

GREETING_USEFUL_FOR: Final = timedelta(hours=2)

Message = MessageReceived | MessageUnsupported


def attend(event: CloudEvent[Message], tx: Transaction, ports: Ports) -> None:
    """Open a case for a quiet conversation with one answer; let a message of an open case join it (R-P13)."""
    message = event.data
    case = cases.open_id_of(tx, message.conversation_id)
    if case is not None:
        conversations.join_case(tx, message.message_id, case)
        return
    readable = isinstance(message, MessageReceived)
    summary = wording.summary(message.text) if isinstance(message, MessageReceived) else f"[{message.provider_kind}]"
    case_id = cases.open_for(tx, message, summary)
    late = tx.now - event.time > timedelta(minutes=ports.policies.answers.late_after_minutes)
    if not late:  # R-C8
        name = contacts.name_of(tx, message.contact_id)
        text = wording.greeting(ports.policies, tx.now, name, readable=readable)
        replies.request(
            tx, message.conversation_id, text, intent="greeting", useful_for=GREETING_USEFUL_FOR, case_id=case_id
        )
    cases.diagnose(
        tx,
        message,
        case_id,
        kind="unknown",
        scope="unknown",
        needs_ticket=True,
        summary=summary,
        asked_at=event.time,
        rule="every-case-needs-a-ticket",
    )


def look_up(tx: Transaction, messages: Sequence[Message]) -> None:
    """Read what the conversations of many messages need."""
    of = {message.conversation_id for message in messages}
    cases.look_up(tx, of)
    conversations.look_up(tx, of)
    contacts.look_up_names(tx, (message.contact_id for message in messages))


HANDLER = Handler(
    group="attend-conversation",
    types=(MessageReceived, MessageUnsupported),
    handle=attend,
    owner="support",
    look_up=look_up,
)
