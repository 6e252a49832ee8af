"""Items that came before what they speak of: kept, then applied when it comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy.engine import Row

from hub.contracts import AmendmentItem, EchoItem, StatusItem
from hub.errors import NotFound
from hub.services import amendments, attachments, conversations, echoes, replies, unmatched, watermarks
from hub.store import deliveries, effects
from hub.store.transaction import Origin, UnitOfWork

BY: Final = "ingest"
_NOBODY: Final = Origin("", "waiting", "hub")
_STATUS: Final = TypeAdapter(StatusItem)
_AMENDMENT: Final = TypeAdapter(AmendmentItem)
_ECHO: Final = TypeAdapter(EchoItem)
_TAG: Final = unmatched.TAG


def keep(unit: UnitOfWork, item: StatusItem | AmendmentItem | EchoItem, **row: Any) -> None:
    """Let an item wait for its original; ``row`` says where it came from."""
    row["item"] = row.pop("item_index")
    if isinstance(item, StatusItem):
        target: str | None = item.provider_id
        body = _STATUS.dump_python(item, mode="json")
    elif isinstance(item, EchoItem):
        target, body = item.quoted_provider_id, {_TAG: "echo", **_ECHO.dump_python(item, mode="json")}
    else:
        target, body = item.target, {_TAG: "amendment", **_AMENDMENT.dump_python(item, mode="json")}
    tx = unit.begin(Origin(row["id"], BY, "hub"))
    deliveries.wait(tx, {**row, "asset": item.asset, "target": target, "body": body})
    unmatched.expect(tx, row["connector"], item.asset, row["received_at"])


def apply_to_reply(unit: UnitOfWork, effect_id: str, provider_id: str) -> None:
    """Apply what came before anybody knew whose message it speaks of, in the order it came."""
    effect = _must(effects.get(unit.begin(_NOBODY), effect_id))
    for row in deliveries.waiting_for(unit.begin(_NOBODY), effect.connector, effect.asset, [provider_id]):
        if _TAG in row.body:
            _apply(unit, row)
            continue
        tx = unit.begin(Origin(_place(row), BY, "provider", effect.traceparent, row.received_at))
        told = replies.apply_status(tx, _must(effects.get(tx, effect_id)), _STATUS.validate_python(row.body), row.id)
        _settle(unit, row, told=told)
    watermarks.catch_up(unit.begin(Origin(effect_id, BY, "provider", effect.traceparent)), effect_id)


def apply_to_messages(unit: UnitOfWork, connector: str, asset: str, provider_ids: Iterable[str]) -> None:
    """Apply what came before these messages, in the order it came; how far a colleague's own came is no news."""
    for row in deliveries.waiting_for(unit.begin(_NOBODY), connector, asset, provider_ids):
        if _TAG in row.body:
            _apply(unit, row)
        else:
            _settle(unit, row, told=False)


def _apply(unit: UnitOfWork, row: Row[Any]) -> None:
    body = {name: value for name, value in row.body.items() if name != _TAG}
    if row.body[_TAG] == "echo":
        _echo(unit, row, _ECHO.validate_python(body))
    else:
        _amend(unit, row, _AMENDMENT.validate_python(body))


def _echo(unit: UnitOfWork, row: Row[Any], item: EchoItem) -> None:
    tx = unit.begin(Origin(_place(row), BY, "staff", received_at=row.received_at))
    quoted = amendments.message_of(tx, row.connector, item.asset, row.target)
    if quoted is None:
        return
    whose = (quoted.channel, quoted.conversation_id, quoted.contact_id)
    echo = echoes.Echo(item, row.id, row.connector, *whose, row.received_at)
    message, files = echoes.tell(tx, echo, item.time or row.received_at, source=f"/{row.connector}/{row.asset}")
    conversations.record(tx, message)
    attachments.want(tx, files)
    _settle(unit, row, told=True)
    apply_to_messages(unit, row.connector, row.asset, [item.provider_id])


def _amend(unit: UnitOfWork, row: Row[Any], item: AmendmentItem) -> None:
    tx = unit.begin(Origin(_place(row), BY, item.by, received_at=row.received_at))
    original = amendments.original_of(tx, row.connector, item)
    if original is None:
        return
    at = item.time or row.received_at
    amendments.apply(tx, original, item, at, row.id, source=f"/{row.connector}/{row.asset}")
    _settle(unit, row, told=True)


def _settle(unit: UnitOfWork, row: Row[Any], *, told: bool) -> None:
    tx = unit.begin(_NOBODY)
    deliveries.stop_waiting(tx, row.id)
    deliveries.add_counts(tx, row.delivery_id, {"waiting": -1, "published" if told else "ignored": 1})


def _place(row: Row[Any]) -> str:
    return f"{row.delivery_id}/{row.item}"


def _must(effect: Row[Any] | None) -> Row[Any]:
    if effect is None:
        msg = "an effect is gone although nothing deletes effects"
        raise NotFound(msg)
    return effect
