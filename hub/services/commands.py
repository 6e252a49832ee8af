"""Commands of people or scripts: each done once, in one transaction with its trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Row

from hub.errors import HubError, StaleVersion
from hub.store.tables import audit, commands
from hub.store.transaction import Origin, Transaction, UnitOfWork

T = TypeVar("T")

_BY_ID: Final = select(commands).where(commands.c.id == bindparam("command"))
_INSERT: Final = insert(commands)
_INSERT_AUDIT: Final = insert(audit)


class IdReused(HubError):
    """A command came under an id that another command had; nothing was done."""


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for.

    Attributes:
        id: Idempotency key, chosen by who asks: the same id is done once, however often it comes.
        name: Imperative, e.g. ``redrive_dead_letter``.
        actor: ``staff:<id>``, ``api:<client>`` or ``cli:<user>``.
        object: Id of what it is about.
        expected_version: The version that the actor decided on; None when any will do.
        detail: What else the audit should say.
    """

    id: str
    name: str
    actor: str
    object: str
    expected_version: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def check(self, version: int) -> None:
        """Refuse to act on an object that is no longer as the actor saw it.

        Raises:
            StaleVersion: It has another version by now.
        """
        if self.expected_version is not None and self.expected_version != version:
            msg = f"{self.object} was changed meanwhile: it has version {version}, not {self.expected_version}"
            raise StaleVersion(msg)


def work(command: Command, fn: Callable[[Transaction], T]) -> Callable[[UnitOfWork], T]:
    """Return the function that carries a command out in one transaction, for ``store.transact``.

    Ids of the events that ``fn`` states derive from the command. What ``fn`` returns must be JSON: it is stored, and
    is the answer to a repeated id, which does nothing else.

    Raises:
        IdReused: From the returned function; the id belongs to another command.
    """

    def run(unit: UnitOfWork) -> T:
        tx = unit.begin(Origin(f"command/{command.id}", command.name, command.actor))
        tx.lock("command", [command.id])
        row = tx.one(_BY_ID, command=command.id)
        if row is not None:
            stored: T = _stored(row, command)
            return stored
        result = fn(tx)
        who = {"actor": command.actor, "object": command.object, "at": tx.now}
        tx.run(_INSERT, id=command.id, name=command.name, result=result, **who)
        detail = {**command.detail, "command": command.id, "expected_version": command.expected_version}
        tx.run(_INSERT_AUDIT, action=command.name, detail=detail, **who)
        return result

    return run


def _stored(row: Row[Any], command: Command) -> Any:
    if (row.name, row.actor, row.object) != (command.name, command.actor, command.object):
        msg = f"command id {command.id} was used for {row.name} of {row.object} already; choose a new one"
        raise IdReused(msg)
    return row.result
