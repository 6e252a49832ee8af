"""Records what people say: messages of every kind, public comments, what colleagues wrote outside the hub."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.contracts import Alias, CommentItem, EchoItem, MessageItem, Party
from hub.pipeline.ingest.batch import Arrival, Batch
from hub.services import amendments, attachments, echoes
from hub.services.conversations import Heard
from schemas import ids
from schemas.messages import CommentPosted, MessageReceived, MessageUnsupported

_CONTENT = ("choice", "location", "contact_cards", "form", "order", "share", "referral", "forwarded", "standby")


def message(batch: Batch, arrival: Arrival, item: MessageItem) -> str:
    """Record something a customer said."""
    party = item.party
    if party is None:
        msg = "a message without a sender is refused before it is recorded"
        raise ValueError(msg)
    tx = batch.begin(arrival, "customer")
    told = arrival.told(item)
    heard = _heard(item, told["time"])
    conversation, contact, opened = batch.conversation_of(
        tx, arrival, party, item.asset, thread=item.thread, heard=heard
    )
    about = _about(arrival, item, conversation, contact)
    if item.unsupported is not None:
        unsupported = MessageUnsupported(
            **about, provider_kind=item.kind, reason=item.unsupported, standby=item.standby
        )
        tx.state(unsupported, key=conversation, subject=about["message_id"], **told)
        batch.record(_row(arrival, item, about, told["time"], item.kind))
        return "published"
    announced = attachments.announce(tx, item.files)
    received = MessageReceived(
        **about,
        kind=item.kind,
        text=item.text,
        sender_name=party.display_name,
        quoted_provider_message_id=item.quoted_provider_id,
        first_in_conversation=opened,
        attachments=announced,
        **{name: getattr(item, name) for name in _CONTENT},
    )
    tx.state(received, key=conversation, subject=received.message_id, **told)
    content = {name: value for name, value in _plain(received).items() if value}
    row = _row(arrival, item, about, told["time"], item.kind, announced=announced, content=content or None)
    batch.record(row, _files(arrival, item, about, announced))
    return "published"


def comment(batch: Batch, arrival: Arrival, item: CommentItem) -> str:
    """Record something that was said in public."""
    tx = batch.begin(arrival, "customer")
    told = arrival.told(item)
    party = item.party or Party((Alias(f"{arrival.delivery.connector}-comment", item.provider_id),), item.reply_to)
    conversation, contact, _ = batch.conversation_of(
        tx, arrival, party, item.asset, thread=item.thread, reply_to=dict(item.reply_to), heard=Heard()
    )
    about = _about(arrival, item, conversation, contact)
    announced = attachments.announce(tx, item.files)
    where: dict[str, Any] = {
        "post_id": item.post_id,
        "parent_comment_id": item.parent_id,
        "mention": item.mention,
        "permalink": item.permalink,
    }
    posted = CommentPosted(**about, **where, text=item.text, author_name=party.display_name, attachments=announced)
    tx.state(posted, key=conversation, subject=posted.message_id, **told)
    row = _row(arrival, item, about, told["time"], "comment", announced=announced, content=where)
    batch.record(row, _files(arrival, item, about, announced))
    return "published"


def echo(batch: Batch, arrival: Arrival, item: EchoItem) -> str:
    """Record what a colleague wrote outside the hub; one that only quotes a message waits until that one is known."""
    tx = batch.begin(arrival, "staff")
    delivery = arrival.delivery
    if item.party is not None and item.party.aliases:
        conversation, contact, _ = batch.conversation_of(tx, arrival, item.party, item.asset, thread=item.thread)
    elif item.quoted_provider_id is None:
        return "ignored"
    else:
        batch.save()
        found = amendments.message_of(tx, delivery.connector, item.asset, item.quoted_provider_id)
        if found is None:
            return batch.wait(arrival, item)
        conversation, contact = found.conversation_id, found.contact_id
    told = arrival.told(item)
    about = echoes.Echo(
        item, arrival.id, delivery.connector, arrival.channel, conversation, contact, delivery.received_at
    )
    batch.record(*echoes.tell(tx, about, told["time"], source=told["source"], causation=told["causation"]))
    return "published"


def _heard(item: MessageItem, time: datetime) -> Heard:
    window = time if item.opens_window else None
    return Heard(window, time if item.referral is not None else None)


def _about(arrival: Arrival, item: MessageItem | CommentItem, conversation: str, contact: str) -> dict[str, Any]:
    return {
        "message_id": ids.message_id(arrival.id, arrival.delivery.received_at),
        "conversation_id": conversation,
        "contact_id": contact,
        "channel": arrival.channel,
        "asset": item.asset,
        "provider_message_id": item.provider_id,
    }


def _plain(received: MessageReceived) -> dict[str, Any]:
    return received.model_dump(mode="json", include=set(_CONTENT), exclude_none=True)


def _files(arrival: Arrival, item: Any, about: dict[str, Any], announced: Any) -> list[dict[str, Any]]:
    return attachments.rows(
        announced,
        item.files,
        wanted_at=arrival.delivery.received_at,
        message_id=about["message_id"],
        conversation_id=about["conversation_id"],
        connector=arrival.delivery.connector,
        asset=item.asset,
    )


def _row(
    arrival: Arrival,
    item: MessageItem | CommentItem,
    about: dict[str, Any],
    time: datetime,
    kind: str,
    *,
    announced: Any = (),
    content: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": about["message_id"],
        "conversation_id": about["conversation_id"],
        "case_id": None,
        "direction": "in",
        "connector": arrival.delivery.connector,
        "asset": item.asset,
        "provider_id": item.provider_id,
        "kind": kind,
        "text": item.text,
        "state": "received",
        "time": time,
        "received_at": arrival.delivery.received_at,
        "event_id": arrival.id,
        "quoted_provider_id": item.parent_id if isinstance(item, CommentItem) else item.quoted_provider_id,
        "attachments": [one.model_dump(exclude_none=True) for one in announced] or None,
        "content": content,
        "sent_at": None,
    }
