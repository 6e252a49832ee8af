"""Turns one WhatsApp message of any kind into the item that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors._meta.fields import label, word
from connectors.whatsapp import accounts, content
from connectors.whatsapp.content import NotReadableError
from connectors.whatsapp.parties import canonical_phone, user_id_in
from connectors.whatsapp.payload import Message, ProviderNote
from hub.contracts import Alias, AmendmentItem, IdentityItem, Item, MessageItem, Party, RefusedItem
from schemas.messages import Author

AMENDING: Final = frozenset({"reaction", "edit", "revoke"})


def item(message: Message, raw: Mapping[str, Any], asset: str, party: Party | None, *, standby: bool = False) -> Item:
    """Return what one of ``messages[]`` is: something said, a change to it, or news about who says it."""
    kind = label(message.type) or "unknown"
    if kind == "system":
        return _system(message, raw, asset)
    if kind in AMENDING and message.group_id is None:
        return amendment(message, raw, asset, "customer")
    found: Mapping[str, Any] = {"kind": kind}
    unsupported = "messages in groups are not read" if message.group_id is not None else None
    if unsupported is None:
        found, unsupported = _read(message, kind, raw)
    return MessageItem(
        asset=asset,
        provider_id=message.id,
        time=message.timestamp,
        party=party,
        quoted_provider_id=message.context.id,
        unsupported=unsupported,
        referral=content.referral(raw.get("referral")) if unsupported is None else None,
        forwarded=message.context.forwarded or message.context.frequently_forwarded,
        standby=standby,
        **found,
    )


def amendment(message: Message, raw: Mapping[str, Any], asset: str, by: Author) -> AmendmentItem | RefusedItem:
    """Return a reaction, an edit or a deletion of a message that is named by its id."""
    kind = message.type or ""
    body = raw.get(kind)
    body = body if isinstance(body, dict) else {}
    target = word(body.get("message_id" if kind == "reaction" else "original_message_id"))
    if target is None:
        return RefusedItem(f"a message of kind {kind} that does not name its original")
    about: dict[str, Any] = {
        "asset": asset,
        "provider_id": message.id,
        "time": message.timestamp,
        "target": target,
        "by": by,
    }
    if kind == "reaction":
        return AmendmentItem(**about, kind="reaction", emoji=word(body.get("emoji")))
    if kind == "revoke":
        return AmendmentItem(**about, kind="delete")
    return _edit(body, about)


def _edit(body: Mapping[str, Any], about: dict[str, Any]) -> AmendmentItem | RefusedItem:
    changed = body.get("message")
    changed = changed if isinstance(changed, dict) else {}
    holder = changed.get(word(changed.get("type")) or "")
    if not isinstance(holder, dict):
        return RefusedItem("an edit that does not say what the message says now")
    return AmendmentItem(**about, kind="edit", text=content.prose(holder.get("body") or holder.get("caption")))


def _read(message: Message, kind: str, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """Return the content, or the kind with the reason why it cannot be read."""
    try:
        found = content.read(kind, raw)
    except NotReadableError as error:
        return {"kind": kind}, f"{error}{_notes(message)}"
    if found is not None:
        share = content.product(raw.get("context"))
        return ({**found, "share": share} if share else found), None
    what = raw.get("unsupported")
    real = label(what.get("type")) if isinstance(what, dict) else None
    return {"kind": real or kind}, f"{real or kind} messages are not read{_notes(message)}"


def _notes(message: Message) -> str:
    notes = "; ".join(said(note) for note in message.errors)
    return f"; WhatsApp says {notes}" if notes else ""


def said(note: ProviderNote) -> str:
    """Return one of Meta's errors in a few words."""
    return " ".join(part for part in (note.code, note.title) if part) or "nothing more"


def _system(message: Message, raw: Mapping[str, Any], asset: str) -> Item:
    """Return the change of an address as a link between two; anything else says nothing that the hub acts on."""
    system = raw.get("system")
    system = system if isinstance(system, dict) else {}
    change = label(system.get("type")) or "unknown"
    number = word(system.get("wa_id")) or word(system.get("new_wa_id"))
    before = (canonical_phone(message.sender), canonical_phone(number))
    users = (
        _user(word(system.get("previous_user_id")) or message.from_user_id or user_id_in(message.sender)),
        _user(word(system.get("user_id"))),
    )
    pairs = [
        (Alias(kind, old), Alias(kind, new))
        for kind, (old, new) in (("whatsapp-user", users), ("phone", before))
        if old and new and old != new
    ]
    if not pairs or not change.startswith(("user_changed", "customer_changed")):
        return accounts.about_customer(asset, change, message.id, message.timestamp)
    return IdentityItem(
        asset=asset,
        provider_id=message.id,
        time=message.timestamp,
        previous=tuple(old for old, _ in pairs),
        current=tuple(new for _, new in pairs),
        reason=change,
        reply_to=_reply_to(number, users[1]),
    )


def _reply_to(number: str | None, user_id: str | None) -> dict[str, str] | None:
    """Return where answers go from now on: a user id changes with its phone, so both old ones are dead (facts 2.6)."""
    if number and canonical_phone(number):
        return {"to": number}
    return {"recipient": user_id} if user_id else None


def _user(value: str | None) -> str | None:
    return value if value and len(value) <= 160 else None  # noqa: PLR2004 - facts 2.6
