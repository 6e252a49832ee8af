"""Shows what a handler would do with events of the past, without any of it happening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.contracts import Handler
from hub.errors import NotFound
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.consumer.attempt import NO_FAULT_OF_THE_EVENT, InLine, PolicyMoved
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
        changed: Ids of those that say something else than then.
        error: Why it would fail, None when it would not.
    """

    event_id: str
    stated: tuple[tuple[str, str], ...] = ()
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    error: str | None = None


async def replay(store: Store, handler: Handler, event_ids: Sequence[str]) -> list[Replayed]:
    """Run a handler on past events in transactions that always roll back.

    Effects, timers, tickets: all are rows of the transaction, so none of them can leave (OP-13).

    Raises:
        NotFound: An event is not kept.
        StoreUnavailable: The database cannot serve now.
    """
    return [await _replay_one(store, handler, event_id) for event_id in event_ids]


async def _replay_one(store: Store, handler: Handler, event_id: str) -> Replayed:
    row, before, policies = await store.read(
        lambda tx: (events.get(tx, event_id), events.caused_by(tx, event_id), tx.policies)
    )
    if row is None:
        msg = f"the event {event_id} is not kept"
        raise NotFound(msg)
    try:
        (prepared,) = await attempt.prepare_all(handler, [InLine(row, None)], policies)

        def run(unit: UnitOfWork) -> tuple[tuple[str, str, str], ...]:
            attempt.handle_one(handler, unit, prepared)
            stated = tuple((s.event.id, s.event.type, s.data_json) for s in unit.stated)
            unit.stated.clear()
            return stated

        stated = await store.rehearse(run, name=f"replay.{handler.group}")
    except NO_FAULT_OF_THE_EVENT:
        raise
    except PolicyMoved:
        return await _replay_one(store, handler, event_id)
    except Exception as error:  # noqa: BLE001 - the report says how it would fail
        return Replayed(event_id, error=failures.describe(error))
    then = {one.id: one.data for one in before if one.source == f"/hub/{handler.group}"}
    now = {id_: data for id_, _, data in stated}
    return Replayed(
        event_id,
        stated=tuple((type_, data) for _, type_, data in stated),
        new=tuple(sorted(now.keys() - then.keys())),
        missing=tuple(sorted(then.keys() - now.keys())),
        changed=tuple(sorted(id_ for id_ in now.keys() & then.keys() if now[id_] != then[id_])),
    )
