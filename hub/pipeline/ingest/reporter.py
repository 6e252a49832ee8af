"""Tells the database what a journal holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hub.errors import StoreUnavailable
from hub.pipeline.ingest.mark import Mark
from hub.pipeline.ingest.parts import BY
from hub.ports import Store
from hub.store import journals, restores
from hub.store.transaction import Origin, UnitOfWork


class WentBack(StoreUnavailable):
    """The database forgot what it knew: it is looked at anew before anything more is written."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("it knows less than it did; it was restored from a back-up")


class Reporter:
    """Reports one journal, which makes it known; each report is also the word that the database lost nothing."""

    def __init__(self, store: Store, host: str, *, leaves: Callable[[], bool] = lambda: False) -> None:
        """Report under the name of a machine.

        Args:
            store: The database.
            host: The machine that has the journal.
            leaves: Tells that the journal is being given up, so that nobody is to wait for it any more.
        """
        self._store = store
        self._host = host
        self._leaves = leaves

    async def report(self, mark: Mark, pending: int, since: datetime | None) -> Mark:
        """Say how many deliveries wait, since when the oldest does; return the mark for where the database stands.

        Raises:
            WentBack: The database knows less than the mark.
            StoreUnavailable: The database cannot serve now.
        """
        era = await self._store.read(restores.era)
        if mark.era.has_lost(era):
            raise WentBack

        def write(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin("", BY, "hub"))
            # In this order: one that was struck off while it was given up stays so.
            if not journals.report(tx, mark.journal, self._host, pending, since) and not self._leaves():
                journals.enrol(tx, mark.journal, self._host)
                journals.report(tx, mark.journal, self._host, pending, since)

        await self._store.transact(write, name="ingest.report")
        return mark.of(era)
