"""Gives a dead letter back to what refused it: that one thing alone, at the time of the redrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from hub.contracts import Connector, Handler, RawDelivery
from hub.errors import NotFound, Permanent, StaleVersion, StoreUnavailable
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.ingest.parts import Parsed, Part, parse
from hub.pipeline.ingest.recorder import Recorder
from hub.pipeline.journal import Cursor, Entry
from hub.ports import Store
from hub.services import dead_letters
from hub.store import deliveries, events
from hub.store.transaction import Origin, UnitOfWork


class Redriver:
    """Redrives dead letters with the code that runs now."""

    def __init__(self, store: Store, connectors: Mapping[str, Connector], handlers: Mapping[str, Handler]) -> None:
        """Work on ``store``."""
        self._store = store
        self._connectors = connectors
        self._handlers = handlers

    async def redrive(self, letter_id: str, actor: str) -> str | None:
        """Try one dead letter again; return None when it is done, else why it failed again.

        A letter that was settled before is left alone, so redriving twice is safe.

        Raises:
            NotFound: There is no such letter, or what it speaks of is gone.
            StoreUnavailable: The database cannot serve; nothing happened.
        """
        letter = await self._store.read(lambda tx: dead_letters.get(tx, letter_id))
        if letter.state != "open":
            return None
        work = await self._event_work(letter) if letter.scope == "event" else await self._delivery_work(letter)

        def again(unit: UnitOfWork) -> None:
            work(unit)
            tx = unit.begin(Origin(letter.id, "redrive", actor))
            dead_letters.settle(tx, letter, "redriven")

        try:
            await self._store.transact(again, name="redrive")
        except (StoreUnavailable, StaleVersion):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it raises is why it failed again
            why = failures.describe(error)
            await self._store.transact(
                lambda unit: dead_letters.tried_again(unit.begin(Origin(letter.id, "redrive", actor)), letter, why),
                name="redrive.failed",
            )
            return why
        return None

    async def _event_work(self, letter: Row[Any]) -> Any:
        handler = self._handlers.get(letter.group)
        if handler is None:
            msg = f"no handler has the group {letter.group} any more"
            raise NotFound(msg)
        row, policies = await self._store.read(lambda tx: (events.get(tx, letter.item), tx.policies))
        if row is None:
            msg = f"the event {letter.item} is no longer kept"
            raise NotFound(msg)

        def work(unit: UnitOfWork) -> None:
            attempt.handle_one(handler, unit, attempt.prepare(handler, row, policies))

        return work

    async def _delivery_work(self, letter: Row[Any]) -> Any:
        row = await self._store.read(lambda tx: deliveries.get(tx, letter.item))
        if row is None:
            msg = f"the delivery {letter.item} is no longer kept"
            raise NotFound(msg)
        delivery = RawDelivery(
            id=row.id,
            connector=row.connector,
            app=row.app,
            received_at=row.received_at,
            method=row.method,
            path=row.path,
            headers=row.headers,
            body=row.body,
        )
        parsed = parse(Entry(delivery, Cursor(0, "", 0)), self._connectors)
        whole = letter.scope == "delivery"

        def work(unit: UnitOfWork) -> None:
            if parsed.refusal is not None:
                raise Permanent(parsed.refusal[1])
            items = parsed.items if whole else parsed.items[letter.item_index : letter.item_index + 1]
            start = 0 if whole else letter.item_index
            part = Part(Parsed(parsed.entry, parsed.channel, items), start, items, parsed.entry.after, last=True)
            Recorder(unit, [part], redrive="delivery" if whole else "item").record()

        return work
