"""What was given up on: added with reason, owner, next step; settled by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.engine import Row

from hub.errors import NotFound, StaleVersion
from hub.store.tables import dead_letters
from hub.store.transaction import Transaction
from hub.telemetry import metrics
from schemas import ids
from schemas.operations import DeadLetterAdded, ReasonClass

NEXT_STEPS_ES: Final[dict[ReasonClass, str]] = {
    "unreadable": "Revisa el original; si el proveedor cambió su formato, actualiza el conector y reinténtalo.",
    "stale": "Llegó con más de 14 días de retraso; atiéndelo a mano o descártalo.",
    "permanent": "No se va a poder tal como está; corrige la causa que indica el motivo y reinténtalo.",
    "exhausted": "Falló en todos los intentos; corrige la causa que indica el motivo y reinténtalo.",
    "poison": "Detuvo al hub tres veces; avisa a Desarrollo antes de reintentarlo.",
    "foreign": "Alguien más escribe en los tópicos del hub; revisa sus permisos en Kafka y descártalo.",
    "ours": "Es un error del hub; avisa a Desarrollo con el identificador y reinténtalo tras la corrección.",
}

_INSERT: Final = insert(dead_letters)
_BY_ID: Final = select(dead_letters).where(dead_letters.c.id == bindparam("id"))
_LIST: Final = (
    select(dead_letters)
    .where(dead_letters.c.state == bindparam("state"))
    .order_by(dead_letters.c.position)
    .limit(bindparam("limit"))
)
_COUNT_OPEN: Final = select(func.count()).select_from(dead_letters).where(dead_letters.c.state == "open")
_SETTLE: Final = (
    update(dead_letters)
    .where(dead_letters.c.id == bindparam("letter"), dead_letters.c.version == bindparam("expected"))
    .values(
        state=bindparam("new_state"),
        settled_at=bindparam("at"),
        settled_by=bindparam("actor"),
        version=dead_letters.c.version + 1,
    )
)
_TRIED_AGAIN: Final = (
    update(dead_letters)
    .where(dead_letters.c.id == bindparam("letter"))
    .values(attempts=bindparam("history"), reason=bindparam("why"), version=dead_letters.c.version + 1)
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known when something is given up on.

    Attributes:
        scope: ``event`` (a group's), ``item`` (of a delivery), ``delivery`` (as a whole), ``copy`` (which subscribers
            do not get) or ``record`` (of a topic, nobody's).
        item: Id of the event or delivery; ``item_index`` names the item of a delivery.
        origin: Where it came from, for people: topic with position, or connector with journal place.
        attempts: One entry a try: ``{"at": instant, "error": text}``.
        identity: What makes it the same thing when it comes again in another delivery; its item by default.
    """

    scope: str
    group: str
    item: str
    key: str
    type: str
    origin: str
    reason_class: ReasonClass
    reason: str
    owner: str
    item_index: int = 0
    attempts: Sequence[dict[str, Any]] = ()
    identity: str = ""

    @property
    def id(self) -> str:
        """The same failure of the same thing has the same id."""
        identity = self.identity or f"{self.item}/{self.item_index}"
        return "dd_" + ids.digest("letter", self.scope, self.group, identity)


def add(tx: Transaction, letter: Letter) -> bool:
    """Put a thing among the dead letters, with the event that says so; False when it is there already."""
    if tx.one(_BY_ID, id=letter.id) is not None:
        return False
    next_step = NEXT_STEPS_ES[letter.reason_class]
    tx.run(
        _INSERT,
        id=letter.id,
        scope=letter.scope,
        group=letter.group,
        item=letter.item,
        item_index=letter.item_index,
        key=letter.key,
        type=letter.type,
        origin=letter.origin,
        reason_class=letter.reason_class,
        reason=letter.reason,
        owner=letter.owner,
        next_step_es=next_step,
        attempts=list(letter.attempts),
        state="open",
        added_at=tx.now,
        version=1,
    )
    tx.state(
        DeadLetterAdded(
            dead_letter_id=letter.id,
            origin=letter.origin,
            group=letter.group,
            reason_class=letter.reason_class,
            reason=letter.reason,
            owner=letter.owner,
            next_step_es=next_step,
        ),
        key=f"dead_letter:{letter.id}",
        subject=letter.item,
    )
    metrics.dead.labels(letter.group, letter.reason_class).inc()
    return True


def get(tx: Transaction, letter_id: str) -> Row[Any]:
    """Return one dead letter.

    Raises:
        NotFound: There is none of that id.
    """
    found = tx.one(_BY_ID, id=letter_id)
    if found is None:
        msg = f"there is no dead letter {letter_id}"
        raise NotFound(msg)
    return found


def listing(tx: Transaction, state: str = "open", limit: int = 100) -> Sequence[Row[Any]]:
    """Return dead letters of a state, oldest first."""
    return tx.all(_LIST, state=state, limit=limit)


def count_open(tx: Transaction) -> int:
    """Return how many wait for a person."""
    found = tx.one(_COUNT_OPEN)
    return int(found[0]) if found else 0


def settle(tx: Transaction, letter: Row[Any], state: str) -> None:
    """End a dead letter as ``redriven`` or ``discarded``.

    Raises:
        StaleVersion: Somebody else changed it meanwhile.
    """
    touched = tx.run(
        _SETTLE, letter=letter.id, expected=letter.version, new_state=state, at=tx.now, actor=tx.origin.actor
    )
    if touched == 0:
        msg = f"dead letter {letter.id} was changed meanwhile; look at it again"
        raise StaleVersion(msg)


def tried_again(tx: Transaction, letter: Row[Any], error: str) -> None:
    """Add a failed redrive to a dead letter's history."""
    retell(tx, letter, [*letter.attempts, {"at": tx.now.isoformat(), "error": error}], error)


def retell(tx: Transaction, letter: Row[Any], history: Sequence[dict[str, Any]], reason: str) -> None:
    """Give a dead letter another history with another reason."""
    tx.run(_TRIED_AGAIN, letter=letter.id, history=list(history), why=reason)
