"""The store's contract: the same bytes on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from sqlalchemy import insert, select

from hub.ports import Store
from hub.store.tables import audit, counters, events
from hub.store.transaction import UnitOfWork
from tests.contracts.store.base import Contract, alert, tx_of

TEXTS: Final = {
    "emoji": "Factura 👩🏽‍💻 no timbra 🧾",
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd\u202c \u0645\u0631\u062d\u0628\u0627",
    "combining": "e\u0301 é ñ \u200b\ufeff",
    "controls": "a\x01\x1f\x7f\x85\u2028b\r\n\t",
    "quotes": "'; DROP TABLE events; -- \"\\ %s :name",
    "empty": "",
    "blank ends": "  a  ",
    "long": "ñ" * (1024 * 1024 // 2),
}


class ValueContract(Contract):
    """What goes in comes out, or is refused on every engine."""

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    async def test_text_comes_back_as_it_went_in(self, store: Store, text: str) -> None:
        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            row = {"at": tx.now, "actor": text, "action": "a", "object": "o", "detail": {text: [text, None, 1.5]}}
            tx.run(insert(audit), **row)
            tx.state(alert(text), key="k")

        await store.transact(work, name="work")

        (row,) = await store.read(lambda tx: tx.all(select(audit)))
        assert (row.actor, row.detail) == (text, {text: [text, None, 1.5]})
        assert await self.log(store) == [text]

    async def test_a_nul_is_refused_in_text_but_kept_in_json(self, store: Store) -> None:
        async def write(name: str, detail: object) -> None:
            await store.transact(
                lambda unit: tx_of(unit).run(
                    insert(audit), at=unit.now, actor=name, action="a", object="o", detail=detail
                ),
                name="write",
            )

        with pytest.raises(ValueError, match="NUL"):
            await write("a\0b", {})
        await write("a", {"text": "a\0b"})

        (row,) = await store.read(lambda tx: tx.all(select(audit)))
        assert (row.actor, row.detail) == ("a", {"text": "a\0b"})

    async def test_half_a_surrogate_pair_is_refused(self, store: Store) -> None:
        with pytest.raises(UnicodeEncodeError):
            await store.transact(
                lambda unit: tx_of(unit).run(insert(counters), name="\ud83d", value=1), name="surrogate"
            )

    @pytest.mark.parametrize(
        "instant",
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 11, 22, 8, 30, 15, 123_456, tzinfo=timezone(-timedelta(hours=6))),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
        ids=str,
    )
    async def test_an_instant_keeps_its_microseconds(self, store: Store, instant: datetime) -> None:
        await store.transact(
            lambda unit: tx_of(unit).state(alert("1"), key="k", time=instant),
            name="state",
        )

        (row,) = await store.read(lambda tx: tx.all(select(events.c.time)))
        assert row.time == instant
        assert row.time.tzinfo == UTC

    async def test_an_instant_without_a_zone_is_refused(self, store: Store) -> None:
        naive = datetime(2026, 11, 22)  # noqa: DTZ001 - that is the point

        with pytest.raises(TypeError):
            await store.transact(lambda unit: tx_of(unit).state(alert("1"), key="k", time=naive), name="state")

    async def test_large_numbers_stay_exact(self, store: Store) -> None:
        await store.transact(
            lambda unit: tx_of(unit).run(
                insert(audit), at=unit.now, actor="a", action="a", object="o", detail={"n": 2**62}
            ),
            name="write",
        )

        (row,) = await store.read(lambda tx: tx.all(select(audit.c.detail)))
        assert row.detail == {"n": 2**62}
