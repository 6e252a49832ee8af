"""People, with every address under which they are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from hub.contracts import Alias, Party
from hub.errors import NotFound, Permanent
from hub.store.tables import contacts, conversations, identities, preferences
from hub.store.transaction import Transaction
from schemas.conversations import ContactMatched, ContactMerged, ContactSeparated

_COLUMNS: Final = (identities.c.alias, identities.c.contact_id, identities.c.added_at)
_BY_ALIAS: Final = select(*_COLUMNS).where(identities.c.alias.in_(bindparam("aliases", expanding=True)))
_OF_CONTACTS: Final = select(*_COLUMNS).where(identities.c.contact_id.in_(bindparam("contacts", expanding=True)))
_FORGET: Final = delete(identities).where(identities.c.alias == bindparam("former_alias"))
_RETIRE: Final = (
    update(identities).where(identities.c.alias == bindparam("of_alias")).values(alias=bindparam("former_alias"))
)
_INSERT_CONTACT: Final = insert(contacts)
_INSERT_IDENTITY: Final = insert(identities)
_NAME: Final = select(contacts.c.display_name).where(contacts.c.id == bindparam("id"))
_NAMES: Final = select(contacts.c.id, contacts.c.display_name).where(
    contacts.c.id.in_(bindparam("ids", expanding=True))
)
_LOOKED_UP: Final = "names"
_IN_OTHER_HANDS: Final = "the same number with another user id: it was given to somebody else, or its holder changed"
_GIVE_NAME: Final = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"), contacts.c.display_name.is_(None))
    .values(display_name=bindparam("name"))
)

_OF_CONVERSATION: Final = select(conversations.c.contact_id).where(conversations.c.id == bindparam("conversation"))
_PERSON: Final = select(contacts.c.id, contacts.c.merged_into).where(
    contacts.c.id.in_(bindparam("ids", expanding=True))
)
_MERGE: Final = update(contacts).where(contacts.c.id == bindparam("contact")).values(merged_into=bindparam("kept"))
_PREFERENCE: Final = select(preferences.c.told_at, preferences.c.event_id).where(
    preferences.c.contact_id == bindparam("contact"), preferences.c.category == bindparam("of_category")
)
_PREFER: Final = insert(preferences)
_CHANGE_PREFERENCE: Final = (
    update(preferences)
    .where(preferences.c.contact_id == bindparam("contact"), preferences.c.category == bindparam("of_category"))
    .values(allowed=bindparam("is_allowed"), told_at=bindparam("at"), event_id=bindparam("event"))
)


def text_of(alias: Alias) -> str:
    """Return an alias in the form it is stored in."""
    return f"{alias.kind}:{alias.value}"


def former_text_of(contact: str, alias: Alias) -> str:
    """Return the form in which an address that somebody left is stored: no look-up finds its holder by it."""
    return f"former:{contact}:{text_of(alias)}"


@dataclass(slots=True)
class People:
    """Resolves many parties in one transaction, looking each address up once.

    The best known alias decides; an alias that belongs to somebody else is left with them (joining two people is a
    person's decision, R-P16). A number that comes with a user id unlike its holder's is in other hands.
    """

    _known: dict[str, str] = field(default_factory=dict)
    _since: dict[str, datetime] = field(default_factory=dict)
    _kinds: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _contacts: list[dict[str, Any]] = field(default_factory=list)
    _identities: list[dict[str, Any]] = field(default_factory=list)

    def look_up(self, tx: Transaction, parties: Collection[Party], aliases: Iterable[Alias] = ()) -> None:
        """Load what the database knows of these parties' addresses, of further ones too."""
        wanted = sorted({text_of(alias) for party in parties for alias in party.aliases} | set(map(text_of, aliases)))
        if wanted:
            tx.lock("alias", wanted)
            self._learn(tx.all(_BY_ALIAS, aliases=wanted))
        doubtful = {self._known[text_of(alias)] for party in parties if (alias := self._lent_alone(party))}
        if doubtful:
            self._learn(tx.all(_OF_CONTACTS, contacts=sorted(doubtful)))

    def contacts(self) -> set[str]:
        """Return every contact that was found."""
        return set(self._known.values())

    def find(self, aliases: Iterable[Alias]) -> str | None:
        """Return whose addresses these are, by the best that is known; None for a stranger's."""
        return next((self._known[alias] for alias in map(text_of, aliases) if alias in self._known), None)

    def resolve(
        self, tx: Transaction, party: Party, has_spoken_here: Callable[[str], bool] | None = None
    ) -> tuple[str, bool]:
        """Return the party's contact id, with whether the contact is new.

        ``has_spoken_here`` tells whether a contact has written to the same asset: elsewhere the same person has
        another user id (facts 2.6: it holds for one business portfolio).
        """
        contact = self.find(party.aliases)
        is_here = contact is not None and has_spoken_here is not None and has_spoken_here(contact)
        left = self._lent_to_another(party) if is_here else None
        is_new = contact is None or left is not None
        if contact is None or left is not None:
            before, contact = contact, tx.new_id("ct")
            self._contacts.append(
                {"id": contact, "display_name": party.display_name, "tier": "unknown", "created_at": tx.now}
            )
            if before is not None and left is not None:
                self.retire(tx, before, left)
                matched = ContactMatched(contact_id=before, other_contact_id=contact, reason=_IN_OTHER_HANDS)
                tx.state(matched, key=f"contact:{before}", subject=before)
            self.link(tx, contact, party.aliases)
        else:
            free = [alias for alias in party.aliases if text_of(alias) not in self._known]
            # An old message may come late: what was left is not had again by it.
            self.link(tx, contact, [alias for alias in free if not self.left(tx, contact, alias)])
        return contact, is_new

    def link(self, tx: Transaction, contact: str, aliases: Iterable[Alias]) -> list[Alias]:
        """Give addresses that nobody has to a contact, then return those."""
        free = [alias for alias in dict.fromkeys(aliases) if text_of(alias) not in self._known]
        for alias in free:
            self._know(text_of(alias), contact, tx.now)
            row = {"alias": text_of(alias), "contact_id": contact, "added_at": tx.now, "cause": tx.origin.cause}
            self._identities.append(row)
        return free

    def retire(self, tx: Transaction, contact: str, alias: Alias) -> None:
        """Let nobody be found any more by an address that its holder left; when they got it, from what, is kept."""
        self.save(tx)
        about = {"former_alias": former_text_of(contact, alias)}
        tx.run(_FORGET, **about)
        tx.run(_RETIRE, of_alias=text_of(alias), **about)
        del self._known[text_of(alias)]

    def has(self, contact: str, alias: Alias) -> bool:
        """Tell whether an address is this contact's."""
        return self._known.get(text_of(alias)) == contact

    def left(self, tx: Transaction, contact: str, alias: Alias) -> bool:
        """Tell whether a contact once had a lent address, to leave it."""
        return alias.is_lent and tx.one(_BY_ALIAS, aliases=[former_text_of(contact, alias)]) is not None

    def _know(self, alias: str, contact: str, since: datetime) -> None:
        kind = alias.partition(":")[0]
        self._known[alias], self._since[alias] = contact, since
        self._kinds[contact, kind] = max(since, self._kinds.get((contact, kind), since))

    def _learn(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self._know(row.alias, row.contact_id, row.added_at)

    def _lent_alone(self, party: Party) -> Alias | None:
        """Return the address of a party that is known, when it is a lent one beside one of their own that is not."""
        found = next((alias for alias in party.aliases if text_of(alias) in self._known), None)
        return found if found is not None and found.is_lent and not party.aliases[0].is_lent else None

    def _lent_to_another(self, party: Party) -> Alias | None:
        """Return the lent address that leads to somebody who has an address of their own, unlike this party's.

        One that came to them after that, by a change of number, speaks for them: a user id changes with its phone.
        """
        lent = self._lent_alone(party)
        if lent is None:
            return None
        alias = text_of(lent)
        own = self._kinds.get((self._known[alias], party.aliases[0].kind))
        return lent if own is not None and own >= self._since[alias] else None

    def save(self, tx: Transaction) -> None:
        """Write who is new since the last call."""
        tx.write_many(_INSERT_CONTACT, self._contacts)
        tx.write_many(_INSERT_IDENTITY, self._identities)
        self._contacts, self._identities = [], []


def look_up_names(tx: Transaction, contact_ids: Iterable[str]) -> None:
    """Read the names of contacts, for ``name_of``."""
    rows = tx.all(_NAMES, ids=sorted(set(contact_ids)))
    tx.looked_up(_LOOKED_UP).update((row.id, row.display_name) for row in rows)


def name_of(tx: Transaction, contact_id: str) -> str | None:
    """Return a contact's name as far as it is known."""
    known = tx.looked_up(_LOOKED_UP)
    if contact_id in known:
        name: str | None = known[contact_id]
        return name
    row = tx.one(_NAME, id=contact_id)
    return None if row is None else row.display_name


def learn_names(tx: Transaction, names: Iterable[tuple[str, str]]) -> None:
    """Give names to contacts that have none (R-P2)."""
    tx.write_many(_GIVE_NAME, [{"contact": contact, "name": name} for contact, name in names])


def lock(tx: Transaction, aliases: Iterable[Alias]) -> None:
    """Let nobody else decide whose addresses these are; taken before any other lock."""
    tx.lock("alias", map(text_of, aliases))


def of_conversation(tx: Transaction, conversation_id: str) -> str | None:
    """Return whom a conversation is with."""
    row = tx.one(_OF_CONVERSATION, conversation=conversation_id)
    return None if row is None else str(row.contact_id)


def learn(tx: Transaction, conversation_id: str, aliases: Iterable[Alias], reason: str) -> None:
    """Give addresses to whom a conversation is with; an address of another contact is told, for a person to decide."""
    wanted = list(aliases)
    contact = of_conversation(tx, conversation_id) if wanted else None
    if contact is None:
        return
    people = People()
    people.look_up(tx, (), wanted)
    people.link(tx, contact, wanted)
    people.save(tx)
    for other in sorted(people.contacts() - {contact}):
        matched = ContactMatched(contact_id=contact, other_contact_id=other, reason=reason)
        tx.state(matched, key=conversation_id, subject=contact)


def merge(tx: Transaction, kept: str, merged: str) -> bool:
    """Say that two contacts are one person; each keeps its conversations. False when they are already.

    Raises:
        NotFound: One of them is unknown.
        Permanent: They are the same contact, or part of another merge.
    """
    into = _persons(tx, kept, merged)
    if kept == merged or into[kept] is not None or into[merged] not in {None, kept}:
        msg = "a contact is merged into one other; undo the merge that stands before making another"
        raise Permanent(msg)
    if into[merged] == kept:
        return False
    tx.run(_MERGE, contact=merged, kept=kept)
    fact = ContactMerged(contact_id=kept, merged_contact_id=merged)
    tx.state(fact, key=f"contact:{kept}", subject=kept)
    return True


def separate(tx: Transaction, merged: str) -> bool:
    """Undo a merge; False when there is none.

    Raises:
        NotFound: The contact is unknown.
    """
    kept = _persons(tx, merged)[merged]
    if kept is None:
        return False
    tx.run(_MERGE, contact=merged, kept=None)
    fact = ContactSeparated(contact_id=kept, separated_contact_id=merged)
    tx.state(fact, key=f"contact:{kept}", subject=kept)
    return True


def prefer(tx: Transaction, contact_id: str, category: str, *, allowed: bool, at: datetime, event_id: str) -> None:
    """Keep what a person allows; of several words the latest counts, in whatever order they come."""
    about = {"contact": contact_id, "of_category": category}
    before = tx.one(_PREFERENCE, **about)
    if before is None:
        row = {"contact_id": contact_id, "category": category, "allowed": int(allowed), "told_at": at}
        tx.run(_PREFER, **row, event_id=event_id)
    elif (before.told_at, before.event_id) < (at, event_id):
        tx.run(_CHANGE_PREFERENCE, **about, is_allowed=int(allowed), at=at, event=event_id)


def _persons(tx: Transaction, *wanted: str) -> dict[str, str | None]:
    tx.lock("contact", wanted)
    found = {row.id: row.merged_into for row in tx.all(_PERSON, ids=list(wanted))}
    missing = sorted(set(wanted) - set(found))
    if missing:
        msg = f"there is no contact {missing[0]}"
        raise NotFound(msg)
    return found
