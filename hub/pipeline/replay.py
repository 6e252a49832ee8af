"""Shows what a handler would do with events of the past, without any of it happening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.contracts import Handler
from hub.errors import NotFound
from hub.pipeline.consumer import attempt, failures
from hub.ports import Store
from hub.store import events
from hub.store.transaction import UnitOfWork


@dataclass(frozen=True, slots=True)
class Replayed:
    """What handling one event again would write.

    Attributes:
        stated: Type with data of each event that it would state now.
        new: Ids of those that were not stated when it was handled first.
        missing: Ids of those that were stated then, by the same group, yet would not be now.
        error: Why it would fail, None when it would not.
    """

    event_id: str
    stated: tuple[tuple[str, str], ...] = ()
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    error: str | None = None


async def replay(store: Store, handler: Handler, event_ids: Sequence[str]) -> list[Replayed]:
    """Run a handler on past events in transactions that always roll back.

    Effects, timers, tickets: all are rows of the transaction, so none of them can leave (OP-13).

    Raises:
        NotFound: An event is not kept.
    """
    return [await _replay_one(store, handler, event_id) for event_id in event_ids]


async def _replay_one(store: Store, handler: Handler, event_id: str) -> Replayed:
    row, before, policies = await store.read(
        lambda tx: (events.get(tx, event_id), events.caused_by(tx, event_id), tx.policies)
    )
    if row is None:
        msg = f"the event {event_id} is not kept"
        raise NotFound(msg)

    def run(unit: UnitOfWork) -> tuple[tuple[str, str, str], ...]:
        attempt.handle_one(handler, unit, attempt.prepare(handler, row, policies))
        stated = tuple((s.event.id, s.event.type, s.data_json) for s in unit.stated)
        unit.stated.clear()
        return stated

    try:
        stated = await store.rehearse(run, name=f"replay.{handler.group}")
    except Exception as error:  # noqa: BLE001 - the report says how it would fail
        return Replayed(event_id, error=failures.describe(error))
    then = {one.id for one in before if one.source == f"/hub/{handler.group}"}
    now = {id_ for id_, _, _ in stated}
    return Replayed(
        event_id,
        stated=tuple((type_, data) for _, type_, data in stated),
        new=tuple(sorted(now - then)),
        missing=tuple(sorted(then - now)),
    )
