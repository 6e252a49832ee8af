"""People, with every address under which they are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update

from hub.contracts import Alias, Party
from hub.store.tables import contacts, identities
from hub.store.transaction import Transaction

_BY_ALIAS: Final = select(identities.c.alias, identities.c.contact_id).where(
    identities.c.alias.in_(bindparam("aliases", expanding=True))
)
_INSERT_CONTACT: Final = insert(contacts)
_INSERT_IDENTITY: Final = insert(identities)
_NAME: Final = select(contacts.c.display_name).where(contacts.c.id == bindparam("id"))
_NAMES: Final = select(contacts.c.id, contacts.c.display_name).where(
    contacts.c.id.in_(bindparam("ids", expanding=True))
)
_LOOKED_UP: Final = "names"
_GIVE_NAME: Final = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"), contacts.c.display_name.is_(None))
    .values(display_name=bindparam("name"))
)


def text_of(alias: Alias) -> str:
    """Return an alias in the form it is stored in."""
    return f"{alias.kind}:{alias.value}"


@dataclass(slots=True)
class People:
    """Resolves many parties in one transaction, looking each address up once.

    The best known alias decides; an alias that belongs to somebody else is left with them (joining two people is a
    person's decision, R-P16).
    """

    _known: dict[str, str] = field(default_factory=dict)
    _contacts: list[dict[str, Any]] = field(default_factory=list)
    _identities: list[dict[str, Any]] = field(default_factory=list)

    def look_up(self, tx: Transaction, parties: Iterable[Party]) -> None:
        """Load what the database knows of these parties' addresses."""
        wanted = sorted({text_of(alias) for party in parties for alias in party.aliases})
        if wanted:
            tx.lock("alias", wanted)
            self._known.update((row.alias, row.contact_id) for row in tx.all(_BY_ALIAS, aliases=wanted))

    def contacts(self) -> set[str]:
        """Return every contact that was found."""
        return set(self._known.values())

    def resolve(self, tx: Transaction, party: Party) -> tuple[str, bool]:
        """Return the party's contact id, with whether the contact is new."""
        aliases = [text_of(alias) for alias in party.aliases]
        contact = next((self._known[alias] for alias in aliases if alias in self._known), None)
        is_new = contact is None
        if contact is None:
            contact = tx.new_id("ct")
            self._contacts.append(
                {"id": contact, "display_name": party.display_name, "tier": "unknown", "created_at": tx.now}
            )
        for alias in aliases:
            if alias not in self._known:
                self._known[alias] = contact
                row = {"alias": alias, "contact_id": contact, "added_at": tx.now, "cause": tx.origin.cause}
                self._identities.append(row)
        return contact, is_new

    def save(self, tx: Transaction) -> None:
        """Write who is new."""
        tx.write_many(_INSERT_CONTACT, self._contacts)
        tx.write_many(_INSERT_IDENTITY, self._identities)


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
