"""What a person decides about work that stands still; each is one command, which leaves the trace."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Row

from hub.errors import NotFound, Permanent
from hub.services import dead_letters, replies
from hub.store import effects, groups, held_back
from hub.store.tables import messages
from hub.store.transaction import Transaction
from schemas import ids

_ASKED_AGAIN: Final = update(messages).where(messages.c.id == bindparam("message")).values(state="requested")
SETTLED_ES: Final = "Una persona revisó el chat y decidió."

Verdict = Literal["sent", "failed"]


def discard(tx: Transaction, letter_id: str) -> bool:
    """Give a dead letter up for good; False when it was settled before.

    Raises:
        NotFound: There is none of that id.
    """
    letter = dead_letters.get(tx, letter_id)
    if letter.state != "open":
        return False
    dead_letters.settle(tx, letter, "discarded")
    return True


def resume(tx: Transaction, name: str) -> bool:
    """Let a paused group go on, every held key of it tried at once; False when it was not paused.

    Raises:
        NotFound: The database knows no such group.
    """
    row = _group(tx, name)
    if row.state != "paused":
        return False
    groups.set_state(tx, name, "active", reason=None, probe_at=None, wait_seconds=0)
    groups.release(tx, name)
    return True


def release(tx: Transaction, name: str) -> int:
    """Let every held key of a group be tried now; return how many were held.

    Raises:
        NotFound: The database knows no such group.
    """
    _group(tx, name)
    released = groups.release(tx, name)
    tx.signal("groups")
    return released


def adopt(tx: Transaction, old: str, new: str, handled: Collection[str]) -> None:
    """Let a renamed group go on under its new name, where it was.

    Args:
        tx: The transaction.
        old: The name that the database knows.
        new: The name that a handler has now.
        handled: Every group that this code has a handler for.

    Raises:
        NotFound: The database does not know the old name, or no handler has the new one.
        Permanent: The new name has a history of its own, or the old one still has a handler.
    """
    _group(tx, old)
    if new not in handled:
        msg = f"no handler has the group {new}; known are {', '.join(sorted(handled))}"
        raise NotFound(msg)
    if old in handled:
        msg = f"a handler still has the group {old}; only a group without one can be adopted"
        raise Permanent(msg)
    if groups.get(tx, new) is not None:
        msg = f"the group {new} has already begun on its own; it cannot take over what {old} did"
        raise Permanent(msg)
    groups.rename(tx, old, new)


def drop(tx: Transaction, name: str, handled: Collection[str]) -> None:
    """Forget a group that no handler has any more.

    Raises:
        NotFound: The database does not know it.
        Permanent: A handler still has it.
    """
    _group(tx, name)
    if name in handled:
        msg = f"a handler still has the group {name}; remove the handler first"
        raise Permanent(msg)
    groups.drop(tx, name)


def settle_effect(tx: Transaction, effect_id: str, verdict: Verdict, provider_id: str | None) -> bool:
    """End a doubtful effect as a person found it; False when it was ended so before.

    Raises:
        NotFound: There is none of that id.
        Permanent: It is not doubtful.
    """
    row = _effect(tx, effect_id)
    ended = {"sent": {"accepted", "confirmed"}, "failed": {"failed"}}[verdict]
    if row.state in ended:
        return False
    _must_be_doubtful(row)
    if verdict == "sent":
        effects.move(tx, row, "confirmed", provider_id=provider_id, explanation_es=SETTLED_ES)
        event_id = ids.effect_event_id(row.id, row.attempts, "accepted")
        replies.sent(tx, row, provider_id or row.provider_id or "", row.attempts, event_id)
    else:
        effects.move(tx, row, "failed", code="settled", explanation_es=SETTLED_ES)
        event_id = ids.effect_event_id(row.id, row.attempts, "failed")
        replies.failed(tx, row, "settled", SETTLED_ES, row.attempts, event_id)
    return True


def resend_effect(tx: Transaction, effect_id: str) -> None:
    """Send a doubtful effect once more; the customer may get it twice.

    Raises:
        NotFound: There is none of that id.
        Permanent: It is not doubtful, or its last useful instant has passed.
    """
    row = _effect(tx, effect_id)
    _must_be_doubtful(row)
    if row.useful_until <= tx.now:
        msg = f"{effect_id} lost its use at {row.useful_until.isoformat()}; settle it with --as failed, then write anew"
        raise Permanent(msg)
    effects.move(tx, row, "intent")
    tx.run(_ASKED_AGAIN, message=effect_id)


def retry_effect(tx: Transaction, effect_id: str) -> None:
    """Try a failed effect anew, once a person has cured the reason; the window is looked at again (CO-07).

    Raises:
        NotFound: There is none of that id.
        Permanent: It has not failed.
    """
    row = _effect(tx, effect_id)
    if row.state != "failed" or not effects.retry(tx, row):
        msg = f"{row.id} is {row.state}, not failed; only what failed can be tried anew"
        raise Permanent(msg)
    tx.run(_ASKED_AGAIN, message=effect_id)


def release_held(tx: Transaction, how: Literal["resend"] | Verdict, until: datetime, after: int, limit: int) -> int:
    """Decide alike about a part of what a restored database holds back; return the last position, 0 for no more.

    What is past its use fails by itself instead of being sent.
    """
    rows = held_back.listing(tx, until, after=after, limit=limit)
    for row in rows:
        if how == "resend":
            replies.lock(tx, [row.id])
            effects.move(tx, row, "intent")
            tx.run(_ASKED_AGAIN, message=row.id)
        else:
            settle_effect(tx, row.id, how, None)
    return int(rows[-1].position) if rows else 0


def _group(tx: Transaction, name: str) -> Row[Any]:
    row = groups.get(tx, name)
    if row is None:
        known = ", ".join(one.name for one in groups.everyone(tx)) or "none"
        msg = f"the database knows no group {name}; known are {known}"
        raise NotFound(msg)
    return row


def _effect(tx: Transaction, effect_id: str) -> Row[Any]:
    replies.lock(tx, [effect_id])
    row = effects.get(tx, effect_id)
    if row is None:
        msg = f"there is no effect {effect_id}"
        raise NotFound(msg)
    return row


def _must_be_doubtful(row: Row[Any]) -> None:
    if row.state != "unknown":
        msg = f"{row.id} is {row.state}, not doubtful; only what is doubtful waits for a person's decision"
        raise Permanent(msg)
