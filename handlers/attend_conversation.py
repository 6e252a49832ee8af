"""Speaks to the customer: greets, acknowledges, diagnoses what a conversation is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from hub.contracts import Handler, Ports
from hub.domain import wording
from hub.services import cases, contacts, conversations, replies, silence, suppression, windows
from hub.store.transaction import Transaction
from schemas.conversations import ConversationHandedOver
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived, MessageUnsupported
from schemas.replies import ReplyEchoed

GREETING_USEFUL_FOR: Final = timedelta(hours=2)

_STILL_WAITS_FOR: Final = timedelta(days=1)
"""A thread that is handed over later is about something else."""

_FILES: Final = frozenset({"image", "video", "audio", "voice", "document"})
_NOTHING_ASKED: Final = frozenset({"welcome", "referral", "opt_in"})

Message = MessageReceived | MessageUnsupported
Fact = Message | ReplyEchoed | ConversationHandedOver


def attend(event: CloudEvent[Fact], tx: Transaction, ports: Ports) -> None:
    """Open a case for a quiet conversation with one answer; let a message of an open case join it (R-P13).

    Whoever else speaks in a conversation, a colleague or another application, ends what the hub was about to say.
    """
    message = event.data
    if isinstance(message, ConversationHandedOver):
        silence.after_hand_over(tx, message.conversation_id)
        if message.holder == "hub":
            _take_up(event, tx, ports)
        return
    case = cases.open_id_of(tx, message.conversation_id)
    if isinstance(message, ReplyEchoed):
        if case is not None:
            cases.leave_to_people(tx, case, message.reply_id)  # R-C9
        silence.after_colleague(tx, message.conversation_id, event.time)
        return
    windows.watch(tx, message.conversation_id)
    if isinstance(message, MessageReceived) and suppression.hear(tx, message):
        return
    if case is not None:
        conversations.join_case(tx, message.message_id, case)
        return
    if message.standby:
        return
    _open_case(message, event, tx, ports)


def _take_up(event: CloudEvent[Any], tx: Transaction, ports: Ports) -> None:
    """Go on with what the customer wrote to the application that hands the thread over, from now on ours to answer."""
    heard = conversations.last_heard(tx, event.data.conversation_id)
    if heard is None or heard.case_id is not None or event.time - heard.time > _STILL_WAITS_FOR:
        return
    message = conversations.stated(tx, heard)
    if isinstance(message, Message) and cases.open_id_of(tx, event.data.conversation_id) is None:
        _open_case(message, event, tx, ports)


def _open_case(message: Message, event: CloudEvent[Any], tx: Transaction, ports: Ports) -> None:
    """Open a case for a message, with one answer; ``event`` is since when it waits for us."""
    if isinstance(message, MessageReceived) and message.kind in _NOTHING_ASKED:
        return
    summary = _summary(message)
    case_id = cases.open_for(tx, message, summary)
    if conversations.answered_by_person(tx, message.conversation_id, event.time) is not None:
        cases.leave_to_people(tx, case_id)
    if _is_to_be_greeted(event, tx, ports):
        name = contacts.name_of(tx, message.contact_id)
        text = wording.greeting(ports.policies, tx.now, name, readable=not _is_only_a_file(message))
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


def look_up(tx: Transaction, messages: Sequence[Fact]) -> None:
    """Read what the conversations of many messages need."""
    of = {message.conversation_id for message in messages}
    cases.look_up(tx, of)
    conversations.look_up(tx, of)
    conversations.look_up_answers(tx, of)
    contacts.look_up_names(tx, (message.contact_id for message in messages))


def _is_to_be_greeted(event: CloudEvent[Any], tx: Transaction, ports: Ports) -> bool:
    """Tell whether an answer of the hub is welcome.

    It is neither late (R-C8), nor after a colleague's own (R-C9), nor in a thread that another application has.
    """
    if conversations.is_held(conversations.get(tx, event.data.conversation_id)):
        return False
    late = tx.now - event.time > timedelta(minutes=ports.policies.answers.late_after_minutes)
    return not late and conversations.answered_by_person(tx, event.data.conversation_id, event.time) is None


def _is_only_a_file(message: Message) -> bool:
    if isinstance(message, MessageUnsupported):
        return True
    return message.kind in _FILES and not message.text


def _summary(message: Message) -> str:
    if isinstance(message, MessageUnsupported):
        return f"[{message.provider_kind}]"
    names = [file.filename for file in message.attachments if file.filename]
    return wording.summary(message.text) or wording.summary(" ".join([wording.kind(message.kind), *names]))


HANDLER = Handler(
    group="attend-conversation",
    types=(MessageReceived, MessageUnsupported, ReplyEchoed, ConversationHandedOver),
    handle=attend,
    owner="support",
    look_up=look_up,
)
