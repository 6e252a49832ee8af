"""Turns what comes beside a customer's messages into items: echoes, calls, preferences, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from connectors._meta.fields import elements, label, word
from connectors.whatsapp import content, messages
from connectors.whatsapp.content import NotReadableError
from connectors.whatsapp.parties import People, party_of
from connectors.whatsapp.payload import Message, Person, Value, read
from hub.contracts import Alias, EchoItem, IdentityItem, Ignored, Item, MessageItem, PreferenceItem, RefusedItem
from schemas import ids

_HISTORY: Final = "messages from before the first connection come in only by an explicit import (R-C8)"
_ALLOWED: Final[dict[str, bool]] = {"stop": False, "resume": True, "signup": True}


def read_change(field: str, value: Mapping[str, Any]) -> Iterator[Item]:
    """Yield every item of a change whose value holds a list of its own; one without any still says why."""
    names, reader = READERS[field]
    found = [(name, raw) for name in names for raw in elements(value, name)]
    if not found:
        yield Ignored(f"a {field} change that carries nothing")
        return
    asset = read(Value, value)
    for name, raw in found:
        if not isinstance(raw, dict):
            yield RefusedItem(f"one of {name} is no object")
        elif isinstance(asset, Value):
            yield reader(name, raw, value, asset.phone_number_id)
        elif reader in {_contact, _history}:
            yield reader(name, raw, value, "")
        else:
            yield asset


def _echo(_name: str, raw: Mapping[str, Any], value: Mapping[str, Any], asset: str) -> Item:
    """Return what a colleague wrote in the phone app (R-C9); ``to`` is the customer."""
    echo = read(Message, {**raw, "from": raw.get("to"), "from_user_id": raw.get("to_user_id")})
    if isinstance(echo, RefusedItem):
        return echo
    if echo.type in messages.AMENDING:
        return messages.amendment(echo, raw, asset, "company")
    kind = label(echo.type) or "unknown"
    try:
        found = content.read(kind, raw)
    except NotReadableError:
        found = None
    found = found or {"kind": "text", "text": f"[{kind}]"}
    party = party_of(echo, _people(value, echo).who_sent(echo))
    if party is None:
        return RefusedItem("an echo does not name to whom it went")
    return EchoItem(
        asset=asset,
        provider_id=echo.id,
        time=echo.timestamp,
        party=party,
        quoted_provider_id=echo.context.id,
        **{name: found[name] for name in ("kind", "text", "files") if name in found},
    )


def _call(name: str, raw: Mapping[str, Any], value: Mapping[str, Any], asset: str) -> Item:
    """Return a customer's call as a message: it opens the window, somebody has to call back."""
    if name == "statuses":
        return Ignored("what became of a call is not used")
    call = read(Message, raw)
    if isinstance(call, RefusedItem):
        return call
    if word(raw.get("direction")) == "BUSINESS_INITIATED":
        return Ignored("a call that the company made is not used")
    if word(raw.get("event")) not in {None, "connect"}:
        return Ignored("the end of a call adds nothing to its beginning")
    party = party_of(call, _people(value, call).who_sent(call))
    return MessageItem(asset, call.id, call.timestamp, party, "call")


def _preference(_name: str, raw: Mapping[str, Any], value: Mapping[str, Any], asset: str) -> Item:
    who = {"id": "preference", "from": raw.get("wa_id"), "from_user_id": raw.get("user_id")}
    told = read(Message, {**who, "timestamp": raw.get("timestamp"), "detail": raw.get("detail")})
    if isinstance(told, RefusedItem):
        return told
    party = party_of(told, _people(value, told).who_sent(told))
    allowed = _ALLOWED.get(word(raw.get("value")) or "")
    category = label(raw.get("category"))
    if party is None or allowed is None or category is None:
        return RefusedItem("a preference that does not say whose, of what, or whether it is allowed")
    when = told.timestamp.isoformat() if told.timestamp else ""
    key = ids.digest("preference", *(alias.value for alias in party.aliases), category, str(allowed), when)
    return PreferenceItem(asset, key, told.timestamp, party, category, allowed=allowed)


def _user_id(_name: str, raw: Mapping[str, Any], _value: object, asset: str) -> Item:
    """Return a change of user id; no documented field any more, yet seen in other projects' samples (facts 2.6)."""
    change = raw.get("user_id")
    change = change if isinstance(change, dict) else raw
    told = read(Message, {"id": "update", "timestamp": raw.get("timestamp"), "from": raw.get("wa_id")})
    previous = word(change.get("previous")) or word(change.get("previous_user_id"))
    current = word(change.get("current")) or word(change.get("current_user_id"))
    if isinstance(told, RefusedItem):
        return told
    if previous is None or current is None:
        return RefusedItem("a change of user id that does not name both")
    return IdentityItem(
        asset=asset,
        provider_id=ids.digest("user-id", previous, current),
        time=told.timestamp,
        previous=(Alias("whatsapp-user", previous),),
        current=(Alias("whatsapp-user", current),),
        reason="user_changed_user_id",
        reply_to={"recipient": current},
    )


def _contact(_name: str, _raw: object, _value: object, _asset: object) -> Item:
    return Ignored("the phone's contact book is not copied")


def _history(_name: str, raw: Mapping[str, Any], _value: object, _asset: object) -> Item:
    many = sum(len(elements(thread, "messages")) for thread in elements(raw, "threads") if isinstance(thread, dict))
    return Ignored(f"history of {many} messages: {_HISTORY}")


def _people(value: Mapping[str, Any], about: Message) -> People:
    found = [read(Person, raw) for raw in elements(value, "contacts")]
    return People([person for person in found if isinstance(person, Person)], [about])


Reader = Callable[[str, Mapping[str, Any], Mapping[str, Any], str], Item]
READERS: Final[dict[str, tuple[tuple[str, ...], Reader]]] = {
    "smb_message_echoes": (("message_echoes",), _echo),
    "calls": (("calls", "statuses"), _call),
    "user_preferences": (("user_preferences",), _preference),
    "user_id_update": (("user_id_update",), _user_id),
    "smb_app_state_sync": (("state_sync",), _contact),
    "history": (("history",), _history),
}
"""By field: the lists that its value holds, what one element of them becomes."""
