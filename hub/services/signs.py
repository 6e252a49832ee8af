"""Signs of life to a customer: their words were read, somebody is writing.

Best effort, outside the order of a conversation: one that did not arrive is tried for a minute, then forgotten.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import bindparam, select

from hub.services import conversations
from hub.store import effects
from hub.store.tables import messages
from hub.store.transaction import Transaction

Sign = Literal["read", "typing"]

USEFUL_FOR: Final = timedelta(minutes=1)

_LAST_HEARD: Final = (
    select(messages.c.provider_id)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.direction == "in",
        messages.c.provider_id.is_not(None),
    )
    .order_by(messages.c.position.desc())
    .limit(1)
)


def show(tx: Transaction, conversation_id: str, *signs: Sign) -> list[str]:
    """Ask for signs about what a customer said last, because a person has it open; return the ids of their effects.

    Raises:
        NotFound: There is no such conversation.
    """
    conversation = conversations.get(tx, conversation_id)
    heard = tx.one(_LAST_HEARD, conversation=conversation_id)
    if heard is None:
        return []
    asked = []
    for sign in signs:
        id_ = tx.new_id("ef")
        effects.request(
            tx,
            {
                "id": id_,
                "kind": effects.SIGN,
                "connector": conversation.connector,
                "asset": conversation.asset,
                # A key of its own: nothing that is said waits for it.
                "key": f"{conversation_id}/{sign}",
                "reply_to": conversation.reply_to,
                "payload": {"sign": sign, "message_id": heard.provider_id},
                "useful_until": tx.now + USEFUL_FOR,
            },
        )
        asked.append(id_)
    return asked
