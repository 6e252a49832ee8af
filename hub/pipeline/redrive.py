"""Gives a dead letter back to what refused it: that one thing alone, at the time of the redrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.engine import Row

from hub.contracts import Connector, Handler, RawDelivery
from hub.errors import NotFound, Permanent, StaleVersion
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.consumer.attempt import NO_FAULT_OF_THE_EVENT, InLine, PolicyMoved
from hub.pipeline.ingest.parts import Parsed, Part, parse
from hub.pipeline.ingest.recorder import Recorder
from hub.pipeline.journal import Cursor, Entry
from hub.ports import Store
from hub.services import dead_letters
from hub.store import deliveries, events, publications
from hub.store.transaction import KEY, Origin, UnitOfWork

Work = Callable[[UnitOfWork], None]


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
            StaleVersion: Somebody else tried it meanwhile, in vain.
            StoreUnavailable: The database cannot serve; nothing happened.
        """
        letter = await self._store.read(lambda tx: dead_letters.get(tx, letter_id))
        if letter.state != "open":
            return None
        origin = Origin(letter.id, "redrive", actor)
        prepare = await self._preparation(letter)
        try:
            work = await prepare()

            def again(unit: UnitOfWork) -> None:
                work(unit)
                dead_letters.settle(unit.begin(origin), letter, "redriven")

            await self._store.transact(again, name="redrive")
        except StaleVersion:
            if (await self._store.read(lambda tx: dead_letters.get(tx, letter_id))).state == "open":
                raise
            return None
        except NO_FAULT_OF_THE_EVENT:
            raise
        except PolicyMoved:
            return await self.redrive(letter_id, actor)
        except Exception as error:  # noqa: BLE001 - whatever it raises is why it failed again
            why = failures.describe(error)
            await self._store.transact(
                lambda unit: dead_letters.tried_again(unit.begin(origin), letter, why), name="redrive.failed"
            )
            return why
        return None

    async def _preparation(self, letter: Row[Any]) -> Callable[[], Awaitable[Work]]:
        if letter.scope == "event":
            return await self._of_event(letter)
        if letter.scope == "record":
            msg = "a foreign record is nobody's to try again; discard it"
            raise NotFound(msg)
        return self._of_copy(letter) if letter.scope == "copy" else await self._of_delivery(letter)

    @staticmethod
    def _of_copy(letter: Row[Any]) -> Callable[[], Awaitable[Work]]:
        """Let the relay send the event again."""

        def send_again(unit: UnitOfWork) -> None:
            if not publications.forget(unit.begin(Origin(letter.id, "redrive", "hub")), letter.item):
                msg = f"the event {letter.item} is no longer kept"
                raise NotFound(msg)

        async def prepare() -> Work:
            return send_again

        return prepare

    async def _of_event(self, letter: Row[Any]) -> Callable[[], Awaitable[Work]]:
        handler = self._handlers.get(letter.group)
        if handler is None:
            msg = f"no handler has the group {letter.group} any more"
            raise NotFound(msg)
        row, policies = await self._store.read(lambda tx: (events.get(tx, letter.item), tx.policies))
        if row is None:
            msg = f"the event {letter.item} is no longer kept"
            raise NotFound(msg)

        async def prepare() -> Work:
            (prepared,) = await attempt.prepare_all(handler, [InLine(row, None)], policies)

            def work(unit: UnitOfWork) -> None:
                unit.begin(Origin(letter.id, "redrive", "hub")).lock(KEY, [row.key])
                attempt.handle_one(handler, unit, prepared)

            return work

        return prepare

    async def _of_delivery(self, letter: Row[Any]) -> Callable[[], Awaitable[Work]]:
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
        whole = letter.scope == "delivery"

        async def prepare() -> Work:
            parsed = await asyncio.to_thread(parse, Entry(delivery, Cursor(0, "", 0)), self._connectors)
            return lambda unit: work(unit, parsed)

        def work(unit: UnitOfWork, parsed: Parsed) -> None:
            if parsed.refusal is not None:
                raise Permanent(parsed.refusal[1])
            # Of a delivery that was given up in its midst the items before were recorded.
            start = row.items if whole else letter.item_index
            items = parsed.items[start:] if whole else parsed.items[start : start + 1]
            if not whole and not items:
                msg = f"the delivery has {len(parsed.items)} items as this code reads it, none at {letter.item_index}"
                raise Permanent(msg)
            part = Part(Parsed(parsed.entry, parsed.channel, items), start, items, parsed.entry.after, last=True)
            Recorder(unit, [part], redrive="delivery" if whole else "item").record()

        return prepare
