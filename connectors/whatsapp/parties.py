"""Tells who wrote a WhatsApp message, from identifiers any of which may be missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from connectors._meta.fields import BROKEN
from connectors.whatsapp.payload import Message, Person
from hub.contracts import Alias, Party

_PHONE: Final = re.compile(r"\+?([0-9]{8,15})", re.ASCII)
_MEXICAN: Final = re.compile(r"521?([0-9]{10})", re.ASCII)
# The forms that Meta documented for a business-scoped user id: "MX.1357…", "MX.ENT.…", the draft's "user.<64 hex>".
_USER_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{1,128}|user\.[0-9a-f]{64}", re.ASCII)
MAX_USER_ID: Final = 160


def canonical_phone(value: str | None) -> str | None:
    """Return a phone in the form used for matching, None for what is no phone.

    Mexican mobiles come as ``521`` with ten digits, although the ``1`` was abolished in 2019 (facts 2.7); the form is
    for matching only, replies go to what Meta sent.
    """
    found = _PHONE.fullmatch(value or "")
    if found is None:
        return None
    digits = found.group(1)
    mexican = _MEXICAN.fullmatch(digits)
    return f"+52{mexican.group(1)}" if mexican else f"+{digits}"


def user_id_in(value: str | None) -> str | None:
    """Return the user id that was put where a phone belongs (COURIER-N ``wac/hello_bsuid_in_from``)."""
    return value if value is not None and _USER_ID.fullmatch(value) else None


class People:
    """The contacts of one ``value``, found by who sent a message."""

    def __init__(self, people: Sequence[Person], messages: Iterable[Message]) -> None:
        """Index the contacts; of two with the same identifier the first counts."""
        self._by_user_id = {user_id: person for person in reversed(people) if (user_id := _user_id(person))}
        self._by_phone = {phone: person for person in reversed(people) if (phone := canonical_phone(person.wa_id))}
        senders = {(message.sender, message.from_user_id) for message in messages}
        self._only = people[0] if len(people) == 1 and len(senders) == 1 else None

    def who_sent(self, message: Message) -> Person | None:
        """Return the contact that belongs to a message.

        By user id, else by phone; else the only contact, when all messages beside it have one sender, whose user id
        does not say that it is somebody else. Never just the first: in a batch that is another customer.
        """
        user_id = message.from_user_id or user_id_in(message.sender)
        phone = canonical_phone(message.sender)
        found = self._by_user_id.get(user_id or "") or self._by_phone.get(phone or "")
        if found is None and self._only is not None and (user_id is None or _user_id(self._only) is None):
            return self._only
        return found


def party_of(message: Message, person: Person | None) -> Party | None:
    """Return who wrote a message; None when nothing usable says it."""
    contact = person or Person()
    user_ids = (message.from_user_id, _user_id(contact), user_id_in(message.sender))
    user_id = next((value for value in user_ids if _usable(value)), None)
    numbers = [value for value in (contact.wa_id, message.sender) if canonical_phone(value)]
    phones = dict.fromkeys(canonical_phone(value) for value in numbers)
    aliases = [Alias("whatsapp-user", user_id)] if user_id else []
    aliases += [Alias("phone", phone) for phone in phones if phone]
    if numbers:
        # As Meta sent it: the form with the 1 is the one that WhatsApp knows.
        reply_to = {"to": numbers[0] or ""}
    elif user_id:
        reply_to = {"recipient": user_id}
    else:
        return None
    return Party(aliases=tuple(aliases), reply_to=reply_to, display_name=contact.profile.name)


def _user_id(person: Person) -> str | None:
    return person.user_id or user_id_in(person.wa_id)


def _usable(value: str | None) -> bool:
    return value is not None and len(value) <= MAX_USER_ID and BROKEN not in value
