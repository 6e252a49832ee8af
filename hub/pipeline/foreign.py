"""Tells people of records on our own topic that nobody of us wrote."""

from __future__ import annotations

from collections.abc import Callable

from hub.services import dead_letters
from hub.services.dead_letters import Letter
from hub.store.transaction import Origin, UnitOfWork

SCOPE = "record"
"""There is nothing to try again: such a letter can only be discarded."""


def note(topic: str, count: int) -> Callable[[UnitOfWork], None]:
    """Return the function that counts foreign records: one dead letter a topic with hour, however many come."""

    def work(unit: UnitOfWork) -> None:
        hour = f"{topic}/{unit.now:%Y-%m-%dT%H}"
        tx = unit.begin(Origin(f"foreign/{hour}", "bus", "hub"))
        letter = Letter(
            scope=SCOPE,
            group="hub.log",
            item=hour,
            key=f"foreign:{topic}",
            type="unknown",
            origin=topic,
            reason_class="foreign",
            reason=_told(count),
            owner="operations",
            attempts=[{"at": unit.now.isoformat(), "error": _told(count), "count": count}],
        )
        if dead_letters.add(tx, letter):
            return
        known = dead_letters.get(tx, letter.id)
        total = count + sum(one["count"] for one in known.attempts)
        history = [{"at": unit.now.isoformat(), "error": _told(total), "count": total}]
        dead_letters.retell(tx, known, history, _told(total))

    return work


def _told(count: int) -> str:
    return f"{count} records speak of no event of ours"
